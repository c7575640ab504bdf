"""`heedful train esc10`: the shipped network for sounds; with --folds, how it does beside the baseline elsewhere.

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

from perception.learn.loop import Lesson, Outcome, Plan, train
from perception.sound.clips import CLASSES, Clip, powers
from perception.sound.lessons import PlainLesson, Power, SoundLesson, clip_levels, score_clips
from perception.sound.plain import PlainNetwork
from perception.sound.strangers import Strangers
from perception.sound.weights import Shape, SoundModel, save
from runtime.apps import confusion
from runtime.apps.arguments import positive
from runtime.apps.bench_measure import progress
from runtime.apps.confusion import Told
from runtime.apps.data_verbs import whole
from runtime.apps.eval_esc10 import SHIFTS, clips_in
from runtime.errors import ConfigError

ModelName = Literal["heedful", "plain"]
MODELS: tuple[ModelName, ...] = ("heedful", "plain")
SPEEDS = (1.0, 0.85, 1.18)  # at which clips are learnt
STRANGERS = 160
STEPS: dict[ModelName, int] = {"heedful": 600, "plain": 300}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """What one call may take."""

    out: Path
    steps: int | None  # None: as many as the model's recipe says
    limit_s: float


def run_train(arguments: argparse.Namespace, data: Path) -> int:
    """Do what the arguments of `heedful train esc10` say. Raises ConfigError or InputError."""
    minutes = positive("--minutes", arguments.minutes)
    torch.set_num_threads(whole("--threads", arguments.threads, 1, 1024))
    sitting = Sitting(
        out=arguments.out,
        steps=None if arguments.steps is None else whole("--steps", arguments.steps, 1, 10_000_000),
        limit_s=math.inf if minutes is None else minutes * 60,
    )
    clips = clips_in(data)
    heard = powers(clips, SPEEDS, arguments.out / "mels.npz")
    if not arguments.folds:
        return train_shipped(clips, heard, sitting, whole("--seed", arguments.seed, 0, 2**31 - 1))
    there = sorted({one.fold for one in clips})
    folds = there if arguments.fold is None else [whole("--fold", arguments.fold, there[0], there[-1])]
    if len(there) < 2:
        raise ConfigError("--folds", "needs clips of two folds at least")
    names = MODELS if arguments.model is None else [one for one in MODELS if one == arguments.model]
    seeds = range(whole("--seeds", arguments.seeds, 1, 100))
    return compare(clips, heard, sitting, folds, seeds, names)


def train_shipped(clips: Sequence[Clip], heard: Sequence[list[Power]], sitting: Sitting, seed: int) -> int:
    """Train on all clips and write OUT/esc10.safetensors, as far as the time allows."""
    model, lesson, plan = fresh("heedful", clips, heard, 0, sitting, seed)
    outcome = train(model, lesson, plan, sitting.out / f"all-seed{seed}", limit_s=sitting.limit_s, show=progress)
    assert isinstance(model, SoundModel)
    path = sitting.out / "esc10.safetensors"
    about = {"seed": seed, "steps": outcome.step, "took_s": round(outcome.took_s), "clips": len(clips)}
    save(path, model, about)
    print(json.dumps({"type": "trained", "path": str(path), "is_done": outcome.is_done, **about}))
    return 0


def fresh(
    name: ModelName, clips: Sequence[Clip], heard: Sequence[list[Power]], fold: int, sitting: Sitting, seed: int
) -> tuple[nn.Module, Lesson, Plan]:
    """Return an untrained model, its first weights drawn by the seed, and how it learns all folds but one."""
    torch.manual_seed(seed)
    steps = sitting.steps if sitting.steps is not None else STEPS[name]
    pairs = list(zip(clips, heard, strict=True))
    held_out = [(one[0], clip.label) for clip, one in pairs if clip.fold == fold]
    if name == "plain":
        learnt = [(one[0], clip.label) for clip, one in pairs if clip.fold != fold]
        plain = PlainNetwork(len(CLASSES)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plan = Plan(steps=steps, seed=seed, lr=1e-3, weight_decay=0.01, warmup=0.15, measure_every=100)
        return plain, PlainLesson(learnt, held_out, len(CLASSES)), plan
    at_speeds = [(one, clip.label) for clip, one in pairs if clip.fold != fold]
    plan = Plan(steps=steps, seed=seed, lr=2e-3, warmup=0.1, average=0.995, measure_every=100)
    return SoundModel(Shape(), CLASSES), SoundLesson(at_speeds, held_out, Strangers(STRANGERS), len(CLASSES)), plan


def compare(
    clips: Sequence[Clip],
    heard: Sequence[list[Power]],
    sitting: Sitting,
    folds: Sequence[int],
    seeds: Sequence[int],
    names: Sequence[ModelName],
) -> int:
    """Train each model without each fold, print how it does on that, and last how far ours is ahead."""
    told: dict[ModelName, list[Told]] = {name: [] for name in names}
    for seed in seeds:
        for fold in folds:
            for name in names:
                model, lesson, plan = fresh(name, clips, heard, fold, sitting, seed)
                folder = sitting.out / f"{name}-fold{fold}-seed{seed}"
                outcome = train(model, lesson, plan, folder, limit_s=sitting.limit_s, show=progress)
                rows = told_by(model, clips, heard, fold)
                told[name] += rows
                print(json.dumps(_line(rows, name, fold, seed, outcome)), flush=True)
    result: dict[str, object] = {"type": "result", "suite": "esc10-folds", "seeds": len(seeds), "folds": list(folds)}
    for name in names:
        result[name] = confusion.score(confusion.pooled(told[name]))
    if set(names) == set(MODELS):
        result["ahead"] = confusion.lead(confusion.pooled(told["heedful"]), confusion.pooled(told["plain"]))
    print(json.dumps(result))
    return 0


@torch.no_grad()
def told_by(model: nn.Module, clips: Sequence[Clip], heard: Sequence[list[Power]], fold: int) -> list[Told]:
    """Return what a model calls each clip of a fold; ours hears it from several beginnings, as `eval` does."""
    pairs = [(clip, one[0]) for clip, one in zip(clips, heard, strict=True) if clip.fold == fold]
    powers_of = [power for _, power in pairs]
    if isinstance(model, SoundModel):
        logits = score_clips(model, powers_of, SHIFTS)
    else:
        logits = torch.cat([model(clip_levels(power)) for power in powers_of])
    best = logits[:, : len(CLASSES)].argmax(dim=1).tolist()
    return [
        Told(name=clip.name, truth=CLASSES[clip.label], told=(CLASSES[place],))
        for (clip, _), place in zip(pairs, best, strict=True)
    ]


def _line(rows: Sequence[Told], name: ModelName, fold: int, seed: int, outcome: Outcome) -> dict[str, object]:
    run: dict[str, object] = {"type": "fold", "model": name, "fold": fold, "seed": seed, "n": len(rows)}
    score = {"accuracy": round(confusion.accuracy(rows), 4), "steps": outcome.step}
    return run | score | {"is_done": outcome.is_done, "took_s": round(outcome.took_s)}
