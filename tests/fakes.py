"""Stand-ins and small parts that several tests share: messages, running services, a private broker, a lossy bus."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

import aiomqtt
import numpy as np

from runtime import wire
from runtime.broker import PrivateBroker, find_mosquitto
from runtime.bus import Bus, Delivery, Rule, Subscription, nothing
from runtime.errors import BusLost
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import DeadLetter, Message, Motion, Utterance, Watermark
from runtime.mqtt_bus import MqttBus
from runtime.service import Service
from runtime.wire import Packet

SESSION = "s"
PATIENCE_S = 50.0  # for what other processes and threads do on a busy machine: only what hangs takes this long


def example(hint: Any, **changed: Any) -> Any:
    """Return one plain value of a type, or one message of a dataclass, with every list filled."""
    arguments = get_args(hint)
    match get_origin(hint) or hint:
        case origin if origin is UnionType:
            return example(arguments[0])
        case origin if origin is Literal:
            return arguments[0]
        case origin if origin is np.ndarray:
            return np.arange(6, dtype=np.float16).reshape(2, 3)
        case origin if origin is dict:
            return {example(arguments[0]): example(arguments[1])}
        case origin if origin is tuple and arguments[-1] is Ellipsis:
            return (example(arguments[0]),)
        case origin if origin is tuple:
            return tuple(example(one) for one in arguments)
        case origin if dataclasses.is_dataclass(origin):
            values = {name: example(one) for name, one in get_type_hints(origin).items()}
            return hint(**{**values, **changed})
    return {int: 7, float: 0.5, bool: True, bytes: b"raw", str: SESSION}[hint]


def utterance(seq: int, stream: str = "mic", t_ns: int | None = None) -> Utterance:
    """Return a lossless record; its text is its number."""
    t_ns = seq if t_ns is None else t_ns
    return Utterance(
        session=SESSION, stream=stream, epoch=0, seq=seq, t_ns=t_ns, start_ns=0, end_ns=t_ns, text=str(seq), model=""
    )


def motion(seq: int, stream: str = "cam", t_ns: int | None = None) -> Motion:
    """Return a record that live streams may drop."""
    t_ns = seq if t_ns is None else t_ns
    return Motion(
        session=SESSION, stream=stream, epoch=0, seq=seq, t_ns=t_ns, start_ns=0, end_ns=t_ns, boxes=(), area=0.1
    )


def watermark(t_ns: int, stream: str = "mic", *, epoch: int = 0, ended: bool = False) -> Watermark:
    """Return a stream's progress."""
    return Watermark(session=SESSION, stream=stream, epoch=epoch, t_ns=t_ns, sensor="audio", ended=ended)


@asynccontextmanager
async def running(*services: Service) -> AsyncIterator[None]:
    """Run services while the block lasts; the one started last stops first. A service that fails fails the test."""
    tasks = [(one, asyncio.create_task(one.run(), name=one.name)) for one in services]
    try:
        yield
    finally:
        for service, task in reversed(tasks):
            service.stop()
            async with asyncio.timeout(PATIENCE_S):
                await task


def private_broker(folder: Path) -> PrivateBroker:
    """Return a mosquitto of our own, not yet running."""
    program = find_mosquitto()
    assert program is not None
    return PrivateBroker(folder / "broker", program)


def raw_client(broker: PrivateBroker, role: str, identifier: str | None = None) -> aiomqtt.Client:
    """Return a plain MQTT v5 client, as any other program would be one."""
    address = broker.address(role)
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
    )


