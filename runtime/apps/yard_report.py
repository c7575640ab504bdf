"""The yard's suite as a page: accuracy by group beside the baselines, polls, risk over coverage, hits and misses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runtime.apps.page import axis, drawing, lane, page, table, text, write_page
from runtime.apps.yard_lines import BACKEND, WINDOW, Line, Results
from runtime.apps.yard_pictures import pictures
from runtime.apps.yard_text import NOTES, percent, plainly, side_by_side

WIDE, BAR_PX, PLOT_PX = 1000.0, 20, 160
MARKS: Mapping[str, str] = {WINDOW: "second", "majority": "changed", "blind": "gone"}  # how others are drawn
TABLES = ("difference", "abstention", "pairs", "descriptions", "hallucinations", "evidence", "trust")
QUARTERS = ("0", "25 %", "50 %", "75 %", "100 %")


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
    yield from _groups(by_measure["accuracy"])
    yield from _strata([one for one in by_measure["polls"] if one["of"] == BACKEND])
    yield from _risk(by_measure["trust"])
    yield f"<h2>Accuracy <small>{text(NOTES['accuracy'])}</small></h2>"
    yield _table(side_by_side(by_measure["accuracy"]))
    yield f"<h2>Polls <small>{text(NOTES['polls'])}</small></h2>"
    yield _table(plainly(by_measure["polls"]))
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
    named = [[of if on == "all" else f"{of} {on}", *rest] for of, on, *rest in cells]
    return [["", *heads[2:]], *named]


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
        shapes += [_mark(value, name) for value, name in others if value is not None]
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
        shapes += [_mark(one[name], mark) for name, mark in (("f1", "second"), ("yes_ratio", "changed")) if one["n"]]
        yield lane(one["on"], drawing(WIDE, BAR_PX, shapes))
    yield lane("", axis(QUARTERS))


def _risk(lines: Sequence[Line]) -> Iterator[str]:
    yield '<h2>Risk over coverage <small><b class="first">backend</b>, <b class="second">window</b></small></h2>'
    shown = {BACKEND: "first", WINDOW: "second"}
    shapes = [shape for one in lines for shape in _curve(one["points"], shown[one["of"]])]
    if not shapes:
        yield "<p class=soft>No reply says how sure it is.</p>"
        return
    measured = {name for one in lines for name in one["measured"]}
    yield f"<p class=soft>Surest first, by {text(' and '.join(sorted(measured)))}; wrong at the top.</p>"
    yield lane("100 % to 0", drawing(WIDE, PLOT_PX, shapes))
    yield lane("answered", axis(QUARTERS))


def _curve(points: Sequence[tuple[float, float]], name: str) -> Iterator[str]:
    places = [(WIDE * coverage, PLOT_PX * (1 - risk)) for coverage, risk in points]
    if places:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(0.0, places[0][1]), *places])
        yield f'<polyline class="line {name}" points="{joined}"/>'


def _bar(value: float, label: str) -> str:
    place = f'x="0" y="2" width="{WIDE * value:.1f}" height="{BAR_PX - 4}"'
    return f'<rect class="first" {place} opacity=".45"><title>{text(label)}</title></rect>'


def _range(low: float, high: float) -> str:
    place = f'x="{WIDE * low:.1f}" y="{BAR_PX / 2 - 1:g}" width="{max(1.0, WIDE * (high - low)):.1f}" height="2"'
    return f'<rect class="first" {place}/>'


def _mark(value: float | None, name: str) -> str:
    if value is None:
        return ""
    x = min(WIDE - 4, WIDE * value)
    return f'<rect class="{name}" x="{x:.1f}" y="0" width="4" height="{BAR_PX}"/>'


def _name(on: str) -> str:
    return on.replace("_", " ")
