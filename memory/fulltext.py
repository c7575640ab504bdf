"""How much of what is asked about stands in each record: the share of the question's terms, rare ones counting more.

FTS5 finds the records; the weights are counted here. Its own BM25 would weigh words by all sessions and by what came
after `as_of_ns`, and an answer must not change with either. Every text is one sentence, so how often a term stands in
it and how long it is are left out.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from memory.words import Stemmer, Term, question_terms, similarity

if TYPE_CHECKING:
    import apsw

    from memory.scope import Scope

SIMILAR_LETTERS = 0.72  # "meters" finds "meteors" (0.77), "married" does not find "harried" (0.67)
SIMILAR_FROM_LETTERS = 5  # shorter words are alike by chance


class FullText:
    """Searches the texts of records through one read-only connection."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._stemmer = Stemmer(db)

    def terms(self, question: str) -> list[Term]:
        """Return what the question is about; empty where there is nothing to look for."""
        return question_terms(question, self._stemmer)

    def shares(self, terms: list[Term], scope: Scope) -> dict[int, float]:
        """Return record id -> share of the terms, above 0 to 1, for every record of the scope that has any of them.

        A term weighs log(1 + (n - d + 0.5) / (d + 0.5)), as in BM25: n records of the session were known by then, d of
        them hold it. One that nothing holds weighs most: what is asked about was never said. A word that nothing holds
        is looked for once more among words written alike, as speech recognisers misspell names; those count less.
        """
        known = "SELECT count(*) FROM record WHERE session = ? AND t_ns <= ?"
        n: int = self._db.execute(known, (scope.session, scope.as_of_ns)).get
        weight_sum = 0.0
        shares: dict[int, float] = {}
        for term in terms:
            holders = self._holders(term, scope) or self._similar_holders(term, scope)
            weight = log(1 + (n - len(holders) + 0.5) / (len(holders) + 0.5))
            weight_sum += weight
            for record_id, (is_inside, likeness) in holders.items():
                if is_inside:
                    shares[record_id] = shares.get(record_id, 0.0) + weight * likeness
        return {record_id: share / weight_sum for record_id, share in shares.items()}

    def _holders(self, term: Term, scope: Scope) -> dict[int, tuple[bool, float]]:
        """Return the session's records with the term: id -> (is it inside the scope, 1.0)."""
        found = self._known("rowid AS id FROM record_fts WHERE record_fts MATCH ?", term.match, scope)
        return {record_id: (is_inside, 1.0) for record_id, is_inside in found}

    def _similar_holders(self, term: Term, scope: Scope) -> dict[int, tuple[bool, float]]:
        """Return the records with a word that is written nearly like the term: id -> (is inside, likeness squared)."""
        if len(term.stems) > 1 or len(term.stems[0]) < SIMILAR_FROM_LETTERS:
            return {}
        (stem,) = term.stems
        near = "SELECT term FROM record_word WHERE length(term) BETWEEN ? AND ?"
        found: dict[int, tuple[bool, float]] = {}
        for (word,) in self._db.execute(near, (len(stem) - 2, len(stem) + 2)).fetchall():
            likeness = similarity(stem, str(word))
            if likeness < SIMILAR_LETTERS:
                continue
            # By place and not by MATCH, which would cut the stem down once more.
            holders = self._known("doc AS id FROM record_place WHERE term = ?", str(word), scope)
            for record_id, is_inside in holders:
                found[record_id] = (is_inside, max(likeness**2, found.get(record_id, (False, 0.0))[1]))
        return found

    def _known(self, ids: str, word: str, scope: Scope) -> list[tuple[int, bool]]:
        """Return those of the ids that the session knew by `as_of_ns`, and whether each is inside the scope."""
        inside, values = scope.where()
        query = f"""SELECT record.id, {inside} FROM (SELECT DISTINCT {ids}) AS holder
            CROSS JOIN record ON record.id = holder.id WHERE record.session = ? AND record.t_ns <= ?"""
        rows = self._db.execute(query, (*values, word, scope.session, scope.as_of_ns))
        return [(record_id, bool(is_inside)) for record_id, is_inside in rows]
