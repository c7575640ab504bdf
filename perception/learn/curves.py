"""Learning curves on disk: a line of JSON for each measurement, and one picture (SVG) of all that was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

LINES = "curves.jsonl"
PICTURE = "curves.svg"
WIDE, TALL, LEFT, GAP = 640, 140, 70, 40
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")

Row = Mapping[str, float]


def read(folder: Path, until: int) -> list[dict[str, float]]:
    """Return the measurements up to a step; what a stopped run wrote after its last checkpoint is left out."""
    path = folder / LINES
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return [row for row in rows if row["step"] <= until]


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write all measurements anew, with their picture; each file is old or new, never half."""
    _replace(folder / LINES, "".join(f"{json.dumps(dict(row))}\n" for row in rows))
    _replace(folder / PICTURE, picture(rows))


def picture(rows: Sequence[Row]) -> str:
    """Return one plot per measured name, under each other, over steps."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    last = max((row["step"] for row in rows), default=1.0) or 1.0
    height = len(names) * (TALL + GAP) + GAP
    parts = [_plot(name, rows, last, GAP + place * (TALL + GAP), place) for place, name in enumerate(names)]
    size = f'viewBox="0 0 {WIDE + LEFT + 20} {height}"'
    style = 'font-family="sans-serif" font-size="12"'
    body = '<rect width="100%" height="100%" fill="white"/>' + "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{body}</svg>\n'


def _plot(name: str, rows: Sequence[Row], last: float, top: float, place: int) -> str:
    points = [(row["step"], row[name]) for row in rows if name in row]
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = (high - low) or 1.0
    path = " ".join(
        f"{LEFT + step / last * WIDE:.1f},{top + TALL - (value - low) / span * TALL:.1f}" for step, value in points
    )
    frame = f'<rect x="{LEFT}" y="{top}" width="{WIDE}" height="{TALL}" fill="none" stroke="#ccc"/>'
    line = f'<polyline points="{path}" fill="none" stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="1.5"/>'
    labels = [(top + 10, f"{high:.4g}"), (top + TALL, f"{low:.4g}")]
    ticks = "".join(f'<text x="{LEFT - 5}" y="{y}" text-anchor="end">{label}</text>' for y, label in labels)
    title = f'<text x="{LEFT}" y="{top - 6}">{escape(name)}, to step {last:.0f}: {points[-1][1]:.4g}</text>'
    return frame + line + ticks + title


def _replace(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
