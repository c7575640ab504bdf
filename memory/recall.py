"""One question to memory: resolve its window, search words and meaning inside it, fuse, or say "nothing relevant".

Ranks of the two searches are fused by reciprocal rank (Cormack et al. 2009). Calibration of the floors: 24 short
spoken sentences, each asked about by one question of its own and by 23 others. A cosine of 0.40 was reached by 71 % of
the right sentences and, anywhere, by 4 % of the wrong questions; where a third of the words was misheard, by 33 % and
4 %: there a word must help. For words the floor is half of what is asked about, by weight: one word of two that was
heard is not enough when the other never was.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from memory.fulltext import FullText
from memory.reader import count_kinds, read_hits, read_timeline, session_start_ns, strongest_in_clips
from memory.rows import mark_of
from memory.schema import sqlite_errors
from memory.scope import CLIP, EARLIEST_NS, LATEST_NS, Scope
from memory.space import SpaceIndex
from memory.store import Store
from runtime.messages import Hit, Recall, Recalled

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memory.manifest import Sealed

COSINE_FLOOR = 0.40
SHARE_FLOOR = 0.50
RRF_K = 60
DEPTH = 64  # candidates per search before fusion, or 4 k where that is more; what repeats a text counts once
DEEPEST = 4_096  # vectors that are looked at for that
DURING_NS = 1_000_000_000  # "while" reaches this far beyond the anchor on both sides
RESULTS_MAX = 100_000
SCORE_DIGITS = 4


class Embedder(Protocol):
    """Text to vectors of length 1, in a named space."""

    space: str
    width: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, C)."""


