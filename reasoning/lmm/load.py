"""An LMM from a local folder or the hub: safetensors only, no code of the model's own, one line for what is wrong.

What a folder may hold is anybody's: damaged, of another model, or of half a model, whose other half would be random.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.utils.hub import cached_file

from reasoning.lmm.attention import install
from reasoning.lmm.chat import Chat
from reasoning.lmm.families import TYPES, Family, find_family, unknown
from reasoning.lmm.rotary import hold
from runtime.errors import ModelError

logger = logging.getLogger(__name__)

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
NO_MEMORY = "can't allocate memory"  # how torch says it on a CPU
WITH_A_VOICE = "qwen2_5_omni"  # thinker, talker and waves in one folder; the thinker alone is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Lmm:
    """A model that is ready to watch."""

    name: str
    model: Any
    family: Family
    chat: Chat
    context_tokens: int  # that it was made to read at once


def load_lmm(name: str, *, device: str = "cpu", dtype: torch.dtype = torch.float32, is_offline: bool = False) -> Lmm:
    """Return the model in a folder, or of a hub id, with our attention in its decoder.

    Raises ModelError: pickle weights or missing ones, no tokenizer, a family we do not know, a text-only model, no room
    on the device, not reachable.
    """
    folder = Path(name).expanduser()
    if folder.is_file():
        raise ModelError(name, "is a file; name its folder")
    if not folder.exists() and (folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1):
        raise ModelError(name, "no such folder, and a hub id has one slash, like owner/name")
    if folder.is_dir():
        _check_folder(folder)
    place = str(folder) if folder.is_dir() else name
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # what it reports of weights is refused here, in one line
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each retry is a warning of its own, twice
    load = partial(_loaded, name, place, device, dtype)
    if folder.is_dir() or is_offline:
        return load(is_local=True)
    if isinstance(try_to_load_from_cache(name, "config.json"), str):  # fetched before: without a network it starts too
        try:
            return load(is_local=True)
        except Incomplete:
            logger.info("%s is not whole here; the rest is fetched", name)
    return load(is_local=False)


class Incomplete(ModelError):
    """A file of a model is not there."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that a device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or NO_MEMORY in str(error)


def _loaded(name: str, place: str, device: str, dtype: torch.dtype, *, is_local: bool) -> Lmm:
    options = {"trust_remote_code": False, "local_files_only": is_local}
    with _reading(name, "its config.json", is_local=is_local):
        config = AutoConfig.from_pretrained(place, **options)
    if config.model_type == WITH_A_VOICE:
        config = config.thinker_config
    if config.model_type not in TYPES:  # before gigabytes are fetched and read
        is_blind = config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        what = f"is a {config.model_type} model, "
        raise ModelError(name, what + ("which sees no pictures" if is_blind else unknown()))
    with _reading(name, "its tokenizer", is_local=is_local):
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        if tokenizer.chat_template is None:  # older models keep it beside their processor
            tokenizer.chat_template = _json(place, "chat_template.json", is_local=is_local).get("chat_template")
    with _reading(name, "its weights", is_local=is_local):
        read: Any = AutoModelForImageTextToText.from_pretrained(
            place,
            config=config,
            use_safetensors=True,
            dtype=dtype,
            attn_implementation="sdpa",
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused by name
            **options,
        )
    model, report = read
    _check_weights(name, report)
    _check_tokenizer(name, tokenizer, model)
    with _reading(name, "its preprocessor_config.json", is_local=is_local):
        mean, deviation = _normalisation(place, is_local=is_local)
    family = find_family(model, mean, deviation)
    try:
        hold(family.text)
    except ModelError as error:
        raise ModelError(name, f"{error.model} {error.reason}") from error
    with _reading(name, f"on {device} it", is_local=is_local):
        torch.nn.Module.to(model, device).eval()
    install(model)
    return Lmm(
        name=name,
        model=model,
        family=family,
        chat=Chat(tokenizer, _stops(model)),
        context_tokens=int(family.text.config.max_position_embeddings),
    )


@contextmanager
def _reading(name: str, what: str, *, is_local: bool) -> Iterator[None]:
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


def _stops(model: Any) -> list[int]:
    """Return the tokens that end an answer, as the model's generation settings name them."""
    ends = model.generation_config.eos_token_id if model.generation_config is not None else None
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(str(folder), "holds no config.json, so it is no model folder")
    if not any(folder.glob("*.safetensors")):
        if any(found for pattern in PICKLES for found in folder.glob(pattern)):
            raise ModelError(str(folder), "holds pickle weights only, which may run code; convert them to safetensors")
        raise ModelError(str(folder), "holds no weights (*.safetensors)")
    if not any((folder / one).is_file() for one in ("tokenizer.json", "tokenizer_config.json")):
        raise ModelError(str(folder), "holds no tokenizer (tokenizer.json)")


def _check_weights(name: str, report: Mapping[str, Any]) -> None:
    """Refuse a model of which a part is not there: transformers makes it up at random."""
    if wrong := sorted(report["mismatched_keys"]):
        key, found, wanted = wrong[0]
        raise ModelError(
            name,
            f"has weights that are not those of its config.json: {key} is {tuple(found)} instead of {tuple(wanted)}",
        )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(name, f"lacks {len(missing)} of its weights, {missing[0]} among them; fetch it anew")


def _check_tokenizer(name: str, tokenizer: Any, model: Any) -> None:
    known = model.get_input_embeddings().weight.shape[0]
    used = max(tokenizer.get_vocab().values(), default=-1) + 1
    if used > known:
        raise ModelError(name, f"has the tokenizer of another model: {used} tokens, of which its decoder knows {known}")


def _normalisation(place: str, *, is_local: bool) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return mean and deviation of pictures where the model names them; else the family's own are taken."""
    known = _json(place, "preprocessor_config.json", is_local=is_local)
    if not known:  # as transformers writes it since its version 5
        known = _json(place, "processor_config.json", is_local=is_local).get("image_processor") or {}
    try:
        return tuple(map(float, known["image_mean"])), tuple(map(float, known["image_std"]))
    except (ValueError, KeyError, TypeError):
        return None, None


def _json(place: str, file: str, *, is_local: bool) -> dict[str, Any]:
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


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
