"""`heedful eval radhar`: what a trained model tells of recorded activities, over windows of 60 sweeps, every 10.

Each line is one measure; the last one is the result: `{"type":"result","suite":"radhar","n":...,"accuracy":...}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perception.radar.lesson import predict
from perception.radar.recordings import Recording, read_folder
from perception.radar.weights import SHIPPED, load
from runtime.apps import confusion
from runtime.apps.confusion import Told
from runtime.errors import InputError

if TYPE_CHECKING:
    from torch.nn import Module

SAMPLES = Path("radar") / "radhar" / "train"  # where the recordings are in a folder of sample data


def recordings_in(folder: Path) -> list[Recording]:
    """Read a folder of CLASS/NAME.npz, or a folder of sample data that has one. Raises InputError."""
    return read_folder(folder / SAMPLES if (folder / SAMPLES).is_dir() else folder)


def run_radhar(data: Path, out: Path | None, weights: Path | None, *, as_json: bool) -> int:
    """Measure and print; exit code 0 whatever the numbers are. Raises InputError or MissingPart."""
    trained = load(weights if weights is not None else SHIPPED)
    recordings = recordings_in(data)
    for one in recordings:
        if one.activity not in trained.classes:
            known = ", ".join(trained.classes)
            raise InputError(data / one.activity, f"is no activity that the model knows: {known}")
    rows = told_by(trained.model, recordings, trained.classes)
    _show(rows, trained.classes, len(recordings), out, as_json=as_json)
    return 0


def told_by(model: Module, recordings: Sequence[Recording], classes: Sequence[str]) -> list[Told]:
    """Return what a model tells of each window of each recording; what is shorter than a window has none."""
    return [
        Told(name=one.name, truth=one.activity, told=tuple(classes[int(row.argmax())] for row in rows))
        for one, rows in zip(recordings, predict(model, recordings), strict=True)
    ]


def _show(rows: Sequence[Told], classes: Sequence[str], count: int, out: Path | None, *, as_json: bool) -> None:
    rows = [row for row in rows if row.told]
    if not rows:
        raise InputError("--data", f"none of {count} recordings is as long as a window of 60 sweeps")
    counts = confusion.matrix(rows, classes)
    share, (low, high) = confusion.accuracy(rows), confusion.interval(rows)
    windows = int(counts.sum())
    for name, line in confusion.by_class(counts, classes).items():
        told = {"type": "score", "measure": "class", "on": name, **line}
        plain = "  ".join(f"{key} {value}" for key, value in line.items())
        print(json.dumps(told) if as_json else f"{name:<12} {plain}")
    if as_json:
        print(json.dumps({"type": "confusion", "classes": list(classes), "counts": counts.tolist()}))
    else:
        print(f"\nwhat it is (line) and what was told (column)\n{confusion.as_text(counts, classes)}\n")
    result = {"type": "result", "suite": "radhar", "n": windows, "accuracy": round(share, 4)}
    result |= {"low": round(low, 4), "high": round(high, 4), "recordings": len(rows), "too_short": count - len(rows)}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        title = f"{share:.2%} of {windows} windows"
        (out / "confusion.svg").write_text(confusion.picture(counts, classes, title), encoding="utf-8")
        lines = [{"name": row.name, "truth": row.truth, "right": row.right, "told": row.told} for row in rows]
        (out / "recordings.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines), encoding="utf-8")
    print(json.dumps(result))
