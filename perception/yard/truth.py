"""What is true at a moment of a world, as the truth channel of a recording carries it: every entity's state and box.

A recording of the yard holds one `truth` entry for each picture and one `plot` entry with everything that happens, both
as JSON. Whoever reads them back has the same values: nothing of the world itself is needed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from runtime.messages import Box

TRUTH_TOPIC = "/yard/truth"
PLOT_TOPIC = "/yard/plot"
VERSION = "version"  # metadata of the truth channel
TRUTH_VERSION = "1"  # another one where what is told changes its meaning
VISIBLE = 0.25  # of an entity's pixels, and at least so many:
VISIBLE_PX = 6
AUDIBLE_DB = 6.0  # over the background: so loud a voice is known for what it is; below it is faint
ECHOING = 1.0  # points in a sweep: with so many radar has a thing for sure, with fewer perhaps
LEAST_ECHOING = 0.02  # with fewer it has none in a second


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityTruth:
    """One entity at one moment, seen from the rig."""

    id: int
    kind: str
    colour: str
    size: str
    position_m: tuple[float, float]  # in the yard
    velocity_mps: tuple[float, float]
    heading_rad: float
    distance_m: float  # from the rig
    bearing_rad: float  # left of where the rig looks is positive
    is_moving: bool
    is_sounding: bool  # makes its sound, whoever hears it
    loudness_db: float | None  # of its sound where it arrives at the microphones, over the background; none in silence
    echoes: float  # how many of its points a sweep of the radar finds on average
    visible: float  # fraction of its pixels in the picture that nothing hides, 0 where it is out of the view
    pixels: int  # how many of them are seen
    box: Box | None  # of what is seen, as fractions of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One moment: what is there, wherever it is."""

    t_ns: int  # event time from the recording's start
    light: str
    entities: tuple[EntityTruth, ...]


def is_visible(one: EntityTruth) -> bool:
    """Say whether somebody who looks at a picture by daylight could know that it is there."""
    return one.visible >= VISIBLE and one.pixels >= VISIBLE_PX


def is_audible(one: EntityTruth) -> bool:
    """Say whether its sound can be told from all others."""
    return one.loudness_db is not None and one.loudness_db >= AUDIBLE_DB


def is_faint(one: EntityTruth) -> bool:
    """Say whether something of its sound arrives, but too little to be sure of it."""
    return one.loudness_db is not None and one.loudness_db < AUDIBLE_DB


def is_echoing(one: EntityTruth) -> bool:
    """Say whether radar has it, moving or not."""
    return one.echoes >= ECHOING


def to_json(truth: Truth) -> bytes:
    """Return a moment as JSON."""
    return json.dumps(dataclasses.asdict(truth), separators=(",", ":")).encode()


def from_json(data: bytes) -> Truth:
    """Return the moment. Raises ValueError where it is none."""
    try:
        fields: dict[str, Any] = json.loads(data)
        entities = tuple(_entity(one) for one in fields["entities"])
        return Truth(t_ns=int(fields["t_ns"]), light=str(fields["light"]), entities=entities)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"is no truth of the yard ({error})") from error


def _entity(fields: dict[str, Any]) -> EntityTruth:
    pairs = {name: tuple(fields[name]) for name in ("position_m", "velocity_mps")}
    box = None if fields["box"] is None else tuple(fields["box"])
    return EntityTruth(**{**fields, **pairs, "box": box})
