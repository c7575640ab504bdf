"""An LMM from a local folder or the hub: safetensors only, no code of the model's own, one line for what is wrong."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from reasoning.lmm.attention import install
from reasoning.lmm.chat import Chat
from reasoning.lmm.families import Family, find_family
from runtime.errors import ModelError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


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

    Raises ModelError: pickle weights, no tokenizer, a family we do not know, a text-only model, not reachable.
    """
    folder = Path(name)
    if folder.is_file():
        raise ModelError(name, "is a file; name its folder")
    if not folder.exists() and (folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1):
        raise ModelError(name, "no such folder, and a hub id has one slash, like owner/name")
    if folder.is_dir():
        _check_folder(folder)
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each retry is a warning of its own, twice
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": is_offline or folder.is_dir()}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        if config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
            raise ModelError(name, f"is a {config.model_type} model, which sees no pictures")
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model = AutoModelForImageTextToText.from_pretrained(
            name, config=config, use_safetensors=True, dtype=dtype, attn_implementation="sdpa", **options
        )
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        where = "" if folder.is_dir() else " (no such folder here, so it was looked for on the hub)"
        raise ModelError(name, f"cannot be loaded{where}: {_first_line(error)}") from error
    mean, deviation = _normalisation(folder)
    family = find_family(model, mean, deviation)
    torch.nn.Module.to(model, device).eval()
    install(model)
    return Lmm(
        name=name,
        model=model,
        family=family,
        chat=Chat(tokenizer, _stops(model)),
        context_tokens=int(family.text.config.max_position_embeddings),
    )


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


def _normalisation(folder: Path) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return mean and deviation of pictures where the folder names them; else the family's own are taken."""
    path = folder / "preprocessor_config.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return tuple(map(float, known["image_mean"])), tuple(map(float, known["image_std"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
