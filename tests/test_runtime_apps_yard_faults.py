"""A recording of the yard whose sensors are missing or shifted plays, and says so in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from perception.recording import probe_recording
from perception.yard.record import NAMES, write_yard
from perception.yard.settings import WorldSettings, seed_of
from runtime.apps.playlist import make_playlist
from runtime.apps.replay import Question, replay
from runtime.apps.yard_faults import SHIFT_S, faults_of, missing_in, shifts_in
from runtime.apps.yard_recording import truths_in
from runtime.config import Config
from runtime.errors import InputError
from tests.yard_files import cut_off, of_version, shifted, without

CONFIG = Config.model_validate({"broker": "local", "perception": {"asr": "none"}})
TOPICS = {name: f"/{name}/{kind}" for kind, name in NAMES.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("yard") / "whole.mcap"
    write_yard(path, WorldSettings(split="test", length_s=4.0, light="day", drives=False), seed_of("test", 0))
    return path


def test_nothing_is_wrong_with_a_whole_one(whole: Path) -> None:
    assert list(faults_of(whole, probe_recording(whole))) == []
    assert not any(one.is_missing for one in make_playlist([whole], CONFIG.perception).streams)


@pytest.mark.parametrize("name", ["camera", "ears", "radar"])
async def test_a_sensor_that_is_missing_is_blind_in_every_answer(whole: Path, tmp_path: Path, name: str) -> None:
    path = without(whole, tmp_path / "lacking.mcap", TOPICS[name])
    [line] = make_playlist([path], CONFIG.perception).notes
    assert line == f"{path}: a recording of the yard without {name}: that sensor is blind all the time"
    questions = [Question(text="Did anything move?", at_s=3.0), Question(text="What did you hear?")]
    result = await replay([path], CONFIG, questions)
    assert [answer.blind for answer in result.answers] == [(name,)] * 2
    moved, heard = (answer.answer for answer in result.answers)
    assert ("camera" in moved.lower() and result.answers[0].abstained) == (name == "camera")
    assert ("could hear nothing from 0:00.0 to 0:04.0" in heard) == (name == "ears")


@pytest.mark.parametrize(("name", "by_s"), [*zip(TOPICS, (3.0, -2.0, 2.0, -3.0, 60.5, 4.0), strict=True)])
def test_a_sensor_that_was_shifted_is_named_with_its_shift(whole: Path, tmp_path: Path, name: str, by_s: float) -> None:
    path = shifted(whole, tmp_path / "shifted.mcap", TOPICS[name], by_s)
    [line] = make_playlist([path], CONFIG.perception).notes
    assert f"{TOPICS[name]} begins {abs(by_s):.2f} s {'before' if by_s < 0 else 'after'} the other sensors" in line


def test_what_is_within_the_tolerance_is_no_shift(whole: Path, tmp_path: Path) -> None:
    for by_s, is_told in ((SHIFT_S - 0.05, False), (SHIFT_S + 0.05, True)):
        path = shifted(whole, tmp_path / f"{by_s}.mcap", TOPICS["radar"], by_s)
        assert bool(shifts_in(probe_recording(path))) == is_told


async def test_a_shifted_one_plays_to_its_end(whole: Path, tmp_path: Path) -> None:
    path = shifted(whole, tmp_path / "shifted.mcap", TOPICS["camera"], 3.0)
    result = await replay([path], CONFIG, [Question(text="Did anything move?")])
    assert len(result.answers) == 1
    assert result.length_s == pytest.approx(7.0, abs=0.2)


def test_other_recordings_lack_nothing(whole: Path, tmp_path: Path) -> None:
    recording = probe_recording(without(whole, tmp_path / "lacking.mcap", TOPICS["radar"]))
    assert set(missing_in(recording)) == {"radar"}
    unmarked = replace(recording, marks={})
    assert missing_in(unmarked) == {}
    assert shifts_in(unmarked) == {}


def test_a_truth_that_cannot_be_believed_is_refused(whole: Path, tmp_path: Path) -> None:
    assert len(truths_in(whole)) == 40
    for share in (0.3, 0.7, 0.95):
        with pytest.raises(InputError, match=r"cut.mcap: .*its truth is not whole"):
            truths_in(cut_off(whole, tmp_path / "cut.mcap", share))
    with pytest.raises(InputError, match="holds no /yard/truth: it is no recording of the yard"):
        truths_in(without(whole, tmp_path / "untold.mcap", "/yard/truth"))
    for version, said in (({"version": "7"}, "7"), ({}, "none")):
        with pytest.raises(InputError, match=f"its truth is of version {said}, and this reads 1"):
            truths_in(of_version(whole, tmp_path / f"of-{said}.mcap", version))
