"""Events into tokens: a map for each window of time, a stem of convolutions, dual blocks causal in time.

The maps are those of windows (voxel grid, EST) or of what came so far (TORE); the blocks are DaViT's (Ding et al. 2022,
arXiv:2204.03645). Windows lie on the clock, and a quiet one has its tokens too. After a pause of more than a second a
stream begins anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.causaldual import CausalDualBlock, DualState
from perception.attention.restart import restart
from perception.events.grids import Grid, window_map
from perception.events.surfaces import SurfaceState, Tore
from perception.events.tensors import PAUSE_US, EventTensors

STRIDE = 8  # pixels of a cell of the stem, each way


class Maps(Protocol):
    """What makes the map of a window that has ended."""

    @property
    def channels(self) -> int:
        """Return C."""

    def step(
        self, events: EventTensors, state: SurfaceState | None, start_us: int, end_us: int
    ) -> tuple[Tensor, SurfaceState | None]:
        """Take a window's events -> its map (C, H, W), and the state before the next window."""


class WindowMaps:
    """Maps of a window alone; logarithms keep the busiest within bounds."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.channels = grid.channels

    def step(
        self, events: EventTensors, state: SurfaceState | None, start_us: int, end_us: int
    ) -> tuple[Tensor, SurfaceState | None]:
        """Take a window's events -> its map (C, H, W); no state."""
        made = window_map(self._grid, events, start_us, end_us)
        return made.sign() * made.abs().log1p(), None


class ToreMaps:
    """Maps of the latest events of each pixel, as they look at a window's end."""

    def __init__(self, height_px: int, width_px: int, depth: int = 3) -> None:
        self._tore = Tore(height_px, width_px, depth)
        self.channels = 2 * depth

    def step(
        self, events: EventTensors, state: SurfaceState | None, start_us: int, end_us: int
    ) -> tuple[Tensor, SurfaceState | None]:
        """Take a window's events -> the map (2 K, H, W) at its end, and the latest times."""
        _, state = self._tore.step(events, state)
        return self._tore.at(state, end_us), state


class Samples(NamedTuple):
    """The next events of each stream of a batch, in order, and how far the clock has come."""

    events: Sequence[EventTensors]
    until_us: int


class EventState(NamedTuple):
    """What a batch of streams keeps; what stands for one stream stands in a tuple."""

    start_us: int  # of the window that is open
    waiting: tuple[EventTensors, ...]  # events of windows that have not ended
    newest_us: tuple[int | None, ...]  # of the windows that have
    surfaces: tuple[SurfaceState | None, ...]
    blocks: tuple[DualState, ...]


