"""An LMM from a local folder or the hub: safetensors only, no code of the model's own, one line for what is wrong.

What a folder may hold is anybody's: damaged, of another model, or of half a model, whose other half would be random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from reasoning.lmm.attention import install
from reasoning.lmm.chat import Chat
from reasoning.lmm.families import TYPES, Family, find_family, unknown
from reasoning.lmm.rotary import hold
from runtime.errors import ModelError
from runtime.pretrained import check_weights, load_pretrained, read_json, reading

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
    return load_pretrained(name, partial(_loaded, name, device, dtype), is_offline=is_offline)


def _loaded(name: str, device: str, dtype: torch.dtype, place: str, is_local: bool) -> Lmm:
    options = {"trust_remote_code": False, "local_files_only": is_local}
    with reading(name, "its config.json", is_local=is_local):
        config = AutoConfig.from_pretrained(place, **options)
    if config.model_type == WITH_A_VOICE:
        config = config.thinker_config
    if config.model_type not in TYPES:  # before gigabytes are fetched and read
        is_blind = config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        what = f"is a {config.model_type} model, "
        raise ModelError(name, what + ("which sees no pictures" if is_blind else unknown()))
    with reading(name, "its tokenizer", is_local=is_local):
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        if tokenizer.chat_template is None:  # older models keep it beside their processor
            tokenizer.chat_template = read_json(place, "chat_template.json", is_local=is_local).get("chat_template")
    with reading(name, "its weights", is_local=is_local):
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
    check_weights(name, report)
    _check_tokenizer(name, tokenizer, model)
    with reading(name, "its preprocessor_config.json", is_local=is_local):
        mean, deviation = _normalisation(place, is_local=is_local)
    family = find_family(model, mean, deviation)
    try:
        hold(family.text)
    except ModelError as error:
        raise ModelError(name, f"{error.model} {error.reason}") from error
    with reading(name, f"on {device} it", is_local=is_local):
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


def _check_tokenizer(name: str, tokenizer: Any, model: Any) -> None:
    known = model.get_input_embeddings().weight.shape[0]
    used = max(tokenizer.get_vocab().values(), default=-1) + 1
    if used > known:
        raise ModelError(name, f"has the tokenizer of another model: {used} tokens, of which its decoder knows {known}")


def _normalisation(place: str, *, is_local: bool) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return mean and deviation of pictures where the model names them; else the family's own are taken."""
    known = read_json(place, "preprocessor_config.json", is_local=is_local)
    if not known:  # as transformers writes it since its version 5
        known = read_json(place, "processor_config.json", is_local=is_local).get("image_processor") or {}
    try:
        return tuple(map(float, known["image_mean"])), tuple(map(float, known["image_std"]))
    except (ValueError, KeyError, TypeError):
        return None, None
