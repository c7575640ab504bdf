"""The demo's recordings hold what the truth says, its grader is strict, and it answers everything rightly."""

from __future__ import annotations

import json
import re
import wave
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from perception.picture import encode_jpeg
from perception.yard.bodies import Room
from perception.yard.record import write_yard
from perception.yard.settings import SEEDS, SPLITS
from perception.yard.truth import TRUTH_TOPIC, Truth
from perception.yard.view import truths
from runtime.apps import demo, demo_recording
from runtime.apps.demo import run_demo
from runtime.apps.demo_pictures import BOX_RGB, ENLARGED, save_evidence
from runtime.apps.demo_questions import Expected, expected_of, faults
from runtime.apps.demo_recording import (
    NOISE_DB,
    RADIO,
    RATE_HZ,
    SENTENCES,
    SPEECH_DB,
    YARD,
    make_radio,
    read_speech,
)
from runtime.apps.demo_truth import CAMERA, YardTruth, pulses_of
from runtime.apps.demo_world import LENGTH_S, SEED, SETTINGS, make_demo_world
from runtime.messages import Answer, Evidence, Sentence, Timing
from tests.yard_files import cut_off, without

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORLD = make_demo_world()
MOMENTS: tuple[Truth, ...] = tuple(truths(WORLD, np.arange(LENGTH_S * 10) / 10))  # as the truth channel has them
CALLS = tuple((one.of.voice.name, *call) for one in WORLD.entities for call in one.sounding_s)
TRUTH = YardTruth(truths=MOMENTS, calls=CALLS, pictures=())
EXPECTED = expected_of(TRUTH)
MOVED, STILL, WHERE, TONE, HONKS, SAID, LATE, ELEPHANT, COLOUR, CARS, DARK, UNSEEN = EXPECTED


