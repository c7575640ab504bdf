"""The yard's microphones against what physics says of cases that can be told in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.audio import AudioStream
from perception.blocks import BlockCutter
from perception.vad import Vad
from perception.yard.ears import APART_M, HUM_RMS, PAGE, RATE_HZ, SOUND_MPS, WIND_RMS, Ears
from perception.yard.kinds import CLASSES
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.voices import HUM_HZ, HUM_PER_M, tone_at
from perception.yard.world import Entity, Wall
from runtime.messages import Sound, Utterance
from tests.yard_by_hand import Knot, parked, thing, wall, world_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALWAYS = ((0.0, 20.0),)
RUMBLE_HZ = CLASSES["truck"].voice.pitch_hz


def heard(
    one: Entity, from_s: float, to_s: float, *, walls: tuple[Wall, ...] = (), rig: tuple[Knot, ...] = ()
) -> NDArray[np.float64]:
    """Return (n, 2) of full scale: what is heard of something alone, for wind and hum are the same without it."""
    count = round((to_s - from_s) * RATE_HZ)
    with_it, without = (
        Ears(world_of(*things, walls=walls, rig=rig)).block(from_s, count).astype(np.float64) for things in ((one,), ())
    )
    return (with_it - without) / 32767


def rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt((samples * samples).mean()))


def pitch_hz(samples: NDArray[np.float64]) -> float:
    """Return the strongest frequency of a stretch, to some hundredths of a hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 19))
    return float(spectrum.argmax()) * RATE_HZ / (1 << 19)


@pytest.mark.parametrize(("x_m", "y_m"), [(-10.0, 4.0), (-6.0, 12.0), (0.0, 15.0), (9.0, 20.0), (12.0, -3.0)])
def test_the_nearer_ear_hears_it_earlier_by_the_way_between(x_m: float, y_m: float) -> None:
    one = parked("truck", x_m, y_m, ALWAYS)
    left, right = heard(one, 1.0, 2.0).T  # a turn of the rumble takes far longer than the delay
    height_m = one.box_m[2] / 2 - 1.4
    ways = [np.sqrt((x_m + side * APART_M / 2) ** 2 + y_m**2 + height_m**2) for side in (1, -1)]
    later_s = (ways[1] - ways[0]) / SOUND_MPS  # at the right ear
    turn = np.exp(-2j * np.pi * RUMBLE_HZ * np.arange(len(left)) / RATE_HZ)
    measured_s = np.angle((left * turn).sum() / (right * turn).sum()) / (2 * np.pi * RUMBLE_HZ)
    assert measured_s == pytest.approx(later_s, abs=3e-6)
    if x_m:
        assert (measured_s > 0) == (x_m < 0)


def test_the_level_falls_by_6_db_when_the_distance_doubles() -> None:
    levels = [20 * np.log10(rms(heard(parked("truck", 0.0, y, ALWAYS), 1.0, 3.0))) for y in (8.0, 16.0, 32.0)]
    assert np.diff(levels) == pytest.approx([-6.02, -6.02], abs=0.05)
    assert levels[0] == pytest.approx(20 * np.log10(CLASSES["truck"].voice.level / 8.0), abs=0.05)


@pytest.mark.parametrize("speed_mps", [-8.0, -3.0, 5.0])
def test_what_approaches_sounds_higher_and_what_recedes_lower(speed_mps: float) -> None:
    one = thing("car", (0.0, 0.0, 28.0), (3.0, 0.0, 28.0 + 3 * speed_mps), sounding_s=((0.0, 3.0),))
    middle = heard(one, 2.15, 2.45)[:, 0]  # in one pulse
    expected = CLASSES["car"].voice.pitch_hz / (1 + speed_mps / SOUND_MPS)
    assert pitch_hz(middle) in (
        pytest.approx(expected, abs=0.3),
        pytest.approx(2 * expected, abs=0.6),  # its first overtone is as strong
    )


