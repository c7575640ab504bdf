"""What our bus costs: request and reply, and delivery of small and large messages, beside bare aiomqtt.

Both ends live in one process and one event loop with a connection each, as the services of `heedful run` do; the
broker is a private mosquitto. Ours and bare aiomqtt take turns message by message, so both meet the same load. Bare
means: the same broker, user, QoS and size, TCP_NODELAY, bytes in and bytes out, aiomqtt's own iterator. A second
baseline sends our packets with their MQTT v5 properties: what is above that is our own code, the rest is paho's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from runtime import wire
from runtime.apps.bench_broker import SESSION, bare_client, over_broker
from runtime.apps.bench_measure import Measure, Plan, percentile, progress, ratio, rounded, spread
from runtime.broker import PrivateBroker
from runtime.bus import LATEST, LOSSLESS, Bus, Subscription, filter_of
from runtime.messages import Hit, ImageInput, Message, Recall, Recalled, Utterance
from runtime.mqtt_bus import MqttBus

if TYPE_CHECKING:
    import aiomqtt

SMALL_BYTES = 200
LARGE_BYTES = 100_000
PACE_S = 0.003  # between two messages
REQUEST_P50_MS = 2.0
REQUEST_P99_MS = 10.0
OF_BARE = 1.3
WAIT_S = 10.0  # for a message that should take milliseconds
WARM_UP = 20
BARE = f"heedful/v1/{SESSION}/bare"
HITS = tuple(
    Hit(record_id=f"bench/video/0/motion-{n}", clip_id="bench/video/0/clip-1", stream="video", kind="motion",
        start_ns=n, end_ns=n + 1, text="", score=0.5, box=(0.1, 0.1, 0.4, 0.4))
    for n in range(2)
)  # fmt: skip

Once: TypeAlias = Callable[[int], Awaitable[float]]  # number of the message -> milliseconds that it took
Latencies: TypeAlias = dict[str, list[float]]


def measure_bus(plan: Plan) -> list[Measure]:
    """Time requests with their replies, then deliveries."""
    rounds, count = plan.rounds(1, 5, 11), plan.rounds(50, 200, 1000)
    return [
        *over_broker(("memory", "reasoning"), lambda at, buses: _requests(at, buses, rounds, count)),
        *over_broker(("perception", "memory"), lambda at, buses: _deliveries(at, buses, SMALL_BYTES, rounds, count)),
        *over_broker(("robot", "perception"), lambda at, buses: _deliveries(at, buses, LARGE_BYTES, rounds, count)),
    ]


async def _requests(broker: PrivateBroker, buses: dict[str, MqttBus], rounds: int, count: int) -> list[Measure]:
    """Time recalls that memory answers at once with two records, and as many bytes there and back with bare aiomqtt."""
    inbox = await buses["memory"].subscribe(filter_of(SESSION, "recall", "memory"), rule=LOSSLESS)
    async with AsyncExitStack() as stack:
        asker = await stack.enter_async_context(bare_client(broker.address("reasoning")))
        replier = await stack.enter_async_context(bare_client(broker.address("memory")))
        reply_topic = f"heedful/v1/{SESSION}/{asker.identifier}/reply"
        await asker.subscribe(reply_topic, qos=1)
        await replier.subscribe(f"{BARE}/recall", qos=1)

        async def ours(number: int) -> float:
            start_s = time.perf_counter()
            await buses["reasoning"].request(_recall(number), "recalled", WAIT_S)
            return (time.perf_counter() - start_s) * 1e3

        async def bare(number: int) -> float:
            payload = wire.encode(_recall(number)).payload
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic, properties.CorrelationData = reply_topic, str(number).encode()
            sent = asker.publish(f"{BARE}/recall", payload, qos=1, properties=properties)
            return await delivered(sent, anext(asker.messages))

        async with asyncio.TaskGroup() as group:
            serving = [
                group.create_task(_serve(buses["memory"], inbox), name="memory"),
                group.create_task(_serve_bare(replier), name="bare memory"),
            ]
            seen = await take_turns({"ours": ours, "bare": bare}, rounds, count, "requests")
            for task in serving:
                task.cancel()
    every = joined(seen, "ours")
    detail = {"n": len(every), "ms": spread(every), "bare_ms": spread(joined(seen, "bare"))}
    p50, p99 = percentile(every, 50), percentile(every, 99)
    return [
        Measure(name="request and reply p50", value=p50, unit="ms", at_most=REQUEST_P50_MS, detail=detail),
        Measure(name="request and reply p99", value=p99, unit="ms", at_most=REQUEST_P99_MS),
        compared("request and reply p50 over bare aiomqtt", seen, "bare", None),
    ]


async def _serve(bus: Bus, inbox: Subscription) -> None:
    async for delivery in inbox:
        query = delivery.message
        assert isinstance(query, Recall)
        await bus.publish(_recalled(query.query_id), to=delivery)


async def _serve_bare(replier: aiomqtt.Client) -> None:
    reply = wire.encode(_recalled("q")).payload
    async for message in replier.messages:
        asked: Any = message.properties
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = asked.CorrelationData
        await replier.publish(asked.ResponseTopic, reply, qos=1, properties=properties)


async def _deliveries(
    broker: PrivateBroker, buses: dict[str, MqttBus], size_bytes: int, rounds: int, count: int
) -> list[Measure]:
    """Time messages from before `publish` until the consumer has them."""
    (sender, send_bus), (receiver, receive_bus) = buses.items()
    kind, qos = ("image", 0) if sender == "robot" else ("utterance", 1)
    inbox = await receive_bus.subscribe(filter_of(SESSION, kind, "ours"), rule=LATEST if qos == 0 else LOSSLESS)
    topics = {"bare": f"{BARE}/{kind}", "bare_packets": f"heedful/v1/{SESSION}/packets/{kind}"}
    async with AsyncExitStack() as stack:
        bare_sender = await stack.enter_async_context(bare_client(broker.address(sender)))
        receivers = {name: await stack.enter_async_context(bare_client(broker.address(receiver))) for name in topics}
        for name, topic in topics.items():
            await receivers[name].subscribe(topic, qos=qos)
        payload = bytes(size_bytes)

        async def ours(number: int) -> float:
            return await delivered(send_bus.publish(_message(kind, number, size_bytes)), anext(inbox))

        async def bare(number: int) -> float:
            sent = bare_sender.publish(topics["bare"], payload, qos=qos)
            return await delivered(sent, anext(receivers["bare"].messages))

        async def bare_packets(number: int) -> float:
            packet = wire.encode(_message(kind, number, size_bytes), topics["bare_packets"])
            properties = Properties(PacketTypes.PUBLISH)
            properties.ContentType = packet.content_type
            if packet.properties:
                properties.UserProperty = list(packet.properties)
            sent = bare_sender.publish(packet.topic, packet.payload, qos=qos, properties=properties)
            return await delivered(sent, anext(receivers["bare_packets"].messages))

        contenders = {"ours": ours, "bare": bare, "bare_packets": bare_packets}
        seen = await take_turns(contenders, rounds, count, f"{size_bytes} bytes")
    name = f"delivery of {size_bytes} bytes, p50 over bare aiomqtt"
    return [
        compared(name, seen, "bare", OF_BARE, qos=qos),
        compared(f"{name} with the same properties", seen, "bare_packets", None, qos=qos),
    ]


async def delivered(sending: Awaitable[object], receiving: Awaitable[object]) -> float:
    """Return the milliseconds from before the sending until it is received; the receiver waits already."""
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        arrived = group.create_task(_stamped(receiving), name="consumer")
        await asyncio.sleep(0)
        start_s = time.perf_counter()
        await sending
        return (await arrived - start_s) * 1e3


async def _stamped(receiving: Awaitable[object]) -> float:
    await receiving
    return time.perf_counter()


async def take_turns(contenders: Mapping[str, Once], rounds: int, count: int, what: str) -> list[Latencies]:
    """Let each contender have one message after the other; return the latencies of each round."""
    for number in range(WARM_UP):
        for once in contenders.values():
            await once(number)
    seen = []
    for round_number in range(rounds):
        progress(f"{what}, round {round_number + 1} of {rounds}")
        latencies_ms: Latencies = {name: [] for name in contenders}
        for number in range(count):
            for name, once in contenders.items():
                latencies_ms[name].append(await once(number))
                await asyncio.sleep(PACE_S)
        seen.append(latencies_ms)
    return seen


def compared(name: str, seen: Sequence[Latencies], baseline: str, at_most: float | None, **more: Any) -> Measure:
    """Return the median over rounds of our p50 over the baseline's."""
    ours = [percentile(one["ours"], 50) for one in seen]
    theirs = [percentile(one[baseline], 50) for one in seen]
    every_ours, every_other = joined(seen, "ours"), joined(seen, baseline)
    detail = {
        **more,
        "n": len(every_ours),
        "ms": spread(every_ours),
        "bare_ms": spread(every_other),
        "ratios": rounded(one / other for one, other in zip(ours, theirs, strict=True)),
        "p99_ratio": round(percentile(every_ours, 99) / percentile(every_other, 99), 3),
    }
    return Measure(name=name, value=ratio(ours, theirs), unit="x", at_most=at_most, detail=detail)


