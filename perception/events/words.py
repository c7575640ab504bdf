"""What decoders of words share: bytes cut into whole words, and what the last word of a kind said at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WordCutter:
    """Cuts a stream of bytes into whole words; what is left of a word waits for the next bytes."""

    def __init__(self, kind: str) -> None:
        """Cut words of one NumPy type."""
        self._kind = np.dtype(kind)
        self._rest = b""

    @property
    def waiting(self) -> int:
        """Return how many bytes of a word have come that is not whole yet: at the end of a stream it was cut off."""
        return len(self._rest)

    def cut(self, data: bytes) -> NDArray[Any]:
        """Return the words (N,) that are whole now."""
        whole = self._rest + data if self._rest else data
        count = len(whole) // self._kind.itemsize
        self._rest = whole[count * self._kind.itemsize :]
        return np.frombuffer(whole, self._kind, count)


def spread(values: NDArray[Any], at: NDArray[np.intp], places: NDArray[np.intp], before: Any) -> NDArray[Any]:
    """Return for each of `places` (N,) the value that stood last before it, `before` where none did.

    `values` stand at `at`; both `at` and `places` rise. The result has the type of `values`.
    """
    ends = np.searchsorted(places, at)
    counts = np.diff(ends, prepend=0, append=len(places))
    return np.concatenate([np.array([before], values.dtype), values]).repeat(counts)
