"""Several recordings that are parts of one: split bags, rotated files."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from runtime.recording.container import Channel, Container, Entry


class Several:
    """Parts joined: channels of one topic and type become one, entries come by log time."""

    def __init__(
        self,
        parts: Mapping[str, Container],
        counts: Mapping[tuple[str, str], int] | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        """Join open parts by their names; `counts` may say how many messages there are of a topic and type."""
        self._parts = {name: part for name, part in parts.items() if part.spans or part.channels}
        self._all = dict(parts)  # also those in which nothing is
        self._first_faults = list(faults)
        self._channels: dict[int, Channel] = {}
        self._numbers: dict[str, dict[int, int]] = {}  # part -> its channel -> ours
        self._join()
        counts = counts or {}
        for number, one in self._channels.items():
            self._channels[number] = replace(one, count=counts.get((one.topic, one.schema), one.count))

    @property
    def faults(self) -> list[str]:
        """Return what could not be read so far, with the name of its part."""
        return self._first_faults + [f"{name}: {one}" for name, part in self._all.items() for one in part.faults]

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Return the channels by their number, which is not that in the parts."""
        return self._channels

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the recorder noted in any part; later parts win."""
        noted: dict[str, dict[str, str]] = {}
        for part in self._parts.values():
            for name, record in part.metadata.items():
                noted.setdefault(name, {}).update(record)
        return noted

    @property
    def jumps(self) -> int:
        """Return how often the recorder's clock was set back within a part."""
        return sum(part.jumps for part in self._parts.values())

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from when to when something was logged, oldest first."""
        return sorted(span for part in self._parts.values() for span in part.spans)

    def entries(self, channels: Collection[int] | None = None, start_ns: int = 0) -> Iterator[Entry]:
        """Yield entries by log time; a part is read from when its time comes, so that few are in memory at once."""
        waiting = sorted(
            (part.spans[0][0], at, name) for at, (name, part) in enumerate(self._parts.items()) if part.spans
        )
        heap: list[tuple[int, int, Entry, Iterator[Entry]]] = []  # log time, part (each once), its next entry, the rest
        while heap or waiting:
            while waiting and (not heap or waiting[0][0] <= heap[0][0]):
                _, at, name = waiting.pop(0)
                later = self._of_part(name, channels, start_ns)
                if (entry := next(later, None)) is not None:
                    heapq.heappush(heap, (entry.log_ns, at, entry, later))
            if heap:
                _, at, entry, later = heap[0]
                yield entry
                if (following := next(later, None)) is not None:
                    heapq.heapreplace(heap, (following.log_ns, at, following, later))
                else:
                    heapq.heappop(heap)

    def close(self) -> None:
        """Close all parts."""
        for part in self._all.values():
            part.close()

    def _of_part(self, name: str, channels: Collection[int] | None, start_ns: int) -> Iterator[Entry]:
        ours = self._numbers[name]
        theirs = [its for its, own in ours.items() if channels is None or own in channels]
        if theirs:
            for entry in self._parts[name].entries(theirs, start_ns):
                yield replace(entry, channel=ours[entry.channel])

    def _join(self) -> None:
        known: dict[tuple[str, str, str, bytes], int] = {}
        for name, part in self._parts.items():
            self._numbers[name] = {}
            for number, channel in part.channels.items():
                key = (channel.topic, channel.schema, channel.encoding, channel.schema_data)
                ours = known.setdefault(key, len(known) + 1)
                before = self._channels.get(ours)
                count = channel.count
                if before is not None:
                    count = None if count is None or before.count is None else count + before.count
                self._channels[ours] = replace(before or channel, id=ours, count=count)
                self._numbers[name][number] = ours
