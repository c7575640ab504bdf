"""The bus as services see it: typed messages out, typed deliveries in, every queue bounded and counted.

Two implementations keep one contract: `MqttBus` (a broker) and `LocalBus` (one process). Each subscription states its
rule: `latest` keeps the newest packet per topic, `drop_oldest` the newest n, `lossless` all of them and acknowledges a
delivery only when its consumer comes back for the next one, so the receive maximum is the back-pressure.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from runtime import wire
from runtime.errors import WireError
from runtime.messages import DeadLetter, Message
from runtime.wire import Packet

logger = logging.getLogger(__name__)

REPLY = "reply"  # last part of every response topic: heedful/v1/<session>/<client>/reply
LOSSLESS_ROOM = 100  # unacknowledged deliveries per connection; the broker's max_inflight_messages is the same
SHOWN_LENGTH = 200  # characters of a foreign topic or of a fault that a dead letter repeats


@dataclass(frozen=True, slots=True)
class Rule:
    """What a subscription does when its consumer is slower than its stream."""

    name: Literal["latest", "drop_oldest", "lossless"]
    room: int = 1


LATEST = Rule("latest")
LOSSLESS = Rule("lossless", LOSSLESS_ROOM)


def drop_oldest(room: int) -> Rule:
    """Keep the newest `room` packets; each one lost is counted."""
    return Rule("drop_oldest", room)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that came in, and where its sender wants the reply."""

    message: Message
    topic: str
    response_topic: str | None = None
    correlation: bytes | None = None


class Bus(Protocol):
    """What both buses do. `name` is the service or client; `generation` counts connections."""

    name: str
    is_lossless: bool  # a replay: every kind travels at QoS 1 and nothing is dropped
    generation: int

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        """Send a message, or reply with it `to` a delivery; calls keep the order in which they began.

        Raises BusLost when the broker stays away, at the first failure where `retry` is off.
        """

    async def subscribe(self, *filters: str, rule: Rule) -> Subscription:
        """Return an async iterator over what matches; in a replay every rule becomes lossless."""

    async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
        """Send and wait for the reply of a kind. Raises TimeoutError after `deadline_s`."""

    async def reconnected(self, generation: int) -> int:
        """Wait until the connection is newer than `generation` and return its number."""

    async def ready(self, deadline_s: float) -> None:
        """Wait for the first connection. Raises MissingPart after `deadline_s`."""

    async def run(self) -> None:
        """Keep the connection until `stop`."""

    def stop(self) -> None:
        """Close the connection and end every subscription."""

    def lost(self) -> dict[str, int]:
        """Return what subscriptions lost, by filter, and what was published while the broker was away."""

    def refuse(self, letter: DeadLetter) -> None:
        """Report a payload that could not be used; never waits."""


class Subscription:
    """One consumer's queue: an async iterator of deliveries that counts what it lost."""

    def __init__(self, filters: Sequence[str], rule: Rule, refuse: Callable[[DeadLetter], None], owner: str) -> None:
        """Take packets for `filters` under `rule`; what cannot be read goes to `refuse`."""
        self.filters = tuple(filters)
        self.rule = rule
        self.lost = 0
        self._refuse = refuse
        self._owner = owner
        self._waiting: deque[tuple[Packet, Callable[[], None]]] = deque()
        self._acknowledge: Callable[[], None] = nothing  # for the delivery that the consumer works on
        self._arrived = asyncio.Event()
        self._left = asyncio.Event()
        self._turn = asyncio.Lock()  # fair: senders keep their order
        self._is_closed = False
        self._take: Callable[[Packet], None] | None = None

    def matches(self, topic: str) -> bool:
        """Say whether a topic belongs to this subscription."""
        return any(topic_matches(pattern, topic) for pattern in self.filters)

    def wants(self, topic: str) -> bool:
        """Say whether it still takes packets, and this one."""
        return not self._is_closed and self.matches(topic)

    def offer(self, packet: Packet, acknowledge: Callable[[], None]) -> None:
        """Take a packet; never waits. `acknowledge` is called once it was consumed or dropped."""
        if self._take is not None:
            self._take(packet)
            acknowledge()
            return
        if self.rule.name == "latest":
            self._drop(lambda waiting: waiting.topic == packet.topic)
        elif self.rule.name == "drop_oldest" and len(self._waiting) >= self.rule.room:
            self._drop_first()
        self._waiting.append((packet, acknowledge))
        self._arrived.set()

    def divert(self, take: Callable[[Packet], None]) -> None:
        """Hand packets to `take` unread, at the moment they come, instead of keeping them for an iteration."""
        self._take = take
        for packet, acknowledge in self._waiting:
            self.offer(packet, acknowledge)
        self._waiting.clear()

    async def room(self) -> None:
        """Wait in turn until a lossless queue has room for one more (LocalBus; a broker keeps count by itself)."""
        async with self._turn:
            while len(self._waiting) >= self.rule.room and not self._is_closed:
                self._left.clear()
                await self._left.wait()

    def close(self) -> None:
        """End the iteration after what is already waiting."""
        self._is_closed = True
        self._arrived.set()
        self._left.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        self._finish()
        while True:
            while not self._waiting:
                if self._is_closed:
                    raise StopAsyncIteration
                self._arrived.clear()
                await self._arrived.wait()
            packet, self._acknowledge = self._waiting.popleft()
            self._left.set()
            try:
                message = wire.decode(packet)
            except WireError as error:
                self._finish()
                self._refuse(dead_letter(packet, error.reason, self._owner))
                continue
            return Delivery(message, packet.topic, packet.response_topic, packet.correlation)

    def _finish(self) -> None:
        self._acknowledge()
        self._acknowledge = nothing

    def _drop(self, is_old: Callable[[Packet], bool]) -> None:
        kept = [(packet, acknowledge) for packet, acknowledge in self._waiting if not is_old(packet)]
        for packet, acknowledge in self._waiting:
            if is_old(packet):
                self.lost += 1
                acknowledge()
        self._waiting = deque(kept)

    def _drop_first(self) -> None:
        _, acknowledge = self._waiting.popleft()
        self.lost += 1
        acknowledge()


