"""Erasing out of the LanceDB table: all is written anew without what goes, and the files before it are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memory.erase import Erased, Selector
from memory.lance_rows import remade, tombstone
from memory.lance_table import bounded, one_of, quoted
from memory.words import stand_together
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from memory.lance_table import Table
    from memory.words import Stemmer

CLIP = ("key", "session", "stream", "epoch", "seq", "sensor", "t_ns", "records")


def erase(table: Table, selector: Selector, stemmer: Stemmer, number: int) -> tuple[Erased, int]:
    """Erase what a selector names, numbering new rows from `number` on; return what went, and the next number.

    Raises MissingPart where files of before could not be removed.
    """
    doomed = _doomed(table, selector, stemmer)
    touched = [row for row in table.rows("type = 'clip'", CLIP) if not doomed.keys().isdisjoint(row["records"])]
    anew = [clip for row in touched if (clip := remade(table, row, doomed.keys()))]
    lost = {row["key"] for row in touched}
    owners = doomed.keys() | {row["key"] for row in touched}
    vectors = {row["number"] for row in table.rows("type = 'vector'", ["number", "key"]) if row["key"] in owners}
    clips = {row["number"] for row in table.rows("type = 'clip'", ["number", "key"]) if row["key"] in owners}
    gone = {*doomed.values(), *vectors, *clips}
    if selector.is_whole_session:
        rest = f"type IN ('session', 'stream') AND session = {quoted(selector.session or '')}"
        gone |= {row["number"] for row in table.rows(rest, ["number"])}
    pictures = table.count(f"media IS NOT NULL AND {one_of('key', doomed)}")
    rows = [*anew, *map(tombstone, sorted(doomed.keys() | lost))]
    for row in rows:
        row["number"], number = number, number + 1
    if gone:
        left = table.rewrite(gone, rows)
        if left:
            raise MissingPart(f"{table.path}: erased, but {', '.join(left)} could not be removed", "erase again")
    counted = Erased(
        records=len(doomed), clips=len(lost) - len(anew), remade=len(anew), vectors=len(vectors), pictures=pictures
    )
    return counted, number


def _doomed(table: Table, selector: Selector, stemmer: Stemmer) -> dict[str, int]:
    """Return key -> number of the records that a selector names."""
    given = {
        "session = {}": selector.session and quoted(selector.session),
        "stream = {}": selector.stream and quoted(selector.stream),
        "end_ns + clock_ns >= {}": None if selector.start_ns is None else bounded(selector.start_ns),
        "start_ns - clock_ns <= {}": None if selector.end_ns is None else bounded(selector.end_ns),
    }
    parts = [condition.format(value) for condition, value in given.items() if value is not None]
    if selector.clip is not None:
        held = table.rows(f"type = 'clip' AND key = {quoted(selector.clip)}", ["records"])
        parts.append(one_of("key", {selector.clip, *(key for row in held for key in row["records"])}))
    words = stemmer.stems(selector.text) if selector.text is not None else ()
    parts += [f"array_has(stems, {quoted(word)})" for word in words]
    if not parts:
        return {}
    rows = table.rows(" AND ".join(["type = 'record'", *parts]), ["key", "number", "stems"])
    return {row["key"]: row["number"] for row in rows if stand_together(words, row["stems"])}