def part(sound: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.float64]:
    return sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def level_db(samples: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


# The recordings


def test_seed_is_no_splits() -> None:
    assert SEED >= len(SPLITS) * SEEDS
    assert SETTINGS.length_s == LENGTH_S


def test_world_obeys_the_rules_of_every_other() -> None:
    room = Room(WORLD.walls, WORLD.rig, LENGTH_S)
    for one in WORLD.entities:
        assert room.has(one.track, one.box_m[:2]), one.id
        room.take(one.track, one.box_m[:2])
        assert all(round(value, 3) == value for knot in one.track.knots for value in knot)
        speeds = {round(speed_mps, 1) for _, _, speed_mps in one.track.stretches()} - {0.0}
        assert all(0.5 * one.of.speeds_mps[0] <= speed_mps <= one.of.speeds_mps[1] for speed_mps in speeds)
        assert (one.kind, one.colour) not in SETTINGS.forbidden


def test_world_has_what_makes_it_worth_showing() -> None:
    kinds = {one.kind for one in WORLD.plot}
    assert kinds >= {"enters", "leaves", "stops", "starts", "turns", "approaches", "sounds", "light"}
    assert [light for _, light in WORLD.lights] == ["day", "night"]
    assert len({one.kind for one in WORLD.entities}) == 3
    assert TRUTH.has_movement(TRUTH.dark_s, LENGTH_S)


def test_sentences_are_heard_when_the_table_says_and_noise_in_between() -> None:
    sound = make_radio()
    assert sound.size == LENGTH_S * RATE_HZ
    for sentence in SENTENCES:
        assert level_db(part(sound, sentence.start_s, sentence.end_s)) > SPEECH_DB - 6
        for start_s in (sentence.start_s - 0.5, sentence.end_s):
            assert level_db(part(sound, start_s, start_s + 0.5)) == pytest.approx(NOISE_DB, abs=0.5)


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


def quick(folder: Path) -> None:
    """Write files with the names of the recordings."""
    for name in (YARD, RADIO):
        (folder / name).write_bytes(b"made")


def small(folder: Path) -> None:
    """Write a small yard with the names of the recordings."""
    write_yard(folder / YARD, replace(SETTINGS, length_s=2.0), SEED)
    (folder / RADIO).write_bytes(b"made")


async def test_a_kept_recording_that_is_damaged_is_made_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    with ExitStack() as scratch:
        folder, known = await demo.whole_recordings(scratch, told.append, small)
        assert told == []
        cut_off(folder / YARD, folder / YARD, 0.5)
        assert await demo.whole_recordings(scratch, told.append, small) == (folder, known)
        without(folder / YARD, folder / "untold.mcap", TRUTH_TOPIC).rename(folder / YARD)
        assert await demo.whole_recordings(scratch, told.append, small) == (folder, known)
    assert len(known.truths) == len(known.pictures) == 20
    broken, untold = told
    assert "yard.mcap: breaks off" in broken
    assert "yard.mcap: holds no /yard/truth" in untold


def unwanted(folder: Path) -> None:
    raise AssertionError(f"made again in {folder}")


async def test_recordings_are_made_once_and_older_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "heedful"
    (cache / "demo-ba9876543210").mkdir(parents=True)
    (cache / "demo-ba9876543210" / YARD).write_bytes(b"older")
    (cache / "demo-0123456789ab.mkv").write_bytes(b"older")
    with ExitStack() as scratch:
        made = await demo.recordings(scratch, quick)
    assert list(cache.iterdir()) == [made]
    assert sorted(one.name for one in made.iterdir()) == [RADIO, YARD]
    with ExitStack() as scratch:
        assert await demo.recordings(scratch, unwanted) == made
    (made / RADIO).unlink()
    with ExitStack() as scratch:
        assert await demo.recordings(scratch, quick) == made
    assert (made / RADIO).is_file()


async def test_of_two_demos_that_begin_together_both_find_the_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "heedful" / f"demo-{demo.digest()}"

    def slower(part: Path) -> None:
        quick(part)
        folder.mkdir()
        quick(folder)

    with ExitStack() as scratch:
        assert await demo.recordings(scratch, slower) == folder
    assert list((tmp_path / "heedful").iterdir()) == [folder]
    assert sorted(one.name for one in folder.iterdir()) == [RADIO, YARD]


async def test_recordings_that_break_off_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def full(folder: Path) -> None:
        (folder / YARD).write_bytes(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"), ExitStack() as scratch:
        await demo.recordings(scratch, full)
    assert list((tmp_path / "heedful").iterdir()) == []


async def test_recordings_are_made_elsewhere_where_the_cache_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with ExitStack() as scratch:
        made = await demo.recordings(scratch, quick)
        assert (made / YARD).is_file()
        answers = demo.answers_folder(made)
    assert not made.exists()
    assert answers.is_dir()
    answers.rmdir()


# The truth


def test_pulses_of_voices() -> None:
    assert pulses_of("honking", 1.0, 3.2) == [(1.0, 1.5), (2.0, 2.5), (3.0, 3.2)]
    assert pulses_of("rumbling", 1.0, 3.0) == [(1.0, 3.0)]
    assert pulses_of("ringing", 1.0, 3.0) == [(1.0, 3.0)]  # its breaks are too short to be heard as such


def test_noises_are_pulses_and_those_that_touch_are_one() -> None:
    calls = (("honking", 0.0, 1.9), ("honking", 0.4, 1.8), ("ringing", 5.0, 6.0))
    truth = YardTruth(truths=(), calls=calls, pictures=())
    assert truth.noises_s(0.0, 10.0) == [(0.0, 0.9), (1.0, 1.8), (5.0, 6.0)]
    assert truth.noises_s(2.0, 4.0) == []


def test_movements_are_those_that_can_be_seen_by_day() -> None:
    movements = TRUTH.movements_s(0.0, LENGTH_S)
    assert movements[-1][1] < TRUTH.dark_s < LENGTH_S
    for truth in MOMENTS:
        t_s = truth.t_ns / 1e9
        is_in_one = any(a <= t_s <= b for a, b in movements)
        can_be_seen = truth.light == "day" and any(
            one.is_moving and one.visible >= 0.25 and one.pixels >= 6 for one in truth.entities
        )
        assert is_in_one == can_be_seen


def test_pictures_of_evidence_show_its_box(tmp_path: Path) -> None:
    small = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 60, np.uint8), format="rgb24")
    truth = replace(TRUTH, pictures=((0.0, b""), (2.0, encode_jpeg(small, 160, 95)[0]), (9.0, b"")))
    given = answer(WHERE, "", ("motion", 1.0, 4.0), ("sound", 1.0, 4.0))
    boxed = replace(given.evidence[0], stream=CAMERA, box=(0.25, 0.5, 0.75, 1.0))
    [path] = save_evidence(tmp_path, replace(given, evidence=(boxed, given.evidence[1])), truth)
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert picture.shape == (120 * ENLARGED, 160 * ENLARGED, 3)
    assert np.abs(picture[240, 160:480] - BOX_RGB).max() < 60
    assert np.abs(picture[250:470, 170:470] - 60).max() < 30
    assert np.abs(picture[:230] - 60).max() < 30


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


