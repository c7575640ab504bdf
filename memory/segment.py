"""A sealed part of one search space in one file: vectors, columns and codes, written once and never changed.

    magic | vectors (n, C) float16 | a column after the other | codes | footer (JSON) | its length | magic

Derived from the store and bound to it by the checksum that stands in the store's row: a file of another store, a
flipped bit and a torn end are all refused before anything of it is parsed, and the part is built anew.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memory.codes import Codes
from memory.columns import DTYPES, Columns
from memory.disk import Disk, unfinished
from runtime.errors import IndexCorrupt

if TYPE_CHECKING:
    from memory.columns import Rows

MAGIC = b"HEEDFUL SEGMENT 1\n"
ALIGNED = 64
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows on their way into a segment: vectors (n, C) and their columns."""

    vectors: NDArray[np.float16]
    columns: dict[str, NDArray[np.int64]]


class Segment:
    """An open segment; its vectors and columns are mapped, its codes in memory."""

    def __init__(self, vectors: NDArray[np.float16], columns: Columns, codes: Codes) -> None:
        """Use `Segment.open`."""
        self.vectors = vectors
        self.columns = columns
        self.codes = codes

    def __len__(self) -> int:
        return len(self.columns)

    def nearest(
        self, query: NDArray[np.float32], count: int, rows: Rows
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return at most `count` of some rows that seem nearest to a query (C,), and about how near."""
        return self.codes.nearest(query, count, rows)

    @classmethod
    def open(cls, path: Path, checksum: int) -> Segment:
        """Map a segment's file. Raises IndexCorrupt where it is not there or not what was sealed."""
        try:
            found = checksum_of(path)
        except OSError as error:
            raise IndexCorrupt(path, f"cannot be read ({error.strerror})") from error
        if found != checksum:
            raise IndexCorrupt(path, "is damaged: its checksum is another")
        data = np.memmap(path, np.uint8, "r")
        length = int.from_bytes(data[-len(MAGIC) - 8 : -len(MAGIC)].tobytes(), "little")
        footer = json.loads(data[-len(MAGIC) - 8 - length : -len(MAGIC) - 8].tobytes())
        rows, width = footer["rows"], footer["width"]

        def section(name: str, dtype: np.dtype[np.generic], count: int) -> NDArray[np.generic]:
            start = footer["at"][name]
            return data[start : start + count * dtype.itemsize].view(dtype)

        vectors = section("vectors", np.dtype("<f2"), rows * width).reshape(rows, width)
        columns = {name: section(name, dtype, rows) for name, dtype in DTYPES.items()}
        codes = Codes.from_bytes(np.array(section("codes", np.dtype(np.uint8), footer["codes"])))
        return cls(vectors, Columns(columns, footer["names"]), codes)  # type: ignore[arg-type]


def write_segment(disk: Disk, path: Path, batches: Iterable[Batch], names: Iterable[str]) -> tuple[int, int]:
    """Write rows into a file that is whole and on disk when this returns; return its checksum and how many they are.

    The batches are read once, so that the vectors need not fit into memory; at least one row must come. `names` may
    grow while they are read. Whatever ends it early leaves only a file that does not count.
    """
    with disk.create(unfinished(path)) as file:
        out = _Sum(file)
        out.write(MAGIC)
        at = {"vectors": out.align()}
        columns: dict[str, list[NDArray[np.int64]]] = {name: [] for name in DTYPES}
        for batch in batches:
            out.write(np.ascontiguousarray(batch.vectors, "<f2").tobytes())
            width = batch.vectors.shape[1]
            for name, values in batch.columns.items():
                columns[name].append(values)
        whole = {name: np.concatenate(values).astype(DTYPES[name]) for name, values in columns.items()}
        rows = len(whole["id"])
        file.flush()
        written = np.memmap(unfinished(path), "<f2", "r", at["vectors"], (rows, width))
        codes = Codes.build(written).to_bytes()
        del written
        for name, values in whole.items():
            at[name] = out.align()
            out.write(values.tobytes())
        at["codes"] = out.align()
        out.write(codes.tobytes())
        footer = {"rows": rows, "width": width, "at": at, "codes": len(codes), "names": list(names)}
        text = json.dumps(footer).encode()
        out.write(text + len(text).to_bytes(8, "little") + MAGIC)
        disk.sync(file)
    disk.publish(path)
    return out.checksum, rows


def checksum_of(path: Path) -> int:
    """Return the checksum of a file as it is. Raises OSError."""
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            checksum = zlib.crc32(piece, checksum)
    return checksum


class _Sum:
    """Writes, and sums up what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = 0
        self.checksum = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._length += len(data)
        self.checksum = zlib.crc32(data, self.checksum)

    def align(self) -> int:
        """Go on at the next place that suits any column, and return it."""
        self.write(bytes(-self._length % ALIGNED))
        return self._length
