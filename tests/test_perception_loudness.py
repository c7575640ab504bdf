"""Sounds that stand out from the background."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from perception.loudness import BLOCK, BLOCK_NS, SoundEvent, SoundEvents
from perception.media import AudioFile, probe
from runtime.apps.mix import build_mix

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


def span(events: list[SoundEvent]) -> tuple[float, float]:
    """Return from when to when a sound in touching pieces lasts, in seconds."""
    assert events
    assert all(one.end_ns == two.start_ns for one, two in itertools.pairwise(events))
    return events[0].start_ns / S, events[-1].end_ns / S


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


@pytest.mark.parametrize("level_db", [-90.0, -50.0, -45.0])
def test_a_soft_background_is_no_event(level_db: float) -> None:
    assert listen(room(8, level_db))[0] == []


@pytest.mark.parametrize("level_db", [-39.0, -35.0, -20.0])
def test_a_loud_background_is_one_steady_noise_in_touching_pieces(level_db: float) -> None:
    events, _ = listen(room(33, level_db))
    assert {event.label for event in events} == {"steady noise"}
    assert all(event.end_ns - event.start_ns <= 10 * S + BLOCK_NS for event in events)
    assert span(events) == pytest.approx((0, 33), abs=0.1)
    assert events[0].level_db == pytest.approx(level_db, abs=1.5)


def test_a_background_that_grows_slowly_is_steady_once_it_is_loud() -> None:
    swell = 10 ** np.linspace(0, 1, 30 * 16_000)  # 20 dB in 30 s
    events, _ = listen(room(30) * swell)
    assert {event.label for event in events} == {"steady noise"}
    assert span(events) == pytest.approx((15, 30), abs=1)


def test_a_fan_that_is_switched_on_and_off_is_told_from_edge_to_edge() -> None:
    events, _ = listen(put(room(25, -28), 5.0, room(35)))
    assert {event.label for event in events} == {"steady noise"}
    assert span(events) == pytest.approx((5, 30), abs=0.1)
    assert events[0].rise_db == pytest.approx(22, abs=1.5)


def test_a_noise_of_two_seconds_is_an_event() -> None:
    (event,), _ = listen(put(room(2, -28), 5.0, room(15)))
    assert event.label == "noise"
    assert (event.start_ns / S, event.end_ns / S) == pytest.approx((5, 7), abs=0.05)


def test_a_level_that_hovers_about_the_border_does_not_come_and_go() -> None:
    hover = 10 ** (np.sin(np.arange(40 * 16_000) / 16_000) / 20)  # 1 dB up and down in 6 s
    events, _ = listen(room(40, -39.5) * hover)
    assert {event.label for event in events} == {"steady noise"}
    assert span(events)[1] == pytest.approx(40, abs=0.1)


def test_a_sound_above_a_loud_background_is_told_beside_it() -> None:
    events, _ = listen(put(tone(0.5, 800, -12), 12.0, room(20, -35)))
    assert span([event for event in events if event.label == "steady noise"]) == pytest.approx((0, 20), abs=0.1)
    (beep,) = [event for event in events if event.label == "tone"]
    assert (beep.start_ns / S, beep.end_ns / S) == pytest.approx((12, 12.5), abs=0.05)


def test_a_loud_background_goes_on_while_somebody_speaks() -> None:
    noise = put(room(14, -18), 6.0, room(30, -35))
    events, _ = listen(noise, lambda t_s: 6.3 <= t_s < 20.5)
    assert {event.label for event in events} == {"steady noise"}
    assert span(events) == pytest.approx((0, 30), abs=0.1)
    assert max(event.level_db for event in events[1:]) < -33


def test_a_long_talk_is_no_steady_noise() -> None:
    talk = put(room(20, -20), 2.0, room(30))
    assert listen(talk, lambda t_s: 2.3 <= t_s < 22.5)[0] == []


def test_a_stream_may_begin_with_a_sound() -> None:
    (bark,), _ = listen(put(room(0.4, -15), 0.0, room(4)))
    assert bark.label == "noise"
    assert (bark.start_ns / S, bark.end_ns / S) == pytest.approx((0, 0.4), abs=0.05)


def test_a_hole_in_the_stream_ends_what_goes_on() -> None:
    sounds = SoundEvents()
    block = room(0.032, -30).astype(np.float32)
    events = [one for at in range(200) for one in sounds.step(block, at * BLOCK_NS, False)]
    events += sounds.step(block, 60 * S, False)
    assert [event.end_ns for event in events] == [200 * BLOCK_NS]


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


@pytest.mark.data
def test_the_speech_mix_holds_its_two_tones_and_no_other_sound(data_dir: Path) -> None:
    known = yaml.safe_load((Path(__file__).parent / "truth" / "speech_mix.yaml").read_text())
    spoken = [part["speech"][0] for part in known["parts"]]
    mix = build_mix(known, data_dir) / 32768
    events, _ = listen(mix, lambda t_s: any(start_s + 0.3 <= t_s <= end_s + 0.5 for start_s, end_s in spoken))
    assert [(event.label, round(event.pitch_hz, -1)) for event in events] == [("tone", 1000), ("tone", 440)]
    assert [event.start_ns / S for event in events] == pytest.approx([19, 46], abs=0.05)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["baby_cry", "clock_tick", "dog_bark", "fire_crackling", "person_sneeze", "rooster"])
def test_real_sounds_that_have_a_pitch_are_hardly_ever_called_tones(data_dir: Path, kind: str) -> None:
    labels = []
    for path in sorted((data_dir / "sounds" / "esc10" / kind).glob("*.ogg"))[:12]:
        file = AudioFile(path, probe(path)[0])
        sounds = SoundEvents()
        for block in file.read(1000):
            labels += [event.label for event in sounds.step(block.samples, block.t_ns, False)]
        labels += [event.label for event in sounds.flush()]
        file.close()
    assert labels.count("tone") <= len(labels) // 8


@pytest.mark.data
@pytest.mark.parametrize("kind", ["helicopter", "rain", "sea_waves"])
def test_real_noises_are_heard_from_beginning_to_end(data_dir: Path, kind: str) -> None:
    shares = []
    for path in sorted((data_dir / "sounds" / "esc10" / kind).glob("*.ogg"))[:12]:
        file = AudioFile(path, probe(path)[0])
        sounds, events, loud_ns = SoundEvents(), list[SoundEvent](), 0
        for block in file.read(1000):
            events += sounds.step(block.samples, block.t_ns, False)
            loud_ns += BLOCK_NS * (sounds.level_db > -40)
        file.close()
        events += sounds.flush()
        shares.append(sum(event.end_ns - event.start_ns for event in events) / max(loud_ns, S))
    assert min(shares) > 0.9
    assert np.median(shares) < 1.3  # few are told of twice
