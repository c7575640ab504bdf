"""Programs that benchmarks start: `heedful` in a fresh process, and what its command line printed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from runtime.errors import MissingPart

HOG = "while True: pass"
HOGS = 2  # at most, of those that come and go
RESTLESS_HOG = """\
import random, sys, time
draw = random.Random(sys.argv[1])
while True:
    until_s = time.monotonic() + draw.uniform(0.1, 2.0)
    while time.monotonic() < until_s:
        pass
    time.sleep(draw.uniform(0.1, 2.0))
"""


def heedful(*arguments: str) -> list[str]:
    """Return the command line of a verb, run by this very Python."""
    return [sys.executable, "-m", "runtime.apps.cli", *arguments]


def json_lines(command: Sequence[str], env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Run a program to its end and return the JSON Lines it printed. Raises MissingPart where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise MissingPart(f"a benchmark's program ended with {done.returncode}: {said[-1]}", f"run {' '.join(command)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def cpu_hog() -> Iterator[None]:
    """Keep one core busy beside whatever runs in this block."""
    with _hog(HOG):
        yield


@contextmanager
def random_load(seed: int) -> Iterator[int]:
    """Run none, one or two programs that work and pause for 0.1 to 2 s in turns; give how many."""
    count = random.Random(seed).randint(0, HOGS)
    with ExitStack() as hogs:
        for number in range(count):
            hogs.enter_context(_hog(RESTLESS_HOG, f"{seed} {number}"))
        yield count


@contextmanager
def _hog(program: str, *arguments: str) -> Iterator[None]:
    hog = subprocess.Popen([sys.executable, "-c", program, *arguments])
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


def private_folders(folder: Path) -> dict[str, str]:
    """Return an environment in which a run keeps to a folder of its own."""
    running = folder / "running"
    running.mkdir(mode=0o700, exist_ok=True)
    return {"XDG_DATA_HOME": str(folder / "data"), "XDG_RUNTIME_DIR": str(running)}