MOVED_TEXT = "Something moved from 0:07.5 to 0:12.5."
MOVED_ROW = ("motion", 7.5, 12.5)
WHERE_TEXT = "Something moved in the middle, from 0:15.4 to 0:18.3."
WHERE_ROW = ("motion", 15.4, 18.3)
TONE_TEXT = "The only tone lasted 2.1 s, from 0:01.5 to 0:03.6."
TONE_ROW = ("sound", 1.5, 3.6)
STILL_TEXT = "No, nothing moved between 0:18.5 and 0:21.5."
STILL_ROW = ("watermark", 18.5, 21.5)
SAID_TEXT = 'I heard somebody say "the library will be closed on saturday" from 0:13.1 to 0:15.5.'
SAID_ROW = ("utterance", 13.1, 15.5)
LATE_TEXT = "from 0:33.2 to 0:33.7, 0:34.1 to 0:34.7, 0:35.1 to 0:35.6 and 0:36.1 to 0:36.6."
LATE_ROWS = [("sound", 33.2, 33.7), ("sound", 34.1, 34.7), ("sound", 35.1, 35.6), ("sound", 36.1, 36.6)]

RIGHT = [
    (MOVED, MOVED_TEXT, [MOVED_ROW]),
    (TONE, TONE_TEXT, [TONE_ROW]),
    (STILL, STILL_TEXT, [STILL_ROW]),
    (WHERE, WHERE_TEXT, [WHERE_ROW]),
    (SAID, SAID_TEXT, [SAID_ROW]),
    (LATE, f"4 times: {LATE_TEXT}", LATE_ROWS),
]
WRONG = [
    (MOVED, MOVED_TEXT, [("motion", 7.5, 10.1)], "evidence from 7.5"),
    (MOVED, MOVED_TEXT.replace("12.5", "10.1"), [MOVED_ROW], "names 10.1"),
    (MOVED, "Something moved from 0:07.5 on.", [MOVED_ROW], "does not name 12.3"),
    (MOVED, MOVED_TEXT, [("sound", 7.5, 12.5)], "rests on sound"),
    (MOVED, MOVED_TEXT, [], "rests on nothing"),
    (MOVED, MOVED_TEXT, [MOVED_ROW, ("motion", 13.0, 14.0)], "brings 2 pieces"),
    (TONE, TONE_TEXT.replace("2.1 s", "3.1 s"), [TONE_ROW], "length"),
    (TONE, TONE_TEXT.replace("2.1 s,", ""), [TONE_ROW], "length"),
    (STILL, STILL_TEXT.replace("No, nothing", "Yes, something"), [STILL_ROW], "does not say no"),
    (STILL, STILL_TEXT, [("watermark", 15.0, 21.5)], "looked from 15.0"),
    (STILL, STILL_TEXT, [("watermark", 18.5, 20.5)], "looked from 18.5"),
    (STILL, STILL_TEXT.replace("18.5", "15.0"), [STILL_ROW], "names 15.0"),
    (WHERE, WHERE_TEXT.replace("middle", "background"), [WHERE_ROW], "does not say 'middle'"),
    (WHERE, WHERE_TEXT.replace("middle", "middle, then on the left"), [WHERE_ROW], "says 'left'"),
    (SAID, SAID_TEXT.replace("library", "author"), [SAID_ROW], "does not say 'library'"),
    (SAID, SAID_TEXT.replace("closed", "closed president"), [SAID_ROW], "says 'president'"),
    (LATE, f"5 times: {LATE_TEXT}", LATE_ROWS, "counts 5"),
    (LATE, f"Several times: {LATE_TEXT}", LATE_ROWS, "counts nothing"),
    (LATE, f"4 times: {LATE_TEXT}", LATE_ROWS[:3], "brings 3 pieces"),
    (LATE, f"4 times: {LATE_TEXT}", [("sound", 30.2, 30.5), *LATE_ROWS], "brings 5 pieces"),
]


