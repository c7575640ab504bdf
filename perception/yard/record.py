"""A world as a recording like any other: four sensors, pose, motion, calibrations, and the truth beside them.

Pictures are JPEG, sound stereo PCM, sweeps points, events raw EVT3; the same seed gives the same bytes. The recording
carries a mark in its metadata, so that whoever replays it knows that it is the yard.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from perception.yard.camera import Camera
from perception.yard.ears import RATE_HZ, Ears
from perception.yard.eventcam import EventCamera
from perception.yard.jpeg import encode_picture
from perception.yard.lens import Lens
from perception.yard.motion import RigMotion, calibrations
from perception.yard.radar import Radar
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, check_seed
from perception.yard.stage import Stage
from perception.yard.truth import PLOT_TOPIC, TRUTH_TOPIC, TRUTH_VERSION, VERSION, Truth, to_json
from perception.yard.view import truths
from perception.yard.world import World
from runtime.messages import CalibrationInput, EventsInput, RadarInput
from runtime.recording import buslog, foxglove
from runtime.recording.contents import ANY, KIND, STREAM, VIEW_ONLY, Content, Pcm, Picture
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter

T = TypeVar("T")

NS_PER_S = 1_000_000_000
START_NS = 1_800_000_000 * NS_PER_S  # when every world begins
MARK = "heedful.yard"  # metadata: seed, split, settings
RATES_HZ = {"image": 10, "audio": 20, "radar": 20, "events": 20, "pose": 20, "imu": 100}
NAMES = {"image": "camera", "audio": "ears", "radar": "radar", "events": "events", "pose": "pose", "imu": "imu"}
EVENT_SUB_FRAMES = 4  # of each packet: 80 renders a second
Moment: TypeAlias = tuple[int, str, int, Content]  # (t_ns, kind, number, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was written."""

    world: World
    samples: int
    size_bytes: int


def write_yard(path: Path, settings: WorldSettings, seed: int) -> Recorded:
    """Make a world and write what its sensors give, with the truth.

    Raises ConfigError where the seed is another split's, else as RecordingWriter does.
    """
    check_seed(settings.split, seed)
    return write_world(path, make_world(settings, seed))


def write_world(path: Path, world: World) -> Recorded:
    """Write what a world's sensors give, with the truth. Raises as RecordingWriter does."""
    settings = world.settings
    about = {"session": "yard", "id": f"yard-{world.seed}"}
    writer = RecordingWriter(path, about, syncs=False, chunk_s=None)
    mark = {"seed": str(world.seed), "split": settings.split, "settings": json.dumps(dataclasses.asdict(settings))}
    writer.note(MARK, mark)
    channels: dict[str, int] = {}
    for calibration in calibrations(start_ns=START_NS, microphones=NAMES["audio"]):
        _calibrate(writer, calibration)
    _tell_plot(writer, world)
    known = truths(world, np.arange(int(world.length_s * RATES_HZ["image"])) / RATES_HZ["image"])
    for t_ns, kind, number, content in moments(world):
        if kind not in channels:
            channels[kind] = writer.channel(channel_of(kind, content))
        data = foxglove.encode(content, NAMES[kind]).SerializeToString(deterministic=True)
        writer.write(channels[kind], log_ns=START_NS + t_ns, publish_ns=START_NS + t_ns, seq=number + 1, data=data)
        if kind == "image":
            channels.setdefault("truth", -1)
            _tell_truth(writer, channels, next(known), number)
    writer.close()
    return Recorded(world=world, samples=writer.messages, size_bytes=writer.written_bytes)


