"""The verb `diff`: readable in 100 columns, exact as JSON Lines, an exit code for machines."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from runtime.apps import cli
from runtime.apps.diff import FieldChange, compare
from runtime.apps.diff_text import COLUMNS, SHOWN, as_json, as_text
from runtime.apps.diff_words import in_words, shortened
from runtime.apps.run_file import Run, as_said
from runtime.messages import Message
from tests.runs import SESSION, a_session, answered, moved, spoken, write_run


def run_of(messages: list[Message], name: str = "run.mcap") -> Run:
    return Run(path=Path(name), session=SESSION, said=tuple(map(as_said, messages)), source="live")


def text_of(before: list[Message], after: list[Message]) -> str:
    return as_text(compare(run_of(before, "a.mcap"), run_of(after, "b.mcap")))


def test_the_same_is_one_word() -> None:
    lines = text_of(a_session(), a_session()).splitlines()
    assert lines[:3] == [f"A  a.mcap: live {SESSION}", f"B  b.mcap: live {SESSION}", "same"]
    assert "latency, B over A" in lines


def test_the_summary_counts_and_the_lines_below_tell() -> None:
    before: list[Message] = [moved(0, 12.3, 14.0), spoken(0, 15.0, 16.0, "the red cup"), spoken(1, 30.0, 31.0, "over")]
    after: list[Message] = [moved(0, 12.34, 14.0, 0.2), spoken(0, 15.0, 16.0, "the red cap"), moved(1, 65.0, 66.5)]
    assert text_of(before, after).splitlines()[2:] == [
        "motion 1 changed, 1 new; utterance 1 changed, 1 gone",
        "",
        "motion",
        "  ~  0:12.3 cam  start +40 ms, area: 0.1 -> 0.2",
        "  +  1:05.0 cam  area 0.100, 1.50 s",
        "",
        "utterance",
        '  ~  0:15.0 mic  text: "the red cup" -> "the red cap"',
        '  -  0:30.0 mic  "over"',
    ]


def test_of_many_changes_the_first_are_shown_and_the_rest_is_counted() -> None:
    lines = text_of([spoken(seq, seq, seq + 0.5, str(seq)) for seq in range(SHOWN + 7)], [moved(0, 0, 1)]).splitlines()
    assert lines[-1] == "  and 7 more"
    assert sum(line.startswith("  - ") for line in lines) == SHOWN


def test_no_line_is_wider_than_a_terminal_and_nothing_steers_it() -> None:
    long = "word " * 300
    before: list[Message] = [answered("q", 1.0, f"What {long}?", long), spoken(0, 1.0, 2.0, "\x1b[31mred\x07 " + long)]
    after: list[Message] = [answered("q", 1.0, f"What {long}?", long + "!"), spoken(1, 1.0, 2.0, "x" * 300)]
    text = text_of(before, after)
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("start_ns", 1_000_000_000, 960_000_000, "start -40 ms"),
        ("end_ns", 0, 2_500_000_000, "end +2.50 s"),
        ("t_ns", 5, 8, "t +3 ns"),
        ("payload", "ab", "cd", "the picture differs"),
        ("area", 0.25, 0.5, "area: 0.25 -> 0.5"),
        ("area", 0.1234567891, 0.1234567892, "area: 0.1234567891 -> 0.1234567892"),
        ("box", None, [0.1], "box: none -> [0.1]"),
        ("boxes", [[0.1]], [[0.1], [0.2]], "boxes: 1 -> 2"),
        ("boxes", [[0.1], [0.2]], [[0.1], [0.3]], "boxes: 1 of 2 differ"),
        ("blind", ["cam"], ["mic"], "blind: -cam +mic"),
        ("blind", ["cam", "mic"], ["mic", "cam"], "blind: in another order"),
        ("record_ids", list("abcde"), ["e"], "record_ids: -a -b -c and 1 more"),
        ("lmm_fps", 1, "not said", "lmm_fps: 1 -> not said"),
        ("hits", [{"text": "a", "score": 1.0}], [{"text": "a", "score": 0.5}], "hits: 1 of 1 differ (score: 1 -> 0.5)"),
        ("text", "a  b", "a b", "text: 'a  b' -> 'a b'"),
        ("text", "it", "it is", 'text: "it" -> "it is"'),
        ("text", "x" * 90 + "1", "x" * 90 + "2", f'text: "...{"x" * 12}1" -> "...{"x" * 12}2"'),
    ],
)  # fmt: skip
def test_a_field_in_words(name: str, before: object, after: object, words: str) -> None:
    assert in_words(FieldChange(name=name, before=before, after=after)) == words


def test_a_text_is_shortened_to_one_line() -> None:
    assert shortened("one\n two") == "one two"
    assert len(shortened("x" * 1000)) < 50


def test_json_lines_tell_each_change_and_sum_up() -> None:
    before, after = a_session(), a_session()
    after[2] = spoken(0, 1.0, 2.0, "good evening")
    after.append(moved(1, 20.0, 21.0))
    *changes, last = [json.loads(line) for line in as_json(compare(run_of(before), run_of(after)))]
    assert [(one["type"], one["what"], one["kind"]) for one in changes[:2]] == [
        ("change", "new", "motion"),
        ("change", "changed", "utterance"),
    ]
    assert changes[0]["message"]["area"] == 0.1
    assert (changes[1]["at_s"], changes[1]["fields"]) == (1.0, {"text": ["good morning", "good evening"]})
    assert changes[2] == {
        "type": "latency",
        "of": "answer",
        "name": "What was said?",
        "before_ms": 4.0,
        "after_ms": 4.0,
        "ratio": 1.0,
    }
    assert (last["type"], last["same"]) == ("diff", False)
    assert last["counts"] == {
        "motion": {"changed": 0, "gone": 0, "new": 1},
        "utterance": {"changed": 1, "gone": 0, "new": 0},
    }


def test_a_file_whose_name_is_no_utf_8_is_named_all_the_same() -> None:
    odd = run_of(a_session(), "a\udcff.mcap")
    odd = dataclasses.replace(odd, faults=("a\udcff.mcap is damaged",))
    found = compare(odd, odd)
    as_text(found).encode()
    for line in as_json(found):
        line.encode()
    assert "a\N{REPLACEMENT CHARACTER}.mcap" in as_text(found)


def test_the_exit_code_says_whether_they_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(write_run(tmp_path / "one.mcap", a_session(), source="replay"))
    other = str(write_run(tmp_path / "other.mcap", a_session()[1:], source="replay"))
    page = tmp_path / "page.html"
    assert cli.run(["diff", one, one]) == 0
    assert "same" in capsys.readouterr().out
    assert cli.run(["diff", one, other, "--json", "--html", str(page)]) == 4
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["counts"] == {"frame": {"changed": 0, "gone": 1, "new": 0}}
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_is_written_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_run(tmp_path / "one.mcap", a_session())
    before = one.read_bytes()
    for there in (one, tmp_path):
        assert cli.run(["diff", str(one), str(tmp_path / "none.mcap"), "--html", str(there)]) == 2  # before it reads
        assert capsys.readouterr().err == f"heedful: --html: {there} is there already; name a new file\n"
    assert cli.run(["bench", "digest", "--data", str(tmp_path), "--html", str(one)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert one.read_bytes() == before


def test_a_digest_that_is_the_same_is_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(write_run(tmp_path / "one.mcap", a_session(), source="replay", digest="as noted"))
    less = str(write_run(tmp_path / "less.mcap", a_session()[:-1], source="replay", digest="as noted"))
    assert cli.run(["diff", one, one]) == 0
    assert capsys.readouterr().out.splitlines()[2:4] == ["same", "their digests are the same"]
    assert cli.run(["diff", one, less]) == 4
    assert "digest" not in capsys.readouterr().out


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(write_run(tmp_path / "one.mcap", a_session()))
    text = tmp_path / "notes.txt"
    text.write_text("hello", encoding="utf-8")
    for arguments in (
        [one, str(text)],
        [str(tmp_path / "none"), one],
        [one, one, "--html", str(tmp_path / "no" / "x")],
    ):
        assert cli.run(["diff", *arguments]) == 2
        said = capsys.readouterr()
        assert len(said.err.splitlines()) == 1
        assert said.out == ""


def test_answers_that_took_longer_come_first() -> None:
    slow = [dataclasses.replace(one, latency_ms={"a": (1.0, 1.0), "b": (1.0, 9.0)}) for one in (run_of([]), run_of([]))]
    slow[1] = dataclasses.replace(slow[1], latency_ms={"a": (1.0, 2.0), "b": (3.0, 9.0)})
    lines = as_text(compare(*slow)).splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["3.00", "2.00", "1.00", "1.00"]
