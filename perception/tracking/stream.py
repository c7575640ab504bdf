"""One radar from sweeps to records: what came nearer, went away or passed, in pieces while it is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from perception.inputs import DataSample
from perception.tracking.points import read_sweep
from perception.tracking.poses import EgoMotion
from perception.tracking.radar import Mover, RadarTracker
from runtime.messages import Detection, RadarInput, Ranged, Record, Seen

PIECE_NS = 2_000_000_000  # so that who asks need not wait for the end
LOST_NS = 1_000_000_000  # without a sweep that has it: the next one begins another piece
MODEL = "radar tracks"
LABEL = "something"  # a radar does not know what
SURE = 1.0  # a track is told of once it is confirmed


@dataclass(slots=True)
class _Piece:
    """What is known of one track since the last record."""

    start_ns: int
    from_m: float
    end_ns: int
    last: Mover
    speeds_mps: list[float] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return self.end_ns - self.start_ns >= PIECE_NS

    def add(self, mover: Mover, t_ns: int) -> None:
        self.end_ns, self.last = t_ns, mover
        self.speeds_mps.append(mover.speed_mps)


class RadarStream:
    """Perceives one radar; all state is here, so a stream in pieces gives what the whole gives."""

    active_ns: int | None = None  # what goes on is told of after two seconds
    blind = ""
    blind_since_ns: int | None = None

    def __init__(
        self,
        session: str,
        stream: str,
        epoch: int,
        ego_at: Callable[[int], EgoMotion | None] = lambda _: None,
        close: Callable[[], None] | None = None,
    ) -> None:
        """Begin with nothing; `ego_at` says how the sensor moved at a time, None where no pose tells.

        `close` is called at the end of a recording.
        """
        self._close = close
        self._session = session
        self._stream = stream
        self._epoch = epoch
        self._ego_at = ego_at
        self._tracker = RadarTracker()
        self._pieces: dict[int, _Piece] = {}  # by track, in the order of their beginning
        self._detections = 0
        self._t_ns = -1
        self._sweeps = self._points = self._dropped = self._excess = self._speedless = self._late = 0

    @property
    def counters(self) -> dict[str, int]:
        """Return what came, and what was left out."""
        return {
            "sweeps": self._sweeps,
            "points": self._points,
            "points not finite": self._dropped,
            "points too many": self._excess,
            "sweeps without speed": self._speedless,
            "sweeps without ego motion": self._tracker.unplaced,
            "sweeps out of order": self._late,
        }

    def step(self, samples: Sequence[DataSample]) -> list[Record]:
        """Take the next sweeps, in order; returns what became known."""
        records: list[Record] = []
        for sample in samples:
            assert isinstance(sample.message, RadarInput)
            if sample.t_ns <= self._t_ns:
                self._late += 1
                continue
            self._t_ns = sample.t_ns
            records += self._told(self._follow(sample.message, sample.t_ns))
        return records

    def finish(self) -> list[Record]:
        """Close what is open."""
        if self._close is not None:
            self._close()
        pieces, self._pieces = self._pieces, {}
        return self._told(list(pieces.items()))

    def _follow(self, message: RadarInput, t_ns: int) -> list[tuple[int, _Piece]]:
        """Take a sweep; return the pieces that are over, with their tracks."""
        sweep = read_sweep(message)
        self._sweeps += 1
        self._points += len(sweep.points)
        self._dropped += sweep.dropped
        self._excess += sweep.excess
        self._speedless += not (sweep.has_speed or sweep.has_compensated)
        lost = [one for one in self._pieces.items() if t_ns - one[1].end_ns > LOST_NS]
        for track, _ in lost:
            del self._pieces[track]
        for mover in self._tracker.step(sweep, t_ns, self._ego_at(t_ns)):
            if mover.track not in self._pieces:
                self._pieces[mover.track] = _Piece(t_ns, mover.range_m, t_ns, mover)
            self._pieces[mover.track].add(mover, t_ns)
        full = [one for one in self._pieces.items() if one[1].is_long]
        for track, piece in full:  # the next one begins where this one ends
            self._pieces[track] = _Piece(piece.end_ns, piece.last.range_m, piece.end_ns, piece.last)
        return [*lost, *full]

    def _told(self, pieces: Sequence[tuple[int, _Piece]]) -> list[Record]:
        return [self._detection(track, piece) for track, piece in pieces if piece.end_ns > piece.start_ns]

    def _detection(self, track: int, piece: _Piece) -> Detection:
        self._detections += 1
        passed_s = (piece.end_ns - piece.start_ns) / 1e9
        ranged = Ranged(
            track=track,
            range_m=round(piece.last.range_m, 2),
            from_m=round(piece.from_m, 2),
            bearing_deg=round(piece.last.bearing_deg, 1),
            speed_mps=round(sum(piece.speeds_mps) / len(piece.speeds_mps), 2),
            approach_mps=round((piece.from_m - piece.last.range_m) / passed_s, 2),
        )
        return Detection(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._detections,
            t_ns=self._t_ns,
            model=MODEL,
            things=(Seen(label=LABEL, score=SURE, ranged=ranged),),
            start_ns=piece.start_ns,
            end_ns=piece.end_ns,
        )
