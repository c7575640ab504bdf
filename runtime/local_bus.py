"""The bus inside one process, for machines without a broker and for tests: the same semantics as `MqttBus`.

Packets are encoded and decoded as on a broker, so limits, strictness and dead letters are the same.
"""

from __future__ import annotations

import asyncio
import secrets

from runtime import wire
from runtime.bus import LOSSLESS, Delivery, Router, Rule, Subscription, nothing
from runtime.messages import KINDS, DeadLetter, Message
from runtime.wire import Packet


class LocalHub:
    """The place where the buses of one process meet; it keeps retained packets."""

    def __init__(self) -> None:
        """Start empty."""
        self.routers: list[Router] = []
        self.retained: dict[str, Packet] = {}


class LocalBus:
    """One service's or client's connection to a `LocalHub`."""

    generation = 1

    def __init__(self, hub: LocalHub, name: str, *, is_lossless: bool = False) -> None:
        """Connect `name` to the hub."""
        self.name = name
        self.is_lossless = is_lossless
        self._hub = hub
        self._stopped = asyncio.Event()
        self._router = Router(name, f"{name}-{secrets.token_hex(4)}", self.refuse)
        hub.routers.append(self._router)

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        """Hand a message to every subscriber; waits for room where a subscriber is lossless."""
        if to is not None and to.response_topic is None:
            return
        packet = wire.encode(message, to.response_topic if to else None, to.correlation if to else None)
        if KINDS[message.kind].is_retained:
            self._hub.retained[packet.topic] = packet
        await self._deliver(packet)

    async def subscribe(self, *filters: str, rule: Rule) -> Subscription:
        """Return the subscription; retained packets come first."""
        subscription = self._router.add(filters, LOSSLESS if self.is_lossless else rule)
        for packet in [packet for topic, packet in self._hub.retained.items() if subscription.matches(topic)]:
            subscription.offer(packet, nothing)
        return subscription

    async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
        """Send and wait for the reply. Raises TimeoutError after `deadline_s`."""
        correlation, reply = self._router.expect(reply_kind)
        try:
            async with asyncio.timeout(deadline_s):
                topic = wire.reply_topic(message.session, self._router.client)
                await self._deliver(wire.encode(message, None, correlation, topic))
                return wire.decode(await reply, reply_kind)
        finally:
            self._router.forget(correlation)

    async def reconnected(self, generation: int) -> int:
        """Wait for ever: a process does not lose itself."""
        if generation < self.generation:
            return self.generation
        await self._stopped.wait()
        return generation

    async def ready(self, deadline_s: float) -> None:
        """Return at once."""

    async def run(self) -> None:
        """Wait until stopped."""
        await self._stopped.wait()

    def stop(self) -> None:
        """End every subscription."""
        self._stopped.set()
        self._router.close()
        if self._router in self._hub.routers:
            self._hub.routers.remove(self._router)

    def lost(self) -> dict[str, int]:
        """Return what subscriptions lost, by filter."""
        return self._router.lost()

    async def _deliver(self, packet: Packet) -> None:
        for router in list(self._hub.routers):
            for subscription in router.subscriptions:
                if subscription.rule.name == "lossless" and subscription.matches(packet.topic):
                    await subscription.room()
            router.route(packet, nothing)

    def refuse(self, letter: DeadLetter) -> None:
        """Report a payload that could not be used; never waits."""
        packet = wire.encode(letter)
        for router in list(self._hub.routers):
            router.route(packet, nothing)
