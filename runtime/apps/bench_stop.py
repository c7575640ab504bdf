"""How long Heedful lives after Ctrl-C: a live session that perceives, and a replay at several moments of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from runtime.apps.bench_child import heedful, json_lines, private_folders
from runtime.apps.bench_measure import Measure, Plan, progress, rounded
from runtime.apps.bench_process import started

STOP_S = 3.0
CAMERA = "streams: {cam: {source: camera, device: 'lavfi:testsrc=size=160x120:rate=10'}}\n"
PERCEIVED_S = 1.0  # until the live session has something to store
RECORDING = ("video", "car-detection.mp4")
GIVE_UP_S = 60.0


def measure_stop(plan: Plan) -> list[Measure]:
    """Interrupt a live session, and a replay at equal steps through its life; the longest end counts.

    The memory of each interrupted replay is verified; MissingPart where one is not intact.
    """
    rounds = plan.rounds(1, 3, 10)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        environment = private_folders(Path(scratch))
        live = [_live_s(Path(scratch), environment, f"{number + 1} of {rounds}") for number in range(rounds)]
        recording = str(plan.data.joinpath(*RECORDING))
        whole_s = _replay_s(recording, Path(scratch) / "whole", environment, None)
        moments_s = [whole_s * (number + 0.5) / rounds for number in range(rounds)]
        replays = [
            _replay_s(recording, Path(scratch) / f"memory-{number}", environment, moment_s)
            for number, moment_s in enumerate(moments_s)
        ]
    at_s = {"interrupted_at_s": rounded(moments_s, 1), "whole_s": round(whole_s, 1)}
    return [
        Measure(name="a live session after Ctrl-C", value=max(live), unit="s", at_most=STOP_S,
                detail={"s": rounded(live, 2)}),
        Measure(name="a replay after Ctrl-C", value=max(replays), unit="s", at_most=STOP_S,
                detail={"s": rounded(replays, 2)} | at_s),
    ]  # fmt: skip


def _live_s(folder: Path, environment: dict[str, str], which: str) -> float:
    progress(f"a live session, {which}")
    config = folder / "camera.yaml"
    config.write_text(CAMERA, encoding="utf-8")
    with started(heedful("run", str(config)), environment) as session:
        time.sleep(PERCEIVED_S)
        return _end_s(session)


def _replay_s(recording: str, memory: Path, environment: dict[str, str], interrupted_s: float | None) -> float:
    """Replay at normal pace; return how long it took, or how long it lived after it was interrupted."""
    progress("a replay" if interrupted_s is None else f"a replay, interrupted after {interrupted_s:.1f} s")
    start_s = time.perf_counter()
    with subprocess.Popen(
        heedful("replay", recording, "--memory", str(memory), "--ask", "When did something move?"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment},
    ) as program:  # fmt: skip
        try:
            with suppress(subprocess.TimeoutExpired):
                program.wait(interrupted_s)
                return 0.0 if interrupted_s is not None else time.perf_counter() - start_s
            lived_s = _end_s(program)
        finally:
            program.kill()
    if (memory / "memory.db").exists():
        json_lines(heedful("memory", "verify", str(memory), "--json"), environment)
    return lived_s


def _end_s(program: subprocess.Popen[str]) -> float:
    start_s = time.perf_counter()
    program.send_signal(signal.SIGINT)
    program.wait(GIVE_UP_S)
    return time.perf_counter() - start_s
