"""A recorder whose clock was set back while it wrote: what it wrote after that is moved to go on from where it was.

The file's order tells: where entries of one channel stand after later ones, by more than disorder explains, the clock
was set back. Files that are written topic by topic, or by several threads, are not that; nor is a clock that jumps
forward as often as back: its times are off one by one, and what would be made of each step adds up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from runtime.recording.blocks import Block
from runtime.recording.container import Entry

BACK_NS = 10_000_000_000  # less is disorder, which is sorted
JITTER_STEPS = 3  # so many steps back of one channel may be jitter
Read = Callable[[Block], list[Entry]]


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much a block's times are moved; where the clock was set back in it, those up to `border_ns` by another."""

    ns: int = 0
    border_ns: int = -1
    after_ns: int = 0

    def of(self, log_ns: int) -> int:
        """Return by how much a time is moved."""
        return self.after_ns if log_ns <= self.border_ns else self.ns

    def moved(self, entry: Entry) -> Entry:
        """Return an entry on a clock that goes on."""
        by_ns = self.of(entry.log_ns)
        if not by_ns:
            return entry
        publish_ns = entry.publish_ns + by_ns if entry.publish_ns else 0
        return replace(entry, log_ns=entry.log_ns + by_ns, publish_ns=max(0, publish_ns))


def find_shifts(blocks: Sequence[Block], read: Read) -> tuple[dict[int, Shift], int]:
    """Return the shift of each block in the order of the file, by its place, and how often the clock was set back.

    Only blocks that begin before the end of the one before them are read.
    """
    shifts: dict[int, Shift] = {}
    steps = _Steps()
    by_ns = jumps = 0
    before: Block | None = None
    for block in sorted(blocks, key=lambda one: one.offset):
        if not block.end_ns:  # perhaps nothing is in it
            continue
        shifts[block.offset] = Shift(by_ns)
        is_behind = before is not None and block.start_ns < before.end_ns - BACK_NS
        is_first_and_long = before is None and block.end_ns - block.start_ns > BACK_NS
        end_ns = block.end_ns
        if is_behind or is_first_and_long:
            entries = read(before) if before is not None else []
            known = len(entries)
            entries += read(block)
            steps.count(entries, known)
            at = _step_at(entries, known)
            if at is not None:
                old_ns, new_ns = max(one.log_ns for one in entries[:at]), min(one.log_ns for one in entries[at:])
                after_ns = by_ns + old_ns + 1 - new_ns
                shifts[block.offset] = Shift(by_ns, (old_ns + new_ns) // 2, after_ns)
                by_ns, jumps = after_ns, jumps + 1
                end_ns = max(one.log_ns for one in entries[at:])
        before = replace(block, end_ns=end_ns)
    return ({}, 0) if steps.are_jitter else (shifts, jumps)


class _Steps:
    """Counts how often the times of each channel step far back, and far forward."""

    def __init__(self) -> None:
        self._back: Counter[int] = Counter()
        self._forward: Counter[int] = Counter()

    def count(self, entries: Sequence[Entry], known: int) -> None:
        """Count the steps to entries from the `known` ones on."""
        reached_ns: dict[int, int] = {}
        for at, entry in enumerate(entries):
            step_ns = entry.log_ns - reached_ns.get(entry.channel, entry.log_ns)
            if at >= known and abs(step_ns) > BACK_NS:
                (self._back if step_ns < 0 else self._forward)[entry.channel] += 1
            reached_ns[entry.channel] = entry.log_ns

    @property
    def are_jitter(self) -> bool:
        """Say whether every channel that often stepped back stepped forward about as often."""
        often = {channel: count for channel, count in self._back.items() if count >= JITTER_STEPS}
        return bool(often) and all(count <= 2 * self._forward[one] <= 4 * count for one, count in often.items())


def _step_at(entries: Sequence[Entry], known: int) -> int | None:
    """Return the first entry, from the `known` ones on, that stands after a much later one of its channel."""
    reached_ns: dict[int, int] = {}
    for at, entry in enumerate(entries):
        if at >= known and reached_ns.get(entry.channel, 0) - entry.log_ns > BACK_NS:
            return at
        reached_ns[entry.channel] = entry.log_ns  # not the latest: one step is found once
    return None


def moved_block(block: Block, shift: Shift, read: Read) -> Block:
    """Return a block with the times that its entries have after they were moved."""
    if shift.border_ns >= 0:
        times = [one.log_ns for one in read(block)]
        return replace(block, start_ns=min(times), end_ns=max(times))
    return replace(block, start_ns=block.start_ns + shift.ns, end_ns=block.end_ns + shift.ns) if shift.ns else block
