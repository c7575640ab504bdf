"""Utterances from probabilities, and the real model on recordings with known truth."""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perception.vad import BLOCK, BLOCK_NS, LONGEST_NS, SpeechEnd, SpeechSegments, SpeechStart, Vad
from runtime.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

S = 1_000_000_000
TRUTH = Path(__file__).parent / "truth"


def run(probabilities: list[float], first_ns: int = 0) -> list[SpeechStart | SpeechEnd]:
    segments = SpeechSegments()
    events: list[SpeechStart | SpeechEnd] = []
    for at, probability in enumerate(probabilities):
        events += segments.step(probability, first_ns + at * BLOCK_NS)
    return events + segments.flush(first_ns + len(probabilities) * BLOCK_NS)


def blocks(probability: float, seconds: float) -> list[float]:
    return [probability] * round(seconds * S / BLOCK_NS)


def ends(events: list[SpeechStart | SpeechEnd]) -> list[tuple[float, float]]:
    return [(event.start_ns / S, event.end_ns / S) for event in events if isinstance(event, SpeechEnd)]


def test_an_utterance_lasts_from_its_first_to_its_last_voiced_block() -> None:
    start, end = run(blocks(0.0, 2) + blocks(0.9, 1) + blocks(0.1, 2))
    assert isinstance(start, SpeechStart)
    assert isinstance(end, SpeechEnd)
    assert end.start_ns / S == pytest.approx(2, abs=0.05)
    assert end.end_ns / S == pytest.approx(3, abs=0.05)
    assert start.t_ns / S == pytest.approx(1.7, abs=0.05)  # the recogniser hears a little before
    assert not end.truncated


def test_speech_is_announced_while_it_lasts() -> None:
    segments = SpeechSegments()
    known = [segments.step(0.9, at * BLOCK_NS) for at in range(20)]
    assert [at for at, events in enumerate(known) if events] == [7]  # 0.25 s


def test_a_click_is_no_speech() -> None:
    assert run(blocks(0, 1) + blocks(0.95, 0.15) + blocks(0, 0.5) + blocks(0.95, 0.15) + blocks(0, 1)) == []


def test_hesitation_does_not_end_an_utterance() -> None:
    assert len(ends(run(blocks(0.9, 1) + blocks(0.4, 2) + blocks(0.1, 0.4) + blocks(0.9, 1) + blocks(0, 1)))) == 1
    assert len(ends(run(blocks(0.9, 1) + blocks(0.1, 0.7) + blocks(0.9, 1) + blocks(0, 1)))) == 2


def test_doubtful_probabilities_do_not_begin_one() -> None:
    assert run(blocks(0.45, 5)) == []


def test_a_long_utterance_is_cut_in_a_pause() -> None:
    events = run([*blocks(0.95, 18), 0.3, *blocks(0.95, 5), *blocks(0, 1)])
    first, second = [event for event in events if isinstance(event, SpeechEnd)]
    assert first.truncated
    assert first.end_ns / S == pytest.approx(18, abs=0.1)
    assert not second.truncated
    assert second.start_ns / S == pytest.approx(18, abs=0.2)


def test_a_hole_in_the_stream_ends_the_utterance() -> None:
    segments = SpeechSegments()
    for at in range(30):
        segments.step(0.9, at * BLOCK_NS)
    (end,) = segments.step(0.9, 60 * S)
    assert isinstance(end, SpeechEnd)
    assert end.end_ns / S == pytest.approx(1, abs=0.05)


def test_the_end_of_the_stream_ends_the_utterance() -> None:
    (span,) = ends(run(blocks(0, 1) + blocks(0.9, 1)))
    assert span == pytest.approx((0.96, 1.98), abs=0.05)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 200)), max_size=20))
