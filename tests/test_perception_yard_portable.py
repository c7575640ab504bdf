"""The same seed gives the same bytes and questions however the machine computes.

Other threads, other hash seeds, memory that is not zero, and a processor that lacks what numpy, FFmpeg, OpenBLAS and
the C library choose their code by: each is a process of its own, and all must give one digest.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

MAKE = """
import ctypes, hashlib, sys, tempfile
from dataclasses import asdict
from pathlib import Path
import av
if sys.argv[1] == "plain" and Path("/proc/self/maps").exists():
    [path, *_] = [word for word in Path("/proc/self/maps").read_text().split() if "libavutil" in word]
    ctypes.CDLL(path).av_force_cpu_flags(0)
from perception.yard.record import write_yard
from perception.yard.settings import WorldSettings, seed_of
from runtime.apps.yard_recording import truths_in
from runtime.apps.yard_worlds import asked_of
made = hashlib.sha256()
with tempfile.TemporaryDirectory() as folder:
    for number, light in enumerate(("day", None)):
        settings = WorldSettings(split="test", length_s=5.0, least_entities=4, light=light, drives=number > 0)
        path, seed = Path(folder, f"{number}.mcap"), seed_of("test", number)
        write_yard(path, settings, seed)
        made.update(path.read_bytes())
        for one in asked_of(truths_in(path), settings, seed):
            made.update(repr(asdict(one)).encode())
print(made.hexdigest())
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}
TWO_THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "2"}
OLD_MACHINE = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])),
    "OPENBLAS_CORETYPE": "Prescott",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-AVX512F,-FMA,-FMA4",
    "MALLOC_PERTURB_": "170",  # what is not initialised is not zero
    "PYTHONHASHSEED": "3",
}


@pytest.mark.slow
def test_every_way_to_compute_gives_the_same_bytes() -> None:
    found = [
        _digest("plain" if settings is OLD_MACHINE else "as it is", settings)
        for settings in (ONE_THREAD, TWO_THREADS, OLD_MACHINE)
    ]
    assert len(found[0]) == 64
    assert found == found[:1] * 3


def _digest(how: str, settings: dict[str, str]) -> str:
    command = [sys.executable, "-c", MAKE, how]
    return subprocess.check_output(command, env={**os.environ, **settings}, text=True, timeout=100).strip()
