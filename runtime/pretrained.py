"""Models of transformers from a local folder or the hub: safetensors only, no code of the model's own, no random part.

What a folder may hold is anybody's: damaged, of another model, or of half a model, whose other half would be random.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from transformers.utils.hub import cached_file

from runtime.errors import ModelError

logger = logging.getLogger(__name__)

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
NO_MEMORY = "can't allocate memory"  # how torch says it on a CPU

T = TypeVar("T")


class Incomplete(ModelError):
    """A file of a model is not there."""


def load_pretrained(
    name: str, load: Callable[[str, bool], T], *, is_offline: bool = False, has_tokenizer: bool = True
) -> T:
    """Return what `load` makes of a model's place, a folder or hub id, and of whether only files here may be read.

    Raises ModelError: no such folder or id, pickle weights or missing ones, no tokenizer where there should be one.
    """
    folder = Path(name).expanduser()
    if folder.is_file():
        raise ModelError(name, "is a file; name its folder")
    if not folder.exists() and (folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1):
        raise ModelError(name, "no such folder, and a hub id has one slash, like owner/name")
    if folder.is_dir():
        _check_folder(folder, has_tokenizer=has_tokenizer)
    place = str(folder) if folder.is_dir() else name
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # what it reports of weights is refused here, in one line
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each retry is a warning of its own, twice
    if folder.is_dir() or is_offline:
        return load(place, True)
    if isinstance(try_to_load_from_cache(name, "config.json"), str):  # fetched before: without a network it starts too
        try:
            return load(place, True)
        except Incomplete:
            logger.info("%s is not whole here; the rest is fetched", name)
    return load(place, False)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that a device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or NO_MEMORY in str(error)


@contextmanager
def reading(name: str, what: str, *, is_local: bool) -> Iterator[None]:
    """Tell in one line what of a model cannot be loaded, and why."""
    try:
        yield
    except Exception as error:  # transformers and its parts raise whatever a folder's content leads them to
        if is_out_of_memory(error):
            raise ModelError(name, "does not fit into memory; name a smaller one") from error
        if "trust_remote_code" in str(error):
            raise ModelError(
                name, "wants to run code of its own, which is never done; name one in the form of transformers (...-hf)"
            ) from error
        where = "" if is_local else " from the hub, and no such folder is here"
        kind = Incomplete if isinstance(error, OSError) else ModelError
        raise kind(name, f"{what} cannot be loaded{where}: {_short(error)}") from error


def check_weights(name: str, report: Mapping[str, Any]) -> None:
    """Refuse a model of which a part is not there: transformers makes it up at random."""
    if wrong := sorted(report["mismatched_keys"]):
        key, found, wanted = wrong[0]
        raise ModelError(
            name,
            f"has weights that are not those of its config.json: {key} is {tuple(found)} instead of {tuple(wanted)}",
        )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(name, f"lacks {len(missing)} of its weights, {missing[0]} among them; fetch it anew")


def read_json(place: str, file: str, *, is_local: bool) -> dict[str, Any]:
    """Return what a file of the model holds, nothing where there is none."""
    path = cached_file(
        place,
        file,
        local_files_only=is_local,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,  # a model that was fetched once needs no network
    )
    held = json.loads(Path(path).read_text(encoding="utf-8")) if path is not None else {}
    return held if isinstance(held, dict) else {}


def _check_folder(folder: Path, *, has_tokenizer: bool) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(str(folder), "holds no config.json, so it is no model folder")
    if not any(folder.glob("*.safetensors")):
        if any(found for pattern in PICKLES for found in folder.glob(pattern)):
            raise ModelError(str(folder), "holds pickle weights only, which may run code; convert them to safetensors")
        raise ModelError(str(folder), "holds no weights (*.safetensors)")
    if has_tokenizer and not any((folder / one).is_file() for one in ("tokenizer.json", "tokenizer_config.json")):
        raise ModelError(str(folder), "holds no tokenizer (tokenizer.json)")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
