"""A trained activity classifier in one file: weights, and in the metadata what its classes are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from perception.learn import checkpoint
from perception.radar.classifier import ActivityClassifier
from perception.radar.likeness import Limits
from runtime.errors import MissingPart

SHIPPED = Path(__file__).parent.parent / "weights" / "radhar.safetensors"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model and its words."""

    model: ActivityClassifier
    classes: tuple[str, ...]
    limits: Limits  # of what its training windows were like


def save(path: Path, trained: Trained, about: dict[str, object]) -> None:
    """Write a model; `about` says how it came to be. An older file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = {"format": FORMAT, "classes": list(trained.classes), "limits": trained.limits, "about": about}
    checkpoint.save(path, trained.model.state_dict(), note)


def load(path: Path = SHIPPED, device: str = "cpu") -> Trained:
    """Read a model. Raises MissingPart where there is none, or one of another make."""
    if not path.exists():
        raise MissingPart(f"no radar weights at {path}", "train them with `heedful train radhar`")
    tensors, note = checkpoint.load(path)
    if note.get("format") != FORMAT:
        raise MissingPart(f"{path} is of another make: {json.dumps(note)[:80]}", "train with `heedful train radhar`")
    classes = tuple(str(one) for one in note["classes"])
    model = ActivityClassifier(len(classes))
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise MissingPart(f"{path} does not fit this version", "train with `heedful train radhar`") from error
    limits = {str(name): (float(low), float(high)) for name, (low, high) in note["limits"].items()}
    return Trained(model=model.to(torch.device(device)).eval(), classes=classes, limits=limits)
