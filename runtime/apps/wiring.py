"""A configuration turned into running parts: broker, buses, sources, pipelines, services."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from memory.probe import find_device
from memory.retention import DAY_NS, Policy
from memory.service import MemoryService
from perception.asr import Asr, PocketsphinxAsr, WhisperAsr
from perception.audio import AudioStream
from perception.calibrations import Calibrations
from perception.camera import Camera
from perception.events.stream import EventStream
from perception.follow import Pipeline
from perception.microphone import Microphone
from perception.service import PerceptionService
from perception.sources import ImageSource, InputSource, PcmSource, Reader, ReaderSource, Source
from perception.tap import PictureTap, SoundTap, Tap, TappedReader
from perception.tracking.feed import PoseFeed
from perception.tracking.poses import EgoMotion, Poses, PoseStream
from perception.tracking.stream import RadarStream
from perception.unperceived import UnperceivedStream
from perception.vad import Vad
from perception.video import VideoStream
from reasoning.rules import RuleBook
from reasoning.service import ReasoningService
from runtime.apps.backends import make_backend
from runtime.apps.playlist import Playlist
from runtime.broker import PrivateBroker, find_mosquitto, how_to_install
from runtime.bus import Bus, Delivery, dead_letter
from runtime.config import (
    CameraStream,
    Config,
    MicrophoneStream,
    MqttStream,
    PerceptionConfig,
    RetentionConfig,
    data_folder,
)
from runtime.errors import ConfigError
from runtime.gate import ReplayGate
from runtime.left_behind import sweep
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import StandingRule
from runtime.mqtt_bus import Address, MqttBus
from runtime.service import Service
from runtime.wire import Packet

if TYPE_CHECKING:
    from runtime.recording.recorder import Recorder

logger = logging.getLogger(__name__)

BATCHES = {"video": 8, "audio": 16}  # frames, and blocks of 32 ms, read at a time from a recording
DATA_BATCH = 32  # of what other sensors gave
BROKER_FOLDER = "heedful-broker-"


@dataclass(kw_only=True)
class Wires:
    """The buses of one session and what must run for them; `services` end in this order, after all others."""

    make: Callable[[str], MqttBus | LocalBus]
    broker: PrivateBroker | None = None
    is_local: bool = False
    buses: list[MqttBus | LocalBus] = field(default_factory=list)

    def bus(self, role: str) -> MqttBus | LocalBus:
        """Return a new connection for a role."""
        bus = self.make(role)
        self.buses.append(bus)
        return bus

    async def ready(self, deadline_s: float) -> None:
        """Wait for a broker of our own. Raises MissingPart after `deadline_s`."""
        if self.broker is not None:
            await self.broker.ready(deadline_s)

    @property
    def services(self) -> list[Service]:
        """Return the connections and the broker, in the order in which they end."""
        return [*self.buses, *([self.broker] if self.broker is not None else [])]


def wire_up(config: Config, session: str, *, is_replay: bool) -> Wires:
    """Choose the bus: the named broker, a private mosquitto, or one inside this process."""
    if config.broker not in ("auto", "local"):
        address = broker_address(config.broker)
        return Wires(make=lambda role: MqttBus(address, role, session, is_lossless=is_replay))
    program = find_mosquitto() if config.broker == "auto" else None
    if program is None:
        if config.broker == "auto":
            logger.warning("no mosquitto here, so other programs cannot join in; to install it: %s", how_to_install())
        hub = LocalHub()
        return Wires(make=lambda role: LocalBus(hub, role, is_lossless=is_replay), is_local=True)
    sweep(BROKER_FOLDER)
    broker = PrivateBroker(Path(tempfile.mkdtemp(prefix=BROKER_FOLDER)), program)
    return Wires(make=lambda role: MqttBus(broker.address(role), role, session, is_lossless=is_replay), broker=broker)


def broker_address(url: str) -> Address:
    """Return the address in mqtt[s]://host[:port], with user, password and CA from the environment."""
    scheme, _, rest = url.rstrip("/").partition("://")
    host, _, port = rest.partition(":")
    is_tls = scheme == "mqtts"
    return Address(
        host=host,
        port=int(port) if port else (8883 if is_tls else 1883),
        username=os.environ.get("HEEDFUL_MQTT_USERNAME"),
        password=os.environ.get("HEEDFUL_MQTT_PASSWORD"),
        ca_file=os.environ.get("HEEDFUL_MQTT_CA"),
        is_tls=is_tls,
    )


