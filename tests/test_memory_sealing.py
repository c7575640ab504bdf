"""Whatever is sealed, killed or damaged: every row is found, and the store alone says which files count."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.device import Device
from memory.disk import RealDisk
from memory.erasing import compact
from memory.manifest import FOLDER, Sealed, sealed_parts
from memory.rows import Row, SegmentRow, VectorRow, record_row, vector_row
from memory.scope import Scope
from memory.sealing import Sealer, sizes
from memory.space import SpaceIndex
from memory.store import Store
from memory.upkeep import Upkeep
from runtime.messages import Sound
from tests.memory_devices import FaissDevice, FullDevice
from tests.test_memory_index import random_vectors

SPACE, WIDTH, SEAL_ROWS = "test@1", 8, 40
S = 1_000_000_000


def sound(seq: int) -> Sound:
    return Sound(
        session="s",
        stream="mic",
        epoch=0,
        seq=seq,
        t_ns=seq * S,
        start_ns=seq * S,
        end_ns=seq * S,
        label="tone",
        pitch_hz=440.0,
        level_db=-20.0,
        rise_db=20.0,
    )


def rows(first: int, count: int, space: str = SPACE) -> list[Row]:
    vectors = random_vectors(first + count, 3)[first:]
    records = [record_row(sound(seq)) for seq in range(first, first + count)]
    return [
        *records,
        *(vector_row(row.key, space, vector.astype(np.float32)) for row, vector in zip(records, vectors, strict=True)),
    ]


class Memory:
    """A store in a test's hand, which commits in the caller's thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder)

    def submit(self, some: Sequence[Row]) -> Future[list[str]]:
        done: Future[list[str]] = Future()
        done.set_result(self.store.append(some))
        return done

    def sealer(self, disk: RealDisk | None = None, device: Device | None = None) -> Sealer:
        return Sealer(self.folder, self.submit, disk or RealDisk(), seal_rows=SEAL_ROWS, device=device)

    def parts(self) -> list[Sealed]:
        return sealed_parts(self.store.connection(), SPACE)

    def files(self) -> set[str]:
        return {path.name for path in (self.folder / FOLDER).iterdir()}

    def index(self) -> SpaceIndex:
        index = SpaceIndex(self.store.path, SPACE, WIDTH)
        index.follow(self.store.connection())
        return index


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    one = Memory(tmp_path / "m")
    yield one
    one.store.close()


def found(index: SpaceIndex) -> list[int]:
    ids, _ = index.search(random_vectors(1, 9)[0].astype(np.float32), 10_000, Scope(session="s", as_of_ns=2**62))
    return sorted(ids.tolist())


def seal_all(sealer: Sealer) -> None:
    while sealer.step():
        pass
    sealer.close()


@pytest.mark.parametrize("units", range(1, 14))
def test_segments_count_in_binary(memory: Memory, units: int) -> None:
    sealer = memory.sealer()
    for number in range(units):
        memory.store.append(rows(number * SEAL_ROWS, SEAL_ROWS))
        while sealer.step():
            pass
    sealer.close()
    memory.store.append(rows(units * SEAL_ROWS, SEAL_ROWS - 1))
    sizes = [part.units for part in memory.parts()]
    assert sizes == [2**bit for bit in reversed(range(4)) if units & 2**bit]
    assert memory.files() == {part.file for part in memory.parts()}
    assert found(memory.index()) == list(range(1, (units + 1) * SEAL_ROWS))


def test_many_rows_at_once_are_sealed_at_once(memory: Memory) -> None:
    memory.store.append(rows(0, 13 * SEAL_ROWS + 7))
    seal_all(memory.sealer())
    assert [part.units for part in memory.parts()] == [8, 4, 1]


@given(steps=st.lists(st.integers(0, 40), max_size=30))
def test_how_rows_come_does_not_decide_what_is_sealed(steps: list[int]) -> None:
    assert sizes(0) == []
    assert sum(sizes(sum(steps))) == sum(steps)
    assert sizes(299) == [128, 128, 32, 8, 2, 1]


@pytest.mark.parametrize("steps", [(3, 2), (1, 1, 1, 1, 1), (5,), (2, 1, 2), (4, 1)])
def test_rows_in_any_portions_end_in_the_same_segments(memory: Memory, steps: tuple[int, ...]) -> None:
    sealer, total = memory.sealer(), 0
    for units in steps:
        memory.store.append(rows(total, units * SEAL_ROWS))
        total += units * SEAL_ROWS
        while sealer.step():
            pass
    sealer.close()
    assert [part.units for part in memory.parts()] == [4, 1]
    assert found(memory.index()) == list(range(1, total + 1))


