"""The memory in one folder on this machine: SQLite is the truth, FAISS finds vectors, FTS5 finds words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import apsw

from memory.erase import Erased, Selector
from memory.erasing import erase
from memory.fulltext import HOLDERS_MAX, FullText
from memory.index import EXACT_ROWS
from memory.overview import overview
from memory.protocol import SCORE_DIGITS, SHOWN, Holdings, Promises, Ranking
from memory.reader import (
    Tally,
    count_kinds,
    ids_of_keys,
    keys_of_ids,
    owners_of,
    read_hits,
    read_neighbours,
    read_tally,
    read_timeline,
    search_keys,
    session_start_ns,
    strongest_in_clips,
    vectors_of,
)
from memory.rows import Row, mark_of
from memory.schema import sqlite_errors
from memory.scope import Scope
from memory.space import SpaceIndex
from memory.store import Store
from runtime.errors import MissingPart
from runtime.messages import Hit, Stretch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memory.manifest import Sealed
    from memory.words import Term

QUOTES = 2  # utterances in one line of an overview

PROMISES = Promises(
    engine="SQLite and FAISS",
    survives_kill=True,
    survives_power_cut=True,
    syncs_per_commit=1,
    is_whole=True,
    has_one_snapshot=True,
    filters_inside=True,
    exact_rows=EXACT_ROWS,
    erases_bytes=True,
    keeps=frozenset(get_args(Row)),
)


class EmbeddedStore:
    """One memory folder, with an index of each space that is asked for; use it in one thread."""

    promises = PROMISES

    def __init__(self, reader: Store, writer: Store | None) -> None:
        """Use `EmbeddedStore.open`; without a writer it only reads."""
        self.path = reader.path
        self._reader = reader
        self._writer = writer
        self._db = reader.connection()
        self._fulltext = FullText(self._db)
        self._spaces: dict[str, SpaceIndex] = {}
        self._is_in_snapshot = False
        self._following: set[str] = set()  # spaces that are as of the snapshot
        self._counts: dict[tuple[str, int], dict[str, int]] = {}  # within the snapshot
        self._tallies: dict[str, Tally] = {}  # within it too

    @classmethod
    def open(cls, folder: Path | str, *, writable: bool = True) -> EmbeddedStore:
        """Open a memory folder; the writer makes what is missing and locks others out. Raises as `Store.open`."""
        writer = Store.open(folder) if writable else None
        try:
            return cls(Store.open(folder, writable=False), writer)
        except BaseException:
            if writer is not None:
                writer.close()
            raise

    def append(self, batch: Sequence[Row]) -> list[str]:
        """Write the rows in one transaction, on disk when this returns."""
        try:
            return self._written().append(batch)
        except apsw.Error as error:
            raise ValueError(f"cannot be stored: {error}") from error

    def forget(self, selector: Selector) -> Erased:
        """Erase out of the tables, the index and the log. Raises as `Store.append`.

        Raises MissingPart too where another reader holds the log, so that traces are left: nobody finds them, and the
        next call, or `heedful memory compact`, removes them.
        """
        receipt = erase(self._written(), selector)
        if receipt.left:
            left = ", ".join(f"{count} traces in {name}" for name, count in receipt.left.items())
            raise MissingPart(f"{self.path}: erased, but {left}", "let whoever reads this memory end, and erase again")
        return receipt.erased

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all be of one moment: a read transaction, which sees what was committed when it began."""
        assert not self._is_in_snapshot, "snapshots do not nest"
        with sqlite_errors(self.path), self._db:
            self._db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # the transaction begins by reading
            self._is_in_snapshot = True
            try:
                yield
            finally:
                self._is_in_snapshot = False
                self._following.clear()
                self._counts.clear()
                self._tallies.clear()

    def prepare(self, space: str, width: int) -> None:
        """Take over what was committed in a space. Raises IndexCorrupt never: the store is read instead."""
        with self._moment():
            self._index(space, width)

    def nearest(self, space: str, vector: NDArray[np.float32], k: int, scope: Scope) -> Ranking:
        """Return the owners of the k nearest vectors: exact in EXACT_ROWS allowed ones, or in what is not sealed."""
        with self._moment():
            if not self._has_space(space, len(vector)):
                return Ranking(scores={}, allowed=0, is_exact=True)
            found = self._index(space, len(vector)).find(vector, k, scope)
            owners = owners_of(self._db, found.ids.tolist())
        pairs = zip(found.ids.tolist(), found.scores.tolist(), strict=True)
        scored = [(owners[number], score) for number, score in pairs]
        return Ranking(
            scores={key: score for (key, is_clip), score in scored if not is_clip},
            clips={key: score for (key, is_clip), score in scored if is_clip},
            allowed=found.allowed,
            is_exact=found.is_exact,
        )

    def matching(self, terms: Sequence[Term], k: int, scope: Scope, also: Iterable[str] = ()) -> Ranking:
        """Return the k best by words; of a word that very many records hold the newest HOLDERS_MAX are looked at."""
        with self._moment():
            known = sum(self.counts(scope.session, scope.as_of_ns).values())
            within = replace(scope, longest_ns=self._tally(scope.session).longest_ns)
            shares = self._fulltext.shares(list(terms), within, known) if terms else {}
            scored = [(min(1.0, round(share, SCORE_DIGITS)), number) for number, share in shares.items()]
            best = nlargest(max(0, k), scored)
            if len(best) < len(scored):
                wanted = set(ids_of_keys(self._db, also).values())
                best += sorted({pair for pair in scored if pair[1] in wanted} - set(best), reverse=True)
            keys = keys_of_ids(self._db, (number for _, number in best))
        return Ranking(
            scores={keys[number]: score for score, number in best},
            allowed=len(shares),
            is_exact=len(shares) < HOLDERS_MAX,
        )

    def get(self, keys: Iterable[str], scope: Scope) -> dict[str, Hit]:
        """Return those records that are there and in the scope."""
        with self._moment():
            ids = ids_of_keys(self._db, keys).values()
            hits = read_hits(self._db, dict.fromkeys(ids, 0.0), scope)
        return {hit.record_id: hit for hit in hits.values()}

    def strongest(self, clips: Iterable[str], scope: Scope, kinds: Sequence[str] = SHOWN) -> dict[str, str]:
        """Return for each clip its strongest record in the scope, of the first of these kinds that it has."""
        with self._moment():
            ids = {number: key for key, number in ids_of_keys(self._db, clips, "clip").items()}
            records = strongest_in_clips(self._db, ids, scope, kinds)
            keys = keys_of_ids(self._db, records.values())
        return {ids[clip]: keys[record] for clip, record in records.items()}

    def vectors(self, space: str, keys: Iterable[str]) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of records that have one."""
        with self._moment():
            return vectors_of(self._db, space, keys)

    def search_keys(self, key: str, scope: Scope) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of a record or clip by their spaces; of a record that has none, those of its clip."""
        with self._moment():
            return search_keys(self._db, key, scope)

    def neighbours(self, key: str, before: int, after: int, scope: Scope) -> tuple[Hit, ...]:
        """Return records on either side of one on its stream, oldest first."""
        with self._moment():
            known = replace(scope, longest_ns=self._tally(scope.session).longest_ns)
            return read_neighbours(self._db, key, before, after, known)

    def timeline(self, scope: Scope, limit: int) -> tuple[tuple[Hit, ...], int]:
        """Return the newest records of the scope, oldest first, and how many there are."""
        with self._moment():
            tally = self._tally(scope.session)
            return read_timeline(self._db, replace(scope, longest_ns=tally.longest_ns), limit, tally)

    def overview(self, scope: Scope, limit: int) -> tuple[Stretch, ...]:
        """Return the roll-ups of a scope, each with the records that it quotes and one of each other kind."""
        with self._moment():
            known = replace(scope, longest_ns=self._tally(scope.session).longest_ns)
            lines = overview(self._db, known, session_start_ns(self._db, scope.session), limit, QUOTES)
            named = self.get([key for line in lines for key in line.named], scope)
        return tuple(
            Stretch(
                start_ns=max(line.start_ns, scope.start_ns),
                end_ns=min(line.end_ns, scope.end_ns, scope.as_of_ns),
                text=line.text,
                trust=line.trust,
                hits=tuple(named[key] for key in line.named if key in named),
            )
            for line in lines
        )

    def counts(self, session: str, as_of_ns: int) -> dict[str, int]:
        """Return how many records of each kind the session had by then."""
        asked = session, as_of_ns
        with self._moment():
            if asked not in self._counts:
                self._counts[asked] = count_kinds(self._db, session, as_of_ns, self._tally(session))
            return self._counts[asked]

    def start_ns(self, session: str) -> int:
        """Return when the session began, 0 where it is unknown."""
        with self._moment():
            return session_start_ns(self._db, session)

    def watermark(self, session: str) -> dict[str, int]:
        """Return how far each stream of a session had come."""
        return self._reader.reached(session)

    def has(self, key: str) -> bool:
        """Say whether a record or clip is on disk, or was erased: nobody need send it again."""
        query = """SELECT EXISTS (SELECT 1 FROM record WHERE key = ?1) OR EXISTS (SELECT 1 FROM clip WHERE key = ?1)
            OR EXISTS (SELECT 1 FROM tombstone WHERE mark = ?2)"""
        with self._moment():
            return bool(self._db.execute(query, (key, mark_of(key))).get)

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""
        return self._reader.media(key)

    def stats(self) -> Holdings:
        """Count what is there; `Store.stats` knows more."""
        found = self._reader.stats()
        return Holdings(sessions=found.sessions, records=found.records, clips=found.clips, vectors=found.vectors)

    def verify(self) -> list[str]:
        """Read everything, the index too, and return what is wrong; who only reads cannot compare full text."""
        return (self._writer or self._reader).verify()

    @property
    def damaged(self) -> list[Sealed]:
        """Return the segments in use whose file is missing or damaged: they are to be made anew."""
        return [part for index in self._spaces.values() for part in index.damaged]

    def close(self) -> None:
        """Let go of the folder."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def _written(self) -> Store:
        if self._writer is None:
            raise MissingPart(f"{self.path} was opened for reading", "open it for writing")
        return self._writer

    def _tally(self, session: str) -> Tally:
        if session not in self._tallies:
            self._tallies[session] = read_tally(self._db, session)
        return self._tallies[session]

    def _moment(self) -> AbstractContextManager[None]:
        """Return the snapshot that is open, or one for this question alone."""
        return nullcontext() if self._is_in_snapshot else self.snapshot()

    def _has_space(self, space: str, width: int) -> bool:
        """Say whether a space is there at all; ValueError where its vectors have another width."""
        found = self._db.execute("SELECT width FROM space WHERE name = ?", (space,)).get
        if found not in (None, width):
            raise ValueError(f"vectors of {space} have {found} dimensions, not {width}")
        return found is not None

    def _index(self, space: str, width: int) -> SpaceIndex:
        """Return the index of a space as of the snapshot."""
        if space not in self._spaces:
            self._spaces[space] = SpaceIndex(self.path, space, width)
        if space not in self._following:
            self._spaces[space].follow(self._db)
            self._following.add(space)
        return self._spaces[space]
