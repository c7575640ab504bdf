"""Two runs have one digest exactly when every topic carried the same messages in the same order."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.digest import LEFT_OUT, RunDigest
from runtime.messages import KINDS, Answer, Frame, Message, Stored, Timing
from tests.fakes import example, motion, utterance, watermark

COVERED = sorted({*KINDS} - LEFT_OUT - {"stored"})


def digest_of(messages: Iterable[Message]) -> RunDigest:
    digest = RunDigest()
    for message in messages:
        digest.add(message)
    return digest


def total_of(*messages: Message) -> str:
    return digest_of(messages).total()


def other_than(value: Any) -> Any:
    """Return another value of the same type."""
    match value:
        case np.ndarray():
            return value + 1
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case bytes():
            return value + b"x"
        case tuple():
            return (*value, *value) if value else (example(str),)
        case dict():
            return {**value, "more": next(iter(value.values()))}
        case None:
            return 1
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        first = dataclasses.fields(value)[0].name
        return dataclasses.replace(value, **{first: other_than(getattr(value, first))})
    raise AssertionError(value)


@pytest.mark.parametrize("kind", COVERED)
def test_any_change_of_any_field_changes_it(kind: str) -> None:
    message = example(KINDS[kind].type, **({"call": 0} if kind == "watermark" else {}))
    for item in dataclasses.fields(message):
        if item.name in ("kind", "timing_ms"):
            continue
        changed = dataclasses.replace(message, **{item.name: other_than(getattr(message, item.name))})
        assert total_of(changed) != total_of(message), item.name
    assert total_of(message) == total_of(dataclasses.replace(message))
    assert total_of(message) != total_of()


@pytest.mark.parametrize("kind", sorted(LEFT_OUT & {*KINDS}))
def test_what_tells_of_this_run_alone_is_left_out(kind: str) -> None:
    digest = digest_of([example(KINDS[kind].type)])
    assert digest.total() == total_of()
    assert not digest.counts


def test_how_long_an_answer_took_is_left_out() -> None:
    answer = example(Answer)
    slower = dataclasses.replace(answer, timing_ms=Timing(recall=1.0, first_token=2.0, total=3.0))
    assert total_of(answer) == total_of(slower)


def test_a_call_after_a_reconnect_is_left_out() -> None:
    call = dataclasses.replace(watermark(-1), call=7)
    assert total_of(call, watermark(-1), watermark(5), call) == total_of(watermark(-1), watermark(5))


def test_a_picture_counts_with_its_bytes() -> None:
    frame = example(Frame)
    assert total_of(frame) != total_of(dataclasses.replace(frame, payload=frame.payload[:-1]))


def test_the_order_on_one_topic_counts() -> None:
    assert total_of(utterance(1), utterance(2)) != total_of(utterance(2), utterance(1))


def test_what_is_sent_again_counts_once() -> None:
    once: list[Message] = [utterance(1), watermark(1), utterance(2), watermark(2)]
    again: list[Message] = [
        utterance(1),
        watermark(1),
        utterance(2),
        utterance(1),
        utterance(2),
        watermark(2),
        watermark(2),
    ]
    assert digest_of(once).total() == digest_of(again).total()
    assert digest_of(once).counts == digest_of(again).counts == {"utterance": 2, "watermark": 2}


def test_stored_is_a_set_of_ids_however_commits_were_grouped() -> None:
    one = [Stored(session="s", ids=("a", "b")), Stored(session="s", ids=("c",))]
    other = [Stored(session="s", ids=("c", "b")), Stored(session="s", ids=("a",)), Stored(session="s", ids=("a",))]
    assert digest_of(one).total() == digest_of(other).total()
    assert digest_of(one).counts == digest_of(other).counts
    assert digest_of(one[:1]).total() != digest_of(one).total()


def test_where_nothing_was_stored_no_hash_says_so() -> None:
    assert digest_of([utterance(1)]).topics().keys() == {"mic/utterance"}
    assert "memory/stored" in digest_of([utterance(1), Stored(session="s", ids=("a",))]).topics()


@given(draw=st.data())
@settings(max_examples=50)
def test_the_order_across_topics_is_of_no_account(draw: st.DataObject) -> None:
    topics: list[list[Message]] = [
        [utterance(seq, "left") for seq in range(3)],
        [utterance(seq, "right") for seq in range(3)],
        [motion(seq) for seq in range(3)],
        [watermark(seq) for seq in range(3)],
    ]
    turns = draw.draw(st.permutations([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]))
    queues = [iter(messages) for messages in topics]
    shuffled = [next(queues[turn]) for turn in turns]
    assert digest_of(shuffled).total() == digest_of(message for messages in topics for message in messages).total()
    assert digest_of(shuffled).topics().keys() == {
        "left/utterance",
        "right/utterance",
        "cam/motion",
        "mic/watermark",
    }
