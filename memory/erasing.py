"""Erasing: out of the tables, the index, the log; then the proof that nothing is left in any file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Full, SimpleQueue
from typing import TYPE_CHECKING, Any

from memory.disk import RealDisk, sync_folder
from memory.erase import Erased, Selector, surviving
from memory.manifest import FOLDER, parts_with_erased
from memory.room import Reserve
from memory.schema import is_about_room
from memory.sealing import Sealer, seal_now
from memory.store import FILE_NAME, LOCK_NAME, Store
from memory.traces import Traces
from memory.writer import BAD_VALUES, WriterClosed
from runtime.errors import HeedfulError, MissingPart

if TYPE_CHECKING:
    from pathlib import Path

    from memory.device import Device

UNFINISHED_NAME = "erasing"
FIRST_STEP = 1_024  # records
WAIT_S = 300.0  # for the writer: a large file may have to be written anew
FLUSHES = 50
FLUSH_S = 0.1

logger = logging.getLogger(__name__)


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
    unfinished = Unfinished(store.folder)
    was_killed = unfinished.begin()
    erased = erase_rows_of(store, selector)
    try:
        seal_now(store)  # files of the index without them
    except (HeedfulError, OSError) as error:
        _give_up_segments(store, error)
    sync_folder(store.folder / FOLDER)
    store.flush(rewriting=was_killed)
    left = traces_left(store, erased.traces)
    if FILE_NAME in left:  # copies of a row that was moved from page to page before it was deleted
        store.flush(rewriting=True)
        left = traces_left(store, erased.traces)
    unfinished.end()
    return Receipt(erased=erased, traces=len(erased.traces), left=left)


class Unfinished:
    """A file that is there while something is erased: who finds it does what a killed process left to do."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / UNFINISHED_NAME

    @property
    def is_there(self) -> bool:
        """Say whether somebody began and did not end."""
        return self._path.exists()

    def begin(self) -> bool:
        """Make the file survive a power cut; say whether it was there. A full disk has room in its reserve."""
        was_there = self.is_there
        try:
            self._path.touch()
            sync_folder(self._path.parent)
        except OSError as error:
            if not Reserve(self._path.parent).release():
                logger.warning("erasing goes on, but a kill would leave it unfinished: %s", error)
                return was_there
            return self.begin() or was_there
        return was_there

    def end(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _give_up_segments(store: Store, error: Exception) -> None:
    """Remove files of the index that hold what was erased and cannot be made anew now: the store has their rows."""
    logger.warning("the index is made anew later: %s", str(error) or "the store is busy")
    for _, part in parts_with_erased(store.connection()):
        RealDisk().remove(store.folder / FOLDER / part.file)


class LiveErasing:
    """Erases a memory that is being written: a job of the upkeep, which others ask for what is to go."""

    def __init__(self, store: Store, call: Callable[[Callable[[Store], Any]], Future[Any]], sealer: Sealer) -> None:
        """`store` is a reader's own; `call` runs something in the writer's thread."""
        self._store = store
        self._call = call
        self._sealer = sealer
        self._unfinished = Unfinished(store.folder)
        self._wanted: SimpleQueue[tuple[Selector, Future[Receipt]]] = SimpleQueue()

    def want(self, selector: Selector) -> Future[Receipt]:
        """Ask for something to be erased by the next `run`; any thread may."""
        done: Future[Receipt] = Future()
        self._wanted.put((selector, done))
        return done

    def run(self) -> None:
        """Erase what is wanted; errors go to whoever wants it. Then do what a killed process left to do."""
        while not self._wanted.empty():
            selector, done = self._wanted.get()
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(self._erase(selector))
            except BaseException as error:
                done.set_exception(error)  # nobody may wait for ever
                if not isinstance(error, (HeedfulError, OSError, TimeoutError, WriterClosed, *BAD_VALUES)):
                    raise
        if self._unfinished.is_there:
            self._seal()
            self._flush(rewriting=True)
            self._unfinished.end()
            logger.info("what was erased before this session is gone from all files")

    def stop(self) -> None:
        """Leave what is wanted: those who want it stop waiting by themselves."""

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _erase(self, selector: Selector) -> Receipt:
        was_killed = self._unfinished.begin()
        erased: Erased = self._call(lambda store: erase_rows_of(store, selector)).result(WAIT_S)
        self._seal()
        self._flush(rewriting=was_killed)
        left = traces_left(self._store, erased.traces)
        if FILE_NAME in left:
            self._flush(rewriting=True)
            left = traces_left(self._store, erased.traces)
        self._unfinished.end()
        return Receipt(erased=erased, traces=len(erased.traces), left=left)

    def _seal(self) -> None:
        """Make files of the index anew without what was erased; where that cannot be, there are none for a while."""
        try:
            self._sealer.run()
        except (HeedfulError, OSError, TimeoutError, Full) as error:
            _give_up_segments(self._store, error)
        sync_folder(self._store.folder / FOLDER)

    def _flush(self, *, rewriting: bool = False) -> None:
        """Empty the log; whoever reads just now is waited for, a little."""
        is_empty = self._call(lambda store: store.flush(rewriting=rewriting)).result(WAIT_S)
        for _ in range(FLUSHES):
            if is_empty:
                return
            time.sleep(FLUSH_S)
            is_empty = self._call(lambda store: store.flush()).result(WAIT_S)


def erase_rows_of(store: Store, selector: Selector) -> Erased:
    """Erase from the tables, on a full disk in steps that fit. Raises what `Store.append` raises."""
    try:
        return store.erase(selector)
    except MissingPart as error:
        if not is_about_room(error):
            raise
    Reserve(store.folder).release()
    return _erase_in_steps(store, selector)


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


def compact(store: Store, device: Device | None = None) -> tuple[int, int]:
    """Write the file anew without what was deleted, seal what is due or damaged; return bytes before and after.

    Full text and tallies that contradict the records are made anew too. Segments are built on `device`, or on the CPU.

    The store is the one writer. Raises what `Store.append` raises: the file needs as much room again for a while.
    """
    before = sum(path.stat().st_size for path in files_of(store.folder))
    seal_now(store, mending=True, device=device)
    for mended in store.mend():
        logger.info("%s made anew", mended)
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
