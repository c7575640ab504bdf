"""A run as a file: every message that was heard, in the order in which it was heard, and what it was a run of."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from runtime.digest import RunDigest
from runtime.errors import ConfigError
from runtime.messages import Message
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter


class RunWriter:
    """Writes one run. Raises as `RecordingWriter` does."""

    def __init__(self, path: Path, config_json: str, source: str) -> None:
        """Write to a new file; `source` is replay, live, or the service that was swapped. Raises ConfigError."""
        self._digest = RunDigest()
        self._about = {"source": source, "config": config_json}
        if path.exists():
            raise ConfigError(str(path), "is there already; name a new file")
        self._path = path
        self._writer: RecordingWriter | None = None  # a run that cannot begin leaves no file
        self._channels: dict[str, int] = {}
        self._seq = 0

    def add(self, message: Message) -> None:
        """Take the next message."""
        writer, info = self._opened(), buslog.channel_of(message)
        channel = self._channels.get(info.topic)
        if channel is None:
            channel = self._channels[info.topic] = writer.channel(info)
        self._digest.add(message)
        self._seq += 1
        data, event_ns = buslog.to_entry(message), buslog.event_ns(message)
        writer.write(channel, log_ns=time.time_ns(), publish_ns=event_ns, seq=self._seq, data=data)

    def close(self, session: str, latency_ms: Mapping[str, tuple[float, float]], **values: float) -> None:
        """Note what is known only now, and end the file."""
        numbers = {name: f"{value:.6f}" for name, value in values.items()}
        told = {"session": session, "digest": self._digest.total(), "latency_ms": json.dumps(latency_ms)}
        writer = self._opened()
        writer.note(buslog.RUN, self._about | told | numbers)
        writer.close()

    def _opened(self) -> RecordingWriter:
        if self._writer is None:
            self._writer = RecordingWriter(self._path, {"source": self._about["source"]}, syncs=False)
        return self._writer
