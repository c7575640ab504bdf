"""One question to memory: resolve its window, search words and meaning inside it, fuse, or say "nothing relevant".

Ranks of these searches, and of those by example, are fused by reciprocal rank (Cormack et al. 2009). Calibration of the
floors: 24 short spoken sentences, each asked about by one question of its own and by 23 others. A cosine of 0.40 was
reached by 71 % of the right sentences and, anywhere, by 4 % of the wrong questions; where a third of the words was
misheard, by 33 % and 4 %: there a word must help. For words the floor is half of what is asked about, by weight: one
word of two that was heard is not enough when the other never was.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import apsw

from memory.embedded import EmbeddedStore
from memory.examples import Unusable, by_example
from memory.ranking import enough, fuse, varied, without_repeats
from memory.reader import KINDS
from memory.scope import CLIP, EARLIEST_NS, LATEST_NS, Scope
from memory.words import Stemmer, question_terms
from runtime.messages import Hit, Recall, Recalled, Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memory.manifest import Sealed
    from memory.protocol import MemoryReader, Ranking

COSINE_FLOOR = 0.40
SHARE_FLOOR = 0.50
DEPTH = 64  # candidates per search before fusion, or 4 k where that is more; what repeats a text counts once
DEEPEST = 4_096  # vectors that are looked at for that
DURING_NS = 1_000_000_000  # "while" reaches this far beyond the anchor on both sides
RESULTS_MAX = 100_000
VARIED = 4  # times k: hits among which those that say something else are looked for
NEIGHBOURS_MAX = 16  # on either side of a hit


class Embedder(Protocol):
    """Text to vectors of length 1, in a named space."""

    space: str
    width: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, C)."""


