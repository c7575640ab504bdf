"""How much of what is asked about stands in each record: the share of the question's terms, rare ones counting more.

FTS5 finds the records; the weights are counted here. Its own BM25 would weigh words by all sessions and by what came
after `as_of_ns`, and an answer must not change with either. Every text is one sentence, so how often a term stands in
it and how long it is are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, TypeVar

from memory.scope import EARLIEST_NS, Scope
from memory.words import Stemmer, Term, letter_pairs, likeness, question_terms

if TYPE_CHECKING:
    import apsw

SIMILAR_LETTERS = 0.72  # "meters" finds "meteors" (0.77), "married" does not find "harried" (0.67)
SIMILAR_FROM_LETTERS = 5  # shorter words are alike by chance
NEAR_LETTERS = 2  # that one of two words alike may have more
ALL_IDS = (1, 2**63 - 1)
HOLDERS_MAX = 5_000  # a word that more records hold weighs as if these were all, and its newest are looked at

Holder = TypeVar("Holder", bound=Hashable)  # what a record is called by who looks


class FullText:
    """Searches the texts of records through one read-only connection."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._stemmer = Stemmer(db)
        self._ids: dict[Scope, tuple[int, int]] = {}  # of one search

    def terms(self, question: str) -> list[Term]:
        """Return what the question is about; empty where there is nothing to look for."""
        return question_terms(question, self._stemmer)

    def shares(self, terms: list[Term], scope: Scope, known: int) -> dict[int, float]:
        """Return record id -> share of the terms, above 0 to 1, for every record of the scope that has any of them."""
        self._ids.clear()
        return weigh(terms, known, lambda term: self._holders(term, scope), lambda term: self._similar(term, scope))

    def _holders(self, term: Term, scope: Scope) -> tuple[int, dict[int, float]]:
        """Return how many records of the session hold the term, and those of the scope: id -> likeness, 1.0."""
        count, inside = self._find("rowid", "record_fts WHERE record_fts MATCH ?", term.match, scope)
        return count, dict.fromkeys(inside, 1.0)

    def _similar(self, term: Term, scope: Scope) -> tuple[int, dict[int, float]]:
        """Return the same for words that are written nearly like the term: id -> likeness squared."""
        near = "SELECT term FROM record_word WHERE length(term) BETWEEN ? AND ?"
        length = len(term.stems[0])
        words = [str(word) for (word,) in self._db.execute(near, (length - NEAR_LETTERS, length + NEAR_LETTERS))]
        total = 0
        found: dict[int, float] = {}
        for word, alike in words_alike(term, words).items():
            # By place and not by MATCH, which would cut the stem down once more.
            count, inside = self._find("doc", "record_place WHERE term = ?", word, scope)
            total += count
            for record_id in inside:
                found[record_id] = max(alike, found.get(record_id, 0.0))
        return total, found

    def _find(self, place: str, of_word: str, word: str, scope: Scope) -> tuple[int, list[int]]:
        """Return how many records with a word the session knew by `as_of_ns`, and which of them the scope allows."""
        holders = f"""FROM (SELECT DISTINCT {place} AS id FROM {of_word} AND {place} BETWEEN ? AND ? ORDER BY id DESC)
            AS holder CROSS JOIN record ON record.id = holder.id"""
        known = f"SELECT count(*) FROM (SELECT 1 {holders} WHERE record.session = ? AND record.t_ns <= ? LIMIT ?)"
        count: int = self._db.execute(known, (word, *ALL_IDS, scope.session, scope.as_of_ns, HOLDERS_MAX)).get
        if count == 0:
            return 0, []
        condition, values = scope.where()
        ids = self._ids_within(scope) if count == HOLDERS_MAX and scope.start_ns != EARLIEST_NS else ALL_IDS
        inside = f"SELECT record.id {holders} WHERE {condition} LIMIT ?"
        rows = self._db.execute(inside, (word, *ids, *values, HOLDERS_MAX))
        return count, [record_id for (record_id,) in rows]

    def _ids_within(self, scope: Scope) -> tuple[int, int]:
        """Return the first and the last id in a scope: of a year of holders only these are worth a look."""
        if scope not in self._ids:
            condition, values = scope.where()
            query = f"SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM record WHERE {condition}"
            ((first, last),) = self._db.execute(query, values)
            self._ids[scope] = int(first), int(last)
        return self._ids[scope]


def weigh(
    terms: Sequence[Term],
    known: int,
    holders: Callable[[Term], tuple[int, Mapping[Holder, float]]],
    similar: Callable[[Term], tuple[int, Mapping[Holder, float]]],
) -> dict[Holder, float]:
    """Return record -> share of the terms, above 0 to 1.

    A term weighs log(1 + (n - d + 0.5) / (d + 0.5)), as in BM25: n = `known` records of the session were there by
    `as_of_ns`, d of them hold it. One that nothing holds weighs most: what is asked about was never said. A word that
    nothing holds is looked for once more among words written alike, as speech recognisers misspell names; those count
    less. Both searches return d, and record -> likeness of those in the scope.
    """
    weight_sum = 0.0
    shares: dict[Holder, float] = {}
    for term in terms:
        count, inside = holders(term)
        if count == 0:
            count, inside = similar(term)
        count = min(count, known)  # a record with two words alike is counted twice
        weight = log(1 + (known - count + 0.5) / (count + 0.5))
        weight_sum += weight
        for record, alike in inside.items():
            shares[record] = shares.get(record, 0.0) + weight * alike
    return {record: share / weight_sum for record, share in shares.items()}


def words_alike(term: Term, words: Iterable[str]) -> dict[str, float]:
    """Return those stems that are written nearly like a term: stem -> likeness squared; none for phrases."""
    if len(term.stems) > 1 or len(term.stems[0]) < SIMILAR_FROM_LETTERS:
        return {}
    pairs = letter_pairs(term.stems[0])
    alike = {word: likeness(pairs, letter_pairs(word)) for word in words}
    return {word: value**2 for word, value in alike.items() if value >= SIMILAR_LETTERS}