class Router:
    """Hands incoming packets to subscriptions and waiting requests; it never computes and never waits."""

    def __init__(self, name: str, client: str, refuse: Callable[[DeadLetter], None]) -> None:
        """Route for one connection; `client` is its unique id, the third part of its response topics."""
        self.name = name
        self.client = client
        self.subscriptions: list[Subscription] = []
        self._refuse = refuse
        self._replies: dict[bytes, tuple[asyncio.Future[Packet], str]] = {}
        self._reply_end = f"/{client}/{REPLY}"
        self._numbers = itertools.count(1)

    def add(self, filters: Sequence[str], rule: Rule) -> Subscription:
        """Register a subscription."""
        subscription = Subscription(filters, rule, self._refuse, self.name)
        self.subscriptions.append(subscription)
        return subscription

    def route(self, packet: Packet, acknowledge: Callable[[], None]) -> None:
        """Offer a packet to whoever wants it; acknowledge at once what nobody holds."""
        if packet.topic.endswith(self._reply_end):
            self._resolve(packet)
            acknowledge()
            return
        is_foreign_reply = packet.topic.endswith(f"/{REPLY}")  # a wide filter hears it where no ACL stands before
        takers = [one for one in self.subscriptions if not is_foreign_reply and one.wants(packet.topic)]
        if not takers:
            acknowledge()
            return
        last = _after(len(takers), acknowledge)
        for taker in takers:
            taker.offer(packet, last)

    def expect(self, kind: str) -> tuple[bytes, asyncio.Future[Packet]]:
        """Return a new correlation and the future of its reply."""
        correlation = f"{self.client}-{next(self._numbers)}".encode()
        future: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._replies[correlation] = (future, kind)
        return correlation, future

    def forget(self, correlation: bytes) -> None:
        """Stop waiting for a reply."""
        self._replies.pop(correlation, None)

    def close(self) -> None:
        """End every subscription."""
        for subscription in self.subscriptions:
            subscription.close()

    def lost(self) -> dict[str, int]:
        """Return what each subscription lost, by its first filter."""
        return {subscription.filters[0]: subscription.lost for subscription in self.subscriptions if subscription.lost}

    def _resolve(self, packet: Packet) -> None:
        waiting = self._replies.get(packet.correlation or b"")
        if waiting is None:
            return  # the caller gave up
        future, kind = waiting
        if dict(packet.properties).get("kind", kind) == kind and not future.done():
            future.set_result(packet)


def topic_matches(pattern: str, topic: str) -> bool:
    """Say whether an MQTT filter with `+` and a final `#` matches a topic."""
    if pattern == topic:
        return True
    wanted, given = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, given = wanted[:-1], given[: len(wanted) - 1]
    return len(wanted) == len(given) and all(one in ("+", other) for one, other in zip(wanted, given, strict=True))


def dead_letter(packet: Packet, reason: str, owner: str) -> DeadLetter:
    """Return the note about a payload that `owner` could not use; it is short, however long topic and reason are."""
    parts = packet.topic.split("/")
    is_known = len(parts) > 2 and 0 < len(parts[2]) <= SHOWN_LENGTH
    return DeadLetter(
        session=parts[2] if is_known else "_",
        stream=owner,
        topic=packet.topic[:SHOWN_LENGTH],
        reason=reason[:SHOWN_LENGTH],
        size_bytes=len(packet.payload),
        head_hex=packet.payload[:64].hex(),
    )


def filter_of(session: str, kind: str, stream: str = "+") -> str:
    """Return the topic filter for a kind of one session, of one stream or of all."""
    return f"{wire.ROOT}/{session}/{stream}/{kind}"


def nothing() -> None:
    """Acknowledge what needs no acknowledgement."""


def _after(count: int, call: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `call` the `count`-th time it is called."""
    if count == 1:
        return call
    left = itertools.count(count - 1, -1)

    def one_done() -> None:
        if next(left) == 0:
            call()

    return one_done
