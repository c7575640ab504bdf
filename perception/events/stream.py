"""One event camera from packets to records: what moved where, flashes, and whether it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from perception.events.activity import WINDOW_NS, Active, ActivityMap
from perception.events.clock import SensorClock, WindowSorter
from perception.events.decoders import PacketDecoder
from perception.events.sieve import Sieve
from perception.inputs import DataSample
from perception.motion import OPENS_AFTER_NS, MotionPiece, MotionSegments
from runtime.messages import Box, EventsInput, Motion, Record, Sensor

USUAL_PX = (1280, 720)  # where a sender does not say
LARGEST_PX = 4096
SMALLEST_AREA = 0.002  # of the picture
LONGEST_WINDOWS = 40  # a pause of more is none of rest
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class EventStream:
    """Perceives one event camera; all state is here, so a stream in pieces gives what the whole gives."""

    sensor: ClassVar[Sensor] = "events"

    def __init__(self, session: str, stream: str, epoch: int, stale_s: float) -> None:
        """Start with nothing seen; without any event for `stale_s` it is blind."""
        self.blind = ""
        self._session = session
        self._stream = stream
        self._epoch = epoch
        self._stale_ns = round(stale_s * 1e9)
        self._decoder = PacketDecoder()
        self._clock = SensorClock()
        self._sorter = WindowSorter(WINDOW_NS)
        self._segments = MotionSegments(SMALLEST_AREA)
        self._flash: tuple[int, int, float] | None = None  # from, until, area of a flash that goes on
        self._motions = 0
        self._seen = self._outside = self._disordered = self._unreadable = self._rate_hz = 0
        self._last_event_ns: int | None = None
        self._t_ns = 0
        self._sieve = Sieve(*USUAL_PX)
        self._resize((0, 0))

    @property
    def blind_since_ns(self) -> int | None:
        """Since when no event has come, where it is blind."""
        return self._last_event_ns if self.blind else None

    @property
    def active_ns(self) -> int | None:
        """Since when something moves that no record tells of yet."""
        return self._segments.active_ns

    @property
    def counters(self) -> dict[str, int]:
        """Return what came, and what was left out."""
        return {
            "events": self._seen,
            "events/s": self._rate_hz,  # in the newest window
            "outside": self._outside + self._sieve.outside,
            "out of order": self._disordered + self._sieve.disordered,
            "too many": self._sorter.lost,
            "unreadable packets": self._unreadable,
            "wraps": self._decoder.wraps,
            "clock jumps": self._clock.jumps,
        }

    def step(self, samples: Sequence[DataSample]) -> list[Record]:
        """Take the next packets, in order; returns what became known, each stamped with the packet that showed it."""
        records: list[Record] = []
        for sample in samples:
            assert isinstance(sample.message, EventsInput)
            self._t_ns = sample.t_ns
            records += self._take(sample.message)
            records += self._look(sample.t_ns)
            if self._last_event_ns is None:
                self._last_event_ns = sample.t_ns
            self.blind = "no events" if sample.t_ns - self._last_event_ns > self._stale_ns else ""
        return records

    def finish(self) -> list[Record]:
        """Close what is open at the end of the stream."""
        rest_ns = self._sorter.rest_ns()
        records = self._look(max(self._t_ns, rest_ns or 0))
        pieces = self._segments.flush(self._t_ns)
        return [*records, *self._told([*pieces, *self._flashed()])]

    def _take(self, packet: EventsInput) -> list[Record]:
        """Sort a packet's events into windows; a sensor of another size begins anew."""
        records: list[Record] = []
        if (packet.width_px, packet.height_px) != self._said:
            records = self.finish()
            self._resize((packet.width_px, packet.height_px))
        try:
            events = self._decoder.step(packet)
        except ValueError:
            self._unreadable += 1
            return records
        events = self._sieve.step(events)
        self._seen += len(events)
        t_ns = self._clock.step(events.t_us, self._t_ns)
        if len(events):
            self._last_event_ns = max(self._t_ns, int(t_ns[-1]))
            pixels = events.y.astype(np.int64)
            pixels *= self._width_px
            pixels += events.x
            self._sorter.add(t_ns, pixels)
        return records

    def _look(self, until_ns: int) -> list[Record]:
        """Look at the windows that have ended."""
        pieces: list[MotionPiece] = []
        for window_ns, pixels in self._sorter.ended(until_ns, LONGEST_WINDOWS):
            end_ns = min(window_ns, self._t_ns)  # at the end of a stream the last one is cut short
            active = self._activity.step(pixels)
            self._rate_hz = active.count * 1_000_000_000 // WINDOW_NS
            pieces += self._segments.step(active, end_ns)
            if active.is_whole:
                self._note_flash(active, end_ns)
            else:
                pieces += self._flashed()
        return self._told(pieces)

    def _note_flash(self, active: Active, end_ns: int) -> None:
        from_ns, _, area = self._flash or (end_ns - WINDOW_NS, 0, 0.0)
        self._flash = from_ns, end_ns, max(area, active.area)

    def _flashed(self) -> list[MotionPiece]:
        """Return a flash that is over and too short for a movement; longer ones, and those amid one, are movement."""
        if self._flash is None:
            return []
        from_ns, until_ns, area = self._flash
        self._flash = None
        if until_ns - from_ns > OPENS_AFTER_NS or self._segments.active_ns is not None:
            return []
        return [MotionPiece(start_ns=from_ns, end_ns=until_ns, boxes=(WHOLE,), area=area)]

    def _told(self, pieces: Sequence[MotionPiece]) -> list[Record]:
        return [self._motion(piece) for piece in pieces]

    def _motion(self, piece: MotionPiece) -> Motion:
        self._motions += 1
        return Motion(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._motions,
            t_ns=max(self._t_ns, piece.end_ns),
            start_ns=piece.start_ns,
            end_ns=piece.end_ns,
            boxes=tuple(tuple(round(float(side), 4) for side in box) for box in piece.boxes),  # type: ignore[misc]
            area=round(float(piece.area), 4),
        )

    def _resize(self, said: tuple[int, int]) -> None:
        """Begin with a sensor of a size as its packets say it, 0 where they do not."""
        self._outside += self._sieve.outside
        self._disordered += self._sieve.disordered
        self._said = said
        width_px, height_px = (min(side, LARGEST_PX) or usual for side, usual in zip(said, USUAL_PX, strict=True))
        self._width_px = width_px
        self._sieve = Sieve(width_px, height_px)
        self._activity = ActivityMap(width_px, height_px)
