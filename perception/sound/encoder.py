"""Sound as tokens: log-mel frames, three convolutions, dual blocks causal in time, and a head for what is heard."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.causaldual import CausalDualBlock, DualState
from perception.sound.logmel import FRAME, LogMel, LogMelState

STRIDE = 8  # frames of a token
TOKEN = STRIDE * FRAME  # samples of a token: 160 ms
BANDS = 8  # of a token: mels after three halvings


class AudioState(NamedTuple):
    """What a batch of streams keeps; every tensor has the streams first and is zero at the start."""

    logmel: LogMelState
    frames: Tensor  # (B, less than STRIDE, mels) that make no token yet
    convs: tuple[Tensor, ...]  # the frames before each convolution
    blocks: tuple[DualState, ...]


class CausalConv2d(nn.Module):
    """A convolution over time and mels, normed, that sees no later frame; then halves, by stride or by mean."""

    def __init__(self, width: int, out: int, *, strided: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride=2 if strided else 1, padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.strided = strided
        self.before = 1 if strided else 2  # frames of the past that the first one sees

    def step(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, T, mels), T even -> (B, C', T / 2, mels / 2), and what is before the next frame."""
        x = torch.cat([before, x], dim=2)
        y = F.relu(self.norm(self.conv(x)))
        return y if self.strided else F.avg_pool2d(y, 2), x[:, :, x.shape[2] - self.before :]


class AudioEncoder(nn.Module):
    """Hears a batch of streams; a token stands for 160 ms, and knows what was before it."""

    def __init__(
        self,
        width: int = 96,
        depth: int = 2,
        *,
        stem: tuple[int, int] = (32, 64),
        heads: int = 3,
        frames: int = 16,
        decay: float = 0.97,
        drop_path: float = 0.1,
    ) -> None:
        """Make `depth` dual blocks whose windows reach over `frames` tokens, and what they remember fade by `decay`."""
        super().__init__()
        self.width = width
        self.logmel = LogMel(BANDS * 8)
        widths = (1, *stem, width)
        self.stem = nn.ModuleList(
            CausalConv2d(widths[place], widths[place + 1], strided=place == 0) for place in range(3)
        )
        shares = (drop_path, drop_path)
        self.blocks = nn.ModuleList(
            CausalDualBlock(
                width, heads, heads, (BANDS, 1), frames=frames, decay=decay, kernel=(3, 3, 1), mlp_ratio=2.0,
                drop_path=shares,
            )
            for _ in range(depth)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)

    def start(self, batch: int) -> AudioState:
        """Return the state before the first sample."""
        empty = self.norm.weight.new_zeros(batch, 0, self.logmel.mels)
        return AudioState(self.logmel.start(batch), empty, self._before(empty), self._blank(empty))

    def step(self, samples: Tensor, state: AudioState) -> tuple[Tensor, AudioState]:
        """samples (B, n), any n -> tokens (B, N, C), one for each 160 ms that are now whole, and the next state."""
        frames, logmel = self.logmel.step(samples, state.logmel)
        frames = torch.cat([state.frames, frames], dim=1)
        whole = frames.shape[1] // STRIDE * STRIDE
        rest = frames[:, whole:]
        if whole == 0:
            return frames.new_zeros(len(frames), 0, self.width), state._replace(logmel=logmel, frames=rest)
        tokens, convs, blocks = self._see(frames[:, :whole], state.convs, state.blocks)
        return tokens, AudioState(logmel, rest, convs, blocks)

    def see(self, frames: Tensor) -> Tensor:
        """Take the levels of a whole clip: (B, F, mels) -> (B, F / 8, C)."""
        return self._see(frames, self._before(frames), self._blank(frames))[0]

    def forward(self, samples: Tensor) -> Tensor:
        """Take a whole clip: samples (B, n) -> (B, N, C)."""
        return self.step(samples, self.start(len(samples)))[0]

    @property
    def _convs(self) -> list[CausalConv2d]:
        return [one for one in self.stem if isinstance(one, CausalConv2d)]

    @property
    def _dual_blocks(self) -> list[CausalDualBlock]:
        return [one for one in self.blocks if isinstance(one, CausalDualBlock)]

    def _see(
        self, frames: Tensor, befores: tuple[Tensor, ...], blanks: tuple[DualState, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[DualState, ...]]:
        x, convs = frames[:, None], []  # (B, 1, F, mels)
        for conv, before in zip(self._convs, befores, strict=True):
            x, after = conv.step(x, before)
            convs.append(after)
        x, blocks = x.permute(0, 2, 1, 3).unsqueeze(-1), []  # (B, N, C, BANDS, 1)
        for block, state in zip(self._dual_blocks, blanks, strict=True):
            x, next_state = block.step(x, state)
            blocks.append(next_state)
        tokens = self.norm(x.flatten(3).mean(dim=3))
        return tokens, tuple(convs), tuple(blocks)

    def _before(self, like: Tensor) -> tuple[Tensor, ...]:
        sizes = [self.logmel.mels >> place for place in range(len(self.stem))]
        return tuple(
            like.new_zeros(len(like), conv.conv.in_channels, conv.before, size)
            for conv, size in zip(self._convs, sizes, strict=True)
        )

    def _blank(self, like: Tensor) -> tuple[DualState, ...]:
        x = like.new_zeros(len(like), 1, self.width, BANDS, 1)
        return tuple(block.start(x) for block in self._dual_blocks)


class SoundHead(nn.Module):
    """What each token sounds like, and how much it has to say about it."""

    def __init__(self, width: int, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(width, classes)
        self.weight = nn.Linear(width, 1)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """tokens (B, N, C) -> logits (B, N, classes) and weights (B, N) before their softmax."""
        tokens = self.dropout(tokens)
        return self.classes(tokens), self.weight(tokens).squeeze(-1)

    def whole(self, tokens: Tensor) -> Tensor:
        """tokens (B, N, C) of a clip -> its logits (B, classes)."""
        logits, weights = self(tokens)
        return torch.einsum("bnk,bn->bk", logits, weights.softmax(dim=1))
