"""When a sensor counts as blind."""

import numpy as np
import pytest

from perception.blindness import AudioBlindness, VideoBlindness
from perception.change import Change

S = 1_000_000_000


def change(luma: float, contrast: float) -> Change:
    nothing = np.zeros((2, 2), np.bool_)
    return Change(novelty=0, is_cut=False, moved=nothing, boxes=(), area=0, luma=luma, contrast=contrast)


@pytest.mark.parametrize(
    ("luma", "contrast", "reason"),
    [
        (0.01, 0.005, "covered or dark"),
        (0.99, 0.01, "dazzled"),
        (0.5, 0.004, "covered or without any detail"),
        (0.2, 0.1, ""),
    ],
)
def test_a_camera_is_blind_after_two_seconds(luma: float, contrast: float, reason: str) -> None:
    blindness = VideoBlindness()
    said = [blindness.step(change(luma, contrast), at * S // 10) for at in range(31)]
    assert said == [""] * 20 + [reason] * 11


def test_since_when_is_known_before_it_is_believed() -> None:
    blindness = VideoBlindness()
    since_ns = []
    for at, luma in enumerate((0.4, 0.0, 0.0, 0.4)):
        blindness.step(change(luma, 0.2), at * S)
        since_ns.append(blindness.since_ns)
    assert since_ns == [None, S, S, None]


def test_one_good_picture_ends_it() -> None:
    blindness = VideoBlindness()
    for at in range(40):
        blindness.step(change(0.0, 0.0), at * S // 10)
    assert blindness.step(change(0.4, 0.2), 4 * S) == ""
    assert blindness.step(change(0.0, 0.0), 5 * S) == ""
    assert blindness.step(change(0.0, 0.0), 7 * S) == "covered or dark"


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(512), "no signal"),
        (np.random.default_rng(0).standard_normal(512) * 1e-5, "no signal"),
        (np.sign(np.sin(np.arange(512))), "overdriven"),
        (np.random.default_rng(0).standard_normal(512) * 1e-3, ""),
        (np.zeros(0), ""),
    ],
)
def test_a_microphone_is_blind_after_two_seconds(
    samples: np.ndarray[tuple[int], np.dtype[np.float64]], reason: str
) -> None:
    blindness = AudioBlindness()
    said = [blindness.step(samples.astype(np.float32), at * S // 2) for at in range(6)]
    assert said == ["", "", "", "", reason, reason]
