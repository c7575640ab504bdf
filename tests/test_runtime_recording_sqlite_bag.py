"""Files of rosbag2 in SQLite: as rosbags reads them, and past cuts and damage; never written to."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from rosbags.rosbag2 import Reader as Reader2

from runtime.recording.bags import open_container
from tests.bags import Line, S, db3, execute, lines, read, write_bag2

WHOLE = lines(50, 3)


def test_a_bag_of_ros_2_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    path = write_bag2(tmp_path / "a", WHOLE)
    with Reader2(path) as reader:
        theirs = [Line(t_ns, one.topic, data) for one, t_ns, data in reader.messages()]
    assert read(path)[0] == theirs


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9])
def test_a_cut_file_of_sqlite_gives_what_can_be_reached(tmp_path: Path, part: float) -> None:
    whole = lines(2_000, 3, size_bytes=400)
    path = db3(write_bag2(tmp_path / "a", whole))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    found, faults = read(path)
    assert found == whole[: len(found)]
    assert len(found) > part * 1_600
    assert faults[0] == f"breaks off at byte {int(len(data) * part)}"


def test_a_damaged_message_of_sqlite_is_left_out_and_told_of(tmp_path: Path) -> None:
    whole = lines(50, 3, size_bytes=20_000)  # each on pages of its own
    path = db3(write_bag2(tmp_path / "a", whole))
    execute(path, "UPDATE messages SET data = 'no bytes' WHERE id = 7")
    found, faults = read(path)
    assert found == whole[:6] + whole[7:]
    assert faults == ["holds damaged messages, which were left out"]


def test_messages_without_an_index_of_times_are_read_alike(tmp_path: Path) -> None:
    mixed = sorted(WHOLE, key=lambda one: (one.log_ns * 7919) % 1_300_000_001)
    path = db3(write_bag2(tmp_path / "a", mixed))
    execute(path, "DROP INDEX timestamp_idx")
    assert read(path) == (WHOLE, [])


@pytest.mark.parametrize("is_indexed", [True, False])
def test_hours_without_messages_are_seen(tmp_path: Path, *, is_indexed: bool) -> None:
    night = [Line(one.log_ns + 40_000 * S, one.topic, one.data) for one in WHOLE]
    path = db3(write_bag2(tmp_path / "a", [*WHOLE, *night]))
    if not is_indexed:
        execute(path, "DROP INDEX timestamp_idx")
    with closing(open_container(path)) as container:
        assert container.spans == [
            (WHOLE[0].log_ns, WHOLE[-1].log_ns),
            (night[0].log_ns, night[-1].log_ns),
        ]


def test_nothing_is_written_beside_a_file_of_sqlite(tmp_path: Path) -> None:
    path = db3(write_bag2(tmp_path / "a", WHOLE))
    execute(path, "PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    there = sorted(path.parent.iterdir())
    assert read(path) == (WHOLE, [])
    assert sorted(path.parent.iterdir()) == there
    assert path.read_bytes() == before


def test_what_a_killed_recorder_left_in_its_journal_is_read(tmp_path: Path) -> None:
    folder = write_bag2(tmp_path / "a", WHOLE[:-1])
    path = db3(folder)
    with closing(apsw.Connection(str(path))) as recorder:
        recorder.execute("PRAGMA journal_mode = WAL")
        one = WHOLE[-1]
        (topic,) = (recorder.execute("SELECT id FROM topics WHERE name = ?", (one.topic,)).get,)
        recorder.execute(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", (topic, one.log_ns, one.data)
        )
        copy = tmp_path / "copy.db3"
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    assert read(copy) == (WHOLE, [])
