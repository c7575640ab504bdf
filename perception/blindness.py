"""When a camera or microphone gives a signal that nothing can be perceived in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perception.change import Change

PATIENCE_NS = 2_000_000_000
DARKEST_LUMA = 0.04
BRIGHTEST_LUMA = 0.97
FLATTEST_CONTRAST = 0.012  # three gray levels: a lens cap in daylight, thick fog, a blank test picture
QUIETEST_DB = -85.0  # below the noise of any real microphone
CLIPPING = 0.99
MOST_CLIPPED = 0.3  # of the samples


class VideoBlindness:
    """Says why a camera sees nothing once that has lasted 2 s of event time."""

    def __init__(self) -> None:
        self._patience = _Patience()

    @property
    def since_ns(self) -> int | None:
        """Since when the picture shows nothing, also before that is believed."""
        return self._patience.since_ns

    def step(self, change: Change, t_ns: int) -> str:
        """Return "" or the reason."""
        return self._patience.step(_why_unseen(change), t_ns)


class AudioBlindness:
    """Says why a microphone hears nothing once that has lasted 2 s of event time."""

    def __init__(self) -> None:
        self._patience = _Patience()

    @property
    def since_ns(self) -> int | None:
        """Since when there is nothing to hear, also before that is believed."""
        return self._patience.since_ns

    def step(self, samples: NDArray[np.float32], t_ns: int) -> str:
        """Take a block (n,) of -1 to 1; return "" or the reason."""
        return self._patience.step(_why_unheard(samples), t_ns)


class _Patience:
    """Believes a reason when it has lasted; one good sample ends it."""

    def __init__(self) -> None:
        self.since_ns: int | None = None

    def step(self, reason: str, t_ns: int) -> str:
        if not reason:
            self.since_ns = None
            return ""
        if self.since_ns is None:
            self.since_ns = t_ns
        return reason if t_ns - self.since_ns >= PATIENCE_NS else ""


def _why_unseen(change: Change) -> str:
    if change.luma < DARKEST_LUMA:
        return "covered or dark"
    if change.luma > BRIGHTEST_LUMA:
        return "dazzled"
    if change.contrast < FLATTEST_CONTRAST:
        return "covered or without any detail"
    return ""


def _why_unheard(samples: NDArray[np.float32]) -> str:
    if samples.size == 0:
        return ""
    wide = samples.astype(np.float64)
    power = float(wide @ wide) / samples.size
    if power <= 10 ** (QUIETEST_DB / 10):
        return "no signal"
    if np.count_nonzero(np.abs(samples) >= CLIPPING) > MOST_CLIPPED * samples.size:
        return "overdriven"
    return ""
