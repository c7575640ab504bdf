"""What differs between the LMM families of transformers: how a picture becomes tokens, and where tokens stand.

`find_family` knows a model by its class. Two shapes cover six families: those that squeeze every picture into one
square (SmolVLM, InternVL, LLaVA-OneVision), with positions that count tokens; and Qwen's, with pictures of any shape,
positions of time, row and column, and in Qwen3-VL features that join the decoder's first layers (deepstack).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor

from reasoning.lmm.pack import grid_within, normalised, patches, pixels
from runtime.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HALF = (0.5, 0.5, 0.5)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTokens:
    """One picture as the decoder takes it, P = rows * columns."""

    tokens: Tensor  # (P, C)
    rows: int
    columns: int
    deepstack: tuple[Tensor, ...] = ()  # (P, C) each, added after the decoder's first layers


class Family(Protocol):
    """One LMM, whatever its family."""

    axes: int  # of a position: 1, or 3 for time, row and column
    marks: tuple[str, str]  # control tokens before and after a picture, as the family was taught
    text: Any  # the decoder
    head: Any  # hidden states -> logits

    def embed(self, ids: Tensor) -> Tensor:
        """ids (N,) -> tokens (N, C)."""

    def encode(self, image: NDArray[np.uint8], budget: int) -> FrameTokens:
        """image (H, W, 3) -> its tokens, at most `budget` where the family can choose."""

    def positions(self, frame: FrameTokens, start: int) -> tuple[Tensor, int]:
        """Return the positions (axes, P) of a picture that begins at `start`, and the position after it."""

    def listen(self, samples: NDArray[np.float32]) -> Tensor:
        """samples (T,) at 16 kHz, -1 to 1 -> tokens (N, C). Raises ModelError where the model hears nothing."""


TYPES = frozenset(
    {"smolvlm", "internvl", "llava_onevision", "qwen2_5_vl", "qwen3_vl", "qwen2_5_omni_thinker"}
)  # as configurations call them
SQUARE_MARKS = {
    "SmolVLMForConditionalGeneration": ("<fake_token_around_image><global-img>", "<fake_token_around_image>"),
    "InternVLForConditionalGeneration": ("<img>", "</img>"),
    "LlavaOnevisionForConditionalGeneration": ("", ""),
}


class SquareFamily:
    """Every picture is squeezed into one square."""

    axes = 1

    def __init__(self, model: Any, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        """Take a SmolVLM, InternVL or LLaVA-OneVision and how its pictures are normalised."""
        self._model = model
        self._mean, self._deviation = mean, deviation
        self.marks = SQUARE_MARKS[type(model).__name__]
        inner = model.model
        self.text: Any = inner.text_model if hasattr(inner, "text_model") else inner.language_model
        self.head: Any = model.lm_head
        side = model.config.vision_config.image_size
        self._side_px: int = side[0] if isinstance(side, list | tuple) else side

    def embed(self, ids: Tensor) -> Tensor:
        """ids (N,) -> tokens (N, C)."""
        return self.text.get_input_embeddings()(ids)  # type: ignore[no-any-return]

    def encode(self, image: NDArray[np.uint8], budget: int) -> FrameTokens:
        """image (H, W, 3) -> its tokens: always as many."""
        values = normalised(pixels(image, self._side_px, self._side_px), self._mean, self._deviation)
        values = values.to(self.head.weight.device, self.head.weight.dtype)
        tokens = self._features(values)
        side = round(len(tokens) ** 0.5)
        return FrameTokens(tokens=tokens, rows=side, columns=side)

    def positions(self, frame: FrameTokens, start: int) -> tuple[Tensor, int]:
        """Return one position per token, in reading order."""
        end = start + frame.rows * frame.columns
        return torch.arange(start, end)[None], end

    def listen(self, samples: NDArray[np.float32]) -> Tensor:
        """Refuse: these families see only."""
        raise ModelError(type(self._model).__name__, "hears nothing")

    def _features(self, values: Tensor) -> Tensor:
        inner = self._model.model
        match type(self._model).__name__:
            case "SmolVLMForConditionalGeneration":
                return inner.get_image_features(values[None, None]).pooler_output[0]  # type: ignore[no-any-return]
            case "InternVLForConditionalGeneration":
                return inner.get_image_features(values[None]).pooler_output[0]  # type: ignore[no-any-return]
            case _:  # LLaVA-OneVision treats frames of a stream as a video: pooled, with a newline token at the end
                return inner.get_video_features(values[None, None]).pooler_output[0][:-1]  # type: ignore[no-any-return]


class QwenFamily:
    """Pictures of any shape; positions have time, row and column."""

    axes = 3
    marks = ("<|vision_start|>", "<|vision_end|>")

    def __init__(self, model: Any, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        """Take a Qwen2.5-VL, Qwen3-VL or Qwen2.5-Omni thinker and how its pictures are normalised."""
        self._inner = model.model
        self._name = type(model).__name__
        self._mean, self._deviation = mean, deviation
        self.text: Any = self._inner.language_model
        self.head: Any = model.lm_head
        vision = model.config.vision_config
        self._patch_px: int = vision.patch_size
        self._merge: int = vision.spatial_merge_size
        self._frames: int = vision.temporal_patch_size

    def embed(self, ids: Tensor) -> Tensor:
        """ids (N,) -> tokens (N, C)."""
        return self.text.get_input_embeddings()(ids)  # type: ignore[no-any-return]

    def encode(self, image: NDArray[np.uint8], budget: int) -> FrameTokens:
        """image (H, W, 3) -> its tokens, at most `budget`."""
        packed, grid = self.packed(image, budget)
        rows, columns = (grid[0, 1:] // self._merge).tolist()
        seen = self._inner.get_image_features(packed, grid)
        layers = getattr(seen, "deepstack_features", None) or ()
        deepstack = tuple(one[0] if isinstance(one, tuple | list) else one for one in layers)  # per picture
        return FrameTokens(tokens=seen.pooler_output[0], rows=rows, columns=columns, deepstack=deepstack)

    def packed(self, image: NDArray[np.uint8], budget: int) -> tuple[Tensor, Tensor]:
        """image (H, W, 3) -> its patches (N, width) and their grid (1, 3), as the model's own forward takes them."""
        cell_px = self._patch_px * self._merge
        rows, columns = grid_within(image.shape[0], image.shape[1], cell_px, budget)
        values = normalised(pixels(image, rows * cell_px, columns * cell_px), self._mean, self._deviation)
        packed = patches(values, self._patch_px, self._merge, self._frames)
        packed = packed.to(self.head.weight.device, self.head.weight.dtype)
        return packed, torch.tensor([[1, rows * self._merge, columns * self._merge]], device=packed.device)

    @property
    def merged(self) -> int:
        """Return how many patches become one token."""
        return self._merge**2

    def positions(self, frame: FrameTokens, start: int) -> tuple[Tensor, int]:
        """Return time, row and column of each token: one moment, and a grid that begins at `start`."""
        row, column = torch.meshgrid(torch.arange(frame.rows), torch.arange(frame.columns), indexing="ij")
        place = start + torch.stack((torch.zeros_like(row), row, column)).flatten(1)  # (3, P)
        return place, start + max(frame.rows, frame.columns)

    def listen(self, samples: NDArray[np.float32]) -> Tensor:
        """samples (T,) at 16 kHz, -1 to 1 -> tokens (N, C), 25 a second. Raises ModelError where it hears nothing."""
        if not hasattr(self._inner, "audio_tower"):
            raise ModelError(self._name, "hears nothing")
        weight = self._inner.audio_tower.conv1.weight  # (width, mel bins, 3)
        extractor = WhisperFeatureExtractor(feature_size=weight.shape[1])
        heard = extractor(samples, sampling_rate=16_000, padding="longest", return_attention_mask=True)
        mel = torch.from_numpy(heard["input_features"]).to(weight.device, weight.dtype)  # (1, mel bins, T)
        mask = torch.from_numpy(heard["attention_mask"]).to(weight.device)
        return self._inner.get_audio_features(mel, mask).last_hidden_state  # type: ignore[no-any-return]


