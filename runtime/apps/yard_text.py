"""The yard's measures as text: who answered how much of what, and below it what each measure says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runtime.apps.yard_lines import BACKEND, Line

NOTES: Mapping[str, str] = {
    "accuracy": "share of the questions with an answer that are right; 95 % of the backend by drawing worlds",
    "difference": "the backend's accuracy less another's, in pairs by world, with 95 %",
    "abstention": "where nobody could know one should abstain",
    "polls": "was it so? by kind of what was not so, a yes for each no (POPE-V)",
    "pairs": "the same world with one thing removed or repainted: both right, and how often the answer turns",
    "descriptions": '"What happened?" (CHAIR-V): n counts mentions',
    "hallucinations": "of what descriptions mention and claim, by kind: how much is wrong, and in which share of them",
    "evidence": "of replies with evidence: in a true stretch of time, and in a true box",
    "trust": "risk over coverage, by what says how sure a reply is; area is the mean risk",
}
HIDDEN = ("measure", "points", "bins")


def as_text(lines: Sequence[Line]) -> str:
    """Return all lines as tables."""
    measures = dict.fromkeys(str(one["measure"]) for one in lines)
    return "\n\n".join("\n".join(_table(name, [one for one in lines if one["measure"] == name])) for name in measures)


def _table(name: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f"{name}: {NOTES[name]}"
    yield from aligned(side_by_side(lines) if name == "accuracy" else plainly(lines))
    if name == "descriptions" and not lines[0]["n"]:
        yield "nothing is mentioned (n = 0): there is nothing to be right or wrong about"
    for one in lines:
        if name == "trust" and not one["n"]:
            yield f"{one['of']}: no reply says how sure it is"


def side_by_side(lines: Sequence[Line], *, with_bounds: bool = True) -> list[list[str]]:
    """Return accuracies with a column for each who answered, and the backend's 95 % beside them."""
    whose = list(dict.fromkeys(str(one["of"]) for one in lines))
    at = {(one["of"], one["on"]): one for one in lines}
    rows = [["", "n", *whose, *(["95 %"] if with_bounds else [])]]
    for on in dict.fromkeys(str(one["on"]) for one in lines):
        first = at[BACKEND, on]
        values = [percent(at[of, on]["accuracy"]) for of in whose]
        rows.append([on, str(first["n"]), *values])
        if with_bounds:
            rows[-1].append(f"{percent(first['low'])} to {percent(first['high'])}" if first["n"] else "")
    return rows


def plainly(lines: Sequence[Line]) -> list[list[str]]:
    """Return lines with a column for each number."""
    names = [name for name in lines[0] if name not in HIDDEN]
    return [names, *([shown(one[name]) for name in names] for one in lines)]


def percent(value: float | None) -> str:
    """Return a share in percent, "-" where there is none."""
    return "-" if value is None else f"{100 * value:.1f}"


def shown(value: object) -> str:
    """Return a number, a name or a list of names; "-" where there is none."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield rows with their columns below each other, the first to the left."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()
