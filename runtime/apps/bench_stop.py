"""How long Heedful lives after Ctrl-C: a live session that perceives, and a demo at several moments of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from runtime.apps.bench_child import heedful, private_folders
from runtime.apps.bench_measure import Measure, Plan, progress, rounded
from runtime.apps.bench_process import started

STOP_S = 3.0
CAMERA = "streams: {cam: {source: camera, device: 'lavfi:testsrc=size=160x120:rate=10'}}\n"
PERCEIVED_S = 1.0  # until the live session has something to store
GIVE_UP_S = 60.0


def measure_stop(plan: Plan) -> list[Measure]:
    """Interrupt a live session, and the demo at equal steps through its life; the longest end counts."""
    rounds = plan.rounds(1, 3, 10)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        environment = private_folders(Path(scratch))
        config = Path(scratch) / "camera.yaml"
        config.write_text(CAMERA, encoding="utf-8")
        live = []
        for number in range(rounds):
            progress(f"a live session, {number + 1} of {rounds}")
            with started(heedful("run", str(config)), environment) as session:
                time.sleep(PERCEIVED_S)
                live.append(end_s(session))
        whole_s = _demo_s(environment, None)
        moments_s = [whole_s * (number + 0.5) / rounds for number in range(rounds)]
        demo = [_demo_s(environment, moment_s) for moment_s in moments_s]
    return [
        Measure(name="a live session after Ctrl-C", value=max(live), unit="s", at_most=STOP_S,
                detail={"s": rounded(live, 2)}),
        Measure(name="a demo after Ctrl-C", value=max(demo), unit="s", at_most=STOP_S,
                detail={"s": rounded(demo, 2), "at_s": rounded(moments_s, 1), "whole_s": round(whole_s, 1)}),
    ]  # fmt: skip


def end_s(program: subprocess.Popen[str]) -> float:
    """Interrupt a program and return how long it takes to be gone."""
    start_s = time.perf_counter()
    program.send_signal(signal.SIGINT)
    program.wait(GIVE_UP_S)
    return time.perf_counter() - start_s


def _demo_s(environment: dict[str, str], interrupted_s: float | None) -> float:
    """Run the demo; return how long it took, or how long it lived after it was interrupted."""
    progress("a demo" if interrupted_s is None else f"a demo, interrupted after {interrupted_s:.1f} s")
    start_s = time.perf_counter()
    with subprocess.Popen(
        heedful("demo"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **environment},
    ) as program:  # fmt: skip
        try:
            with suppress(subprocess.TimeoutExpired):
                program.wait(interrupted_s)
                return 0.0 if interrupted_s is not None else time.perf_counter() - start_s
            return end_s(program)
        finally:
            program.kill()
