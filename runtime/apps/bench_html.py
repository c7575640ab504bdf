"""A benchmark as a page: its measures beside goals and an earlier run, latencies per stage, what changed over time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from runtime.apps.page import axis, drawing, lane, page, table, text
from runtime.apps.present import clock

WIDE = 1000.0
BAR_PX, PLOT_PX = 14, 120
LEAST_MS = 0.01  # where the logarithmic scale begins
HEADROOM = 1.08

Line = dict[str, Any]


def as_html(lines: Sequence[Line]) -> str:
    """Return the page of the lines that a bench prints."""
    return page("Heedful: benchmark", _parts(lines))


def _parts(lines: Sequence[Line]) -> Iterable[str]:
    for name, some in groupby(lines, lambda line: str(line["bench"])):
        *measures, result = some
        yield f"<h1>{text(name)}</h1>"
        yield f'<p class="verdict">{"every goal met" if result["passed"] else "not every goal met"}</p>'
        yield f"<p>{text(result['command'])}, {text(result['date'])}</p><p class=soft>{text(_where(result))}</p>"
        yield from _latencies([one for one in measures if "stage" in one])
        yield from (part for one in measures if "series" in one for part in _over_time(one))
        yield "<h2>All measures</h2>"
        yield table(
            ["measure", "value", "goal", "then", "now over then"],
            [_row(one) for one in measures],
            numbers={1, 2, 3, 4},
            fills=0,
        )


def _where(result: Line) -> str:
    seen = result["machine"]
    load = f"load {seen['load_before']} before and {seen['load_after']} after"
    return f"{seen['cores']} cores ({seen['cpu']}), {seen['system']}, Python {seen['python']}, {load}"


def _row(line: Line) -> list[str]:
    goal = "" if line["goal"] is None else f"{line['goal']}: {'met' if line['passed'] else 'NOT MET'}"
    name = text(line["measure"])
    if not line["passed"]:
        name = f'<b class="gone">{name}</b>'
    then = "" if "then" not in line else f"{line['then']:g}"
    ratio = "" if "now_over_then" not in line else f"{line['now_over_then']:.2f}"
    return [name, text(f"{line['value']:g} {line['unit']}"), text(goal), then, ratio]


def _latencies(lines: Sequence[Line]) -> Iterable[str]:
    """Yield a bar for each stage: full to p50, fainter to p95 and to p99, on a logarithmic scale."""
    stages: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        stages[str(line["stage"])].append(line)
    if not stages:
        return
    most_ms = max(float(line[name]) for line in lines for name in ("value", "then") if name in line)
    decades = max(1, math.ceil(math.log10(max(most_ms, LEAST_MS) / LEAST_MS)))
    has_then = any("then" in line for line in lines)
    beside = ', <b class="second">then</b> below' if has_then else ""
    yield f'<h2>Latency per stage <small>p50, p95, p99{beside}</small></h2>'  # fmt: skip
    for stage, measures in stages.items():
        bars = _bars([float(one["value"]) for one in measures], 0, decades, "first")
        if has_then:
            bars += _bars([float(one["then"]) for one in measures if "then" in one], BAR_PX, decades, "second")
        shown = " / ".join(f"{one['value']:.3g}" for one in measures)
        yield f"<p class=soft>{text(stage)} {shown} ms</p>"
        yield lane("", drawing(WIDE, BAR_PX * (2 if has_then else 1), bars))
    yield lane("ms", axis(f"{LEAST_MS * 10**decade:g}" for decade in range(decades + 1)))


def _bars(values_ms: Sequence[float], top: int, decades: int, name: str) -> list[str]:
    bars = []
    for value_ms in sorted(values_ms, reverse=True):
        width = WIDE * math.log10(max(value_ms, LEAST_MS) / LEAST_MS) / decades
        place = f'x="0" y="{top + 1}" width="{width:.1f}" height="{BAR_PX - 2}"'
        bars.append(f'<rect class="{name}" {place} opacity=".45"><title>{value_ms:g} ms</title></rect>')
    return bars


def _over_time(line: Line) -> Iterable[str]:
    """Yield a plot of a series, from nothing at the bottom to a little above the largest value."""
    at_s, values = line["series"]["at_s"], line["series"]["of"]
    if not at_s:
        return
    end_s, most = max(at_s[-1], 1e-9), max(*values, 1e-9) * HEADROOM
    points = " ".join(
        f"{WIDE * one / end_s:.1f},{PLOT_PX * (1 - value / most):.1f}"
        for one, value in zip(at_s, values, strict=True)
    )  # fmt: skip
    name, most_said = str(line["measure"]).partition(",")[0], f"{max(values):g} {line['unit']}"
    yield f"<h2>{text(name)} <small>up to {text(most_said)}</small></h2>"
    yield lane(f"0 to {most:.0f}", drawing(WIDE, PLOT_PX, [f'<polyline class="line first" points="{points}"/>']))
    yield lane("", axis(clock(end_s * part / 4) for part in range(5)))