def test_spaces_are_sealed_apart(memory: Memory) -> None:
    memory.store.append([*rows(0, SEAL_ROWS - 1), *rows(0, SEAL_ROWS, "other@1")])
    seal_all(memory.sealer())
    assert memory.parts() == []
    assert len(sealed_parts(memory.store.connection(), "other@1")) == 1
    assert len(memory.index()) == SEAL_ROWS - 1


def test_an_index_follows_while_somebody_seals(memory: Memory) -> None:
    index, sealer = memory.index(), memory.sealer()
    for number in range(7):
        memory.store.append(rows(number * 30, 30))
        index.follow(memory.store.connection())
        assert found(index) == list(range(1, 30 * number + 31))
        sealer.step()
        index.follow(memory.store.connection())
        assert found(index) == list(range(1, 30 * number + 31))
    sealer.close()
    assert found(index) == found(memory.index())


@pytest.mark.parametrize("damage", ["gone", "torn", "flipped"])
def test_a_damaged_segment_is_read_from_the_store_and_made_anew(memory: Memory, damage: str) -> None:
    memory.store.append(rows(0, 3 * SEAL_ROWS))
    seal_all(memory.sealer())
    first, second = memory.parts()
    path = memory.folder / FOLDER / first.file
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[100] ^= 1
        path.write_bytes(data if damage == "flipped" else data[:1000])
    (line,) = memory.store.verify()
    assert line.startswith(f"index/{first.file} is {'missing' if damage == 'gone' else 'damaged'}; ")
    index = memory.index()
    assert index.damaged == [first]
    assert found(index) == list(range(1, 3 * SEAL_ROWS + 1))
    sealer = memory.sealer()
    sealer.note(SPACE, index.damaged)
    seal_all(sealer)
    index.follow(memory.store.connection())
    assert index.damaged == []
    assert memory.store.verify() == []
    assert [(part.first_id, part.units) for part in memory.parts()] == [(first.first_id, 2), (second.first_id, 1)]
    assert memory.files() == {part.file for part in memory.parts()}
    assert found(index) == list(range(1, 3 * SEAL_ROWS + 1))


def test_compacting_makes_damaged_and_missing_files_anew(memory: Memory) -> None:
    memory.store.append(rows(0, 3 * SEAL_ROWS))
    seal_all(memory.sealer())
    first, second = memory.parts()
    (memory.folder / FOLDER / first.file).unlink()
    (memory.folder / FOLDER / second.file).write_bytes(b"of another memory")
    assert len(memory.store.verify()) == 2
    compact(memory.store)
    assert memory.store.verify() == []
    assert memory.files() == {part.file for part in memory.parts()}
    assert found(memory.index()) == list(range(1, 3 * SEAL_ROWS + 1))


def test_all_files_may_be_deleted(memory: Memory) -> None:
    memory.store.append(rows(0, 3 * SEAL_ROWS))
    seal_all(memory.sealer())
    for path in (memory.folder / FOLDER).iterdir():
        path.unlink()
    assert found(memory.index()) == list(range(1, 3 * SEAL_ROWS + 1))


