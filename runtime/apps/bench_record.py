"""What recording costs: a live session with and without it in turns, what is in the file, and what `kill -9` leaves.

The microphone hears a quiet room in one measure and somebody who speaks all the time in another. The camera sends JPEG
in these, as most do on USB and in networks; in a third it sends pixels, which the recorder has to encode.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import statistics
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from runtime.apps.bench_camera import jpeg_camera
from runtime.apps.bench_child import heedful, private_folders
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.bench_process import child_named, cpu_s, started
from runtime.errors import MissingPart
from runtime.messages import AudioInput, Message, RadarInput
from runtime.mqtt_bus import Address, MqttBus
from runtime.recording.mcap_file import McapFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

SESSION = "bench"
CONFIG = """\
session: bench
streams:
  cam: {source: camera, device: 'CAMERA'}
  mic: {source: mqtt, kind: audio}
  radar: {source: mqtt, kind: radar}
"""
PIXELS = "lavfi:testsrc2=size=640x480:rate=15,format=yuyv422"
CAMERA_HZ = 15
SWEEP_S = 0.05
POINTS = 300
BLOCK_S = 0.032
BLOCK = 512
SETTLE_S = 3.0  # after the start; and a moment before the end, for what is under way
WITHIN_S = 1.0
MORE_CPU = 1.10
SPEECH = Path(__file__).with_name("demo_speech.wav")
Sound: TypeAlias = Callable[[int], bytes]  # from the number of a block to its samples
KILLED_S = 5.0  # how long a session is recorded before it is killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one session took."""

    cpu_s: float
    broker_s: float
    sent: Mapping[str, int]


def measure_record(plan: Plan) -> list[Measure]:
    """Compare CPU seconds of a session with one camera, one microphone and one radar; count; kill."""
    if not Path("/proc/self/stat").exists():
        raise MissingPart("this bench reads /proc", "run it on Linux")
    seconds, rounds = plan.rounds(10, 60, 60), plan.rounds(1, 2, 5)
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch, ExitStack() as stack:
        jpegs = stack.enter_context(jpeg_camera(Path(scratch) / "camera", PIXELS, CAMERA_HZ))
        quiet = _compared(Path(scratch) / "quiet", jpegs, _room, seconds, rounds)
        talk = _compared(Path(scratch) / "talk", jpegs, _speech, seconds, rounds)
        pixels = _compared(Path(scratch) / "pixels", PIXELS, _room, seconds, rounds)
        killed = []
        for number in range(plan.rounds(1, 3, 10)):
            progress(f"a recorded session that is killed, {number + 1}")
            killed.append(_killed_s(Path(scratch) / f"killed-{number}", Path(scratch) / f"killed-{number}.mcap"))
    return [
        quiet.measure("CPU of a recorded session over one that is not, in a quiet room"),
        talk.measure("CPU of a recorded session over one that is not, while somebody speaks"),
        pixels.measure("CPU of a recorded session over one that is not, in a quiet room, camera of pixels"),
        Measure(name="messages that are not in the recording", value=quiet.missing + talk.missing + pixels.missing,
                unit="messages", at_most=0, detail={"sent": dict(quiet.sent + talk.sent + pixels.sent)}),
        Measure(name="lost by kill -9", value=max(killed), unit="s", at_most=WITHIN_S,
                detail={"s": rounded(killed), "median_s": round(statistics.median(killed), 3)}),
    ]  # fmt: skip


@dataclass(kw_only=True)
class Compared:
    """Sessions with and without a recording, in turns."""

    seconds: float
    plain: list[Round] = field(default_factory=list)
    recorded: list[Round] = field(default_factory=list)
    missing: int = 0
    size_bytes: int = 0

    @property
    def sent(self) -> Counter[str]:
        """Return what was sent to the sessions that were recorded."""
        return sum((Counter(one.sent) for one in self.recorded), Counter())

    def measure(self, name: str) -> Measure:
        """Return the median of the ratios."""
        detail = {
            "seconds": self.seconds,
            "plain_cpu_s": rounded((one.cpu_s for one in self.plain), 2),
            "recorded_cpu_s": rounded((one.cpu_s for one in self.recorded), 2),
            "plain_broker_cpu_s": rounded((one.broker_s for one in self.plain), 2),
            "recorded_broker_cpu_s": rounded((one.broker_s for one in self.recorded), 2),
            "recorded_mb_per_minute": round(self.size_bytes / 1e6 * 60 / self.seconds / len(self.recorded), 1),
        }
        ours, theirs = [one.cpu_s for one in self.recorded], [one.cpu_s for one in self.plain]
        return Measure(name=name, unit="x", at_most=MORE_CPU, value=ratio(ours, theirs), detail=detail)


def _compared(folder: Path, camera: str, hear: Sound, seconds: float, rounds: int) -> Compared:
    folder.mkdir()
    found = Compared(seconds=seconds)
    for number in range(rounds):
        which = f"{folder.name}, {seconds} s, {number + 1} of {rounds}"
        progress(f"a session, {which}")
        found.plain.append(_round(folder / f"plain-{number}", None, camera, seconds, hear))
        progress(f"a recorded session, {which}")
        out = folder / f"{number}.mcap"
        found.recorded.append(_round(folder / f"recorded-{number}", out, camera, seconds, hear))
        found.missing += _missing(out, found.recorded[-1].sent, seconds)
        found.size_bytes += out.stat().st_size
    return found