def test_utterances_alternate_with_announcements_and_never_overlap(runs: list[tuple[float, int]]) -> None:
    probabilities = [probability for probability, count in runs for _ in range(count)]
    events = run(probabilities, first_ns=5 * S)
    edge_ns = 5 * S - S
    assert [type(event) for event in events] == [SpeechStart, SpeechEnd] * (len(events) // 2)
    for start, end in zip(events[::2], events[1::2], strict=True):
        assert isinstance(start, SpeechStart)
        assert isinstance(end, SpeechEnd)
        assert edge_ns <= start.t_ns <= end.start_ns < end.end_ns <= 5 * S + len(probabilities) * BLOCK_NS
        assert end.end_ns - end.start_ns <= LONGEST_NS + 2 * BLOCK_NS
        edge_ns = end.end_ns


def test_the_model_hears_nothing_in_silence_noise_and_tones() -> None:
    vad = Vad()
    noise = 0.05 * np.random.default_rng(0).standard_normal(16_000)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    for sound in (np.zeros(16_000), noise, tone):
        vad.reset()
        heard = [vad.step(part) for part in sound.astype(np.float32)[: 31 * BLOCK].reshape(-1, BLOCK)]
        assert np.mean(np.array(heard) > 0.5) < 0.1


def test_reset_forgets_what_was_heard() -> None:
    vad = Vad()
    block = np.random.default_rng(1).standard_normal(BLOCK, np.float32)
    first = vad.step(block)
    vad.step(block)
    vad.reset()
    assert vad.step(block) == first


def test_loading_the_model_does_not_import_its_package() -> None:
    Vad()
    assert "silero_vad" not in sys.modules


def test_a_missing_or_broken_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx; reinstall"):
        Vad(tmp_path / "gone.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a model that onnxruntime can load"):
        Vad(broken)


def read_speech(path: Path) -> NDArray[np.float64]:
    if path.suffix == ".raw":
        return np.asarray(np.fromfile(path, "<i2") / 32768)
    with wave.open(str(path)) as file:
        return np.asarray(np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768)


def faded(samples: NDArray[np.float64], fade_s: float) -> NDArray[np.float64]:
    count = round(fade_s * 16_000)
    ramp = np.linspace(0, 1, count)
    samples = samples.copy()
    samples[:count] *= ramp
    samples[-count:] *= ramp[::-1]
    return samples


def build_mix(recipe: dict[str, Any], data_dir: Path) -> NDArray[np.float32]:
    """Build the recording that tests/truth/speech_mix.yaml describes."""
    noise_rms = 10 ** (recipe["noise"]["level_db"] / 20)
    rng = np.random.default_rng(recipe["noise"]["seed"])
    mix = noise_rms * rng.standard_normal(round(recipe["duration_s"] * 16_000))
    for part in recipe["parts"]:
        speech = faded(read_speech(data_dir / part["file"]), recipe["fade_s"])
        spans = [[round((edge_s - part["start_s"]) * 16_000) for edge_s in span] for span in part["speech"]]
        active = np.concatenate([speech[start:end] for start, end in spans])
        gain = noise_rms * 10 ** (part["snr_db"] / 20) / np.sqrt(np.mean(active**2))
        at = round(part["start_s"] * 16_000)
        mix[at : at + speech.size] += gain * speech
    for tone in recipe["tones"]:
        times_s = np.arange(round(tone["duration_s"] * 16_000)) / 16_000
        wave_form = np.sqrt(2) * 10 ** (tone["level_db"] / 20) * np.sin(2 * np.pi * tone["tone_hz"] * times_s)
        at = round(tone["start_s"] * 16_000)
        mix[at : at + times_s.size] += faded(wave_form, recipe["fade_s"])
    return np.asarray(mix.clip(-1, 1 - 2**-15), np.float32)


def is_inside(times_s: NDArray[np.float64], spans: list[list[float]]) -> NDArray[np.bool_]:
    inside = np.zeros(times_s.size, np.bool_)
    for start_s, end_s in spans:
        inside |= (times_s >= start_s) & (times_s < end_s)
    return inside


@pytest.mark.data
@pytest.mark.parametrize("name", ["speech_mix", "vad_clip"])
def test_speech_is_found_where_it_was_put(data_dir: Path, name: str) -> None:
    known = yaml.safe_load((TRUTH / f"{name}.yaml").read_text())
    if name == "speech_mix":
        sound = build_mix(known, data_dir)
        truth = [span for part in known["parts"] for span in part["speech"]]
    else:
        sound = read_speech(data_dir / known["recording"]).astype(np.float32)
        truth = known["speech"]
    vad = Vad()
    padded = np.pad(sound, (0, -sound.size % BLOCK)).reshape(-1, BLOCK)
    found = [list(span) for span in ends(run([vad.step(block) for block in padded]))]
    times_s = np.arange(0.015, sound.size / 16_000, 0.03)
    ignored = is_inside(times_s, known.get("neutral", []))
    ignored |= is_inside(times_s, [[edge_s - 0.1, edge_s + 0.1] for span in truth for edge_s in span])
    heard, spoken = is_inside(times_s, found)[~ignored], is_inside(times_s, truth)[~ignored]
    assert 2 * (heard & spoken).sum() / (heard.sum() + spoken.sum()) >= 0.9
    for start_s, _ in truth if name == "speech_mix" else []:  # each sentence is an utterance of its own there
        assert min(abs(start_s - begin_s) for begin_s, _ in found) < 0.08
