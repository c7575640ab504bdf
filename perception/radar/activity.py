"""The leaf: radar sweeps with their times in, what somebody does in front of it out, or that this is not known.

Every ten sweeps the last sixty are looked at by themselves, as in training and in what was measured.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

from perception.radar.likeness import unlike
from perception.radar.recordings import STRIDE, WINDOW
from perception.radar.sweeps import Points, Valid, clean, pack
from perception.radar.weights import Trained

GAP_NS = 1_000_000_000  # after so long without a sweep it begins anew
WINDOW_S = (1.4, 3.0)  # how long sixty sweeps may take; in training it was 2 s
SURE = 0.6  # less confident than this is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a window of sweeps showed."""

    start_ns: int
    end_ns: int
    name: str | None  # None: not known
    confidence: float  # 0 where the window is unlike all training
    reason: str  # why it is not known, else empty


class ActivityWatcher:
    """Watch one radar."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._sweeps: deque[tuple[int, Points, float]] = deque(maxlen=WINDOW)  # with how many points there were
        self._fresh = 0  # sweeps since the last answer

    def add(self, points: Points, t_ns: int) -> Activity | None:
        """Take a sweep (n, 5 or more: x, y, z m, velocity m/s, intensity dB); every tenth may give an answer.

        A sweep that is older than the last one is left out. Points that are not finite are no points.
        """
        if self._sweeps:
            since_ns = t_ns - self._sweeps[-1][0]
            if since_ns < 0:
                return None
            if since_ns > GAP_NS:
                self._sweeps.clear()
                self._fresh = 0
        self._sweeps.append((t_ns, clean(points), float(len(points))))
        self._fresh += 1
        if len(self._sweeps) < WINDOW or self._fresh < STRIDE:
            return None
        self._fresh = 0
        return self._look()

    def _look(self) -> Activity:
        start_ns, end_ns = self._sweeps[0][0], self._sweeps[-1][0]
        taken_s = (end_ns - start_ns) / 1e9
        count = float(np.mean([count for _, _, count in self._sweeps]))
        most = self._trained.limits["points a sweep"][1]
        points, valid = pack([one for _, one, _ in self._sweeps])
        reason = unlike(points, valid, self._trained.limits)
        if count > most:  # before those that are too many were left out
            reason = f"points a sweep: {count:.3g}, known is at most {most:.3g}"
        if not WINDOW_S[0] <= taken_s <= WINDOW_S[1]:
            reason = f"{WINDOW} sweeps took {taken_s:.2f} s, known is {WINDOW_S[0]} to {WINDOW_S[1]} s"
        if reason:
            return Activity(start_ns=start_ns, end_ns=end_ns, name=None, confidence=0.0, reason=reason)
        shares = self._shares(points, valid)
        best = int(shares.argmax())
        sure = float(shares[best])
        if sure < SURE:
            reason = f"{self._trained.classes[best]} is only {sure:.2f} likely"
            return Activity(start_ns=start_ns, end_ns=end_ns, name=None, confidence=sure, reason=reason)
        name = self._trained.classes[best]
        return Activity(start_ns=start_ns, end_ns=end_ns, name=name, confidence=sure, reason="")

    def _shares(self, points: Points, valid: Valid) -> Points:
        device = next(self._trained.model.parameters()).device
        with torch.inference_mode():
            logits = self._trained.model(
                torch.from_numpy(points)[None].to(device), torch.from_numpy(valid)[None].to(device)
            )
        shares: Points = logits.softmax(1)[0].cpu().numpy()
        return shares
