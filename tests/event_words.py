"""Slow, obvious decoders of event words, one word after the other, and events drawn at random."""

from __future__ import annotations

import struct
from typing import TypeAlias

import numpy as np

from perception.events.arrays import Events

Event: TypeAlias = tuple[int, int, int, int]  # x, y, p, t_us


def rows(events: Events) -> list[Event]:
    """Return events one by one."""
    return list(zip(events.x.tolist(), events.y.tolist(), events.p.tolist(), events.t_us.tolist(), strict=True))


def arrays(events: list[Event]) -> Events:
    """Return events as arrays."""
    x, y, p, t_us = (np.array([event[part] for event in events], np.int64) for part in range(4))
    return Events(x=x.astype(np.uint16), y=y.astype(np.uint16), p=p.astype(np.uint8), t_us=t_us)


def drawn(seed: int, count: int, until_us: int, width_px: int = 40, height_px: int = 30) -> Events:
    """Return `count` events in order, from time 0 on."""
    draw = np.random.default_rng(seed)
    return Events(
        x=draw.integers(0, width_px, count, np.uint16),
        y=draw.integers(0, height_px, count, np.uint16),
        p=draw.integers(0, 2, count, np.uint8),
        t_us=np.sort(draw.integers(0, until_us, count)),
    )


def read_evt2(data: bytes) -> list[Event]:
    """Follow EVT2 words as the format's description says."""
    found: list[Event] = []
    high = wraps = 0
    for (word,) in struct.iter_unpack("<I", data[: len(data) // 4 * 4]):
        code = word >> 28
        if code in (0, 1):
            t_us = (wraps << 34) + (high << 6) + (word >> 22 & 63)
            found.append((word >> 11 & 0x7FF, word & 0x7FF, code, t_us))
        elif code == 8:
            wraps += (word & 0xFFFFFFF) - high < -(1 << 27)
            high = word & 0xFFFFFFF
    return found


def write_evt2(events: list[Event]) -> bytes:
    """Write events as a camera does: the upper bits of the time where they change."""
    words: list[int] = []
    high = -1
    for x, y, p, t_us in events:
        if t_us >> 6 != high:
            high = t_us >> 6
            words.append(8 << 28 | high & 0xFFFFFFF)
        words.append(p << 28 | (t_us & 63) << 22 | x << 11 | y)
    return struct.pack(f"<{len(words)}I", *words)


def read_libcaer(packets: list[tuple[int, bytes]]) -> list[Event]:
    """Follow the words of packets (base in us, bytes) as the drivers write them."""
    found: list[Event] = []
    x = base = polarity = 0
    for base_us, data in packets:
        high = low = 0
        for (word,) in struct.iter_unpack("<H", data[: len(data) // 2 * 2]):
            code, value = word >> 12, word & 0x7FF
            if code == 0:
                high = word & 0xFFF
            elif code == 1:
                low = word & 0xFFF
            elif code == 2:
                x = value
            elif code == 3:
                found.append((x, value, word >> 11 & 1, base_us + (high << 12 | low)))
            elif code == 4:
                base, polarity = value, word >> 11 & 1
            elif code == 5:
                for bit in range(8):
                    if word >> bit & 1:
                        found.append((x, base + bit, polarity, base_us + (high << 12 | low)))
                base = (base + 8) & 0x7FF
    return found
