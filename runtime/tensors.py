"""A message with tensors as one safetensors file: its plain fields are JSON in the metadata. Nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAFETENSORS_TYPE = "application/x-safetensors"
FIELDS = "message"  # the key in the metadata


def pack(text: str, tensors: Mapping[str, NDArray[np.float16]]) -> bytes:
    """Return the file that holds the JSON `text` and the tensors."""
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, metadata={FIELDS: text})


def unpack(payload: bytes, ranks: Mapping[str, int]) -> tuple[str, dict[str, NDArray[np.float16]]]:
    """Return what `pack` was given; `ranks` says how many dimensions each tensor has.

    Raises ValueError with one readable reason: no such file, other tensors, another type or shape, NaN or infinity.
    """
    try:
        tensors = load(payload)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is not a safetensors file ({error})") from error
    if tensors.keys() != ranks.keys():
        raise ValueError(f"holds the tensors {', '.join(sorted(tensors)) or 'of nobody'}, not {', '.join(ranks)}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float16 or tensor.ndim != ranks[name]:
            raise ValueError(f"{name} is {tensor.dtype} in {tensor.ndim} dimensions, not float16 in {ranks[name]}")
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name} holds NaN or infinity")
    return _fields(payload), tensors


def _fields(payload: bytes) -> str:
    size = int.from_bytes(payload[:8], "little")  # of the header, which safetensors has checked
    text = json.loads(payload[8 : 8 + size]).get("__metadata__", {}).get(FIELDS)
    if text is None:
        raise ValueError(f"has no {FIELDS!r} in its metadata")
    return str(text)
