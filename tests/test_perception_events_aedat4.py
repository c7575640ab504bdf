"""AEDAT4: every event of the sample; a file that is damaged, from which its library never returns, is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.events.aedat4 import Aedat4File, check_packets, is_aedat4
from perception.events.arrays import joined
from runtime.errors import InputError, MissingPart


@pytest.fixture
def sample(data_dir: Path) -> Path:
    return data_dir / "events" / "sample.aedat4"


def test_without_the_library_the_remedy_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match=r"pip install .*dv-processing"):
        Aedat4File(tmp_path / "a.aedat4", library="no_such_library")


@pytest.mark.data
def test_the_sample_holds_every_event(sample: Path) -> None:
    pytest.importorskip("dv_processing")
    file = Aedat4File(sample)
    found = joined(list(file.events()))
    file.close()
    assert len(found) == 111_954
    assert (file.width_px, file.height_px) == (320, 240)
    assert (np.diff(found.t_us) >= 0).all()
    assert int(found.t_us[0]) * 1000 == file.begins_ns
    assert set(found.p.tolist()) == {0, 1}


@pytest.mark.data
def test_a_whole_file_passes_the_check(sample: Path) -> None:
    check_packets(sample)
    assert is_aedat4(sample)


@pytest.mark.data
@pytest.mark.parametrize(("keep", "told"), [(0.5, "breaks off"), (0.99, "breaks off"), (0.00002, "in its header")])
def test_a_file_that_breaks_off_is_refused(sample: Path, tmp_path: Path, keep: float, told: str) -> None:
    data = sample.read_bytes()
    (tmp_path / "cut.aedat4").write_bytes(data[: round(keep * len(data))])
    with pytest.raises(InputError, match=told):
        check_packets(tmp_path / "cut.aedat4")


@pytest.mark.data
def test_garbage_in_the_middle_is_refused(sample: Path, tmp_path: Path) -> None:
    data = bytearray(sample.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = np.random.default_rng(1).integers(0, 256, 2_000, np.uint8).tobytes()
    (tmp_path / "bad.aedat4").write_bytes(data)
    with pytest.raises(InputError, match=r"damaged.*byte"):
        check_packets(tmp_path / "bad.aedat4")
