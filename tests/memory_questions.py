"""Random questions to an engine and to the slow reference; both must answer the same."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from memory.protocol import SHOWN
from memory.words import Term
from tests.memory_engines import KINDS, SPACE, WORDS, random_scope, vector_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memory.protocol import MemoryStore
    from memory.scope import Scope
    from runtime.messages import Hit
    from tests.memory_reference import SlowMemory


def check_scopes_against_the_reference(store: MemoryStore, slow: SlowMemory, seed: int) -> None:
    """Ask one random question of every kind; all must be as plain Python has it: order, scores, counts, clips."""
    rng = random.Random(seed)
    scope, k = random_scope(rng), rng.choice((1, 5, 40))
    check_vectors(store, slow, scope, k, rng)
    check_words(store, slow, scope, k, rng)
    check_records(store, slow, scope, k, rng)


def check_vectors(store: MemoryStore, slow: SlowMemory, scope: Scope, k: int, rng: random.Random) -> None:
    """Search by a vector."""
    vector = vector_of(rng, SPACE)
    found = store.nearest(SPACE, vector, k, scope)
    true = slow.nearest(SPACE, vector, scope)
    assert found.allowed == len(true)
    if store.promises.exact_rows is None or len(true) <= store.promises.exact_rows:
        assert found.is_exact
        best = [(key, score) for score, key in true[:k]]
        assert list(found.scores.items()) == [one for one in best if one[0] in slow.records]
        assert list(found.clips.items()) == [one for one in best if one[0] in slow.clips]
    assert len(found.scores) + len(found.clips) == min(k, len(true)) or not store.promises.filters_inside
    assert found.clips.keys() <= slow.clips.keys()


def check_words(store: MemoryStore, slow: SlowMemory, scope: Scope, k: int, rng: random.Random) -> None:
    """Search by two words or a phrase, one of them perhaps misspelt."""
    words = [Term((word,), slow.stems(word)) for word in dict.fromkeys(rng.choices((*WORDS, "meteora", "zzz"), k=2))]
    phrase = tuple(rng.choices(WORDS, k=2))
    terms = words if rng.random() < 0.7 else [Term(phrase, slow.stems(" ".join(phrase)))]
    shares = slow.matching(terms, scope)
    also = rng.sample([key for _, key in shares], min(2, len(shares)))
    matched = store.matching(terms, k, scope, also)
    expected = shares[:k] + [one for one in shares[k:] if one[1] in also]
    assert [(score, key) for key, score in matched.scores.items()] == expected
    assert matched.allowed == len(shares)


def check_records(store: MemoryStore, slow: SlowMemory, scope: Scope, k: int, rng: random.Random) -> None:
    """Read records in time, by key, by clip and beside others."""
    assert _checked(slow, scope, store.timeline(scope, k)[0]) == slow.timeline(scope)[-k:]
    assert store.timeline(scope, k)[1] == len(slow.inside(scope))
    keys = rng.sample(list(slow.records), 30)
    got = store.get(keys, scope)
    assert set(_checked(slow, scope, got.values())) == set(keys) & set(slow.inside(scope)) == set(got)
    clips = rng.sample(list(slow.clips), min(5, len(slow.clips)))
    for kinds in (SHOWN, rng.sample(KINDS, 3)):
        strongest = {one: best for one in clips if (best := slow.strongest(one, scope, kinds)) is not None}
        assert store.strongest(clips, scope, kinds) == strongest
    for key in (*keys[:5], *clips):
        of_key = {space: vector.tolist() for space, vector in store.search_keys(key, scope).items()}
        assert of_key == slow.search_keys(key, scope)
    before, after = rng.randrange(3), rng.randrange(3)
    for key in keys[:5]:
        near = store.neighbours(key, before, after, scope)
        assert _checked(slow, scope, near) == slow.neighbours(key, before, after, scope)
    assert store.counts(scope.session, scope.as_of_ns) == slow.counts(scope.session, scope.as_of_ns)


def _checked(slow: SlowMemory, scope: Scope, hits: Iterable[Hit]) -> list[str]:
    """Compare each hit with what was stored; return their keys."""
    keys: list[str] = []
    for hit in hits:
        row = slow.records[hit.record_id]
        names = ("stream", "kind", "start_ns", "end_ns", "text", "level", "trust")
        assert all(getattr(hit, name) == getattr(row, name) for name in names)
        assert hit.box == (None if row.box is None else tuple(json.loads(row.box)))
        assert hit.clip_id == slow.clip_of(hit.record_id, scope.as_of_ns)
        assert hit.score == 0.0
        keys.append(hit.record_id)
    return keys
