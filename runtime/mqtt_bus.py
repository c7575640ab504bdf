"""The bus over MQTT v5: aiomqtt with manual acknowledgement, bounded queues, TCP_NODELAY and reconnect with jitter.

aiomqtt 2 acknowledges before a handler runs and queues without bound. Here its queue routes each packet the moment it
is read, and a lossless delivery is acknowledged when its consumer is done with it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import secrets
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from runtime import mqtt_packets, wire
from runtime.bus import LOSSLESS, LOSSLESS_ROOM, REPLY, Delivery, Router, Rule, Subscription, nothing
from runtime.errors import BusLost, MissingPart
from runtime.messages import KINDS, SERVICES, DeadLetter, Message, Status
from runtime.wire import Packet

logger = logging.getLogger(__name__)

_CLIENT_LOG = logging.getLogger(f"{__name__}.client")  # what aiomqtt says of a lost connection we say better ourselves
_CLIENT_LOG.propagate = False
_CLIENT_LOG.addHandler(logging.NullHandler())

BACKOFF_S = (0.1, 2.0)  # first and longest pause between attempts
SESSION_EXPIRY_S = 60
PUBLISH_DEADLINE_S = 30.0
SUBSCRIBE_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a broker is and how to enter it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    is_tls: bool = False


class MqttBus:
    """One service's or client's connection to a broker."""

    def __init__(self, address: Address, name: str, session: str, *, is_lossless: bool = False) -> None:
        """Prepare a connection; `run` makes it. A service's birth and will are its retained `status`."""
        self.name = name
        self.is_lossless = is_lossless
        self.generation = 0
        self.dropped_qos0 = 0  # published at QoS 0 while the broker was away
        self._address = address
        self._session = session
        client = f"{name}-{secrets.token_hex(4)}"
        self._router = Router(name, client, self.refuse)
        self._router.add([f"{wire.ROOT}/+/{client}/{REPLY}"], LOSSLESS)
        self._client: aiomqtt.Client | None = None
        self._connected = asyncio.Event()
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._unacknowledged: set[asyncio.Timeout] = set()  # calls that wait for their PUBACK or SUBACK
        self._letters: list[DeadLetter] = []
        self._letter_waits = asyncio.Event()

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        """Send a message, at QoS 1 until the broker has it. Raises BusLost when the broker stays away."""
        if to is not None and to.response_topic is None:
            return
        packet = wire.encode(message, to.response_topic if to else None, to.correlation if to else None)
        qos = 1 if self.is_lossless else KINDS[message.kind].qos
        await self._send(packet, qos, retry=retry)

    async def subscribe(self, *filters: str, rule: Rule) -> Subscription:
        """Subscribe now and again after each reconnect. Filters of one connection are equal or do not overlap."""
        subscription = self._router.add(filters, LOSSLESS if self.is_lossless else rule)
        await self.ready(PUBLISH_DEADLINE_S)
        generation, client = self.generation, self._client
        if client is not None and not await self._ask_for(client, [subscription]):
            await self.reconnected(generation)  # each new connection asks for everything
        return subscription

    async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
        """Send and wait for the reply. Raises TimeoutError after `deadline_s`."""
        correlation, reply = self._router.expect(reply_kind)
        topic = wire.reply_topic(message.session, self._router.client)
        try:
            async with asyncio.timeout(deadline_s):
                await self._send(wire.encode(message, None, correlation, topic), 1, max(1, int(deadline_s)))
                return wire.decode(await reply, reply_kind)
        finally:
            self._router.forget(correlation)

    async def reconnected(self, generation: int) -> int:
        """Wait until the connection is newer than `generation` and return its number."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > generation)
            return self.generation

    async def ready(self, deadline_s: float) -> None:
        """Wait for the first connection. Raises MissingPart after `deadline_s`."""
        if not await first_of(self._connected.wait(), deadline_s):
            where = f"{self._address.host}:{self._address.port}"
            raise MissingPart(f"no MQTT broker answers at {where}", "start it, or set broker: auto")

    async def run(self) -> None:
        """Connect, route, reconnect with jittered back-off, until `stop`."""
        try:
            await self._keep_connected()
        finally:
            self._lose()
            self._router.close()
            async with self._changed:
                self._changed.notify_all()  # whoever waits for a connection waits in vain

    async def _keep_connected(self) -> None:
        pause_s = BACKOFF_S[0]
        while not self._stopping.is_set():
            try:
                async with self._connection() as client:
                    pause_s = BACKOFF_S[0]
                    await self._serve(client)
            except* aiomqtt.MqttError as group:
                self._lose()
                reason = _refusal(group)
                if reason:
                    raise MissingPart(
                        f"the broker at {self._address.host}:{self._address.port} refused {self.name}: {reason}",
                        "check user and password",
                    ) from group
                is_news = self.generation and self.name in SERVICES  # who only asks is told how it ended
                level = logging.WARNING if is_news else logging.INFO
                logger.log(level, "%s has no broker; next attempt in %.1f s", self.name, pause_s)
            _raise_if_cancelled()
            if not self._stopping.is_set():
                await first_of(self._stopping.wait(), pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, BACKOFF_S[1])

    def stop(self) -> None:
        """Disconnect and end every subscription."""
        self._stopping.set()

    def lost(self) -> dict[str, int]:
        """Return what subscriptions lost, by filter, and what was published while the broker was away."""
        return self._router.lost() | ({"without broker": self.dropped_qos0} if self.dropped_qos0 else {})

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiomqtt.Client]:
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = LOSSLESS_ROOM
        properties.SessionExpiryInterval = SESSION_EXPIRY_S

        def read(message: aiomqtt.Message) -> None:
            self._read(client, message)

        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            identifier=self._router.client,
            queue_type=mqtt_packets.inbox_type(read),
            protocol=aiomqtt.ProtocolVersion.V5,
            will=self._status("lost", aiomqtt.Will),
            clean_start=self.generation == 0,
            properties=properties,
            tls_context=ssl.create_default_context(cafile=self._address.ca_file) if self._address.is_tls else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            timeout=10,
            logger=_CLIENT_LOG,
            keepalive=15,
        )
        mqtt_packets.acknowledge_by_hand(client)
        mqtt_packets.watch_open_sockets_only(client)
        await mqtt_packets.connect(client)
        try:
            yield client
        finally:
            await client.__aexit__(*sys.exc_info())

    async def _serve(self, client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(_until_lost(client), name=f"{self.name} reader")
            if not await self._ask_for(client, self._router.subscriptions):
                raise aiomqtt.MqttError("no SUBACK")
            self._client = client
            self.generation += 1  # at once: nobody may send on the new connection and take it for the old one
            self._connected.set()
            async with self._changed:
                self._changed.notify_all()
            logger.info("%s connected to %s:%d", self.name, self._address.host, self._address.port)
            await self._announce("online")
            letters = group.create_task(self._send_letters(), name=f"{self.name} dead letters")
            await self._stopping.wait()
            await self._announce("offline")
            letters.cancel()
            lost.cancel()

    def _lose(self) -> None:
        self._client = None
        self._connected.clear()
        now_s = asyncio.get_running_loop().time()
        for waiting in [one for one in self._unacknowledged if not one.expired()]:
            waiting.reschedule(now_s)  # nothing will come: send again on the next connection

    async def _announce(self, state: str) -> None:
        if self.name in SERVICES and self._client is not None:
            birth = self._status(state, dict)
            deadline_s = asyncio.get_running_loop().time() + SUBSCRIBE_DEADLINE_S
            await self._acknowledged(self._client.publish(**birth, timeout=math.inf), deadline_s)

    def _status(self, state: Any, make: Callable[..., Any]) -> Any:
        if self.name not in SERVICES:
            return None
        packet = wire.encode(Status(session=self._session, stream=self.name, state=state, since_ns=time.time_ns()))
        return make(topic=packet.topic, payload=packet.payload, qos=1, retain=True)

    async def _send(self, packet: Packet, qos: int, expiry_s: int | None = None, *, retry: bool = True) -> None:
        clock = asyncio.get_running_loop().time
        started_s = clock()
        deadline_s = started_s + PUBLISH_DEADLINE_S
        while not await self._attempt(packet, qos, expiry_s, deadline_s):
            if qos == 0:
                self.dropped_qos0 += 1
                return
            if not retry or clock() >= deadline_s or self._stopping.is_set():
                raise BusLost(packet.topic, clock() - started_s)
            await first_of(self._connected_or_stopping(), deadline_s - clock())

    async def _attempt(self, packet: Packet, qos: int, expiry_s: int | None, deadline_s: float) -> bool:
        client = self._client
        if client is None:
            return False
        properties: Any = mqtt_packets.PackedProperties(packet, expiry_s)
        sent = client.publish(packet.topic, packet.payload, qos, packet.retain, properties, timeout=math.inf)
        return await self._acknowledged(sent, deadline_s)

    async def _ask_for(self, client: aiomqtt.Client, subscriptions: Sequence[Subscription]) -> bool:
        asked = client.subscribe(mqtt_packets.wanted(subscriptions), timeout=math.inf)
        return await self._acknowledged(asked, asyncio.get_running_loop().time() + SUBSCRIBE_DEADLINE_S)

    async def _acknowledged(self, call: Coroutine[Any, Any, object], deadline_s: float) -> bool:
        """Say whether the broker acknowledged before the deadline and the end of the connection.

        Calls come with an endless timeout: aiomqtt's own is wait_for, which loses cancellations on Python 3.11.
        """
        try:
            async with asyncio.timeout_at(deadline_s) as waiting:
                self._unacknowledged.add(waiting)
                try:
                    await call
                finally:
                    self._unacknowledged.discard(waiting)
        except (TimeoutError, aiomqtt.MqttError):
            await asyncio.sleep(0)  # let the reader notice a connection that is gone
            return False
        return True

    async def _connected_or_stopping(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._client is not None or self._stopping.is_set())

    def _read(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        done = nothing if message.qos == 0 else partial(mqtt_packets.acknowledge, client, message)
        self._router.route(mqtt_packets.from_message(message), done)

    def refuse(self, letter: DeadLetter) -> None:
        """Report a payload that could not be used; never waits."""
        logger.warning("%s refused a payload on %s: %s", self.name, letter.topic, letter.reason)
        if len(self._letters) < LOSSLESS_ROOM:  # a flood of garbage must not fill memory with notes about it
            self._letters.append(letter)
            self._letter_waits.set()

    async def _send_letters(self) -> None:
        while True:
            while self._letters:
                with suppress(BusLost):  # it stays the first, also over a reconnect
                    await self.publish(self._letters[0])
                    self._letters.pop(0)
            self._letter_waits.clear()
            await self._letter_waits.wait()


async def first_of(wait: Coroutine[Any, Any, object], limit_s: float) -> bool:
    """Wait, but no longer than `limit_s`; say whether it came to its end."""
    try:
        async with asyncio.timeout(limit_s):
            await wait
    except TimeoutError:
        return False
    return True


def _raise_if_cancelled() -> None:
    """Make up for aiomqtt's disconnect, where Python 3.11's wait_for may lose a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _until_lost(client: aiomqtt.Client) -> None:
    async for _ in client.messages:  # the inbox keeps nothing: this only ends, with MqttError, when the broker is gone
        pass


def _refusal(group: BaseExceptionGroup[aiomqtt.MqttError]) -> str:
    """Return why a broker will never let us in, or nothing when trying again makes sense."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _refusal(error)
        text = str(error)
        if isinstance(error, aiomqtt.exceptions.MqttConnectError) and ("authori" in text or "password" in text):
            return text
    return ""
