"""When a stream saw nothing, as its watermarks say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reasoning.episodes import cut
from reasoning.lapses import ENDED, Lapses
from reasoning.timepoints import S_NS
from runtime.messages import Watermark
from tests.cases import recalled


def mark(at_s: float, blind_s: float | None = None, *, ended: bool = False, stream: str = "cam") -> Watermark:
    return Watermark(
        session="s",
        stream=stream,
        epoch=0,
        t_ns=round(at_s * S_NS),
        sensor="video",
        blind="" if blind_s is None else "covered or dark",
        blind_ns=None if blind_s is None else round(blind_s * S_NS),
        ended=ended,
    )


def noted(*marks: Watermark) -> Lapses:
    lapses = Lapses()
    for one in marks:
        lapses.note(one)
    return lapses


def gaps_of(lapses: Lapses, at_s: float) -> list[tuple[float, float, str]]:
    told = lapses.add_to(recalled(), round(at_s * S_NS))
    assert told.total == len(told.timeline)
    return [(hit.start_ns / S_NS, hit.end_ns / S_NS, hit.text) for hit in told.timeline]


def test_a_lapse_begins_before_it_is_believed_and_ends_with_the_next_good_sample() -> None:
    lapses = noted(mark(10), mark(12, 10), mark(14, 10), mark(14.5))
    assert sorted(lapses.at(11 * S_NS)) == ["cam"]
    assert lapses.at(9 * S_NS) == lapses.at(15 * S_NS) == {}
    assert gaps_of(lapses, 20) == [(10, 14, "covered or dark")]
    assert gaps_of(lapses, 11) == [(10, 11, "covered or dark")]
    assert gaps_of(lapses, 10) == []


def test_what_is_told_in_pieces_is_one_lapse() -> None:
    lapses = noted(mark(12, 10), mark(20, 10), mark(22, 20), mark(30, 20))
    assert gaps_of(lapses, 30) == [(10, 30, "covered or dark")]
    assert lapses.at(31 * S_NS)["cam"].start_ns == 10 * S_NS


def test_an_ended_track_gives_nothing_until_it_is_started_again() -> None:
    lapses = noted(mark(30, ended=True))
    assert gaps_of(lapses, 40) == [(30, 40, ENDED)]
    assert gaps_of(lapses, 30.5) == []
    assert lapses.at(20 * S_NS) == {}
    lapses.note(mark(45))
    assert lapses.at(46 * S_NS) == {}


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 60))
def test_lapses_hold_every_time_at_which_a_stream_said_that_it_is_blind(said: list[bool], asked_s: int) -> None:
    marks, since = [], 0
    for second, is_blind in enumerate(said):
        since = since if is_blind and second and said[second - 1] else second
        marks.append(mark(second, since if is_blind else None))
    spans = cut([(round(a), round(b)) for a, b, _ in gaps_of(noted(*marks), asked_s)], [(0, 60)])
    for second in range(1, len(said)):
        is_inside = any(a <= second - 1 and second <= b for a, b in spans)
        assert is_inside == (said[second] and said[second - 1] and second <= asked_s)
