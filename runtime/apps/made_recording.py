"""Small recordings of every kind of sensor, made on the spot: for tests and benchmarks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from perception.picture import encode_jpeg
from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording import buslog, foxglove
from runtime.recording.contents import KIND, STREAM, Content, Pcm, Picture
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter

START_NS = 1_790_000_000_000_000_000
S_NS = 1_000_000_000
RATES_HZ = {"image": 10, "audio": 10, "radar": 20, "events": 25, "pose": 10, "imu": 50}
NAMES = {"image": "front", "audio": "cabin", "radar": "bumper", "events": "dvs", "pose": "odometry", "imu": "body"}


def sample(kind: str, number: int, t_ns: int | None) -> Content:
    """Return what a sensor gives as its `number`-th sample: a square that moves, a tone that comes and goes, ..."""
    rng = np.random.default_rng([sorted(RATES_HZ).index(kind), number])
    s, t = "", number / RATES_HZ[kind]
    match kind:
        case "image":
            return Picture(t_ns=t_ns, encoding="jpeg", payload=jpeg(t))
        case "audio":
            at_s = t + np.arange(1600) / 16_000
            loud = (at_s % 4 > 2) * 0.3 * np.sin(2 * math.pi * 700 * at_s) + 0.001 * rng.standard_normal(1600)
            return Pcm(t_ns=t_ns, rate_hz=16_000, channels=1, payload=(loud * 32767).astype("<i2").tobytes())
        case "radar":
            points = rng.standard_normal((12, 5)).astype("<f4")
            return RadarInput(session=s, stream=s, t_ns=t_ns, payload=points.tobytes())
        case "events":
            return EventsInput(session=s, stream=s, t_ns=t_ns, width_px=64, height_px=48, payload=rng.bytes(64))
        case "pose":
            x = float(round(t, 3))
            return PoseInput(session=s, stream=s, t_ns=t_ns, position_m=(x, 0.0, 0.0), orientation=(0.0, 0.0, 0.0, 1.0))
        case _:
            turn = (0.0, 0.0, round(math.sin(t), 6))
            return ImuInput(session=s, stream=s, t_ns=t_ns, acceleration_mps2=(0.0, 0.0, 9.81), rotation_radps=turn)


def jpeg(t: float) -> bytes:
    """Return a gray picture with a bright square that moves for two seconds of every four."""
    pixels = np.full((96, 128, 3), 60, np.uint8)
    x = round(8 + 40 * min(t % 4, 2.0))
    pixels[30:60, x : x + 24] = 220
    return encode_jpeg(av.VideoFrame.from_ndarray(pixels, format="rgb24"), 128)[0]


def story(length_s: float, kinds: tuple[str, ...] = tuple(RATES_HZ)) -> Iterator[tuple[int, str, int, Content]]:
    """Yield (t_ns, kind, number, content) of all sensors in the order of time."""
    moments = [
        (round(number * S_NS / RATES_HZ[kind]), kind, number)
        for kind in kinds
        for number in range(round(length_s * RATES_HZ[kind]))
    ]
    for t_ns, kind, number in sorted(moments):
        yield START_NS + t_ns, kind, number, sample(kind, number, START_NS + t_ns)


def channel_info(kind: str, content: Content, name: str | None = None) -> ChannelInfo:
    """Return the channel of a stream, as the recorder makes it."""
    stream = NAMES[kind] if name is None else name
    message = type(foxglove.encode(content, stream))
    return ChannelInfo(
        topic=f"/{stream}/{kind}",
        schema=message.DESCRIPTOR.full_name,
        schema_encoding="protobuf",
        schema_data=foxglove.schema_data(message),
        encoding="protobuf",
        metadata={STREAM: stream, KIND: kind},
    )


def write_story(path: Path, length_s: float = 6.0, kinds: tuple[str, ...] = tuple(RATES_HZ)) -> dict[str, int]:
    """Write a recording of all sensors; return how many samples each gave."""
    writer = RecordingWriter(path, {"session": "test"}, syncs=False)
    channels: dict[str, int] = {}
    counts = dict.fromkeys(kinds, 0)
    for t_ns, kind, number, content in story(length_s, kinds):
        if kind not in channels:
            channels[kind] = writer.channel(channel_info(kind, content))
        data = foxglove.encode(content, NAMES[kind]).SerializeToString()
        writer.write(channels[kind], log_ns=t_ns + 3_000_000, publish_ns=t_ns, seq=number, data=data)
        counts[kind] += 1
    if "radar" in kinds:
        write_calibration(writer, CalibrationInput(session="test", stream="bumper", position_m=(2.0, 0.0, 0.5)))
    writer.close()
    return counts


def write_calibration(writer: RecordingWriter, calibration: CalibrationInput) -> None:
    """Write a calibration as the recorder does."""
    info = buslog.channel_of(calibration)
    ours = ChannelInfo(
        topic=f"/{calibration.stream}/calibration",
        schema=info.schema,
        schema_encoding=info.schema_encoding,
        schema_data=info.schema_data,
        encoding=info.encoding,
        metadata={STREAM: calibration.stream, KIND: "calibration"},
        is_sticky=True,
    )
    data = buslog.to_entry(calibration)
    writer.write(writer.channel(ours), log_ns=START_NS, publish_ns=START_NS, seq=0, data=data)
