"""Blocks of a recording: when something was logged is known also where one block takes years."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from runtime.recording.bags import open_container
from runtime.recording.timeline import KEPT_NS, Timeline
from tests.bags import Line, S, write_bag, write_bag2, write_mcap

TODAY_NS = 1_790_000_000 * S


def _bag2(path: Path, entries: Sequence[Line], _: int) -> Path:
    return write_bag2(path, entries)


def _bag(path: Path, entries: Sequence[Line], chunk_bytes: int) -> Path:
    return write_bag(path, entries, chunk_bytes=chunk_bytes)


@pytest.mark.parametrize("write", [write_mcap, _bag, _bag2])
def test_a_recorder_that_was_told_the_time_only_later_has_a_pause_and_not_years(
    tmp_path: Path, write: Callable[[Path, Sequence[Line], int], Path]
) -> None:
    before = [Line(at * S, "/a", b"early") for at in range(1, 4)]
    after = [Line(TODAY_NS + at * S, "/a", b"late") for at in range(3)]
    path = write(tmp_path / "one", [*before, *after], 1 << 20)
    with closing(open_container(path)) as container:
        assert container.spans == [(S, 3 * S), (TODAY_NS, TODAY_NS + 2 * S)]
        timeline = Timeline(container.spans)
    assert timeline.cuts == [(3 * S, TODAY_NS)]
    assert timeline.event_ns(TODAY_NS) == 3 * S + KEPT_NS
