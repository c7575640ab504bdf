"""How fast events of a camera are read and made into maps, beside other libraries in the same run.

The reader of EVT2 against whichever of expelliarmus, faery and evlib are installed, each from the file to its arrays;
the voxel grid, from arrays of events on, against NumPy's `add.at`. One thread each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from perception.events.arrays import Events, joined
from perception.events.grids import VoxelGrid, window_map
from perception.events.rawfile import RawFile
from perception.events.tensors import to_tensors
from runtime.apps.bench_measure import Measure, Plan, percentile, progress, ratio, rounded
from runtime.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = "events/evt2_sample.raw"
BINS = 5
MS = 1000


def measure_events(plan: Plan) -> list[Measure]:
    """Return the rates of reading over the fastest peer's, and of the voxel grid over the loop's."""
    path = plan.data / SAMPLE
    if not path.exists():
        raise InputError(path, "no such file in the sample data")
    rounds = plan.rounds(3, 15, 60)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*_reading(path, rounds), _voxels(path, rounds)]
    finally:
        torch.set_num_threads(threads)


def read_all(path: Path) -> Events:
    """Return every event of a file, by our own reader."""
    file = RawFile(path)
    try:
        return joined(list(file.events()))
    finally:
        file.close()


def add_at(events: Events, start_us: int, end_us: int, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return the voxel grid (B, H, W), by NumPy."""
    grid = np.zeros(shape, np.float32)
    place = (shape[0] - 1) * (events.t_us - start_us) / (end_us - start_us)
    bins = place.astype(np.int64).clip(max=shape[0] - 2)
    share, sign = place - bins, 2.0 * events.p - 1
    np.add.at(grid, (bins, events.y, events.x), sign * (1 - share))
    np.add.at(grid, (bins + 1, events.y, events.x), sign * share)
    return grid


def _reading(path: Path, rounds: int) -> list[Measure]:
    readers: dict[str, Callable[[Path], Any]] = {"ours": lambda one: read_all(one).t_us}
    peers = {name: make for name, make in PEERS.items() if find_spec(name) is not None}
    readers |= {name: make() for name, make in peers.items()}
    count = len(read_all(path))
    wrong = {name: len(read(path)) for name, read in readers.items() if len(read(path)) != count}
    took_s: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(rounds):
        progress(f"reading, {number + 1} of {rounds}")
        for name, read in readers.items():
            took_s[name].append(_timed(read, path))
    ours_s = percentile(took_s["ours"], 50)
    measures = [
        Measure(
            name="EVT2 read",
            value=count / ours_s / 1e6,
            unit="million events/s",
            detail={
                "events": count,
                "others": {name: round(count / percentile(took, 50) / 1e6, 1) for name, took in took_s.items()},
                "not installed": sorted(PEERS.keys() - peers.keys()),
                "other counts": wrong,
            },
        )
    ]
    able = [name for name in peers if name not in wrong]
    if able:
        fastest = min(able, key=lambda name: percentile(took_s[name], 50))
        value = ratio(took_s[fastest], took_s["ours"])
        detail = {"fastest": fastest, "ms ours": round(MS * ours_s, 2)}
        measures.append(Measure(name="EVT2 over the fastest other", value=value, unit="x", at_least=0.5, detail=detail))
    return measures


def _voxels(path: Path, rounds: int) -> Measure:
    file = RawFile(path)
    width_px, height_px = file.header.width_px, file.header.height_px
    file.close()
    events = read_all(path)
    start_us, end_us = int(events.t_us[0]), int(events.t_us[-1]) + 1
    shape = (BINS, height_px, width_px)

    def ours() -> NDArray[np.float32]:
        made = window_map(VoxelGrid(*shape), to_tensors(events, width_px), start_us, end_us)
        return np.asarray(made.numpy(), np.float32)

    def loop() -> NDArray[np.float32]:
        return add_at(events, start_us, end_us, shape)

    apart = float(np.abs(ours() - loop()).max())
    ours_s, loop_s = [], []
    for number in range(rounds):
        progress(f"voxel grid, {number + 1} of {rounds}")
        ours_s.append(_timed(ours))
        loop_s.append(_timed(loop))
    return Measure(
        name="voxel grid over add.at",
        value=ratio(loop_s, ours_s),
        unit="x",
        at_least=5.0,
        detail={
            "ms ours": rounded([MS * percentile(ours_s, 50)], 2),
            "ms add.at": rounded([MS * percentile(loop_s, 50)], 2),
            "largest difference": apart,
        },
    )


def _timed(call: Callable[..., Any], *arguments: Any) -> float:
    start_s = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start_s


def _expelliarmus() -> Callable[[Path], Any]:
    wizard = import_module("expelliarmus").Wizard
    return lambda path: wizard(encoding="evt2", fpath=path).read()


def _faery() -> Callable[[Path], Any]:
    faery = import_module("faery")
    return lambda path: faery.events_stream_from_file(path).to_array()


def _evlib() -> Callable[[Path], Any]:
    evlib = import_module("evlib")
    return lambda path: evlib.load_events(str(path)).collect()["t"]


PEERS: dict[str, Callable[[], Callable[[Path], Any]]] = {
    "expelliarmus": _expelliarmus,
    "faery": _faery,
    "evlib": _evlib,
}
