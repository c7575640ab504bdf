"""One whole session at the speed of life: a recording at 1x through perception, memory and reasoning, with questions.

The baseline is real time. A replay drops nothing, so a machine that is too slow shows as a session that takes longer.
In full the recording is played over and over for an hour: what grows shows only then.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from perception.demux import open_recording
from runtime import config as configuration
from runtime.apps.bench_child import json_lines, private_folders
from runtime.apps.bench_measure import Measure, Plan, progress, rounded, slope, spread
from runtime.apps.bench_replay import VIDEO
from runtime.apps.bench_session_child import CONFIG
from runtime.apps.playlist import make_playlist
from runtime.errors import InputError, MissingPart

QUICK_SPEED = 8.0
HOUR_S = 3600.0
TELLING_S = 300.0  # of less, growth per hour says nothing
SETTLED = 0.5  # of the session: models load and caches fill before
DROPPED = ("lost", "refused", "too large", "not kept", "untold")  # words in the names of services' counters
PERCENTS = ("p50", "p95", "p99")


def measure_session(plan: Plan) -> list[Measure]:
    """Play the traffic recording, or the one that the plan names, and say how it went."""
    if not Path("/proc/self/statm").exists():
        raise MissingPart("this bench reads /proc", "run it on Linux")
    path = plan.recording or plan.data / VIDEO
    if not path.exists():
        raise InputError(path, "no such recording" if plan.recording else "no such file in the sample data")
    make_playlist([path], configuration.load(CONFIG).perception)  # what cannot be played is refused here, in a line
    speed = QUICK_SPEED if plan.length == "quick" else 1.0
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        length_s = length_of(path)
        if plan.length == "full" and 0 < length_s < HOUR_S:
            try:
                path = repeated(path, Path(scratch) / "repeated.mkv", math.ceil(HOUR_S / length_s))
            except av.FFmpegError as error:
                raise InputError(path, f"cannot be played over and over ({error.strerror}): it is damaged") from error
            length_s = length_of(path)
        progress(f"{path.name} at {speed:g}x, {length_s / speed:.0f} s")
        command = [sys.executable, "-m", "runtime.apps.bench_session_child", str(path), f"{speed:g}", f"{length_s:.3f}"]
        (seen,) = json_lines(command, private_folders(Path(scratch)))
    return measures(seen, speed)


def length_of(path: Path) -> float:
    """Return how long a media file says that it is; 0 where it does not, or where it is no media file."""
    try:
        with open_recording(path) as container:
            return (container.duration or 0) / 1e6
    except InputError:
        return 0.0  # MCAP, a bag or a folder: whoever plays it knows better


def repeated(path: Path, to: Path, times: int) -> Path:
    """Write a media file that plays another one over and over, without decoding it."""
    with av.open(str(to), "w") as out:
        streams: dict[int, Any] = {}
        shift_s = 0.0
        for _ in range(times):
            end_s = shift_s
            with open_recording(path) as container:
                wanted = [one for one in container.streams if one.type in ("video", "audio")]
                for one in wanted:
                    if one.index not in streams:
                        streams[one.index] = out.add_stream_from_template(one)
                for packet in container.demux(wanted):
                    if packet.dts is None or packet.pts is None:
                        continue  # the empty packet that ends a stream
                    assert packet.time_base is not None
                    shift = round(shift_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
            shift_s = end_s
    return to


def measures(seen: dict[str, Any], speed: float) -> list[Measure]:
    """Return what a session's process saw as measures."""
    return [
        *_pace(seen, speed),
        *_losses(seen),
        *_stages(seen["spread_ms"]),
        *_answers(seen["answers_ms"]),
        *_weight(seen, speed),
    ]


