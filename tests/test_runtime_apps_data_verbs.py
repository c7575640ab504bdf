"""Worlds as files: recordings that hold their truth, questions beside each, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perception.yard.oracle import oracle
from perception.yard.question import Answer, Evidence, Question
from perception.yard.script import make_world
from perception.yard.settings import seed_of
from perception.yard.view import truths
from runtime.apps import cli
from runtime.apps.yard_pairs import draw_pair, moments_of
from runtime.apps.yard_recording import truths_in
from runtime.apps.yard_replies import Reply, verdict_of
from runtime.apps.yard_worlds import cut, path_of, settings_of
from runtime.recording.mcap_file import McapFile


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data") / "yard"
    arguments = ("--split", "test", "--first", "3", "--count", "2", "--length", "5", "--light", "day", "--json")
    assert cli.run(["data", "yard", str(made), *arguments]) == 0
    return made


def test_each_world_is_a_recording_with_questions_that_its_truth_answers(folder: Path) -> None:
    names = [f"yard-test-0000{number}-5s-day" for number in (3, 4)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}{suffix}" for name in names for suffix in (".mcap", ".questions.jsonl")
    )
    asked = 0
    for name in names:
        seen = truths_in(folder / f"{name}.mcap")
        assert len(seen) == 50
        for line in (folder / f"{name}.questions.jsonl").read_text().splitlines():
            row = json.loads(line)
            question = _question(row)
            text = oracle(question.text, question.asked_s, seen)
            expected = "abstained" if question.kind == "unanswerable" else "right"
            assert verdict_of(question, Reply(text=text)) == expected
            asked += 1
    assert asked > 10


@pytest.mark.parametrize(
    ("option", "given", "says"),
    [
        ("--length", "1", "--length: '1' is no number from 2 to 7200"),
        ("--length", "nan", "--length: 'nan' is no number from 2 to 7200"),
        ("--count", "0", "--count: '0' is no whole number from 1 to 1000000"),
        ("--count", "1.5", "--count: '1.5' is no whole number"),
        ("--first", "-1", "--first: '-1' is no whole number from 0 to 2147483647"),
        ("--first", "2147483648", "--first: '2147483648' is no whole number from 0 to 2147483647"),
    ],
)
def test_what_is_out_of_range_is_named(
    option: str, given: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["data", "yard", str(tmp_path / "d"), f"{option}={given}"]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_the_last_world_of_a_split_has_none_after_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["data", "yard", str(tmp_path), "--first=2147483647", "--count=2"]) == 2
    assert "--count: '2' is no whole number from 1 to 1" in capsys.readouterr().err


def test_what_is_there_already_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = path_of(folder, settings_of("test", 5.0, "day"), 4)
    before = path.read_bytes()
    arguments = ("--split", "test", "--first", "2", "--count", "3", "--length", "5", "--light", "day")
    assert cli.run(["data", "yard", str(folder), *arguments]) == 2
    assert "yard-test-00003-5s-day.mcap: is there already" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not path_of(folder, settings_of("test", 5.0, "day"), 2).exists()


def test_a_cut_recording_is_its_beginning(folder: Path, tmp_path: Path) -> None:
    path = path_of(folder, settings_of("test", 5.0, "day"), 3)
    part = cut(path, tmp_path / "part.mcap", 2.0)
    entries = _entries(path)
    whole = [one for one in entries if one[1] <= entries[0][1] + 2_000_000_000]
    assert _entries(part) == whole
    assert truths_in(part) == truths_in(path)[:21]


def test_a_pair_turns_with_one_thing_and_the_rest_stays() -> None:
    settings = settings_of("test", 8.0, "day")
    found = []
    for number in range(4):
        seed = seed_of("test", number)
        world = make_world(settings, seed)
        seen = list(truths(world, moments_of(8.0)))
        pair = draw_pair(seen, settings, seed)
        if pair is None:
            continue
        changed = list(truths(pair.changed, moments_of(pair.question.asked_s)))
        for question, some in ((pair.question, seen), (pair.turned, changed)):
            text = oracle(question.text, question.asked_s, some)
            assert verdict_of(question, Reply(text=text)) == "right"
        assert (pair.question.answer.value, pair.turned.answer.value) == ("yes", "no")
        kept = [one for one in world.entities if one in pair.changed.entities]
        assert len(kept) == len(world.entities) - 1
        found.append(pair.how)
    assert found


def _question(row: dict[str, Any]) -> Question:
    """Return a question as a line tells it; a list is what JSON makes of a tuple."""
    answer = row["answer"]
    value = tuple(answer["value"]) if isinstance(answer["value"], list) else answer["value"]
    told = Answer(kind=answer["kind"], value=value, tolerance_s=answer["tolerance_s"])
    fields = {name: row[name] for name in ("group", "text", "asked_s", "asks", "age_s", "kind", "stratum")}
    return Question(**fields, answer=told, evidence=Evidence(), options=tuple(row["options"]))


def _entries(path: Path) -> list[tuple[str, int, bytes]]:
    file = McapFile(path)
    try:
        return [(file.channels[one.channel].topic, one.log_ns, one.data) for one in file.entries()]
    finally:
        file.close()
