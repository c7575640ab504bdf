"""Which frames are kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perception.change import Change
from perception.keyframes import KeyframeRule

S = 1_000_000_000


def change(novelty: float = 0.0, *, is_cut: bool = False) -> Change:
    nothing = np.zeros((2, 2), np.bool_)
    return Change(novelty=novelty, is_cut=is_cut, moved=nothing, boxes=(), area=0.0, luma=0.5, contrast=0.2)


def kept(novelties: list[float], interval_ns: int, lmm_fps: float = 2.0) -> list[int]:
    rule = KeyframeRule(lmm_fps)
    times = [at * interval_ns for at in range(len(novelties))]
    return [t_ns for t_ns, novelty in zip(times, novelties, strict=True) if rule.step(change(novelty), t_ns)]


def test_a_still_scene_is_kept_every_ten_seconds() -> None:
    assert kept([0.0] * 301, S // 10) == [0, 10 * S, 20 * S, 30 * S]


def test_novelty_is_kept_at_most_at_the_wanted_rate() -> None:
    assert kept([1.0] * 31, S // 10) == [at * S // 2 for at in range(7)]
    assert kept([1.0] * 31, S // 10, lmm_fps=1.0) == [0, S, 2 * S, 3 * S]


def test_a_cut_is_kept_at_once() -> None:
    rule = KeyframeRule()
    assert rule.step(change(), 0)
    assert rule.step(change(is_cut=True), S // 25)
    assert not rule.step(change(1.0), 2 * S // 25)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(S // 60, S))
def test_the_gap_between_kept_frames_has_two_limits(novelties: list[float], interval_ns: int) -> None:
    times = kept(novelties, interval_ns)
    gaps = np.diff(times)
    assert times[0] == 0
    assert (gaps >= S // 2).all()
    assert (gaps < 10 * S + interval_ns).all()