def find_family(
    model: Any, mean: tuple[float, ...] | None = None, deviation: tuple[float, ...] | None = None
) -> Family:
    """Return the adapter of a model; `mean` and `deviation` of its pictures where its folder names them.

    Raises ModelError for a model of another family, or one without a vision tower.
    """
    name = type(model).__name__
    match name:
        case "SmolVLMForConditionalGeneration" | "LlavaOnevisionForConditionalGeneration":
            return SquareFamily(model, mean or HALF, deviation or HALF)
        case "InternVLForConditionalGeneration":
            return SquareFamily(model, mean or IMAGENET[0], deviation or IMAGENET[1])
        case "Qwen3VLForConditionalGeneration":
            return QwenFamily(model, mean or HALF, deviation or HALF)
        case "Qwen2_5_VLForConditionalGeneration" | "Qwen2_5OmniThinkerForConditionalGeneration":
            return QwenFamily(model, mean or CLIP[0], deviation or CLIP[1])
        case _:
            raise ModelError(name, f"is {unknown()}")


def unknown() -> str:
    """Return what is said of a model that has no adapter here."""
    known = "SmolVLM, InternVL, LLaVA-OneVision, Qwen2.5-VL, Qwen3-VL and Qwen2.5-Omni"
    return f"of no family that can watch a stream; known are {known}"
