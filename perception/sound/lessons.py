"""What networks for sounds learn from: batches of clips, cut, bent and mixed, and whole clips to be measured on.

Mixing at matched loudness is between-class learning (Tokozume et al. 2018, arXiv:1711.10282); the bars of nothing are
SpecAugment's (Park et al. 2019, arXiv:1904.08779).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from perception.sound.logmel import LOWEST_TOP, SMALLEST, levels

BATCH = 32
CUT = 128  # frames of a piece: 2.56 s
WHOLE = 250  # frames of a clip: 5 s
LOUD = 2.0  # decades below a clip's loudest frame in which something is heard
ALONE = 0.5  # of a batch are not mixed
STRANGERS = 4  # of a batch are no known sound

Power = NDArray[np.float32]


class SoundLesson:
    """Pieces of clips at several speeds, bent in pitch and colour, mixed by twos; the last class is nothing known."""

    def __init__(
        self,
        train: Sequence[tuple[Sequence[Power], int]],
        held_out: Sequence[tuple[Power, int]],
        strangers: Sequence[Power],
        classes: int,
    ) -> None:
        """Take the power (F, mels) of each clip at each speed, with its label."""
        self.train = train
        self.held_out = held_out
        self.strangers = strangers
        self.classes = classes

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        """Return the loss of one batch of pieces."""
        frames, targets = self.batch(rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(frames)
        return F.cross_entropy(logits.float(), targets, label_smoothing=0.05)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw levels (B, CUT, mels) and targets (B, classes + 1)."""
        drawn = [self._draw(rng, place < STRANGERS) for place in range(BATCH)]
        other = [self._draw(rng, False) for _ in range(BATCH)]
        power = np.stack([one for one, _ in drawn])
        second = np.stack([one for one, _ in other])
        ratio = np.where(rng.random(BATCH) < ALONE, 1.0, rng.uniform(0, 1, BATCH)).astype(np.float32)
        ratio[:STRANGERS] = 1.0
        power = mix(power, second, ratio)
        eye = np.eye(self.classes + 1, dtype=np.float32)
        first_target, second_target = (eye[[label for _, label in rows]] for rows in (drawn, other))
        targets = ratio[:, None] * first_target + (1 - ratio[:, None]) * second_target
        decades = torch.from_numpy(np.log10(np.maximum(power, SMALLEST)).astype(np.float32))
        top = decades.amax(dim=(1, 2)) - LOWEST_TOP + torch.from_numpy(_history(rng))
        frames, _ = levels(decades, top.clamp_min(0))
        bars(frames, rng)
        return frames, torch.from_numpy(targets)

    @torch.no_grad()
    def measure(self, model: nn.Module) -> Mapping[str, float]:
        """Return the share of clips held out that are named right."""
        if not self.held_out:
            return {}
        said = score_clips(model, [power for power, _ in self.held_out])[:, : self.classes].argmax(dim=1)
        labels = torch.tensor([label for _, label in self.held_out])
        return {"accuracy": float((said == labels).float().mean())}

    def _draw(self, rng: np.random.Generator, is_strange: bool) -> tuple[Power, int]:
        if is_strange:
            power, label = self.strangers[int(rng.integers(len(self.strangers)))], self.classes
        else:
            speeds, label = self.train[int(rng.integers(len(self.train)))]
            power = speeds[int(rng.integers(len(speeds)))]
        return bend(cut(power, rng), rng), label


class PlainLesson:
    """The baseline's: whole clips, mixed by twos in their levels (mixup, Zhang et al. 2017, arXiv:1710.09412)."""

    def __init__(self, train: Sequence[tuple[Power, int]], held_out: Sequence[tuple[Power, int]], classes: int) -> None:
        """Take the power (F, mels) of each clip with its label."""
        self.levels = torch.cat([clip_levels(power) for power, _ in train])
        self.labels = torch.tensor([label for _, label in train])
        self.held_out = held_out
        self.classes = classes

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        """Return the loss of one batch."""
        rows, others = rng.integers(len(self.labels), size=(2, BATCH))
        ratio = torch.from_numpy(rng.beta(0.4, 0.4, BATCH).astype(np.float32))[:, None]
        frames = ratio[:, :, None] * self.levels[rows] + (1 - ratio[:, :, None]) * self.levels[others]
        targets = [F.one_hot(self.labels[one], self.classes).float() for one in (rows, others)]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(frames)
        return F.cross_entropy(logits.float(), ratio * targets[0] + (1 - ratio) * targets[1])

    @torch.no_grad()
    def measure(self, model: nn.Module) -> Mapping[str, float]:
        """Return the share of clips held out that are named right."""
        if not self.held_out:
            return {}
        said = torch.cat([model(clip_levels(power)) for power, _ in self.held_out]).argmax(dim=1)
        labels = torch.tensor([label for _, label in self.held_out])
        return {"accuracy": float((said == labels).float().mean())}