def _round(folder: Path, out: Path | None, camera: str, seconds: float, hear: Sound) -> Round:
    """Run one session, recorded where there is a file for it, and send to it."""
    with started(*_command(folder, out, camera)) as session:
        time.sleep(SETTLE_S)
        broker = child_named(session.pid, "mosquitto")
        before = cpu_s(session.pid), cpu_s(broker)
        sent = asyncio.run(_send(_address(folder), seconds, hear))
        after = cpu_s(session.pid), cpu_s(broker)
        time.sleep(WITHIN_S)
        session.send_signal(signal.SIGTERM)
        session.wait(timeout=15)
    return Round(cpu_s=after[0] - before[0], broker_s=after[1] - before[1], sent=sent)


def _killed_s(folder: Path, out: Path) -> float:
    """Return how long before the kill the stream that lost most has its last entry; what comes between is whole."""
    with started(*_command(folder, out, PIXELS)) as session:
        time.sleep(SETTLE_S)
        pid = session.pid

        def kill() -> int:
            os.kill(pid, signal.SIGKILL)
            return time.time_ns()

        killed_ns: list[int] = []
        asyncio.run(_send(_address(folder), KILLED_S, _room, lambda: killed_ns.append(kill())))
        session.wait()
    last_ns: dict[str, int] = {}
    seqs: dict[str, list[int]] = {}
    file = McapFile(out)
    for entry in file.entries():
        topic = file.channels[entry.channel].topic
        last_ns[topic] = entry.log_ns
        seqs.setdefault(topic, []).append(entry.seq)
    file.close()
    if len(last_ns) != 3 or any(found != list(range(1, len(found) + 1)) for found in seqs.values()):
        raise MissingPart(f"the recording of a killed session has holes: {sorted(seqs)}", "report this")
    return (killed_ns[0] - min(last_ns.values())) / 1e9


def _missing(out: Path, sent: Mapping[str, int], seconds: float) -> int:
    """Return how many of the inputs are not in the file; of pictures, those whose numbers are not there."""
    file = McapFile(out)
    found = {channel.topic: channel.count or 0 for channel in file.channels.values()}
    pictures = next((one.id for one in file.channels.values() if one.topic == "/cam/image"), -1)
    last = max((entry.seq for entry in file.entries([pictures])), default=round(seconds * CAMERA_HZ))
    file.close()
    lost = last - found.get("/cam/image", 0)
    return lost + sum(count - found.get(f"/{stream}", 0) for stream, count in sent.items())


def _command(folder: Path, out: Path | None, camera: str) -> tuple[list[str], dict[str, str]]:
    folder.mkdir()
    config = folder / "bench.yaml"
    config.write_text(CONFIG.replace("CAMERA", camera), encoding="utf-8")
    verb = ["run", str(config)] if out is None else ["record", str(config), "--out", str(out)]
    return heedful(*verb), private_folders(folder)


def _address(folder: Path) -> Address:
    known = json.loads((folder / "running" / "heedful" / f"{SESSION}.json").read_text(encoding="utf-8"))
    return Address(host=known["host"], port=known["port"], username="robot", password=known["passwords"]["robot"])


async def _send(
    address: Address, seconds: float, hear: Sound, at_end: Callable[[], None] = lambda: None
) -> dict[str, int]:
    """Send sound and sweeps for so long; return how many of each."""
    bus = MqttBus(address, "robot", SESSION)
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.run(), name="robot")
        await bus.ready(5.0)
        sound = group.create_task(_every(bus, BLOCK_S, seconds, lambda number: _sound(hear(number))), name="sound")
        sweeps = group.create_task(_every(bus, SWEEP_S, seconds, _sweep), name="sweeps")
        sent = {"mic/audio": await sound, "radar/radar": await sweeps}
        at_end()
        bus.stop()
    if bus.dropped_qos0:
        raise MissingPart("the broker went away", "run the bench again")
    return sent


async def _every(bus: MqttBus, period_s: float, seconds: float, make: Callable[[int], Message]) -> int:
    clock = asyncio.get_running_loop().time
    start_s, count = clock(), 0
    while count * period_s < seconds:
        await bus.publish(make(count))
        count += 1
        await asyncio.sleep(max(0.0, start_s + count * period_s - clock()))
    return count


def _room(number: int) -> bytes:
    """Return a block of noise at -60 dB."""
    return np.random.default_rng(number).normal(0, 33, BLOCK).astype("<i2").tobytes()


def _speech(number: int) -> bytes:
    """Return a block of the demo's speech, over and over."""
    samples = _speech_samples()
    start = number * BLOCK % (len(samples) - BLOCK)
    return samples[start : start + BLOCK].tobytes()


@functools.cache
def _speech_samples() -> NDArray[np.int16]:
    with wave.open(str(SPEECH)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def _sound(payload: bytes) -> AudioInput:
    return AudioInput(session=SESSION, stream="mic", t_ns=time.time_ns(), payload=payload)


def _sweep(number: int) -> RadarInput:
    points = np.random.default_rng(number).normal(0, 20, (POINTS, 5)).astype("<f4")
    return RadarInput(session=SESSION, stream="radar", t_ns=time.time_ns(), payload=points.tobytes())
