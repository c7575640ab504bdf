"""The sensor's own microseconds on the stream's clock, and sorted into windows of a bounded future."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

APART_NS = 250_000_000  # by so much the two may differ before the sensor's is set anew: jitter, and drift for hours
AHEAD_NS = 2_000_000_000  # a packet may hold what came so long after its stamp


class SensorClock:
    """Maps times of the sensor to those of the stream: they go alike, from a common moment on."""

    def __init__(self) -> None:
        self.jumps = 0
        self._offset_ns: int | None = None

    def step(self, t_us: NDArray[np.int64], packet_ns: int) -> NDArray[np.int64]:
        """Return the times (N,) in ns of a packet's events; `packet_ns` is when it was stamped."""
        if not len(t_us):
            return t_us
        first_ns = int(t_us[0]) * 1000
        if self._offset_ns is None:
            self._offset_ns = packet_ns - first_ns
        elif abs(first_ns + self._offset_ns - packet_ns) > APART_NS:
            self._offset_ns = packet_ns - first_ns
            self.jumps += 1
        return np.minimum(t_us * 1000 + self._offset_ns, packet_ns + AHEAD_NS)


class WindowSorter:
    """Keeps the places of events by window until the stream has come to the window's end."""

    def __init__(self, window_ns: int, most: int = 1 << 20) -> None:
        """Keep at most `most` events of one window; what is more is counted, not kept."""
        self.lost = 0
        self._window_ns = window_ns
        self._most = most
        self._open: int | None = None  # number of the first window that has not ended
        self._waiting: dict[int, list[NDArray[np.int64]]] = {}
        self._counts: dict[int, int] = {}

    def add(self, t_ns: NDArray[np.int64], pixels: NDArray[np.int64]) -> None:
        """Take events in order; what is older than the open window counts into that one."""
        if not len(t_ns):
            return
        if self._open is None:
            self._open = int(t_ns[0]) // self._window_ns
        numbers = np.maximum(t_ns // self._window_ns, self._open)
        edges = np.flatnonzero(np.diff(numbers)) + 1
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(numbers)], strict=True):
            number = int(numbers[start])
            room = self._most - self._counts.get(number, 0)
            kept = pixels[start : min(end, start + room)]
            self.lost += end - start - len(kept)
            self._counts[number] = self._counts.get(number, 0) + len(kept)
            self._waiting.setdefault(number, []).append(kept)

    def ended(self, until_ns: int, longest: int) -> list[tuple[int, NDArray[np.int64]]]:
        """Return (end in ns, places) of each window that has ended by then, empty ones too.

        Of a pause of more than `longest` windows only those with events.
        """
        if self._open is None:
            return []
        until = until_ns // self._window_ns
        numbers = range(self._open, until)
        chosen = numbers if len(numbers) <= longest else sorted(number for number in self._waiting if number < until)
        found = [((number + 1) * self._window_ns, self._taken(number)) for number in chosen]
        self._open = max(self._open, until)
        return found

    def rest_ns(self) -> int | None:
        """Return when the last window ends that waits, None where none does."""
        return (max(self._waiting) + 1) * self._window_ns if self._waiting else None

    def _taken(self, number: int) -> NDArray[np.int64]:
        self._counts.pop(number, None)
        parts = self._waiting.pop(number, [])
        return np.concatenate(parts) if parts else np.empty(0, np.int64)
