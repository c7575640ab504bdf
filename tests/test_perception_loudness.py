"""Sounds that stand out from the background."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.loudness import BLOCK, BLOCK_NS, SoundEvent, SoundEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

S = 1_000_000_000


def room(seconds: float, level_db: float = -50.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(4)
    return np.asarray(10 ** (level_db / 20) * rng.standard_normal(round(seconds * 16_000)))


def tone(seconds: float, pitch_hz: float, level_db: float) -> NDArray[np.float64]:
    times_s = np.arange(round(seconds * 16_000)) / 16_000
    return np.asarray(np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * pitch_hz * times_s))


def put(sound: NDArray[np.float64], at_s: float, into: NDArray[np.float64]) -> NDArray[np.float64]:
    at = round(at_s * 16_000)
    into[at : at + sound.size] += sound
    return into


def listen(
    signal: NDArray[np.float64], is_speech: Callable[[float], bool] = lambda t_s: False
) -> tuple[list[SoundEvent], SoundEvents]:
    sounds = SoundEvents()
    events = []
    for seq, block in enumerate(signal[: signal.size // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)):
        events += sounds.step(block, seq * BLOCK_NS, is_speech(seq * BLOCK_NS / S))
    return events + sounds.flush(), sounds


@pytest.mark.parametrize(("pitch_hz", "level_db"), [(1000.0, -20.0), (440.0, -26.0), (123.4, -15.0), (6000.0, -30.0)])
def test_a_tone_is_found_with_its_pitch_and_level(pitch_hz: float, level_db: float) -> None:
    (event,), _ = listen(put(tone(0.8, pitch_hz, level_db), 3.0, room(6)))
    assert event.label == "tone"
    assert event.pitch_hz == pytest.approx(pitch_hz, abs=4)
    assert event.level_db == pytest.approx(level_db, abs=1)
    assert event.rise_db == pytest.approx(level_db + 50, abs=2)
    assert event.start_ns / S == pytest.approx(3.0, abs=0.05)
    assert event.end_ns / S == pytest.approx(3.8, abs=0.05)


def test_a_burst_of_noise_has_no_pitch() -> None:
    (event,), _ = listen(put(room(0.3, -20), 2.0, room(5)))
    assert (event.label, event.pitch_hz) == ("noise", 0.0)


def test_a_single_clap_is_heard_and_a_crackle_is_not() -> None:
    clap, crackle = room(0.02, -12), room(0.01, -30)
    assert len(listen(put(clap, 2.0, room(5)))[0]) == 1
    assert listen(put(crackle, 2.0, room(5)))[0] == []


def test_an_even_background_is_no_event_at_any_level() -> None:
    for level_db in (-90.0, -50.0, -20.0):
        assert listen(room(8, level_db))[0] == []


def test_a_background_that_grows_slowly_is_no_event() -> None:
    swell = 10 ** np.linspace(0, 1, 30 * 16_000)  # 20 dB in 30 s
    assert listen(room(30) * swell)[0] == []


def test_a_steady_new_noise_becomes_background() -> None:
    events, _ = listen(put(room(25, -28), 5.0, room(30)))
    assert len(events) <= 2
    assert events[0].start_ns / S == pytest.approx(5, abs=0.05)
    assert events[-1].end_ns / S < 16


def test_a_long_sound_comes_in_touching_pieces() -> None:
    events, _ = listen(put(tone(24, 700, -5), 2.0, room(28, -60)))
    assert [event.label for event in events] == ["tone"] * len(events)
    assert all(event.end_ns - event.start_ns <= 10 * S + BLOCK_NS for event in events)
    assert all(one.end_ns == two.start_ns for one, two in itertools.pairwise(events))
    assert events[-1].end_ns / S == pytest.approx(26, abs=0.1)


def test_two_sounds_apart_are_two_events() -> None:
    events, _ = listen(put(tone(0.5, 500, -20), 4.0, put(tone(0.5, 900, -20), 2.0, room(7))))
    assert [round(event.pitch_hz, -2) for event in events] == [900, 500]


def test_speech_is_no_sound_event_although_it_is_known_late() -> None:
    voice = put(room(1.5, -20), 2.0, room(6))
    assert listen(voice, lambda t_s: 2.3 <= t_s < 4.0)[0] == []
    assert len(listen(voice, lambda t_s: 3.4 <= t_s < 3.8)[0]) == 1


def test_digital_silence_has_a_level_and_no_events() -> None:
    events, sounds = listen(np.zeros(32_000))
    assert events == []
    assert sounds.level_db == -100.0


def test_the_first_breath_after_digital_silence_is_no_event() -> None:
    assert listen(put(room(4, -62), 2.0, np.zeros(6 * 16_000)))[0] == []
