"""The configuration: one YAML file, one pydantic tree, parsed before anything starts."""

from __future__ import annotations

import hashlib
import os
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from runtime.errors import ConfigError
from runtime.messages import RESERVED_STREAMS
from runtime.yaml_model import read_model

CONTEXTUAL_TOKENS = 10  # into which what is over of one picture is averaged
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CameraStream(_Section):
    """A camera of this machine, read through FFmpeg."""

    source: Literal["camera"]
    device: str = "0"  # a number, /dev/video0, or lavfi:<graph> as a stand-in
    width_px: Annotated[int, Field(ge=16, le=8192)] | None = None
    height_px: Annotated[int, Field(ge=16, le=8192)] | None = None
    rate_hz: Annotated[float, Field(gt=0, le=240)] | None = None


class MicrophoneStream(_Section):
    """A microphone of this machine, read through PortAudio."""

    source: Literal["microphone"]
    device: str | int | None = None  # PortAudio's name or number; none takes the system's default


class MqttStream(_Section):
    """What arrives over MQTT on heedful/v1/<session>/<stream>/<kind>: pictures, sound, or what another sensor gives."""

    source: Literal["mqtt"]
    kind: Literal["image", "audio", "radar", "events", "pose", "imu"]


Stream = Annotated[CameraStream | MicrophoneStream | MqttStream, Field(discriminator="source")]


class PerceptionConfig(_Section):
    """What is looked at and listened to, and how finely."""

    analysis_width_px: Annotated[int, Field(ge=64, le=1920)] = 192
    lmm_fps: Annotated[float, Field(gt=0, le=30)] = 2.0
    lmm_long_side_px: Annotated[int, Field(ge=64, le=4096)] = 640
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 80
    asr: Literal["pocketsphinx", "whisper", "none"] = "pocketsphinx"
    asr_model: str | None = None  # folder or hub name of a transformers Whisper model
    stale_s: Annotated[float, Field(gt=0, le=3600)] = 3.0  # without a sample for so long a sensor is blind


class RetentionConfig(_Section):
    """How long a live memory keeps what; on a disk that fills pictures stay a quarter of it."""

    plain_days: Annotated[float, Field(gt=0, le=36_500)] = 3.0  # pictures in which nothing happened
    eventful_days: Annotated[float, Field(gt=0, le=36_500)] = 7.0  # something moved, sounded or was said
    pinned_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0  # an alert named them or somebody opened them
    records_days: Annotated[float, Field(gt=0, le=36_500)] | None = None  # words, times, search keys; none keeps them


class MemoryConfig(_Section):
    """Where memory lives, how it searches and how long it keeps what."""

    folder: Path | None = None  # none: the user's data folder for live sessions, a temporary one for replays
    text_model: str | None = None  # folder of a transformers text encoder; none takes MiniLM from its wheel
    retention: RetentionConfig = RetentionConfig()
    clock_error_s: dict[str, Annotated[float, Field(ge=0, le=3600)]] = {}  # of a stream: by how much it may be off


class GroundingConfig(_Section):
    """What keeps a local model's answers to what is there: at most one method each for weights and for outputs."""

    weights: Literal["none", "redistribution"] = "none"  # VAR: from attention sinks to the picture
    outputs: Literal["none", "reinforcement"] = "none"  # VHR: louder where a head listens to the picture
    moved: Annotated[float, Field(gt=0, le=1)] = 0.4  # by redistribution, of the weight on sinks
    gain: Annotated[float, Field(ge=1, le=4)] = 1.5  # of reinforced heads
    two_rows: bool = False  # choose them by a second reading of the question without pictures, else in one pass
    contrast: Annotated[float, Field(ge=0, le=4)] = 0.0  # against the words alone, where reliance is low; 0 is off
    supported_above: Annotated[float, Field(ge=0)] | None = None  # reliance; none measures what nothing amounts to

    @model_validator(mode="after")
    def _contrast_has_its_gate(self) -> GroundingConfig:
        if self.contrast and self.supported_above == 0:
            raise ValueError("contrast: it is drawn where reliance is below supported_above, and that is 0")
        return self

    @model_validator(mode="after")
    def _two_rows_have_their_heads(self) -> GroundingConfig:
        if self.two_rows and self.outputs != "reinforcement":
            raise ValueError("two_rows: it chooses the heads of outputs: reinforcement, and outputs is none")
        return self


class LmmConfig(_Section):
    """A local model of transformers that watches all along."""

    model: str | None = None  # folder or hub id; safetensors only
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    keep_rate: Annotated[float, Field(ge=0.1, le=1)] = 0.2  # of the visual tokens; 1 keeps all
    frame_tokens: Annotated[int, Field(ge=4, le=4096)] = 64  # of one picture that stay as they are
    window_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = 2048  # of the newest pictures
    recalled_frames: Annotated[int, Field(ge=0, le=64)] = 8  # that left the window and come back for a question
    recall_mib: Annotated[int, Field(ge=1, le=1_000_000)] = 1000  # of the CPU's memory, for frames that left
    question_tokens: Annotated[int, Field(ge=64, le=100_000)] = 1024  # question and quoted records
    answer_tokens: Annotated[int, Field(ge=1, le=4096)] = 128
    deadline_s: Annotated[float, Field(gt=0, le=600)] = 30.0  # live, from the asking
    grounding: GroundingConfig = GroundingConfig()

    @model_validator(mode="after")
    def _one_frame_fits(self) -> LmmConfig:
        least = self.frame_tokens + CONTEXTUAL_TOKENS
        if self.window_tokens < least:
            raise ValueError(
                f"window_tokens: {self.window_tokens} is less than one picture, {least} (frame_tokens + 10)"
            )
        return self


