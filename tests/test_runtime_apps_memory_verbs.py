"""`heedful memory`: what is there, what is found, and whether it is sound, also of damaged files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apsw
import pytest

from memory.rows import SessionRow, record_row
from memory.store import FILE_NAME, Store
from runtime.apps import cli
from runtime.messages import Record
from tests.memory_records import tone, utterance


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory of two sessions."""
    folder = tmp_path_factory.mktemp("memory")
    store = Store.open(folder)
    records: list[Record] = [
        utterance(1, 1, 2, "a cup of coffee please", session="monday"),
        utterance(2, 3, 4, "we travel to london", session="monday"),
        tone(1, 5, 6, session="monday"),
        utterance(1, 1, 2, "no coffee today", session="tuesday"),
    ]
    store.append([SessionRow("monday", 0), SessionRow("tuesday", 0), *(record_row(one) for one in records)])
    store.close()
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    shown = capsys.readouterr()
    assert shown.err == ""
    return [json.loads(line) for line in shown.out.splitlines()]


def test_stats_count_what_is_there(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "stats", str(kept), "--json"]) == 0
    (found,) = lines(capsys)
    assert found["type"] == "stats"
    assert found["records"] == {"sound": 1, "utterance": 3}
    assert found["sessions"] == {"monday": 0, "tuesday": 0}
    assert cli.run(["memory", "stats", str(kept)]) == 0
    assert "3 utterance" in capsys.readouterr().out


def test_search_finds_words_in_every_session(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "search", str(kept), "coffee", "--json"]) == 0
    hits = lines(capsys)
    assert {(hit["session"], hit["text"]) for hit in hits} == {
        ("monday", "a cup of coffee please"),
        ("tuesday", "no coffee today"),
    }
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert cli.run(["memory", "search", str(kept), "coffee", "-k", "1"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["zebra", '"unclosed', "AND OR NOT", "* ( ) ^ : -", "coffee NEAR/", "\x00", "מה", "x" * 100_000]
)
def test_search_takes_any_text(text: str, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "search", str(kept), text, "--json"]) == 0
    assert len(lines(capsys)) <= 4
    assert cli.run(["memory", "search", str(kept), text, "-k", "1000"]) == 0
    assert capsys.readouterr().err == ""


def test_verify_calls_a_whole_memory_intact(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "verify", str(kept)]) == 0
    assert capsys.readouterr().out == "intact: 4 records\n"
    assert cli.run(["memory", "verify", str(kept), "--json"]) == 0
    assert lines(capsys) == [{"type": "verify", "records": 4, "problems": []}]


def test_verify_names_what_contradicts(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE_NAME).write_bytes((kept / FILE_NAME).read_bytes())
    db = apsw.Connection(str(tmp_path / FILE_NAME))
    db.execute("UPDATE record SET seq = 7 WHERE key LIKE 'tuesday%'")
    db.close()
    assert cli.run(["memory", "verify", str(tmp_path)]) == 1
    assert "its columns contradict its message" in capsys.readouterr().out


@pytest.mark.parametrize("place", range(1, 16, 2))
def test_a_damaged_page_is_one_line_for_every_verb(
    place: int, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray((kept / FILE_NAME).read_bytes())
    data[place * 4096 : place * 4096 + 2000] = b"\xa5" * 2000
    (tmp_path / FILE_NAME).write_bytes(data)
    code = cli.run(["memory", "verify", str(tmp_path)])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert code == 1
    assert shown.out or shown.err.startswith("heedful: ")
    for arguments in (["stats", str(tmp_path)], ["search", str(tmp_path), "coffee"]):
        assert cli.run(["memory", *arguments]) in (0, 1)
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("action", ["stats", "search", "verify"])
def test_looking_into_what_is_no_memory_leaves_nothing_behind(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere", Path("/etc/passwd")):
        assert cli.run(["memory", action, str(folder), "words"]) == 2
        assert capsys.readouterr().err == f"heedful: {folder}: holds no memory: {FILE_NAME} is not there\n"
    assert list((tmp_path / "empty").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
