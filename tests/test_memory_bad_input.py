"""What a memory must not stumble over: each is a typed error or a dead letter, and what is stored stays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import numpy as np
import pytest

from memory.rows import VectorRow, record_row, value_row, vector_row
from memory.scope import LATEST_NS, Scope
from memory.sealing import seal_now
from memory.space import SpaceIndex
from memory.store import FILE_NAME, Store
from runtime.errors import MissingPart
from tests.memory_records import letter_vector, rows_with_vectors, tone, utterance

KILLED = """
import os, sys
from memory.store import Store
from tests.memory_records import rows_of, tone
store = Store.open(sys.argv[1])
store.append(rows_of([tone(0, 0, 1)]))
store.flush()
store.append(rows_of([tone(1, 2, 3)]))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A memory with one record."""
    store = Store.open(tmp_path / "memory")
    store.append(rows_with_vectors([utterance(0, 0, 1, "hello")]))
    store.close()
    return tmp_path / "memory"


def keys(store: Store) -> list[str]:
    return [str(key) for (key,) in store.connection().execute("SELECT key FROM record ORDER BY id")]


def test_a_memory_that_another_program_locks_is_waited_for_and_named(folder: Path) -> None:
    store = Store.open(folder)
    other = apsw.Connection(str(folder / FILE_NAME))
    other.execute("BEGIN IMMEDIATE")
    store.connection().set_busy_timeout(100)
    with pytest.raises(MissingPart, match="locked by another program"):
        store.append([record_row(tone(1, 2, 3))])
    other.execute("ROLLBACK")
    other.close()
    assert store.append([record_row(tone(1, 2, 3))]) == ["s/mic/0/sound-1"]
    assert keys(store) == ["s/mic/0/utterance-0", "s/mic/0/sound-1"]


def test_a_memory_whose_log_was_deleted_has_what_was_in_the_file_and_takes_more(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path, whole, ignore=shutil.ignore_patterns("whole"))
    store = Store.open(whole)
    assert keys(store) == ["s/mic/0/sound-0", "s/mic/0/sound-1"]
    store.close()
    (tmp_path / f"{FILE_NAME}-wal").unlink()
    store = Store.open(tmp_path)
    assert keys(store) == ["s/mic/0/sound-0"]
    assert store.append([record_row(tone(1, 2, 3))])
    assert store.verify() == []


def test_a_text_of_a_megabyte_is_kept_whole_and_found(folder: Path) -> None:
    store = Store.open(folder)
    store.append(rows_with_vectors([utterance(1, 2, 3, "meteor " * 150_000)]))
    found = store.connection().execute("SELECT length(text) FROM record WHERE seq = 1").get
    assert found == len("meteor " * 150_000) - 1
    matched = store.connection().execute("SELECT count(*) FROM record_fts WHERE record_fts MATCH 'meteor'").get
    assert matched == 1
    assert store.verify() == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e6])
def test_a_vector_that_is_no_direction_is_refused(folder: Path, value: float) -> None:
    with pytest.raises(ValueError, match="s/mic/0/utterance-0"):
        vector_row("s/mic/0/utterance-0", "test@1", np.full(4, value, np.float32))
    assert keys(Store.open(folder)) == ["s/mic/0/utterance-0"]


@pytest.mark.parametrize("shape", [(), (0,), (2, 4)])
def test_a_vector_of_no_or_two_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="empty, zero or not finite"):
        vector_row("x", "test@1", np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("tokens", "weights"),
    [
        (np.ones((2, 3)), np.ones(3)),
        (np.ones(3), np.ones(3)),
        (np.empty((0, 3)), np.empty(0)),
        (np.full((2, 3), np.nan), np.ones(2)),
        (np.ones((2, 3)), np.array([1.0, np.inf])),
    ],
)
def test_tokens_that_do_not_fit_are_refused(
    tokens: np.ndarray[tuple[int, ...]], weights: np.ndarray[tuple[int, ...]]
) -> None:
    with pytest.raises(ValueError, match="the tokens of x"):
        value_row("x", "m@1", tokens.astype(np.float32), weights.astype(np.float32))


def test_a_vector_of_another_width_is_refused_and_its_batch_with_it(folder: Path) -> None:
    store = Store.open(folder)
    short = VectorRow("s/mic/0/sound-1", letter_vector("x", "y").space, bytes(10))
    with pytest.raises(apsw.ConstraintError, match="has not the width of its space"):
        store.append([record_row(tone(1, 2, 3)), short])
    assert keys(store) == ["s/mic/0/utterance-0"]


def test_a_space_that_nobody_wrote_is_empty(folder: Path) -> None:
    store = Store.open(folder)
    index = SpaceIndex(store.path, "nobody@1", 4)
    index.follow(store.connection())
    ids, scores = index.search(np.ones(4, np.float32), 9, Scope(session="s", as_of_ns=LATEST_NS))
    assert len(ids) == len(scores) == 0
    assert [key for key, _ in store.unembedded("nobody@1")] == ["s/mic/0/utterance-0"]


def test_segments_of_another_memory_are_swept_away(folder: Path, tmp_path: Path) -> None:
    (folder / "index").mkdir(exist_ok=True)
    (folder / "index" / "1-1-8192-0.segment").write_bytes(b"HEEDFUL SEGMENT 3\n" + bytes(99))
    store = Store.open(folder)
    seal_now(store)
    assert list((folder / "index").iterdir()) == []
    assert store.verify() == []
