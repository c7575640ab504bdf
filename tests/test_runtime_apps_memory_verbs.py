"""`heedful memory`: what is there, what is found, and whether it is sound, also of damaged files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from memory.rows import SessionRow, record_row, vector_row
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


def test_search_shows_what_was_before_and_after(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "search", str(kept), "cup of coffee", "-k", "1", "--json"]) == 0
    (hit,) = lines(capsys)
    assert cli.run(["memory", "search", str(kept), "cup of coffee", "-k", "1", "--neighbours", "1", "--json"]) == 0
    first, *beside = lines(capsys)
    assert first == hit
    assert {one["type"] for one in beside} == {"neighbour"}
    assert {one["session"] for one in beside} == {"monday"}
    assert cli.run(["memory", "search", str(kept), "zebra"]) == 0
    assert "nothing relevant among 4 records" in capsys.readouterr().out


def test_search_by_example_finds_what_is_like_it_in_its_session(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(copied)
    keys = {"monday": ((1, (1, 0)), (2, (0.8, 0.6))), "tuesday": ((1, (1, 0)),)}
    for session, some in keys.items():
        for seq, values in some:
            store.append([vector_row(f"{session}/mic/0/utterance-{seq}", "look@1", np.array(values, np.float32))])
    store.close()
    arguments = ["memory", "search", str(copied), "--like"]
    assert cli.run([*arguments, "monday/mic/0/utterance-1", "--json"]) == 0
    (hit,) = lines(capsys)
    assert (hit["session"], hit["text"], hit["score"]) == (
        "monday",
        "we travel to london",
        pytest.approx(0.8, abs=1e-3),
    )
    assert cli.run([*arguments, "monday/mic/0/sound-1"]) == 0
    assert "monday/mic/0/sound-1 has no search key" in capsys.readouterr().out
    assert cli.run([*arguments, "tuesday/mic/0/utterance-1"]) == 0
    assert "nothing else is like it" in capsys.readouterr().out
    assert cli.run([*arguments, "monday/mic/0/sound-7"]) == 2
    assert "--like: 'monday/mic/0/sound-7' is no record or clip of this memory" in capsys.readouterr().err
    assert cli.run(arguments[:-1]) == 2
    assert "TEXT: what to search for is missing; give words, or --like ID" in capsys.readouterr().err


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
    assert "record tuesday/mic/0/utterance-1: is not what was stored" in capsys.readouterr().out


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


@pytest.mark.parametrize("action", ["stats", "search", "verify", "erase", "export", "compact"])
def test_looking_into_what_is_no_memory_leaves_nothing_behind(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere", Path("/etc/passwd")):
        words = {"search": ["words"], "erase": ["--text", "words", "--yes"], "export": [str(tmp_path / "out")]}
        assert cli.run(["memory", action, str(folder), *words.get(action, [])]) == 2
        assert capsys.readouterr().err == f"heedful: {folder}: holds no memory: {FILE_NAME} is not there\n"
    assert list((tmp_path / "empty").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    """A memory that may be changed."""
    return Path(shutil.copytree(kept, tmp_path / "memory"))


def test_erase_says_what_would_go_and_erases_only_when_sure(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["memory", "erase", str(copied), "--text", "coffee"]
    assert cli.run(arguments) == 0
    shown = capsys.readouterr().out
    assert "a cup of coffee please" in shown
    assert shown.endswith("would erase 2 records and 0 pictures; with --yes it is done, and cannot be undone\n")
    assert cli.run([*arguments, "--session", "monday", "--yes", "--json"]) == 0
    (found,) = lines(capsys)
    assert (found["records"], found["dry_run"], found["left"]) == (1, False, {})
    assert found["looked_for"] == 2
    assert cli.run(["memory", "search", str(copied), "coffee"]) == 0
    shown = capsys.readouterr().out
    assert "no coffee today" in shown
    assert "please" not in shown
    assert cli.run(["memory", "verify", str(copied)]) == 0


def test_erase_counts_seconds_from_the_start_of_a_session(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["memory", "erase", str(copied), "--from", "2.5", "--to", "4.5", "--json"]
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err.endswith("from the start of a session: name it with --session\n")
    assert cli.run([*arguments, "--session", "monday"]) == 0
    (found,) = lines(capsys)
    assert found["records"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "erase: names nothing"),
        (["--text", "?!"], "--text: has no word in it"),
        (["--from", "noon"], "--from: 'noon' is neither"),
        (["--to", "nan"], "--to: 'nan' is neither"),
        (["--session", "monday", "--from", "6", "--to", "5"], "ends before it begins"),
    ],
)
def test_erase_refuses_what_names_nothing(
    options: list[str], says: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["memory", "erase", str(copied), *options, "--yes"]) == 2
    assert says in capsys.readouterr().err


def test_export_and_import_move_a_memory(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "export", str(copied), str(tmp_path / "out"), "--json"]) == 0
    (found,) = lines(capsys)
    assert found["counts"]["records"] == 4
    assert cli.run(["memory", "import", str(tmp_path / "new"), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "new here: 4 of 4 records; all else was here already, or was erased\n"
    assert cli.run(["memory", "search", str(tmp_path / "new"), "coffee", "--json"]) == 0
    assert len(lines(capsys)) == 2
    assert cli.run(["memory", "export", str(copied), str(tmp_path / "two"), "--session", "sunday"]) == 2
    assert "'sunday' is not in this memory" in capsys.readouterr().err
    (tmp_path / "out" / "records.jsonl").write_text("")
    assert cli.run(["memory", "import", str(tmp_path / "new"), str(tmp_path / "out")]) == 2
    assert "its sha256 is another" in capsys.readouterr().err


def test_erase_says_so_where_nothing_is_named(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["memory", "erase", str(copied), "--session", "mondya"]
    for words, is_sure in (("would erase", []), ("erased", ["--yes"])):
        assert cli.run([*arguments, *is_sure]) == 0
        shown = capsys.readouterr().out
        assert shown == f"{words} 0 records and 0 pictures: no record here is named by that\n"


def test_import_of_what_is_no_export_leaves_nothing_behind(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["memory", "import", str(tmp_path / "new"), str(tmp_path / "nowhere")]) == 2
    assert "an export writes it last" in capsys.readouterr().err
    assert cli.run(["memory", "export", str(copied), str(tmp_path / "out")]) == 0
    before = sorted((tmp_path / "out").iterdir())
    assert cli.run(["memory", "import", str(tmp_path / "out"), str(tmp_path / "out")]) == 2
    assert "holds an export; name the folder of a memory" in capsys.readouterr().err
    assert sorted((tmp_path / "out").iterdir()) == before
    (tmp_path / "out" / "records.jsonl").write_text("")
    assert cli.run(["memory", "import", str(tmp_path / "new"), str(tmp_path / "out")]) == 2
    assert not (tmp_path / "new").exists()


def test_an_export_of_a_damaged_memory_has_all_of_it_and_says_so(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = apsw.Connection(str(copied / FILE_NAME))
    db.execute("UPDATE record SET level = 7 WHERE key = 'tuesday/mic/0/utterance-1'")
    db.close()
    assert cli.run(["memory", "export", str(copied), str(tmp_path / "monday"), "--session", "monday"]) == 0
    capsys.readouterr()
    assert cli.run(["memory", "export", str(copied), str(tmp_path / "out")]) == 1
    shown = capsys.readouterr().out
    assert "4 records" in shown
    assert "1 damaged record" in shown
    assert "`heedful memory verify` names it" in shown
    assert cli.run(["memory", "import", str(tmp_path / "new"), str(tmp_path / "out")]) == 0


def test_an_export_into_the_memory_itself_is_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name for path in copied.iterdir()}
    for inside in (copied, copied / "out", copied / "index", copied / ".." / "memory" / "out"):
        assert cli.run(["memory", "export", str(copied), str(inside)]) == 2
        assert capsys.readouterr().err == f"heedful: {inside}: lies in the memory itself; name a folder elsewhere\n"
    assert {path.name for path in copied.iterdir()} - before <= {f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}


def test_compact_tells_what_it_saved(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["memory", "compact", str(copied), "--json"]) == 0
    (found,) = lines(capsys)
    assert found["after_bytes"] <= found["before_bytes"]
    assert cli.run(["memory", "verify", str(copied)]) == 0
