"""`heedful train radhar`: the shipped radar model, or with --folds how it does beside the baseline on held-out ones.

Every training has its own folder with a checkpoint and its curves, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from perception.learn.loop import Outcome, Plan, train
from perception.radar.augment import Augmentation
from perception.radar.classifier import ActivityClassifier
from perception.radar.lesson import ActivityLesson
from perception.radar.likeness import limits_of
from perception.radar.pointnet import PointNetTransformer
from perception.radar.recordings import Recording, first_word, last_number
from perception.radar.weights import Trained, save
from runtime.apps import confusion
from runtime.apps.arguments import positive
from runtime.apps.bench_measure import progress
from runtime.apps.confusion import Told
from runtime.apps.data_verbs import whole
from runtime.apps.eval_radhar import recordings_in, told_by
from runtime.errors import MissingPart

ModelName = Literal["heedful", "pointnet"]
Folds = Literal["words", "numbers"]
MODELS: tuple[ModelName, ...] = ("heedful", "pointnet")
COUNT = {"words": 2, "numbers": 4}  # folds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """What one call may take."""

    out: Path
    steps: int
    limit_s: float
    threads: int
    device: str


def run_train(arguments: argparse.Namespace, data: Path) -> int:
    """Do what the arguments of `heedful train radhar` say. Raises ConfigError, InputError or MissingPart."""
    minutes = positive("--minutes", arguments.minutes)
    if arguments.device != "cpu" and not torch.cuda.is_available():
        raise MissingPart(f"no device {arguments.device} here", "leave --device out")
    sitting = Sitting(
        out=arguments.out,
        steps=whole("--steps", arguments.steps, 1, 10_000_000),
        limit_s=math.inf if minutes is None else minutes * 60,
        threads=whole("--threads", arguments.threads, 1, 1024),
        device=arguments.device,
    )
    if arguments.folds is None:
        return train_shipped(data, sitting, whole("--seed", arguments.seed, 0, 2**31 - 1))
    by: Folds = arguments.folds
    every = range(COUNT[by])
    folds = every if arguments.fold is None else [whole("--fold", arguments.fold, 0, COUNT[by] - 1)]
    names = MODELS if arguments.model is None else [one for one in MODELS if one == arguments.model]
    return compare(data, sitting, by, folds, whole("--seeds", arguments.seeds, 1, 100), names)


def train_shipped(data: Path, sitting: Sitting, seed: int) -> int:
    """Train on all recordings and write OUT/radhar.safetensors, as far as the time allows."""
    torch.set_num_threads(sitting.threads)
    recordings = recordings_in(data)
    classes = sorted({one.activity for one in recordings})
    model, plan = fresh("heedful", len(classes), sitting, seed)
    lesson = ActivityLesson(recordings, [], classes, Augmentation(), sitting.device)
    outcome = train(model, lesson, plan, sitting.out / "all", limit_s=sitting.limit_s, show=progress)
    path = sitting.out / "radhar.safetensors"
    about: dict[str, object] = {"seed": seed, "steps": outcome.step, "took_s": round(outcome.took_s)}
    assert isinstance(model, ActivityClassifier)
    trained = Trained(model=model, classes=tuple(classes), limits=limits_of(recordings))
    save(path, trained, about | {"recordings": len(recordings), "threads": sitting.threads})
    line = {"type": "trained", "path": str(path), "is_done": outcome.is_done, **about}
    print(json.dumps(line))
    return 0


def fresh(name: ModelName, classes: int, sitting: Sitting, seed: int) -> tuple[nn.Module, Plan]:
    """Return an untrained model, its first weights drawn by the seed, and how it is trained."""
    torch.manual_seed(seed)
    if name == "pointnet":
        return PointNetTransformer(classes).to(sitting.device), Plan(steps=sitting.steps, seed=seed, lr=1e-3)
    model = ActivityClassifier(classes).to(sitting.device)
    return model, Plan(steps=sitting.steps, seed=seed, lr=2.5e-3, average=0.99)


def compare(
    data: Path, sitting: Sitting, by: Folds, folds: Sequence[int], seeds: int, names: Sequence[ModelName]
) -> int:
    """Train each model without each fold, print how it does on that, and last how far ours is ahead."""
    torch.set_num_threads(sitting.threads)
    recordings = recordings_in(data)
    told: dict[ModelName, list[Told]] = {name: [] for name in names}
    for seed in range(seeds):
        for fold in folds:
            for name in names:
                rows, outcome = _held_out(recordings, name, by, fold, seed, sitting)
                told[name] += rows
                print(json.dumps(_line(rows, name, by, fold, seed, outcome)), flush=True)
    result: dict[str, object] = {"type": "result", "suite": f"radhar-folds-{by}", "seeds": seeds, "folds": list(folds)}
    for name in names:
        result[name] = confusion.score(confusion.pooled(told[name]))
    if set(names) == set(MODELS):
        result["ahead"] = confusion.lead(confusion.pooled(told["heedful"]), confusion.pooled(told["pointnet"]))
    print(json.dumps(result))
    return 0


def split(recordings: Sequence[Recording], by: Folds, fold: int) -> tuple[list[Recording], list[Recording]]:
    """Return what is learnt from and what is held out: by the order of words in the names, or by their last number."""
    key = first_word if by == "words" else last_number
    held_out = [one for one in recordings if key(one) % COUNT[by] == fold]
    return [one for one in recordings if key(one) % COUNT[by] != fold], held_out


def _held_out(
    recordings: Sequence[Recording], name: ModelName, by: Folds, fold: int, seed: int, sitting: Sitting
) -> tuple[list[Told], Outcome]:
    learnt, held_out = split(recordings, by, fold)
    classes = sorted({one.activity for one in recordings})
    model, plan = fresh(name, len(classes), sitting, seed)
    lesson = ActivityLesson(learnt, held_out, classes, Augmentation() if name == "heedful" else None, sitting.device)
    folder = sitting.out / f"{name}-{by}{fold}-seed{seed}"
    outcome = train(model, lesson, plan, folder, limit_s=sitting.limit_s, show=progress)
    return told_by(model, held_out, classes), outcome


def _line(
    rows: Sequence[Told], name: ModelName, by: Folds, fold: int, seed: int, outcome: Outcome
) -> dict[str, object]:
    run: dict[str, object] = {"type": "fold", "model": name, "by": by, "fold": fold, "seed": seed}
    run |= {"recordings": len(rows), **confusion.score(rows)}
    return run | {"steps": outcome.step, "is_done": outcome.is_done, "took_s": round(outcome.took_s)}