def joined(seen: Sequence[Latencies], name: str) -> list[float]:
    """Return one contender's latencies over all rounds."""
    return [latency_ms for one in seen for latency_ms in one[name]]


def _recall(number: int) -> Recall:
    return Recall(session=SESSION, query_id=f"q{number}", as_of_ns=0, text="when did something move")


def _recalled(query_id: str) -> Recalled:
    return Recalled(
        session=SESSION, query_id=query_id, hits=HITS, timeline=HITS, total=2, anchor=None, counts={"motion": 2},
        searched=("text",), session_start_ns=0, start_ns=0, end_ns=1,
    )  # fmt: skip


def _message(kind: str, number: int, size_bytes: int) -> Message:
    if kind == "image":
        return ImageInput(session=SESSION, stream="ours", t_ns=time.time_ns(), seq=number, payload=bytes(size_bytes))
    utterance = Utterance(
        session=SESSION,
        stream="ours",
        epoch=0,
        seq=number,
        t_ns=time.time_ns(),
        start_ns=0,
        end_ns=1,
        text="",
        model="",
    )
    room = size_bytes - len(wire.to_json(utterance))
    return Utterance(
        session=SESSION, stream="ours", epoch=0, seq=number, t_ns=utterance.t_ns, start_ns=0, end_ns=1,
        text="w" * room, model="",
    )  # fmt: skip
