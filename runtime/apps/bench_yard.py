"""How fast the yard is made: recordings against real time, training windows, and their event maps against full rate.

Times are those of the processor, of all threads together: what one core would take. Every kind of world is measured in
turn, each time another seed, from the test split, which has the most things in it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from perception.yard.eventcam import SUB_FRAMES, EventCamera
from perception.yard.pixels import EventSettings
from perception.yard.record import write_yard
from perception.yard.script import make_world
from perception.yard.settings import LIGHTS, Light, WorldSettings, seed_of
from perception.yard.view import truths
from perception.yard.window import SAMPLE_HZ, window_of
from perception.yard.world import World
from runtime.apps.bench_measure import Measure, Plan, percentile, progress
from runtime.apps.bench_yard_blind import measure_blind
from runtime.apps.yard_pairs import moments_of
from runtime.apps.yard_worlds import asked_of, settings_of

LENGTH_S = 16.0
QUICK_S = 4.0
REAL_TIME = 5.0
WINDOW_MS = 400.0
FULL_RATE = 64  # renders a sample: 128 a second; a recording has 80
ALIKE = 0.95
SEVERAL = 5
PATCH_PX = 5  # of what is learnt from maps, nothing is finer
WAYS: Mapping[str, bool] = {"standing": False, "driving": True}


@dataclass(frozen=True, slots=True)
class Took:
    """What one step took."""

    cpu_s: float
    wall_s: float


def measure_yard(plan: Plan) -> list[Measure]:
    """Measure rendering, windows, maps, questions, and what one scores without looking."""
    length_s = QUICK_S if plan.length == "quick" else LENGTH_S
    return [
        *_recordings(plan, length_s),
        *_windows(plan),
        *_maps(plan),
        _questions(plan),
        *measure_blind(plan),
    ]


def _recordings(plan: Plan, length_s: float) -> Iterator[Measure]:
    """Write worlds with all sensors and the truth; the slowest light counts."""
    rounds = plan.rounds(1, 5, 11)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:

        def write(settings: WorldSettings, number: int) -> None:
            path = Path(scratch, "yard.mcap")
            write_yard(path, settings, seed_of("test", number))
            path.unlink()

        took = kinds_in_turn(write, rounds, length_s, "recording")
    for way in WAYS:
        by_light = {light: [length_s / one.cpu_s for one in took[way, light]] for light in LIGHTS}
        medians = {light: statistics.median(values) for light, values in by_light.items()}
        wall = [length_s / one.wall_s for light in LIGHTS for one in took[way, light]]
        yield Measure(
            name=f"all sensors to a file, {way}, times real time on one core",
            value=min(medians.values()),
            unit="x",
            at_least=REAL_TIME,
            detail={"median_of_" + light: round(value, 2) for light, value in medians.items()}
            | {"least": round(min(map(min, by_light.values())), 2), "wall_median": round(statistics.median(wall), 2)}
            | {"worlds": len(wall), "length_s": length_s},
        )


def _windows(plan: Plan) -> Iterator[Measure]:
    """Render windows of all sensors, as arrays; a world of its own for each."""
    samples = int(LENGTH_S * SAMPLE_HZ)

    def render(settings: WorldSettings, number: int) -> None:
        window_of(make_world(settings, seed_of("test", number)), samples=samples)

    took = kinds_in_turn(render, plan.rounds(1, 9, 25), LENGTH_S, "window")
    for way in WAYS:
        all_ms = [1000 * one.cpu_s for light in LIGHTS for one in took[way, light]]
        detail = {
            "median_of_" + light: round(statistics.median(1000 * one.cpu_s for one in took[way, light]), 1)
            for light in LIGHTS
        }
        yield Measure(
            name=f"a training window of all sensors, {way}",
            value=statistics.median(all_ms),
            unit="ms",
            at_most=WINDOW_MS,
            detail=detail
            | {"p95": round(percentile(all_ms, 95), 1), "least": round(min(all_ms), 1)}
            | {"windows": len(all_ms), "samples": samples, "sub_frames": SUB_FRAMES},
        )


def _maps(plan: Plan) -> Iterator[Measure]:
    """Compare the maps of few renders with those of many, without the noise that both have."""
    worlds = plan.rounds(1, 6, 24)
    for way, drives in WAYS.items():
        few: list[np.ndarray] = []
        many: list[np.ndarray] = []
        for number in range(worlds):
            progress(f"event maps, {way}, {number + 1} of {worlds}")
            settings = replace(settings_of("test", LENGTH_S, "day"), drives=drives)
            world = make_world(settings, seed_of("test", number))
            few.append(_patches(world, SUB_FRAMES))
            many.append(_patches(world, FULL_RATE))
        ours, full = np.concatenate(few), np.concatenate(many)
        yield Measure(
            name=f"event maps of {SUB_FRAMES} renders a sample against {FULL_RATE}, {way}, correlation",
            value=float(np.corrcoef(ours, full)[0, 1]),
            unit="",
            at_least=ALIKE,
            detail={
                "events_of_full_rate": round(float(ours.sum() / full.sum()), 3),
                "error_of_full_rate": round(float(np.abs(ours - full).sum() / full.sum()), 3),
                "patch_px": PATCH_PX,
                "worlds": worlds,
            },
        )


def _patches(world: World, sub_frames: int) -> np.ndarray:
    """Return how many events are in each patch of a second half of 4 s, as they come: 8 maps of both polarities."""
    quiet = EventSettings(noise_hz=0.0)
    maps = np.stack(list(EventCamera(world, settings=quiet).maps(np.arange(8.0, 12.5, 1 / SAMPLE_HZ), sub_frames)))
    count, polarities, height, width = maps.shape
    shape = (count, polarities, height // PATCH_PX, PATCH_PX, width // PATCH_PX, PATCH_PX)
    patches: np.ndarray = maps.astype(np.float64).reshape(shape).sum(axis=(3, 5)).ravel()
    return patches


def _questions(plan: Plan) -> Measure:
    """Ask what one window's truth answers: questions cost no second rendering."""
    counts: list[int] = []
    truth_ms: list[float] = []
    each_ms: list[float] = []
    settings = settings_of("test", LENGTH_S)
    for number in range(plan.rounds(2, 20, 60)):
        world = make_world(settings, seed_of("test", number))
        start_s = time.process_time()
        seen = list(truths(world, moments_of(LENGTH_S)))
        known_s = time.process_time()
        counts.append(len(asked_of(seen, settings, world.seed)))
        truth_ms.append(1000 * (known_s - start_s))
        each_ms.append(1000 * (time.process_time() - known_s) / max(1, counts[-1]))
    return Measure(
        name="questions that one window serves",
        value=statistics.median(counts),
        unit="",
        at_least=SEVERAL,
        detail={
            "fewest": min(counts),
            "truth_of_the_window_ms": round(statistics.median(truth_ms), 1),
            "a_question_ms": round(statistics.median(each_ms), 2),
            "windows": len(counts),
        },
    )


def kinds_in_turn(
    step: Callable[[WorldSettings, int], None], rounds: int, length_s: float, name: str
) -> dict[tuple[str, Light], list[Took]]:
    """Run a step for every light, standing and driving, round by round, each round with another world."""
    took: defaultdict[tuple[str, Light], list[Took]] = defaultdict(list)
    step(settings_of("test", length_s), rounds)  # tables are made when they are needed first
    for number, way, light in product(range(rounds), WAYS, LIGHTS):
        progress(f"{name}, round {number + 1} of {rounds}: {way}, {light}")
        settings = replace(settings_of("test", length_s, light), drives=WAYS[way])
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        step(settings, number)
        took[way, light].append(Took(time.process_time() - cpu_s, time.perf_counter() - wall_s))
    return dict(took)
