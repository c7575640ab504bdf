"""Whether a recording gives the same percepts, records and answers at every speed, with a busy core beside it.

Each run is a process of its own, so that the order of sets and the layout of memory differ too. What is compared is
the hash of everything that was said on the bus, answers to a question in the middle and one at the end included.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from runtime.apps.bench_child import cpu_hog, heedful, json_lines
from runtime.apps.bench_measure import Measure, Plan, progress
from runtime.apps.bench_replay import CONFIG, VIDEO
from runtime.errors import InputError

QUESTIONS = ("--ask-at", "12.5", "When did something move?", "--ask", "How often did something move?")


def measure_digest(plan: Plan) -> list[Measure]:
    """Count the runs at each speed whose digest is the one that most runs have."""
    path = plan.data / VIDEO
    if not path.exists():
        raise InputError(path, "no such file in the sample data")
    with cpu_hog():
        digests = {speed: _digests(path, speed, count) for speed, count in speeds(plan).items()}
    everything = [one for some in digests.values() for one in some]
    usual = Counter(everything).most_common(1)[0][0]
    return [identical(f"digests at {speed}", some, usual) for speed, some in digests.items()] + [
        identical("digests at every speed", everything, usual)
    ]


def speeds(plan: Plan) -> dict[str, int]:
    """Return how many runs to make at which speed."""
    match plan.length:
        case "quick":
            return {"8": 1, "max": 2}
        case "normal":
            return {"1": 1, "8": 3, "30": 3, "max": 3}
        case "full":
            return {"1": 10, "8": 10, "max": 10}


def identical(name: str, digests: list[str], usual: str) -> Measure:
    """Return how many of the runs agree; the goal is all of them."""
    same = sum(one == usual for one in digests)
    detail = {"digest": usual[:16], "others": sorted({one[:16] for one in digests if one != usual})}
    return Measure(name=name, value=same, unit=f"of {len(digests)}", at_least=len(digests), detail=detail)


def _digests(path: Path, speed: str, count: int) -> list[str]:
    found = []
    for number in range(count):
        progress(f"speed {speed}, {number + 1} of {count}")
        command = heedful("replay", str(path), "--config", CONFIG, "--speed", speed, "--digest", "--json", *QUESTIONS)
        found.append(str(json_lines(command)[-1]["digest"]))
    return found
