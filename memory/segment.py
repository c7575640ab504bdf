"""A sealed part of one search space in one file: vectors, columns and codes, written once and never changed.

    magic | vectors (n, C) float16 | a column after the other | codes (fields of Kept) | footer (JSON)
    | its length | magic

Derived from the store and bound to it by the checksum that stands in the store's row: a file of another store, a
flipped bit and a torn end are all refused before anything of it is parsed, and the part is built anew.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memory.codes import Codes, Kept
from memory.columns import DTYPES, NAMES, Columns
from memory.device import Device
from memory.disk import Disk, unfinished
from runtime.errors import IndexCorrupt

MAGIC = b"HEEDFUL SEGMENT 3\n"
ALIGNED = 64
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows on their way into a segment: vectors (n, C) and their columns."""

    vectors: NDArray[np.float16]
    columns: dict[str, NDArray[np.int64]]


class Segment:
    """An open segment, mapped."""

    def __init__(self, vectors: NDArray[np.float16], columns: Columns, codes: Codes) -> None:
        """Use `Segment.open`."""
        self.vectors = vectors
        self.columns = columns
        self.codes = codes

    def __len__(self) -> int:
        return len(self.columns)

    @classmethod
    def open(cls, path: Path, checksum: int) -> Segment:
        """Map a segment's file. Raises IndexCorrupt where it is gone, not what was sealed, or of another format."""
        try:
            found = checksum_of(path)
            data = np.memmap(path, np.uint8, "r").view(np.ndarray)
        except OSError as error:
            raise IndexCorrupt(path, f"cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise IndexCorrupt(path, "is empty") from error
        if found != checksum:
            raise IndexCorrupt(path, "is damaged: its checksum is another")
        if data[: len(MAGIC)].tobytes() != MAGIC:
            raise IndexCorrupt(path, "is of another format")
        length = int.from_bytes(data[-len(MAGIC) - 8 : -len(MAGIC)].tobytes(), "little")
        footer = json.loads(data[-len(MAGIC) - 8 - length : -len(MAGIC) - 8].tobytes())

        def section(name: str) -> NDArray[Any]:
            start, dtype, count = footer["sections"][name]
            return data[start : start + count * np.dtype(dtype).itemsize].view(dtype)

        vectors = section("vectors").reshape(-1, footer["width"])
        columns = Columns({name: section(name) for name in DTYPES}, footer["names"])
        try:
            kept = Kept(**{name: section(name) for name in Kept._fields})
            codes = Codes.mapped(path, kept, footer["sections"]["lists"][0])
        except (OSError, RuntimeError) as error:  # somebody merged it meanwhile and removed the file
            raise IndexCorrupt(path, "cannot be mapped") from error
        return cls(vectors, columns, codes)


def write_segment(
    disk: Disk, path: Path, batches: Iterable[Batch], names: Collection[str], device: Device | None = None
) -> tuple[int, int]:
    """Write rows into a file that is whole and on disk when this returns; return its checksum and how many they are.

    The batches are read once, so that the vectors need not fit into memory; at least one row must come. `names` may
    grow while they are read; `device` is where codes are built, none is the CPU. Whatever ends it early leaves at most
    a file that does not count.
    """
    try:
        checksum, rows = _write(disk, unfinished(path), batches, names, device)
    except BaseException:  # the disk may be full: what does not count takes no room
        disk.remove(unfinished(path))
        raise
    disk.publish(path)
    return checksum, rows


def _write(
    disk: Disk, path: Path, batches: Iterable[Batch], names: Collection[str], device: Device | None
) -> tuple[int, int]:
    with disk.create(path) as file:
        out = _Sum(file)
        out.write(MAGIC)
        start = out.align()
        columns: dict[str, list[NDArray[np.int64]]] = {name: [] for name in DTYPES}
        for batch in batches:
            out.write(np.ascontiguousarray(batch.vectors, "<f2").tobytes())
            width = batch.vectors.shape[1]
            for name, values in batch.columns.items():
                columns[name].append(values)
        rows = sum(map(len, columns["id"]))
        file.flush()
        written = np.memmap(path, "<f2", "r", start, (rows, width))
        kept = Codes.build(written, device).kept()
        del written
        sections: dict[str, tuple[int, str, int]] = {"vectors": (start, "<f2", rows * width)}
        for name, values in (_narrowed(columns, len(names)) | kept._asdict()).items():
            sections[name] = (out.align(), values.dtype.str, len(values))
            out.write(values.tobytes())
        footer = {"width": width, "sections": sections, "names": list(names)}
        text = json.dumps(footer).encode()
        out.write(text + len(text).to_bytes(8, "little") + MAGIC)
        disk.sync(file)
    return out.checksum, rows


def checksum_of(path: Path) -> int:
    """Return the checksum of a file as it is. Raises OSError."""
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def _narrowed(columns: dict[str, list[NDArray[np.int64]]], names: int) -> dict[str, NDArray[Any]]:
    """Return whole columns, those that stand for names in as few bytes as there are names."""
    few = np.min_scalar_type(names).newbyteorder("<")
    return {name: np.concatenate(some).astype(few if name in NAMES else DTYPES[name]) for name, some in columns.items()}


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
