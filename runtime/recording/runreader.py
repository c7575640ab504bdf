"""A run's messages, read back one after the other in the order in which they were heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime.errors import InputError, WireError
from runtime.messages import Message
from runtime.recording import buslog
from runtime.recording.bags import open_container
from runtime.recording.readers import STREAM


class RunReader:
    """An open run. Raises InputError where the file is none."""

    def __init__(self, path: Path) -> None:
        """Look at what it holds; it stays open until `close`."""
        self._container = open_container(path)
        self._channels = {
            number: channel
            for number, channel in self._container.channels.items()
            if buslog.is_message(channel) and STREAM not in channel.metadata
        }
        self._path = path
        self.unreadable = 0
        if not self._channels:
            self._container.close()
            raise InputError(path, "holds no messages of a run: `heedful replay --out` and `record --bus` write them")

    @property
    def about(self) -> Mapping[str, str]:
        """Return what is noted of the run; nothing where it was killed."""
        return self._container.metadata.get(buslog.RUN, {})

    @property
    def faults(self) -> list[str]:
        """Return what could not be read, a line each; final once all messages were read."""
        lines = [f"{self._path}: {fault}" for fault in self._container.faults]
        if self.unreadable:
            lines.append(f"{self._path}: {self.unreadable} messages are not what this version writes: left out")
        return lines

    def messages(self) -> Iterator[Message]:
        """Yield every message that can be read."""
        for entry in self._container.entries(self._channels.keys()):
            try:
                yield buslog.from_entry(self._channels[entry.channel], entry)
            except WireError:
                self.unreadable += 1

    def close(self) -> None:
        """Close the file."""
        self._container.close()
