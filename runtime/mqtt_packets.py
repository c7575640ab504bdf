"""Our packets as paho and aiomqtt know them, and the four things aiomqtt 2 has no public door for.

aiomqtt 2.5 neither acknowledges by hand nor bounds its inbound queue, may watch a socket that was closed a moment
before, and leaves its socket open when connecting is cancelled; `acknowledge_by_hand`, `acknowledge`, `inbox_type`,
`watch_open_sockets_only` and `connect` are the only places that reach around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import VariableByteIntegers
from paho.mqtt.subscribeoptions import SubscribeOptions

from runtime.bus import Subscription
from runtime.wire import Packet


class PackedProperties:
    """MQTT v5 publish properties as paho sends them, written in one go; paho's own writer takes ten times as long."""

    packetType = PacketTypes.PUBLISH

    def __init__(self, packet: Packet, expiry_s: int | None) -> None:
        """Write the properties of a packet (MQTT 5.0, section 3.3.2.3)."""
        parts = [b"" if expiry_s is None else b"\x02" + expiry_s.to_bytes(4, "big")]
        parts.append(b"\x03" + _sized(packet.content_type.encode()))
        if packet.response_topic is not None:
            parts.append(b"\x08" + _sized(packet.response_topic.encode()))
        if packet.correlation is not None:
            parts.append(b"\x09" + _sized(packet.correlation))
        parts += [b"\x26" + _sized(key.encode()) + _sized(value.encode()) for key, value in packet.properties]
        body = b"".join(parts)
        self._packed: bytes = VariableByteIntegers.encode(len(body)) + body

    def pack(self) -> bytes:
        """Return the bytes that stand in the packet."""
        return self._packed


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def from_message(message: aiomqtt.Message) -> Packet:
    """Return the packet of a received message."""
    properties = message.properties
    payload: Any = message.payload
    response_topic = getattr(properties, "ResponseTopic", None)
    if response_topic is not None and (not response_topic or any(sign in response_topic for sign in "+#")):
        response_topic = None  # nobody can be answered on a wildcard, and the broker cuts off who tries on nothing
    return Packet(
        topic=str(message.topic),
        payload=bytes(payload),
        content_type=getattr(properties, "ContentType", ""),
        properties=tuple((key, value) for key, value in getattr(properties, "UserProperty", [])),
        response_topic=response_topic,
        correlation=getattr(properties, "CorrelationData", None),
        retain=message.retain,
    )


def wanted(subscriptions: Sequence[Subscription]) -> list[tuple[str, SubscribeOptions]]:
    """Return what to ask the broker for: QoS 1 where nothing may be lost, 0 where the newest wins."""
    return [
        (pattern, SubscribeOptions(qos=1 if one.rule.name == "lossless" else 0))
        for one in subscriptions
        for pattern in one.filters
    ]


def inbox_type(read: Callable[[aiomqtt.Message], None]) -> Any:
    """Return the queue class for an aiomqtt client that routes each message when it is read and holds none."""

    class Inbox(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            read(item)

    return Inbox


def acknowledge_by_hand(client: aiomqtt.Client) -> None:
    """Stop paho from sending PUBACK before our consumer has seen the message."""
    client._client.manual_ack_set(True)


def watch_open_sockets_only(client: aiomqtt.Client) -> None:
    """Let the loop read and write for paho as aiomqtt does, but not a socket that broke since: that is a traceback."""
    loop, paho = asyncio.get_running_loop(), client._client

    def read() -> None:
        paho.loop_read()
        while getattr(paho.socket(), "pending", int)() > 0:  # bytes that TLS has decoded already
            paho.loop_read()

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # whatever it is, the connection is of no use any more
            if not client._disconnected.done():
                client._disconnected.set_exception(error)

    def watch_reading(sock: Any) -> None:
        if sock.fileno() >= 0:
            loop.add_reader(sock.fileno(), attempt, read)
            client._misc_task = loop.create_task(client._misc_loop(), name="MQTT keep alive")

    def watch_writing(sock: Any) -> None:
        if sock.fileno() >= 0:
            loop.add_writer(sock.fileno(), attempt, paho.loop_write)

    def open_soon(_client: object, _userdata: object, sock: Any) -> None:
        loop.call_soon_threadsafe(watch_reading, sock)  # paho connects in a thread

    def write_soon(_client: object, _userdata: object, sock: Any) -> None:
        loop.call_soon_threadsafe(watch_writing, sock)

    paho.on_socket_open = open_soon
    paho.on_socket_register_write = write_soon


def acknowledge(client: aiomqtt.Client, message: aiomqtt.Message) -> None:
    """Send PUBACK for a message of this connection; without effect once the connection is gone."""
    client._client.ack(message.mid, message.qos)


async def connect(client: aiomqtt.Client) -> None:
    """Connect; when that is cancelled nothing is left open, and the broker's answer finds nobody."""
    connecting = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(connecting)  # aiomqtt's own wait may lose a cancellation on Python 3.11
    except asyncio.CancelledError:
        _abandon(client)
        connecting.cancel()
        with suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await connecting
        raise


def _abandon(client: aiomqtt.Client) -> None:
    client._client.on_disconnect = None  # it would look at a future that is being cancelled
    client._client.on_connect = None
    client._client.on_socket_open = None  # a thread may connect yet; then nobody reads
    client._client.disconnect()
    with suppress(OSError):
        client._client.loop_write()  # now: the loop may not come round again