class Recaller:
    """Answers recalls from one memory, which it alone reads; use it in one thread.

    A folder stands for the embedded memory in it. Without an embedder only words are searched. Whatever is stored when
    a recall begins is searched by it.
    """

    def __init__(self, memory: Path | str | MemoryReader, embedder: Embedder | None) -> None:
        if isinstance(memory, Path | str):
            memory = EmbeddedStore.open(memory, writable=False)
        self._memory: MemoryReader = memory
        self._stemmer = Stemmer(apsw.Connection(":memory:"))
        self._embedder = embedder
        self.refresh()

    def recall(self, query: Recall) -> Recalled:
        """Answer from what was known at `as_of_ns`, and nothing else.

        No hits means that nothing relevant is there. With a relation whose anchor is not found, hits and timeline are
        empty: there is no window to look into. Of equally good records the newest come first. Behind all others stand
        those that lie in the clip of a better one or say nearly the same, and behind these those that repeat a text.
        """
        query = _bounded(query)
        memory = self._memory
        with memory.snapshot():  # one for the whole reply
            begin_ns = memory.start_ns(query.session)
            counts = memory.counts(query.session, query.as_of_ns)
            anchor, searched = self._find_anchor(query)
            scope = _scope_of(query, anchor)
            hits: Sequence[Hit] = ()
            timeline: tuple[Hit, ...] = ()
            overview: tuple[Stretch, ...] = ()
            neighbours: tuple[Hit, ...] = ()
            total = 0
            is_lost = anchor is None and bool(query.anchor and query.relation)
            if not is_lost and scope.start_ns <= scope.end_ns:
                timeline, total = memory.timeline(scope, query.timeline_limit)
                try:
                    firsts, repeats, spaces = self._relevant(query.text, scope, query.k, query)
                except Unusable as error:
                    return refusal(query, str(error))
                hits = [*self._varied(firsts, query.k), *repeats][: query.k]
                searched = spaces or searched
                if total > len(timeline):
                    overview = memory.overview(scope, query.overview_limit)
                neighbours = self._beside(hits, query.neighbours, scope)
        return Recalled(
            session=query.session,
            query_id=query.query_id,
            hits=tuple(hits),
            timeline=timeline,
            total=total,
            overview=overview,
            anchor=anchor,
            counts=counts,
            searched=searched,
            session_start_ns=begin_ns,
            start_ns=begin_ns if scope.start_ns == EARLIEST_NS else scope.start_ns,
            end_ns=scope.end_ns,
            neighbours=neighbours,
        )

    def refresh(self) -> None:
        """Take over what has been stored since the last call, so that the next recall need not."""
        if self._embedder is not None:
            self._memory.prepare(self._embedder.space, self._embedder.width)

    @property
    def damaged(self) -> Sequence[Sealed]:
        """Return the segments in use whose file is missing or damaged: they are to be made anew."""
        return self._memory.damaged if isinstance(self._memory, EmbeddedStore) else ()

    def has(self, key: str) -> bool:
        """Say whether a record or clip is stored, or was erased: nobody need send it again."""
        return self._memory.has(key)

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""
        return self._memory.media(key)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def _find_anchor(self, query: Recall) -> tuple[Hit | None, tuple[str, ...]]:
        """Return the record that the anchor's words name best, of equals the newest, and what was searched for it."""
        if not query.anchor:
            return None, ()
        everywhere = Scope(session=query.session, as_of_ns=query.as_of_ns)
        firsts, repeats, searched = self._relevant(query.anchor, everywhere, DEPTH)
        hits = [*firsts, *repeats][:DEPTH]
        return max(hits, key=lambda hit: hit.score, default=None), searched  # the first, newest, of equals

    def _relevant(
        self, text: str, scope: Scope, k: int, examples: Recall | None = None
    ) -> tuple[list[Hit], list[Hit], tuple[str, ...]]:
        """Return at least k relevant records where there are so many, best first, and the spaces that were searched.

        Those that repeat the text of a better one stand in the second list. Raises Unusable.
        """
        depth = max(DEPTH, 4 * k)
        rankings: list[dict[str, float]] = []
        searched: list[str] = []
        if terms := question_terms(text, self._stemmer):
            cosines = enough(self._cosines(text, scope, depth), COSINE_FLOOR)
            rankings.append(enough(self._memory.matching(terms, depth, scope, also=cosines).scores, SHARE_FLOOR))
            rankings.append(cosines)
            searched += ["fts"] if self._embedder is None else ["fts", self._embedder.space]
        if examples is not None:
            for space, ranking in by_example(self._memory, examples, scope, depth):
                rankings.append(ranking)
                searched.append(space)
        if not rankings:
            return [], [], ()
        found = self._memory.get({key: None for ranking in rankings for key in ranking}, scope)
        fused = fuse(*rankings)
        order = sorted(found, key=lambda key: (fused[key], found[key].start_ns, key), reverse=True)
        scores = {key: max(ranking.get(key, 0.0) for ranking in rankings) for key in order}
        hits = [replace(found[key], score=scores[key]) for key in order]
        firsts, repeats = without_repeats(hits) if terms else (hits, [])  # every picture is a "picture"
        return firsts, repeats, tuple(dict.fromkeys(searched))

    def _varied(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        """Put hits of one clip, and those nearly alike, behind the best of them; only the best hits are compared."""
        best, rest = hits[: VARIED * k], hits[VARIED * k :]
        keys = [hit.record_id for hit in best]
        vectors = {} if self._embedder is None else self._memory.vectors(self._embedder.space, keys)
        return [*varied(best, vectors, k), *rest]

    def _beside(self, hits: Sequence[Hit], count: int, scope: Scope) -> tuple[Hit, ...]:
        """Return so many records of the scope on either side of each hit, on its stream, without hits, oldest first."""
        if count == 0:
            return ()
        near = [one for hit in hits for one in self._memory.neighbours(hit.record_id, count, count, scope)]
        found = {one.record_id: one for one in near}
        for hit in hits:
            found.pop(hit.record_id, None)
        return tuple(sorted(found.values(), key=lambda one: (one.start_ns, one.end_ns, one.record_id)))

    def _cosines(self, text: str, scope: Scope, depth: int) -> dict[str, float]:
        """Return record -> cosine; a clip stands for its strongest record without a vector of its own.

        Records and clips are searched apart: clips hold the words of their records, and would take their places.
        """
        if self._embedder is None:
            return {}
        space, query = self._embedder.space, self._embedder.encode([text])[0]
        kinds = scope.kinds or KINDS
        cosines = dict(self._nearest(space, query, depth, replace(scope, kinds=kinds)).scores)
        if not {"motion", "frame"}.isdisjoint(kinds):
            clips = self._nearest(space, query, depth, replace(scope, kinds=(CLIP,))).clips
            for clip, record in self._memory.strongest(clips, scope).items():
                cosines[record] = max(clips[clip], cosines.get(record, -1.0))
        return cosines

    def _nearest(self, space: str, query: NDArray[np.float32], depth: int, scope: Scope) -> Ranking:
        """Search by meaning: deeper, where a few texts that come again and again would be all that is found."""
        count = depth
        while True:
            found = self._memory.nearest(space, query, count, scope)
            scores = [*found.scores.values(), *found.clips.values()]
            is_all = len(scores) < count or min(scores) < COSINE_FLOOR or count >= DEEPEST
            if is_all or len(set(scores)) >= depth:  # the same text has the same vector, and so the same score
                return found
            count = min(DEEPEST, 4 * count)


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
    neighbours = min(max(query.neighbours, 0), NEIGHBOURS_MAX)
    return replace(query, k=k, timeline_limit=timeline_limit, neighbours=neighbours, **times)


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
