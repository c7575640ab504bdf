"""What a world is made from: length, how many things, light, whether the rig drives; and splits that share nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from perception.yard.kinds import HELD_OUT_TEST, HELD_OUT_VALIDATION
from runtime.errors import ConfigError

Light: TypeAlias = Literal["day", "dusk", "night", "fog"]
Split: TypeAlias = Literal["train", "validation", "test"]
LIGHTS: tuple[Light, ...] = ("day", "dusk", "night", "fog")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SEEDS = 1 << 31  # of one split


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """Everything that a world depends on beside its seed. Raises ConfigError where something is out of range."""

    split: Split = "train"
    length_s: float = 16.0
    least_entities: int = 2
    most_entities: int = 5
    light: Light | None = None  # none: drawn, and it may change once on the way
    drives: bool | None = None  # whether the rig drives; none: drawn

    def __post_init__(self) -> None:
        for name, least, most in (("length_s", 2.0, 7200.0), ("least_entities", 0, 40), ("most_entities", 0, 40)):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f"yard.{name}", f"{value} is not from {least:g} to {most:g}")
        for name in ("least_entities", "most_entities"):
            if int(getattr(self, name)) != getattr(self, name):
                raise ConfigError(f"yard.{name}", f"{getattr(self, name)} is no whole number")
        if self.least_entities > self.most_entities:
            raise ConfigError("yard.least_entities", f"{self.least_entities} is more than most_entities")
        for name, value, known in (("split", self.split, SPLITS), ("light", self.light, (None, *LIGHTS))):
            if value not in known:
                raise ConfigError(f"yard.{name}", f"{value!r} is none of {', '.join(map(str, known))}")

    @property
    def forbidden(self) -> frozenset[tuple[str, str]]:
        """Return the pairs of class and colour that this split never shows."""
        match self.split:
            case "train":
                return HELD_OUT_TEST | HELD_OUT_VALIDATION
            case "validation":
                return HELD_OUT_TEST
            case "test":
                return HELD_OUT_VALIDATION


def seed_of(split: Split, number: int) -> int:
    """Return the seed of a split's `number`-th world; no two splits share one. Raises ConfigError beyond their room."""
    if not 0 <= number < SEEDS:
        raise ConfigError("yard.seed", f"{number} is not from 0 to {SEEDS - 1}: it would be another split's")
    return SPLITS.index(split) * SEEDS + number


def check_seed(split: Split, seed: int) -> None:
    """Raise ConfigError where a seed is another split's: what is learnt would be measured on."""
    owner = SPLITS[seed // SEEDS] if 0 <= seed < len(SPLITS) * SEEDS else split  # beyond, a seed is nobody's
    if owner != split:
        raise ConfigError("yard.seed", f"{seed} is a seed of the split {owner}, and the world is one of {split}")


def stream_of(seed: int, name: str) -> int:
    """Return the seed of one part of a world (a sensor, the plot), so that none disturbs another's draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")
