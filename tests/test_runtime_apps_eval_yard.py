"""The yard's suite from end to end on a small world: the oracle is right, and who never answers abstains."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from perception.yard.settings import seed_of
from runtime.apps import cli
from runtime.apps.eval_yard import run_yard
from runtime.apps.yard_pictures import pictures
from runtime.apps.yard_recording import truths_in
from runtime.apps.yard_replies import Reply, Row, Shown
from runtime.apps.yard_text import as_text
from runtime.apps.yard_worlds import asked_of, path_of, settings_of
from runtime.config import Config

CONFIG = Config.model_validate({"broker": "local", "perception": {"asr": "none"}})
LENGTH_S = 6.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SAID = '<script>alert("red")</script>'


@dataclass(frozen=True, kw_only=True)
class Run:
    out: Path
    lines: list[dict[str, Any]]

    def of(self, measure: str, whose: str, on: str = "all") -> dict[str, Any]:
        [line] = [one for one in self.lines[:-1] if (one["measure"], one["of"], one["on"]) == (measure, whose, on)]
        return line


def run(out: Path | None, count: int = 1) -> list[dict[str, Any]]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert asyncio.run(run_yard(CONFIG, out, count=count, length_s=LENGTH_S, as_json=True)) == 0
    return [json.loads(line) for line in said.getvalue().splitlines()]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("yard") / "out"
    return Run(out=out, lines=run(out))


def test_who_reads_the_truth_is_right_everywhere(measured: Run) -> None:
    assert measured.of("accuracy", "oracle")["n"] > 5
    assert measured.of("accuracy", "oracle")["accuracy"] == 1.0
    assert measured.of("polls", "oracle")["accuracy"] == 1.0
    assert measured.of("pairs", "oracle")["accuracy"] in (1.0, None)
    known = measured.of("abstention", "oracle")
    assert known["abstained"] == known["due"]


def test_who_never_answers_is_never_right_and_misses_nothing_unknowable(measured: Run) -> None:
    assert measured.of("accuracy", "abstain")["accuracy"] == 0.0
    abstained = measured.of("abstention", "abstain")
    assert abstained["abstained"] == abstained["n"]
    assert abstained["recall"] == (1.0 if abstained["due"] else None)


def test_everybody_was_asked_the_same(measured: Run) -> None:
    counts = {one["of"]: one["n"] for one in measured.lines if one.get("measure") == "accuracy" and one["on"] == "all"}
    assert set(counts) == {"backend", "window", "majority", "wording", "blind", "abstain", "oracle"}
    assert len(set(counts.values())) == 1


def test_the_last_row_is_the_result(measured: Run) -> None:
    result = measured.lines[-1]
    assert (result["type"], result["suite"], result["backend"]) == ("result", "yard", "evidence")
    assert result["n"] == measured.of("accuracy", "backend")["n"]
    names = ("accuracy", "recent_accuracy", "memory_accuracy", "blind_accuracy", "abstain_precision", "abstain_recall")
    assert all(name in result for name in names)
    assert result["blind_accuracy"] == measured.of("accuracy", "blind")["accuracy"]


def test_the_same_worlds_give_the_same_numbers_from_files_that_are_there(measured: Run) -> None:
    worlds = measured.out / "worlds"
    before = {path.name: path.stat().st_mtime_ns for path in worlds.iterdir()}
    again = run(measured.out)
    assert {path.name: path.stat().st_mtime_ns for path in worlds.iterdir()} == before
    assert again[:-1] == measured.lines[:-1]
    assert {**again[-1], "took_s": 0} == {**measured.lines[-1], "took_s": 0}


def test_the_page_stands_alone(measured: Run) -> None:
    content = (measured.out / "report.html").read_text(encoding="utf-8")
    assert content.count("<svg") > 10
    assert 'href="data:image/jpeg;base64,' in content
    assert not re.search(r'(?:src|href)="(?!data:)', content)
    rows = json.loads((measured.out / "results.json").read_text())["rows"]
    assert {row["of"] for row in rows} >= {"backend", "oracle"}


def test_what_was_said_is_escaped_beside_its_picture(measured: Run) -> None:
    row = _row_with_a_place(measured.out)
    shown = "".join(pictures([row], {0: path_of(measured.out / "worlds", settings_of("test", LENGTH_S), 0)}))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert 'class="box new"' in shown
    assert 'class="box second"' in shown


def test_as_text_it_names_what_there_is_none_of(measured: Run) -> None:
    shown = as_text(measured.lines[:-1])
    assert "oracle" in shown
    assert re.search(r"^minutes +0 +- +-", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--worlds", "0"), "--worlds: '0' is no whole number from 1 to 10000"),
        (("--length", "soon"), "--length: 'soon' is no number from 2 to 7200"),
    ],
)
def test_what_is_out_of_range_is_named(
    arguments: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["eval", "yard", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_the_page_shows_what_the_lines_say(measured: Run) -> None:
    content = (measured.out / "report.html").read_text(encoding="utf-8")
    for one in measured.lines[:-1]:
        if one["measure"] == "difference":
            bounds = " to ".join(f"{100 * one[name]:.1f}" for name in ("low", "high"))
            assert f"<title>{100 * one['value']:.1f} points, {bounds}</title>" in content
    for name in ("Difference", "Risk over coverage", "Polls of the backend", "Hallucinations", "Hits", "Misses"):
        assert f"<h2>{name} <small>" in content
    polls = {one["on"]: one for one in measured.lines[:-1] if one["measure"] == "polls" and one["of"] == "oracle"}
    assert {"random", "popular", "adversarial", "stale", "future", "swap", "count", "order", "time"} < set(polls)


@pytest.mark.browser
def test_no_column_of_the_page_is_too_narrow_for_its_words(measured: Run, tmp_path: Path) -> None:
    """A browser lays the page out; a script that is in a copy only says which first cells of tables take two lines."""
    content = (measured.out / "report.html").read_text(encoding="utf-8")
    script = (
        "<script>document.title=[...document.querySelectorAll('td:first-child,.lane>span:first-child')]"
        ".filter(one=>one.getClientRects().length&&one.clientHeight>45).map(one=>one.textContent).join('|')||'none'</script>"
    )
    copy = tmp_path / "page.html"
    copy.write_text(re.sub(r"<meta http-equiv[^>]*>", "", content).replace("</body>", f"{script}</body>"))
    browser = next(path for name in BROWSERS if (path := shutil.which(name)))
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=420,900",
        "--dump-dom",
        f"file://{copy}",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "<title>none</title>" in shown


def _row_with_a_place(out: Path) -> Row:
    settings = settings_of("test", LENGTH_S)
    asked = asked_of(truths_in(path_of(out / "worlds", settings, 0)), settings, seed_of("test", 0))
    one = next(one for one in asked if one.question.evidence.boxes)
    at_s = one.question.evidence.boxes[0][0]
    reply = Reply(text=SAID, evidence=(Shown(start_s=at_s, end_s=at_s, box=(0.1, 0.1, 0.3, 0.3)),))
    question = replace(one.question, text=SAID)
    return Row(world=0, id=one.id, purpose=one.purpose, question=question, reply=reply, verdict="wrong")
