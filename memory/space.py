"""One search space as the store has it now: its segments, opened, and behind them the rows that are not sealed yet."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.index import Found, Part, VectorIndex
from memory.manifest import FOLDER, Sealed, as_vectors, erased_ids, read_batches, sealed_parts
from memory.segment import Segment
from memory.tail import Tail
from runtime.errors import IndexCorrupt, StoreCorrupt

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

    from memory.device import Device
    from memory.scope import Scope

logger = logging.getLogger(__name__)

NEWEST = 2**63 - 1


class SpaceIndex:
    """Follows the store; not to be used by two threads at once."""

    def __init__(self, path: Path, space: str, width: int) -> None:
        """Follow a space of the memory file at `path`; segments lie in a folder beside it."""
        self.damaged: list[Sealed] = []  # of the segments in use those whose file is missing or damaged
        self._path = path
        self._space = space
        self._index = VectorIndex(width)
        self._opened: dict[Sealed, Part] = {}
        self._erased = np.empty(0, np.int64)  # ids

    def __len__(self) -> int:
        return len(self._index)

    def follow(self, db: apsw.Connection) -> None:
        """Take over what the store has by now; a segment that cannot be used is read from the store instead."""
        sealed = sealed_parts(db, self._space)
        erased = erased_ids(db, self._space)
        is_more_erased = bool(np.setdiff1d(erased, self._erased).size)
        if sealed != list(self._opened) or is_more_erased:
            self.damaged = [one for one in self.damaged if one in sealed]
            kept = {one: part for one, part in self._opened.items() if not _has_any(part, erased)}
            self._opened = {one: kept.get(one) or self._open(db, one) for one in sealed}
            for part in self._opened.values():
                part.columns.hide(erased)
            if _has_any(self._index.tail, erased):
                self._index.tail = Tail(self._index.width)  # and read again, with what is left
            self._index.use(list(self._opened.values()))
            self._erased = erased
        self._read(db, self._index.tail, self._index.last_id + 1, NEWEST)

    def search(self, query: NDArray[np.float32], k: int, scope: Scope) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and inner products of the best k that the scope allows, as `VectorIndex.search`."""
        return self._index.search(query, k, scope)

    def find(self, query: NDArray[np.float32], k: int, scope: Scope) -> Found:
        """Return the best k that the scope allows, as `VectorIndex.find`."""
        return self._index.find(query, k, scope)

    def find_all(self, queries: NDArray[np.float32], k: int, scope: Scope, device: Device | None = None) -> list[Found]:
        """Return what is truly nearest to each of many queries (B, C), as `VectorIndex.find_all`."""
        return self._index.find_all(queries, k, scope, device)

    def _open(self, db: apsw.Connection, sealed: Sealed) -> Part:
        try:
            return Segment.open(self._path.parent / FOLDER / sealed.file, sealed.checksum)
        except IndexCorrupt as error:
            logger.warning("%s; its rows are read from the store", error)
            self.damaged.append(sealed)
            rows = Tail(self._index.width)
            self._read(db, rows, sealed.first_id, sealed.last_id)
            return rows

    def _read(self, db: apsw.Connection, tail: Tail, first_id: int, last_id: int) -> None:
        for some in read_batches(db, self._space, first_id, last_id):
            vectors = some.pop("vector")
            try:
                tail.add(as_vectors(vectors), some)  # type: ignore[arg-type]
            except ValueError as error:
                raise StoreCorrupt(self._path, f"holds unusable vectors in {self._space}: {error}") from error


def _has_any(part: Part, ids: NDArray[np.int64]) -> bool:
    """Say whether a part that was read from the store, and is not written anew when they go, has any of the ids."""
    return isinstance(part, Tail) and bool(np.isin(ids, part.columns.ids).any())