def test_a_rig_that_drives_towards_a_sound_hears_it_higher() -> None:
    one = parked("truck", 0.0, 40.0, ALWAYS)
    driven = heard(one, 1.0, 4.0, rig=((0.0, 0.0, 0.0), (6.0, 0.0, 18.0)))[:, 0]
    assert pitch_hz(driven) == pytest.approx(RUMBLE_HZ * (1 + 3.0 / SOUND_MPS), abs=0.06)
    still = heard(one, 1.0, 4.0)[:, 0]
    assert pitch_hz(still) == pytest.approx(RUMBLE_HZ, abs=0.03)


def test_the_sound_comes_as_late_as_its_way_is_long() -> None:
    one = parked("bicycle", 0.0, 34.3, ((1.0, 3.0),))
    sound = np.abs(heard(one, 0.0, 4.0)[:, 0])
    loud = np.flatnonzero(sound > 0.3 * sound.max()) / RATE_HZ
    assert loud[0] == pytest.approx(1.1, abs=0.005)
    assert loud[-1] == pytest.approx(3.1, abs=0.13)  # the last pulse may be a pause


@pytest.mark.parametrize("kind", ["person", "dog", "car", "bicycle"])
def test_a_voice_comes_in_its_pulses(kind: str) -> None:
    voice = CLASSES[kind].voice
    one = parked(kind, 0.0, 10.0, ((1.0, 5.0),))
    sound = heard(one, 0.0, 6.0)[:, 0]
    blocks = np.sqrt((sound.reshape(-1, 80) ** 2).mean(axis=1))  # of 5 ms
    is_loud = blocks > 0.5 * blocks.max()
    begins = np.flatnonzero(np.diff(is_loud.astype(int)) == 1) * 0.005
    assert len(begins) == round(4.0 * voice.pulse_hz)
    assert np.diff(begins) == pytest.approx(1 / voice.pulse_hz, abs=0.011)
    assert is_loud.sum() * 0.005 == pytest.approx(4.0 * voice.duty, rel=0.08)


@pytest.mark.parametrize("count", [1, 2])
def test_each_wall_between_takes_12_db(count: int) -> None:
    one = parked("truck", 0.0, 25.0, ALWAYS)
    between = tuple(wall(0.0, 12.0 + 4 * number) for number in range(count))
    free, behind = (rms(heard(one, 1.0, 2.0, walls=walls)) for walls in ((), between))
    assert 20 * np.log10(behind / free) == pytest.approx(-12.0 * count, abs=0.1 * count)


def test_what_is_behind_the_rig_is_heard_as_well() -> None:
    ahead, behind = (rms(heard(parked("dog", 0.0, y, ALWAYS), 1.0, 3.0)) for y in (12.0, -12.0))
    assert behind == pytest.approx(ahead, rel=1e-3)


def test_a_page_is_what_each_sample_by_itself_would_be() -> None:
    """The slow reference: the time of emission of every sample from its own equation, the tone as a sum of sines."""
    one = thing("bicycle", (0.0, -12.0, 6.0), (4.0, 8.0, 6.0), sounding_s=((0.5, 3.5),))
    fast = heard(one, 1.0, 2.0)[:, 1]
    t_s = 1.0 + np.arange(RATE_HZ) / RATE_HZ
    ear = np.array([APART_M / 2, 0.0, 1.4])
    side2 = 6.0**2 + (one.box_m[2] / 2 - 1.4) ** 2
    # |x(s) - ear| = c (t - s), x(s) = -12 + 5 s: a quadratic in s
    a, b, c = 25.0 - SOUND_MPS**2, 2 * (-12.0 - ear[0]) * 5 + 2 * SOUND_MPS**2 * t_s, 0.0
    c = (-12.0 - ear[0]) ** 2 + side2 - (SOUND_MPS * t_s) ** 2
    sent_s = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    away_m = SOUND_MPS * (t_s - sent_s)
    assert away_m == pytest.approx(np.sqrt((-12.0 + 5 * sent_s - ear[0]) ** 2 + side2))
    voice = one.of.voice
    strengths = np.array([1.0, *voice.overtones])
    tone = sum(s * np.sin(2 * np.pi * voice.pitch_hz * (n + 1) * sent_s) for n, s in enumerate(strengths))
    slow = voice.level * tone / np.sqrt((strengths**2).sum() / 2) / away_m
    pulse = (sent_s - 0.5) * voice.pulse_hz % 1.0
    is_full = (pulse > 0.05) & (pulse < voice.duty - 0.05)
    assert is_full.sum() > 5000
    assert fast[is_full] == pytest.approx(slow[is_full], abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.floats(0, 30))