def _pace(seen: dict[str, Any], speed: float) -> Iterable[Measure]:
    playing_s, length_s = seen["playing_s"], seen["length_s"]
    samples = {
        name.removeprefix("perception ").removesuffix(" samples"): count
        for name, count in seen["counters"].items()
        if name.startswith("perception ") and name.endswith(" samples")
    }
    detail = {"playing_s": round(playing_s, 3), "length_s": round(length_s, 3), "speed": speed}
    due_s = length_s / speed
    yield Measure(
        name="playing time over real time",
        value=playing_s / due_s if due_s > 0 else 0.0,
        unit="x",
        detail=detail | {"streams": ", ".join(seen["streams"])},
    )
    for sensor, count in sorted(samples.items()):
        unit = "frames/s" if sensor == "video" else "samples/s"
        yield Measure(name=f"{sensor} perceived", value=count / playing_s, unit=unit, detail={"samples": count})
    messages = sum(seen["heard"].values())
    yield Measure(name="messages on the bus", value=messages / playing_s, unit="1/s", detail={"messages": messages})


def _losses(seen: dict[str, Any]) -> Iterable[Measure]:
    lost = {name: count for name, count in seen["lost"].items() if count}
    detail = {"who": ", ".join(f"{name} {count}" for name, count in lost.items())} if lost else {}
    dropped = {name: n for name, n in seen["counters"].items() if n and any(word in name for word in DROPPED)}
    for name, value, unit, more in (
        ("lost by the bus", sum(lost.values()), "messages", detail),
        ("dropped by services", sum(dropped.values()), "messages", dropped),
        ("lost by sources", seen["samples_lost"], "samples", {}),
        ("dead letters", seen["heard"].get("dead-letter", 0), "messages", {}),
    ):
        yield Measure(name=name, value=value, unit=unit, at_most=0, detail=more)


def _stages(spread_ms: dict[str, list[float]]) -> Iterable[Measure]:
    """Yield p50, p95 and p99 of each stage, over its newest 1,024 values."""
    for stage, values in sorted(spread_ms.items()):
        for percent, value in zip(PERCENTS, values, strict=True):
            yield Measure(name=f"{stage} {percent}", value=value, unit="ms", detail={"stage": stage})


def _answers(answers_ms: list[float]) -> Iterable[Measure]:
    for percent, value in spread(answers_ms).items():
        if percent in PERCENTS:
            detail: dict[str, Any] = {"stage": "question to answer"}
            yield Measure(name=f"question to answer {percent}", value=value, unit="ms", detail=detail)
    first_ms, *later_ms = answers_ms  # the first waits for what loads on first use
    both = {"first_ms": round(first_ms, 3), "later_p50_ms": round(statistics.median(later_ms or [first_ms]), 3)}
    yield Measure(name="questions answered", value=len(answers_ms), unit="", detail=both)


def _weight(seen: dict[str, Any], speed: float) -> Iterable[Measure]:
    """Yield how heavy the process was: memory, CPU, files and threads, at stream time."""
    at_s = [one * speed for one in seen["at_s"]]
    rss_mib = seen["rss_mib"]
    first = int(len(at_s) * SETTLED)
    yield Measure(
        name="RSS, largest", value=max(rss_mib), unit="MiB", detail={"series": {"at_s": rounded(at_s), "of": rss_mib}}
    )
    over_s = at_s[-1] - at_s[first]
    grown = {"from_mib": rss_mib[first], "to_mib": rss_mib[-1], "over_s": round(over_s, 1)}
    yield Measure(name="RSS, grown in the second half", value=rss_mib[-1] - rss_mib[first], unit="MiB", detail=grown)
    if over_s >= TELLING_S:
        growth = slope([one / HOUR_S for one in at_s[first:]], rss_mib[first:])
        yield Measure(
            name="RSS, growth per stream hour", value=growth, unit="MiB/h", detail={"over_s": round(over_s, 1)}
        )
    yield Measure(name="CPU", value=100 * seen["cpu_s"] / seen["wall_s"], unit="% of one core")
    for name in ("files", "threads"):
        steps = sum(one != other for one, other in pairwise(seen[name][first:]))
        series = {"at_s": rounded(at_s), "of": seen[name]}
        yield Measure(name=f"{name}, most", value=max(seen[name]), unit="", detail={"steps": steps, "series": series})
