"""What the training loop learns from radar recordings, and what it is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.radar.augment import Augmentation, augment, stretch
from perception.radar.recordings import STRIDE, WINDOW, Recording, windows
from perception.radar.sweeps import Points, Valid

BATCH = 32
PACE = 0.12  # of logarithms: how much faster or slower a window may be
SMOOTHING = 0.05


class ActivityLesson:
    """Learn from some recordings; measure accuracy over the windows of others."""

    def __init__(
        self,
        learnt: Sequence[Recording],
        held_out: Sequence[Recording],
        classes: Sequence[str],
        how: Augmentation | None,
        device: str = "cpu",
        batch: int = BATCH,
    ) -> None:
        """Without an augmentation, learn the windows that the protocol cuts, as they are."""
        self.learnt = [one for one in learnt if one.starts()]
        self.held_out = list(held_out)
        self.how, self.device, self.batch = how, device, batch
        self.labels = np.array([classes.index(one.activity) for one in self.learnt])
        self.classes = list(classes)
        self.places = [(which, first) for which, one in enumerate(self.learnt) for first in one.starts()]
        chances = np.array([len(one.points) - WINDOW + 1 for one in self.learnt], np.float64)
        self.chances = chances / chances.sum()

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        """Draw windows anywhere, or of the protocol, and return the cross-entropy."""
        if self.how is None:
            places = [self.places[one] for one in rng.integers(0, len(self.places), self.batch)]
            points, valid = windows(self.learnt, places)
            which = np.array([one for one, _ in places])
        else:
            which = rng.choice(len(self.learnt), self.batch, p=self.chances)
            drawn = [self._drawn(self.learnt[one], rng) for one in which]
            points, valid = augment(np.stack([p for p, _ in drawn]), np.stack([v for _, v in drawn]), rng, self.how)
        logits = model(*self._tensors(points, valid))
        target = torch.from_numpy(self.labels[which]).to(self.device)
        return F.cross_entropy(logits, target, label_smoothing=SMOOTHING)

    def _drawn(self, one: Recording, rng: np.random.Generator) -> tuple[Points, Valid]:
        pace = float(np.exp(rng.normal(0, PACE)))
        room = max(0.0, len(one.points) - WINDOW * pace)
        return stretch(one.points, one.valid, float(rng.uniform(0, room)), pace, WINDOW)

    def _tensors(self, points: Points, valid: Valid) -> tuple[Tensor, Tensor]:
        used = int(np.flatnonzero(valid.any(axis=(0, 1))).max(initial=0)) + 1  # no more padding than it takes
        points, valid = points[:, :, :used], valid[:, :, :used]
        return torch.from_numpy(np.ascontiguousarray(points)).to(self.device), torch.from_numpy(valid).to(self.device)

    def measure(self, model: nn.Module) -> Mapping[str, float]:
        """Return accuracy over held-out windows side by side; nothing where nothing is held out."""
        if not self.held_out:
            return {}
        right = [
            self.classes[int(row.argmax())] == one.activity
            for one, rows in zip(self.held_out, predict(model, self.held_out, self.device, WINDOW), strict=True)
            for row in rows
        ]
        return {"accuracy": float(np.mean(right))}


def predict(
    model: nn.Module, recordings: Sequence[Recording], device: str = "cpu", stride: int = STRIDE
) -> list[Points]:
    """Return for each recording the probabilities (windows, classes); a short one has no windows."""
    told = []
    for one in recordings:
        places = [(0, first) for first in one.starts(stride)]
        if not places:
            told.append(np.zeros((0, 0), np.float32))
            continue
        points, valid = windows([one], places)
        with torch.no_grad():
            logits = model(torch.from_numpy(points).to(device), torch.from_numpy(valid).to(device))
        told.append(logits.softmax(1).cpu().numpy())
    return told
