"""The yard's suite as a page: accuracy by group beside the baselines, differences, polls, trust, hits and misses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runtime.apps.page import axis, drawing, lane, page, table, text, write_page
from runtime.apps.yard_curves import QUARTERS, WIDE, curves
from runtime.apps.yard_lines import BACKEND, WINDOW, Line, Results
from runtime.apps.yard_pictures import pictures
from runtime.apps.yard_text import NOTES, percent, plainly, side_by_side

BAR_PX = 20
MARKS: Mapping[str, str] = {WINDOW: "second", "majority": "changed", "blind": "gone"}  # how others are drawn
TABLES = ("difference", "abstention", "pairs", "descriptions", "hallucinations", "evidence", "trust")


def write_report(path: Path, lines: Sequence[Line], result: Line, results: Results, paths: Mapping[int, Path]) -> None:
    """Write the page. Raises ConfigError where the file cannot be written."""
    parts = [*as_parts(lines, result), *pictures(results.rows[BACKEND], paths)]
    write_page(path, page(f"Heedful: the yard, {result['backend']}", parts, shows_pictures=True), replaces=True)


def as_parts(lines: Sequence[Line], result: Line) -> Iterator[str]:
    """Yield the page without its pictures."""
    by_measure = {name: [one for one in lines if one["measure"] == name] for name in NOTES}
    yield f"<h1>The yard: {text(result['backend'])}</h1>"
    yield f'<p class="verdict">{text(_verdict(result))}</p>'
    yield f"<p class=soft>{result['worlds']} worlds of {result['length_s']:g} s, {text(result['took_s'])} s</p>"
    backend_polls = [one for one in by_measure["polls"] if one["of"] == BACKEND]
    yield from _groups(by_measure["accuracy"])
    yield from _differences(by_measure["difference"])
    yield from _strata(backend_polls)
    yield from curves(by_measure["trust"])
    yield f"<h2>Accuracy <small>{text(NOTES['accuracy'])}</small></h2>"
    yield _table(side_by_side(by_measure["accuracy"]))
    yield f"<h2>Polls <small>{text(NOTES['polls'])}</small></h2>"
    yield _table(side_by_side(by_measure["polls"], with_bounds=False))
    yield "<h2>Polls of the backend <small>as POPE counts them; yes is positive</small></h2>"
    yield _table(plainly(backend_polls))
    for name in TABLES:
        if by_measure[name]:
            yield f"<h2>{text(name.capitalize())} <small>{text(NOTES[name])}</small></h2>"
            yield _table(plainly(by_measure[name]))
    if not by_measure["descriptions"][0]["n"]:
        yield "<p class=soft>The descriptions mention nothing (n = 0).</p>"


def _verdict(result: Line) -> str:
    parts = {
        "": "accuracy",
        " recent": "recent_accuracy",
        " from memory": "memory_accuracy",
        " blind": "blind_accuracy",
    }
    said = [f"{percent(result[field])} %{name}" for name, field in parts.items()]
    return f"{', '.join(said)}, of {result['n']} questions that have an answer"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; who it is and on what stand in one cell, for there is room for one column of words."""
    heads, *cells = _joined(rows) if rows[0][1] == "on" else rows
    numbers = range(1, len(heads))
    return table(heads, ([text(cell) for cell in row] for row in cells), numbers=numbers, fills=0)


def _joined(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    heads, *cells = rows
    is_one = len({row[0] for row in cells}) == 1 and len(cells) > 1
    named = [[on if is_one else of if on == "all" else f"{of} {on}", *rest] for of, on, *rest in cells]
    return [["", *heads[2:]], *named]


def _differences(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the paired differences with their intervals; nothing is in the middle."""
    yield f"<h2>Difference <small>{text(NOTES['difference'])}</small></h2>"
    for one in lines:
        label = f"{percent(one['value'])} points, {percent(one['low'])} to {percent(one['high'])}"
        low, high, value = ((1 + one[name]) / 2 for name in ("low", "high", "value"))
        place = f'x="{WIDE / 2:g}" y="0" width="1" height="{BAR_PX}"'
        shapes = [f"<g><title>{text(label)}</title>{_range(low, high)}{_mark(value, 'first')}</g>"]
        yield lane(str(one["on"]), drawing(WIDE, BAR_PX, [f'<rect class="zero" {place}/>', *shapes]))
    yield lane("points", axis(("-100", "-50", "0", "50", "100")))


def _groups(lines: Sequence[Line]) -> Iterator[str]:
    at = {(one["of"], one["on"]): one for one in lines}
    marks = ", ".join(f'<b class="{name}">{text(of)}</b>' for of, name in MARKS.items())
    yield f'<h2>Accuracy by group <small><b class="first">backend</b> with 95 %, {marks}</small></h2>'
    for on in dict.fromkeys(one["on"] for one in lines):
        own = at[BACKEND, on]
        if not own["n"]:
            yield lane(_name(on), "<span>no question</span>")
            continue
        others = [(at[of, on]["accuracy"], name) for of, name in MARKS.items()]
        label = f"{percent(own['accuracy'])} % of {own['n']}"
        shapes = [_bar(own["accuracy"], label), _range(own["low"], own["high"])]
        bands = enumerate(others)
        shapes += [_mark(value, name, band, len(others)) for band, (value, name) in bands if value is not None]
        yield lane(_name(on), drawing(WIDE, BAR_PX, shapes))
    yield lane("", axis(QUARTERS))


def _strata(lines: Sequence[Line]) -> Iterator[str]:
    yield '<h2>Polls by kind of what was not there <small><b class="first">accuracy</b>, '
    yield '<b class="second">F1</b>, <b class="changed">share of yes</b></small></h2>'
    for one in lines:
        if not one["n"]:
            yield lane(one["on"], "<span>no poll</span>")
            continue
        shapes = [_bar(one["accuracy"], f"{percent(one['accuracy'])} % of {one['n']}")]
        shapes += [_mark(one["f1"], "second", 0, 2), _mark(one["yes_ratio"], "changed", 1, 2)]
        yield lane(one["on"], drawing(WIDE, BAR_PX, shapes))
    yield lane("", axis(QUARTERS))


def _bar(value: float, label: str) -> str:
    place = f'x="0" y="2" width="{WIDE * value:.1f}" height="{BAR_PX - 4}"'
    return f'<rect class="first" {place} opacity=".45"><title>{text(label)}</title></rect>'


def _range(low: float, high: float) -> str:
    place = f'x="{WIDE * low:.1f}" y="{BAR_PX / 2 - 1:g}" width="{max(1.0, WIDE * (high - low)):.1f}" height="2"'
    return f'<rect class="first" {place}/>'


def _mark(value: float | None, name: str, band: int = 0, bands: int = 1) -> str:
    """Return a mark at a value; each of several has a band of its own, so that none hides another."""
    if value is None:
        return ""
    x, high = min(WIDE - 4, WIDE * value), BAR_PX / bands
    return f'<rect class="{name}" x="{x:.1f}" y="{band * high:.1f}" width="4" height="{high:.1f}"/>'


def _name(on: str) -> str:
    return on.replace("_", " ")
