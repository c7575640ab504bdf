"""The demo's recording holds what its table says, its grader is strict, and it answers everything rightly."""

from __future__ import annotations

import json
import re
import wave
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from runtime.apps import demo, demo_recording
from runtime.apps.demo import run_demo
from runtime.apps.demo_questions import EXPECTED, Expected, faults
from runtime.apps.demo_recording import (
    CUTS_S,
    FPS,
    LENGTH_S,
    MOVEMENTS_S,
    NOISE_DB,
    RATE_HZ,
    SENTENCES,
    SPEECH_DB,
    TONES,
    make_recording,
    read_speech,
)
from runtime.messages import Answer, Evidence, Sentence, Timing

if TYPE_CHECKING:
    from numpy.typing import NDArray

CROSS, TONE, STILL, WHERE, SAID, BEEPED, ELEPHANT, COLOUR = EXPECTED


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo") / "a.mkv"
    make_recording(made)
    return made


@pytest.fixture(scope="module")
def sound(path: Path) -> NDArray[np.float64]:
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(blocks) / 32768


@pytest.fixture(scope="module")
def changes(path: Path) -> NDArray[np.float64]:
    """Mean difference in gray levels between every frame and the one before it; 0 for the first."""
    with av.open(str(path)) as container:
        grays = [frame.to_ndarray(format="gray").astype(np.int16)[::4, ::4] for frame in container.decode(video=0)]
    return np.array([0.0, *(np.abs(b - a).mean() for a, b in pairwise(grays))])


def part(sound: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.float64]:
    return sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def level_db(samples: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


# The recording


def test_recording_is_the_same_every_time(path: Path, tmp_path: Path) -> None:
    make_recording(tmp_path / "b.mkv")
    assert (tmp_path / "b.mkv").read_bytes() == path.read_bytes()


def test_both_tracks_last_as_long_as_the_table_says(sound: NDArray[np.float64], changes: NDArray[np.float64]) -> None:
    assert sound.size == LENGTH_S * RATE_HZ
    assert changes.size == LENGTH_S * FPS


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: f"{tone.pitch_hz:g} Hz at {tone.start_s:g} s")
def test_tones_are_where_the_table_says(sound: NDArray[np.float64], tone: demo_recording.Tone) -> None:
    samples = part(sound, tone.start_s, tone.end_s)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    assert spectrum.argmax() * RATE_HZ / samples.size == pytest.approx(tone.pitch_hz, abs=RATE_HZ / samples.size)
    assert level_db(samples) == pytest.approx(tone.level_db, abs=0.5)
    for start_s in (tone.start_s - 0.3, tone.end_s):
        assert level_db(part(sound, start_s, start_s + 0.3)) == pytest.approx(NOISE_DB, abs=0.5)


def test_sentences_are_heard_when_the_table_says_and_noise_in_between(sound: NDArray[np.float64]) -> None:
    for sentence in SENTENCES:
        assert level_db(part(sound, sentence.start_s, sentence.end_s)) > SPEECH_DB - 6
        for start_s in (sentence.start_s - 0.5, sentence.end_s):
            assert level_db(part(sound, start_s, start_s + 0.5)) == pytest.approx(NOISE_DB, abs=0.5)


def test_pictures_jump_at_the_cuts_and_nowhere_else(changes: NDArray[np.float64]) -> None:
    assert [int(frame) for frame in np.flatnonzero(changes > 20)] == [cut_s * FPS for cut_s in CUTS_S]


def test_pictures_change_during_movements_only(changes: NDArray[np.float64]) -> None:
    frames_s = np.arange(changes.size) / FPS
    is_moving = np.zeros(changes.size, np.bool_)
    for start_s, end_s in MOVEMENTS_S:
        is_moving |= (frames_s > start_s) & (frames_s <= end_s + 1 / FPS)
        inner = changes[(frames_s >= start_s + 0.3) & (frames_s <= end_s - 0.3)]
        assert inner.min() > 0.05
    is_cut = changes > 20
    assert changes[~is_moving & ~is_cut].max() < 1.0
    assert np.median(changes[~is_moving]) < 0.01


