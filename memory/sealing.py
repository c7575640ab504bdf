"""Sealing and merging of search spaces: when, and out of what; the store alone says which files count.

Every 8,192 new rows of a space become a segment, and two neighbours of equal size become one of twice the size, as one
counts in binary: what is sealed is a function of how many rows there are. Whoever seals may be killed at any moment:
a file counts once the store names it with its checksum, and what it does not name is swept away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.columns import DTYPES, NAMES
from memory.disk import Disk, RealDisk
from memory.manifest import (
    FOLDER,
    Sealed,
    as_vectors,
    damaged_parts,
    has_rows,
    parts_with_erased,
    read_batches,
    sealed_parts,
)
from memory.rows import EmptySegmentRow, Row, SegmentRow
from memory.segment import Batch, write_segment
from memory.store import Store

if TYPE_CHECKING:
    import apsw

    from memory.device import Device

logger = logging.getLogger(__name__)

SUFFIX = ".segment"
SEAL_ROWS = 8_192
LARGEST = 128  # times SEAL_ROWS: two such stay two, each with its own stretch of time
WAIT_S = 60.0  # for the store to take a segment over


def sizes(units: int) -> list[int]:
    """Return how large the segments of so many units are, oldest first: as a binary number is written."""
    rest = [1 << bit for bit in reversed(range(LARGEST.bit_length() - 1)) if units % LARGEST & (1 << bit)]
    return [LARGEST] * (units // LARGEST) + rest


class Sealer:
    """Seals the spaces of one memory folder; one thread calls `run` or `step`."""

    def __init__(
        self,
        folder: Path,
        submit: Callable[[Sequence[Row]], Future[list[str]]],
        disk: Disk,
        *,
        seal_rows: int = SEAL_ROWS,
        device: Device | None = None,
    ) -> None:
        """Hand rows for the store to `submit`; files that the store does not name are removed. No device is the CPU."""
        self._device = device
        self._seal_rows = seal_rows
        self._store = Store.open(folder, writable=False)
        self._folder = folder / FOLDER
        disk.make_folder(self._folder)
        self._submit = submit
        self._disk = disk
        self._damaged: dict[Sealed, str] = {}  # with their space, in the order of being told
        self._is_closing = False
        self._sweep()

    def step(self) -> bool:
        """Make one segment anew that is damaged or holds what was erased, or seal what is due; say whether it did."""
        db = self._store.connection()
        for space, part in parts_with_erased(db):
            self._seal(db, space, part.first_id, part.last_id, part.units, [part])
            return True
        while self._damaged:
            part = next(iter(self._damaged))
            space = self._damaged.pop(part)
            if part in sealed_parts(db, space):
                self._seal(db, space, part.first_id, part.last_id, part.units, [part])
                return True
        for space in [str(name) for (name,) in db.execute("SELECT name FROM space ORDER BY id")]:
            if (planned := self._plan(db, space)) is not None:
                self._seal(db, space, *planned)
                return True
        return False

    def note(self, space: str, damaged: Sequence[Sealed]) -> None:
        """Note segments whose files are missing or damaged; any thread may call this."""
        self._damaged |= dict.fromkeys(damaged, space)

    def run(self) -> None:
        """Seal all that is due. Raises HeedfulError, OSError, TimeoutError or queue.Full: then it waits."""
        with suppress(_Closing):
            while not self._is_closing and self.step():
                pass

    def stop(self) -> None:
        """End after the batch in hand."""
        self._is_closing = True

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _plan(self, db: apsw.Connection, space: str) -> tuple[int, int, int, list[Sealed]] | None:
        """Return (first id, last id, units, segments that it takes up) of what is to be sealed next, if anything."""
        parts = sealed_parts(db, space)
        after = parts[-1].last_id if parts else 0
        query = """SELECT id FROM vec WHERE +space = (SELECT id FROM space WHERE name = ?) AND id > ?
            ORDER BY id LIMIT 1 OFFSET ?"""
        left = """SELECT count(*) FROM vec WHERE +space = (SELECT id FROM space WHERE name = ?) AND id > ?"""
        fresh = int(db.execute(left, (space, after)).get) // self._seal_rows
        wanted = sizes(fresh + sum(part.units for part in parts))
        same = 0
        while same < len(parts) and parts[same].units == wanted[same]:
            same += 1
        if same == len(wanted):
            return None
        taken, units = parts[same:], wanted[same]
        more = units - sum(part.units for part in taken)
        last = db.execute(query, (space, after, more * self._seal_rows - 1)).get if more else after
        return taken[0].first_id if taken else after + 1, int(last), units, taken

    def _seal(
        self, db: apsw.Connection, space: str, first_id: int, last_id: int, units: int, taken: Sequence[Sealed]
    ) -> None:
        """Write a segment, let the store name it in place of those it takes up, and remove theirs."""
        row: Row
        if has_rows(db, space, first_id, last_id):
            path = self._free_path(db, space, first_id, last_id)
            names: dict[str, int] = {}
            batches = self._batches(db, space, first_id, last_id, names)
            checksum, rows = write_segment(self._disk, path, batches, names, self._device)
            row = SegmentRow(space, path.name, first_id, last_id, rows, units, checksum)
        else:
            rows, row = 0, EmptySegmentRow(taken[0].file)
        if self._is_closing:
            raise _Closing
        self._submit([row]).result(WAIT_S)
        for part in taken:
            self._disk.remove(self._folder / part.file)
        logger.info("sealed %d rows of %s", rows, space)

    def _batches(
        self, db: apsw.Connection, space: str, first_id: int, last_id: int, names: dict[str, int]
    ) -> Iterator[Batch]:
        for some in read_batches(db, space, first_id, last_id):
            if self._is_closing:
                raise _Closing
            columns = {name: _encoded(some[name], names) if name in NAMES else some[name] for name in DTYPES}
            yield Batch(
                vectors=as_vectors(some["vector"]),  # type: ignore[arg-type]
                columns={name: np.asarray(values, np.int64) for name, values in columns.items()},
            )

    def _free_path(self, db: apsw.Connection, space: str, first_id: int, last_id: int) -> Path:
        """Return a name that no file has, there or lost: somebody may still read one of the same rows."""
        number = db.execute("SELECT id FROM space WHERE name = ?", (space,)).get
        named = {part.file for part in sealed_parts(db, space)}
        for attempt in count():
            path = self._folder / f"{number}-{first_id}-{last_id}-{attempt}{SUFFIX}"
            if path.name not in named and not path.exists():
                break
        return path

    def _sweep(self) -> None:
        """Remove what a killed process left behind."""
        named = {file for (file,) in self._store.connection().execute("SELECT file FROM segment")}
        for path in self._folder.iterdir():
            if path.name not in named:
                self._disk.remove(path)


def seal_now(store: Store, *, seal_rows: int = SEAL_ROWS, mending: bool = False, device: Device | None = None) -> None:
    """Seal what is due of a memory that nobody else writes, and remove files that do not count.

    `mending` reads all other files too, and makes those anew that are missing or damaged.
    """

    def submit(rows: Sequence[Row]) -> Future[list[str]]:
        stored: Future[list[str]] = Future()
        stored.set_result(store.append(rows))
        return stored

    sealer = Sealer(store.folder, submit, RealDisk(), seal_rows=seal_rows, device=device)
    try:
        for space, part, _ in damaged_parts(store.connection(), store.folder) if mending else ():
            sealer.note(space, [part])
        sealer.run()
    finally:
        sealer.close()


class _Closing(Exception):
    """The process ends: what is half written is swept away next time."""


def _encoded(values: Sequence[object], names: dict[str, int]) -> list[int]:
    return [names.setdefault(str(value), len(names)) for value in values]