def recorded_streams(
    playlist: Playlist, config: Config, session: str, calibrations: Calibrations | None = None
) -> list[tuple[Source, Pipeline]]:
    """Return every stream of a playlist, not yet open; `calibrations` say where radars sit on their rig."""
    streams: list[tuple[Source, Pipeline]] = []
    poses = next((one.open for one in playlist.streams if one.sensor == "pose" and not one.is_missing), None)
    for one in playlist.streams:
        count = BATCHES.get(one.sensor, DATA_BATCH)
        source = ReaderSource(one.name, one.sensor, one.open, count, is_live=False)
        if one.is_missing:
            streams.append((source, UnperceivedStream(is_missing=True)))
        elif one.sensor == "radar":
            feed = PoseFeed(poses) if poses is not None else None
            ego_at = _ego_at(one.name, feed, calibrations or Calibrations())
            close = feed.close if feed is not None else None
            streams.append((source, RadarStream(session, one.name, 0, ego_at, close)))
        else:
            streams.append((source, _pipeline(one.sensor, session, one.name, 0, config.perception)))
    return streams


def _ego_at(
    stream: str, poses: Poses | PoseFeed | None, calibrations: Calibrations
) -> Callable[[int], EgoMotion | None]:
    """Return what says how the sensor of a stream moves at a time."""
    if poses is None:
        return lambda _: None
    return lambda t_ns: poses.at(t_ns, calibrations.at(stream, t_ns))


def configured_streams(
    config: Config,
    bus: Bus,
    epoch: int,
    recorder: Recorder | None = None,
    calibrations: Calibrations | None = None,
) -> list[tuple[Source, Pipeline]]:
    """Return the live streams of a configuration, not yet open; a recorder hears what devices of this machine give.

    `calibrations` say where radars sit on their rig; the first stream of poses says how the rig moves.
    """
    streams: list[tuple[Source, Pipeline]] = []
    settings = config.perception
    placed, poses = calibrations or Calibrations(), Poses()
    posed = next(
        (name for name, one in config.streams.items() if isinstance(one, MqttStream) and one.kind == "pose"), None
    )

    def refuse(delivery: Delivery, reason: str) -> None:
        payload = getattr(delivery.message, "payload", b"")
        bus.refuse(dead_letter(Packet(topic=delivery.topic, payload=payload), reason, "perception"))

    for name, wanted in config.streams.items():
        source: Source
        match wanted:
            case CameraStream():
                size = (wanted.width_px, wanted.height_px) if wanted.width_px and wanted.height_px else None

                width_px = settings.analysis_width_px
                camera = partial(Camera, wanted.device, size, wanted.rate_hz, width_px, sends_jpeg=wanted.sends_jpeg)
                source = ReaderSource(name, "video", _tapped(camera, name, "image", recorder), 1, is_live=True)
            case MicrophoneStream():
                microphone = partial(Microphone, wanted.device)
                source = ReaderSource(name, "audio", _tapped(microphone, name, "audio", recorder), 4, is_live=True)
            case _ if wanted.kind == "image":
                source = ImageSource(bus, config.session, name, settings.analysis_width_px, refuse)
            case _ if wanted.kind == "audio":
                source = PcmSource(bus, config.session, name, refuse)
            case _:
                source = InputSource(bus, config.session, name, wanted.kind, refuse)
        if source.sensor == "radar":
            ego_at = _ego_at(name, poses if posed is not None else None, placed)
            streams.append((source, RadarStream(config.session, name, epoch, ego_at)))
        elif name == posed:
            streams.append((source, PoseStream(poses)))
        else:
            streams.append((source, _pipeline(source.sensor, config.session, name, epoch, settings)))
    return streams


