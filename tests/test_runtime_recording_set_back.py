"""A recorder's clock that is set back: time goes on in the order of the file, and what is only disorder is sorted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.recording.mcap_file import McapFile
from runtime.recording.set_back import BACK_NS
from tests.bags import Line, S, lines, seen, write_mcap

DAY_NS = 86_400 * S


def late(count: int, topics: int = 2, apart_ns: int = 0) -> list[Line]:
    """Return lines of some day, so much further apart."""
    plain = lines(count, topics)
    return [replace(one, log_ns=one.log_ns + DAY_NS + at * apart_ns) for at, one in enumerate(plain)]


def moved(found: Sequence[Line], by_ns: int, start: int) -> list[Line]:
    """Return lines of which those from `start` on have other times."""
    return [*found[:start], *(replace(one, log_ns=one.log_ns + by_ns) for one in found[start:])]


def read(path: Path) -> tuple[list[Line], int, list[tuple[int, int]]]:
    with closing(McapFile(path)) as file:
        return seen(file), file.jumps, file.spans


@pytest.mark.parametrize("chunk_bytes", [200, 1 << 20])
@pytest.mark.parametrize("back_ns", [20 * S, 3600 * S, 20_000 * S])
def test_what_comes_after_a_clock_was_set_back_goes_on(tmp_path: Path, chunk_bytes: int, back_ns: int) -> None:
    whole = late(60)
    path = write_mcap(tmp_path / "a.mcap", moved(whole, -back_ns, 20), chunk_bytes)
    found, jumps, spans = read(path)
    assert jumps == 1
    assert found == moved(whole, whole[19].log_ns + 1 - whole[20].log_ns, 20)
    assert max(end_ns for _, end_ns in spans) == found[-1].log_ns


def test_a_clock_that_is_set_back_twice_goes_on_twice(tmp_path: Path) -> None:
    whole = late(90)
    back = moved(moved(whole, -3600 * S, 30), -3600 * S, 60)
    found, jumps, _ = read(write_mcap(tmp_path / "a.mcap", back))
    assert jumps == 2
    assert [one.data for one in found] == [one.data for one in whole]


@pytest.mark.parametrize("chunk_bytes", [200, 1000, 1 << 20])
@pytest.mark.parametrize("jitter_s", [5, 20, 60])
def test_a_clock_that_jitters_does_not_stretch_time(tmp_path: Path, chunk_bytes: int, jitter_s: int) -> None:
    draw = random.Random(jitter_s)
    slow = late(200, 2, S)
    shaken = [replace(one, log_ns=one.log_ns + draw.randrange(-jitter_s * S, jitter_s * S)) for one in slow]
    found, jumps, spans = read(write_mcap(tmp_path / "a.mcap", shaken, chunk_bytes))
    assert jumps == 0
    assert found == sorted(shaken, key=lambda one: one.log_ns)
    assert max(end_ns for _, end_ns in spans) == found[-1].log_ns


@pytest.mark.parametrize("chunk_bytes", [200, 1000])
def test_a_clock_that_is_set_back_again_and_again_goes_on_each_time(tmp_path: Path, chunk_bytes: int) -> None:
    whole = late(180)
    looped = [replace(one, log_ns=one.log_ns - at // 30 * 3600 * S) for at, one in enumerate(whole)]
    found, jumps, _ = read(write_mcap(tmp_path / "a.mcap", looped, chunk_bytes))
    assert jumps == 5
    assert [one.data for one in found] == [one.data for one in whole]


def test_a_file_that_is_written_topic_by_topic_is_sorted(tmp_path: Path) -> None:
    slow = late(60, 3, S)
    found, jumps, _ = read(write_mcap(tmp_path / "a.mcap", sorted(slow, key=lambda one: one.topic)))
    assert jumps == 0
    assert found == slow


def test_disorder_is_sorted(tmp_path: Path) -> None:
    slow = late(60, 2, S)
    found, jumps, _ = read(write_mcap(tmp_path / "a.mcap", [slow[at ^ 2] for at in range(60)]))
    assert 2 * S < BACK_NS
    assert jumps == 0
    assert found == slow
