"""A run as a file: every message that was heard, in the order in which it was heard, and what it was a run of."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runtime import wire
from runtime.digest import RunDigest
from runtime.errors import MissingPart
from runtime.messages import Message
from runtime.new_file import check_new
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter

ROOM_BYTES = 16 << 20  # of messages that wait to be written
ITEM_BYTES = 1024  # about what one takes beside payload and tensors
BATCH_BYTES = 1 << 20  # that are written before there is room again
TICK_S = 0.1  # between two looks at what waits


class RunWriter:
    """Writes one run, on a thread of its own; one thread adds and closes. Raises as `RecordingWriter` does.

    What the disk says against an entry is raised by the next call. Nothing is left out: where more waits than there is
    room for, `add` waits too.
    """

    def __init__(self, path: Path, config_json: str, source: str, *, room_bytes: int = ROOM_BYTES) -> None:
        """Write to a new file; `source` is replay, live, or the service that was swapped.

        Raises ConfigError where it is there already or cannot be written, before anything else is begun.
        """
        check_new("--out", path)
        self._digest = RunDigest()
        self._about = {"source": source, "config": config_json}
        self._path = path
        self._writer: RecordingWriter | None = None  # a run that cannot begin leaves no file
        self._has_ended = False
        self._channels: dict[str, int] = {}
        self._seq = 0
        self._room_bytes = room_bytes
        self._waiting: deque[tuple[int, int, Message]] = deque()  # when it was heard, about how large it is
        self._waiting_bytes = 0
        self._is_ending = False
        self._error: Exception | None = None  # that of the thread
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, message: Message) -> None:
        """Take the next message."""
        heard_ns, size_bytes = time.time_ns(), _size_bytes(message)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="run", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting_bytes < self._room_bytes or self._error)
            if self._error is not None:
                raise self._error
            self._waiting.append((heard_ns, size_bytes, message))
            self._waiting_bytes += size_bytes
            if self._waiting_bytes >= min(BATCH_BYTES, self._room_bytes):
                self._changed.notify_all()  # else it looks by itself: to wake it for each would cost more than writing

    def close(
        self,
        session: str,
        latency_ms: Mapping[str, tuple[float, float]],
        *,
        origin_ns: int | None = None,
        **values: float,
    ) -> None:
        """Note what is known only now, and end the file; `origin_ns` is the Unix time of event time 0."""
        self._end_thread()
        if self._error is not None:
            raise self._error
        told = {name: f"{value:.6f}" for name, value in values.items()}
        told |= {"session": session, "digest": self._digest.total(), "latency_ms": json.dumps(latency_ms)}
        if origin_ns is not None:
            told["origin_ns"] = str(origin_ns)
        self._end(told)

    def break_off(self) -> bool:
        """End the file of a run that did not come to its end, with all that was added; say whether there is one."""
        self._end_thread()
        if self._writer is None:
            return False
        if not isinstance(self._error, MissingPart) and not self._has_ended:
            with suppress(MissingPart):  # why the run broke off is what matters
                self._end({"broke_off": "true"})
        return True

    def _end_thread(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _end(self, told: Mapping[str, str]) -> None:
        try:
            writer = self._opened()
            writer.note(buslog.RUN, {**self._about, **told})
            writer.close()
            self._has_ended = True
        except MissingPart as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        """Keep to what is in the file: where the disk has failed, up to its last whole chunk."""
        if isinstance(error, MissingPart) and self._writer is not None:
            self._writer.abandon()
        with self._changed:
            self._error = error
            self._waiting.clear()
            self._waiting_bytes = 0
            self._changed.notify_all()

    # From here on: on the thread.

    def _write_all(self) -> None:
        try:
            while (batch := self._next()) is not None:
                for heard_ns, message in batch:
                    self._write(heard_ns, message)
                if self._writer is not None:
                    self._writer.tick()
        except Exception as error:  # whatever it is, whoever adds or closes is told
            self._fail(error)

    def _next(self) -> list[tuple[int, Message]] | None:
        """Return what waits, after a while perhaps nothing; None at the end."""
        with self._changed:
            is_much = min(BATCH_BYTES, self._room_bytes)
            self._changed.wait_for(lambda: self._is_ending or self._waiting_bytes >= is_much, TICK_S)
            if self._is_ending and not self._waiting:
                return None
            batch: list[tuple[int, Message]] = []
            room_bytes = BATCH_BYTES
            while self._waiting and room_bytes > 0:
                heard_ns, size_bytes, message = self._waiting.popleft()
                batch.append((heard_ns, message))
                self._waiting_bytes -= size_bytes
                room_bytes -= size_bytes
            self._changed.notify_all()
            return batch

    def _write(self, heard_ns: int, message: Message) -> None:
        info = buslog.channel_of(message)
        self._digest.add(message)
        self._seq += 1
        data, event_ns = buslog.to_entry(message), buslog.event_ns(message)
        writer = self._opened()
        channel = self._channels.get(info.topic)
        if channel is None:
            channel = self._channels[info.topic] = writer.channel(info)
        writer.write(channel, log_ns=heard_ns, publish_ns=event_ns, seq=self._seq, data=data)

    def _opened(self) -> RecordingWriter:
        if self._writer is None:
            self._writer = RecordingWriter(self._path, {"source": self._about["source"]}, syncs=False)
        return self._writer


def _size_bytes(message: Message) -> int:
    """Return about what a message takes while it waits."""
    held = (getattr(message, name) for name in ("payload", *wire.tensor_ranks(message.kind)) if hasattr(message, name))
    return ITEM_BYTES + sum(getattr(one, "nbytes", None) or len(one) for one in held if one is not None)
