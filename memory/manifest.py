"""Which files of the index count: the store names each with its checksum, in the same file as the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.columns import DTYPES
from memory.segment import checksum_of

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

FOLDER = "index"  # beside the memory file
READ_ROWS = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A segment as the store names it."""

    file: str
    first_id: int
    last_id: int
    units: int  # how many times SEAL_ROWS it was made of
    checksum: int


def sealed_parts(db: apsw.Connection, space: str) -> list[Sealed]:
    """Return the segments of a space, in the order of their ids."""
    query = """SELECT file, first_id, last_id, units, checksum FROM segment
        WHERE space = (SELECT id FROM space WHERE name = ?) ORDER BY first_id"""
    return [
        Sealed(file=file, first_id=first, last_id=last, units=units, checksum=checksum)
        for file, first, last, units, checksum in db.execute(query, (space,))
    ]


def parts_with_erased(db: apsw.Connection) -> list[tuple[str, Sealed]]:
    """Return the segments, each with its space, that hold what was erased."""
    query = """SELECT name, file, first_id, last_id, units, checksum FROM segment JOIN space ON space.id = segment.space
        WHERE EXISTS (SELECT 1 FROM erased_vec WHERE id BETWEEN first_id AND last_id AND +space = segment.space)
        ORDER BY segment.id"""
    return [
        (str(space), Sealed(file=file, first_id=first, last_id=last, units=units, checksum=checksum))
        for space, file, first, last, units, checksum in db.execute(query)
    ]


def erased_ids(db: apsw.Connection, space: str) -> NDArray[np.int64]:
    """Return ids that files of the index may hold though they were erased, ascending."""
    query = "SELECT id FROM erased_vec WHERE space = (SELECT id FROM space WHERE name = ?) ORDER BY id"
    return np.array([number for (number,) in db.execute(query, (space,))], np.int64)


def has_rows(db: apsw.Connection, space: str, first_id: int, last_id: int) -> bool:
    """Say whether the store has any row of a space between two ids."""
    query = "SELECT 1 FROM vec WHERE id BETWEEN ? AND ? AND +space = (SELECT id FROM space WHERE name = ?) LIMIT 1"
    return db.execute(query, (first_id, last_id, space)).get is not None


def read_batches(db: apsw.Connection, space: str, first_id: int, last_id: int) -> Iterator[dict[str, Sequence[object]]]:
    """Yield the rows of a space between two ids, a few thousand at once, by the names of their columns."""
    names = (*DTYPES, "vector")
    query = f"""SELECT {", ".join(names)} FROM vec
        WHERE id BETWEEN ? AND ? AND +space = (SELECT id FROM space WHERE name = ?) ORDER BY id"""  # +: walk by id
    rows = db.execute(query, (first_id, last_id, space))
    while some := list(islice(rows, READ_ROWS)):
        yield dict(zip(names, zip(*some, strict=True), strict=True))


def as_vectors(blobs: Sequence[bytes]) -> NDArray[np.float16]:
    """Return stored vectors as (n, C). Raises ValueError where they differ in length."""
    joined = np.frombuffer(b"".join(blobs), np.float16)
    if any(len(blob) != len(blobs[0]) for blob in blobs):
        raise ValueError("vectors differ in length")
    return joined.reshape(len(blobs), -1)


def damaged_parts(db: apsw.Connection, folder: Path) -> Iterator[tuple[str, Sealed, str]]:
    """Yield the segments of a memory folder that cannot be used, each with its space and what is wrong with it."""
    for space in [str(name) for (name,) in db.execute("SELECT name FROM space ORDER BY id")]:
        for part in sealed_parts(db, space):
            try:
                is_whole = checksum_of(folder / FOLDER / part.file) == part.checksum
            except OSError:
                yield space, part, "missing"
            else:
                if not is_whole:
                    yield space, part, "damaged"


def damaged_files(db: apsw.Connection, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the index of a memory folder, one line each: none of it is lost."""
    for _, part, fault in damaged_parts(db, folder):
        yield f"{FOLDER}/{part.file} is {fault}; `heedful memory compact`, or a session, makes it anew"
