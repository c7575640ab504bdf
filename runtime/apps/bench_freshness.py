"""How old a frame is when a slow consumer gets it: 30 pictures a second into one that takes 100 ms for each.

The baseline is bare aiomqtt in the same process at the same time: its queue has no bound, so there age grows for ever.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from runtime.apps.bench_broker import SESSION, bare_client, over_broker
from runtime.apps.bench_measure import Measure, Plan, progress, slope, spread
from runtime.broker import PrivateBroker
from runtime.bus import LATEST, Subscription, filter_of
from runtime.messages import ImageInput
from runtime.mqtt_bus import MqttBus

RATE_HZ = 30
PICTURE_BYTES = 100_000
WORK_S = 0.1
OLDEST_MS = 200.0
GROWTH_MS_PER_S = 1.0
BARE_TOPIC = f"heedful/v1/{SESSION}/bare/image"


@dataclass(slots=True)
class Seen:
    """What reached a consumer: when, how old, and which."""

    at_s: list[float] = field(default_factory=list)
    age_ms: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def note(self, taken_ns: int, number: int) -> None:
        """Note a picture that arrived now."""
        self.at_s.append(time.perf_counter())
        self.age_ms.append((time.time_ns() - taken_ns) / 1e6)
        self.numbers.append(number)


def measure_freshness(plan: Plan) -> list[Measure]:
    """Send for a minute and look at every picture's age."""
    seconds = plan.rounds(5, 60, 300)
    progress(f"{seconds} s of pictures")
    ours, bare, sent, lost = over_broker(("robot", "perception"), lambda at, buses: _watch(at, buses, seconds))
    growth = slope(ours.at_s, ours.age_ms)
    age = {"n": len(ours.age_ms), "ms": spread(ours.age_ms, 1), "seconds": seconds}
    return [
        Measure(name="age at the consumer, oldest", value=max(ours.age_ms), unit="ms", at_most=OLDEST_MS, detail=age),
        Measure(name="growth of the age", value=growth, unit="ms per s", at_most=GROWTH_MS_PER_S),
        Measure(
            name="pictures neither seen nor counted as lost",
            value=abs(sent - len(ours.numbers) - lost),
            unit="pictures",
            at_most=0,
            detail={"sent": sent, "seen": len(ours.numbers), "lost": lost},
        ),
        Measure(
            name="growth of the age with bare aiomqtt",
            value=slope(bare.at_s, bare.age_ms),
            unit="ms per s",
            detail={"ms": spread(bare.age_ms, 1)},
        ),
    ]


async def _watch(broker: PrivateBroker, buses: dict[str, MqttBus], seconds: float) -> tuple[Seen, Seen, int, int]:
    inbox = await buses["perception"].subscribe(filter_of(SESSION, "image", "camera"), rule=LATEST)
    ours, bare = Seen(), Seen()
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(bare_client(broker.address("robot")))
        receiver = await stack.enter_async_context(bare_client(broker.address("perception")))
        await receiver.subscribe(BARE_TOPIC)
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(_look(inbox, ours), name="consumer")
            bare_looking = group.create_task(_look_bare(receiver, bare), name="bare consumer")
            sent = await _send(buses["robot"], sender, seconds)
            await asyncio.sleep(0.5)  # the last picture is still to be seen
            inbox.close()
            await looking
            bare_looking.cancel()
    return ours, bare, sent, inbox.lost


async def _send(bus: MqttBus, bare: Any, seconds: float) -> int:
    """Send pictures at the clock's pace over both; return how many."""
    clock = asyncio.get_running_loop().time
    start_s, count = clock(), round(seconds * RATE_HZ)
    for number in range(count):
        await asyncio.sleep(start_s + number / RATE_HZ - clock())
        payload = bytes(PICTURE_BYTES)
        await bus.publish(
            ImageInput(session=SESSION, stream="camera", t_ns=time.time_ns(), seq=number, payload=payload)
        )
        await bare.publish(BARE_TOPIC, time.time_ns().to_bytes(8, "big") + payload)
    return count


async def _look(inbox: Subscription, seen: Seen) -> None:
    async for delivery in inbox:
        picture = delivery.message
        assert isinstance(picture, ImageInput)
        assert picture.t_ns is not None
        assert picture.seq is not None
        seen.note(picture.t_ns, picture.seq)
        await asyncio.sleep(WORK_S)  # a model at work on its own thread


async def _look_bare(receiver: Any, seen: Seen) -> None:
    async for message in receiver.messages:
        seen.note(int.from_bytes(bytes(message.payload)[:8], "big"), len(seen.numbers))
        await asyncio.sleep(WORK_S)
