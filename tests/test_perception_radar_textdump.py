"""RadHAR's text dumps become recordings: as published, and what is broken is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from perception.radar.recordings import read
from perception.radar.textdump import convert_folder, read_dump
from runtime.apps import cli
from runtime.errors import ConfigError, InputError

POINT = """header: 
  seq: {seq}
  stamp: 
    secs: {secs}
    nsecs: {nsecs}
  frame_id: "ti_mmwave"
point_id: {id}
x: {x}
y: {y}
z: {z}
range: 1.0
velocity: {v}
doppler_bin: 8
bearing: -73.3
intensity: {i}
---
"""  # noqa: W291  # as published, with spaces at the ends


def dump(ids: list[int]) -> str:
    values = dict(x=1.25, y=-0.5, z="-0.0", v=-0.614668667316, i=30.7445068359)
    return "".join(
        POINT.format(seq=7 + place, secs=1561686032, nsecs=place, id=one, **values) for place, one in enumerate(ids)
    )


def test_frames_begin_where_the_point_number_is_zero_again(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(dump([0, 1, 3, 0, 0, 2]))
    arrays = read_dump(path)
    assert arrays["frame"].tolist() == [0, 0, 0, 1, 2, 2]
    assert arrays["t_ns"].tolist() == [1561686032_000000000 + place for place in range(6)]
    assert arrays["points"][0].tolist() == pytest.approx([1.25, -0.5, 0, -0.614668667316, 30.7445068359])
    assert {name: one.dtype.str for name, one in arrays.items()} == {"t_ns": "<i8", "frame": "<i4", "points": "<f4"}


def test_a_dump_that_begins_within_a_frame_counts_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(dump([5, 6, 0, 1]))
    assert read_dump(path)["frame"].tolist() == [0, 0, 1, 1]


def test_a_last_point_that_breaks_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(dump([0, 1, 2])[:-60])
    assert len(read_dump(path)["frame"]) == 2


@pytest.mark.parametrize(
    "text", ["", "hello\n---\n", dump([0, 1]).replace("x: 1.25", "x: here"), dump([0, 1]).replace("point_id: 0\n", "")]
)
def test_what_is_no_dump_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "one.txt"
    path.write_text(text)
    with pytest.raises(InputError, match="is no radar dump"):
        read_dump(path)


def test_a_folder_is_converted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "Train" / "jump"
    source.mkdir(parents=True)
    (source / "20_jump_1.txt").write_text(dump([0, 1, 0]))
    to = tmp_path / "out"
    assert cli.run(["data", "radhar", str(source.parent), str(to)]) == 0
    assert "1 recordings" in capsys.readouterr().out
    recording = read(to / "jump" / "20_jump_1.npz")
    assert recording.activity == "jump"
    assert recording.valid.sum(1).tolist() == [2, 1]
    with pytest.raises(ConfigError, match="is there already"):
        convert_folder(source.parent, to)
    with pytest.raises(InputError, match=r"holds no CLASS/NAME\.txt"):
        convert_folder(tmp_path / "nothing", to)


@pytest.mark.data
def test_a_sample_written_as_a_dump_comes_back_to_the_bit(tmp_path: Path) -> None:
    sample = Path(os.environ["HEEDFUL_DATA"]) / "radar" / "radhar" / "train" / "boxing" / "20_boxing_1.npz"
    with np.load(sample) as file:
        known = {name: file[name][:2000] for name in ("t_ns", "frame", "points")}
    first = np.flatnonzero(np.diff(known["frame"], prepend=-1))
    lines = []
    for row, (x, y, z, v, i) in enumerate(known["points"].astype(np.float64)):
        place = row - first[first <= row][-1]
        secs, nsecs = divmod(int(known["t_ns"][row]), 1_000_000_000)
        lines.append(POINT.format(seq=row, secs=secs, nsecs=nsecs, id=place, x=x, y=y, z=z, v=v, i=i))
    path = tmp_path / "20_boxing_1.txt"
    path.write_text("".join(lines))
    for name, array in read_dump(path).items():
        assert np.array_equal(array, known[name]), name
        assert array.dtype == known[name].dtype
