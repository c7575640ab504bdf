"""What a bus promises, run against both: the one inside this process and the one over a real mosquitto."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.bus import LATEST, LOSSLESS, LOSSLESS_ROOM, Bus, Delivery, Subscription, drop_oldest, filter_of
from runtime.errors import WireError
from runtime.messages import (
    Answer,
    Ask,
    DeadLetter,
    ImageInput,
    ImuInput,
    Message,
    PoseInput,
    Status,
    Stored,
    Utterance,
    Watermark,
)
from runtime.wire import Packet, decode, encode
from tests.fakes import PATIENCE_S, SESSION, Buses, buses_over, example, motion, utterance, watermark

UTTERANCES = filter_of(SESSION, "utterance")
MOTIONS = filter_of(SESSION, "motion")
WATERMARKS = filter_of(SESSION, "watermark")
ASKS = filter_of(SESSION, "ask")
LETTERS = filter_of(SESSION, "dead-letter")


@pytest.fixture(params=["local", pytest.param("mqtt", marks=pytest.mark.broker)])
async def buses(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Buses]:
    async with buses_over(request.param, tmp_path) as opened:
        yield opened


def an_answer(ask: Ask) -> Answer:
    answer = example(Answer, query_id=ask.query_id, question=ask.question, answer=f"to {ask.question}")
    assert isinstance(answer, Answer)
    return answer


def an_ask(question: str = "what?") -> Ask:
    return Ask(session=SESSION, query_id=question, question=question)


async def take(inbox: Subscription, count: int) -> list[Message]:
    """Return the next messages."""
    return [(await anext(inbox)).message for _ in range(count)]


async def next_ask(inbox: Subscription) -> tuple[Delivery, Ask]:
    delivery = await anext(inbox)
    assert isinstance(delivery.message, Ask)
    return delivery, delivery.message


async def answer_asks(bus: Bus, inbox: Subscription) -> None:
    """Answer every ask."""
    async for delivery in inbox:
        ask = delivery.message
        assert isinstance(ask, Ask)
        await bus.publish(an_answer(ask), to=delivery)


async def pass_through(sender: Bus, marks: Subscription) -> None:
    """Return when everything that `sender` sent before has reached the connection of `marks`."""
    await sender.publish(watermark(1))
    assert isinstance((await anext(marks)).message, Watermark)


async def test_messages_arrive_whole_and_in_order(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(UTTERANCES, WATERMARKS, rule=LOSSLESS)
    sent: list[Message] = []
    for seq in range(30):
        sent += [utterance(seq), watermark(seq)]
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take(inbox, len(sent)))
        for message in sent:
            await perception.publish(message)
    assert taking.result() == sent
    assert not memory.lost()


async def test_only_what_was_asked_for_arrives(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(filter_of(SESSION, "utterance", "left"), WATERMARKS, rule=LOSSLESS)
    for stream in ("right", "left", "lef"):
        await perception.publish(utterance(1, stream))
    await perception.publish(watermark(1))
    assert await take(inbox, 2) == [utterance(1, "left"), watermark(1)]


async def test_latest_keeps_the_newest_of_each_topic_and_counts_the_others(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    marks = await memory.subscribe(WATERMARKS, rule=LOSSLESS)
    inbox = await memory.subscribe(MOTIONS, rule=LATEST)
    for seq in range(20):
        for stream in ("left", "right"):
            await perception.publish(motion(seq, stream))
    await pass_through(perception, marks)
    assert len(inbox) == 2
    assert await take(inbox, 2) == [motion(19, "left"), motion(19, "right")]
    assert inbox.lost == 38
    assert memory.lost() == {MOTIONS: 38}


async def test_drop_oldest_keeps_the_newest_and_counts_the_others(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    marks = await memory.subscribe(WATERMARKS, rule=LOSSLESS)
    inbox = await memory.subscribe(MOTIONS, rule=drop_oldest(5))
    for seq in range(20):
        await perception.publish(motion(seq))
    await pass_through(perception, marks)
    assert await take(inbox, 5) == [motion(seq) for seq in range(15, 20)]
    assert memory.lost() == {MOTIONS: 15}


async def test_lossless_loses_nothing_while_its_consumer_is_slow_and_holds_no_more_than_its_room(buses: Buses) -> None:
    asyncio.get_running_loop().set_debug(False)  # which would take most of the time of so many messages
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
    are_more_sent_than_fit = asyncio.Event()

    async def send() -> None:
        for start in range(0, 2000, 10):
            if start == LOSSLESS_ROOM:
                are_more_sent_than_fit.set()
            await asyncio.gather(*(perception.publish(utterance(seq)) for seq in range(start, start + 10)))

    taken: list[Message] = []
    fullest = 0
    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        await are_more_sent_than_fit.wait()
        for _ in range(2000):
            await asyncio.sleep(0)
            fullest = max(fullest, len(inbox))
            taken += await take(inbox, 1)
    assert taken == [utterance(seq) for seq in range(2000)]
    assert fullest <= LOSSLESS_ROOM
    assert not memory.lost()


async def test_calls_that_run_at_once_keep_their_order_at_two_slow_subscribers(buses: Buses) -> None:
    asyncio.get_running_loop().set_debug(False)
    perception = await buses.connect("perception")
    listeners = [await buses.connect(name) for name in ("memory", "user")]
    inboxes = [await one.subscribe(UTTERANCES, rule=LOSSLESS) for one in listeners]
    count = 4 * LOSSLESS_ROOM
    taken: list[list[Message]] = [[], []]

    async def listen(inbox: Subscription, into: list[Message], pauses: int) -> None:
        while len(into) < count:
            into += await take(inbox, 1)
            for _ in range(len(into) * 7 % pauses):
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for inbox, into, pauses in zip(inboxes, taken, (3, 5), strict=True):
            group.create_task(listen(inbox, into, pauses))
        for start in range(0, count, 16):
            await asyncio.gather(*(perception.publish(utterance(seq)) for seq in range(start, start + 16)))
    assert taken == [[utterance(seq) for seq in range(count)]] * 2


async def test_two_subscribers_both_hear_it(buses: Buses) -> None:
    perception = await buses.connect("perception")
    listeners = [await buses.connect(name) for name in ("memory", "reasoning", "user", "user")]
    inboxes = [await one.subscribe(UTTERANCES, rule=LOSSLESS) for one in listeners]
    await perception.publish(utterance(1))
    assert [await take(inbox, 1) for inbox in inboxes] == [[utterance(1)]] * 4


async def test_two_equal_filters_on_one_connection_hear_everything_once(buses: Buses) -> None:
    perception, robot = await buses.connect("perception"), await buses.connect("robot")
    images = filter_of(SESSION, "image", "front")
    one = await perception.subscribe(images, rule=drop_oldest(50))
    other = await perception.subscribe(filter_of(SESSION, "pose", "odom"), images, rule=drop_oldest(50))
    sent = [example(ImageInput, stream="front", t_ns=number) for number in range(20)]
    for message in sent:
        await robot.publish(message)
    await robot.publish(example(PoseInput, stream="odom"))
    assert await take(other, 21) == [*sent, example(PoseInput, stream="odom")]
    assert await take(one, 20) == sent
    assert len(one) == len(other) == 0


async def test_what_is_diverted_is_handed_on_unread_in_order_and_never_kept(buses: Buses) -> None:
    perception, robot = await buses.connect("perception"), await buses.connect("robot")
    marks = await perception.subscribe(filter_of(SESSION, "imu"), rule=drop_oldest(1))
    inbox = await perception.subscribe(filter_of(SESSION, "pose"), rule=drop_oldest(50))
    sent = [example(PoseInput, stream="odom", t_ns=number) for number in range(4)]
    heard: list[Packet] = []

    async def send(messages: list[PoseInput]) -> None:
        for message in messages:
            await robot.publish(message)
        await robot.publish(example(ImuInput))
        await anext(marks)  # all has passed that was sent before

    await send(sent[:2])
    assert len(inbox) == 2
    inbox.divert(heard.append)
    assert len(heard) == 2
    await buses.inject(f"heedful/v1/{SESSION}/odom/pose", b"{")
    await send(sent[2:])
    assert [packet.payload for packet in heard[:3]] == [*(encode(one).payload for one in sent[:2]), b"{"]
    assert [decode(packet) for packet in heard if packet.payload != b"{"] == sent
    assert (len(inbox), inbox.lost) == (0, 0)


async def test_in_a_replay_every_rule_is_lossless(buses: Buses) -> None:
    memory = await buses.connect("memory", is_lossless=True)
    perception = await buses.connect("perception", is_lossless=True)
    inboxes = [
        await memory.subscribe(MOTIONS, rule=LATEST),
        await memory.subscribe(UTTERANCES, rule=drop_oldest(1)),
    ]
    for seq in range(50):
        await perception.publish(motion(seq))
        await perception.publish(utterance(seq))
    assert await take(inboxes[0], 50) == [motion(seq) for seq in range(50)]
    assert await take(inboxes[1], 50) == [utterance(seq) for seq in range(50)]
    assert not memory.lost()


async def test_a_request_gets_its_reply(buses: Buses) -> None:
    reasoning, user = await buses.connect("reasoning"), await buses.connect("user")
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(answer_asks(reasoning, inbox))
        assert await user.request(an_ask(), "answer", PATIENCE_S) == an_answer(an_ask())
        answering.cancel()


async def test_each_of_many_requests_gets_its_own_reply(buses: Buses) -> None:
    reasoning = await buses.connect("reasoning")
    users = [await buses.connect("user"), await buses.connect("user")]
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(answer_asks(reasoning, inbox))
        asks = [an_ask(f"what about {number}?") for number in range(20)]
        replies = await asyncio.gather(*(users[n % 2].request(ask, "answer", PATIENCE_S) for n, ask in enumerate(asks)))
        answering.cancel()
    assert replies == [an_answer(ask) for ask in asks]


async def test_no_reply_ends_in_a_timeout_and_a_late_one_is_ignored(buses: Buses) -> None:
    reasoning, user = await buses.connect("reasoning"), await buses.connect("user")
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    with pytest.raises(TimeoutError):
        await user.request(an_ask("the first"), "answer", 0.05)
    delivery, first = await next_ask(inbox)
    async with asyncio.TaskGroup() as group:
        second = group.create_task(user.request(an_ask("the second"), "answer", PATIENCE_S))
        delivery_2, ask = await next_ask(inbox)
        await reasoning.publish(an_answer(first), to=delivery)
        await reasoning.publish(an_answer(ask), to=delivery_2)
    assert second.result() == an_answer(an_ask("the second"))


async def test_who_asks_without_a_response_topic_gets_no_reply_and_hurts_nobody(buses: Buses) -> None:
    reasoning, user = await buses.connect("reasoning"), await buses.connect("user")
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    await user.publish(an_ask())
    delivery, ask = await next_ask(inbox)
    assert delivery.response_topic is None
    await reasoning.publish(an_answer(ask), to=delivery)


async def test_a_wide_filter_does_not_hear_the_replies_to_others(buses: Buses) -> None:
    reasoning, user, tap = [await buses.connect(name) for name in ("reasoning", "user", "user")]
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    heard = await tap.subscribe(filter_of(SESSION, "+"), rule=LOSSLESS)
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(answer_asks(reasoning, inbox))
        await user.request(an_ask(), "answer", PATIENCE_S)
        answering.cancel()
    await user.publish(an_ask("the end"))
    kinds = []
    while (message := (await anext(heard)).message) != an_ask("the end"):
        kinds.append(message.kind)
    assert [kind for kind in kinds if kind != "status"] == ["ask"]


async def test_a_retained_status_reaches_who_comes_late(buses: Buses) -> None:
    memory = await buses.connect("memory")
    status = Status(session=SESSION, stream="memory", state="online", since_ns=5)
    await memory.publish(status)
    user = await buses.connect("user")
    inbox = await user.subscribe(filter_of(SESSION, "status", "memory"), rule=LATEST)
    assert await take(inbox, 1) == [status]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"heedful/v1/{SESSION}/_/ask", b"hello"),
        (f"heedful/v1/{SESSION}/_/ask", b"[" * 16_000),
        (f"heedful/v1/{SESSION}/_/ask", b'{"question": "q", "session": "' + b"\\u0001" * 2_700 + b'"}'),
        (f"heedful/v1/{SESSION}/_/ask", bytes(17_000)),
        (f"heedful/v1/{SESSION}/{'a' * 60_000}/ask", b"hello"),
    ],
    ids=["not JSON", "deep", "a long session", "too large", "a long topic"],
)
async def test_garbage_becomes_a_short_dead_letter_and_the_stream_goes_on(
    buses: Buses, topic: str, payload: bytes
) -> None:
    reasoning, user = await buses.connect("reasoning"), await buses.connect("user")
    letters = await user.subscribe(LETTERS, rule=LOSSLESS)
    inbox = await reasoning.subscribe(ASKS, rule=LOSSLESS)
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take(inbox, 1))
        await buses.inject(topic, payload)
        letter = (await anext(letters)).message
        await user.publish(an_ask())
    assert isinstance(letter, DeadLetter)
    assert letter.stream == "reasoning"
    assert topic.startswith(letter.topic)
    assert letter.size_bytes == len(payload)
    assert letter.head_hex == payload[:64].hex()
    assert letter.reason
    assert len(letter.topic) <= 200
    assert len(letter.reason) <= 200
    assert taking.result() == [an_ask()]


async def test_what_is_too_large_is_refused_before_it_is_sent(buses: Buses) -> None:
    user = await buses.connect("user")
    with pytest.raises(WireError, match="the limit of ask is 16384"):
        await user.publish(an_ask("x" * 17_000))
    with pytest.raises(WireError, match="the limit of ask is 16384"):
        await user.request(an_ask("x" * 17_000), "answer", PATIENCE_S)


async def test_a_cancelled_wait_for_the_next_message_loses_none(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
    for seq in range(5):
        waiting = asyncio.create_task(take(inbox, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await perception.publish(utterance(seq))
        assert await take(inbox, 1) == [utterance(seq)]


async def test_two_services_that_answer_each_other_do_not_lock_up(buses: Buses) -> None:
    asyncio.get_running_loop().set_debug(False)  # which would take most of the time of so many messages
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    records = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
    stored = await perception.subscribe(filter_of(SESSION, "stored"), rule=LOSSLESS)
    count = 5 * LOSSLESS_ROOM

    async def remember() -> None:
        for _ in range(count):
            record = (await anext(records)).message
            assert isinstance(record, Utterance)
            await memory.publish(Stored(session=SESSION, ids=(record.text,)))

    async with asyncio.TaskGroup() as group:
        group.create_task(remember())
        confirming = group.create_task(take(stored, count))
        for seq in range(count):
            await perception.publish(utterance(seq))
    assert confirming.result() == [Stored(session=SESSION, ids=(str(seq),)) for seq in range(count)]


async def test_a_subscriber_that_stops_frees_who_waits_for_room(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)

    async def send() -> None:
        for seq in range(LOSSLESS_ROOM + 10):
            await perception.publish(utterance(seq))

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send())
        while len(inbox) < LOSSLESS_ROOM:  # noqa: ASYNC110 - the bus is what it waits for
            await asyncio.sleep(0.01)
        memory.stop()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([sending])


async def test_stop_ends_every_iteration_after_what_is_already_there(buses: Buses) -> None:
    memory, perception = await buses.connect("memory"), await buses.connect("perception")
    inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
    idle = await memory.subscribe(MOTIONS, rule=LATEST)
    marks = await memory.subscribe(WATERMARKS, rule=LOSSLESS)

    async def count(one: Subscription) -> int:
        return len([delivery async for delivery in one])

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count(idle))  # waits already when stop comes
        for seq in range(3):
            await perception.publish(utterance(seq))
        await pass_through(perception, marks)
        memory.stop()
        assert await count(inbox) == 3
        assert await count(marks) == 0
    assert counting.result() == 0
