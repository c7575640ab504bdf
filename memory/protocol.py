"""What any engine must be able to do to be the memory: keep rows, and find them again inside a scope.

SQLite with its index is one (`memory.embedded`), LanceDB another (`memory.lance`); one suite tests both
(tests/memory_conformance.py). Whoever answers questions stands on the reading half and knows no engine.

What a scope does not allow is never returned and never counted: filters act inside the search, so that k come where k
are allowed, and where fewer come there are no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from memory.erase import Erased, Selector
from memory.rows import Row
from memory.scope import Scope
from memory.words import Term
from runtime.messages import Hit, Stretch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCORE_DIGITS = 4
SHOWN = ("motion", "frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What a search found, best first."""

    scores: Mapping[str, float]  # by the key of the record
    clips: Mapping[str, float] = field(default_factory=dict)  # by the key of the clip, where vectors were searched
    allowed: int  # how many the scope allows in all: fewer than k means that no more are there
    is_exact: bool  # no better one can have been passed over, and `allowed` is no less than there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What an engine stands for; the conformance suite looks whether it is so."""

    engine: str
    survives_kill: bool  # what `append` returned is there after kill -9
    survives_power_cut: bool  # and after a power cut
    syncs_per_commit: int  # fsync and fdatasync, at least
    is_whole: bool  # of a batch all is there or nothing, after all that the engine survives
    has_one_snapshot: bool  # a reader beside a writer sees one moment, in all that it holds
    filters_inside: bool  # k come where k are allowed
    exact_rows: int | None  # up to so many allowed vectors nothing better is passed over; None: always
    erases_bytes: bool  # when `forget` returns, no file has what it named
    keeps: frozenset[type[Row]]  # rows that it has a place for; others raise MissingPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much an engine holds."""

    sessions: Mapping[str, int]  # name -> start_ns
    records: Mapping[str, int]  # per kind
    clips: int
    vectors: Mapping[str, int]  # per space


class MemoryReader(Protocol):
    """A memory that can be searched; each thread has its own.

    Raises StoreCorrupt where what is stored is damaged and MissingPart where the engine or its disk fails.
    """

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything that is asked meanwhile be of one moment: that of entering, with all that was stored by then.

        Snapshots do not nest; a question outside of one has a moment of its own.
        """

    def prepare(self, space: str, width: int) -> None:
        """Take over what was stored in a space, so that the next search need not."""

    def nearest(self, space: str, vector: NDArray[np.float32], k: int, scope: Scope) -> Ranking:
        """Return the owners of the k vectors with the largest inner products with `vector` (C,), of equals the first.

        `allowed` counts the vectors in the scope, whose `except_key` is not looked at. Clips stand under kind "clip",
        with the trust of their least trusted record. Raises ValueError where the vector is not finite or has not the
        width of the space.
        """

    def matching(self, terms: Sequence[Term], k: int, scope: Scope, also: Iterable[str] = ()) -> Ranking:
        """Return the k records that hold most of what is asked about, of equals the latest, and those in `also`.

        A score is the share of the terms that the record holds, 0 to 1, by weight, rounded to SCORE_DIGITS, so that it
        is clear what is equal: rare ones count more, and what is rare is decided by what the session knew at
        `as_of_ns`. `allowed` counts the records of the scope that hold any
        of the terms. Records in `also` are named however many are better, if they hold any.
        """

    def get(self, keys: Iterable[str], scope: Scope) -> dict[str, Hit]:
        """Return those records that are there and in the scope, without scores."""

    def strongest(self, clips: Iterable[str], scope: Scope, kinds: Sequence[str] = SHOWN) -> dict[str, str]:
        """Return for each clip its strongest record in the scope, of the first of these kinds that it has.

        Movements and pictures have no vector themselves: their clip's stands for them.
        """

    def vectors(self, space: str, keys: Iterable[str]) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of records that have one. The keys come from a search, which asked for a scope."""

    def search_keys(self, key: str, scope: Scope) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of a record or clip by their spaces; of a record that has none, those of its clip.

        Empty where it is not in the session of the scope or was not known by its `as_of_ns`.
        """

    def neighbours(self, key: str, before: int, after: int, scope: Scope) -> tuple[Hit, ...]:
        """Return so many records on either side of one, on its stream, in the scope and in time, oldest first.

        Empty where the record itself is not in the session of the scope or was not known by its `as_of_ns`.
        """

    def timeline(self, scope: Scope, limit: int) -> tuple[tuple[Hit, ...], int]:
        """Return the newest `limit` records of the scope, oldest first, and how many there are in all."""

    def overview(self, scope: Scope, limit: int) -> tuple[Stretch, ...]:
        """Return what the scope allows in at most `limit` lines, oldest first; none where no roll-ups are kept.

        None, too, where the scope asks for some streams or trusts alone.
        """

    def counts(self, session: str, as_of_ns: int) -> dict[str, int]:
        """Return how many records of each kind the session had by then."""

    def start_ns(self, session: str) -> int:
        """Return when the session began, by its own word or else by its first record; 0 where it is unknown."""

    def watermark(self, session: str) -> dict[str, int]:
        """Return how far each stream of a session had come when it was last heard of."""

    def has(self, key: str) -> bool:
        """Say whether a record or clip is stored, or was erased: nobody need send it again."""

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""

    def stats(self) -> Holdings:
        """Count what is there."""

    def verify(self) -> list[str]:
        """Read everything and return what is wrong, one line each; empty means sound."""

    def close(self) -> None:
        """Let go of it; a second call does nothing."""


class MemoryStore(MemoryReader, Protocol):
    """A memory that can be written, by one at a time."""

    promises: Promises

    def append(self, batch: Sequence[Row]) -> list[str]:
        """Keep rows; return the keys of the records and clips among them, as safe as the engine promises.

        A key that is there keeps its first content, one that was erased stays away; both are named too. Raises
        MissingPart, and stores nothing, where rows are of a type that the engine does not keep, the disk is full or
        fails; TypeError, ValueError or OverflowError where values cannot be stored.
        """

    def forget(self, selector: Selector) -> Erased:
        """Erase what a selector names, for good: nobody finds it again, and its keys are never taken again.

        Clips that lose some of their records go on without them, and without their vectors.
        """