def moments(world: World) -> Iterator[Moment]:
    """Yield what all sensors give, in the order in which they have it: sound and events once their stretch is over."""
    stage = Stage(world, Lens())
    camera, eyes = Camera(world, stage=stage), EventCamera(world, stage=stage)
    ears, radar, rig = Ears(world), Radar(world), RigMotion(world, start_ns=START_NS)
    poses, inertial = _by_the_second(rig.poses, RATES_HZ["pose"]), _by_the_second(rig.imu, RATES_HZ["imu"])
    counts = {kind: int(world.length_s * rate_hz) for kind, rate_hz in RATES_HZ.items()}
    pictures = camera.pictures(np.arange(counts["image"]) / RATES_HZ["image"])
    packets = eyes.packets(np.arange(counts["events"] + 1) / RATES_HZ["events"], EVENT_SUB_FRAMES)
    block = RATE_HZ // RATES_HZ["audio"]
    for t_ns, kind, number in _schedule(counts):
        at_s = number / RATES_HZ[kind]
        stamp_ns = START_NS + t_ns
        match kind:
            case "image":
                jpeg = encode_picture(next(pictures))
                yield t_ns, kind, number, Picture(t_ns=stamp_ns, encoding="jpeg", payload=jpeg)
            case "audio":
                pcm = ears.block(at_s, block).astype("<i2").tobytes()
                yield t_ns, kind, number, Pcm(t_ns=stamp_ns, rate_hz=RATE_HZ, channels=2, payload=pcm)
            case "radar":
                points = radar.sweep(at_s).astype("<f4").tobytes()
                yield t_ns, kind, number, RadarInput(session=ANY, stream=ANY, t_ns=stamp_ns, payload=points)
            case "events":
                yield t_ns, kind, number, _packet(eyes, next(packets), stamp_ns)
            case "pose":
                yield t_ns, kind, number, next(poses)
            case _:
                yield t_ns, kind, number, next(inertial)


def _by_the_second(ask: Callable[[int, int], Iterator[T]], rate_hz: int) -> Iterator[T]:
    """Yield one after the other what costs less when it is asked for together."""
    for first in count(0, rate_hz):
        yield from ask(first, rate_hz)


def _packet(eyes: EventCamera, words: bytes, stamp_ns: int) -> EventsInput:
    return EventsInput(
        session=ANY,
        stream=ANY,
        t_ns=stamp_ns,
        width_px=eyes.stage.lens.width_px,
        height_px=eyes.stage.lens.height_px,
        base_ns=START_NS,
        payload=words,
    )


def _schedule(counts: dict[str, int]) -> list[tuple[int, str, int]]:
    return sorted(
        (number * NS_PER_S // RATES_HZ[kind], kind, number) for kind, total in counts.items() for number in range(total)
    )


def channel_of(kind: str, content: Content) -> ChannelInfo:
    """Return the channel of one sensor."""
    message = type(foxglove.encode(content, NAMES[kind]))
    return ChannelInfo(
        topic=f"/{NAMES[kind]}/{kind}",
        schema=message.DESCRIPTOR.full_name,
        schema_encoding="protobuf",
        schema_data=foxglove.schema_data(message),
        encoding="protobuf",
        metadata={STREAM: NAMES[kind], KIND: kind},
    )


def _calibrate(writer: RecordingWriter, calibration: CalibrationInput) -> None:
    info = dataclasses.replace(
        buslog.channel_of(calibration),
        topic=f"/{calibration.stream}/calibration",
        metadata={STREAM: calibration.stream, KIND: "calibration"},
        is_sticky=True,
    )
    data = buslog.to_entry(calibration)
    writer.write(writer.channel(info), log_ns=START_NS, publish_ns=START_NS, seq=1, data=data)


def _tell_truth(writer: RecordingWriter, channels: dict[str, int], truth: Truth, number: int) -> None:
    if channels["truth"] < 0:
        channels["truth"] = writer.channel(_truth_channel(TRUTH_TOPIC, "heedful.yard.Truth"))
    at_ns = START_NS + truth.t_ns
    writer.write(channels["truth"], log_ns=at_ns, publish_ns=at_ns, seq=number + 1, data=to_json(truth))


def _tell_plot(writer: RecordingWriter, world: World) -> None:
    events = [dataclasses.asdict(one) for one in world.plot]
    plot = {"length_s": world.length_s, "lights": world.lights, "events": events}
    channel = writer.channel(_truth_channel(PLOT_TOPIC, "heedful.yard.Plot"))
    writer.write(channel, log_ns=START_NS, publish_ns=START_NS, seq=1, data=json.dumps(plot).encode())


def _truth_channel(topic: str, name: str) -> ChannelInfo:
    return ChannelInfo(
        topic=topic,
        schema=name,
        schema_encoding="jsonschema",
        schema_data=json.dumps({"type": "object", "title": name}).encode(),
        encoding="json",
        metadata={VIEW_ONLY: "1", VERSION: TRUTH_VERSION},
    )
