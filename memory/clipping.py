"""The clips of one session: records and encoders' tokens come in, closed clips go out as rows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from memory.clips import ClipBorders
from memory.rows import Row, clip_key, clip_row, value_row, vector_row
from memory.shortterm import Waiting, compress
from runtime.messages import Clip, Observation, Record, Sensor, Watermark
from runtime.order import END_NS, EventOrder

logger = logging.getLogger(__name__)


class Clipping:
    """Cuts the streams of one session into clips, in the order of events that `order` tells."""

    def __init__(self, session: str, order: EventOrder, counters: Counter[str]) -> None:
        """Count in `counters` what cannot be used."""
        self._session = session
        self._order = order
        self._counters = counters
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

    def rows(self, clips: Sequence[Clip]) -> Iterator[Row]:
        """Yield what is stored of closed clips, once: tokens are forgotten then."""
        for clip in clips:
            yield clip_row(clip)
            yield from self._values_of(clip)

    def _end(self, stream: str) -> list[Clip]:
        mark = self._order.streams.get(stream)
        return self._borders[stream].end(mark.t_ns if mark is not None else 0)

    def _values_of(self, clip: Clip) -> Iterator[Row]:
        """Yield what encoders saw in a clip: its tokens within the budget, and their mean as a key of its own."""
        waiting = self._waiting.get(clip.stream)
        observations = waiting.take(clip.start_ns, clip.end_ns) if waiting is not None else []
        for model in sorted({one.model for one in observations}):
            try:
                kept = compress([one for one in observations if one.model == model])
                value = value_row(clip_key(clip), model, kept.tokens(), kept.weights())
                key = vector_row(clip_key(clip), f"{clip.sensor}:{model}", kept.key())
            except ValueError as error:
                self._counters["unusable tokens"] += 1
                logger.warning("tokens are not kept: %s", error)
            else:
                yield from (value, key)


def _has_ended(mark: Watermark | None, low_ns: int) -> bool:
    return mark is not None and mark.ended and low_ns >= mark.t_ns
