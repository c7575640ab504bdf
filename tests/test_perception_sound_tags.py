"""Named sounds of a stream: when they begin and end, any cut of the stream the same, nothing known is not told."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.sound.tags import LONGEST_NS, SoundTag, SoundTagger
from perception.sound.weights import SoundModel
from tests.sound_models import small_model, taught

if TYPE_CHECKING:
    from numpy.typing import NDArray

S = 1_000_000_000
RATE_HZ = 16_000


def tone(hertz: float, seconds: float, level: float = 0.3) -> NDArray[np.float32]:
    t_s = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hertz * t_s)).astype(np.float32)


def hiss(seconds: float, level: float = 0.02) -> NDArray[np.float32]:
    noise = np.random.default_rng(0).normal(size=round(RATE_HZ * seconds))
    return (level * noise).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> SoundModel:
    """Know a low and a high tone, and a hiss as nothing known; each alone and after the others."""
    scene = {0: tone(300, 4), 1: tone(3000, 4), 2: hiss(4)}
    return taught(scene, small_model())


def told(model: SoundModel, samples: NDArray[np.float32], cut: int = 512) -> list[SoundTag]:
    tagger = SoundTagger(model)
    tags = []
    for start in range(0, len(samples), cut):
        tags += tagger.step(samples[start : start + cut], 7 * S + start * S // RATE_HZ)
    return tags + tagger.flush()


@pytest.mark.parametrize(("hertz", "label"), [(300, "low"), (3000, "high")])
def test_a_sound_is_told_with_its_start_and_its_end(model: SoundModel, hertz: float, label: str) -> None:
    [tag] = told(model, np.concatenate([tone(hertz, 4), np.zeros(5 * RATE_HZ, np.float32)]))
    assert tag.label == label
    assert tag.start_ns == pytest.approx(7 * S, abs=0.5 * S)
    assert tag.end_ns == pytest.approx(11 * S, abs=0.5 * S)
    assert 0.8 <= tag.confidence <= 1
    assert tag.level_db == pytest.approx(20 * np.log10(0.3 / 2**0.5), abs=0.1)


def test_what_is_nothing_known_is_not_told(model: SoundModel) -> None:
    assert told(model, hiss(5)) == []


@pytest.mark.parametrize("level", [0.0, 1e-4, np.nan])
def test_silence_is_not_told(model: SoundModel, level: float) -> None:
    assert told(model, tone(300, 4) * np.float32(level)) == []


def test_clipping_and_eight_channels_are_told_like_any_other(model: SoundModel) -> None:
    clipped = np.clip(20 * tone(300, 4), -3, 3)
    assert [tag.label for tag in told(model, clipped)] == ["low"]
    eight = np.repeat(tone(3000, 4)[:, None], 8, axis=1)
    eight[:, 5] = np.nan
    assert told(model, eight) == told(model, tone(3000, 4))


@settings(max_examples=15)
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=8))
def test_any_cut_of_the_stream_tells_the_same(model: SoundModel, cuts: list[int]) -> None:
    scene = np.concatenate([tone(300, 2), np.zeros(3 * RATE_HZ, np.float32), tone(3000, 2)])
    edges = [0, *np.minimum(np.cumsum(cuts), len(scene)).tolist(), len(scene)]
    tagger, tags = SoundTagger(model), []
    for start, end in itertools.pairwise(edges):
        tags += tagger.step(scene[start:end], 7 * S + start * S // RATE_HZ)
    assert [(tag.label, tag.start_ns, tag.end_ns) for tag in tags + tagger.flush()] == [
        (tag.label, tag.start_ns, tag.end_ns) for tag in told(model, scene)
    ]


def test_what_lasts_is_told_in_pieces_that_touch(model: SoundModel) -> None:
    tags = told(model, tone(300, 25))
    assert len(tags) == 3
    for before, after in itertools.pairwise(tags):
        assert before.end_ns == after.start_ns
        assert LONGEST_NS <= before.end_ns - before.start_ns < LONGEST_NS + S


def test_after_a_hole_it_starts_again_at_the_new_time(model: SoundModel) -> None:
    tagger = SoundTagger(model)
    assert tagger.step(tone(300, 3), 0) == []
    [tag] = tagger.step(tone(3000, 3), 60 * S)
    assert (tag.label, tag.end_ns <= 3 * S) == ("low", True)
    [tag] = tagger.flush()
    assert (tag.label, tag.start_ns >= 60 * S) == ("high", True)
