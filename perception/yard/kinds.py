"""What there can be in the yard: classes of things with their sizes, speeds, echoes and sounds, colours, and priors.

The numbers are the world's language prior: how often a class, a colour or two together come is set here and known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Size: TypeAlias = Literal["small", "large"]
SIZES: Mapping[Size, float] = {"small": 0.8, "large": 1.25}  # times the size of its class


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a class sounds: a tone with overtones that comes in pulses; both are told apart by ear and by rule."""

    name: str  # "barking"
    pitch_hz: float
    overtones: tuple[float, ...]  # strengths of 2, 3, ... times the pitch
    pulse_hz: float  # 0 is without a break
    duty: float  # part of a pulse that sounds
    level: float  # at 1 m, of full scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOfThings:
    """One class."""

    name: str
    length_m: float
    width_m: float
    height_m: float
    speeds_mps: tuple[float, float]
    rcs_dbsm: float
    prior: float  # how often, beside the others
    voice: Voice


def _voice(
    name: str, pitch_hz: float, overtones: tuple[float, ...], pulse_hz: float, duty: float, level: float
) -> Voice:
    return Voice(name=name, pitch_hz=pitch_hz, overtones=overtones, pulse_hz=pulse_hz, duty=duty, level=level)


CLASSES: Mapping[str, ClassOfThings] = {
    one.name: one
    for one in (
        ClassOfThings(
            name="person", length_m=0.6, width_m=0.6, height_m=1.8, speeds_mps=(0.8, 1.8), rcs_dbsm=-3.0, prior=0.34,
            voice=_voice("whistling", 1400.0, (0.2,), 1.5, 0.6, 0.20),
        ),
        ClassOfThings(
            name="dog", length_m=0.9, width_m=0.35, height_m=0.7, speeds_mps=(1.0, 4.0), rcs_dbsm=-8.0, prior=0.2,
            voice=_voice("barking", 520.0, (0.8, 0.5, 0.3), 2.5, 0.3, 0.30),
        ),
        ClassOfThings(
            name="car", length_m=4.2, width_m=1.8, height_m=1.5, speeds_mps=(2.0, 8.0), rcs_dbsm=10.0, prior=0.26,
            voice=_voice("honking", 400.0, (1.0, 0.6), 1.0, 0.5, 0.50),
        ),
        ClassOfThings(
            name="truck", length_m=7.0, width_m=2.4, height_m=3.0, speeds_mps=(1.5, 5.0), rcs_dbsm=18.0, prior=0.1,
            voice=_voice("rumbling", 40.0, (0.9, 0.8, 0.7, 0.5), 0.0, 1.0, 0.45),
        ),
        ClassOfThings(
            name="bicycle", length_m=1.8, width_m=0.5, height_m=1.6, speeds_mps=(2.0, 5.0), rcs_dbsm=-1.0, prior=0.1,
            voice=_voice("ringing", 2300.0, (0.3, 0.2), 4.0, 0.5, 0.25),
        ),
    )
}  # fmt: skip

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (200, 40, 40),
    "green": (50, 150, 60),
    "blue": (50, 80, 200),
    "yellow": (220, 200, 50),
    "white": (235, 235, 235),
    "black": (30, 30, 30),
}
COLOUR_PRIOR: Mapping[str, float] = {
    "red": 0.28,
    "green": 0.1,
    "blue": 0.22,
    "yellow": 0.1,
    "white": 0.18,
    "black": 0.12,
}
# By how much more often a class comes when another is there already: P(class | other) is prior times this, normalised.
COMPANY: Mapping[tuple[str, str], float] = {
    ("person", "dog"): 3.0,
    ("dog", "person"): 3.0,
    ("truck", "car"): 2.0,
    ("car", "truck"): 2.0,
    ("bicycle", "truck"): 0.3,
    ("truck", "bicycle"): 0.3,
}
# Compositions that training never shows: the test split has them, and validation has its own.
HELD_OUT_TEST = frozenset(
    {("car", "green"), ("dog", "yellow"), ("person", "blue"), ("bicycle", "red"), ("truck", "white")}
)
HELD_OUT_VALIDATION = frozenset({("car", "yellow"), ("dog", "green"), ("person", "black"), ("truck", "blue")})
