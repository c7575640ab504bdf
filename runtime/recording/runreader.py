"""A run's messages, read back one after the other in the order in which they were heard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from runtime.errors import InputError, WireError
from runtime.messages import Message
from runtime.recording import buslog
from runtime.recording.bags import open_container
from runtime.recording.contents import STREAM

MOST_NS = 2**63


def origin_of(about: Mapping[str, str]) -> int | None:
    """Return the Unix time of a run's event time 0, None where it does not say."""
    text = about.get("origin_ns", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < MOST_NS else None


class RunReader:
    """An open run. Raises InputError where the file is none."""

    def __init__(self, path: Path, without: Collection[str] = ()) -> None:
        """Look at what it holds, `without` some kinds; it stays open until `close`."""
        self._container = open_container(path)
        known = {
            number: channel
            for number, channel in self._container.channels.items()
            if buslog.is_message(channel) and STREAM not in channel.metadata
        }
        if not known:
            self._container.close()
            raise InputError(path, "holds no messages of a run: `heedful replay --out` and `record --bus` write them")
        unread = {buslog.PREFIX + kind for kind in without}
        self._channels = {number: one for number, one in known.items() if one.schema not in unread}
        self._bad = 0
        self._first_bad = ""

    @property
    def about(self) -> Mapping[str, str]:
        """Return what is noted of the run; nothing where it was killed."""
        return self._container.metadata.get(buslog.RUN, {})

    @property
    def faults(self) -> list[str]:
        """Return what could not be read, a line each; final once all messages were read."""
        told = [f"{self._bad} messages are not as they should be; the first: {self._first_bad}"] if self._bad else []
        return [*self._container.faults, *told]

    def messages(self, kinds: Collection[str] | None = None) -> Iterator[Message]:
        """Yield every message that can be read, or those of some kinds."""
        self._bad, self._first_bad = 0, ""
        wanted = {
            number
            for number, channel in self._channels.items()
            if kinds is None or channel.schema.removeprefix(buslog.PREFIX) in kinds
        }
        for entry in self._container.entries(wanted):
            try:
                yield buslog.from_entry(self._channels[entry.channel], entry)
            except WireError as error:
                self._bad += 1
                self._first_bad = self._first_bad or str(error)

    def close(self) -> None:
        """Close the file."""
        self._container.close()
