"""The benchmark of events: what it compares with gives the same, and it runs on the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.events.grids import VoxelGrid, window_map
from perception.events.tensors import to_tensors
from runtime.apps.bench_events import add_at, measure_events, read_all
from runtime.apps.bench_measure import Plan
from runtime.errors import InputError
from tests.event_words import drawn, rows, write_evt2


def test_the_loop_it_is_compared_with_makes_the_same_map() -> None:
    events, shape = drawn(2, 5_000, 50_000), (5, 30, 40)
    made = window_map(VoxelGrid(*shape), to_tensors(events, 40), 0, 50_000)
    np.testing.assert_allclose(made.numpy(), add_at(events, 0, 50_000, shape), atol=1e-4)


def test_its_reader_reads_a_whole_file(tmp_path: Path) -> None:
    events = rows(drawn(3, 2_000, 90_000))
    (tmp_path / "a.raw").write_bytes(b"% evt 2.0\n" + write_evt2(events))
    assert rows(read_all(tmp_path / "a.raw")) == events


def test_without_the_sample_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file in the sample data"):
        measure_events(Plan(data=tmp_path, length="quick"))


@pytest.mark.data
def test_it_runs_on_the_sample(data_dir: Path) -> None:
    measures = {one.name: one for one in measure_events(Plan(data=data_dir, length="quick"))}
    assert measures["EVT2 read"].detail["events"] == 539_481
    assert measures["EVT2 read"].detail["other counts"] == {}
    assert measures["voxel grid over add.at"].detail["largest difference"] < 0.01
