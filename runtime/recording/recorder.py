"""What a live session writes down: every input as it came and, where that is wanted, every message of the bus.

    bus, taps of cameras and microphones -> backlog -> one thread: encode, write, end chunks

Inputs are heard on perception's connection, so that the broker sends them once; the bus through one of its own. Nobody
waits for the recorder: what its backlog has no room for is lost, oldest first, and counted. A disk that fills ends the
recording, not the session.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from runtime.bus import LOSSLESS, Bus, Subscription, drop_oldest, filter_of
from runtime.errors import HeedfulError, WireError
from runtime.messages import KINDS, Input
from runtime.metrics import Meter
from runtime.recording import buslog, inputlog
from runtime.recording.backlog import Arrival, Backlog, Encoded
from runtime.recording.contents import Content, InputKind
from runtime.recording.mcap_writer import CHANNELS_MAX, ChannelInfo, RecordingWriter
from runtime.service import Worker
from runtime.wire import Packet, decode, split_topic

logger = logging.getLogger(__name__)

INPUTS: tuple[InputKind, ...] = ("image", "audio", "radar", "events", "pose", "imu", "calibration")
ROOM = 1024  # packets that may come before the backlog takes them
TICK_S = 0.2  # between two looks at what waits
CLOSE_S = 1.0  # for what is left to write after the session has ended


class Recorder:
    """Writes one session into one recording; `connect` comes before `run`.

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
        self._inputs_from: Bus | None = None
        self._bus: Bus | None = None
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
        self._inboxes: list[Subscription] = []
        self._retained: dict[str, bytes] = {}  # newest calibration of a stream
        self._latency_ms: dict[str, tuple[float, float]] = {}
        self._worker = Worker(self.name)
        self._stopping = asyncio.Event()
        self._ending = threading.Event()
        self._done = threading.Event()
        self._parts = writer.parts
        self._in_hand = 0  # inputs and messages that are being written
        self._lost = 0  # of those, and what the file could not keep

    def connect(self, inputs_from: Bus, make: Callable[[str], Bus]) -> None:
        """Hear inputs on a connection that is there, and the bus, where it is kept, on one that `make` gives a name."""
        self._inputs_from = inputs_from
        self._bus = make(self.name) if self._about_run is not None else None

    def put(self, stream: str, kind: InputKind, content: Content, arrived_ns: int) -> None:
        """Write down an input of this machine soon; any thread may call this."""
        arrival = Arrival(
            stream=stream,
            kind=kind,
            arrived_ns=arrived_ns,
            size_bytes=len(getattr(content, "payload", b"")),
            encode=partial(_encoded_input, stream, kind, content),
        )
        self._backlog.put(arrival)

    def lose(self, stream: str, kind: InputKind) -> None:
        """Count an input that was lost before it came here."""
        self._backlog.lose(stream, kind)

    def is_writing(self) -> bool:
        """Say whether the recording still goes on."""
        return self._backlog.is_open

    @property
    def lost(self) -> int:
        """Return how many inputs and messages came and were not written."""
        return self._lost + self._backlog.lost + sum(one.lost for one in self._inboxes)

    async def run(self) -> None:
        """Write until `stop`; then what was heard until then."""
        try:
            await self._subscribe()
            self.has_begun = True
            writing = self._worker.begin(self._write_all)
            self.ready.set()
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_watch(writing), name="recording")
                await self._stopping.wait()
                for inbox in self._inboxes:
                    inbox.close()
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

    @property
    def is_empty(self) -> bool:
        """Say whether nothing at all was written."""
        return self._writer.messages == 0 and self._writer.parts == 1

    def summary(self) -> str:
        """Return one line about the recording."""
        more = f", {self.unreadable} unreadable" if self.unreadable else ""
        return (
            f"recorded {self._writer.path}: {self._writer.messages} messages, "
            f"{self._writer.written_bytes / 1e6:.1f} MB in {self._writer.parts} file(s), {self.lost} lost{more}"
        )

    async def _subscribe(self) -> None:
        assert self._inputs_from is not None
        inputs = [filter_of(self._session, kind, name) for name, kind in self._streams.items() if kind is not None]
        # on one connection equal filters come once, others twice: these are those of perception
        calibrations = filter_of(self._session, "calibration")
        self._inboxes.append(await self._inputs_from.subscribe(calibrations, rule=LOSSLESS))
        if inputs:
            self._inboxes.append(await self._inputs_from.subscribe(*inputs, rule=drop_oldest(ROOM)))
        if self._bus is not None:
            said = [filter_of(self._session, name) for name in KINDS if name not in INPUTS and _is_public(name)]
            self._inboxes.append(await self._bus.subscribe(*said, rule=drop_oldest(ROOM)))
        for inbox in self._inboxes:
            inbox.divert(self._hear)

    def _hear(self, packet: Packet) -> None:
        """Take a packet as it comes in; the event loop does no more with it than this."""
        try:
            _, stream, kind = split_topic(packet.topic)
        except WireError:  # a wildcard also stands for no name at all; whoever else hears it says so
            return
        if kind == "calibration":
            if stream not in self._streams or (packet.retain and self._retained.get(stream) == packet.payload):
                return  # the broker gives what it retains to each who asks, and again after a reconnect
            self._retained[stream] = packet.payload
        arrival = Arrival(
            stream=stream,
            kind=kind,
            arrived_ns=time.time_ns(),
            size_bytes=len(packet.payload),
            encode=partial(_encoded_packet, packet),
        )
        self._backlog.put(arrival)

    # From here on: on the worker's thread.

    def _write_all(self) -> None:
        try:
            self._note_run({})  # now, because it may be killed
            while not self._ending.wait(TICK_S):
                self._write_waiting()
            self._write_waiting()
            self._backlog.close()  # what a camera that was stuck still gives is lost
            self._note_run({"latency_ms": json.dumps(self._latency_ms)})
            self._writer.close()
        except HeedfulError as error:
            self._backlog.close()
            self._lost += self._in_hand + self._writer.abandon()
            logger.warning("recording stopped: %s; the session goes on", error)
        finally:
            self._done.set()

    def _note_run(self, more: Mapping[str, str]) -> None:
        if self._about_run is not None:
            self._writer.note(buslog.RUN, {**self._about_run, **more})

    def _write_waiting(self) -> None:
        waiting = self._backlog.take()
        self._in_hand = len(waiting)
        for seq, arrival in waiting:
            self._in_hand -= 1  # from here on the writer knows of it
            self._write(seq, arrival)
        self._writer.tick()

    def _write(self, seq: int, arrival: Arrival) -> None:
        try:
            stated_ns, encoded = arrival.encode()
            entries = [(self._number(channel), data) for channel, data in encoded]
        except (WireError, ValueError) as error:  # whoever it was for says what is wrong with it
            self.unreadable += 1
            logger.info("%s of %s cannot be recorded: %s", arrival.kind, arrival.stream, error)
            return
        for channel, data in entries:
            self._writer.write(
                channel,
                log_ns=arrival.arrived_ns,
                publish_ns=arrival.arrived_ns if stated_ns is None else max(0, stated_ns),
                seq=seq,
                data=data,
            )
        if self._writer.parts != self._parts:
            self._parts = self._writer.parts
            logger.info("part %d begins; so far %s", self._parts, self.summary())

    def _number(self, channel: ChannelInfo) -> int:
        name = (channel.topic, channel.schema)
        if name not in self._numbers:
            if len(self._numbers) == CHANNELS_MAX:
                raise ValueError(f"{channel.topic} is one topic too many")
            self._numbers[name] = self._writer.channel(channel)
        return self._numbers[name]


def _is_public(name: str) -> bool:
    """Say whether messages of a kind go to everybody; other replies are their asker's."""
    return name == "answer" or not KINDS[name].is_reply


def _encoded_packet(packet: Packet) -> Encoded:
    message = decode(packet)
    if isinstance(message, Input):
        return _encoded_input(message.stream, message.kind, inputlog.content_of(message))
    return buslog.event_ns(message) or None, [(buslog.channel_of(message), buslog.to_entry(message))]


def _encoded_input(stream: str, kind: InputKind, content: Content) -> Encoded:
    return content.t_ns, inputlog.entries_of(stream, kind, content)


async def _watch(writing: asyncio.Future[None]) -> None:
    await writing
