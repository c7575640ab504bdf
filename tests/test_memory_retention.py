"""Pictures go by age and by what they show, records only where that is wanted, and a filling disk hurries it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.manifest import erased_ids
from memory.retention import DAY_NS, Policy, Retention
from memory.room import Level, Reserve, level_of
from memory.rows import PinRow, clip_row, record_row
from memory.store import Store
from runtime.messages import Clip, Record
from tests.memory_records import LetterEmbedder, frame, motion, rows_with_vectors, tone, utterance

GIB = 1 << 30
DAY_S = 86_400


class Kept:
    """A memory whose clock and disk a test moves."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self.store = Store.open(folder)
        self.now_ns = 0
        self.level = Level.NOTHING
        self.told: list[Level] = []
        self.retention = Retention(
            Store.open(folder, writable=False),
            self.call,
            policy,
            self.told.append,
            measured=lambda folder, db: self.level,
            now_ns=lambda: self.now_ns,
        )

    def call(self, job: Callable[[Store], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(job(self.store))
        return done

    def on_day(self, day: float) -> set[str]:
        """Let retention look on a day; return what pictures there are then."""
        self.now_ns = round(day * DAY_NS)
        self.retention.run()
        query = "SELECT key FROM media JOIN record ON record.id = record_id"
        return {str(key).rpartition("-")[2] for (key,) in self.store.connection().execute(query)}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    memory = Kept(tmp_path, Policy())
    yield memory
    memory.store.close()


def test_what_shows_something_stays_longer_and_what_is_pinned_longest(kept: Kept) -> None:
    pictures: list[Record] = [frame(seq, 10.0 * seq, is_cut=seq == 4) for seq in range(7)]
    events: list[Record] = [motion(0, 11, 12.5), tone(0, 29, 29.5), utterance(0, 22, 28.5, "hello")]
    kept.store.append([record_row(one) for one in (*pictures, *events)])
    kept.store.append([PinRow("s/cam/0/frame-5", "alert"), PinRow("s/cam/0/clip-9", "alert")])
    sixth = Clip(session="s", stream="cam", epoch=0, seq=9, t_ns=70, start_ns=60, end_ns=60, sensor="video", text="x",
                 record_ids=("s/cam/0/frame-6",))  # fmt: skip
    kept.store.append([clip_row(sixth)])
    assert kept.on_day(2.9) == {"0", "1", "2", "3", "4", "5", "6"}
    assert kept.on_day(3.1) == {"1", "2", "3", "4", "5", "6"}  # 1: movement, 2: words, 3: a sound, 4: a cut
    assert kept.on_day(6.9) == {"1", "2", "3", "4", "5", "6"}
    assert kept.on_day(7.1) == {"5", "6"}
    assert kept.on_day(30.1) == set()
    assert kept.store.stats().records == {"frame": 7, "motion": 1, "sound": 1, "utterance": 1}
    assert kept.store.verify() == []


def test_it_looks_once_an_hour(kept: Kept) -> None:
    kept.store.append([record_row(frame(0, 0.0)), record_row(frame(1, 600.0))])
    assert kept.on_day(3 + 300 / DAY_S) == {"1"}
    assert kept.on_day(3 + 900 / DAY_S) == {"1"}
    assert kept.on_day(3 + 4_000 / DAY_S) == set()


def test_a_disk_that_fills_shortens_their_time_and_is_told_of(kept: Kept) -> None:
    kept.store.append([record_row(frame(0, 0.0)), record_row(frame(1, 0.5 * DAY_S))])
    assert kept.on_day(1.0) == {"0", "1"}
    kept.level = Level.OLD_PICTURES
    assert kept.on_day(1.0) == {"1"}
    assert kept.on_day(1.0 + 61 / DAY_S) == {"1"}
    assert kept.on_day(0.5 + 0.76) == set()
    kept.level = Level.NOTHING
    kept.on_day(1.3)
    assert kept.told == [Level.NOTHING, *[Level.OLD_PICTURES] * 3, Level.NOTHING]


def test_the_reserve_is_held_back_while_there_is_room_and_given_back_at_the_last_mark(kept: Kept) -> None:
    reserve = Reserve(kept.store.folder)
    kept.on_day(0)
    assert reserve.size_bytes > 0
    kept.level = Level.RECORDS
    kept.on_day(0)
    assert reserve.size_bytes == 0
    assert not reserve.release()
    kept.level = Level.NEW_PICTURES  # as where a session begins on a disk that is rather full
    kept.on_day(0)
    assert reserve.size_bytes > 0


def test_records_go_with_their_clips_and_keys_where_that_is_wanted(tmp_path: Path) -> None:
    kept = Kept(tmp_path, Policy(records_ns=10 * DAY_NS))
    records = [utterance(seq, seq * DAY_S, seq * DAY_S + 1, f"word {seq}") for seq in range(600)]
    kept.store.append(rows_with_vectors(records))
    kept.store.append([PinRow("s/mic/0/utterance-3", "alert")])
    kept.on_day(595)
    left = kept.store.connection().execute("SELECT seq FROM record ORDER BY id").fetchall()
    assert [seq for (seq,) in left] == [3, *range(585, 600)]
    assert kept.store.stats().vectors == {LetterEmbedder.space: 16}
    assert len(erased_ids(kept.store.connection(), LetterEmbedder.space)) == 584
    assert kept.store.verify() == []
    kept.store.append(rows_with_vectors(records[:1]))  # it may come again: it was not erased
    assert kept.store.stats().records == {"utterance": 17}


@pytest.mark.parametrize(
    ("used", "free", "level"),
    [
        (0, 1, Level.NOTHING),
        (79, 21, Level.NOTHING),
        (80, 19, Level.OLD_PICTURES),
        (900, 100, Level.NOTHING),  # a large disk has room still
        (93, 7, Level.NEW_PICTURES),
        (60, 1, Level.RECORDS),
        (9_999, 1, Level.RECORDS),
    ],
)
def test_marks_are_shares_of_a_small_disk_and_gigabytes_of_a_large_one(used: int, free: int, level: Level) -> None:
    assert level_of(used * GIB, free * GIB) == level


def test_nothing_is_known_of_an_empty_memory(kept: Kept) -> None:
    assert kept.on_day(100) == set()
    assert np.array_equal(erased_ids(kept.store.connection(), "none"), np.empty(0))
