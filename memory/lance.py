"""The memory in a LanceDB table: the second engine behind the protocol, as simple as it can honestly be.

Everything that a search must not see is left out by SQL inside it, and vectors are compared one by one: exact, and
slower the more there are. Words are found by the stems that stand beside each text, so that they weigh as they do in
SQLite. LanceDB calls no fsync: what a sensor was told is stored needs SQLite in front of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np

from memory.erase import Erased, Selector
from memory.lance_erase import erase
from memory.lance_rows import HIT, KEPT, clips_of, find_problems, fresh_rows, hit_of
from memory.lance_table import Table, bounded, column_of, condition_of, one_of, quoted
from memory.lance_words import Words
from memory.protocol import SCORE_DIGITS, SHOWN, Holdings, Promises, Ranking
from memory.rows import Row, keys_of, mark_of
from memory.scope import CLIP, Scope
from memory.store import take_lock
from memory.words import Stemmer
from runtime.errors import MissingPart, StoreCorrupt
from runtime.messages import Hit, Stretch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.words import Term

PROMISES = Promises(
    engine="LanceDB",
    survives_kill=True,
    survives_power_cut=False,
    syncs_per_commit=0,
    is_whole=True,
    has_one_snapshot=True,
    filters_inside=True,
    exact_rows=None,
    erases_bytes=True,
    keeps=KEPT,
)


class LanceStore:
    """One folder with the table in it; use it in one thread."""

    promises = PROMISES

    def __init__(self, folder: Path, reading: Table, writing: Table | None, lock: int | None) -> None:
        """Use `LanceStore.open`."""
        self.path = folder
        self._reading = reading
        self._writing = writing
        self._lock = lock
        self._stemmer = Stemmer(apsw.Connection(":memory:"))
        self._is_in_snapshot = False
        self._next = writing.next_number() if writing is not None else 0

    @classmethod
    def open(cls, folder: Path | str, *, writable: bool = True) -> LanceStore:
        """Open a memory folder; the writer makes what is missing and locks others out.

        Raises MissingPart where LanceDB is not installed or another writes, ConfigError where the folder cannot be
        used, StoreCorrupt where the table cannot be opened.
        """
        folder = Path(folder)
        lock = take_lock(folder) if writable else None
        try:
            writing = Table.open(folder, writable=True) if writable else None
            return cls(folder, Table.open(folder, writable=False), writing, lock)
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise

    def append(self, batch: Sequence[Row]) -> list[str]:
        """Add the rows in one commit; records, clips, vectors, and what is known of sessions and streams."""
        lacking = sorted({type(row).__name__ for row in batch if type(row) not in KEPT})
        if lacking:
            raise MissingPart(f"LanceDB does not keep {', '.join(lacking)}", "keep them in SQLite, in front of it")
        table = self._written()
        rows = fresh_rows(table, batch, self._stemmer)
        for number, row in enumerate(rows, start=self._next):
            row["number"] = number
        if rows:
            table.add(rows)
            self._next += len(rows)
        away = {row["key"] for row in rows if row["type"] == "erased"}  # clips that lost records before they closed
        return [key for key in keys_of(batch) if mark_of(key).hex() not in away]

    def forget(self, selector: Selector) -> Erased:
        """Erase by writing the whole table anew; a snapshot that is open meanwhile breaks."""
        erased, self._next = erase(self._written(), selector, self._stemmer, self._next)
        return erased

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all be of one version of the table, which is kept for ten minutes after the next."""
        assert not self._is_in_snapshot, "snapshots do not nest"
        self._reading.pin()
        self._is_in_snapshot = True
        try:
            yield
        finally:
            self._is_in_snapshot = False

    def prepare(self, space: str, width: int) -> None:
        """Do nothing: what is added is searched."""

    def nearest(self, space: str, vector: NDArray[np.float32], k: int, scope: Scope) -> Ranking:
        """Return the owners of the k nearest vectors; exact."""
        table = self._moment()
        width = table.width(space)
        if not np.isfinite(vector).all() or width not in (None, *vector.shape):
            raise ValueError(f"a query in {space} must be finite and of shape ({width},)")
        condition = f"{condition_of(scope, 'vector')} AND space = {quoted(space)}"
        allowed = table.count(condition) if width is not None else 0
        limit = max(0, k) + 1
        found = table.nearest(space, vector, limit, condition) if allowed and k > 0 else []
        while len(found) == limit and found[k - 1][0] == found[-1][0]:  # of equals it gives any
            limit *= 4
            found = table.nearest(space, vector, limit, condition)
        best = sorted(found, key=lambda one: (-one[0], one[1]))[: max(0, k)]
        return Ranking(
            scores={key: score for score, _, key, kind in best if kind != CLIP},
            clips={key: score for score, _, key, kind in best if kind == CLIP},
            allowed=allowed,
            is_exact=True,
        )

    def matching(self, terms: Sequence[Term], k: int, scope: Scope, also: Iterable[str] = ()) -> Ranking:
        """Return the k best by words."""
        shares = Words(self._moment(), scope).shares(terms)
        scored = sorted(((min(1.0, round(s, SCORE_DIGITS)), *holder) for holder, s in shares.items()), reverse=True)
        wanted = set(also)
        best = scored[: max(0, k)] + [one for one in scored[max(0, k) :] if one[2] in wanted]
        return Ranking(scores={key: score for score, _, key in best}, allowed=len(shares), is_exact=True)

    def get(self, keys: Iterable[str], scope: Scope) -> dict[str, Hit]:
        """Return those records that are there and in the scope."""
        rows = self._moment().rows(f"{condition_of(scope, 'record')} AND {one_of('key', keys)}", HIT)
        return {hit.record_id: hit for hit in self._hits(rows, scope)}

    def strongest(self, clips: Iterable[str], scope: Scope, kinds: Sequence[str] = SHOWN) -> dict[str, str]:
        """Return for each clip its strongest record in the scope, of the first of these kinds that it has."""
        table = self._moment()
        rows = table.rows(f"type = 'clip' AND {one_of('key', clips)}", ["key", "records"])
        held: dict[str, list[str]] = {row["key"]: row["records"] for row in rows}
        named = one_of("key", {key for keys in held.values() for key in keys})
        condition = f"{condition_of(scope, 'record')} AND {one_of('kind', kinds)} AND {named}"
        inside = {row["key"]: row for row in table.rows(condition, HIT)}

        def strength(key: str) -> tuple[int, float, int]:
            return -kinds.index(inside[key]["kind"]), inside[key]["level"], inside[key]["start_ns"]

        found = {clip: [key for key in keys if key in inside] for clip, keys in held.items()}
        return {clip: max(keys, key=strength) for clip, keys in found.items() if keys}

    def vectors(self, space: str, keys: Iterable[str]) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of records that have one."""
        table, column = self._moment(), column_of(space)
        if table.width(space) is None:
            return {}
        condition = f"type = 'vector' AND space = {quoted(space)} AND kind != '{CLIP}' AND {one_of('key', keys)}"
        return {row["key"]: np.array(row[column], np.float16) for row in table.rows(condition, ["key", column])}

    def search_keys(self, key: str, scope: Scope) -> dict[str, NDArray[np.float16]]:
        """Return the vectors (C,) of a record or clip by their spaces; of a record that has none, those of its clip."""
        table = self._moment()
        known = f"session = {quoted(scope.session)} AND t_ns <= {bounded(scope.as_of_ns)}"
        owners = [key]
        if table.count(f"type = 'record' AND key = {quoted(key)} AND {known}"):
            owners.append(clips_of(table, scope.session, scope.as_of_ns, [key]).get(key, ""))
        for owner in owners:
            rows = table.rows(f"type = 'vector' AND key = {quoted(owner)} AND {known}")
            if rows:
                return {row["space"]: np.array(row[column_of(row["space"])], np.float16) for row in rows}
        return {}

    def neighbours(self, key: str, before: int, after: int, scope: Scope) -> tuple[Hit, ...]:
        """Return records on either side of one on its stream, oldest first."""
        table = self._moment()
        place = f"type = 'record' AND key = {quoted(key)} AND session = {quoted(scope.session)}"
        found: list[dict[str, Any]] = []
        for row in table.rows(f"{place} AND t_ns <= {bounded(scope.as_of_ns)}", HIT):
            start, end, number = row["start_ns"], row["end_ns"], row["number"]
            inside = f"{condition_of(scope, 'record')} AND stream = {quoted(row['stream'])}"

            def beyond(sign: str, start: int = start, end: int = end, number: int = number) -> str:
                ends = f"end_ns {sign} {end} OR (end_ns = {end} AND number {sign} {number})"
                return f"(start_ns {sign} {start} OR (start_ns = {start} AND ({ends})))"

            if before > 0:
                found += reversed(table.rows(f"{inside} AND {beyond('<')}", HIT, last=before))
            if after > 0:
                found += table.rows(f"{inside} AND {beyond('>')}", HIT, first=after)
        return tuple(self._hits(found, scope))

    def timeline(self, scope: Scope, limit: int) -> tuple[tuple[Hit, ...], int]:
        """Return the newest records of the scope, oldest first, and how many there are."""
        table, condition = self._moment(), condition_of(scope, "record")
        rows = table.rows(condition, HIT, last=limit) if limit > 0 else []
        return tuple(self._hits(rows[::-1], scope)), table.count(condition)

    def overview(self, scope: Scope, limit: int) -> tuple[Stretch, ...]:
        """Return nothing: no roll-ups are kept here."""
        return ()

    def counts(self, session: str, as_of_ns: int) -> dict[str, int]:
        """Return how many records of each kind the session had by then."""
        condition = f"type = 'record' AND session = {quoted(session)} AND t_ns <= {bounded(as_of_ns)}"
        return dict(Counter(row["kind"] for row in self._moment().rows(condition, ["kind"])))

    def start_ns(self, session: str) -> int:
        """Return when the session began, 0 where it is unknown."""
        table = self._moment()
        for row_type in ("session", "record"):
            rows = table.rows(f"type = '{row_type}' AND session = {quoted(session)}", ["start_ns"])
            if rows:
                return min(int(row["start_ns"]) for row in rows)
        return 0

    def watermark(self, session: str) -> dict[str, int]:
        """Return how far each stream of a session had come."""
        reached: dict[str, int] = {}
        for row in self._moment().rows(f"type = 'stream' AND session = {quoted(session)}", ["stream", "t_ns"]):
            reached[row["stream"]] = max(row["t_ns"], reached.get(row["stream"], row["t_ns"]))
        return reached

    def has(self, key: str) -> bool:
        """Say whether a record or clip is stored, or was erased."""
        mark = quoted(mark_of(key).hex())
        there = f"(type IN ('record', 'clip') AND key = {quoted(key)}) OR (type = 'erased' AND key = {mark})"
        return self._moment().count(there) > 0

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""
        rows = self._moment().rows(f"type = 'record' AND key = {quoted(key)}", ["media"])
        return rows[0]["media"] if rows else None

    def stats(self) -> Holdings:
        """Count what is there."""
        rows = self._moment().rows("type != 'erased'", ["type", "session", "kind", "space", "start_ns"])
        sessions: dict[str, int] = {}
        for row in rows:
            if row["type"] == "session":
                sessions[row["session"]] = min(row["start_ns"], sessions.get(row["session"], row["start_ns"]))
        return Holdings(
            sessions=sessions,
            records=dict(Counter(row["kind"] for row in rows if row["type"] == "record")),
            clips=sum(row["type"] == "clip" for row in rows),
            vectors=dict(Counter(row["space"] for row in rows if row["type"] == "vector")),
        )

    def verify(self) -> list[str]:
        """Read everything and compare checksums of records, pictures and vectors."""
        try:
            return list(find_problems(self._moment()))
        except StoreCorrupt as error:
            return [str(error)]

    def close(self) -> None:
        """Let the next writer in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _written(self) -> Table:
        if self._writing is None:
            raise MissingPart(f"{self.path} was opened for reading", "open it for writing")
        return self._writing

    def _moment(self) -> Table:
        """Return the table as of the snapshot that is open, or of now."""
        if not self._is_in_snapshot:
            self._reading.pin()
        return self._reading

    def _hits(self, rows: Sequence[dict[str, Any]], scope: Scope) -> list[Hit]:
        clips = clips_of(self._reading, scope.session, scope.as_of_ns, (row["key"] for row in rows))
        return [hit_of(row, clips.get(row["key"], "")) for row in rows]
