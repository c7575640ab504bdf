"""One order for all streams, whatever the interleaving: (t_ns, stream, kind, seq), released by watermarks."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.messages import Record, Watermark, record_id
from runtime.order import END_NS, EventOrder
from tests.fakes import motion, utterance, watermark

Stream = list[Record | Watermark]


def key_of(record: Record) -> tuple[int, str, str, int]:
    return record.t_ns, record.stream, record.kind, record.seq


def feed(order: EventOrder, messages: Sequence[Record | Watermark]) -> list[Record]:
    released: list[Record] = []
    for message in messages:
        released += order.advance(message) if isinstance(message, Watermark) else order.add(message)
    return released


def opened(*streams: str) -> EventOrder:
    """Return an order that knows its streams, as it does before a session's first record."""
    order = EventOrder()
    for stream in streams:
        assert order.advance(watermark(-1, stream)) == []
    return order


@st.composite
def a_stream(draw: st.DrawFn, name: str) -> Stream:
    """Draw a stream's messages: records in time, watermarks between them that keep their promise, an end."""
    messages: Stream = []
    t_ns = 0
    for seq, (pause_ns, is_motion, is_marked) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=12))
    ):
        t_ns += pause_ns
        messages.append(motion(seq, name, t_ns) if is_motion else utterance(seq, name, t_ns))
        if is_marked:
            messages.append(watermark(t_ns, name))
            t_ns += 1
    return [*messages, watermark(t_ns, name, ended=True)]


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Stream], list[Record | Watermark]]:
    """Draw three streams and one way in which they may arrive."""
    streams = [draw(a_stream(name)) for name in ("a", "b", "c")]
    turns = draw(st.permutations([index for index, stream in enumerate(streams) for _ in stream]))
    queues = [iter(stream) for stream in streams]
    return streams, [next(queues[turn]) for turn in turns]


@given(drawn=interleaved())
@settings(max_examples=100)
def test_any_interleaving_releases_what_a_sort_gives(drawn: tuple[list[Stream], list[Record | Watermark]]) -> None:
    streams, arrivals = drawn
    order = opened("a", "b", "c")
    records = [message for stream in streams for message in stream if not isinstance(message, Watermark)]
    assert feed(order, arrivals) == sorted(records, key=key_of)
    assert (order.late, order.forced) == (0, 0)


@given(drawn=interleaved(), again=st.data())
@settings(max_examples=50)
def test_what_is_sent_again_is_let_through_once(
    drawn: tuple[list[Stream], list[Record | Watermark]], again: st.DataObject
) -> None:
    streams, arrivals = drawn
    repeated: list[Record | Watermark] = []
    for index, message in enumerate(arrivals):
        repeated.append(message)
        if again.draw(st.booleans()):
            start = again.draw(st.integers(0, index))
            repeated += arrivals[start : index + 1]  # as after a reconnect: from some point on, in order
    order = opened("a", "b", "c")
    records = [message for stream in streams for message in stream if not isinstance(message, Watermark)]
    assert feed(order, repeated) == sorted(records, key=key_of)
    assert (order.late, order.forced) == (0, 0)


@given(drawn=interleaved())
@settings(max_examples=50)
def test_nothing_is_released_before_every_open_stream_has_passed_it(
    drawn: tuple[list[Stream], list[Record | Watermark]],
) -> None:
    _, arrivals = drawn
    order = opened("a", "b", "c")
    for message in arrivals:
        for record in feed(order, [message]):
            assert record.t_ns <= order.reached_ns()


def test_a_watermark_releases_what_is_at_its_very_time() -> None:
    order = opened("a")
    assert feed(order, [utterance(1, "a", 5), utterance(2, "a", 6), watermark(5, "a")]) == [utterance(1, "a", 5)]
    assert order.low_ns == 5


def test_a_silent_stream_holds_up_the_others_until_its_watermark_comes() -> None:
    order = opened("a", "b")
    assert feed(order, [utterance(1, "a", 5), watermark(10, "a")]) == []
    assert order.advance(watermark(5, "b")) == [utterance(1, "a", 5)]


def test_an_ended_stream_stalls_nobody() -> None:
    order = opened("a", "b")
    assert feed(order, [utterance(1, "a", 50), watermark(50, "a"), watermark(3, "b", ended=True)]) == [
        utterance(1, "a", 50)
    ]
    assert order.reached_ns() == 50
    assert order.last_ns() == 50
    feed(order, [watermark(60, "a", ended=True)])
    assert order.reached_ns() == END_NS


def test_a_repeated_watermark_does_not_open_an_ended_stream_again() -> None:
    order = opened("a", "b")
    feed(order, [watermark(5, "a"), watermark(5, "a", ended=True), watermark(5, "a")])
    assert feed(order, [utterance(1, "b", 50), watermark(50, "b")]) == [utterance(1, "b", 50)]


def test_a_watermark_that_goes_back_is_ignored_unless_its_stream_began_anew() -> None:
    order = opened("a")
    feed(order, [watermark(50, "a")])
    assert order.advance(watermark(10, "a")) == []
    assert order.reached_ns() == 50
    order.advance(watermark(10, "a", epoch=9))
    assert order.reached_ns() == 10
    assert order.low_ns == 50  # what was released stays released


def test_late_records_are_released_at_once_and_counted() -> None:
    order = opened("a")
    feed(order, [watermark(10, "a")])
    assert order.add(utterance(1, "a", 10)) == [utterance(1, "a", 10)]
    assert order.add(utterance(2, "a", 11)) == []
    assert order.late == 1


def test_each_id_is_let_through_once() -> None:
    order = opened("a")
    assert not order.knows(utterance(1, "a"))
    order.add(utterance(1, "a"))
    assert order.knows(utterance(1, "a"))
    assert order.add(utterance(1, "a")) == []
    assert order.advance(watermark(1, "a")) == [utterance(1, "a")]
    assert order.add(utterance(1, "a")) == []
    assert order.late == 0


def test_when_full_the_oldest_is_forced_out_and_counted() -> None:
    order = EventOrder(room=2)
    order.advance(watermark(-1, "a"))
    assert feed(order, [utterance(3, "a"), utterance(1, "a")]) == []
    assert order.add(utterance(2, "a")) == [utterance(1, "a")]
    assert order.forced == 1
    assert order.advance(watermark(9, "a")) == [utterance(2, "a"), utterance(3, "a")]


def test_records_that_differ_in_their_epoch_alone_are_both_kept() -> None:
    first, second = utterance(1, "a", 5), replace(utterance(1, "a", 5), epoch=7)
    assert record_id(first) != record_id(second)
    order = opened("a")
    assert feed(order, [second, first, watermark(5, "a")]) == [first, second]


def test_before_any_stream_is_known_nothing_is_reached() -> None:
    order = EventOrder()
    assert (order.reached_ns(), order.last_ns(), order.low_ns) == (-1, -1, -1)
    assert order.add(utterance(0, "a", 0)) == []
