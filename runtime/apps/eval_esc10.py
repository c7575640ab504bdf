"""`heedful eval esc10`: what the shipped network calls each clip of a folder CLASS/FOLD-ID-TAKE.ogg.

Each line is one measure; the last one is the result: `{"type":"result","suite":"esc10","n":...,"accuracy":...}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from perception.sound.clips import Clip, find_clips, powers
from perception.sound.lessons import score_clips
from perception.sound.weights import SHIPPED, SoundModel, load
from runtime.apps import confusion
from runtime.apps.confusion import Told
from runtime.apps.eval_tags import tag_lines
from runtime.errors import InputError

SAMPLES = Path("sounds") / "esc10"  # where the clips are in a folder of sample data
SHIFTS = 4  # beginnings over which a clip is told


def clips_in(folder: Path) -> list[Clip]:
    """Return the clips of a folder, or of a folder of sample data. Raises InputError."""
    return find_clips(folder / SAMPLES if (folder / SAMPLES).is_dir() else folder)


def run_esc10(data: Path, out: Path | None, weights: Path | None, *, as_json: bool) -> int:
    """Measure and print; exit code 0 whatever the numbers are. Raises InputError or MissingPart."""
    torch.set_num_threads(1)
    model = load(weights if weights is not None else SHIPPED)
    clips = clips_in(data)
    for one in clips:
        if one.path.parent.name not in model.classes:
            raise InputError(one.path, f"is of no class that the model knows: {', '.join(model.classes)}")
    rows = told_by(model, clips)
    counts = confusion.matrix(rows, model.classes)
    share, (low, high) = confusion.accuracy(rows), confusion.interval(rows)
    for name, line in confusion.by_class(counts, model.classes).items():
        plain = "  ".join(f"{key} {value}" for key, value in line.items())
        told = {"type": "score", "measure": "class", "on": name, **line}
        print(json.dumps(told) if as_json else f"{name:<16} {plain}")
    for line in tag_lines(model, clips, data):
        plain = "  ".join(f"{key} {value}" for key, value in line.items())
        print(json.dumps({"type": "score", **line}) if as_json else plain)
    if as_json:
        print(json.dumps({"type": "confusion", "classes": list(model.classes), "counts": counts.tolist()}))
    else:
        print(f"\nwhat it is (line) and what was told (column)\n{confusion.as_text(counts, model.classes)}\n")
    if out is not None:
        leave(out, rows, confusion.picture(counts, model.classes, f"{share:.2%} of {len(rows)} clips"))
    result = {"type": "result", "suite": "esc10", "n": len(rows), "accuracy": round(share, 4)}
    print(json.dumps(result | {"low": round(low, 4), "high": round(high, 4)}))
    return 0


@torch.no_grad()
def told_by(model: SoundModel, clips: Sequence[Clip]) -> list[Told]:
    """Return what a model calls each clip, the best of its classes. Raises InputError for a clip without sound."""
    heard = [one[0] for one in powers(clips, (1.0,))]
    best = score_clips(model, heard, SHIFTS)[:, : len(model.classes)].argmax(dim=1).tolist()
    return [
        Told(name=clip.name, truth=clip.path.parent.name, told=(model.classes[place],))
        for clip, place in zip(clips, best, strict=True)
    ]


def leave(out: Path, rows: Sequence[Told], picture: str) -> None:
    """Write the picture of what was taken for what, and a line for each clip."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "confusion.svg").write_text(picture, encoding="utf-8")
    lines = [{"name": row.name, "truth": row.truth, "told": row.told[0]} for row in rows]
    (out / "clips.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines), encoding="utf-8")