def test_transcript_lies_beside_the_speech_and_agrees_with_the_table() -> None:
    folder = Path(demo_recording.__file__).parent
    lines = (folder / "demo_speech.txt").read_text(encoding="utf-8").splitlines()
    rows = [match.groups() for line in lines if (match := re.match(r" +(\d+) +(\d+)   ([A-Z].*)\.$", line))]
    assert [(int(first), int(count), words.lower()) for first, count, words in rows] == [
        (sentence.first, sentence.count, sentence.text) for sentence in SENTENCES
    ]
    assert sum(sentence.count for sentence in SENTENCES) == read_speech().size
    with wave.open(str(folder / "demo_speech.wav")) as file:
        assert file.getparams()[:3] == (1, 2, RATE_HZ)


async def test_recording_is_made_once_and_an_older_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "heedful").mkdir()
    (tmp_path / "heedful" / "demo-0123456789ab.mkv").write_bytes(b"older")
    with ExitStack() as scratch:
        made = await demo.recording(scratch)
    stamp_ns = made.stat().st_mtime_ns
    with ExitStack() as scratch:
        assert await demo.recording(scratch) == made
    assert made.stat().st_mtime_ns == stamp_ns
    assert list((tmp_path / "heedful").iterdir()) == [made]


async def test_recording_is_made_elsewhere_where_the_cache_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with ExitStack() as scratch:
        made = await demo.recording(scratch)
        assert made.stat().st_size > 1_000_000
    assert not made.exists()


# The grader


def answer(expected: Expected, text: str, *evidence: tuple[str, float, float], abstained: bool = False) -> Answer:
    """Return an answer as the evidence reasoner would give it."""
    rows = tuple(
        Evidence(
            clip_id="c",
            record_id="r",
            stream="video",
            kind=kind,
            start_s=start_s,
            end_s=end_s,
            box=None,
            score=0.0,
            text="",
        )
        for kind, start_s, end_s in evidence
    )
    return Answer(
        session="s",
        query_id="q",
        question=expected.question,
        asked_s=expected.at_s or LENGTH_S,
        session_start_ns=0,
        answer=text,
        sentences=(Sentence(text=text, supported=bool(rows)),),
        abstained=abstained,
        evidence=rows,
        searched=(),
        timing_ms=Timing(recall=0, first_token=0, total=0),
        model="evidence",
        blind=(),
        truncated=False,
    )


SAID_TEXT = 'I heard somebody say "the library will be closed on saturday" from 0:23.6 to 0:26.0.'
BEEPS_TEXT = "a tone at 880 Hz from 0:41.0 to 0:41.5, one from 0:42.3 to 0:42.8 and one from 0:43.6 to 0:44.1."
BEEPS_ROWS = [("sound", 41.0, 41.5), ("sound", 42.3, 42.8), ("sound", 43.6, 44.1)]
WHERE_TEXT = (
    "Something moved 2 times: from 0:20.2 to 0:22.6 at the top right and from 0:28.5 to 0:30.5 at the top right."
)
WHERE_ROWS = [("motion", 20.2, 22.6), ("motion", 28.5, 30.5)]

