"""A file of an event camera as a stream: packets of 10 ms in EVT3 words, on a clock that begins with its first event.

Where nothing happened packets are up to a second long and empty: the camera was there. A clock that was set back, or
jumped by more than an hour, goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from perception.events.aedat4 import Aedat4File, is_aedat4
from perception.events.arrays import Events, joined, no_events
from perception.events.rawfile import RawFile, is_raw_events
from perception.events.sieve import SET_BACK_US, Sieve
from perception.inputs import DataSample
from perception.yard.evt3 import LARGEST_PX, encode
from runtime.errors import InputError
from runtime.messages import EventsInput
from runtime.recording.contents import ANY

PACKET_US = 10_000
QUIET_US = 1_000_000  # of a packet without events
JUMP_US = 3_600_000_000
MOST_EVENTS = 1 << 20  # of one packet: what is more becomes another one


def is_event_file(path: Path) -> bool:
    """Say by its first bytes whether a file holds the events of a camera and nothing else."""
    try:
        return path.is_file() and (is_raw_events(path) or is_aedat4(path))
    except OSError:
        return False


def begins_ns(path: Path) -> int | None:
    """Return the Unix time of its first event where it says that. Raises InputError or MissingPart if unreadable."""
    reader = _open(path)
    try:
        return reader.begins_ns
    finally:
        reader.close()


class EventFile:
    """Reads the packets of one file; `offset_ns` is added to all times, and what ends before `start_ns` is left out."""

    def __init__(self, path: Path, *, offset_ns: int = 0, start_ns: int = 0) -> None:
        """Raises InputError or MissingPart."""
        self._path = path
        self._file = _open(path)
        header = self._file.header if isinstance(self._file, RawFile) else self._file
        self.width_px, self.height_px = header.width_px, header.height_px
        self.sieve = Sieve(min(self.width_px or LARGEST_PX, LARGEST_PX), min(self.height_px or LARGEST_PX, LARGEST_PX))
        self.jumps = 0  # of its clock
        self._offset_ns = offset_ns
        self._start_ns = start_ns
        self._last_us: int | None = None  # of the clock in the file
        self._reached_us = 0  # of ours
        self._samples = self._read_all()

    @property
    def truncated(self) -> bool:
        """Say whether the file broke off; final once all is read."""
        return bool(self._file.faults)

    @property
    def faults(self) -> list[str]:
        """Return what was left out, a line each; final once all is read."""
        lines, sieve = list(self._file.faults), self.sieve
        if sieve.outside:
            lines.append(f"{self._path}: {sieve.outside} events outside of the sensor were left out")
        if sieve.disordered:
            lines.append(f"{self._path}: {sieve.disordered} events out of order were left out")
        if self.jumps:
            lines.append(f"{self._path}: its clock jumped {self.jumps} times; time went on")
        return lines

    def read(self, count: int) -> list[DataSample]:
        """Return the next `count` packets; fewer at the end, then none."""
        return list(islice(self._samples, count))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_all(self) -> Iterator[DataSample]:
        last_ns = -1
        seq = 0
        for events, from_us, to_us in self._packets():
            if to_us * 1000 + self._offset_ns <= self._start_ns:
                continue
            t_ns = max(from_us * 1000 + self._offset_ns, last_ns + 1)
            yield DataSample(t_ns=t_ns, seq=seq, message=self._packet(events, from_us, to_us, t_ns, seq))
            last_ns = t_ns
            seq += 1

    def _packet(self, events: Events, from_us: int, to_us: int, t_ns: int, seq: int) -> EventsInput:
        return EventsInput(
            session=ANY,
            stream=ANY,
            t_ns=t_ns,
            seq=seq,
            width_px=self.width_px,
            height_px=self.height_px,
            payload=encode(events.x, events.y, events.p, events.t_us, from_us, to_us),
        )

    def _packets(self) -> Iterator[tuple[Events, int, int]]:
        """Yield events with the time from which and until which they are all of them, without a hole."""
        rest, at_us = no_events(), 0
        for piece in self._file.events():
            kept = self.sieve.step(self._on_our_clock(piece))
            rest = joined([rest, kept])
            while len(rest) and rest.t_us[-1] >= at_us + PACKET_US:
                count = int(np.searchsorted(rest.t_us, at_us + PACKET_US))
                end_us = at_us + PACKET_US if count else _quiet_until(at_us, int(rest.t_us[0]))
                yield rest.take(slice(0, count)), at_us, end_us
                rest, at_us = rest.take(slice(count, None)), end_us
            if len(rest) > MOST_EVENTS:
                yield rest, at_us, at_us + PACKET_US
                rest = no_events()
        if len(rest):
            yield rest, at_us, at_us + PACKET_US

    def _on_our_clock(self, events: Events) -> Events:
        """Return events with times that begin at 0 and do not jump."""
        if not len(events):
            return events
        first_us = int(events.t_us[0])
        steps = np.diff(events.t_us, prepend=first_us if self._last_us is None else self._last_us)
        is_jump = (steps < -SET_BACK_US) | (steps > JUMP_US)
        self.jumps += int(np.count_nonzero(is_jump))
        steps[is_jump] = 1
        times = self._reached_us + np.cumsum(steps)
        self._last_us, self._reached_us = int(events.t_us[-1]), int(times[-1])
        return Events(x=events.x, y=events.y, p=events.p, t_us=times)


def _open(path: Path) -> RawFile | Aedat4File:
    if is_raw_events(path):
        return RawFile(path)
    if is_aedat4(path):
        return Aedat4File(path)
    raise InputError(path, "holds no events of a camera")


def _quiet_until(at_us: int, next_us: int) -> int:
    """Return the end of a packet without events: on the grid, at most a second away."""
    return at_us + min(QUIET_US, (next_us - at_us) // PACKET_US * PACKET_US)
