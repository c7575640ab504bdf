"""What a classifier told of recordings: accuracy by class, what it took for what, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

import numpy as np

Counts: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"

ROUNDS = 2000  # of the bootstrap
CELL_PX, LABEL_PX = 64, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One recording: what it is, and what was told of each of its windows."""

    name: str
    truth: str
    told: tuple[str, ...]

    @property
    def right(self) -> int:
        """Return how many windows were told right."""
        return sum(one == self.truth for one in self.told)


def accuracy(rows: Sequence[Told]) -> float:
    """Return the share of windows that are right, 0 where there is none."""
    count = sum(len(row.told) for row in rows)
    return sum(row.right for row in rows) / count if count else 0.0


def interval(rows: Sequence[Told], others: Sequence[Told] | None = None) -> tuple[float, float]:
    """Return the 95 % of a bootstrap over recordings: of the accuracy, or of how much it is above that of `others`.

    Windows of one recording are alike, so recordings are drawn and not windows. `others` are the same recordings in
    the same order, told by another model.
    """
    right = np.array([[row.right, 0] for row in rows], np.float64)
    if others is not None:
        assert [row.name for row in rows] == [row.name for row in others]
        right[:, 1] = [row.right for row in others]
    count = np.array([len(row.told) for row in rows], np.float64)
    drawn = np.random.default_rng(0).integers(0, len(rows), (ROUNDS, len(rows)))
    shares = (right[:, 0] - right[:, 1])[drawn].sum(1) / np.maximum(1, count[drawn].sum(1))
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def pooled(rows: Sequence[Told]) -> list[Told]:
    """Return each recording once, with what was told of it by all seeds: draws of a bootstrap must not part them."""
    by_name: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        by_name.setdefault((row.truth, row.name), []).extend(row.told)
    return [Told(name=name, truth=truth, told=tuple(told)) for (truth, name), told in sorted(by_name.items())]


def score(rows: Sequence[Told]) -> dict[str, object]:
    """Return the accuracy with its interval, as a result tells it."""
    low, high = interval(rows)
    return {"accuracy": round(accuracy(rows), 4), "low": round(low, 4), "high": round(high, 4)}


def lead(ours: Sequence[Told], theirs: Sequence[Told]) -> dict[str, object]:
    """Return by how many points ours are ahead on the same recordings, with the interval."""
    low, high = interval(ours, theirs)
    ahead = accuracy(ours) - accuracy(theirs)
    return {"points": round(100 * ahead, 2), "low": round(100 * low, 2), "high": round(100 * high, 2)}


def matrix(rows: Sequence[Told], classes: Sequence[str]) -> Counts:
    """Return how many windows of each class (rows) were told to be which (columns)."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for row in rows:
        for one in row.told:
            counts[classes.index(row.truth), classes.index(one)] += 1
    return counts


def by_class(counts: Counts, classes: Sequence[str]) -> dict[str, Mapping[str, float | int | None]]:
    """Return for each class how many windows, the share of them found, and the share of what was told that is right."""
    table: dict[str, Mapping[str, float | int | None]] = {}
    for place, name in enumerate(classes):
        hits, there, said = int(counts[place, place]), int(counts[place].sum()), int(counts[:, place].sum())
        table[name] = {"n": there, "recall": _share(hits, there), "precision": _share(hits, said)}
    return table


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def as_text(counts: Counts, classes: Sequence[str]) -> str:
    """Return the matrix as a table: a line for each class, a column for what it was told to be."""
    wide = max(8, *(len(name) + 1 for name in classes))
    lines = [" " * wide + "".join(f"{name:>{wide}}" for name in classes)]
    for name, row in zip(classes, counts, strict=True):
        lines.append(f"{name:<{wide}}" + "".join(f"{int(count):>{wide}}" for count in row))
    return "\n".join(lines)


def picture(counts: Counts, classes: Sequence[str], title: str) -> str:
    """Return the matrix as an SVG: darker is more of its row."""
    size = LABEL_PX + CELL_PX * len(classes)
    parts = [f'<text x="10" y="20" font-size="14">{escape(title)}</text>']
    for y, name in enumerate(classes):
        top = LABEL_PX + y * CELL_PX
        parts.append(f'<text x="{LABEL_PX - 8}" y="{top + 36}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<text x="{LABEL_PX + y * CELL_PX + 32}" y="{LABEL_PX - 8}" text-anchor="middle">{escape(name)}</text>'
        )
        whole = max(1, int(counts[y].sum()))
        for x in range(len(classes)):
            part = int(counts[y, x]) / whole
            ink = "white" if part > 0.5 else "black"
            left = LABEL_PX + x * CELL_PX
            parts.append(
                f'<rect x="{left}" y="{top}" width="{CELL_PX}" height="{CELL_PX}" fill="#08519c" '
                f'fill-opacity="{part:.3f}" stroke="#ccc"/>'
                f'<text x="{left + 32}" y="{top + 36}" text-anchor="middle" fill="{ink}">{int(counts[y, x])}</text>'
            )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 10} {size + 10}" width="{size + 10}"'
    return f'{head} font-family="sans-serif" font-size="12">{"".join(parts)}</svg>\n'