@pytest.mark.parametrize(("expected", "text", "rows"), RIGHT, ids=lambda value: str(value)[:30])
def test_right_answers_pass(expected: Expected, text: str, rows: list[Any]) -> None:
    assert faults(expected, answer(expected, text, *rows)) == []


@pytest.mark.parametrize(("expected", "text", "rows", "fault"), WRONG)
def test_wrong_answers_are_refused(expected: Expected, text: str, rows: list[Any], fault: str) -> None:
    assert fault in "; ".join(faults(expected, answer(expected, text, *rows)))


UNKNOWN = (ELEPHANT, COLOUR, CARS, DARK, UNSEEN)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda one: one.question)
def test_abstaining_is_right_exactly_where_nothing_perceived_can_tell(expected: Expected) -> None:
    found = faults(expected, answer(expected, "I cannot tell.", abstained=True))
    assert (found == []) == (expected in UNKNOWN)


@pytest.mark.parametrize("expected", UNKNOWN, ids=lambda one: one.question)
def test_guessing_is_refused(expected: Expected) -> None:
    guess = answer(expected, "It was red, from 0:03.0 to 0:06.5.", ("motion", 3.0, 6.5))
    assert faults(expected, guess) == ["must abstain"]
    assert faults(expected, replace(guess, abstained=True)) == ["must abstain"]


def test_what_needs_a_learnt_model_is_known_by_the_yards_rules() -> None:
    assert [(one.learnt, one.truth) for one in UNKNOWN] == [
        ("", ""),
        ("colours", "White."),
        ("what things are", "Two."),
        ("radar and event camera", "Three."),
        ("radar and event camera", "Yes."),
    ]


def test_asking_at_another_moment_and_wrong_blindness_are_refused() -> None:
    good = answer(MOVED, MOVED_TEXT, MOVED_ROW)
    assert "was asked at 12 s" in faults(MOVED, replace(good, asked_s=12.0))[0]
    assert faults(MOVED, replace(good, blind=(CAMERA,)), TRUTH.dark_s)
    assert faults(MOVED, replace(good, truncated=True))
    late = answer(LATE, f"4 times: {LATE_TEXT}", *LATE_ROWS)
    assert faults(LATE, late, TRUTH.dark_s)  # it is dark by then
    assert faults(LATE, replace(late, blind=(CAMERA,)), TRUTH.dark_s) == []


# All of it


@pytest.mark.slow  # over mosquitto where there is one, else inside the process
async def test_demo_answers_everything_rightly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = await run_demo(as_json=True)
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    verdicts = [line for line in lines if line["type"] == "verdict"]
    assert [line["faults"] for line in verdicts] == [[]] * 12
    assert [line["truth"] for line in verdicts] == [one.truth for one in EXPECTED]  # the channel's is the world's
    assert [line["abstained"] for line in lines if line["type"] == "answer"].count(True) == len(UNKNOWN)
    assert (last["type"], last["right"], last["questions"], code) == ("demo", 12, 12, 0)
    pictures = [Path(name) for line in verdicts for name in line["pictures"]]
    assert len(pictures) == 3
    assert all(one.stat().st_size > 1000 for one in pictures)
    assert {one.parent for one in pictures} == {Path(last["answers"]).parent}
    assert questions_in(Path(last["answers"])) == [one.question for one in EXPECTED]


def questions_in(path: Path) -> list[str]:
    return re.findall(r"^Q  (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
