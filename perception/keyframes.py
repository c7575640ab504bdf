"""Which frames are worth keeping: a new scene, enough that is new, or simply that it has been a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perception.change import Change

NS_PER_S = 1_000_000_000
NOVELTY = 0.008  # of the patches: three of 24 x 14, a person far away


class KeyframeRule:
    """Keeps at most `lmm_fps` frames per second of event time, and at least one every `max_gap_s`."""

    def __init__(self, lmm_fps: float = 2.0, novelty: float = NOVELTY, max_gap_s: float = 10.0) -> None:
        self._shortest_gap_ns = round(NS_PER_S / lmm_fps)
        self._longest_gap_ns = round(NS_PER_S * max_gap_s)
        self._novelty = novelty
        self._kept_ns: int | None = None

    def step(self, change: Change, t_ns: int) -> bool:
        """Say whether to keep this frame; the caller then tells the change detector."""
        gap_ns = self._longest_gap_ns if self._kept_ns is None else t_ns - self._kept_ns
        is_due = gap_ns >= self._longest_gap_ns
        is_new = gap_ns >= self._shortest_gap_ns and change.novelty >= self._novelty
        keeps = change.is_cut or is_due or is_new
        if keeps:
            self._kept_ns = t_ns
        return keeps
