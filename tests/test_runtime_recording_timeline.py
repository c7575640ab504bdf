"""Log times to event times: pauses of hours are left out, and everything else stays."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runtime.recording.timeline import KEPT_NS, PAUSE_NS, Timeline

H_NS = 3_600_000_000_000
SPANS = st.lists(st.tuples(st.integers(0, 50 * H_NS), st.integers(0, H_NS)), min_size=1, max_size=8).map(
    lambda pairs: [(start_ns, start_ns + length_ns) for start_ns, length_ns in pairs]
)


def test_without_long_pauses_nothing_changes() -> None:
    timeline = Timeline([(10, 20), (15, 40), (40 + PAUSE_NS, 50 + PAUSE_NS)])
    assert timeline.cuts == []
    assert [timeline.event_ns(t_ns) for t_ns in (0, 10, 45 + PAUSE_NS)] == [0, 10, 45 + PAUSE_NS]


def test_a_night_is_a_second() -> None:
    timeline = Timeline([(0, H_NS), (10 * H_NS, 11 * H_NS)])
    assert timeline.cuts == [(H_NS, 10 * H_NS)]
    assert timeline.event_ns(H_NS) == H_NS
    assert timeline.event_ns(10 * H_NS) == H_NS + KEPT_NS
    assert timeline.event_ns(11 * H_NS) == 2 * H_NS + KEPT_NS
    assert timeline.event_ns(5 * H_NS) == H_NS + KEPT_NS  # a sensor's clock that was off


@given(spans=SPANS, times=st.lists(st.integers(0, 60 * H_NS), max_size=20))
def test_order_is_kept_and_what_was_recorded_comes_back(spans: list[tuple[int, int]], times: list[int]) -> None:
    timeline = Timeline(spans)
    events = [timeline.event_ns(t_ns) for t_ns in sorted(times)]
    assert events == sorted(events)
    for start_ns, end_ns in spans:
        assert timeline.event_ns(end_ns) - timeline.event_ns(start_ns) == end_ns - start_ns
        for t_ns in (start_ns, end_ns):
            assert timeline.event_ns(timeline.log_ns(timeline.event_ns(t_ns))) == timeline.event_ns(t_ns)
    borders = sorted(timeline.event_ns(t_ns) for span in spans for t_ns in span)
    assert all(after_ns - before_ns <= max(PAUSE_NS, H_NS) for before_ns, after_ns in pairwise(borders))
