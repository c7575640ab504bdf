"""A recording of two gigabytes: how soon it says something, how long a seek takes, and whether memory stays flat."""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import av
import numpy as np

from perception.picture import encode_jpeg
from runtime.apps.bench_child import json_lines
from runtime.apps.bench_measure import Measure, Plan, progress, rounded
from runtime.apps.made_recording import NAMES, RATES_HZ, S_NS, START_NS, channel_info, story
from runtime.recording import foxglove
from runtime.recording.contents import Content, Picture
from runtime.recording.mcap_writer import RecordingWriter

CHILD = "runtime.apps.bench_recording_child"
MB = 1_000_000
SIZES_BYTES = {"quick": 20 * MB, "normal": 200 * MB, "full": 2000 * MB}
SIZE_PX = (640, 480)
NOISE, QUALITY = 30.0, 95  # about 200 kB that do not compress
PICTURES = 40  # different ones: four seconds, much more than a chunk holds
FIRST_S = 2.0
SEEK_S = 1.0
GROWN_MIB = 50.0
PLAY_LIMIT_S = {"quick": 10.0, "normal": 60.0, "full": 180.0}
CUT_BYTES = 10 * MB
SEED = 5


def measure_large(plan: Plan, folder: Path) -> list[Measure]:
    """Write the recording, measure and delete it."""
    path = folder / "large.mcap"
    progress(f"writing {SIZES_BYTES[plan.length] // MB} MB")
    begun_s = time.perf_counter()
    length_s = write_large(path, SIZES_BYTES[plan.length])
    about = {"mb": path.stat().st_size // MB, "length_s": length_s, "written_in_s": time.perf_counter() - begun_s}
    about = {name: round(value, 1) for name, value in about.items()}
    try:
        measures = [_first(plan, path, about), _seeks(plan, path, length_s)]
        progress("playing it at max")
        measures.append(flatness(_child("play", path, PLAY_LIMIT_S[plan.length]), length_s))
        os.truncate(path, max(path.stat().st_size - CUT_BYTES, path.stat().st_size // 2))
        return [*measures, _cut_seek(path, length_s)]
    finally:
        path.unlink()


def write_large(path: Path, size_bytes: int) -> float:
    """Write a recording of a camera, a microphone, a radar and an inertial sensor; return its length in seconds."""
    pictures = noisy_pictures()
    count = max(1, round(size_bytes / statistics.mean(map(len, pictures))))
    length_s = count / RATES_HZ["image"]
    writer = RecordingWriter(path, {"session": "bench"}, syncs=False)
    channels: dict[str, int] = {}
    for t_ns, kind, number, content in merge(
        _shown(pictures, count), story(length_s, ("audio", "radar", "imu")), key=lambda one: one[:2]
    ):
        if kind not in channels:
            channels[kind] = writer.channel(channel_info(kind, content))
        data = foxglove.encode(content, NAMES[kind]).SerializeToString()
        writer.write(channels[kind], log_ns=t_ns + 3_000_000, publish_ns=t_ns, seq=number, data=data)
    writer.close()
    return length_s


def noisy_pictures() -> list[bytes]:
    """Return four seconds of a square that moves and rests in the noise of a bad camera, as JPEG."""
    rng = np.random.default_rng(SEED)
    width_px, height_px = SIZE_PX
    pictures = []
    for number in range(PICTURES):
        pixels = np.full((height_px, width_px, 1), 60.0)
        x = round(40 + 200 * min(number / RATES_HZ["image"], 2.0))
        pixels[150:300, x : x + 120] = 200.0
        noisy = (pixels + rng.normal(0, NOISE, pixels.shape)).clip(0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(noisy.repeat(3, axis=2), format="rgb24")
        pictures.append(encode_jpeg(frame, width_px, QUALITY)[0])
    return pictures


def _shown(pictures: list[bytes], count: int) -> Iterator[tuple[int, str, int, Content]]:
    for number in range(count):
        t_ns = START_NS + number * S_NS // RATES_HZ["image"]
        yield t_ns, "image", number, Picture(t_ns=t_ns, encoding="jpeg", payload=pictures[number % len(pictures)])


def _first(plan: Plan, path: Path, about: dict[str, Any]) -> Measure:
    """Start processes that play until their first frame is heard, and one that finds nothing of the file in memory."""
    progress("first percept")
    seen = [_child("first", path, time.monotonic()) for _ in range(plan.rounds(1, 3, 5))]
    forget(path)
    cold = _child("first", path, time.monotonic())
    replay_s = [one["replay_s"] for one in seen]
    detail = {
        "s": rounded(replay_s),
        "from_process_start_s": rounded(one["process_s"] for one in seen),
        "not_in_page_cache_s": round(cold["replay_s"], 3),
    }
    return Measure(name="first percept", value=max(replay_s), unit="s", at_most=FIRST_S, detail=about | detail)


def _seeks(plan: Plan, path: Path, length_s: float) -> Measure:
    progress("seeks")
    draw = random.Random(SEED)
    at_s = [draw.uniform(0.0, length_s - 1.0) for _ in range(plan.rounds(1, 10, 10))]
    seen = _child("seek", path, 0.0, *at_s)
    (begins_s, *first_s), (_, *all_s) = seen["first_s"], seen["all_s"]
    forget(path)
    cold = _child("seek", path, max(at_s))
    detail = {
        "at_s": rounded(at_s, 1),
        "s": rounded(first_s),
        "all_streams_s": rounded(all_s),
        "to_the_beginning_s": round(begins_s, 3),  # what loading models and starting a broker takes
        "not_in_page_cache_s": round(cold["first_s"][0], 3),
    }
    return Measure(name="seek, the slowest", value=max(first_s), unit="s", at_most=SEEK_S, detail=detail)


def _cut_seek(path: Path, length_s: float) -> Measure:
    progress("a seek in a recording that was cut")
    at_s = length_s / 3
    seen = _child("seek", path, at_s)
    detail = {"at_s": round(at_s, 1), "all_streams_s": rounded(seen["all_s"]), "mb": path.stat().st_size // MB}
    name = "seek where the recording was cut and has no index"
    return Measure(name=name, value=seen["first_s"][0], unit="s", at_most=SEEK_S, detail=detail)


def flatness(seen: dict[str, Any], length_s: float) -> Measure:
    """Return how much larger a process is in the last quarter of a replay than in the first."""
    rss_mib, at_s = seen["rss_mib"], seen["at_s"]
    quarter = max(1, len(rss_mib) // 4)
    first_mib, last_mib = statistics.median(rss_mib[:quarter]), statistics.median(rss_mib[-quarter:])
    detail = {
        "first_quarter_mib": round(first_mib, 1),
        "last_quarter_mib": round(last_mib, 1),
        "largest_mib": max(rss_mib),
        "played_s": round(seen["reached_s"], 1),
        "of_s": round(length_s, 1),
        "in_s": round(at_s[-1], 1),
        "frames_kept": seen["frames"],
        "series": {"at_s": rounded(at_s), "of": rss_mib},
    }
    name = "RSS at max, from the first quarter to the last"
    return Measure(name=name, value=last_mib - first_mib, unit="MiB", at_most=GROWN_MIB, detail=detail)


def forget(path: Path) -> None:
    """Let the system forget what it holds of a file, as if it had been written yesterday."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _child(what: str, path: Path, *more: float) -> dict[str, Any]:
    command = [sys.executable, "-m", CHILD, what, str(path), *(f"{one:.6f}" for one in more)]
    (seen,) = json_lines(command)
    return seen