class Dying(RealDisk):
    """A disk whose process is killed at one of its operations."""

    def __init__(self, lives: int) -> None:
        self.lives = lives

    def _live(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise KeyboardInterrupt

    def make_folder(self, folder: Path) -> None:
        self._live()
        super().make_folder(folder)

    def create(self, path: Path) -> BinaryIO:
        self._live()
        return super().create(path)

    def sync(self, file: BinaryIO) -> None:
        self._live()
        super().sync(file)

    def publish(self, path: Path) -> None:
        self._live()
        super().publish(path)

    def remove(self, path: Path) -> None:
        self._live()
        super().remove(path)


@pytest.mark.parametrize("lives", range(12))
def test_whoever_seals_may_be_killed_at_any_step(memory: Memory, lives: int) -> None:
    memory.store.append(rows(0, SEAL_ROWS))
    seal_all(memory.sealer())
    memory.store.append(rows(SEAL_ROWS, 2 * SEAL_ROWS))
    try:
        seal_all(memory.sealer(Dying(lives)))
    except KeyboardInterrupt:
        assert found(memory.index()) == list(range(1, 3 * SEAL_ROWS + 1))
    seal_all(memory.sealer())
    assert memory.files() == {part.file for part in memory.parts()}
    assert found(memory.index()) == list(range(1, 3 * SEAL_ROWS + 1))


def test_a_file_counts_only_once_the_store_names_it(memory: Memory) -> None:
    memory.store.append(rows(0, SEAL_ROWS))

    def refuse(some: Sequence[Row]) -> Future[list[str]]:
        assert isinstance(some[0], SegmentRow)
        failed: Future[list[str]] = Future()
        failed.set_exception(RuntimeError("no"))
        return failed

    sealer = Sealer(memory.folder, refuse, RealDisk(), seal_rows=SEAL_ROWS)
    with pytest.raises(RuntimeError):
        sealer.step()
    assert len(memory.files()) == 1
    assert memory.parts() == []
    assert found(memory.index()) == list(range(1, SEAL_ROWS + 1))
    memory.sealer()
    assert memory.files() == set()


def test_a_full_disk_leaves_rows_unsealed_and_found(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    class Full(RealDisk):
        def sync(self, file: BinaryIO) -> None:
            raise OSError(28, "No space left on device")

    memory.store.append(rows(0, SEAL_ROWS))
    Upkeep([memory.sealer(Full())]).run_now()
    assert "No space left on device" in caplog.text
    assert found(memory.index()) == list(range(1, SEAL_ROWS + 1))
    memory.sealer().run()
    assert len(memory.parts()) == 1


@settings(max_examples=15)
@given(steps=st.lists(st.tuples(st.integers(1, 90), st.booleans(), st.booleans()), min_size=1, max_size=8))
def test_any_story_of_adding_sealing_and_reopening_finds_every_row(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]]
) -> None:
    memory = Memory(tmp_path_factory.mktemp("story"))
    index, total = memory.index(), 0
    for count, seals, reopens in steps:
        memory.store.append(rows(total, count))
        total += count
        if seals:
            memory.sealer().step()
        index = memory.index() if reopens else index
        index.follow(memory.store.connection())
        assert found(index) == list(range(1, total + 1))
    memory.store.close()


def test_a_vector_of_another_width_is_refused_with_its_batch(memory: Memory) -> None:
    memory.store.append(rows(0, 1))
    wrong = VectorRow(record_row(sound(0)).key, SPACE, bytes(2 * WIDTH + 2))
    other = record_row(sound(5))
    with pytest.raises(Exception, match="has not the width of its space"):
        memory.store.append([other, VectorRow(other.key, SPACE, wrong.vector)])
    assert memory.store.stats().records == {"sound": 1}


def test_a_vector_of_what_is_gone_is_left_out(memory: Memory) -> None:
    memory.store.append([vector_row("s/mic/0/sound-99", SPACE, np.ones(WIDTH, np.float32))])
    assert memory.store.stats().vectors == {SPACE: 0}


def test_the_thread_seals_what_it_is_told_of(memory: Memory) -> None:
    sealed = threading.Event()

    def submit(some: Sequence[Row]) -> Future[list[str]]:
        sealed.set()
        return Future()  # nobody answers: the process may end meanwhile

    sealer = Sealer(memory.folder, submit, RealDisk(), seal_rows=SEAL_ROWS)
    upkeep = Upkeep([sealer], period_s=100)
    upkeep.start()
    memory.store.append(rows(0, SEAL_ROWS))
    upkeep.wake()
    assert sealed.wait(50)
    upkeep.close()


def test_what_is_sealed_on_a_device_that_fails_at_times_is_what_the_cpu_seals(tmp_path: Path) -> None:
    devices: list[Device | None] = [None, FaissDevice(), FullDevice(3, 0), FullDevice()]
    sealed = []
    for number, device in enumerate(devices):
        one = Memory(tmp_path / str(number))
        one.store.append(rows(0, 5 * SEAL_ROWS + 3))
        seal_all(one.sealer(device=device))
        assert found(one.index()) == list(range(1, 5 * SEAL_ROWS + 4))
        sealed.append([(part.units, part.checksum) for part in one.parts()])
        one.store.close()
    assert sealed[1:] == sealed[:1] * 3


def test_compacting_makes_damaged_segments_anew_on_a_device(memory: Memory) -> None:
    memory.store.append(rows(0, SEAL_ROWS))
    seal_all(memory.sealer())
    (part,) = memory.parts()
    (memory.folder / FOLDER / part.file).write_bytes(b"torn")
    device = FaissDevice()
    compact(memory.store, device)
    assert device.made == 2
    (anew,) = memory.parts()
    assert (anew.units, anew.checksum) == (part.units, part.checksum)
