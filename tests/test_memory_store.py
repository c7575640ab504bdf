"""The truth on disk: idempotent, refused where it is not ours, honest when the disk is full."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.clips import ClipBorders
from memory.erase import Selector
from memory.erasing import compact, erase
from memory.migrations import MIGRATIONS
from memory.room import Reserve
from memory.rows import DeadLetterRow, SessionRow, StreamRow, clip_row, record_row, vector_row
from memory.schema import APPLICATION_ID, SCHEMA_VERSION, check_sqlite
from memory.store import FILE_NAME, Store
from memory.writer import Writer
from runtime.errors import ConfigError, MissingPart, StoreCorrupt
from runtime.messages import Record, record_id
from tests.memory_records import LetterEmbedder, frame, gap, letter_vector, motion, ns, rows_of, tone, utterance

if TYPE_CHECKING:
    from collections.abc import Iterator


ALL_KINDS: tuple[Record, ...] = (
    utterance(0, 0, 1, "hello"),
    tone(0, 2, 3),
    motion(0, 0, 1),
    frame(0, 0.5),
    gap(0, 4, 5),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "memory")
    yield opened
    opened.close()


def count(store: Store, table: str) -> int:
    found: int = store.connection().execute(f"SELECT count(*) FROM {table}").get
    return found


def test_every_kind_of_record_is_kept_and_verifies(store: Store) -> None:
    keys = store.append(rows_of(ALL_KINDS))
    assert keys == [record_id(record) for record in ALL_KINDS]
    stats = store.stats()
    assert stats.records == {"frame": 1, "gap": 1, "motion": 1, "sound": 1, "utterance": 1}
    assert stats.pictures == 1
    assert store.verify() == []


def test_a_picture_comes_back_as_it_was(store: Store) -> None:
    store.append([record_row(frame(7, 1.0))])
    assert store.media("s/cam/0/frame-7") == frame(7, 1.0).payload
    assert store.media("s/cam/0/frame-8") is None


@settings(max_examples=25)
@given(st.lists(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["a", "b"])), max_size=6), max_size=6))
def test_a_key_is_taken_once_however_often_it_comes(batches: list[list[tuple[int, str]]]) -> None:
    first: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        for batch in batches:
            rows = [record_row(utterance(seq, seq, seq + 1, text)) for seq, text in batch]
            assert store.append(rows) == [row.key for row in rows]
            for row in rows:
                first.setdefault(row.key, row.text)
        kept = dict(store.connection().execute("SELECT key, text FROM record"))
        assert kept == first
        assert store.verify() == []
        store.close()


def test_a_clip_claims_its_records_and_is_taken_once(store: Store) -> None:
    records = [tone(0, 0, 1), tone(1, 1.5, 2), tone(2, 9, 10)]
    borders = ClipBorders("s", "mic", 0, "audio")
    clips = [clip for record in records for clip in borders.add(record)]
    rows = [*(clip_row(clip) for clip in clips), *rows_of(records)]  # in any order within one batch
    store.append(rows)
    store.append(rows)
    owned = store.connection().execute("SELECT record.key, clip.key FROM record LEFT JOIN clip ON clip.id = clip_id")
    assert dict(owned) == {
        "s/mic/0/sound-0": "s/mic/0/clip-0",
        "s/mic/0/sound-1": "s/mic/0/clip-0",
        "s/mic/0/sound-2": None,
    }
    assert store.stats().clips == 1
    assert store.verify() == []


def test_sessions_keep_their_earliest_start_and_streams_their_furthest_mark(store: Store) -> None:
    store.append([SessionRow("s", 50), SessionRow("s", 20), SessionRow("s", 30)])
    marks = [StreamRow("s", "mic", 0, "audio", 5, t_ns, t_ns == 9) for t_ns in (4, 9, 6)]
    store.append(marks)
    assert store.stats().sessions == {"s": 20}
    state = store.connection().execute("SELECT first_ns, watermark_ns, ended FROM stream_state").fetchall()
    assert state == [(5, 9, 1)]


def test_dead_letters_are_counted(store: Store) -> None:
    store.append([DeadLetterRow(1, "s", "heedful/v1/s/mic/utterance", "not JSON", 3, "616263")])
    assert store.stats().dead_letters == 1


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    impossible = record_row(tone(1, 1, 2))._replace(t_ns=10**30)
    with pytest.raises(OverflowError):
        store.append([record_row(tone(0, 0, 1)), impossible])
    assert count(store, "record") == 0
    assert store.append([record_row(tone(0, 0, 1))]) == ["s/mic/0/sound-0"]


def test_what_lacks_a_vector_is_named(store: Store) -> None:
    store.append([*rows_of(ALL_KINDS), letter_vector("s/mic/0/utterance-0", "hello")])
    store.append([record_row(utterance(1, 5, 6, ""))])  # nothing was understood: nothing to embed
    assert list(store.unembedded(LetterEmbedder.space)) == [("s/mic/0/sound-0", "tone at 440 Hz")]
    assert len(list(store.unembedded("text:another"))) == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0])
def test_unusable_vectors_are_refused(bad: float) -> None:
    vector = LetterEmbedder().encode(["hello"])[0] * 0 + bad
    with pytest.raises(ValueError, match="zero or not finite"):
        vector_row("s/mic/0/utterance-0", LetterEmbedder.space, vector)


def test_a_second_writer_is_refused_and_readers_are_not(store: Store) -> None:
    with pytest.raises(MissingPart, match=rf"is being written by process {os.getpid()}"):
        Store.open(store.folder)
    store.append(rows_of(ALL_KINDS))
    reader = Store.open(store.folder, writable=False)
    assert sum(reader.stats().records.values()) == len(ALL_KINDS)
    assert reader.verify() == []
    reader.close()


def test_the_next_writer_may_come_when_the_first_has_closed(store: Store) -> None:
    store.append(rows_of(ALL_KINDS))
    store.close()
    again = Store.open(store.folder)
    assert count(again, "record") == len(ALL_KINDS)
    again.close()


def test_an_old_sqlite_is_refused_with_the_reason() -> None:
    with pytest.raises(MissingPart, match=r"SQLite 3\.40\.1 can corrupt a memory; pip install 'apsw>=3\.51\.3'"):
        check_sqlite("3.40.1")
    check_sqlite("3.51.3")


def test_a_memory_of_the_first_version_is_brought_up_with_all_it_holds(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / FILE_NAME))
    db.execute(MIGRATIONS[0])
    db.pragma("application_id", APPLICATION_ID)
    db.pragma("user_version", 1)
    for key, kind in (("s/mic/0/utterance-0", "utterance"), ("s/mic/0/sound-1", "sound")):
        db.execute(
            "INSERT INTO record VALUES (NULL, ?, 's', 'mic', 0, ?, ?, 9, 5, 9, 'hello', NULL, 0.0, ?, '{}', NULL)",
            (key, int(key[-1]), kind, "scene"),
        )
    db.execute("INSERT INTO clip VALUES (NULL, 's/mic/0/clip-0', 's', 'mic', 0, 0, 'audio', 9, 5, 9, 'hello', '[]')")
    for owner in ("s/mic/0/clip-0", "s/mic/0/sound-1", "s/mic/0/sound-99"):
        db.execute("INSERT INTO vec (owner, space, vector) VALUES (?, 'letters@1', ?)", (owner, b"\x00\x3c" * 4))
    db.close()
    with pytest.raises(StoreCorrupt, match="has schema 1, not 4; `heedful memory compact` brings it up"):
        Store.open(tmp_path, writable=False)
    store = Store.open(tmp_path)
    tallies = list(store.connection().execute("SELECT * FROM tally ORDER BY kind"))
    assert tallies == [("s", "sound", 1, 9, 4), ("s", "utterance", 1, 9, 4)]
    rows = list(store.connection().execute("SELECT owner, stream, kind, start_ns, end_ns, t_ns FROM vec ORDER BY id"))
    assert rows == [(-1, "mic", "clip", 5, 9, 9), (2, "mic", "sound", 5, 9, 9)]
    assert store.stats().vectors == {"letters@1": 2}
    assert [key for key, _ in store.unembedded("letters@1")] == []
    assert [key for key, _ in store.unembedded("other@1")] == [
        "s/mic/0/utterance-0",
        "s/mic/0/sound-1",
        "s/mic/0/clip-0",
    ]
    store.close()


def test_a_newer_memory_is_refused_and_left_as_it_was(store: Store) -> None:
    store.append(rows_of(ALL_KINDS))
    store.close()
    db = apsw.Connection(str(store.path))
    db.pragma("user_version", SCHEMA_VERSION + 1)
    db.close()
    before = store.path.read_bytes()
    for writable in (True, False):
        with pytest.raises(StoreCorrupt, match=rf"newer Heedful \(schema {SCHEMA_VERSION + 1}, this one knows"):
            Store.open(store.folder, writable=writable)
    assert store.path.read_bytes() == before


def test_a_memory_in_a_folder_that_cannot_be_written_says_what_to_do(store: Store) -> None:
    store.close()
    mounted = store.folder.parent / "read-only"
    mounted.mkdir()
    if subprocess.run(
        ["mount", "--bind", "-o", "ro", store.folder, mounted], check=False, capture_output=True
    ).returncode:
        pytest.skip("a folder cannot be mounted here")
    try:
        with pytest.raises(MissingPart, match="copy the memory to where it can"):
            Store.open(mounted, writable=False)
        with pytest.raises(ConfigError, match="name a folder that can be written"):
            Store.open(mounted)
    finally:
        subprocess.run(["umount", mounted], check=True)


@pytest.mark.parametrize(
    "content", [b"This is a text file, not a database.\n" * 100, b"\x00" * 8192, b"SQLite format 3"]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreCorrupt, match="not a memory") as refusal:
        Store.open(tmp_path)
    assert "\n" not in str(refusal.value)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / FILE_NAME))
    db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreCorrupt, match="not a memory of Heedful"):
        Store.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_creation_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    store = Store.open(tmp_path)
    assert store.verify() == []
    store.close()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot hold a memory"):
        Store.open(tmp_path / "file" / "memory")
    with pytest.raises(ConfigError, match=r"holds no memory: memory\.db is not there"):
        Store.open(tmp_path / "nowhere", writable=False)


def test_damaged_pages_are_found(store: Store) -> None:
    store.append([record_row(utterance(i, i, i + 1, f"number {i} " * 20)) for i in range(500)])
    store.close()
    content = bytearray(store.path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = bytes(3 * 4096)
    store.path.write_bytes(content)
    damaged = Store.open(store.folder)
    assert damaged.verify()
    damaged.close()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE record SET text = 'goodbye' WHERE kind = 'utterance'", "full text contradicts the records"),
        ("UPDATE record SET seq = 9 WHERE kind = 'motion'", "record s/cam/0/motion-0: is not what was stored"),
        ("UPDATE record SET data = '{' WHERE kind = 'gap'", "record s/mic/0/gap-0: its message is not JSON"),
        ("UPDATE record SET clip_id = 77 WHERE kind = 'gap'", "record s/mic/0/gap-0 names a clip that is not there"),
        ("UPDATE media SET jpeg = x'00'", "is not a JPEG"),
        ("UPDATE media SET jpeg = x'ffd800'", "the picture of record 4 is not what was stored"),
        ("UPDATE vec SET owner = 77", "vector 1 belongs to nothing that is there"),
        ("UPDATE vec SET vector = x'007c'", "vector 1 is not finite"),
        ("UPDATE vec SET vector = x'0000'", "has not its width"),
        ("UPDATE tally SET records = 9 WHERE kind = 'gap'", "the records of session s are not as many as tallied"),
        ("DELETE FROM tally", "the records of session s are not as many as tallied"),
        (
            "INSERT INTO clip VALUES (1, 'c', 's', 'mic', 0, 0, 'audio', 0, 0, 0, '', '[\"x\"]')",
            "clip c names a record",
        ),
    ],
)
def test_what_contradicts_is_found(store: Store, damage: str, problem: str) -> None:
    store.append([*rows_of(ALL_KINDS), letter_vector("s/mic/0/utterance-0", "hello")])
    assert store.verify() == []
    store.connection().execute(damage)
    assert any(problem in line for line in store.verify()), store.verify()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE tally SET records = 9 WHERE kind = 'gap'",
        "DELETE FROM record_fts_docsize WHERE id = 1",
        "INSERT INTO record_fts (record_fts) VALUES ('delete-all')",
        "UPDATE record_fts_data SET block = x'00' WHERE id > 10",
    ],
)
def test_compacting_makes_anew_what_contradicts_the_records(store: Store, damage: str) -> None:
    store.append(rows_of(ALL_KINDS))
    compact(store)
    assert store.mend() == []
    store.connection().execute(damage)
    assert any("full text" in line or "tallied" in line for line in store.verify()), store.verify()
    compact(store)
    assert store.verify() == []
    query = "SELECT key FROM record JOIN record_fts ON record_fts.rowid = id WHERE record_fts MATCH 'hello'"
    assert store.connection().execute(query).get == "s/mic/0/utterance-0"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "none", disk], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"mounting a small disk is not allowed here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_loses_nothing_that_was_stored(small_disk: Path) -> None:
    store = Store.open(small_disk / "memory")
    stored: list[str] = []
    with contextlib.suppress(MissingPart):
        for i in range(1_000):
            stored += store.append([record_row(replace(frame(i, i), payload=b"\xff\xd8" + bytes(20_000)))])
    with pytest.raises(MissingPart, match="the disk is full"):
        store.append([record_row(replace(frame(5_000, 5_000), payload=b"\xff\xd8" + bytes(500_000)))])
    kept = [key for (key,) in store.connection().execute("SELECT key FROM record ORDER BY id")]
    assert 20 < len(stored) < 1_000
    assert kept == stored
    assert store.verify() == []
    store.close()
    last = record_row(frame(6_000, 6_000))
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    again = Store.open(small_disk / "memory")
    assert again.append([last]) == [last.key]
    assert again.stats().records == {"frame": len(stored) + 1}
    again.close()


def test_times_before_1970_and_far_ahead_are_kept(store: Store) -> None:
    store.append([record_row(utterance(i, t_s, t_s + 1, "then")) for i, t_s in enumerate((-1e9, 4e9))])
    ends = [t for (t,) in store.connection().execute("SELECT end_ns FROM record ORDER BY id")]
    assert ends == [ns(-1e9 + 1), ns(4e9 + 1)]


def fill(folder: Path) -> Path:
    """Write a file until the disk has no room."""
    path = folder / "other"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return path


def test_times_as_far_apart_as_64_bits_allow_are_kept_and_counted(store: Store) -> None:
    first, last = -(2**63) + ns(120), 2**63 - 1  # roll-ups need room for a minute
    rows = [record_row(tone(number, 0, 1)) for number in range(3)]
    spans = ((first, last), (first, first), (last, last))
    store.append([row._replace(start_ns=a, end_ns=b, t_ns=b) for row, (a, b) in zip(rows, spans, strict=True)])
    assert store.verify() == []
    assert list(store.connection().execute("SELECT records, latest_ns, longest_ns FROM tally")) == [(3, last, last)]


def test_a_full_disk_leaves_room_for_what_is_under_way_and_for_nothing_else(small_disk: Path) -> None:
    folder = small_disk / "memory"
    writer = Writer(Store.open(folder), reserve=Reserve(folder))
    Reserve(folder).fill()
    other = fill(small_disk)
    rows = [record_row(replace(frame(0, 0), payload=b"\xff\xd8" + bytes(30_000)))]
    assert writer.submit(rows).result(9) == [rows[0].key]
    assert Reserve(folder).size_bytes == 0
    with pytest.raises(queue.Full):
        writer.submit(rows)
    assert writer.call(lambda store: store.stats().pictures).result(9) == 1
    other.unlink()
    writer.hold(False)
    assert writer.submit([record_row(frame(1, 1))]).result(9)
    assert writer.close(9)


def test_a_full_disk_can_be_erased_from(small_disk: Path) -> None:
    folder = small_disk / "memory"
    store = Store.open(folder)
    store.append([record_row(replace(frame(seq, seq), payload=b"\xff\xd8" + bytes(9_000))) for seq in range(50)])
    store.flush()
    Reserve(folder).fill()
    fill(small_disk)
    with pytest.raises(MissingPart, match="the disk is full"):
        store.append([record_row(replace(frame(99, 99), payload=b"\xff\xd8" + bytes(90_000)))])
    receipt = erase(store, Selector(session="s"))
    assert (receipt.erased.pictures, receipt.left) == (50, {})
    assert store.verify() == []
    store.close()


def test_an_id_that_comes_again_with_other_content_stays_and_is_told_of(store: Store) -> None:
    first = record_row(utterance(0, 0, 1, "yes"))
    store.append([first, record_row(utterance(0, 0, 1, "yes"))])
    assert store.stats().dead_letters == 0
    store.append([record_row(utterance(0, 0, 1, "no")), record_row(utterance(1, 2, 3, "new"))])
    assert [text for (text,) in store.connection().execute("SELECT text FROM record ORDER BY id")] == ["yes", "new"]
    letters = store.connection().execute("SELECT session, topic, reason FROM dead_letter").fetchall()
    assert letters == [("s", "heedful/v1/s/mic/utterance", f"came again with other content: {first.key}")]
