"""Which message of one run is which of another: the same first, then by temporal overlap, then by content.

Every choice is the same with the two runs exchanged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from runtime.apps.run_file import Said

Pairs = list[tuple[int, int]]  # places in the one and in the other list
Rank = tuple[float, ...]  # of a pair: the smallest comes first

WIDER_NS = 250_000_000  # on either side of what is compared: moments have no length of their own
OVERLAP_LEAST = 0.1  # temporal IoU of what may be the same
MOVED_NS = 10_000_000_000  # by which the same content may have moved
TIMES = frozenset({"t_ns", "start_ns", "end_ns"})


def pair_in_time(ours: Sequence[Said], theirs: Sequence[Said]) -> Pairs:
    """Return pairs of percepts or clips of one kind and stream."""
    matching = Matching(len(ours), len(theirs))
    matching.take_equal([one.key() for one in ours], [one.key() for one in theirs])
    matching.take_best(_overlapping(ours, theirs, *matching.left()))
    matching.take_best(_moved(ours, theirs, *matching.left()))
    return matching.pairs()


def pair_answers(ours: Sequence[Said], theirs: Sequence[Said]) -> Pairs:
    """Return pairs of answers: by id and question, else by question and when it was asked, else by id."""

    def both(one: Said) -> str:
        return f"{one.name} {_question(one)}"

    matching = Matching(len(ours), len(theirs))
    for same in (both, _question, lambda one: one.name):
        matching.take_best(_nearest(ours, theirs, *matching.left(), same=same))
    return matching.pairs()


class Matching:
    """Pairs that are taken one after the other, each place once."""

    def __init__(self, ours: int, theirs: int) -> None:
        """Start without pairs."""
        self._ours: dict[int, int] = {}
        self._theirs: dict[int, int] = {}
        self._counts = (ours, theirs)

    def take_equal(self, ours: Sequence[str], theirs: Sequence[str]) -> None:
        """Pair what has the same key, in order."""
        waiting: dict[str, list[int]] = defaultdict(list)
        for place in range(len(theirs) - 1, -1, -1):
            waiting[theirs[place]].append(place)
        for place, key in enumerate(ours):
            if waiting[key]:
                self._take(place, waiting[key].pop())

    def take_best(self, ranked: Iterable[tuple[Rank, int, int]]) -> None:
        """Pair by rank; the places decide between equal ones, whichever run is which."""
        for _, one, other in sorted(ranked, key=lambda pair: (pair[0], pair[1] + pair[2], abs(pair[1] - pair[2]))):
            if one not in self._ours and other not in self._theirs:
                self._take(one, other)

    def left(self) -> tuple[list[int], list[int]]:
        """Return the places that have no partner."""
        ours, theirs = self._counts
        return [one for one in range(ours) if one not in self._ours], [
            one for one in range(theirs) if one not in self._theirs
        ]

    def pairs(self) -> Pairs:
        """Return all pairs, by the place in the first run."""
        return sorted(self._ours.items())

    def _take(self, one: int, other: int) -> None:
        self._ours[one], self._theirs[other] = other, one


def overlap(one: Said, other: Said) -> float:
    """Return the temporal IoU of two messages, each a little widened: 0 to 1."""
    inside = min(one.end_ns, other.end_ns) - max(one.start_ns, other.start_ns) + 2 * WIDER_NS
    both = max(one.end_ns, other.end_ns) - min(one.start_ns, other.start_ns) + 2 * WIDER_NS
    return max(0, inside) / both if both > 0 else 0.0


def likeness(one: Said, other: Said) -> float:
    """Return the share of fields, times aside, that agree."""
    names = (one.fields.keys() | other.fields.keys()) - TIMES
    agree = [name for name in names if one.fields.get(name) == other.fields.get(name)]
    return len(agree) / len(names) if names else 1.0


def _overlapping(
    ours: Sequence[Said], theirs: Sequence[Said], left: list[int], right: list[int]
) -> Iterable[tuple[Rank, int, int]]:
    for one, other in _near(ours, theirs, left, right, 2 * WIDER_NS):
        shared = overlap(ours[one], theirs[other])
        if shared >= OVERLAP_LEAST:
            yield (-shared, -likeness(ours[one], theirs[other])), one, other


def _moved(
    ours: Sequence[Said], theirs: Sequence[Said], left: list[int], right: list[int]
) -> Iterable[tuple[Rank, int, int]]:
    for one, other in _near(ours, theirs, left, right, MOVED_NS):
        apart_ns = abs(ours[one].start_ns - theirs[other].start_ns)
        if apart_ns <= MOVED_NS and likeness(ours[one], theirs[other]) == 1.0:
            yield (apart_ns,), one, other


def _nearest(
    ours: Sequence[Said], theirs: Sequence[Said], left: list[int], right: list[int], *, same: Callable[[Said], str]
) -> Iterable[tuple[Rank, int, int]]:
    for one in left:
        for other in right:
            key = same(ours[one])
            if key and key == same(theirs[other]):
                yield (abs(ours[one].start_ns - theirs[other].start_ns),), one, other


def _near(
    ours: Sequence[Said], theirs: Sequence[Said], left: list[int], right: list[int], apart_ns: int
) -> Iterable[tuple[int, int]]:
    """Yield the pairs that are no further apart than this, without looking at all of them."""
    right = sorted(right, key=lambda place: theirs[place].start_ns)
    starts = [theirs[place].start_ns for place in right]
    longest_ns = max((one.end_ns - one.start_ns for one in theirs), default=0)
    for one in left:
        first = bisect_left(starts, ours[one].start_ns - apart_ns - longest_ns)
        for other in right[first:]:
            if theirs[other].start_ns > ours[one].end_ns + apart_ns:
                break
            yield one, other


def _question(one: Said) -> str:
    return str(one.fields.get("question", ""))
