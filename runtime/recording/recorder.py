"""What a live session writes down: every input as it came and, where that is wanted, every message of the bus.

    bus, taps of cameras and microphones -> backlog -> one thread: encode, write, end chunks

It hears the bus through a connection of its own that never makes a sender wait: what it cannot take in time is lost
and counted. A disk that fills ends the recording, not the session.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial

from runtime.bus import Bus, Subscription, drop_oldest, filter_of
from runtime.errors import HeedfulError
from runtime.messages import KINDS, DeadLetter, Input, Message
from runtime.metrics import Meter
from runtime.recording import buslog, inputlog
from runtime.recording.backlog import Arrival, Backlog, Entries
from runtime.recording.contents import Content, InputKind
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter
from runtime.service import Worker
from runtime.wire import tensor_ranks

logger = logging.getLogger(__name__)

INPUTS: tuple[InputKind, ...] = ("image", "audio", "radar", "events", "pose", "imu", "calibration")
ROOM = 2048  # packets that may come while the event loop is busy
TICK_S = 0.1  # between two looks at what waits
CLOSE_S = 1.0  # for what is left to write after the session has ended


class Recorder:
    """Writes one session into one recording; `bus` is set before it runs.

    `streams` are those of the configuration, with the kind of input where that comes over MQTT.
    """

    name = "recorder"

    def __init__(
        self,
        writer: RecordingWriter,
        session: str,
        streams: Mapping[str, InputKind | None],
        *,
        about_run: Mapping[str, str] | None = None,
    ) -> None:
        """Write to `writer`, which this closes; with `about_run`, metadata of the run, the bus is kept too."""
        self.bus: Bus | None = None
        self.meters: Sequence[Meter] = ()  # of the services of the session
        self.ready = asyncio.Event()  # it hears everything from now on
        self.has_begun = False
        self.unreadable = 0  # inputs that were no messages, or state what cannot be
        self._writer = writer
        self._session = session
        self._streams = streams
        self._about_run = about_run
        self._backlog = Backlog()
        self._numbers: dict[tuple[str, str], int] = {}  # of channels, by topic and schema
        self._inbox: Subscription | None = None
        self._latency_ms: dict[str, tuple[float, float]] = {}
        self._worker = Worker(self.name)
        self._stopping = asyncio.Event()
        self._ending = threading.Event()
        self._done = threading.Event()
        self._parts = writer.parts

    def put(self, stream: str, kind: InputKind, content: Content, arrived_ns: int) -> None:
        """Write down an input of this machine soon; any thread may call this."""
        arrival = Arrival(
            stream=stream,
            kind=kind,
            arrived_ns=arrived_ns,
            stated_ns=content.t_ns,
            size_bytes=len(getattr(content, "payload", b"")),
            encode=partial(inputlog.entries_of, stream, kind, content),
        )
        self._backlog.put(arrival)

    def lose(self, stream: str, kind: InputKind) -> None:
        """Count an input that was lost before it came here."""
        self._backlog.lose(stream, kind)

    @property
    def lost(self) -> int:
        """Return how many inputs and messages came and were not written."""
        return self._backlog.lost + (0 if self._inbox is None else self._inbox.lost)

    async def run(self) -> None:
        """Write until `stop`; then what was heard until then."""
        assert self.bus is not None
        try:
            inbox = self._inbox = await self.bus.subscribe(*self._filters(), rule=drop_oldest(ROOM))
            inbox.refuse = self._refuse
            self.has_begun = True
            writing = self._worker.begin(self._write_all)
            self.ready.set()
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_watch(writing), name="recording")
                listening = group.create_task(self._listen(inbox), name="recorded messages")
                await self._stopping.wait()
                inbox.close()
                await listening
                self._latency_ms = {stage: some for meter in self.meters for stage, some in meter.latency_ms().items()}
                self._ending.set()
                await watching
        finally:
            self._ending.set()
            self._worker.close()

    def stop(self) -> None:
        """Hear nothing more; write what waits."""
        self._stopping.set()

    def close(self, limit_s: float = CLOSE_S) -> None:
        """Wait for the file where the session could not; call this after the event loop has ended."""
        if not self.has_begun:
            self._writer.close()
            return
        self._ending.set()
        if not self._done.wait(limit_s):
            logger.warning("%s could not be finished in time; it can be read without its index", self._writer.path)

    def summary(self) -> str:
        """Return one line about the recording."""
        more = f", {self.unreadable} unreadable" if self.unreadable else ""
        return (
            f"recorded {self._writer.path}: {self._writer.messages} messages, "
            f"{self._writer.written_bytes / 1e6:.1f} MB in {self._writer.parts} file(s), {self.lost} lost{more}"
        )

    def _filters(self) -> list[str]:
        wanted = [
            filter_of(self._session, kind, stream)
            for stream, arriving in self._streams.items()
            for kind in INPUTS
            if kind in (arriving, "calibration")
        ]
        if self._about_run is not None:
            wanted += [filter_of(self._session, name) for name in KINDS if name not in INPUTS and _is_public(name)]
        return wanted

    async def _listen(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            arrived_ns, message = time.time_ns(), delivery.message
            if isinstance(message, Input):
                self.put(message.stream, message.kind, inputlog.content_of(message), arrived_ns)
            else:
                self._put_message(message, arrived_ns)

    def _put_message(self, message: Message, arrived_ns: int) -> None:
        tensors_bytes = sum(getattr(message, name).nbytes for name in tensor_ranks(message.kind))
        arrival = Arrival(
            stream=message.stream,
            kind=message.kind,
            arrived_ns=arrived_ns,
            stated_ns=buslog.event_ns(message) or None,
            size_bytes=len(getattr(message, "payload", b"")) + tensors_bytes,
            encode=partial(_spoken, message),
        )
        self._backlog.put(arrival)

    def _refuse(self, _: DeadLetter) -> None:
        """Whoever the payload was for says what is wrong with it."""
        self.unreadable += 1

    # From here on: on the worker's thread.

    def _write_all(self) -> None:
        try:
            self._note_run({})  # now, because it may be killed
            while not self._ending.wait(TICK_S):
                self._write_waiting()
            self._write_waiting()
            self._note_run({"latency_ms": json.dumps(self._latency_ms)})
            self._writer.close()
        except HeedfulError as error:
            self._backlog.close()
            self._writer.abandon()
            logger.warning("recording stopped: %s; the session goes on", error)
        finally:
            self._done.set()

    def _note_run(self, more: Mapping[str, str]) -> None:
        if self._about_run is not None:
            self._writer.note(buslog.RUN, {**self._about_run, **more})

    def _write_waiting(self) -> None:
        for seq, arrival in self._backlog.take():
            self._write(seq, arrival)
        self._writer.tick()

    def _write(self, seq: int, arrival: Arrival) -> None:
        try:
            entries = list(arrival.encode())
        except ValueError as error:
            self.unreadable += 1
            logger.info("an input (%s) of %s cannot be recorded: %s", arrival.kind, arrival.stream, error)
            return
        for channel, data in entries:
            self._writer.write(
                self._number(channel),
                log_ns=arrival.arrived_ns,
                publish_ns=arrival.arrived_ns if arrival.stated_ns is None else max(0, arrival.stated_ns),
                seq=seq,
                data=data,
            )
        if self._writer.parts != self._parts:
            self._parts = self._writer.parts
            logger.info("part %d begins; so far %s", self._parts, self.summary())

    def _number(self, channel: ChannelInfo) -> int:
        name = (channel.topic, channel.schema)
        if name not in self._numbers:
            self._numbers[name] = self._writer.channel(channel)
        return self._numbers[name]


def _is_public(name: str) -> bool:
    """Say whether messages of a kind go to everybody; other replies are their asker's."""
    return name == "answer" or not KINDS[name].is_reply


def _spoken(message: Message) -> Entries:
    yield buslog.channel_of(message), buslog.to_entry(message)


async def _watch(writing: asyncio.Future[None]) -> None:
    await writing
