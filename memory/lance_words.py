"""Words in the LanceDB table: records are found by the stems that stand beside their texts, and weigh as in SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from memory.fulltext import NEAR_LETTERS, weigh, words_alike
from memory.lance_table import bounded, condition_of, quoted
from memory.words import stand_together

if TYPE_CHECKING:
    from memory.lance_table import Table
    from memory.scope import Scope
    from memory.words import Term

Holder: TypeAlias = tuple[int, str]  # number and key: of equals the later is more


class Words:
    """Looks for words in one scope, in one moment."""

    def __init__(self, table: Table, scope: Scope) -> None:
        self._table = table
        self._inside = condition_of(scope, "record")
        self._known = f"type = 'record' AND session = {quoted(scope.session)} AND t_ns <= {bounded(scope.as_of_ns)}"
        self._vocabulary: frozenset[str] | None = None

    def shares(self, terms: Sequence[Term]) -> dict[Holder, float]:
        """Return record -> share of the terms, above 0 to 1, for every record of the scope that has any of them."""
        known = self._table.count(self._known) if terms else 0
        return weigh(terms, known, lambda term: self._holders(term.stems), self._similar)

    def _holders(self, stems: tuple[str, ...]) -> tuple[int, dict[Holder, float]]:
        """Return how many records of the session hold these stems together, and those of the scope, likeness 1.0."""
        count = sum(1 for _ in self._find(self._known, stems))
        return count, dict.fromkeys(self._find(self._inside, stems), 1.0) if count else {}

    def _similar(self, term: Term) -> tuple[int, dict[Holder, float]]:
        """Return the same for words that are written nearly like the term, with likeness squared."""
        if self._vocabulary is None:
            rows = self._table.rows(self._known, ["stems"])
            self._vocabulary = frozenset(stem for row in rows for stem in row["stems"])
        total = 0
        found: dict[Holder, float] = {}
        near = (word for word in self._vocabulary if abs(len(word) - len(term.stems[0])) <= NEAR_LETTERS)
        for word, alike in words_alike(term, near).items():
            count, holders = self._holders((word,))
            total += count
            for holder in holders:
                found[holder] = max(alike, found.get(holder, 0.0))
        return total, found

    def _find(self, among: str, stems: tuple[str, ...]) -> Iterator[Holder]:
        holding = "".join(f" AND array_has(stems, {quoted(stem)})" for stem in stems)
        for row in self._table.rows(among + holding, ["number", "key", "stems"]):
            if stand_together(stems, row["stems"]):
                yield row["number"], row["key"]
