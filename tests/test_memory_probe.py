"""A device is used where it is wanted, there, and found to do what the CPU does; else the CPU is."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memory.device import Device, Gpu, has_gpu_build
from memory.probe import find_device, tried_out, what_differs
from runtime.errors import MissingPart
from tests.memory_devices import BreakingDevice, FaissDevice, FullDevice, MisplacingDevice, NumpyDevice, no_room

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray


def chosen(wanted: Literal["auto", "cpu", "gpu"], *, is_built: bool = True, why_not: str = "") -> Device | None:
    return find_device(wanted, is_built=lambda: is_built, try_out=lambda: why_not, make=FaissDevice)


def test_a_device_that_does_is_taken_unless_the_cpu_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(chosen("auto"), FaissDevice)
    assert isinstance(chosen("gpu"), FaissDevice)
    assert chosen("cpu") is None
    assert chosen("auto", is_built=False) is None
    assert not caplog.records


def test_a_device_that_does_not_is_left_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen("auto", why_not="it hums") is None
        assert find_device("auto", is_built=lambda: True, try_out=str, make=lambda: FullDevice(no_room())) is None
    assert [record.getMessage() for record in caplog.records] == [
        "the index is built and searched on the CPU: it hums",
        "the index is built and searched on the CPU: alloc fail (cudaMalloc error out of memory [2])",
    ]


def test_a_gpu_that_must_be_there_and_is_not_ends_the_start_with_the_remedy() -> None:
    for is_built, why_not, said in ((False, "", "this FAISS is built without GPU"), (True, "it hums", "it hums")):
        with pytest.raises(MissingPart, match=rf"memory\.index_device: {said}; install .* or write auto"):
            chosen("gpu", is_built=is_built, why_not=why_not)


def test_nothing_is_held_against_another_implementation_that_does_the_same() -> None:
    assert what_differs(FaissDevice()) == ""


def test_a_device_that_computes_or_finds_otherwise_is_told_from_one_that_does_not() -> None:
    def halve(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        scores[:] = scores.astype(np.float16)

    def lose_the_best(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        scores[:, :-1], rows[:, :-1] = scores[:, 1:], rows[:, 1:]

    def name_the_best_again(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        scores[:], rows[:] = scores[:, :1], rows[:, :1]

    assert what_differs(NumpyDevice(halve)) == "computes less precisely than float32"
    assert what_differs(NumpyDevice(lose_the_best)) == "NumPy finds other rows than the CPU"
    assert what_differs(NumpyDevice(name_the_best_again)) == "NumPy leaves out what is near"
    assert "out of memory" in what_differs(FullDevice())
    for good in (0, 1, 3):  # which searches: two indexes search before two build
        assert "names" in what_differs(MisplacingDevice(good))
    assert what_differs(BreakingDevice())


@pytest.mark.skipif(has_gpu_build(), reason="this FAISS is built with GPU")
def test_the_process_that_tries_a_gpu_says_that_there_is_none() -> None:
    assert tried_out() == "FAISS sees no GPU"
    tried = subprocess.run([sys.executable, "-m", "memory.probe"], capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stdout, tried.stderr) == (1, "FAISS sees no GPU\n", "")


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu_build(), reason="this FAISS is built without GPU")
def test_a_gpu_does_what_the_cpu_does() -> None:
    assert what_differs(Gpu()) == ""
    assert isinstance(find_device("gpu"), Gpu)
