"""Erasing a memory that nobody writes: out of the tables, the index, the log; then the proof that nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.erase import Erased, Selector, surviving
from memory.room import Reserve
from memory.schema import is_about_room
from memory.sealing import seal_now
from memory.store import FILE_NAME, LOCK_NAME, Store
from memory.traces import Traces
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from pathlib import Path

FIRST_STEP = 1_024  # records


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was erased, and how many of its traces stand in which files still: none, unless a reader holds the log."""

    erased: Erased
    traces: int  # that were looked for
    left: dict[str, int]


def erase(store: Store, selector: Selector) -> Receipt:
    """Erase for good; the store is the one writer. Raises what `Store.append` raises.

    Killed at any moment it has erased all or nothing from the tables; a session, or the next call, does what is left.
    On a full disk it goes in steps that fit, out of the reserve that a live session holds back.
    """
    try:
        erased = store.erase(selector)
    except MissingPart as error:
        if not is_about_room(error):
            raise
        Reserve(store.folder).release()
        erased = _erase_in_steps(store, selector)
    seal_now(store)  # files of the index without them
    store.flush()
    left = traces_left(store, erased.traces)
    if FILE_NAME in left:  # copies of a row that was moved from page to page before it was deleted
        store.flush(rewriting=True)
        left = traces_left(store, erased.traces)
    return Receipt(erased=erased, traces=len(erased.traces), left=left)


def _erase_in_steps(store: Store, selector: Selector) -> Erased:
    """Erase so much at once that the log of it has room; what is deleted makes room for the next."""
    erased, step = Erased(), FIRST_STEP
    while True:
        store.flush()
        try:
            some = store.erase(selector, step)
        except MissingPart as error:
            if not is_about_room(error) or step == 1:
                raise
            step = max(1, step // 4)
            continue
        erased += some
        if some.records < step:
            return erased


def compact(store: Store) -> tuple[int, int]:
    """Write the file anew without what was deleted, seal what is due; return bytes before and after.

    The store is the one writer. Raises what `Store.append` raises: the file needs as much room again for a while.
    """
    before = sum(path.stat().st_size for path in files_of(store.folder))
    seal_now(store)
    store.flush(rewriting=True)
    return before, sum(path.stat().st_size for path in files_of(store.folder))


def traces_left(store: Store, traces: frozenset[bytes]) -> dict[str, int]:
    """Return how many traces stand in which file of the memory, though no row accounts for them."""
    if not traces:
        return {}
    looked_for = Traces(traces)
    found = {path: looked_for.find(path) for path in files_of(store.folder)}
    accounted = {trace for trace in set().union(*found.values()) if surviving(store.connection(), trace)}
    left = {path: len(some - accounted) for path, some in found.items()}
    return {str(path.relative_to(store.folder)): count for path, count in left.items() if count}


def files_of(folder: Path) -> list[Path]:
    """Return every file of a memory that may hold anything of it."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME)