class LossyBus:
    """What an outbox sees of a bus whose broker loses all it acknowledged whenever it dies."""

    name = "perception"
    is_lossless = True

    def __init__(self, generation: int = 1, *, is_away: bool = False) -> None:
        """Start as a broker that is there, unless it `is_away`."""
        self.generation = generation
        self.is_away = is_away
        self.accepted: list[Message] = []  # everything that was ever acknowledged
        self.held: list[Message] = []  # acknowledged, not yet delivered
        self._changed = asyncio.Condition()

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        """Hold a message; BusLost while the broker is away, or where it dies before the PUBACK is read."""
        wire.encode(message)
        generation = self.generation
        await asyncio.sleep(0)
        self._check(generation)
        self.accepted.append(message)
        self.held.append(message)
        await asyncio.sleep(0)
        self._check(generation)

    def _check(self, generation: int) -> None:
        if self.is_away or self.generation != generation:
            raise BusLost("heedful", 0.0)

    def die(self) -> None:
        """Lose everything that was not delivered."""
        self.is_away = True
        self.held.clear()

    async def come_back(self) -> None:
        """Be there again, empty."""
        if self.is_away:
            self.is_away = False
            self.generation += 1
        async with self._changed:
            self._changed.notify_all()

    def deliver(self, count: int | None = None) -> list[Message]:
        """Return the oldest messages held: they have reached memory."""
        delivered, self.held = self.held[:count], self.held[len(self.held[:count]) :]
        return delivered

    async def reconnected(self, generation: int) -> int:
        """Wait until the connection is newer than `generation`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > generation and not self.is_away)
            return self.generation

    async def subscribe(self, *filters: str, rule: Rule) -> Subscription:
        """Not here."""
        raise NotImplementedError

    async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
        """Not here."""
        raise NotImplementedError

    async def ready(self, deadline_s: float) -> None:
        """Be ready."""

    async def run(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def lost(self) -> dict[str, int]:
        """Return nothing: what is lost here, nobody counts."""
        return {}

    def refuse(self, letter: DeadLetter) -> None:
        """Do nothing."""


class Cable:
    """A TCP relay to a port that can be cut: every connection through it breaks, as a network does."""

    def __init__(self, port: int) -> None:
        """Lead to `port` of this machine."""
        self.port = 0
        self._to_port = port
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Break what is connected; who connects again gets through."""
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection("127.0.0.1", self._to_port)
        both = {near_out, far_out}
        self._writers |= both
        await asyncio.gather(_pour(near, far_out), _pour(far, near_out))
        self._writers -= both


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until either end breaks, then break the other."""
    with suppress(OSError):
        while piece := await source.read(65_536):
            target.write(piece)
            await target.drain()
    target.transport.abort()


class Buses:
    """Connections of one test: all to one broker, or all to one hub where there is none."""

    def __init__(self, broker: PrivateBroker | None) -> None:
        """Start without connections."""
        self.broker = broker
        self.hub = LocalHub()
        self._running: list[tuple[LocalBus | MqttBus, asyncio.Task[None]]] = []

    async def connect(self, name: str, *, is_lossless: bool = False) -> Bus:
        """Return a new connection that runs."""
        bus: LocalBus | MqttBus
        if self.broker is None:
            bus = LocalBus(self.hub, name, is_lossless=is_lossless)
        else:
            bus = MqttBus(self.broker.address(name), name, SESSION, is_lossless=is_lossless)
        self._running.append((bus, asyncio.create_task(bus.run(), name=name)))
        await bus.ready(PATIENCE_S)
        return bus

    async def inject(self, topic: str, payload: bytes) -> None:
        """Publish any bytes as a user's own program would."""
        if self.broker is None:
            for router in self.hub.routers:
                router.route(Packet(topic=topic, payload=payload), nothing)
            return
        async with raw_client(self.broker, "user") as client:
            await client.publish(topic, payload, 1)

    async def close(self) -> None:
        """Stop every connection that is still there."""
        for bus, task in reversed(self._running):
            bus.stop()
            async with asyncio.timeout(PATIENCE_S):
                await task
        self._running.clear()


@asynccontextmanager
async def buses_over(kind: str, folder: Path) -> AsyncIterator[Buses]:
    """Open the `local` or the `mqtt` bus for one test."""
    if kind == "local":
        buses = Buses(None)
        yield buses
        await buses.close()
        return
    broker = private_broker(folder)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        buses = Buses(broker)
        try:
            yield buses
        finally:
            await buses.close()
