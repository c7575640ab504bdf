"""A scene of a fixed number of tokens that sensors update one after the other, whichever of them are there.

Scene tokens look at a sensor's tokens (cross-attention, Vaswani et al. 2017, arXiv:1706.03762), and what they found
updates them by a gate. Sensors that are absent or stale leave the scene as it is, to the bit (MultiModN, Swamy et al.
2023, arXiv:2309.14118). The order within a tick is that in which the sensors were named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.skip import SkipUpdate


class Samples(NamedTuple):
    """What one sensor gives in T ticks of B streams."""

    tokens: Tensor  # (B, T, N, C), anything where the sensor is absent
    present: Tensor  # (B, T) bool, has a new sample in this tick
    age_s: Tensor  # (B, T), of the sample when the tick ends


class SceneState(NamedTuple):
    """What a batch of streams keeps; begins as a learnt scene and with all sensors blind."""

    scene: Tensor  # (B, Q, C)
    since_s: Tensor  # (B, sensors), from the latest sample that was used


class Scene(NamedTuple):
    """What T ticks came to."""

    tokens: Tensor  # (B, T, Q, C)
    blind: Tensor  # (B, T, sensors) bool, in the order in which they were named


class Look(nn.Module):
    """Let scene tokens look at one sensor's tokens, which come with how old they are and how long none came."""

    def __init__(self, sensor_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(sensor_width, width)
        self.times = nn.Linear(2, width)
        self.norm_tokens, self.norm_scene = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q, self.to_kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, scene: Tensor, tokens: Tensor, times_s: Tensor) -> Tensor:
        """scene (B, Q, C), tokens (B, N, C_s), times_s (B, 2) -> what each scene token found (B, Q, C)."""
        told = self.norm_tokens(self.project(tokens) + self.times(times_s.log1p())[:, None])
        heads = (-1, (self.heads, scene.shape[-1] // self.heads))
        q = self.to_q(self.norm_scene(scene)).unflatten(*heads).transpose(1, 2)  # (B, H, Q, D)
        k, v = (one.unflatten(*heads).transpose(1, 2) for one in self.to_kv(told).chunk(2, dim=-1))  # (B, H, N, D)
        found: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return found


class SceneFusion(nn.Module):
    """Fuse what sensors give on one clock, tick by tick."""

    def __init__(
        self,
        widths: Mapping[str, int],
        width: int = 64,
        queries: int = 12,
        *,
        heads: int = 4,
        tick_s: float = 0.5,
        stale_s: float = 2.0,
    ) -> None:
        """Name each sensor and the width of its tokens; samples older than `stale_s` are not used."""
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.sensors = tuple(widths)
        self.tick_s, self.stale_s = tick_s, stale_s
        self.first = nn.Parameter(torch.randn(queries, width))
        self.codes = nn.Parameter(torch.randn(queries, width) * 0.1)  # keep tokens apart, whatever they hold
        self.looks = nn.ModuleDict({name: Look(one, width, heads) for name, one in widths.items()})
        self.updates = nn.ModuleDict({name: SkipUpdate(width, width) for name in widths})

    def start(self, batch: int) -> SceneState:
        """Return the state before any sample."""
        long_s = self.first.new_full((batch, len(self.sensors)), self.stale_s)
        return SceneState(self.first.expand(batch, -1, -1), long_s)

    def step(self, samples: Mapping[str, Samples], state: SceneState) -> tuple[Scene, SceneState]:
        """Take T ticks of any of the sensors, in any order of the mapping -> the scene after each, and the next state.

        A sample with an age below 0 or above `stale_s`, or with a number that is not finite, counts as absent.
        """
        assert samples, "the ticks of one sensor at least, present or not"
        assert set(samples) <= set(self.sensors), set(samples) - set(self.sensors)
        usable = {name: self._usable(one) for name, one in samples.items()}
        tokens, blind = [], []
        for tick in range(next(iter(samples.values())).present.shape[1]):
            scene, since_s = state.scene, list((state.since_s + self.tick_s).unbind(1))
            for place, name in enumerate(self.sensors):
                if name in samples:
                    own = Samples(*(part[:, tick] for part in samples[name]))
                    scene, since_s[place] = self._update(name, scene, own, usable[name][:, tick], since_s[place])
            state = SceneState(scene, torch.stack(since_s, dim=1))
            tokens.append(scene)
            blind.append(state.since_s > self.stale_s)
        return Scene(torch.stack(tokens, dim=1), torch.stack(blind, dim=1)), state

    def forward(self, samples: Mapping[str, Samples]) -> Scene:
        """Take whole clips."""
        return self.step(samples, self.start(len(next(iter(samples.values())).present)))[0]

    def _usable(self, samples: Samples) -> Tensor:
        """Say where there is a sample to use: (B, T) bool."""
        is_fresh = (samples.age_s >= 0) & (samples.age_s <= self.stale_s)  # NaN is neither
        return samples.present & is_fresh & samples.tokens.isfinite().flatten(2).all(dim=2)

    def _update(
        self, name: str, scene: Tensor, samples: Samples, usable: Tensor, since_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Let one sensor (B, N, C), (B,), (B,) update the scene in the rows that are usable."""
        if not bool(usable.any()):
            return scene, since_s
        age_s = torch.where(usable, samples.age_s, 0.0)
        tokens = torch.where(usable[:, None, None], samples.tokens, 0.0)  # what is absent reaches no gradient either
        found = self.looks[name](scene + self.codes, tokens, torch.stack([age_s, since_s], dim=1))
        queries = scene.shape[1]
        updated = self.updates[name](scene.flatten(0, 1), found.flatten(0, 1), usable.repeat_interleave(queries))
        return updated.unflatten(0, (-1, queries)), torch.where(usable, age_s, since_s)
