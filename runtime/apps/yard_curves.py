"""How far replies can be trusted, drawn: risk over coverage, and how often who is so sure is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runtime.apps.page import axis, drawing, lane, text
from runtime.apps.yard_lines import BACKEND, WINDOW, Line
from runtime.apps.yard_text import percent

WIDE, PLOT_PX = 1000.0, 160
POINT_PX = 8
QUARTERS = ("0", "25 %", "50 %", "75 %", "100 %")
SHOWN: Mapping[str, str] = {BACKEND: "first", WINDOW: "second"}
WHOSE = '<b class="first">backend</b>, <b class="second">window</b>'


def curves(lines: Sequence[Line]) -> Iterator[str]:
    """Yield both drawings from the lines of `trust`."""
    yield f"<h2>Risk over coverage <small>{WHOSE}</small></h2>"
    shapes = [shape for one in lines for shape in _risk(one["points"], SHOWN[one["of"]])]
    if not shapes:
        yield "<p class=soft>No reply says how sure it is.</p>"
        return
    measured = {name for one in lines for name in one["measured"]}
    yield f"<p class=soft>Surest first, by {text(' and '.join(sorted(measured)))}; wrong at the top.</p>"
    yield lane("100 % to 0", drawing(WIDE, PLOT_PX, shapes))
    yield lane("answered", axis(QUARTERS))
    yield f"<h2>Calibration <small>{WHOSE}; on the line who says it is as sure as it is right</small></h2>"
    points = [shape for one in lines for shape in _calibration(one["bins"], SHOWN[one["of"]])]
    if not points:
        yield "<p class=soft>What says how sure a reply is goes beyond 0 to 1: it is no share.</p>"
        return
    line = f'<polyline class="line zero" points="0,{PLOT_PX} {WIDE:g},0"/>'
    yield lane("100 % right", drawing(WIDE, PLOT_PX, [line, *points]))
    yield lane("how sure", axis(QUARTERS))


def _risk(points: Sequence[tuple[float, float]], name: str) -> Iterator[str]:
    places = [(WIDE * coverage, PLOT_PX * (1 - risk)) for coverage, risk in points]
    if places:
        yield _line([(0.0, places[0][1]), *places], name)


def _calibration(bins: Sequence[tuple[float, float, int]], name: str) -> Iterator[str]:
    """Yield a line through the bins, and a mark on each that says how many replies are in it."""
    places = [(WIDE * sure, PLOT_PX * (1 - right)) for sure, right, _ in bins]
    if len(places) > 1:
        yield _line(places, name)
    for (x, y), (sure, right, count) in zip(places, bins, strict=True):
        title = f"{percent(sure)} % sure, {percent(right)} % right of {count}"
        at = (min(WIDE - POINT_PX, max(0.0, x - POINT_PX / 2)), min(PLOT_PX - POINT_PX, max(0.0, y - POINT_PX / 2)))
        size = f'width="{POINT_PX}" height="{POINT_PX}"'
        yield f'<rect class="{name}" x="{at[0]:.1f}" y="{at[1]:.1f}" {size}><title>{text(title)}</title></rect>'


def _line(places: Sequence[tuple[float, float]], name: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="line {name}" points="{joined}"/>'
