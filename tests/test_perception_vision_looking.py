"""At its own rate, the newest of each camera, all cameras at once; what comes out does not depend on the batches."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perception.vision.detector import ClosedDetector
from perception.vision.looking import Captioning, Detecting, Look, LookQueue, Pace
from perception.vision.packing import Packing
from runtime.messages import Caption, Detection, Message
from runtime.turns import Turns, Urgency
from runtime.wire import decode, encode
from tests.tiny_eyes import picture, rt_detr

MS = 1_000_000


def look(stream: str, t_ns: int, seed: int = 0) -> Look:
    return Look(stream=stream, t_ns=t_ns, picture=picture(40, 60, seed))


class Brightness:
    """Says how bright a picture is, and nothing of a dark one."""

    name = "brightness"

    def caption(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        return [f"level {one.mean():.0f}" if one.any() else "" for one in pictures]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.sampled_from([0.5, 2.0, 7.0, 30.0]))
def test_the_first_picture_of_each_stretch_is_due(gaps_ms: list[int], rate_hz: float) -> None:
    times_ns = [int(one) * MS for one in np.cumsum(gaps_ms)]
    pace = Pace(rate_hz)
    due = [t_ns for t_ns in times_ns if pace.is_due(t_ns)]
    stretches = [t_ns // round(1e9 / rate_hz) for t_ns in times_ns]
    assert due == [times_ns[stretches.index(one)] for one in sorted(set(stretches))]
    again = Pace(rate_hz)
    assert [t_ns for t_ns in due if again.is_due(t_ns)] == due  # the others do not matter


def test_each_camera_has_its_own_pace() -> None:
    queue = LookQueue(rate_hz=1.0)
    assert [queue.is_due(name, t_ns * MS) for name, t_ns in (("a", 0), ("b", 10), ("a", 20), ("b", 1100))] == [
        True,
        True,
        False,
        True,
    ]


def test_the_newest_picture_of_a_camera_waits_and_those_it_replaces_are_counted() -> None:
    queue = LookQueue(rate_hz=1.0, batch=2)
    for name, t_ns in (("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3)):
        queue.offer(look(name, t_ns))
    assert len(queue) == 3
    assert queue.take() == [look("a", 3), look("b", 1)]
    queue.offer(look("a", 4))
    assert queue.take() == [look("c", 1), look("a", 4)]  # who has waited longest goes first
    assert queue.take() == []
    assert queue.missed == {"a": 2, "b": 0, "c": 0}


def detecting() -> Detecting:
    return Detecting("live", 5, ClosedDetector("eyes", rt_detr(), Packing(size_px=(64, 64)), (), 0.3))


def test_messages_count_by_stream_and_hold_what_was_seen() -> None:
    looks = [look("a", 10, 1), look("b", 11, 2), look("a", 20, 3)]
    messages = detecting().step(looks)
    assert [(one.stream, one.seq, one.t_ns, one.epoch, one.model) for one in messages] == [
        ("a", 1, 10, 5, "eyes"),
        ("b", 1, 11, 5, "eyes"),
        ("a", 2, 20, 5, "eyes"),
    ]
    assert all(one.things for one in messages)
    assert all(0 <= side <= 1 for one in messages for thing in one.things for side in thing.box or (2.0,))
    one_by_one = detecting()
    alone = [message for one in looks for message in one_by_one.step([one])]
    for together, single in zip(messages, alone, strict=True):
        assert (together.stream, together.seq) == (single.stream, single.seq)
        assert [one.label for one in together.things] == [one.label for one in single.things]
        assert [one.score for one in together.things] == pytest.approx([one.score for one in single.things], abs=2e-4)


def test_the_same_picture_gives_the_same_message_to_the_bit() -> None:
    assert detecting().step([look("a", 1)]) == detecting().step([look("a", 1)])


def test_nothing_to_say_is_not_said() -> None:
    captioning = Captioning("live", 5, Brightness())
    dark = Look(stream="a", t_ns=1, picture=np.zeros((4, 4, 3), np.uint8))
    bright = Look(stream="a", t_ns=2, picture=np.full((4, 4, 3), 7, np.uint8))
    assert captioning.step([dark, bright]) == [
        Caption(session="live", stream="a", epoch=5, seq=1, t_ns=2, model="brightness", text="level 7")
    ]


def test_messages_travel() -> None:
    found: list[Message] = [
        *detecting().step([look("a", 1)]),
        *Captioning("live", 5, Brightness()).step([look("a", 1)]),
    ]
    for message in found:
        assert decode(encode(message)) == message


async def test_a_device_that_is_busy_with_an_answer_lets_pictures_wait_and_then_sees_the_newest() -> None:
    turns, queue, eyes = Turns("device"), LookQueue(rate_hz=2.0), detecting()
    seen: list[Detection] = []
    for t_ns in range(0, 2000 * MS, 100 * MS):
        if queue.is_due("a", t_ns):
            queue.offer(look("a", t_ns))
        if t_ns % (1000 * MS) == 900 * MS:  # only now it is free
            seen += await turns.call(eyes.step, queue.take(), urgency=Urgency.PERCEPT, within_s=10)
    assert [one.t_ns for one in seen] == [500 * MS, 1500 * MS]
    assert queue.missed == {"a": 2}
    turns.close()