class ServerConfig(_Section):
    """Any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, Ollama. Its key: HEEDFUL_OPENAI_KEY."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None  # up to and with /v1
    model: str | None = None
    pictures: Annotated[int, Field(ge=0, le=64)] = 6  # newest ones that are sent along
    prompt_characters: Annotated[int, Field(ge=256, le=1_000_000)] = 6000  # question and quoted records
    answer_tokens: Annotated[int, Field(ge=1, le=4096)] = 256
    stall_s: Annotated[float, Field(gt=0, le=600)] = 15.0  # without a word from it
    deadline_s: Annotated[float, Field(gt=0, le=600)] = 60.0


class RuleConfig(_Section):
    """A standing request."""

    request: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]  # "somebody says help"
    cool_down_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0  # silence after an alert


class ReasoningConfig(_Section):
    """Who answers."""

    backend: Literal["evidence", "transformers", "openai"] = "evidence"
    rules: dict[str, RuleConfig] = {}  # name -> what to tell when it happens
    lmm: LmmConfig = LmmConfig()
    server: ServerConfig = ServerConfig()
    recall_deadline_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    settle_s: Annotated[float, Field(ge=0, le=60)] = 1.5  # live: how long a question waits for streams to catch up


class Config(_Section):
    """The whole tree."""

    session: str = "live"
    broker: str = "auto"  # auto, local, mqtt://host[:port] or mqtts://host[:port]
    streams: dict[str, Stream] = {}
    perception: PerceptionConfig = PerceptionConfig()
    memory: MemoryConfig = MemoryConfig()
    reasoning: ReasoningConfig = ReasoningConfig()

    @field_validator("session")
    @classmethod
    def _session(cls, name: str) -> str:
        return _checked_name(name)

    @field_validator("broker")
    @classmethod
    def _broker(cls, value: str) -> str:
        url = re.fullmatch(r"mqtts?://[^/:@\s]+(:(?P<port>\d{1,5}))?/?", value)
        is_broker = url is not None and 0 < int(url["port"] or 1883) < 65_536
        if value not in ("auto", "local") and not is_broker:
            raise ValueError(
                "write auto, local, mqtt://host:port or mqtts://host:port (credentials come from the "
                "environment: HEEDFUL_MQTT_USERNAME, HEEDFUL_MQTT_PASSWORD)"
            )
        return value

    @field_validator("reasoning")
    @classmethod
    def _rules(cls, settings: ReasoningConfig) -> ReasoningConfig:
        for name in settings.rules:
            _checked_name(name)
        return settings

    @field_validator("streams")
    @classmethod
    def _streams(cls, streams: dict[str, Stream]) -> dict[str, Stream]:
        for name in streams:
            _checked_name(name)
            if name in RESERVED_STREAMS:
                raise ValueError(f"{name!r} is a service's name; choose another")
        return streams

    @model_validator(mode="after")
    def _backend(self) -> Config:
        settings = self.reasoning
        if settings.backend == "transformers" and not settings.lmm.model:
            raise ValueError("reasoning.backend: transformers needs reasoning.lmm.model, a folder or hub id")
        if settings.backend == "openai" and not (settings.server.url and settings.server.model):
            raise ValueError("reasoning.backend: openai needs reasoning.server.url and reasoning.server.model")
        return self

    @model_validator(mode="after")
    def _whisper(self) -> Config:
        if self.perception.asr == "whisper" and not self.perception.asr_model:
            raise ValueError("asr: whisper needs perception.asr_model, a folder or hub name")
        return self


def load(source: str | None) -> Config:
    """Return the configuration in a file, or of a bare name in `configs`; None gives the defaults.

    Raises ConfigError naming the file and the field.
    """
    if source is None:
        return Config()
    return read_model(_find(source), Config, ConfigError, called=source)


def percept_digest(config: Config) -> bytes:
    """Return the part of a replay's identity that comes from settings: whatever changes percepts."""
    return hashlib.sha256(config.perception.model_dump_json(exclude={"stale_s"}).encode()).digest()


def data_folder() -> Path:
    """Return where this user's memories live."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "heedful"


def runtime_folder() -> Path:
    """Return where running sessions leave their address, readable by this user only."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "heedful" if base and Path(base).is_dir() else data_folder() / "running"


def _find(source: str) -> Path:
    path = Path(source)
    if path.exists():
        if path.is_dir():
            raise ConfigError(source, "is a folder, not a YAML file")
        return path
    if path.suffix == "" and path.name == source:
        shipped = resources.files("configs") / f"{source}.yaml"
        if shipped.is_file():
            return Path(str(shipped))
        known = sorted(one.name[:-5] for one in resources.files("configs").iterdir() if one.name.endswith(".yaml"))
        raise ConfigError(source, f"no such file, and no shipped configuration of this name ({', '.join(known)})")
    raise ConfigError(source, "no such file")


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r}: use lower-case letters, digits, - and _ (at most 64)")
    return name
