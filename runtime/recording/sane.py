"""Numbers from outside, checked before anybody computes with them."""

from __future__ import annotations

import math
from typing import Any

from runtime.messages import Quaternion, Vector

END_NS = 1 << 63


def moment(t_ns: int) -> int | None:
    """Return a time, or None for 0, which is what senders without a clock say. Raises ValueError for no time at all."""
    if not 0 <= t_ns < END_NS:
        raise ValueError(f"its time is {t_ns} ns")
    return t_ns or None


def vector(message: Any) -> Vector:
    """Return x, y and z. Raises ValueError where one is not finite."""
    numbers = (message.x, message.y, message.z)
    finite(numbers)
    return numbers


def quaternion(message: Any) -> Quaternion:
    """Return x, y, z and w. Raises ValueError where one is not finite."""
    numbers = (message.x, message.y, message.z, message.w)
    finite(numbers)
    return numbers


def finite(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return numbers as they are. Raises ValueError where one is not finite."""
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number in it is not finite")
    return numbers
