"""How fast recordings are replayed: against real time, and against nothing but decoding the same file.

Every measurement is a process of its own, ours and the baselines in turn: what a user gets, with cold caches and
first-use costs inside the measured time on both sides. Starting Python and loading models are outside on both sides.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import wave
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from runtime import config as configuration
from runtime.apps.bench_child import heedful, json_lines
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.mix import write_wav
from runtime.errors import InputError

CONFIG = "spine"
VIDEO = "video/car-detection.mp4"
SPEECH = "speech"
REAL_TIME = 10.0
OF_BARE = 0.4
SPEECH_REAL_TIME = 2.0

Step = Callable[[], tuple[float, float]]  # -> seconds, and length of the recording in seconds where it is known


def measure_replay(plan: Plan) -> list[Measure]:
    """Replay the traffic recording with all stages on, over a private mosquitto."""
    path = _existing(plan.data / VIDEO)
    width_px = configuration.load(CONFIG).perception.analysis_width_px
    steps = {
        "ours": lambda: _replayed(path),
        "resize": lambda: _bare("resize", path, str(width_px)),
        "luma": lambda: _bare("luma", path),
    }
    seconds, length_s = in_turn(steps, plan.rounds(1, 5, 11))
    playing = _detail(seconds["ours"], length_s)
    return [
        Measure(
            name="replay, times real time",
            value=_rate(seconds["ours"], length_s),
            unit="x",
            at_least=REAL_TIME,
            detail=playing,
        ),
        Measure(
            name="replay, of the rate of decode and resize",
            value=ratio(seconds["resize"], seconds["ours"]),
            unit="x",
            at_least=OF_BARE,
            detail={"bare_s": rounded(seconds["resize"])},
        ),
        Measure(
            name="replay, of the rate of decode and Y plane",
            value=ratio(seconds["luma"], seconds["ours"]),
            unit="x",
            detail={"bare_s": rounded(seconds["luma"])},
        ),
    ]


def measure_speech(plan: Plan) -> list[Measure]:
    """Replay all sample speech joined, recognising words."""
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        path = Path(scratch) / "speech.wav"
        write_wav(path, joined_speech(plan.data / SPEECH))
        steps = {"ours": lambda: _replayed(path), "asr": lambda: _bare("asr", path)}
        seconds, length_s = in_turn(steps, plan.rounds(1, 5, 11))
    return [
        Measure(
            name="speech, times real time",
            value=_rate(seconds["ours"], length_s),
            unit="x",
            at_least=SPEECH_REAL_TIME,
            detail=_detail(seconds["ours"], length_s),
        ),
        Measure(
            name="speech, of the rate of pocketsphinx alone",
            value=ratio(seconds["asr"], seconds["ours"]),
            unit="x",
            detail={"bare_s": rounded(seconds["asr"])},
        ),
    ]


def in_turn(steps: Mapping[str, Step], rounds: int) -> tuple[dict[str, list[float]], float]:
    """Run the steps in turn, round by round; return the seconds of each and the recording's length."""
    seconds: dict[str, list[float]] = defaultdict(list)
    length_s = 0.0
    for number in range(rounds):
        for name, step in steps.items():
            progress(f"round {number + 1} of {rounds}: {name}")
            playing_s, seen_s = step()
            seconds[name].append(playing_s)
            length_s = max(length_s, seen_s)
    return dict(seconds), length_s


def joined_speech(folder: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return every LibriVox sentence and goforward one after the other, 16 kHz mono."""
    files = sorted(folder.glob("librivox_*.wav"))
    if not files:
        raise InputError(folder, "holds no librivox_*.wav")
    parts = []
    for path in files:
        with wave.open(str(path), "rb") as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), "<i2"))
    return np.concatenate([*parts, np.fromfile(folder / "goforward_16k_s16le.raw", "<i2")])


def _replayed(path: Path) -> tuple[float, float]:
    line = json_lines(heedful("replay", str(path), "--config", CONFIG, "--speed", "max", "--json"))[-1]
    return line["playing_s"], line["length_s"]


def _bare(what: str, path: Path, *more: str) -> tuple[float, float]:
    line = json_lines([sys.executable, "-m", "runtime.apps.bench_bare", what, str(path), *more])[-1]
    return line["playing_s"], 0.0


def _rate(seconds: list[float], length_s: float) -> float:
    return length_s / statistics.median(seconds)


def _detail(seconds: list[float], length_s: float) -> dict[str, object]:
    return {"playing_s": rounded(seconds), "length_s": round(length_s, 2)}


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(path, "no such file in the sample data")
    return path
