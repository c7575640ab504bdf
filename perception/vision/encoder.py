"""The video encoder: frames in, tokens out; what it has seen before is in a state of constant size.

DaViT (perception/vision/davit.py) makes a map of each frame. Two parts may follow, for models that we train: a causal
dual block, by which the tokens know what was there before, and a closer look, for which the tokens that told most ask
all others once more (DCAL, Zhu et al. 2022, arXiv:2205.02151). Without them a token is Florence-2's own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from perception.attention.causaldual import CausalDualBlock, DualState
from perception.attention.glca import GlobalLocalCrossAttention
from perception.attention.restart import restart
from perception.attention.rollout import mean_row
from perception.attention.selfattention import SelfAttentionBlock
from perception.vision.davit import HEAD_WIDTH, Davit, DavitShape
from perception.vision.pixels import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Resampling,
    check_frames,
    normalised,
    resized,
)

# For 120 x 160 pixels, which it takes as 80 tokens: windows fill the maps of its first two stages exactly.
YARD = DavitShape(widths=(32, 64, 96), depths=(1, 1, 1), heads=(1, 2, 3), groups=(1, 2, 3), window=5)
YARD_PX = (120, 160)
LOOK_SHARE = 0.3


class VideoState(NamedTuple):
    """What a batch of streams keeps between frames: nothing without a block over time, and before the first frame."""

    time: DualState | None = None


class CloserLook(nn.Module):
    """Let all tokens of a frame see each other, then those that most was drawn from once more."""

    def __init__(self, width: int, heads: int, share: float = LOOK_SHARE) -> None:
        super().__init__()
        self.all = SelfAttentionBlock(width, heads)
        self.best = GlobalLocalCrossAttention(width, heads, share, has_class=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) -> the same shape, the chosen tokens in their places."""
        x, q, k = self.all.look(x)
        local, places = self.best(x, mean_row([(q, k)]))
        return x.scatter(1, places[:, :, None].expand_as(local), local.to(x.dtype))


class VideoEncoder(nn.Module):
    """Frames of a batch of streams to tokens, a frame or a clip at a time."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        davit: Davit,
        *,
        size_px: tuple[int, int] | None = None,
        how: Resampling = "bicubic",
        mean: tuple[float, ...] = IMAGENET_MEAN,
        deviation: tuple[float, ...] = IMAGENET_DEVIATION,
        time: CausalDualBlock | None = None,
        look: CloserLook | None = None,
    ) -> None:
        """Take frames as (height, width) `size_px`, None: as they come; `time` and `look` follow DaViT if given."""
        super().__init__()
        self.davit = davit
        self.size_px = size_px
        self.how: Resampling = how
        self.time = time
        self.look = look
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation), persistent=False)

    @property
    def width(self) -> int:
        """Width of the tokens, C."""
        return self.davit.shape.width

    def start(self) -> VideoState:
        """Return the state before the first frame, of any number of streams."""
        return VideoState()

    def step(self, frames: Tensor, state: VideoState) -> tuple[Tensor, VideoState]:
        """Take the next frames (B, T, H, W, 3) uint8 -> tokens (B, T, N, C), and the state before the next ones.

        Without a `size_px` frames may change their size between two calls: then what was seen before is forgotten.
        Raises ValueError for what is no picture.
        """
        if frames.dim() != 5:
            raise ValueError(f"frames are (streams, times, height, width, 3), not {tuple(frames.shape)}")
        check_frames(frames)
        batch, count = frames.shape[:2]
        if self.size_px is None:
            values = frames.flatten(0, 1).permute(0, 3, 1, 2).float()
        else:
            values = resized(frames.flatten(0, 1), self.size_px, self.how)
        pixels = normalised(values, self.mean, self.deviation).to(self.davit.convs[0].conv.weight.dtype)  # type: ignore[union-attr, arg-type]
        maps = self.davit(pixels).unflatten(0, (batch, count))  # (B, T, C, h, w)
        if self.time is not None:
            maps, state = self._over_time(self.time, maps, state)
        tokens = maps.flatten(3).transpose(2, 3)  # (B, T, N, C)
        if self.look is not None:
            tokens = self.look(tokens.flatten(0, 1)).unflatten(0, (batch, count))
        return tokens, state

    def forward(self, frames: Tensor) -> Tensor:
        """Take whole clips: frames (B, T, H, W, 3) uint8 -> tokens (B, T, N, C)."""
        return self.step(frames, self.start())[0]

    def restart(self, state: VideoState, rows: Tensor) -> VideoState:
        """Return the state with the streams in `rows` (B,) bool as before their first frame."""
        return VideoState(None if state.time is None else restart(state.time, rows))

    def _over_time(self, block: CausalDualBlock, maps: Tensor, state: VideoState) -> tuple[Tensor, VideoState]:
        fresh = block.start(maps)
        fits = state.time is not None and _shapes(state.time) == _shapes(fresh)
        y, after = block.step(maps, state.time if fits and state.time is not None else fresh)
        return y, VideoState(after)


def yard_encoder() -> VideoEncoder:
    """Return the small encoder that is trained in the yard, with a memory of about a second and a closer look."""
    width, heads = YARD.width, YARD.width // HEAD_WIDTH
    return VideoEncoder(
        Davit(YARD),
        size_px=YARD_PX,
        how="bilinear",
        time=CausalDualBlock(width, heads, heads, (YARD.window, YARD.window), frames=2, decay=0.9),
        look=CloserLook(width, heads),
    )


def _shapes(state: object) -> list[tuple[int, ...]]:
    """Return the shapes of all tensors in a state, in order."""
    if isinstance(state, Tensor):
        return [tuple(state.shape)]
    assert isinstance(state, tuple)
    return [one for part in state for one in _shapes(part)]
