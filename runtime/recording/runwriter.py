"""A run as a file: every message that was heard, in the order in which it was heard, and what it was a run of."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.digest import RunDigest
from runtime.errors import MissingPart
from runtime.messages import Message
from runtime.new_file import check_new
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter


class RunWriter:
    """Writes one run. Raises as `RecordingWriter` does."""

    def __init__(self, path: Path, config_json: str, source: str) -> None:
        """Write to a new file; `source` is replay, live, or the service that was swapped.

        Raises ConfigError where it is there already or cannot be written, before anything else is begun.
        """
        check_new("--out", path)
        self._digest = RunDigest()
        self._about = {"source": source, "config": config_json}
        self._path = path
        self._writer: RecordingWriter | None = None  # a run that cannot begin leaves no file
        self._has_failed = self._has_ended = False
        self._channels: dict[str, int] = {}
        self._seq = 0

    def add(self, message: Message) -> None:
        """Take the next message."""
        info = buslog.channel_of(message)
        self._digest.add(message)
        self._seq += 1
        data, event_ns = buslog.to_entry(message), buslog.event_ns(message)
        with self._failing():
            writer = self._opened()
            channel = self._channels.get(info.topic)
            if channel is None:
                channel = self._channels[info.topic] = writer.channel(info)
            writer.write(channel, log_ns=time.time_ns(), publish_ns=event_ns, seq=self._seq, data=data)

    def close(
        self,
        session: str,
        latency_ms: Mapping[str, tuple[float, float]],
        *,
        origin_ns: int | None = None,
        **values: float,
    ) -> None:
        """Note what is known only now, and end the file; `origin_ns` is the Unix time of event time 0."""
        told = {name: f"{value:.6f}" for name, value in values.items()}
        told |= {"session": session, "digest": self._digest.total(), "latency_ms": json.dumps(latency_ms)}
        if origin_ns is not None:
            told["origin_ns"] = str(origin_ns)
        self._end(told)

    def break_off(self) -> bool:
        """End the file of a run that did not come to its end; say whether there is one."""
        if self._writer is None:
            return False
        if not self._has_failed and not self._has_ended:
            with suppress(MissingPart):  # why the run broke off is what matters
                self._end({"broke_off": "true"})
        return True

    def _end(self, told: Mapping[str, str]) -> None:
        with self._failing():
            writer = self._opened()
            writer.note(buslog.RUN, {**self._about, **told})
            writer.close()
            self._has_ended = True

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Leave the file alone once the disk has failed: what is in it can be read."""
        try:
            yield
        except MissingPart:
            self._has_failed = True
            if self._writer is not None:
                self._writer.abandon()
            raise

    def _opened(self) -> RecordingWriter:
        if self._writer is None:
            self._writer = RecordingWriter(self._path, {"source": self._about["source"]}, syncs=False)
        return self._writer
