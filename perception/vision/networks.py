"""Networks of transformers that look at pictures: loaded whole, run without gradients, and refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from perception.vision.packing import Packing, packing_of
from runtime.errors import ModelError
from runtime.pretrained import check_weights, is_out_of_memory, read_json, reading

T = TypeVar("T")


def load_network(name: str, place: str, made: Any, device: str, *, is_local: bool) -> Any:
    """Return a model of one of transformers' classes, whole, on its device and in eval mode. Raises ModelError."""
    with reading(name, "its weights", is_local=is_local):
        model, report = made.from_pretrained(
            place,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused by name
            trust_remote_code=False,
            local_files_only=is_local,
        )
    check_weights(name, report)
    with reading(name, f"on {device} it", is_local=is_local):
        return model.to(device).eval()


def load_packing(name: str, place: str, usual: Packing, *, is_local: bool) -> Packing:
    """Return how a model wants its pictures. Raises ModelError."""
    about: Mapping[str, Any] = read_json(place, "preprocessor_config.json", is_local=is_local)
    if not about:  # as transformers writes it since its version 5
        about = read_json(place, "processor_config.json", is_local=is_local).get("image_processor") or {}
    with reading(name, "its preprocessor_config.json", is_local=is_local):
        return packing_of(about, usual)


def check_finite(name: str, *values: Tensor) -> None:
    """Raise ModelError where a value is not finite."""
    if not all(bool(one.isfinite().all()) for one in values):
        raise ModelError(name, "gave numbers that are not finite")


def ran(name: str, run: Callable[[], T]) -> T:
    """Run a model without gradients. Raises ModelError."""
    try:
        with torch.inference_mode():
            return run()
    except (RuntimeError, ValueError, IndexError, MemoryError) as error:
        what = "ran out of memory" if is_out_of_memory(error) else " ".join(str(error).split())[:200]
        raise ModelError(name, f"failed on a picture: {what}") from error
