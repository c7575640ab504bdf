"""The configured reasoner: loading a model takes seconds and memory, so each is imported where it is chosen."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.backend import Backend, EvidenceBackend
from runtime.config import CONTEXTUAL_TOKENS, GroundingConfig, LmmConfig, ReasoningConfig, ServerConfig
from runtime.errors import MissingPart, ModelError

if TYPE_CHECKING:
    import torch

    from reasoning.lmm.load import Lmm
    from reasoning.lmm.looking import Methods
    from reasoning.lmm.stream import Budget
    from reasoning.watching import Engine

CHUNK = 256  # visual tokens that the decoder reads at once
MIB = 2**20
FAR = 8192  # positions: of large angles float32 is coarse


def make_backend(settings: ReasoningConfig, *, is_replay: bool) -> Backend:
    """Return what answers. Raises ModelError and MissingPart."""
    match settings.backend:
        case "evidence":
            return EvidenceBackend()
        case "transformers":
            return _watching(settings.lmm, is_replay=is_replay)
        case "openai":
            return _server(settings.server, is_replay=is_replay)


def _watching(settings: LmmConfig, *, is_replay: bool) -> Backend:
    from reasoning.watching import Limits, WatchingBackend

    engine = load_engine(settings)
    limits = Limits(
        answer_tokens=settings.answer_tokens,
        question_tokens=settings.question_tokens,
        deadline_s=None if is_replay else settings.deadline_s,
    )
    return WatchingBackend(engine, limits)


def load_engine(settings: LmmConfig) -> Engine:
    """Load the model that the settings name, with its budget and methods; sessions may share it. Raises ModelError."""
    from reasoning.lmm.level import null_level
    from reasoning.lmm.load import load_lmm
    from reasoning.prompt import EMPTY_LINES, SYSTEM
    from reasoning.watching import Engine
    from runtime.pretrained import is_out_of_memory

    assert settings.model is not None
    device = _device(settings.device)
    try:
        lmm = load_lmm(settings.model, device=device, dtype=_dtype(settings.dtype, device))
    except ModelError as error:
        raise ModelError(error.model, f"{error.reason} (reasoning.lmm.model)") from error
    budget, methods = _budget(settings, lmm), _methods(settings.grounding)
    level = settings.grounding.supported_above
    if level is None:
        try:
            level = null_level(lmm, budget, methods, SYSTEM, EMPTY_LINES)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise ModelError(
                lmm.name, f"leaves no room to work in the memory of {device}; name a smaller one"
            ) from error
    if methods.contrast is not None:  # drawn where an answer leans on nothing
        methods = replace(methods, contrast=replace(methods.contrast, reliance=level))
    return Engine(lmm, budget, methods, level)


def _budget(settings: LmmConfig, lmm: Lmm) -> Budget:
    from reasoning.lmm.stream import Budget

    asked = settings.question_tokens + settings.answer_tokens
    least = settings.window_tokens + settings.frame_tokens
    reach = lmm.context_tokens - asked  # dropped tokens keep their positions: a window may span more than it holds
    if reach < least:
        raise MissingPart(
            f"{lmm.name} reads {lmm.context_tokens} tokens at once, the window and a question take {least + asked}",
            "lower reasoning.lmm.window_tokens, question_tokens or answer_tokens",
        )
    return Budget(
        keep_rate=settings.keep_rate,
        frame_tokens=settings.frame_tokens,
        dominant=settings.frame_tokens,
        contextual=CONTEXTUAL_TOKENS,
        chunk=CHUNK,
        window=settings.window_tokens,
        recalled=settings.recalled_frames,
        room_bytes=settings.recall_mib * MIB,
        reach=reach,
        far=max(FAR, 2 * least),  # a large window is counted as far as it goes
    )


def _methods(settings: GroundingConfig) -> Methods:
    from reasoning.lmm.contrast import Contrast
    from reasoning.lmm.looking import Methods
    from reasoning.lmm.redistribute import Redistribution
    from reasoning.lmm.reinforce import Reinforcement

    louder = Reinforcement(gain=settings.gain, is_faithful=settings.two_rows)
    return Methods(
        redistribution=Redistribution(moved=settings.moved) if settings.weights == "redistribution" else None,
        reinforcement=louder if settings.outputs == "reinforcement" else None,
        contrast=Contrast(strength=settings.contrast) if settings.contrast else None,
    )


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise MissingPart("reasoning.lmm.device: no CUDA device is here", "write auto or cpu")
    if wanted.startswith("cuda:") and int(wanted[5:]) >= torch.cuda.device_count():
        raise MissingPart(f"reasoning.lmm.device: {wanted} is not here", f"cuda:{torch.cuda.device_count() - 1} is")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise MissingPart("reasoning.lmm.device: no Metal device is here", "write auto or cpu")
    return wanted


def _dtype(wanted: str, device: str) -> torch.dtype:
    import torch

    if wanted == "auto":
        return torch.bfloat16 if device.startswith("cuda") else torch.float32
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def _server(settings: ServerConfig, *, is_replay: bool) -> Backend:
    from reasoning.completions import Completions
    from reasoning.remote import RemoteBackend, Sending

    assert settings.url is not None
    assert settings.model is not None
    completions = Completions(
        settings.url,
        settings.model,
        os.environ.get("HEEDFUL_OPENAI_KEY", ""),
        tokens=settings.answer_tokens,
        stall_s=settings.stall_s,
    )
    sending = Sending(
        pictures=settings.pictures,
        characters=settings.prompt_characters,
        deadline_s=None if is_replay else settings.deadline_s,
    )
    return RemoteBackend(settings.model, completions, sending)
