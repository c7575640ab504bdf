"""Writes events as raw EVT3 words (Prophesee EVT 3.0), vectorised.

A word is 16 bits, little-endian, its code in the upper four: 0 row, 2 column and polarity (one event), 6 and 8 the
lower and upper 12 bits of the time in microseconds. The time wraps at 2^24 us, and whoever reads counts the wraps;
usual decoders see one only where the upper bits go from nearly all ones to nearly none. So every step of them is
written, as a camera does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW, COLUMN, TIME_LOW, TIME_HIGH = 0x0000, 0x2000, 0x6000, 0x8000
ON = 0x0800  # beside a column
LARGEST_PX = 2048  # of width and of height: 11 bits
HIGH_US = 4096  # one step of the upper bits


def encode(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    t_us: NDArray[np.int64],
    from_us: int,
    to_us: int,
) -> bytes:
    """Return the words of events (N,) in the order of their times, all from `from_us` on and before `to_us`.

    A packet begins with the time and can be read alone, modulo the wrap; packets that follow one another without a hole
    are one stream. Raises ValueError where an event is out of order, of the time, or of the largest picture.
    """
    if len(t_us) and (t_us[0] < from_us or t_us[-1] >= to_us or (np.diff(t_us) < 0).any()):
        raise ValueError(f"events are not in the order of their times, or not all from {from_us} to {to_us} us")
    if len(x) and max(int(x.max()), int(y.max())) >= LARGEST_PX:
        raise ValueError(f"an event is outside {LARGEST_PX} x {LARGEST_PX} pixels")
    first, last = from_us // HIGH_US, max(from_us, to_us - 1) // HIGH_US
    high = t_us // HIGH_US
    new_low, new_row = _is_new(t_us), _is_new(y)
    # Where an event's column stands: behind all steps of the time, lower bits, rows and columns that come before it.
    columns = (high - first + 1) + np.cumsum(new_low) + np.cumsum(new_row) + np.arange(len(x))
    rows = (columns - 1)[new_row]
    lows = (columns - new_row - 1)[new_low]
    words = np.zeros((last - first + 1) + len(lows) + len(rows) + len(x), np.uint16)
    is_step = np.ones(len(words), bool)
    for places, values in (
        (columns, COLUMN | x | np.where(p > 0, ON, 0)),
        (rows, ROW | y[new_row]),
        (lows, TIME_LOW | t_us[new_low] % HIGH_US),
    ):
        words[places] = values
        is_step[places] = False
    words[is_step] = TIME_HIGH | np.arange(first, last + 1) % HIGH_US  # what is left, in order
    return words.astype("<u2").tobytes()


def _is_new(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    return np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]])
