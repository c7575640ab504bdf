"""Every record is stored exactly once, whatever the broker loses and wherever its producer is cancelled."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.bus import LOSSLESS, Bus, Subscription, filter_of
from runtime.messages import Message, Record, Stored, Utterance, Watermark, record_id
from runtime.mqtt_bus import MqttBus
from runtime.outbox import RESEND_AFTER_S, Outbox
from tests.clock import VirtualClockLoop
from tests.fakes import PATIENCE_S, SESSION, LossyBus, private_broker, running, utterance, watermark


class Keeper:
    """Memory as an outbox sees it: takes each id once and says what it has."""

    def __init__(self) -> None:
        self.stored: dict[str, Record] = {}
        self.unannounced: list[str] = []
        self.overtaken: list[Watermark] = []  # watermarks that came before a record they vouch for

    def take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, Watermark):
                kept = {one.seq for one in self.stored.values() if one.stream == message.stream}
                if not {*range(message.t_ns + 1)} <= kept:
                    self.overtaken.append(message)
            else:
                assert isinstance(message, Utterance)
                self.stored.setdefault(record_id(message), message)
                self.unannounced.append(record_id(message))

    async def confirm(self, outbox: Outbox) -> None:
        ids, self.unannounced = tuple(self.unannounced), []
        await outbox.confirm(ids)

    def seqs(self, stream: str) -> list[int]:
        return [one.seq for one in self.stored.values() if one.stream == stream]


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def settle(bus: LossyBus, outbox: Outbox, keeper: Keeper) -> None:
    """Let the broker live and memory listen until nothing is unconfirmed."""
    await bus.come_back()
    while len(outbox):
        keeper.take(bus.deliver())
        await keeper.confirm(outbox)
        await asyncio.sleep(0.5)
    keeper.take(bus.deliver())


@asynccontextmanager
async def sending(outbox: Outbox) -> AsyncIterator[None]:
    """Let the outbox send beside what is done meanwhile."""
    keeping = asyncio.create_task(outbox.keep_sending())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


@pytest.mark.virtual_clock
async def test_what_is_sent_arrives_once_and_in_order() -> None:
    bus = LossyBus()
    outbox = Outbox(bus)
    async with sending(outbox):
        for seq in range(3):
            await outbox.send(utterance(seq))
            outbox.send_watermark(watermark(seq))
            await steps(10)
    assert bus.accepted == [message for seq in range(3) for message in (utterance(seq), watermark(seq))]
    assert len(outbox) == 3
    assert outbox.resent == 0


@pytest.mark.virtual_clock
async def test_the_first_connection_repeats_nothing() -> None:
    bus = LossyBus(generation=0, is_away=True)
    outbox = Outbox(bus)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(outbox.keep_sending())
        for seq in range(3):
            group.create_task(outbox.send(utterance(seq)))
        await steps(5)
        await bus.come_back()
        await steps(50)
        keeping.cancel()
    assert bus.accepted == [utterance(seq) for seq in range(3)]
    assert outbox.resent == 0


@pytest.mark.virtual_clock
async def test_after_a_reconnect_the_unconfirmed_go_first_and_in_order() -> None:
    bus = LossyBus()
    outbox = Outbox(bus)
    async with sending(outbox):
        for seq in range(4):
            await outbox.send(utterance(seq))
        outbox.send_watermark(watermark(3))
        await steps(10)
        await outbox.confirm((record_id(utterance(1)),))
        bus.die()
        bus.accepted.clear()
        outbox.send_watermark(watermark(4))
        await steps(10)
        await bus.come_back()
        await steps(20)
    assert bus.accepted == [utterance(0), utterance(2), utterance(3), watermark(4)]
    assert outbox.resent == 3


@pytest.mark.virtual_clock
async def test_after_a_reconnect_everything_goes_again_without_anything_new() -> None:
    bus = LossyBus()
    outbox = Outbox(bus)
    async with sending(outbox):
        await outbox.send(utterance(0))
        outbox.send_watermark(watermark(0))
        await steps(10)
        bus.die()
        await asyncio.sleep(60.0)
        bus.accepted.clear()
        await bus.come_back()
        await steps(20)
    assert bus.accepted == [utterance(0), watermark(0)]


@pytest.mark.virtual_clock
async def test_what_nobody_confirms_is_sent_again_and_confirmed_records_are_not() -> None:
    bus = LossyBus()
    outbox = Outbox(bus)
    async with sending(outbox):
        await outbox.send(utterance(0))
        await asyncio.sleep(RESEND_AFTER_S * 2.5)
        assert bus.accepted == [utterance(0)] * 3
        await outbox.confirm((record_id(utterance(0)),))
        await asyncio.sleep(RESEND_AFTER_S * 10)
    assert bus.accepted == [utterance(0)] * 3


@pytest.mark.virtual_clock
async def test_a_broker_that_fails_without_a_new_connection_is_asked_again() -> None:
    bus = LossyBus(is_away=True)
    outbox = Outbox(bus)
    async with sending(outbox):
        await outbox.send(utterance(0))
        await asyncio.sleep(1.0)
        bus.is_away = False  # it was slow, the connection is the same
        await asyncio.sleep(RESEND_AFTER_S)
    assert utterance(0) in bus.accepted  # twice where two waits of 5 s end at once; memory takes it once


@pytest.mark.virtual_clock
@pytest.mark.parametrize("is_replay", [False, True])
async def test_of_watermarks_that_wait_the_newest_is_sent_and_in_a_replay_every_one(is_replay: bool) -> None:
    bus = LossyBus(is_away=True)
    outbox = Outbox(bus, is_replay=is_replay)
    async with sending(outbox):
        for t_ns in range(100):
            outbox.send_watermark(watermark(t_ns))
            await asyncio.sleep(1.01)
        await bus.come_back()
        await steps(100)
    assert bus.accepted == [watermark(t_ns) for t_ns in (range(100) if is_replay else [99])]


@pytest.mark.virtual_clock
async def test_a_full_outbox_makes_send_wait_until_something_is_confirmed() -> None:
    bus = LossyBus()
    outbox = Outbox(bus, room=2)
    async with sending(outbox):
        await outbox.send(utterance(0))
        await outbox.send(utterance(1))
        waiting = asyncio.create_task(outbox.send(utterance(2)))
        await asyncio.sleep(1.0)
        assert not waiting.done()
        assert len(outbox) == 2
        await outbox.confirm((record_id(utterance(0)),))
        await waiting
        await steps(10)
    assert bus.accepted == [utterance(0), utterance(1), utterance(2)]
    assert len(outbox) == 2


@pytest.mark.virtual_clock
async def test_drained_waits_for_the_last_confirmation() -> None:
    outbox = Outbox(LossyBus())
    async with sending(outbox):
        await outbox.drained()
        await outbox.send(utterance(0))
        draining = asyncio.create_task(outbox.drained())
        await asyncio.sleep(60.0)
        assert not draining.done()
        await outbox.confirm(("unknown", record_id(utterance(0))))
        await draining


@pytest.mark.virtual_clock
async def test_sent_waits_for_the_last_watermark_and_drained_for_records_only() -> None:
    bus = LossyBus(is_away=True)
    outbox = Outbox(bus)
    async with sending(outbox):
        outbox.send_watermark(watermark(0))
        await outbox.drained()
        waiting = asyncio.create_task(outbox.sent())
        await asyncio.sleep(60.0)
        assert not waiting.done()
        await bus.come_back()
        await waiting
    assert watermark(0) in bus.accepted


@pytest.mark.virtual_clock
@pytest.mark.parametrize("wait", range(6))
async def test_on_a_connection_that_is_new_since_the_batch_was_made_records_go_first(wait: int) -> None:
    bus, keeper = LossyBus(), Keeper()
    outbox = Outbox(bus)
    async with sending(outbox):
        await outbox.send(utterance(0))
        await steps(20)
        bus.die()  # it had acknowledged the record
        await asyncio.sleep(0.5)
        outbox.send_watermark(watermark(0))
        await steps(wait)
        await bus.come_back()
        await steps(30)
        keeper.take(bus.deliver())
    assert keeper.seqs("mic") == [0]
    assert not keeper.overtaken


@pytest.mark.virtual_clock
async def test_a_record_that_no_bus_carries_is_refused_and_holds_up_nothing() -> None:
    bus = LossyBus()
    outbox = Outbox(bus)
    large = Utterance(
        session=SESSION, stream="mic", epoch=0, seq=0, t_ns=0, start_ns=0, end_ns=0, text="x" * 70_000, model=""
    )
    async with sending(outbox):
        await outbox.send(large)
        await outbox.send(utterance(1))
        await steps(10)
        assert bus.accepted == [utterance(1)]
        assert outbox.refused == 1
        await outbox.confirm((record_id(utterance(1)),))
        await outbox.drained()


ACTS = st.sampled_from(["deliver", "deliver all", "confirm", "die", "come back", "pause", "cancel", "restart"])
SENT = st.lists(st.sampled_from(["record a", "record b", "mark a", "mark b"]), max_size=15)


async def story(sent: list[str], acts: list[tuple[int, str]], room: int) -> None:
    """Send what is to be sent while the broker lives and dies; then all must be stored, and none overtaken."""
    bus, keeper = LossyBus(), Keeper()
    outbox = Outbox(bus, room)
    left = list(sent)
    count = {"a": 0, "b": 0}

    async def produce() -> None:
        while left:
            what, stream = left[0].split()
            if what == "record":
                await outbox.send(utterance(count[stream], stream))  # cancelled in here it has not been taken
                count[stream] += 1
            else:
                outbox.send_watermark(watermark(count[stream] - 1, stream))
            left.pop(0)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(outbox.keep_sending())
        producing = group.create_task(produce())
        for pause, act in acts:
            await steps(pause)
            match act:
                case "deliver":
                    keeper.take(bus.deliver(1))
                case "deliver all":
                    keeper.take(bus.deliver())
                case "confirm":
                    await keeper.confirm(outbox)
                case "die":
                    bus.die()
                case "come back":
                    await bus.come_back()
                case "pause":
                    await asyncio.sleep(2.0)
                case "cancel":
                    producing.cancel()
                    await asyncio.wait([producing])
                    producing = group.create_task(produce())
                case "restart":
                    keeping.cancel()
                    await asyncio.wait([keeping])
                    keeping = group.create_task(outbox.keep_sending())
        while not producing.done():
            await settle(bus, outbox, keeper)
            await steps(3)
        await settle(bus, outbox, keeper)
        keeping.cancel()
    assert keeper.seqs("a") == [*range(count["a"])]
    assert keeper.seqs("b") == [*range(count["b"])]
    assert count == {stream: sent.count(f"record {stream}") for stream in count}
    assert not keeper.overtaken


@given(sent=SENT, acts=st.lists(st.tuples(st.integers(0, 5), ACTS), max_size=30), room=st.integers(1, 5))
@settings(max_examples=400)
def test_whatever_the_broker_loses_each_record_is_stored_once_and_no_watermark_overtakes_one(
    sent: list[str], acts: list[tuple[int, str]], room: int
) -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(story(sent, acts, room))


@pytest.mark.virtual_clock
@pytest.mark.parametrize("dies_after", [None, 2, 5, 9])
async def test_a_producer_cancelled_anywhere_leaves_nothing_unsent(dies_after: int | None) -> None:
    for cut in range(40):
        bus, keeper = LossyBus(), Keeper()
        outbox = Outbox(bus)
        taken = -1

        async def produce(outbox: Outbox = outbox) -> None:
            nonlocal taken
            for seq in range(5):
                await asyncio.sleep(0)
                await outbox.send(utterance(seq))
                taken = seq
                await asyncio.sleep(0)
                outbox.send_watermark(watermark(seq))

        keeping = asyncio.create_task(outbox.keep_sending())
        producing = asyncio.create_task(produce())
        for step in range(cut):
            await asyncio.sleep(0)
            if step == dies_after:
                bus.die()
                await bus.come_back()
        producing.cancel()
        await asyncio.wait([producing])
        outbox.send_watermark(watermark(taken, ended=True))  # as perception does when it stops
        await settle(bus, outbox, keeper)
        assert keeper.seqs("mic") == [*range(taken + 1)]
        assert not keeper.overtaken
        keeping.cancel()
        await asyncio.wait([keeping])


async def keep(bus: Bus, inbox: Subscription, keeper: Keeper, progress: asyncio.Queue[int]) -> None:
    """A tiny memory: take each id once, then publish `stored`."""
    async for delivery in inbox:
        keeper.take([delivery.message])
        ids, keeper.unannounced = tuple(keeper.unannounced), []
        await bus.publish(Stored(session=SESSION, ids=ids))
        progress.put_nowait(len(keeper.stored))


async def confirm(inbox: Subscription, outbox: Outbox) -> None:
    async for delivery in inbox:
        assert isinstance(delivery.message, Stored)
        await outbox.confirm(delivery.message.ids)


async def survive_kills(folder: Path, count: int, kills_at: list[int]) -> None:
    """Send `count` records through a real broker that is killed with -9 when so many are stored."""
    asyncio.get_running_loop().set_debug(False)  # it would take most of the time
    broker, keeper = private_broker(folder), Keeper()
    progress: asyncio.Queue[int] = asyncio.Queue()
    async with running(broker):
        await broker.ready(PATIENCE_S)
        memory, perception = [
            MqttBus(broker.address(name), name, SESSION, is_lossless=True) for name in ("memory", "perception")
        ]
        outbox = Outbox(perception, room=200)
        async with running(memory, perception), asyncio.TaskGroup() as group:
            inbox = await memory.subscribe(filter_of(SESSION, "utterance"), rule=LOSSLESS)
            stored = await perception.subscribe(filter_of(SESSION, "stored", "memory"), rule=LOSSLESS)
            beside = [
                group.create_task(keep(memory, inbox, keeper, progress)),
                group.create_task(confirm(stored, outbox)),
                group.create_task(outbox.keep_sending()),
            ]

            async def produce() -> None:
                for seq in range(count):
                    await outbox.send(utterance(seq))
                await outbox.drained()

            producing = group.create_task(produce())
            for kill_at in kills_at:
                while await progress.get() < kill_at:
                    pass
                assert broker.pid is not None
                os.kill(broker.pid, signal.SIGKILL)
                before = len(keeper.stored)
                async with asyncio.timeout(PATIENCE_S):  # how soon it is back is measured: heedful bench outbox
                    while await progress.get() <= before:
                        pass
            await producing
            for task in beside:
                task.cancel()
    # not in order: what memory missed because it came back later than the producer follows a second later
    assert sorted(keeper.seqs("mic")) == [*range(count)]
    assert broker.restarts == len(kills_at)
    assert len(outbox) == 0


@pytest.mark.broker
async def test_a_broker_killed_in_the_middle_of_500_records_loses_none(tmp_path: Path) -> None:
    await survive_kills(tmp_path, 500, [150, 350])


@pytest.mark.broker
@pytest.mark.soak
async def test_a_broker_killed_in_the_middle_of_5000_records_loses_none(tmp_path: Path) -> None:
    await survive_kills(tmp_path, 5000, [*range(500, 5000, 500)])
