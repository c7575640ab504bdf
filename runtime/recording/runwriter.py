"""A run as a file: every message that was heard, in the order in which it was heard, and what it was a run of."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from runtime.digest import RunDigest
from runtime.messages import Message
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter


class RunWriter:
    """Writes one run. Raises as `RecordingWriter` does."""

    def __init__(self, path: Path, session: str, config_json: str, source: str) -> None:
        """Begin a file; `source` is replay or live."""
        self._digest = RunDigest()
        self._about = {"session": session, "source": source, "config": config_json}
        self._writer = RecordingWriter(path, {"session": session}, syncs=False)
        self._channels: dict[str, int] = {}
        self._seq = 0

    def add(self, message: Message) -> None:
        """Take the next message."""
        info = buslog.channel_of(message)
        channel = self._channels.get(info.topic)
        if channel is None:
            channel = self._channels[info.topic] = self._writer.channel(info)
        self._digest.add(message)
        self._seq += 1
        data, event_ns = buslog.to_entry(message), buslog.event_ns(message)
        self._writer.write(channel, log_ns=time.time_ns(), publish_ns=event_ns, seq=self._seq, data=data)

    def close(self, latency_ms: Mapping[str, tuple[float, float]], **values: float) -> None:
        """Note what is known only now, and end the file."""
        numbers = {name: f"{value:.6f}" for name, value in values.items()}
        told = {"digest": self._digest.total(), "latency_ms": json.dumps(latency_ms)}
        self._writer.note(buslog.RUN, self._about | told | numbers)
        self._writer.close()
