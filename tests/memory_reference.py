"""A memory in plain lists, slow and obvious: what every engine behind the protocol must answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import TYPE_CHECKING

import apsw
import numpy as np

from memory.rows import ClipRow, RecordRow, Row, SessionRow, StreamRow, VectorRow
from memory.scope import Scope
from memory.words import Stemmer, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.erase import Selector

TRUSTS = ("scene", "remote", "local", "operator")


class SlowMemory:
    """Looks at every row for every question."""

    def __init__(self) -> None:
        self.records: dict[str, RecordRow] = {}  # in the order in which they came
        self.clips: dict[str, ClipRow] = {}
        self.keys: list[tuple[str, str, NDArray[np.float32]]] = []  # owner, space, vector
        self.sessions: dict[str, int] = {}
        self.streams: dict[tuple[str, str], int] = {}
        self.erased: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._stemmer = Stemmer(apsw.Connection(":memory:"))

    def append(self, batch: Iterable[Row]) -> None:
        """Keep rows: of one key the first."""
        rows = list(batch)
        for row in rows:
            if isinstance(row, RecordRow) and row.key not in self.erased:
                self.records.setdefault(row.key, row)
                self._numbers.setdefault(row.key, len(self._numbers))
        for row in rows:
            if isinstance(row, ClipRow) and row.key not in self.erased:
                self.clips.setdefault(row.key, row)
        for row in rows:
            if isinstance(row, VectorRow):
                is_owned = row.owner in self.records or row.owner in self.clips
                if is_owned and not any(one[:2] == (row.owner, row.space) for one in self.keys):
                    self.keys.append((row.owner, row.space, np.frombuffer(row.vector, np.float16).astype(np.float32)))
            elif isinstance(row, SessionRow):
                self.sessions[row.name] = min(row.start_ns, self.sessions.get(row.name, row.start_ns))
            elif isinstance(row, StreamRow):
                at = row.session, row.stream
                self.streams[at] = max(row.watermark_ns, self.streams.get(at, row.watermark_ns))

    def stems(self, text: str) -> tuple[str, ...]:
        """Return the stems of the words of a text."""
        return self._stemmer.stems(text)

    def inside(self, scope: Scope) -> list[str]:
        """Return the keys of the records that a scope allows, in the order in which they came."""
        return [
            key
            for key, row in self.records.items()
            if key != scope.except_key
            and _overlaps(scope, row.session, row.t_ns, row.start_ns - row.clock_ns, row.end_ns + row.clock_ns)
            and _is_named(scope, row.kind, row.stream, row.trust)
        ]

    def nearest(self, space: str, vector: NDArray[np.float32], scope: Scope) -> list[tuple[float, str]]:
        """Return score and owner of every vector in the scope, best first, of equals the first."""
        found = [
            (float(v @ vector), owner) for owner, name, v in self.keys if name == space and self._sees(owner, scope)
        ]
        return sorted(found, key=lambda one: -one[0])  # sorting keeps the order of equals

    def matching(self, terms: Sequence[Term], scope: Scope) -> list[tuple[float, str]]:
        """Return share and key of every record in the scope that holds any term, best first, of equals the latest."""
        known = Scope(session=scope.session, as_of_ns=scope.as_of_ns)
        texts = {key: self.stems(self.records[key].text) for key in self.inside(known)}
        weights = 0.0
        shares: dict[str, float] = dict.fromkeys(self.inside(scope), 0.0)
        for term in terms:
            holders = {key: 1.0 for key, stems in texts.items() if _holds(stems, term.stems)}
            count = len(holders)
            if not holders and len(term.stems) == 1 and len(term.stems[0]) >= 5:
                (stem,) = term.stems
                alike = {word: _dice(stem, word) for stems in texts.values() for word in stems}
                alike = {word: one for word, one in alike.items() if abs(len(word) - len(stem)) <= 2 and one >= 0.72}
                for key, stems in texts.items():
                    likenesses = [alike[word] ** 2 for word in set(stems) if word in alike]
                    count += len(likenesses)
                    if likenesses:
                        holders[key] = max(likenesses)
            count = min(count, len(texts))
            weight = log(1 + (len(texts) - count + 0.5) / (count + 0.5))
            weights += weight
            for key in shares:
                shares[key] += weight * holders.get(key, 0.0)
        scored = [(round(share / weights, 4), key) for key, share in shares.items() if share > 0]
        return sorted(reversed(scored), key=lambda one: -one[0])

    def timeline(self, scope: Scope) -> list[str]:
        """Return the keys of the records in the scope, oldest first."""
        return sorted(self.inside(scope), key=self._place)

    def neighbours(self, key: str, before: int, after: int, scope: Scope) -> list[str]:
        """Return the keys of records on either side of one on its stream."""
        row = self.records.get(key)
        if row is None or row.session != scope.session or row.t_ns > scope.as_of_ns:
            return []
        line = [one for one in self.timeline(scope) if self.records[one].stream == row.stream and one != key]
        earlier = [one for one in line if self._place(one) < self._place(key)]
        return earlier[max(0, len(earlier) - before) :] + line[len(earlier) : len(earlier) + after]

    def strongest(self, clip: str, scope: Scope, kinds: Sequence[str]) -> str | None:
        """Return the clip's strongest record in the scope, of the first of these kinds that it has."""
        held = [key for key in json.loads(self.clips[clip].records) if key in self.inside(scope)]
        shown = [self.records[key] for key in held if self.records[key].kind in kinds]
        best = max(shown, key=lambda row: (-kinds.index(row.kind), row.level, row.start_ns), default=None)
        return None if best is None else best.key

    def search_keys(self, key: str, scope: Scope) -> dict[str, list[float]]:
        """Return the vectors of a record or clip by their spaces; of a record that has none, those of its clip."""
        row = self.records.get(key) or self.clips.get(key)
        if row is None or row.session != scope.session or row.t_ns > scope.as_of_ns:
            return {}
        own = {space: vector.tolist() for owner, space, vector in self.keys if owner == key}
        clip = self.clip_of(key, scope.as_of_ns)
        return own or {space: vector.tolist() for owner, space, vector in self.keys if owner == clip}

    def clip_of(self, key: str, as_of_ns: int) -> str:
        """Return the clip that holds a record, "" where none was closed by then."""
        clips = [clip for clip in self.clips.values() if key in json.loads(clip.records)]
        return clips[0].key if clips and clips[0].t_ns <= as_of_ns else ""

    def counts(self, session: str, as_of_ns: int) -> dict[str, int]:
        """Return how many records of each kind there are by then."""
        return dict(Counter(self.records[key].kind for key in self.inside(Scope(session=session, as_of_ns=as_of_ns))))

    def forget(self, selector: Selector) -> None:
        """Erase what a selector names."""
        doomed = {key for key, row in self.records.items() if not selector.is_empty and self._is_meant(selector, row)}
        self.erased |= doomed
        self.records = {key: row for key, row in self.records.items() if key not in doomed}
        for key, clip in list(self.clips.items()):
            left = [one for one in json.loads(clip.records) if one not in doomed]
            if len(left) == len(json.loads(clip.records)):
                continue
            del self.clips[key]
            self.keys = [one for one in self.keys if one[0] != key]
            self.erased.add(key)
            if left:
                self.clips[f"{key}~1"] = clip._replace(key=f"{key}~1", records=json.dumps(left))
        self.keys = [one for one in self.keys if one[0] not in doomed]

    def _is_meant(self, selector: Selector, row: RecordRow) -> bool:
        words = () if selector.text is None else self.stems(selector.text)
        return (
            selector.session in (None, row.session)
            and selector.stream in (None, row.stream)
            and (selector.start_ns is None or row.end_ns + row.clock_ns >= selector.start_ns)
            and (selector.end_ns is None or row.start_ns - row.clock_ns <= selector.end_ns)
            and selector.clip in (None, row.key, self.clip_of(row.key, 2**63 - 1))
            and (not words or _holds(self.stems(row.text), words))
        )

    def _sees(self, owner: str, scope: Scope) -> bool:
        """Say whether a scope allows the vector of a record, or of a clip."""
        if owner in self.records:
            row = self.records[owner]
            clock_ns, kind, trust = row.clock_ns, row.kind, str(row.trust)
        else:
            parts = [self.records[key] for key in json.loads(self.clips[owner].records) if key in self.records]
            clock_ns, kind = max((part.clock_ns for part in parts), default=0), "clip"
            trust = min((part.trust for part in parts), key=TRUSTS.index, default="scene")
        at = self.records.get(owner) or self.clips[owner]
        return _overlaps(scope, at.session, at.t_ns, at.start_ns - clock_ns, at.end_ns + clock_ns) and _is_named(
            scope, kind, at.stream, trust
        )

    def _place(self, key: str) -> tuple[int, int, int]:
        row = self.records[key]
        return row.start_ns, row.end_ns, self._numbers[key]


def _overlaps(scope: Scope, session: str, t_ns: int, start_ns: int, end_ns: int) -> bool:
    is_known = session == scope.session and t_ns <= scope.as_of_ns
    return is_known and start_ns <= scope.end_ns and end_ns >= scope.start_ns


def _is_named(scope: Scope, kind: str, stream: str, trust: str) -> bool:
    wanted = ((kind, scope.kinds), (stream, scope.streams), (trust, scope.trusts))
    return all(not names or one in names for one, names in wanted)


def _holds(stems: Sequence[str], words: Sequence[str]) -> bool:
    return f" {' '.join(words)} " in f" {' '.join(stems)} "


def _dice(a: str, b: str) -> float:
    pairs = [set(zip(f" {word}", f"{word} ", strict=True)) for word in (a, b)]
    return 2 * len(pairs[0] & pairs[1]) / (len(pairs[0]) + len(pairs[1]))
