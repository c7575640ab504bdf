"""DaViT (Ding et al. 2022, arXiv:2204.03645): a picture becomes a map, over stages of dual blocks.

Also its descendant in Florence-2 (Xiao et al. 2024, arXiv:2311.06242), which overlaps where it shrinks the map, has
larger windows and scales the scores of channels by the number of positions. The parameters are named as in
transformers' Florence-2 tower but for `attn` (see perception/attention/dual.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.dual import DualBlock

HEAD_WIDTH = 32  # of all published ones


@dataclass(frozen=True, slots=True, kw_only=True)
class DavitShape:
    """What weights alone do not tell, and how large the stages are; one number per stage."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]  # of window attention
    groups: tuple[int, ...]  # of channel attention
    window: int = 7
    scale: Literal["positions", "channels"] = "positions"
    shrink_kernel: Literal[2, 3] = 2  # of the convolution between two stages; 3 overlaps
    mlp_ratio: float = 4.0
    qkv_bias: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError where the parts do not fit each other."""
        sizes = {len(self.widths), len(self.depths), len(self.heads), len(self.groups)}
        if len(sizes) != 1 or not self.widths:
            raise ValueError("widths, depths, heads and groups need one number per stage")
        if min(*self.widths, *self.depths, *self.heads, *self.groups, self.window) < 1:
            raise ValueError("every size of a stage is at least 1")
        if any(w % h or w % g for w, h, g in zip(self.widths, self.heads, self.groups, strict=True)):
            raise ValueError(f"widths {self.widths} do not divide into heads {self.heads} and groups {self.groups}")

    @property
    def width(self) -> int:
        """Width of the tokens, C."""
        return self.widths[-1]

    @property
    def stride(self) -> int:
        """How many pixels one token is wide and high."""
        return 4 << (len(self.widths) - 1)


def davit_shape(widths: tuple[int, ...], depths: tuple[int, ...]) -> DavitShape:
    """Return the shape of one of DaViT's own models."""
    heads = tuple(width // HEAD_WIDTH for width in widths)
    return DavitShape(widths=widths, depths=depths, heads=heads, groups=heads, scale="channels")


def florence_shape(widths: tuple[int, ...]) -> DavitShape:
    """Return the shape of one of Florence-2's towers."""
    heads = tuple(width // HEAD_WIDTH for width in widths)
    return DavitShape(widths=widths, depths=(1, 1, 9, 1), heads=heads, groups=heads, window=12, shrink_kernel=3)


TINY = davit_shape((96, 192, 384, 768), (1, 1, 3, 1))
SMALL = davit_shape((96, 192, 384, 768), (1, 1, 9, 1))
BASE = davit_shape((128, 256, 512, 1024), (1, 1, 9, 1))
FLORENCE_BASE = florence_shape((128, 256, 512, 1024))
FLORENCE_LARGE = florence_shape((256, 512, 1024, 2048))


class Embedding(nn.Module):
    """A convolution that shrinks the map; tokens are normalised after it in the stem, and before it elsewhere."""

    def __init__(self, width_in: int, width: int, kernel: int, stride: int, *, is_stem: bool) -> None:
        super().__init__()
        self.is_stem = is_stem
        self.odd = kernel % 2
        self.conv = nn.Conv2d(width_in, width, kernel, stride, padding=kernel // 2 if self.odd else 0)
        self.norm = nn.LayerNorm(width if is_stem else width_in)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C_in, H, W) -> (B, C, ⌈H / stride⌉, ⌈W / stride⌉)."""
        if self.is_stem:
            return self._normalised(self.conv(x))
        x = self._normalised(x)
        if not self.odd:
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        y: Tensor = self.conv(x)
        return y

    def _normalised(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return y


class Davit(nn.Module):
    """Stem, then per stage a smaller and wider map and its dual blocks."""

    def __init__(self, shape: DavitShape, *, drop_path: float = 0.0) -> None:
        """Let paths drop ever more often towards the last block, there by `drop_path`, in training."""
        super().__init__()
        self.shape = shape
        inputs = (3, *shape.widths[:-1])
        self.convs = nn.ModuleList(
            Embedding(old, new, shape.shrink_kernel if stage else 7, 2 if stage else 4, is_stem=not stage)
            for stage, (old, new) in enumerate(zip(inputs, shape.widths, strict=True))
        )
        halves = 2 * sum(shape.depths)
        shares = iter([drop_path * half / max(1, halves - 1) for half in range(halves)])
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                DualBlock(
                    width,
                    shape.heads[stage],
                    shape.groups[stage],
                    (shape.window, shape.window),
                    scale=shape.scale,
                    mlp_ratio=shape.mlp_ratio,
                    drop_path=(next(shares), next(shares)),
                    qkv_bias=shape.qkv_bias,
                )
                for _ in range(shape.depths[stage])
            )
            for stage, width in enumerate(shape.widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Take pixels x (B, 3, H, W) -> the last stage's map (B, C, ⌈H / stride⌉, ⌈W / stride⌉)."""
        assert x.dim() == 4, x.shape
        for conv, blocks in zip(self.convs, self.blocks, strict=True):
            x = conv(x)
            for block in blocks:  # type: ignore[attr-defined]  # a module list
                x = block(x)
        return x