class Recaller:
    """Answers recalls from one memory folder; owns a read-only connection and its index, so use it in one thread.

    Without an embedder only words are searched. The index follows the store: whatever is committed when a recall
    begins is searched by it.
    """

    def __init__(self, folder: Path | str, embedder: Embedder | None) -> None:
        self._store = Store.open(folder, writable=False)
        self._db = self._store.connection()
        self._fulltext = FullText(self._db)
        self._embedder = embedder
        self._index = None if embedder is None else SpaceIndex(self._store.path, embedder.space, embedder.width)
        self.refresh()

    def recall(self, query: Recall) -> Recalled:
        """Answer from what was known at `as_of_ns`, and nothing else.

        No hits means that nothing relevant is there. With a relation whose anchor is not found, hits and timeline are
        empty: there is no window to look into. Of equally good records the newest come first, and those that repeat a
        text stand behind those that do not.
        """
        query = _bounded(query)
        with sqlite_errors(self._store.path), self._db:  # one snapshot for the whole reply
            self._follow()
            begin_ns = session_start_ns(self._db, query.session)
            counts = count_kinds(self._db, query.session, query.as_of_ns)
            known = sum(counts.values())
            anchor, searched = self._find_anchor(query, known)
            scope = _scope_of(query, anchor)
            hits: Sequence[Hit] = ()
            timeline: tuple[Hit, ...] = ()
            total = 0
            is_lost = anchor is None and bool(query.anchor and query.relation)
            if not is_lost and scope.start_ns <= scope.end_ns:
                timeline, total = read_timeline(self._db, scope, query.timeline_limit)
                hits, spaces = self._relevant(query.text, scope, query.k, known)
                searched = spaces or searched
        return Recalled(
            session=query.session,
            query_id=query.query_id,
            hits=tuple(hits),
            timeline=timeline,
            total=total,
            anchor=anchor,
            counts=counts,
            searched=searched,
            session_start_ns=begin_ns,
            start_ns=begin_ns if scope.start_ns == EARLIEST_NS else scope.start_ns,
            end_ns=scope.end_ns,
        )

    def refresh(self) -> None:
        """Take over what has been committed since the last call, so that the next recall need not."""
        with sqlite_errors(self._store.path), self._db:
            self._follow()

    @property
    def damaged(self) -> Sequence[Sealed]:
        """Return the segments in use whose file is missing or damaged: they are to be made anew."""
        return self._index.damaged if self._index is not None else ()

    def has(self, key: str) -> bool:
        """Say whether a record or clip is on disk, or was erased: nobody need send it again."""
        query = """SELECT EXISTS (SELECT 1 FROM record WHERE key = ?1) OR EXISTS (SELECT 1 FROM clip WHERE key = ?1)
            OR EXISTS (SELECT 1 FROM tombstone WHERE mark = ?2)"""
        with sqlite_errors(self._store.path):
            return bool(self._db.execute(query, (key, mark_of(key))).get)

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""
        return self._store.media(key)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _find_anchor(self, query: Recall, known: int) -> tuple[Hit | None, tuple[str, ...]]:
        """Return the record that the anchor's words name best, of equals the newest, and what was searched for it."""
        if not query.anchor:
            return None, ()
        everywhere = Scope(session=query.session, as_of_ns=query.as_of_ns)
        hits, searched = self._relevant(query.anchor, everywhere, DEPTH, known)
        return max(hits, key=lambda hit: hit.score, default=None), searched  # the first, newest, of equals

    def _relevant(self, text: str, scope: Scope, k: int, known: int) -> tuple[list[Hit], tuple[str, ...]]:
        """Return at most k relevant records, best first, and the spaces that were searched."""
        terms = self._fulltext.terms(text)
        if not terms:
            return [], ()
        depth = max(DEPTH, 4 * k)
        cosines = _best(self._cosines(text, scope, depth), COSINE_FLOOR, DEEPEST)
        shares = _best(self._fulltext.shares(terms, scope, known), SHARE_FLOOR, depth, cosines)
        scores = {record: max(shares.get(record, 0.0), cosines.get(record, 0.0)) for record in (*shares, *cosines)}
        hits = read_hits(self._db, scores, scope)
        fused = _fuse(shares, cosines)
        order = sorted(hits, key=lambda record: (fused[record], hits[record].start_ns, hits[record].record_id))
        ranked = _repeats_last([hits[record] for record in reversed(order)])
        return ranked[:k], ("fts",) if self._embedder is None else ("fts", self._embedder.space)

    def _cosines(self, text: str, scope: Scope, depth: int) -> dict[int, float]:
        """Return record id -> cosine; a clip stands for its strongest record without a vector of its own."""
        if self._embedder is None or self._index is None:
            return {}
        wants_clips = not scope.kinds or not {"motion", "frame"}.isdisjoint(scope.kinds)
        kinds = (*scope.kinds, CLIP) if scope.kinds and wants_clips else scope.kinds
        query = self._embedder.encode([text])[0]
        ids, scores = self._nearest(query, depth, replace(scope, kinds=kinds))
        owners = dict(
            self._db.execute(
                "SELECT id, owner FROM vec WHERE id IN (SELECT value FROM json_each(?))", (str(ids.tolist()),)
            )
        )
        found = dict(zip(ids.tolist(), scores.tolist(), strict=True))
        cosines = {owner: found[vector] for vector, owner in owners.items() if owner > 0}
        clips = {-owner: found[vector] for vector, owner in owners.items() if owner < 0}
        for clip, record in strongest_in_clips(self._db, clips, scope).items():
            cosines[record] = max(clips[clip], cosines.get(record, -1.0))
        return cosines

    def _nearest(
        self, query: NDArray[np.float32], depth: int, scope: Scope
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and cosines: deeper, where a few texts that come again and again would be all that is found."""
        assert self._index is not None
        count = depth
        while True:
            ids, scores = self._index.search(query, count, scope)
            is_all = len(ids) < count or float(scores[-1]) < COSINE_FLOOR or count >= DEEPEST
            if is_all or len(set(scores.tolist())) >= depth:  # the same text has the same vector, and so the same score
                return ids, scores
            count = min(DEEPEST, 4 * count)

    def _follow(self) -> None:
        """Let the index have what the store has."""
        if self._index is not None:
            self._index.follow(self._db)


def refusal(query: Recall, reason: str) -> Recalled:
    """Return the reply to a recall that nobody looks into."""
    return Recalled(
        session=query.session,
        query_id=query.query_id,
        hits=(),
        timeline=(),
        total=0,
        anchor=None,
        counts={},
        searched=(),
        session_start_ns=0,
        start_ns=query.as_of_ns,
        end_ns=query.as_of_ns,
        reason=reason,
    )


def _bounded(query: Recall) -> Recall:
    """Bring times and counts into what SQL can hold; a message from outside may name any number."""
    times = {
        name: min(max(value, EARLIEST_NS), LATEST_NS)
        for name in ("as_of_ns", "start_ns", "end_ns")
        if (value := getattr(query, name)) is not None
    }
    k, timeline_limit = (min(max(n, 0), RESULTS_MAX) for n in (query.k, query.timeline_limit))
    return replace(query, k=k, timeline_limit=timeline_limit, **times)


def _scope_of(query: Recall, anchor: Hit | None) -> Scope:
    """Return what the query may see: its own window, moved by its anchor, and never beyond `as_of_ns`."""
    start_ns = EARLIEST_NS if query.start_ns is None else query.start_ns
    end_ns = query.as_of_ns if query.end_ns is None else min(query.end_ns, query.as_of_ns)
    except_key = ""
    if anchor is not None:
        match query.relation:
            case "before":
                end_ns, except_key = min(end_ns, anchor.start_ns), anchor.record_id
            case "after":
                start_ns, except_key = max(start_ns, anchor.end_ns), anchor.record_id
            case "during":
                start_ns = max(start_ns, anchor.start_ns - DURING_NS)
                end_ns = min(end_ns, anchor.end_ns + DURING_NS)
    return Scope(
        session=query.session,
        as_of_ns=query.as_of_ns,
        start_ns=start_ns,
        end_ns=end_ns,
        kinds=query.kinds,
        streams=query.streams,
        trusts=query.trusts,
        except_key=except_key,
    )


def _best(scores: dict[int, float], floor: float, depth: int, also: Container[int] = ()) -> dict[int, float]:
    """Keep the best `depth` scores that reach the floor, rounded so that replays agree; of equals the latest ids.

    Those of the ids in `also` are kept however many are better: what the other search found must not lose its rank.
    """
    rounded = ((min(1.0, round(score, SCORE_DIGITS)), record) for record, score in scores.items())
    enough = [pair for pair in rounded if pair[0] >= floor]
    best = {record: score for score, record in nlargest(depth, enough)}
    return best | {record: score for score, record in enough if record in also}


def _fuse(*rankings: dict[int, float]) -> dict[int, float]:
    """Add 1 / (k + rank) over the rankings; records of one score share one rank."""
    fused: dict[int, float] = {}
    for scores in rankings:
        ranks = {score: rank for rank, score in enumerate(sorted(set(scores.values()), reverse=True), start=1)}
        for record, score in scores.items():
            fused[record] = fused.get(record, 0.0) + 1 / (RRF_K + ranks[score])
    return fused


def _repeats_last(hits: Iterable[Hit]) -> list[Hit]:
    """Move records that say what a better one says already behind all others; none is dropped."""
    seen: set[tuple[str, str]] = set()
    firsts: list[Hit] = []
    repeats: list[Hit] = []
    for hit in hits:
        said = (hit.kind, hit.text.casefold())
        (repeats if said in seen else firsts).append(hit)
        seen.add(said)
    return firsts + repeats