RIGHT = [
    (CROSS, "Something moved from 0:03.1 to 0:06.6.", [("motion", 3.1, 6.6)]),
    (TONE, "The only tone lasted 1.5 s, from 0:08.5 to 0:10.0.", [("sound", 8.5, 10.0)]),
    (STILL, "No, nothing moved between 0:24.5 and 0:27.5.", [("watermark", 24.5, 27.5)]),
    (WHERE, WHERE_TEXT, WHERE_ROWS),
    (SAID, SAID_TEXT, [("utterance", 23.6, 26.0)]),
    (BEEPED, f"3 times: {BEEPS_TEXT}", BEEPS_ROWS),
]
WRONG = [
    (CROSS, "Something moved from 0:03.1 to 0:06.6.", [("motion", 3.1, 5.1)], "evidence from 3.1"),
    (CROSS, "Something moved from 0:03.1 to 0:05.1.", [("motion", 3.1, 6.6)], "names 5.1"),
    (CROSS, "Something moved from 0:03.1 on.", [("motion", 3.1, 6.6)], "does not name 6.5"),
    (CROSS, "Something moved from 0:03.1 to 0:06.6.", [("sound", 3.1, 6.6)], "rests on sound"),
    (CROSS, "Something moved from 0:03.1 to 0:06.6.", [], "rests on nothing"),
    (CROSS, "From 0:03.1 to 0:06.6.", [("motion", 3.1, 6.6), ("motion", 8.0, 9.0)], "brings 2 pieces"),
    (TONE, "The only tone lasted 2.5 s, from 0:08.5 to 0:10.0.", [("sound", 8.5, 10.0)], "length"),
    (TONE, "The only tone lasted from 0:08.5 to 0:10.0.", [("sound", 8.5, 10.0)], "length"),
    (STILL, "Yes, something moved between 0:24.5 and 0:27.5.", [("watermark", 24.5, 27.5)], "does not say no"),
    (STILL, "No, nothing moved between 0:19.0 and 0:27.5.", [("watermark", 19.0, 27.5)], "looked from 19.0"),
    (STILL, "No, nothing moved between 0:23.5 and 0:25.5.", [("watermark", 23.5, 25.5)], "looked from 23.5"),
    (WHERE, WHERE_TEXT.replace("2 times", "3 times"), WHERE_ROWS, "counts 3"),
    (WHERE, WHERE_TEXT.replace("top right", "top left"), WHERE_ROWS, "does not say 'top right'"),
    (WHERE, WHERE_TEXT.replace("at the top right and", "on the left and"), WHERE_ROWS, "says 'left'"),
    (SAID, SAID_TEXT.replace("library", "author"), [("utterance", 23.6, 26.0)], "does not say 'library'"),
    (SAID, SAID_TEXT.replace("closed", "closed president"), [("utterance", 23.6, 26.0)], "says 'president'"),
    (BEEPED, f"4 times: {BEEPS_TEXT}", BEEPS_ROWS, "counts 4"),
    (BEEPED, f"Several times: {BEEPS_TEXT}", BEEPS_ROWS, "counts nothing"),
    (BEEPED, f"3 times: {BEEPS_TEXT}", BEEPS_ROWS[:2], "brings 2 pieces"),
    (BEEPED, f"3 times: {BEEPS_TEXT}", [("sound", 31.5, 32.0), *BEEPS_ROWS], "brings 4 pieces"),
]


@pytest.mark.parametrize(("expected", "text", "rows"), RIGHT, ids=lambda value: str(value)[:30])
def test_right_answers_pass(expected: Expected, text: str, rows: list[Any]) -> None:
    assert faults(expected, answer(expected, text, *rows)) == []


@pytest.mark.parametrize(("expected", "text", "rows", "fault"), WRONG)
def test_wrong_answers_are_refused(expected: Expected, text: str, rows: list[Any], fault: str) -> None:
    assert fault in "; ".join(faults(expected, answer(expected, text, *rows)))


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda one: one.question)
def test_abstaining_is_right_exactly_where_nobody_can_know(expected: Expected) -> None:
    found = faults(expected, answer(expected, "I cannot tell.", abstained=True))
    assert (found == []) == (expected in (ELEPHANT, COLOUR))


@pytest.mark.parametrize("expected", [ELEPHANT, COLOUR])
def test_guessing_is_refused(expected: Expected) -> None:
    guess = answer(expected, "It was red, from 0:03.0 to 0:06.5.", ("motion", 3.0, 6.5))
    assert faults(expected, guess) == ["nobody can know this"]
    assert faults(expected, replace(guess, abstained=True)) == ["nobody can know this"]


def test_asking_at_another_moment_and_blindness_are_refused() -> None:
    good = answer(CROSS, RIGHT[0][1], *RIGHT[0][2])
    assert "was asked at 12 s" in faults(CROSS, replace(good, asked_s=12.0))[0]
    assert faults(CROSS, replace(good, blind=("video",)))
    assert faults(CROSS, replace(good, truncated=True))


# All of it


@pytest.mark.slow  # over mosquitto where there is one, else inside the process
async def test_demo_answers_everything_rightly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = await run_demo(as_json=True)
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["faults"] for line in lines if line["type"] == "verdict"] == [[]] * 8
    assert [line["abstained"] for line in lines if line["type"] == "answer"].count(True) == 2
    assert (last["type"], last["right"], last["questions"], code) == ("demo", 8, 8, 0)
