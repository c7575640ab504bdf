"""What whole processes cost: `heedful run` that waits for input, and the first answer of `heedful demo`."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

from runtime.apps.bench_child import heedful, private_folders
from runtime.apps.bench_measure import Measure, Plan, progress, rounded
from runtime.errors import MissingPart

IDLE_CONFIG = "robot"
IDLE_PERCENT = 3.0
SETTLE_S = 5.0
FIRST_ANSWER_S = 30.0
GIVE_UP_S = 180.0
MIB = 1024 * 1024
IMPORTS = "import aiomqtt, av, faiss, numpy, onnxruntime, pocketsphinx, pydantic, tokenizers; print('imported')"
LISTENING = "listening"


def measure_idle(plan: Plan) -> list[Measure]:
    """Watch a session that waits for pictures and sound, its mosquitto, and bare aiomqtt with as many connections."""
    if not Path("/proc/self/stat").exists():
        raise MissingPart("this bench reads /proc", "run it on Linux")
    seconds, rounds = plan.rounds(5, 30, 60), plan.rounds(1, 3, 5)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        environment = private_folders(Path(scratch))
        with (
            started(heedful("run", IDLE_CONFIG), environment) as session,
            started([sys.executable, "-m", "runtime.apps.bench_bare", "idle", IDLE_CONFIG], environment) as bare,
        ):
            time.sleep(SETTLE_S)
            pids = {"session": session.pid, "mosquitto": child_named(session.pid, "mosquitto"), "bare": bare.pid}
            percents: dict[str, list[float]] = {name: [] for name in pids}
            for number in range(rounds):
                progress(f"{seconds} s of waiting, {number + 1} of {rounds}")
                for name, percent in _percents(pids, seconds).items():
                    percents[name].append(percent)
            rss_mib = {name: round(_rss_bytes(pid) / MIB, 1) for name, pid in pids.items() if pid is not None}
            session.send_signal(signal.SIGTERM)
            session.wait(timeout=15)
    both = [one + other for one, other in zip(percents["session"], percents["mosquitto"], strict=True)]
    detail = {f"{name}_percent": rounded(some, 2) for name, some in percents.items()} | {"rss_mib": rss_mib}
    return [
        Measure(
            name="CPU of an idle session with its broker",
            value=statistics.median(both),
            unit="% of one core",
            at_most=IDLE_PERCENT,
            detail=detail | {"seconds": seconds},
        )
    ]


def measure_first_answer(plan: Plan) -> list[Measure]:
    """Start `heedful demo` and wait for its first answer: on an untouched machine, then with its recordings made."""
    if find_spec("runtime.apps.demo") is None:
        raise MissingPart("heedful demo is not in this version", "use one that has it")
    first: list[float] = []
    again: list[float] = []
    bare: list[float] = []
    rounds = plan.rounds(1, 3, 5)
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        bare.append(seconds_until([sys.executable, "-c", IMPORTS], "imported", {}))
        with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
            environment = private_folders(Path(scratch)) | {"XDG_CACHE_HOME": str(Path(scratch, "cache"))}
            for found in (first, again):
                found.append(seconds_until(heedful("demo", "--json"), '"type": "answer"', environment))
    detail = {"s": rounded(first, 2), "import_of_libraries_s": rounded(bare, 2)}
    return [
        Measure(
            name="first answer of the first demo", value=statistics.median(first), unit="s", at_most=FIRST_ANSWER_S,
            detail=detail,
        ),
        Measure(
            name="first answer of the next demo", value=statistics.median(again), unit="s", at_most=FIRST_ANSWER_S,
            detail={"s": rounded(again, 2)},
        ),
    ]  # fmt: skip


def seconds_until(command: list[str], text: str, environment: dict[str, str]) -> float:
    """Start a program and return how long it takes to print a line with `text`; it is let to its end."""
    start_s = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as program:
        limit = Timer(GIVE_UP_S, program.kill)
        limit.start()
        try:
            assert program.stdout is not None
            for line in program.stdout:
                if text in line:
                    took_s = time.perf_counter() - start_s
                    program.communicate()
                    return took_s
        finally:
            limit.cancel()
    raise MissingPart(f"{' '.join(command)} ended with {program.returncode} without {text}", "run it by hand")


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a program and wait until it says that it is listening; kill it at the end where it still runs."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as program:
        try:
            assert program.stderr is not None
            if not any(LISTENING in line for line in program.stderr):
                raise MissingPart(f"{' '.join(command)} ended at its start", "run it by hand")
            yield program
        finally:
            program.kill()


def _percents(pids: dict[str, int | None], seconds: float) -> dict[str, float]:
    before, start_s = {name: cpu_s(pid) for name, pid in pids.items()}, time.perf_counter()
    time.sleep(seconds)
    passed_s = time.perf_counter() - start_s
    return {name: 100 * (cpu_s(pid) - before[name]) / passed_s for name, pid in pids.items()}


def cpu_s(pid: int | None) -> float:
    """Return user and system time of a process so far, all its threads."""
    if pid is None:
        return 0.0
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_bytes(pid: int) -> int:
    return int(_stat(pid)[21]) * os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on: a program's name may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def child_named(parent: int, name: str) -> int | None:
    """Return the process of that name which `parent` started."""
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or (entry / "comm").read_text(encoding="utf-8").strip() != name:
                continue
            if int(_stat(int(entry.name))[1]) == parent:
                return int(entry.name)
        except OSError:
            continue  # it ended meanwhile
    return None