def test_a_tone_is_its_pitch_and_overtones_at_rms_1(overtones: list[float], turns: float) -> None:
    strengths = [1.0, *overtones]
    expected = sum(s * np.sin(2 * np.pi * (n + 1) * turns) for n, s in enumerate(strengths))
    expected /= np.sqrt(sum(s * s for s in strengths) / 2)
    assert tone_at(np.array([turns]), overtones)[0] == pytest.approx(expected, abs=1e-9)
    whole = tone_at(np.arange(1000) / 1000, overtones)
    assert rms(whole) == pytest.approx(1.0)


def test_wind_is_there_always_and_the_hum_only_while_the_rig_drives() -> None:
    rig = ((0.0, 0.0, 0.0), (4.0, 0.0, 4.0), (8.0, 0.0, 4.0))
    sound = Ears(world_of(rig=rig)).block(0.0, 8 * RATE_HZ).astype(np.float64) / 32767
    drives, stands = sound[RATE_HZ : 3 * RATE_HZ], sound[5 * RATE_HZ : 7 * RATE_HZ]
    assert rms(stands) == pytest.approx(WIND_RMS, rel=0.15)
    assert rms(drives) == pytest.approx(np.hypot(HUM_RMS, rms(stands)), rel=0.05)
    assert pitch_hz(drives[:, 0]) == pytest.approx(HUM_HZ + HUM_PER_M * 1.0, abs=0.3)
    assert abs((stands[:, 0] * stands[:, 1]).mean() / rms(stands) ** 2) < 0.1  # each microphone has its own wind


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12), st.integers(0, 40_000))
def test_pieces_are_the_same_as_the_whole(sizes: list[int], first: int) -> None:
    world = make_world(WorldSettings(), 1)
    whole = Ears(world).block(first / RATE_HZ, sum(sizes))
    ears, at, pieces = Ears(world), first, []
    for size in sizes:
        pieces.append(ears.block(at / RATE_HZ, size))
        at += size
    assert np.array_equal(np.concatenate(pieces), whole)
    assert whole.dtype == np.int16
    assert whole.shape == (sum(sizes), 2)


def test_perception_finds_the_voices_as_sounds_and_seldom_as_speech() -> None:
    vad, calls, found, false, utterances = Vad(), 0, 0, 0, 0
    for seed in (0, 3, 5, 6):
        world = make_world(WorldSettings(), seed)
        mono = Ears(world).block(0.0, 16 * RATE_HZ).mean(axis=1).astype(np.float32) / 32768
        vad.reset()
        stream, cutter = AudioStream("yard", "microphones", 0, vad, None), BlockCutter(0, 0)
        records = stream.step(cutter.add(mono) + cutter.end()) + stream.finish()
        sounds = [(one.start_ns / 1e9, one.end_ns / 1e9) for one in records if isinstance(one, Sound)]
        utterances += sum(isinstance(one, Utterance) for one in records)
        truths = [(a, b + 0.2) for one in world.entities for a, b in one.sounding_s]  # it comes a little late
        calls += len(truths)
        found += sum(any(a < end and start < b for a, b in sounds) for start, end in truths)
        false += sum(not any(a < end and start < b for start, end in truths) for a, b in sounds)
    assert calls >= 8
    assert found >= 0.8 * calls
    assert false == 0
    assert utterances <= calls / 8


def test_the_same_seed_gives_the_same_bytes_in_any_order_and_light() -> None:
    day, night = (Ears(make_world(WorldSettings(light=light), 1)) for light in ("day", "night"))
    later = night.block(6.0, PAGE)
    assert np.array_equal(day.block(0.0, 7 * RATE_HZ)[6 * RATE_HZ : 6 * RATE_HZ + PAGE], later)
    other = Ears(make_world(WorldSettings(light="day"), 2)).block(6.0, PAGE)
    assert not np.array_equal(other, later)
    assert day.block(3.0, 0).shape == (0, 2)