class EventEncoder(nn.Module):
    """Sees a batch of streams; each window becomes a few tokens that know what was before it."""

    def __init__(
        self,
        maps: Maps,
        size_px: tuple[int, int],
        window_us: int = 50_000,
        width: int = 64,
        depth: int = 2,
        *,
        heads: int = 2,
        frames: int = 8,
        decay: float = 0.97,
        grid: tuple[int, int] = (3, 4),
    ) -> None:
        """Take sensors of (height, width); `grid` says how many tokens a window becomes, each way."""
        super().__init__()
        assert 0 < window_us <= PAUSE_US, window_us
        self.width, self.window_us, self.grid = width, window_us, grid
        self._maps, self._size_px = maps, size_px
        self.stem = nn.Sequential(
            nn.Conv2d(maps.channels, width // 2, 7, stride=4, padding=3),
            nn.GELU(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
        )
        self.blocks = nn.ModuleList(
            CausalDualBlock(width, heads, heads, (4, 4), frames=frames, decay=decay, mlp_ratio=2.0)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def start(self, batch: int, start_us: int = 0) -> EventState:
        """Return the state before the first event; `start_us` is the first window's."""
        height, width = (-(-size // STRIDE) for size in self._size_px)
        x = self.norm.weight.new_zeros(batch, 1, self.width, height, width)
        none = torch.zeros(0, dtype=torch.int64, device=x.device)
        waiting = (EventTensors(pixel=none, p=none, t_us=none),) * batch
        nothing = (None,) * batch
        return EventState(start_us, waiting, nothing, nothing, tuple(block.start(x) for block in self._dual_blocks))

    def step(self, samples: Samples, state: EventState) -> tuple[Tensor, EventState]:
        """Take B streams -> tokens (B, T, N, C) of the T windows that have ended, and the next state.

        Events of windows that ended before are late and left out; those after `until_us` wait.
        """
        assert len(samples.events) == len(state.waiting), "as many streams as the state has"
        count = max(0, (samples.until_us - state.start_us) // self.window_us)
        rows = [self._row(one, state, row, count) for row, one in enumerate(samples.events)]
        state = EventState(
            state.start_us + count * self.window_us,
            tuple(row.waiting for row in rows),
            tuple(row.newest_us for row in rows),
            tuple(row.surface for row in rows),
            state.blocks,
        )
        if count == 0:
            return self.norm.weight.new_zeros(len(rows), 0, self.grid[0] * self.grid[1], self.width), state
        x = self.stem(torch.stack([map_ for row in rows for map_ in row.maps]).to(self.norm.weight.dtype))
        x, blocks = self._see(x.unflatten(0, (len(rows), count)), [row.begins for row in rows], state.blocks)
        pooled = F.adaptive_avg_pool2d(x.flatten(0, 1), self.grid).flatten(2).mT  # (B·T, N, C)
        return self.norm(pooled).unflatten(0, (len(rows), count)), state._replace(blocks=blocks)

    def forward(self, samples: Samples, start_us: int = 0) -> Tensor:
        """Take whole clips: tokens (B, T, N, C)."""
        return self.step(samples, self.start(len(samples.events), start_us))[0]

    @property
    def _dual_blocks(self) -> list[CausalDualBlock]:
        return [one for one in self.blocks if isinstance(one, CausalDualBlock)]

    def _row(self, events: EventTensors, state: EventState, row: int, count: int) -> _Row:
        """Make the maps of one stream's windows."""
        events = _joined(state.waiting[row], events)
        edges = state.start_us + self.window_us * torch.arange(count + 1, device=events.t_us.device)
        places = torch.searchsorted(events.t_us, edges).tolist()
        newest_us, surface = state.newest_us[row], state.surfaces[row]
        maps, begins = [], []
        for number, (first, end) in enumerate(itertools.pairwise(places)):
            start_us, own = state.start_us + number * self.window_us, events.between(first, end)
            begins.append(newest_us is not None and first < end and int(own.t_us[0]) - newest_us > PAUSE_US)
            newest_us = int(own.t_us[-1]) if first < end else newest_us
            made, surface = self._maps.step(own, surface, start_us, start_us + self.window_us)
            maps.append(made)
        return _Row(maps, begins, events.since(places[-1]), newest_us, surface)

    def _see(
        self, x: Tensor, begins: Sequence[Sequence[bool]], states: tuple[DualState, ...]
    ) -> tuple[Tensor, tuple[DualState, ...]]:
        """Take x (B, T, C, H, W) through the blocks; a row begins anew at the windows that say so."""
        anew = torch.tensor(begins, device=x.device)  # (B, T)
        borders = [0, *(t for t in range(1, x.shape[1]) if bool(anew[:, t].any())), x.shape[1]]
        parts = []
        for begin, end in itertools.pairwise(borders):
            part, after = x[:, begin:end], []
            for block, state in zip(self._dual_blocks, states, strict=True):
                part, next_state = block.step(part, restart(state, anew[:, begin]))
                after.append(next_state)
            states = tuple(after)
            parts.append(part)
        return torch.cat(parts, dim=1), states


class _Row(NamedTuple):
    """What came of one stream in a step."""

    maps: list[Tensor]
    begins: list[bool]  # windows before which the state restarts
    waiting: EventTensors
    newest_us: int | None
    surface: SurfaceState | None


def _joined(first: EventTensors, then: EventTensors) -> EventTensors:
    return EventTensors(
        pixel=torch.cat([first.pixel, then.pixel]),
        p=torch.cat([first.p, then.p]),
        t_us=torch.cat([first.t_us, then.t_us]),
    )
