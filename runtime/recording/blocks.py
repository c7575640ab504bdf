"""Pieces of a recording, each read at once, and their entries in order: memory holds one piece and what overlaps it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from runtime.recording.container import Entry
from runtime.recording.timeline import PAUSE_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of the file with messages in it: a chunk, or messages that stand by themselves."""

    start_ns: int
    end_ns: int
    offset: int
    length: int  # of the whole records
    is_chunk: bool
    is_cut: bool = False  # the file ends in it
    channels: frozenset[int] | None = None  # None: unknown until it is read


def entries_in(
    blocks: Sequence[Block],
    read: Callable[[Block], list[Entry]],
    channels: Collection[int] | None,
    start_ns: int,
) -> Iterator[Entry]:
    """Yield entries by log time, those of one time as they stand in the blocks, which come by their start."""
    wanted = None if channels is None else frozenset(channels)
    waiting: list[Entry] = []  # of blocks that overlap with the next one
    for block in blocks:
        is_wanted = wanted is None or block.channels is None or bool(wanted & block.channels)
        if not is_wanted or block.end_ns < start_ns:
            continue
        if waiting:
            waiting.sort(key=log_time)
            done = next((at for at, one in enumerate(waiting) if one.log_ns >= block.start_ns), len(waiting))
            yield from waiting[:done]
            del waiting[:done]
        waiting += [one for one in read(block) if one.log_ns >= start_ns and (wanted is None or one.channel in wanted)]
    waiting.sort(key=log_time)
    yield from waiting


def spans_of(blocks: Sequence[Block], read: Callable[[Block], list[Entry]]) -> list[tuple[int, int]]:
    """Return from when to when something was logged, oldest first; blocks longer than a pause are looked into.

    A recorder that starts without the time of day, and is then told it, has 1970 and today in one block.
    """
    spans: list[tuple[int, int]] = []
    for block in blocks:
        if block.end_ns and block.end_ns - block.start_ns <= PAUSE_NS:  # 0: perhaps nothing is in it
            spans.append((block.start_ns, block.end_ns))
            continue
        times = sorted(map(log_time, read(block)))
        starts = [at for at, t_ns in enumerate(times) if at == 0 or t_ns - times[at - 1] > PAUSE_NS]
        spans += [(times[a], times[b - 1]) for a, b in pairwise([*starts, len(times)])]
    return sorted(spans)


def log_time(entry: Entry) -> int:
    """Return what entries are ordered by."""
    return entry.log_ns
