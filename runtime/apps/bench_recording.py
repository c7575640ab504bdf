"""What recordings promise: the same result at every speed, two gigabytes without waiting, and no time wasted at max.

Replays beside a load that comes and goes, a large recording, and replays at max against their slowest stage alone.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runtime.apps.bench_child import heedful, json_lines, random_load
from runtime.apps.bench_digest import identical
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.bench_recording_large import CHILD, measure_large
from runtime.apps.bench_replay import CONFIG, VIDEO
from runtime.apps.made_recording import write_story
from runtime.errors import InputError, MissingPart

RECORDINGS = (VIDEO, "video/one-by-one-person-detection.mp4", "speech/silero_vad_test.wav")
LENGTHS_S = {"quick": 6.0, "normal": 30.0, "full": 30.0}
OVER_SLOWEST = 1.2
MEMORY = "--swap memory"


def measure_recording(plan: Plan) -> list[Measure]:
    """Measure all three; quick plays nothing but what it made."""
    if not Path("/proc/self/statm").exists():
        raise MissingPart("this bench reads /proc", "run it on Linux")
    paths = [] if plan.length == "quick" else [_existing(plan.data / name) for name in RECORDINGS]
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        made, length_s = Path(scratch) / "made.mcap", LENGTHS_S[plan.length]
        write_story(made, length_s)
        measures = _digests(plan, made, length_s)
        measures += measure_large(plan, Path(scratch))
        measures += [_over_slowest(plan, path, Path(scratch)) for path in (*paths, made)]
    return measures


def speeds(plan: Plan) -> list[str]:
    """Return the speeds of the replays that are compared, in turn."""
    count = plan.rounds(2, 9, 20)
    return [("max", "8", "1")[number % 3] for number in range(count)]


def questions(length_s: float) -> Iterator[str]:
    """Yield the arguments that ask on the way and at the end."""
    for share, text in ((0.4, "When did something move?"), (0.7, "What did you hear?")):
        yield from ("--ask-at", f"{length_s * share:g}", text)
    yield from ("--ask", "How often did something move?", "--ask", "What happened?")


def _digests(plan: Plan, path: Path, length_s: float) -> list[Measure]:
    """Replay at three speeds in turn beside a load that comes and goes, differently each time."""
    asked = speeds(plan)
    found: dict[str, list[str]] = {}
    hogs = []
    for number, speed in enumerate(asked):
        progress(f"speed {speed}, {number + 1} of {len(asked)}")
        command = heedful("replay", str(path), "--config", CONFIG, "--speed", speed, "--digest", "--json")
        with random_load(number) as count:
            hogs.append(count)
            found.setdefault(speed, []).append(str(json_lines([*command, *questions(length_s)])[-1]["digest"]))
    everything = [one for some in found.values() for one in some]
    usual = Counter(everything).most_common(1)[0][0]
    each = [identical(f"digests of all sensors at {speed}", some, usual) for speed, some in found.items()]
    total = identical("digests of all sensors at every speed", everything, usual)
    loaded = dict(total.detail) | {"hogs_beside": hogs, "length_s": length_s}
    return [*each, Measure(name=total.name, value=total.value, unit=total.unit, at_least=total.at_least, detail=loaded)]


def _over_slowest(plan: Plan, path: Path, scratch: Path) -> Measure:
    """Replay at max, each stream alone and memory alone, in turn."""
    run = scratch / f"{path.stem}-run.mcap"
    replayed = heedful("replay", str(path), "--config", CONFIG, "--speed", "max", "--json")
    json_lines([*replayed, "--out", str(run)])
    whole: list[float] = []
    stages: dict[str, list[float]] = {}
    rounds = plan.rounds(1, 3, 5)
    for number in range(rounds):
        progress(f"{path.name} and its stages, {number + 1} of {rounds}")
        whole.append(json_lines(replayed)[-1]["playing_s"])
        swapped = heedful("replay", str(run), "--config", CONFIG, "--speed", "max", "--json", "--swap", "memory")
        (alone,) = json_lines([sys.executable, "-m", CHILD, "alone", str(path)])
        for name, seconds in (alone | {MEMORY: json_lines(swapped)[-1]["playing_s"]}).items():
            stages.setdefault(name, []).append(seconds)
    return over_slowest(path.name, whole, stages)


def over_slowest(name: str, whole: list[float], stages: dict[str, list[float]]) -> Measure:
    """Return the median of whole over slowest stage, round by round, with all the parts."""
    slowest = [max(seconds) for seconds in zip(*stages.values(), strict=True)]
    detail = {"playing_s": rounded(whole), "slowest": max(stages, key=lambda one: statistics.median(stages[one]))}
    parts = {f"{stage}_s": rounded(seconds) for stage, seconds in stages.items()}
    return Measure(
        name=f"replay at max over its slowest stage, {name}",
        value=ratio(whole, slowest),
        unit="x",
        at_most=OVER_SLOWEST,
        detail=detail | parts,
    )


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(path, "no such file in the sample data")
    return path
