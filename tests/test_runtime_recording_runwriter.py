"""A run's file: checked before anything begins, whole where the run breaks off, none where it never began."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.recording.runreader import RunReader
from runtime.recording.runwriter import RunWriter
from tests.fakes import motion


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
