"""The clips of one session: records and encoders' tokens come in, closed clips go out as rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from memory.clips import ClipBorders
from memory.rows import Row, clip_key, clip_row, value_row, vector_row
from memory.shortterm import Waiting, compress
from runtime.messages import Clip, Observation, Record, Sensor, Watermark
from runtime.order import END_NS, EventOrder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closed:
    """A clip that has closed, and what encoders saw in it."""

    clip: Clip
    observations: Sequence[Observation]


class Clipping:
    """Cuts the streams of one session into clips, in the order of events that `order` tells."""

    def __init__(self, session: str, order: EventOrder) -> None:
        self._session = session
        self._order = order
        self._borders: dict[str, ClipBorders] = {}
        self._waiting: dict[str, Waiting] = {}  # tokens whose clip is open
        self._ended: set[str] = set()

    @property
    def lost(self) -> int:
        """Return how many observations were given up, because their clip stayed open for too long."""
        return sum(waiting.lost for waiting in self._waiting.values())

    def observe(self, observation: Observation) -> None:
        """Keep tokens until the clip that they belong to closes."""
        self._waiting.setdefault(observation.stream, Waiting()).add(observation)

    def add(self, record: Record) -> list[Clip]:
        """Put a record into the clip of its stream; return those that this closed."""
        borders = self._borders.get(record.stream)
        if borders is None:
            mark = self._order.streams.get(record.stream)
            sensor: Sensor = mark.sensor if mark is not None else "video"
            borders = self._borders[record.stream] = ClipBorders(self._session, record.stream, record.epoch, sensor)
        return borders.add(record)

    def advance(self) -> list[Clip]:
        """Close the clips that event time, or the end of their stream, has left behind."""
        clips = []
        for stream, borders in self._borders.items():
            mark = self._order.streams.get(stream)
            if _has_ended(mark, self._order.low_ns) and stream not in self._ended:
                self._ended.add(stream)
                clips += self._end(stream)
            elif self._order.low_ns < END_NS:
                clips += borders.advance(self._order.low_ns)
        return clips

    def end(self) -> list[Clip]:
        """Close the clips that are open when this memory ends."""
        return [clip for stream in self._borders for clip in self._end(stream)]

    def take(self, clips: Sequence[Clip]) -> list[Closed]:
        """Return closed clips with their tokens, once: these are forgotten then."""
        return [Closed(clip, self._observations_of(clip)) for clip in clips]

    def _end(self, stream: str) -> list[Clip]:
        mark = self._order.streams.get(stream)
        return self._borders[stream].end(mark.t_ns if mark is not None else 0)

    def _observations_of(self, clip: Clip) -> list[Observation]:
        waiting = self._waiting.get(clip.stream)
        return waiting.take(clip.start_ns, clip.end_ns) if waiting is not None else []


def rows_of(closed: Sequence[Closed]) -> tuple[list[Row], int]:
    """Return what is stored of closed clips, and how many models' tokens could not be used.

    With many tokens a clip takes some hundred milliseconds, so this does not belong on the event loop.
    """
    rows: list[Row] = []
    unusable = 0
    for one in closed:
        rows.append(clip_row(one.clip))
        for model in sorted({observation.model for observation in one.observations}):
            try:
                rows += _value_of(one, model)
            except ValueError as error:
                unusable += 1
                logger.warning("tokens are not kept: %s", error)
    return rows, unusable


def _value_of(closed: Closed, model: str) -> list[Row]:
    """Return what one encoder saw in a clip: its tokens within the budget, and their mean as a key of its own."""
    clip = closed.clip
    kept = compress([one for one in closed.observations if one.model == model])
    value = value_row(clip_key(clip), model, kept.tokens(), kept.weights())
    return [value, vector_row(clip_key(clip), f"{clip.sensor}:{model}", kept.key())]


def _has_ended(mark: Watermark | None, low_ns: int) -> bool:
    return mark is not None and mark.ended and low_ns >= mark.t_ns