def clip_levels(power: Power) -> Tensor:
    """Return a clip's levels against its own loudest moment, as one that was heard before: (1, WHOLE, mels)."""
    whole = np.resize(power, (WHOLE, power.shape[1])) if len(power) < WHOLE else power[:WHOLE]  # goes round
    decades = torch.from_numpy(np.maximum(whole, SMALLEST)).log10()[None]
    return levels(decades, (decades.amax(dim=(1, 2)) - LOWEST_TOP).clamp_min(0))[0]


def score_clips(model: nn.Module, clips: Sequence[Power], shifts: int = 1) -> Tensor:
    """Return the logits (clips, classes) of whole clips, as the mean over `shifts` beginnings; the clip goes round."""
    rows = []
    for power in clips:
        frames = clip_levels(power)[:, : WHOLE // 8 * 8]
        turned = [frames.roll(round(place * frames.shape[1] / shifts), dims=1) for place in range(shifts)]
        rows.append(model(torch.cat(turned)).log_softmax(dim=1).mean(dim=0))
    return torch.stack(rows)


def cut(power: Power, rng: np.random.Generator) -> Power:
    """Return a piece (CUT, mels) in which something is heard; the clip goes round."""
    loudest = np.log10(np.maximum(power.max(axis=1), SMALLEST))
    heard = np.flatnonzero(loudest >= loudest.max() - LOUD)
    start = rng.choice(heard) - rng.integers(CUT)
    piece: Power = power[np.arange(start, start + CUT) % len(power)]
    return piece


def bend(power: Power, rng: np.random.Generator) -> Power:
    """Shift by up to three mels and colour it by a smooth curve."""
    shift = int(rng.integers(-3, 4))
    mels = np.clip(np.arange(power.shape[1]) - shift, 0, power.shape[1] - 1)
    knots = rng.normal(0, 0.25, 5)
    curve = np.interp(np.linspace(0, 4, power.shape[1]), np.arange(5), knots)
    bent: Power = (power[:, mels] * 10**curve).astype(np.float32)
    return bent


def mix(first: Power, second: Power, ratio: NDArray[np.float32]) -> Power:
    """Add two sounds, (B, F, mels) each, brought to the same loudness, in amplitudes of ratio (B,) to its rest."""
    parts = []
    for power, share in ((first, ratio), (second, 1 - ratio)):
        loud = np.quantile(power.sum(axis=2), 0.9, axis=1)
        parts.append(power / np.maximum(loud, SMALLEST)[:, None, None] * (share**2)[:, None, None])
    # back to the level of the first one: how loud it is says how much of it is lost in silence
    back = np.maximum(np.quantile(first.sum(axis=2), 0.9, axis=1), SMALLEST)[:, None, None]
    mixed: Power = ((parts[0] + parts[1]) * back).astype(np.float32)
    return mixed


def bars(frames: Tensor, rng: np.random.Generator) -> None:
    """Blank some frames and some mels of each row, in place."""
    for row in frames:
        for axis, most in ((0, 16), (1, 8)):
            size = int(rng.integers(0, most))
            start = int(rng.integers(0, row.shape[axis] - size))
            row.narrow(axis, start, size).fill_(float(row.mean()))


def _history(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw what was heard before a piece, in decades over its own top: as loud, louder, or nothing yet."""
    louder = rng.uniform(0, 1, BATCH)
    return np.select([rng.random(BATCH) < 0.5, rng.random(BATCH) < 0.5], [0.0, louder], -20.0).astype(np.float32)
