"""Which device FAISS builds and searches on: one that gave, in a process of its own, what the CPU gives.

In a process of its own, because FAISS ends the process where CUDA fails; `python -m memory.probe` is that process.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import faiss
import numpy as np

from memory.batch import nearest_each, proven
from memory.codes import Codes
from memory.columns import Rows
from memory.device import FAILED, Device, Gpu, has_gpu_build, reason_of
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

TRY_S = 120.0  # for the process: the first use of a GPU may compile for it
ROWS, WIDTH, QUERIES, COUNT = 4_096, 48, 32, 10
CANDIDATES = 250  # of which codes say that they are worth a look
SCENES = 40


def tried_out() -> str:
    """Return why the GPU does not do, nothing where it does; asks a process of its own."""
    command = [sys.executable, "-m", "memory.probe"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=TRY_S, check=False)
    except subprocess.TimeoutExpired:
        return f"the GPU did not answer within {TRY_S:g} s"
    said = " ".join(tried.stdout.split()) or (tried.stderr.strip().splitlines() or [""])[-1]
    return "" if tried.returncode == 0 else said or f"trying the GPU ended with {tried.returncode}"


def find_device(
    wanted: Literal["auto", "cpu", "gpu"],
    *,
    is_built: Callable[[], bool] = has_gpu_build,
    try_out: Callable[[], str] = tried_out,
    make: Callable[[], Device] = Gpu,
) -> Device | None:
    """Return the device that is wanted, None for the CPU; with `auto`, where a GPU does not do, the log says why.

    Raises MissingPart where `gpu` is wanted and cannot be had.
    """
    if wanted == "cpu" or (wanted == "auto" and not is_built()):
        return None
    why_not = try_out() if is_built() else "this FAISS is built without GPU"
    if not why_not:
        try:
            return make()
        except FAILED as error:
            why_not = reason_of(error)
    if wanted == "gpu":
        raise MissingPart(
            f"memory.index_device: {why_not}", "install heedful[gpu] on a machine with a GPU, or write auto"
        )
    logger.warning("the index is built and searched on the CPU: %s", why_not)
    return None


def what_differs(device: Device) -> str:
    """Return what a device does otherwise than the CPU on a small memory, nothing where it does not."""
    vectors, queries = _scenes()
    try:
        found = _differs_in_search(device, vectors, queries)
        return found or _differs_in_building(device, vectors, queries)
    except FAILED as error:
        return reason_of(error)


def _scenes() -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Return vectors (ROWS, WIDTH) in clumps, and queries (QUERIES, WIDTH) in between, all of length 1."""
    random = np.random.default_rng(7)
    scenes = random.standard_normal((SCENES, WIDTH))
    made = scenes[random.integers(0, SCENES, ROWS + QUERIES)] + random.standard_normal((ROWS + QUERIES, WIDTH))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made[:ROWS].astype(np.float16), made[ROWS:].astype(np.float32)


def _differs_in_search(device: Device, vectors: NDArray[np.float16], queries: NDArray[np.float32]) -> str:
    third = Rows.of(np.arange(ROWS) % 3 == 1)
    for rows in (Rows.between(0, ROWS), third):
        there = proven(vectors, queries, COUNT, rows, device)
        for one, true in zip(there, nearest_each(vectors, queries, COUNT, rows), strict=True):
            if one is None:
                return f"{device.name} leaves out what is near"
            if not _is_same(one, true):
                return f"{device.name} finds other rows than the CPU"
    return ""


def _differs_in_building(device: Device, vectors: NDArray[np.float16], queries: NDArray[np.float32]) -> str:
    built = Codes.build_on(vectors, device)
    rows = Rows.between(0, ROWS)
    for query, (nearest, _) in zip(queries, nearest_each(vectors, queries, COUNT, rows), strict=True):
        search = built.search(query, CANDIDATES, rows)
        search.look_for(-np.inf)
        if not np.isin(nearest, search.rows).all():
            return f"{device.name} builds codes that do not find what is nearest"
    again = Codes.build_on(vectors, device).kept()
    first = built.kept()
    if int(first.sizes.sum()) != ROWS:
        return f"{device.name} puts {int(first.sizes.sum())} of {ROWS} rows into lists"
    return "" if _is_same(first, again) else f"{device.name} builds the same rows otherwise each time"


def _is_same(some: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def main() -> int:
    """Try the GPU out; what it does otherwise than the CPU goes to stdout."""
    if not faiss.get_num_gpus():
        print("FAISS sees no GPU")
        return 1
    try:
        why_not = what_differs(Gpu())
    except FAILED as error:
        why_not = reason_of(error)
    print(why_not)
    return 1 if why_not else 0


if __name__ == "__main__":
    sys.exit(main())