def _tapped(
    make: Callable[[], Reader], stream: str, kind: Literal["image", "audio"], recorder: Recorder | None
) -> Callable[[], Reader]:
    if recorder is None:
        return make
    put = partial(recorder.put, stream, kind)
    tap: Callable[[], Tap] = partial(SoundTap, put)
    if kind == "image":
        tap = partial(PictureTap, stream, put, partial(recorder.lose, stream, kind), recorder.is_writing)
    return partial(TappedReader, make, tap)


def make_memory(
    config: Config, bus: Bus, session: str, folder: Path, *, is_replay: bool, session_start_ns: int = 0
) -> MemoryService:
    """Open memory in a folder; a replayed session began at `session_start_ns`.

    Raises as MemoryService does, and MissingPart where the GPU that is wanted is not there.
    """
    return MemoryService(
        bus,
        session,
        folder,
        text_model=config.memory.text_model,
        is_replay=is_replay,
        session_start_ns=session_start_ns if is_replay else time.time_ns(),
        retention=_policy(config.memory.retention),
        clock_error_ns={stream: round(error_s * 1e9) for stream, error_s in config.memory.clock_error_s.items()},
        index_device=None if is_replay else find_device(config.memory.index_device),
    )


def _policy(kept: RetentionConfig) -> Policy:
    return Policy(
        plain_ns=round(kept.plain_days * DAY_NS),
        eventful_ns=round(kept.eventful_days * DAY_NS),
        pinned_ns=round(kept.pinned_days * DAY_NS),
        records_ns=None if kept.records_days is None else round(kept.records_days * DAY_NS),
    )


def make_reasoning(
    config: Config, bus: Bus, session: str, *, is_replay: bool, start_ns: int = 0, session_start_ns: int = 0
) -> ReasoningService:
    """Return the reasoner of the configured backend; its model loads here. Raises ModelError and MissingPart.

    A replay begins at `start_ns` of event time, and its session began at `session_start_ns`.
    """
    settings = config.reasoning
    rules = standing_rules(config, session)
    return ReasoningService(
        bus,
        session,
        make_backend(settings, is_replay=is_replay),
        recall_deadline_s=settings.recall_deadline_s,
        settle_s=settings.settle_s,
        is_replay=is_replay,
        rules=rules,
        start_ns=start_ns,
        session_start_ns=session_start_ns,
    )


def standing_rules(config: Config, session: str) -> list[StandingRule]:
    """Return the configured rules. Raises ConfigError where one cannot be followed."""
    book = RuleBook(has_model=config.reasoning.backend != "evidence")
    rules = []
    for name, wanted in config.reasoning.rules.items():
        rule = StandingRule(session=session, stream=name, request=wanted.request, cool_down_s=wanted.cool_down_s)
        if reason := book.set(rule, 0):
            raise ConfigError(f"reasoning.rules.{name}", reason)
        rules.append(rule)
    return rules


def make_perception(
    config: Config,
    bus: Bus,
    session: str,
    streams: Sequence[tuple[Source, Pipeline]],
    followers: tuple[MemoryService, ReasoningService],
    *,
    epoch: int = 0,
    gate: ReplayGate | None = None,
    calibrations: Calibrations | None = None,
) -> PerceptionService:
    """Return perception over opened streams; it begins when memory and reasoning listen."""
    return PerceptionService(
        bus,
        session,
        streams,
        stale_s=config.perception.stale_s,
        epoch=epoch,
        gate=gate,
        after=[one.ready for one in followers],
        calibrations=calibrations,
    )


def memory_folder(config: Config) -> Path:
    """Return where a live session remembers."""
    return config.memory.folder or data_folder() / "memory" / config.session


def make_asr(settings: PerceptionConfig) -> Asr | None:
    """Return the speech recogniser that the configuration names."""
    match settings.asr:
        case "pocketsphinx":
            return PocketsphinxAsr()
        case "whisper":
            assert settings.asr_model is not None
            return WhisperAsr(settings.asr_model)
        case "none":
            return None


def _pipeline(sensor: str, session: str, stream: str, epoch: int, settings: PerceptionConfig) -> Pipeline:
    match sensor:
        case "video":
            return VideoStream(session, stream, epoch, settings)
        case "audio":
            return AudioStream(session, stream, epoch, Vad(), make_asr(settings))
        case "events":
            return EventStream(session, stream, epoch, settings.stale_s)
        case _:
            return UnperceivedStream()
