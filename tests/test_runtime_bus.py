"""What both buses share: which topics a filter takes, when a delivery counts as done, what a dead letter says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.bus import LATEST, LOSSLESS, Router, Rule, dead_letter, drop_oldest, nothing, topic_matches
from runtime.messages import DeadLetter
from runtime.wire import Packet, encode
from tests.fakes import motion, utterance

PARTS = st.sampled_from(["a", "b", "", "+"])


@pytest.mark.parametrize(
    ("pattern", "topic", "is_match"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("a/+", "a/", True),
        ("+/+", "a/b", True),
        ("+", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "ab/c", False),
        ("#", "a/b", True),
        ("a/+/#", "a", False),
        ("a", "A", False),
    ],
)
def test_filters_take_what_mqtt_says(pattern: str, topic: str, is_match: bool) -> None:
    assert topic_matches(pattern, topic) is is_match


def slowly_matches(wanted: list[str], given: list[str]) -> bool:
    if not wanted or wanted == ["#"]:
        return wanted == ["#"] or not given
    return bool(given) and wanted[0] in ("+", given[0]) and slowly_matches(wanted[1:], given[1:])


@given(
    wanted=st.lists(PARTS, min_size=1, max_size=4),
    is_open=st.booleans(),
    given_parts=st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=5),
)
@settings(max_examples=200)
def test_filters_agree_with_a_plain_recursion(wanted: list[str], is_open: bool, given_parts: list[str]) -> None:
    pattern = [*wanted, "#"] if is_open else wanted
    assert topic_matches("/".join(pattern), "/".join(given_parts)) is slowly_matches(pattern, given_parts)


async def test_a_delivery_counts_as_done_when_its_consumer_comes_back_for_the_next() -> None:
    done: list[int] = []
    router = Router("memory", "memory-1", lambda _: None)
    inbox = router.add(["heedful/v1/s/+/utterance"], LOSSLESS)
    for seq in range(3):
        router.route(encode(utterance(seq)), lambda seq=seq: done.append(seq))  # type: ignore[misc]
    await anext(inbox)
    assert done == []
    await anext(inbox)
    assert done == [0]
    router.close()
    assert [delivery.message async for delivery in inbox] == [utterance(2)]
    assert done == [0, 1, 2]


async def test_what_two_subscriptions_take_is_done_when_both_are() -> None:
    done: list[str] = []
    router = Router("memory", "memory-1", lambda _: None)
    inboxes = [router.add(["heedful/v1/s/+/utterance"], LOSSLESS) for _ in range(2)]
    router.route(encode(utterance(1)), lambda: done.append("done"))
    for inbox in inboxes:
        assert done == []
        await anext(inbox)
        inbox.close()
        with pytest.raises(StopAsyncIteration):
            await anext(inbox)
    assert done == ["done"]


@pytest.mark.parametrize("rule", [LATEST, drop_oldest(1)])
def test_what_a_rule_drops_is_done_at_once(rule: Rule) -> None:
    done: list[int] = []
    router = Router("memory", "memory-1", lambda _: None)
    router.add(["heedful/v1/s/+/motion"], rule)
    for seq in range(3):
        router.route(encode(motion(seq)), lambda seq=seq: done.append(seq))  # type: ignore[misc]
    assert done == [0, 1]
    assert router.lost() == {"heedful/v1/s/+/motion": 2}


def test_what_nobody_wants_is_done_at_once() -> None:
    done: list[str] = []
    router = Router("memory", "memory-1", lambda _: None)
    router.add(["heedful/v1/s/+/motion"], LATEST)
    router.route(encode(utterance(1)), lambda: done.append("not ours"))
    router.route(Packet(topic="heedful/v1/s/memory-1/reply", payload=b""), lambda: done.append("late reply"))
    router.route(Packet(topic="heedful/v1/s/user-2/reply", payload=b""), lambda: done.append("foreign reply"))
    assert done == ["not ours", "late reply", "foreign reply"]


async def test_garbage_is_done_and_told_when_its_turn_comes() -> None:
    done: list[str] = []
    letters: list[DeadLetter] = []
    router = Router("memory", "memory-1", letters.append)
    inbox = router.add(["heedful/v1/s/+/utterance"], LOSSLESS)
    garbage = Packet(topic="heedful/v1/s/mic/utterance", payload=b"hello")
    router.route(garbage, lambda: done.append("garbage"))
    router.route(encode(utterance(1)), nothing)
    assert (await anext(inbox)).message == utterance(1)
    assert done == ["garbage"]
    assert [(letter.stream, letter.topic, letter.head_hex) for letter in letters] == [
        ("memory", garbage.topic, b"hello".hex())
    ]


@pytest.mark.parametrize("topic", ["", "x", "heedful/v1", "heedful/v1//mic/utterance", f"heedful/v1/{'s' * 300}/a/b"])
def test_a_dead_letter_can_be_sent_whatever_it_tells_of(topic: str) -> None:
    letter = dead_letter(Packet(topic=topic, payload=bytes(2**20)), "\x00" * 100_000, "memory")
    assert letter.session == "_"
    assert encode(letter).topic == "heedful/v1/_/memory/dead-letter"
