"""What our bus costs: request and reply, and delivery of small and large messages beside bare aiomqtt.

Both ends live in one process and one event loop with a connection each, as the services of `heedful run` do; the
broker is a private mosquitto. Ours and bare aiomqtt take turns message by message, so both meet the same load. Bare
means: the same broker, user, topic tree and QoS, TCP_NODELAY, bytes in and bytes out, aiomqtt's own iterator.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiomqtt

from runtime.apps.bench_measure import Measure, Plan, percentile, progress, ratio, rounded, spread
from runtime.broker import PrivateBroker, find_mosquitto, how_to_install
from runtime.bus import LATEST, LOSSLESS, Bus, Subscription, filter_of
from runtime.errors import MissingPart
from runtime.messages import Hit, ImageInput, Message, Recall, Recalled, Utterance
from runtime.mqtt_bus import Address, MqttBus
from runtime.service import run_services

SESSION = "bench"
SMALL_BYTES = 200
LARGE_BYTES = 100_000
PACE_S = {SMALL_BYTES: 0.005, LARGE_BYTES: 0.015}  # between a message of ours and a bare one
REQUEST_P50_MS = 2.0
REQUEST_P99_MS = 10.0
OF_BARE = 1.3
START_S = 15.0
WAIT_S = 10.0  # for a message that should take milliseconds
WARM_UP = 20

Course = Callable[[PrivateBroker, dict[str, MqttBus]], Coroutine[Any, Any, Any]]


def measure_bus(plan: Plan) -> list[Measure]:
    """Time requests with their replies, then deliveries."""
    rounds, count = plan.rounds(1, 5, 11), plan.rounds(50, 300, 1000)
    return [
        *over_broker(("memory", "reasoning"), lambda _, buses: _requests(buses, rounds * count)),
        *over_broker(("perception", "memory"), lambda at, buses: _deliveries(at, buses, SMALL_BYTES, rounds, count)),
        *over_broker(("robot", "perception"), lambda at, buses: _deliveries(at, buses, LARGE_BYTES, rounds, count)),
    ]


def over_broker(roles: tuple[str, ...], course: Course) -> Any:
    """Start a private mosquitto and one connection per role, run the course and stop everything; return its result."""
    program = find_mosquitto()
    if program is None:
        raise MissingPart("this bench needs a mosquitto", how_to_install())
    found: list[Any] = []

    async def whole(folder: Path) -> None:
        broker = PrivateBroker(folder, program)
        buses = {role: MqttBus(broker.address(role), role, SESSION) for role in roles}

        async def connected() -> None:
            await broker.ready(START_S)
            for bus in buses.values():
                await bus.ready(START_S)
            found.append(await course(broker, buses))

        await run_services([*buses.values(), broker], connected())

    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        asyncio.run(whole(Path(scratch) / "broker"))
    return found[0]


async def _requests(buses: dict[str, MqttBus], count: int) -> list[Measure]:
    """Time recalls that memory would answer at once with two records."""
    inbox = await buses["memory"].subscribe(filter_of(SESSION, "recall", "memory"), rule=LOSSLESS)
    latencies_ms: list[float] = []
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_serve(buses["memory"], inbox), name="memory")
        for number in range(WARM_UP + count):
            query = Recall(session=SESSION, query_id=f"q{number}", as_of_ns=0, text="when did something move")
            start_s = time.perf_counter()
            await buses["reasoning"].request(query, "recalled", WAIT_S)
            latencies_ms.append((time.perf_counter() - start_s) * 1e3)
            await asyncio.sleep(0.002)
        serving.cancel()
    seen = latencies_ms[WARM_UP:]
    detail = {"n": len(seen), "ms": spread(seen)}
    p50, p99 = percentile(seen, 50), percentile(seen, 99)
    return [
        Measure(name="request and reply p50", value=p50, unit="ms", at_most=REQUEST_P50_MS, detail=detail),
        Measure(name="request and reply p99", value=p99, unit="ms", at_most=REQUEST_P99_MS),
    ]


async def _serve(bus: Bus, inbox: Subscription) -> None:
    hits = tuple(
        Hit(record_id=f"bench/video/0/motion-{n}", clip_id="bench/video/0/clip-1", stream="video", kind="motion",
            start_ns=n, end_ns=n + 1, text="", score=0.5, box=(0.1, 0.1, 0.4, 0.4))
        for n in range(2)
    )  # fmt: skip
    async for delivery in inbox:
        query = delivery.message
        assert isinstance(query, Recall)
        reply = Recalled(
            session=SESSION, query_id=query.query_id, hits=hits, timeline=hits, total=2, anchor=None,
            counts={"motion": 2}, searched=("text",), session_start_ns=0, start_ns=0, end_ns=1,
        )  # fmt: skip
        await bus.publish(reply, to=delivery)


async def _deliveries(
    broker: PrivateBroker, buses: dict[str, MqttBus], size_bytes: int, rounds: int, count: int
) -> list[Measure]:
    """Time messages from before `publish` until the consumer has them, ours and bare in turn."""
    (sender, send_bus), (receiver, receive_bus) = buses.items()
    kind, qos = ("image", 0) if sender == "robot" else ("utterance", 1)
    ours, bare = f"{SESSION}/ours", f"heedful/v1/{SESSION}/bare/{kind}"
    inbox = await receive_bus.subscribe(f"heedful/v1/{ours}/{kind}", rule=LATEST if qos == 0 else LOSSLESS)
    async with AsyncExitStack() as stack:
        bare_sender = await stack.enter_async_context(bare_client(broker.address(sender)))
        bare_receiver = await stack.enter_async_context(bare_client(broker.address(receiver)))
        await bare_receiver.subscribe(bare, qos=qos)
        bare_inbox = bare_receiver.messages
        payload = bytes(size_bytes)

        async def send_ours(number: int) -> None:
            await send_bus.publish(_message(kind, number, size_bytes))

        async def send_bare(number: int) -> None:
            await bare_sender.publish(bare, payload, qos=qos)

        steps = (
            (send_ours, lambda: anext(inbox)),
            (send_bare, lambda: anext(bare_inbox)),
        )
        seen: list[tuple[list[float], list[float]]] = []
        for number in range(rounds):
            progress(f"{size_bytes} bytes, round {number + 1} of {rounds}")
            seen.append(await _pairs(steps, count, PACE_S[size_bytes]))
    return _compared(size_bytes, qos, seen)


async def _pairs(steps: Any, count: int, pace_s: float) -> tuple[list[float], list[float]]:
    latencies_ms: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + count):
        for (send, receive), found in zip(steps, latencies_ms, strict=True):
            async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
                arrived = group.create_task(_stamped(receive()), name="consumer")
                await asyncio.sleep(0)  # the consumer waits before anything is sent
                start_s = time.perf_counter()
                await send(number)
                found.append((await arrived - start_s) * 1e3)
            await asyncio.sleep(pace_s)
    return latencies_ms[0][WARM_UP:], latencies_ms[1][WARM_UP:]


async def _stamped(receiving: Coroutine[Any, Any, object]) -> float:
    await receiving
    return time.perf_counter()


def _compared(size_bytes: int, qos: int, seen: list[tuple[list[float], list[float]]]) -> list[Measure]:
    ours, bare = [percentile(one, 50) for one, _ in seen], [percentile(one, 50) for _, one in seen]
    every_ours, every_bare = [ms for one, _ in seen for ms in one], [ms for _, one in seen for ms in one]
    detail = {
        "qos": qos,
        "n": len(every_ours),
        "ms": spread(every_ours),
        "bare_ms": spread(every_bare),
        "ratios": rounded(one / other for one, other in zip(ours, bare, strict=True)),
        "p99_ratio": round(percentile(every_ours, 99) / percentile(every_bare, 99), 3),
    }
    name = f"delivery of {size_bytes} bytes, p50 over bare aiomqtt"
    return [Measure(name=name, value=ratio(ours, bare), unit="x", at_most=OF_BARE, detail=detail)]


def bare_client(address: Address) -> aiomqtt.Client:
    """Return an aiomqtt client as its documentation shows it, with TCP_NODELAY and MQTT v5."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def _message(kind: str, number: int, size_bytes: int) -> Message:
    if kind == "image":
        return ImageInput(session=SESSION, stream="ours", t_ns=time.time_ns(), seq=number, payload=bytes(size_bytes))
    utterance = Utterance(
        session=SESSION, stream="ours", epoch=0, seq=number, t_ns=time.time_ns(), start_ns=0, end_ns=1,
        text="go forward ten meters", model="",
    )  # fmt: skip
    return utterance  # about 200 bytes as JSON
