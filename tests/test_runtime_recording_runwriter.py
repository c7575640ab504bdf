"""A run's file: checked before anything begins, whole where the run breaks off, none where it never began."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.recording.runreader import RunReader
from runtime.recording.runwriter import RunWriter
from tests.fakes import motion
from tests.recorded import library_rows, our_rows

LIMITED = """
import os, resource, signal, sys
from pathlib import Path
from runtime.errors import MissingPart
from runtime.recording.runwriter import RunWriter
from runtime.messages import Frame
from tests.fakes import example
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
writer = RunWriter(Path(sys.argv[1]), "{}", "replay")
try:
    while True:
        writer.add(example(Frame, payload=os.urandom(50_000)))
except MissingPart as error:
    print(error)
print(writer.break_off())
"""


def test_where_it_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        RunWriter(tmp_path / "nowhere" / "run.mcap", "{}", "replay")
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        RunWriter(tmp_path / "mine", "{}", "replay")


def test_a_run_that_breaks_off_is_whole_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    writer = RunWriter(path, "{}", "replay")
    writer.add(motion(1))
    writer.add(motion(2))
    assert writer.break_off()
    with closing(RunReader(path)) as run:
        assert list(run.messages()) == [motion(1), motion(2)]
        assert run.faults == []
        assert run.about["broke_off"] == "true"


def test_a_run_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    assert not RunWriter(tmp_path / "run.mcap", "{}", "replay").break_off()
    assert list(tmp_path.iterdir()) == []


def test_more_than_there_is_room_for_waits_and_all_is_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    writer = RunWriter(path, "{}", "replay", room_bytes=10_000)
    for number in range(500):
        writer.add(motion(number))
    writer.close("s", {})
    with closing(RunReader(path)) as run:
        assert list(run.messages()) == [motion(number) for number in range(500)]
        assert run.faults == []


def test_what_the_disk_says_is_told_by_the_next_call_and_the_file_ends_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    command = [sys.executable, "-c", LIMITED, str(path)]
    limited = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert limited.stdout.splitlines() == [f"{path}: File too large; free some space", "True"]
    assert limited.stderr == ""
    rows = library_rows(path)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert rows
    assert our_rows(path)[1] == ["ends early: File too large"]


def test_what_cannot_be_written_is_told_and_the_rest_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    writer = RunWriter(path, "{}", "replay")
    writer.add(motion(1))
    writer.add(replace(motion(2), area=object()))  # type: ignore[arg-type]  # which is no JSON
    with pytest.raises(ValueError, match="object"):
        writer.close("s", {})
    assert writer.break_off()
    with closing(RunReader(path)) as run:
        assert list(run.messages()) == [motion(1)]
        assert run.faults == []
