"""Power cuts: whatever the disk makes of unsynced writes, what was called stored is there, once, and is found."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import apsw
import faiss
import numpy as np
import pytest

from memory.disk import Disk, RealDisk, unfinished
from memory.erase import Selector
from memory.manifest import FOLDER, sealed_parts
from memory.rows import ClipRow, RecordRow, Row, VectorRow, keys_of, vector_row
from memory.scope import Scope
from memory.sealing import Sealer
from memory.space import SpaceIndex
from memory.store import Store
from runtime.errors import HeedfulError
from runtime.messages import Record
from tests.memory_records import frame, gap, motion, ns, rows_of, tone, utterance
from tests.power import SECTOR, Power, PowerCut, PowerDisk, sqlite_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow  # tens of lives each, on a machine that may be busy

SPACE, WIDTH, SEAL_ROWS = "test@1", 8, 12
MOMENTS = (100, 400, 2_500, 2_500)  # until the power goes, up to one of these: what was just begun is cut, too
CREATION = 120  # moments, until SQLite has a write-ahead log
STORIES = 20
WORDS = ("kettle", "boils", "dog", "barks", "door", "opens", "a", "the", "again", "rain")

RECORDS = f"""SELECT {", ".join(RecordRow._fields[:-1])}, jpeg FROM record LEFT JOIN media ON record_id = record.id"""
CLIPS = f"SELECT {', '.join(ClipRow._fields)} FROM clip"
VECTORS = """SELECT coalesce(record.key, clip.key), space.name, vector FROM vec JOIN space ON space.id = vec.space
    LEFT JOIN record ON record.id = owner LEFT JOIN clip ON clip.id = -owner"""

# What reading a damaged file may end in: its rows may hold anything.
UNREADABLE = (HeedfulError, apsw.Error, TypeError, AttributeError, ValueError)

Kept: TypeAlias = dict[tuple[str, str], Row]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Seal in one thread, as a process does that also answers."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


class Story:
    """What a memory lives through from one power cut to the next, and what it called stored."""

    def __init__(self, folder: Path, seed: int, synchronous: str, disk: Callable[[Power], Disk]) -> None:
        self.folder = folder / "0"
        Store.open(self.folder).close()  # cuts of its creation have a test of their own
        self.rng = random.Random(seed)
        self.stored: Kept = {}
        self.waiting: list[Row] = []  # handed over, but not called stored: it will come again
        self.erased: set[str] = set()  # keys that must never come back
        self.erasing: tuple[str, frozenset[str]] | None = None  # what was being erased, and the keys that go with it
        self._synchronous = synchronous
        self._disk = disk
        self._count = 0
        self._delivered: list[list[Row]] = []

    def live(self) -> None:
        """Run until the power goes, now and then closed and opened again."""
        power = Power(self.folder, self.rng, self.rng.randrange(self.rng.choice(MOMENTS)))
        with sqlite_on(power):
            try:
                while True:
                    with ExitStack() as stack:
                        self._run(power, stack)
            except (PowerCut, HeedfulError):
                if not power.is_off:
                    raise
        self.folder = self.folder.with_name(str(int(self.folder.name) + 1))
        power.cut(self.folder)

    def _run(self, power: Power, stack: ExitStack) -> None:
        store = Store.open(self.folder)
        stack.callback(store.close)
        store.connection().pragma("synchronous", self._synchronous)
        store.connection().pragma("wal_autocheckpoint", self.rng.choice((10, 40, 1_000)))
        sealer = Sealer(self.folder, lambda rows: submit(store, rows), self._disk(power), seal_rows=SEAL_ROWS)
        stack.callback(sealer.close)
        index = SpaceIndex(store.path, SPACE, WIDTH)
        index.follow(store.connection())
        sealer.note(SPACE, index.damaged)
        if self.erasing is not None:  # nobody heard that it was done: it is asked for again
            self._erase(power, store)
        for _ in range(self.rng.randint(1, 20)):
            self._deliver(power, store)
            if self.rng.random() < 0.1:
                self._choose()
                self._erase(power, store)
            if self.rng.random() < 0.7:
                sealer.step()
            if self.rng.random() < 0.05:
                store.flush()

    def _deliver(self, power: Power, store: Store) -> None:
        self.waiting = self.waiting or self._rows()
        keys = store.append(self.waiting)
        if power.is_off:  # SQLite does not say that a checkpoint failed: the commit before it is whole
            raise PowerCut
        assert keys == keys_of(self.waiting)
        self._delivered.append(self.waiting)
        self.stored = self.with_waiting()
        self.waiting = []

    def with_waiting(self) -> Kept:
        """Return what is to be there once what waits is stored."""
        fresh = {name: row for name, row in kept_of(self.waiting).items() if name[1] not in self.erased}
        return fresh | self.stored

    def without_erasing(self) -> Kept:
        """Return what is to be there once what is being erased has gone."""
        gone = self.erasing[1] if self.erasing is not None else frozenset[str]()
        return {name: row for name, row in self.stored.items() if name[1] not in gone}

    def _choose(self) -> None:
        """Choose a clip with all its records, or a record without one."""
        clips = {
            row.key: frozenset(json.loads(row.records)) for row in self.stored.values() if isinstance(row, ClipRow)
        }
        inside = frozenset[str]().union(*clips.values())
        alone = [row.key for row in self.stored.values() if isinstance(row, RecordRow) and row.key not in inside]
        if key := self.rng.choice([*clips, *alone, ""]):
            self.erasing = key, clips.get(key, frozenset()) | {key}

    def _erase(self, power: Power, store: Store) -> None:
        if self.erasing is None:
            return
        store.erase(Selector(clip=self.erasing[0]))
        if power.is_off:
            raise PowerCut
        self.stored = self.without_erasing()
        self.erased |= self.erasing[1]
        self.erasing = None

    def _rows(self) -> list[Row]:
        """Return records of all kinds, a clip and vectors of what was heard, and at times what came before, altered."""
        rows: list[Row] = rows_of(self._record() for _ in range(self.rng.randint(1, 6)))
        heard = [row.key for row in rows if isinstance(row, RecordRow) and row.stream == "mic"]
        if heard and self.rng.random() < 0.5:
            t_ns, key = ns(self._count), f"s/mic/0/clip-{self._count}"
            named = json.dumps(heard)
            rows.append(ClipRow(key, "s", "mic", 0, self._count, "audio", t_ns, 0, t_ns, self._words(), named))
            heard.append(key)
        rows += [vector_row(key, SPACE, self._vector()) for key in heard]
        if self._delivered and self.rng.random() < 0.3:
            again = self.rng.choice(self._delivered)
            rows += [row._replace(text="altered") if isinstance(row, RecordRow | ClipRow) else row for row in again]
        return rows

    def _record(self) -> Record:
        self._count += 1
        seq, t_s = self._count, float(self._count)
        match self.rng.randrange(6):
            case 0 | 1:
                return utterance(seq, t_s, t_s + 1, self._words())
            case 2:
                return tone(seq, t_s, t_s + 1)
            case 3:
                return motion(seq, t_s, t_s + 1)
            case 4:
                return replace(frame(seq, t_s), payload=b"\xff\xd8" + self.rng.randbytes(self.rng.randrange(9_000)))
            case _:
                return gap(seq, t_s, t_s + 1)

    def _words(self) -> str:
        return " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 30)))

    def _vector(self) -> NDArray[np.float32]:
        return np.array([self.rng.gauss() for _ in range(WIDTH)], np.float32)


@dataclass
class Found:
    """What is wrong with a memory after power cuts."""

    lost: list[str] = field(default_factory=list)  # or doubled, or another than was stored
    corrupt: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # segments


def after_cuts(
    seed: int, *, cuts: int | None = None, synchronous: str = "FULL", disk: Callable[[Power], Disk] = PowerDisk
) -> Found:
    """Run a story through so many cuts, one to three if not told, and look at what the last one left."""
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder).resolve(), seed, synchronous, disk)
        for _ in range(cuts or story.rng.randint(1, 3)):
            story.live()
        found = Found()
        try:
            with closing(Store.open(story.folder)) as store:
                look_at(store, story, found)
        except UNREADABLE as error:
            found.corrupt.append(str(error))
        return found


def look_at(store: Store, story: Story, found: Found) -> None:
    """Read what a cut left, on a real disk, as the next process would; then let that one go on."""
    found.corrupt += [line for line in store.verify() if not line.startswith(f"{FOLDER}/")]  # those are made anew
    kept, with_waiting = kept_rows(store, found), story.with_waiting()
    if story.erasing is not None and kept.keys() == story.without_erasing().keys():
        story.stored = with_waiting = story.without_erasing()
    found.lost += sorted(f"{key} is lost" for key in story.stored.keys() - kept.keys())
    found.lost += [f"{key} is another" for key, row in kept.items() if row != with_waiting.get(key)]
    if kept.keys() not in (story.stored.keys(), with_waiting.keys()):
        found.lost.append("a batch is there in part")
    index = SpaceIndex(store.path, SPACE, WIDTH)
    index.follow(store.connection())
    found.lost += unfound(store, index)
    files = store.folder / FOLDER
    found.damaged += [one.file for one in index.damaged]
    store.append(story.waiting)
    if kept_rows(store, found) != with_waiting:
        found.lost.append("what came again was not taken as it should be")
    seal_all(store, index)
    if {path.name for path in files.iterdir()} != {part.file for part in sealed_parts(store.connection(), SPACE)}:
        found.damaged.append("the files are not those that the store names")
    index.follow(store.connection())
    found.lost += unfound(store, index)
    found.damaged += [f"{one.file} was not made anew" for one in index.damaged]


def kept_of(rows: Sequence[Row]) -> Kept:
    """Return what a store keeps of rows that come in this order."""
    kept: Kept = {}
    for row in rows:
        if isinstance(row, RecordRow | ClipRow):
            kept.setdefault((type(row).__name__, row.key), row)
        elif isinstance(row, VectorRow):
            kept.setdefault((type(row).__name__, row.owner), row)
    return kept


def kept_rows(store: Store, found: Found) -> Kept:
    """Read back every record with its picture, every clip and every vector."""
    db = store.connection()
    rows: list[Row] = [RecordRow(*row) for row in db.execute(RECORDS)]
    rows += [ClipRow(*row) for row in db.execute(CLIPS)]
    rows += [VectorRow(*row) for row in db.execute(VECTORS)]
    kept = kept_of(rows)
    if len(kept) != len(rows):
        found.lost.append(f"{len(rows) - len(kept)} rows are doubled")
    return kept


def unfound(store: Store, index: SpaceIndex) -> list[str]:
    """Search for everything; each stored vector must come back, with its own score."""
    query = np.linspace(-1, 1, WIDTH, dtype=np.float32)
    blobs = store.connection().execute("SELECT id, vector FROM vec")
    vectors = {int(number): np.frombuffer(blob, np.float16) for number, blob in blobs}
    ids, scores = index.search(query, 100_000, Scope(session="s", as_of_ns=2**62))
    if sorted(ids.tolist()) != sorted(vectors):
        return [f"{len(vectors)} vectors are stored, {len(ids)} are found"]
    expected = [vectors[number].astype(np.float32) @ query for number in ids.tolist()]
    return [] if np.allclose(scores, expected, atol=1e-4) else ["vectors are found that are not those stored"]


def seal_all(store: Store, index: SpaceIndex) -> None:
    sealer = Sealer(store.folder, lambda rows: submit(store, rows), RealDisk(), seal_rows=SEAL_ROWS)
    sealer.note(SPACE, index.damaged)
    while sealer.step():
        pass
    sealer.close()


def submit(store: Store, rows: Sequence[Row]) -> Future[list[str]]:
    done: Future[list[str]] = Future()
    done.set_result(store.append(rows))
    return done


@pytest.mark.parametrize("seed", range(STORIES))
def test_a_power_cut_loses_nothing_that_was_called_stored(seed: int) -> None:
    assert after_cuts(seed) == Found()


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, 10_000, 1_000))
def test_ten_thousand_power_cuts(first: int) -> None:
    for seed in range(first, first + 1_000):
        assert after_cuts(seed) == Found(), f"seed {seed}"


def test_a_memory_whose_creation_was_cut_is_made_anew() -> None:
    for moments in range(CREATION):
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder, "before").resolve(), Path(folder, "after")
            before.mkdir()
            power = Power(before, random.Random(moments), moments)
            with sqlite_on(power), suppress(PowerCut, HeedfulError):
                Store.open(before).close()
            power.cut(after)
            with closing(Store.open(after)) as store:
                assert store.verify() == [], f"cut after {moments} moments"


def test_without_any_sync_rows_are_lost_and_the_file_is_corrupt() -> None:
    ends = [after_cuts(seed, cuts=1, synchronous="OFF") for seed in range(STORIES)]
    assert any(found.lost for found in ends)
    assert any(found.corrupt for found in ends)


def test_with_syncs_at_checkpoints_alone_rows_are_lost_but_the_file_is_sound() -> None:
    ends = [after_cuts(seed, cuts=1, synchronous="NORMAL") for seed in range(STORIES)]
    assert any(found.lost for found in ends)
    assert not any(found.corrupt for found in ends)


class ContentUnsynced(PowerDisk):
    def sync(self, file: BinaryIO) -> None:
        """Say that it is on the disk."""


class NameUnsynced(PowerDisk):
    def publish(self, path: Path) -> None:
        self.rename(unfinished(path), path)


@pytest.mark.parametrize("disk", [ContentUnsynced, NameUnsynced])
def test_without_syncs_segments_are_damaged_and_no_row_is_lost(disk: type[PowerDisk]) -> None:
    ends = [after_cuts(seed, disk=disk) for seed in range(STORIES)]
    assert any(found.damaged for found in ends)
    assert not any(found.lost or found.corrupt for found in ends)


def test_every_append_syncs(tmp_path: Path) -> None:
    power = Power(tmp_path, random.Random(0), 1_000_000)
    with sqlite_on(power), closing(Store.open(tmp_path)) as store:
        for seq in range(100):
            before = power.syncs
            store.append(rows_of([tone(seq, seq, seq + 1)]))
            assert power.syncs > before


OLD, NEW = b"old" * SECTOR, b"new" * SECTOR


def left_after(work: Callable[[PowerDisk, Path], None]) -> list[dict[str, bytes]]:
    """Return the files that power cuts leave after some work in a folder that held one."""
    left = []
    for seed in range(100):
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder, "before"), Path(folder, "after")
            before.mkdir()
            (before / "old").write_bytes(OLD)
            power = Power(before, random.Random(seed), 1_000)
            work(PowerDisk(power), before)
            power.cut(after)
            left.append({path.name: path.read_bytes() for path in after.iterdir()})
    return left


def write_new(disk: PowerDisk, folder: Path, *, synced: bool) -> None:
    with disk.create(folder / "new.tmp") as file:
        file.write(NEW)
        if synced:
            disk.sync(file)


def test_what_was_synced_is_there_after_any_cut() -> None:
    def work(disk: PowerDisk, folder: Path) -> None:
        write_new(disk, folder, synced=True)
        disk.publish(folder / "new")

    assert left_after(work) == [{"old": OLD, "new": NEW}] * 100


def test_content_that_was_not_synced_may_be_whole_gone_or_torn() -> None:
    def work(disk: PowerDisk, folder: Path) -> None:
        write_new(disk, folder, synced=False)
        disk.publish(folder / "new")

    contents = {left["new"] for left in left_after(work)}
    assert {NEW, b"", bytes(SECTOR) + NEW[SECTOR:]} < contents
    assert any(set(content) - set(NEW) - {0} for content in contents)


def test_names_that_were_not_synced_may_be_those_from_before() -> None:
    def work(disk: PowerDisk, folder: Path) -> None:
        write_new(disk, folder, synced=True)
        disk.rename(folder / "new.tmp", folder / "new")
        disk.remove(folder / "old")

    names = {tuple(sorted(left)) for left in left_after(work)}
    assert names == {(), ("new",), ("new.tmp",), ("old",), ("new", "old"), ("new.tmp", "old")}
