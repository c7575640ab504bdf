"""The configuration: one YAML file, one pydantic tree, parsed before anything starts.

The text below a field is what docs/configuration.md says of it (runtime/settings_page.py).
"""

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
    """A camera of this machine."""
    device: str = "0"
    """Its number, its path (`/dev/video2`), on macOS its name; `mjpeg:` and a pipe of JPEG
    pictures; or `lavfi:` and a graph of FFmpeg's as a stand-in."""
    width_px: Annotated[int, Field(ge=16, le=8192)] | None = None
    """Width that the camera is asked for, together with `height_px`; none leaves it to the camera."""
    height_px: Annotated[int, Field(ge=16, le=8192)] | None = None
    """Height that the camera is asked for, together with `width_px`."""
    rate_hz: Annotated[float, Field(gt=0, le=240)] | None = None
    """Pictures a second that the camera is asked for; none leaves it to the camera."""
    sends_jpeg: bool = False
    """Ask a V4L2 camera for JPEG: recorded as it comes, and large pictures come faster."""

    @model_validator(mode="after")
    def _size_is_whole(self) -> CameraStream:
        if (self.width_px is None) != (self.height_px is None):
            raise ValueError("width_px and height_px go together: write both, or none")
        return self


class MicrophoneStream(_Section):
    """A microphone of this machine, read through PortAudio."""

    source: Literal["microphone"]
    """A microphone of this machine."""
    device: str | int | None = None
    """Its name or number as PortAudio has it; none takes the system's default."""


class MqttStream(_Section):
    """What arrives over MQTT on `heedful/v1/SESSION/NAME/KIND`: pictures, sound, or what another sensor gives."""

    source: Literal["mqtt"]
    """What a robot or another machine sends."""
    kind: Literal["image", "audio", "radar", "events", "pose", "imu"]
    """What it sends; what a message holds of each kind stands in [mqtt.md](mqtt.md)."""


Stream = Annotated[CameraStream | MicrophoneStream | MqttStream, Field(discriminator="source")]


class PerceptionConfig(_Section):
    """What is looked at and listened to, and how finely."""

    analysis_width_px: Annotated[int, Field(ge=64, le=1920)] = 192
    """Width of the picture in which motion and new things are looked for: wider sees smaller things and costs more."""
    lmm_fps: Annotated[float, Field(gt=0, le=30)] = 2.0
    """At most so many pictures a second are kept, for memory and for a language model."""
    lmm_long_side_px: Annotated[int, Field(ge=64, le=4096)] = 640
    """Longer side of a kept picture; larger ones are made smaller."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 80
    """Quality of kept pictures as JPEG."""
    asr: Literal["pocketsphinx", "whisper", "none"] = "pocketsphinx"
    """Who writes down what is said: the small recogniser that is built in, a Whisper model, or nobody."""
    asr_model: str | None = None
    """Folder or hub name of a Whisper model for transformers; `asr: whisper` needs one."""
    stale_s: Annotated[float, Field(gt=0, le=3600)] = 3.0
    """A sensor that sent nothing for so long counts as blind, and answers say so."""


class RetentionConfig(_Section):
    """How long a live memory keeps what; on a disk that fills pictures stay a quarter of it."""

    plain_days: Annotated[float, Field(gt=0, le=36_500)] = 3.0
    """How long pictures stay in which nothing happened."""
    eventful_days: Annotated[float, Field(gt=0, le=36_500)] = 7.0
    """How long pictures stay near which something moved, sounded or was said."""
    pinned_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    """How long pictures stay that an alert named or that somebody opened."""
    records_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    """How long records stay (words, times, search keys); none keeps them for good."""


class MemoryConfig(_Section):
    """Where memory lives, how it searches and how long it keeps what."""

    folder: Path | None = None
    """Folder of the memory; none is your data folder for live sessions, and a temporary one for replays."""
    text_model: str | None = None
    """Folder of a text encoder for transformers, which finds by meaning; none takes MiniLM, which comes along."""
    index_device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where a live session builds its index: on a GPU if FAISS is built for it, or on the processor."""
    retention: RetentionConfig = RetentionConfig()
    """How long what is kept."""
    clock_error_s: dict[str, Annotated[float, Field(ge=0, le=3600)]] = {}
    """By how much the clock of a stream may be off, by its name: windows of time reach so much further for it."""


class GroundingConfig(_Section):
    """What keeps a local model's answers to what is there: at most one method each for weights and for outputs."""

    weights: Literal["none", "redistribution"] = "none"
    """`redistribution` (VAR) moves attention from sinks, which say nothing, to the picture."""
    outputs: Literal["none", "reinforcement"] = "none"
    """`reinforcement` (VHR) makes heads louder that listen to the picture."""
    moved: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Share of the weight on sinks that `redistribution` moves."""
    gain: Annotated[float, Field(ge=1, le=4)] = 1.5
    """How much louder `reinforcement` makes a head."""
    two_rows: bool = False
    """Choose the heads of `reinforcement` by a second reading of the question without pictures, which takes longer."""
    contrast: Annotated[float, Field(ge=0, le=4)] = 0.0
    """How strongly words are held against what would be said without pictures, where reliance is low; 0 is off."""
    supported_above: Annotated[float, Field(ge=0)] | None = None
    """Reliance above which a sentence counts as supported; none measures the level at the start."""

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

    model: str | None = None
    """Folder or hub id of the model, as safetensors; `backend: transformers` needs one."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    """`auto`, `cpu`, `mps`, `cuda`, or one of several cards: `cuda:1`."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Numbers it counts with; `auto` is bfloat16 on CUDA, else float32."""
    keep_rate: Annotated[float, Field(ge=0.1, le=1)] = 0.2
    """Share of the visual tokens that is kept, those that show something new; 1 keeps all."""
    frame_tokens: Annotated[int, Field(ge=4, le=4096)] = 64
    """Tokens of one picture that stay as they are; the rest is averaged into 10."""
    window_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = 2048
    """Tokens of the newest pictures that the model has before it; then the oldest pictures leave."""
    recalled_frames: Annotated[int, Field(ge=0, le=64)] = 8
    """Pictures that had left and come back for a question, at most."""
    recall_mib: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Main memory for pictures that left, in each session; when it is full the oldest are lost."""
    question_tokens: Annotated[int, Field(ge=64, le=100_000)] = 1024
    """Longest question together with the records that are quoted to the model."""
    answer_tokens: Annotated[int, Field(ge=1, le=4096)] = 128
    """Longest answer."""
    deadline_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long an answer may take from the asking, live; then the records answer, or the answer ends."""
    grounding: GroundingConfig = GroundingConfig()
    """What keeps answers to what is there."""

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

    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    """Its address up to and with `/v1`, without user and password; `backend: openai` needs one."""
    model: str | None = None
    """The model as the server calls it; `backend: openai` needs one."""
    pictures: Annotated[int, Field(ge=0, le=64)] = 6
    """The newest so many pictures go along; 0 sends words only."""
    prompt_characters: Annotated[int, Field(ge=256, le=1_000_000)] = 6000
    """Longest question together with the records that are quoted to the model."""
    answer_tokens: Annotated[int, Field(ge=1, le=4096)] = 256
    """Longest answer."""
    stall_s: Annotated[float, Field(gt=0, le=600)] = 15.0
    """A server that says nothing for so long is given up."""
    deadline_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long an answer may take from the asking, live."""


class RuleConfig(_Section):
    """A standing request."""

    request: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    """What to tell of, in plain words: `somebody says help`."""
    cool_down_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """How long the request is silent after an alert."""


class ReasoningConfig(_Section):
    """Who answers."""

    backend: Literal["evidence", "transformers", "openai"] = "evidence"
    """Who answers: records alone, a language model in this process (`lmm`), or a server (`server`)."""
    rules: dict[str, RuleConfig] = {}
    """Standing requests by names of your own: what to tell when it happens."""
    lmm: LmmConfig = LmmConfig()
    """The model of `backend: transformers`."""
    server: ServerConfig = ServerConfig()
    """The server of `backend: openai`."""
    recall_deadline_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long memory may take to find what belongs to a question; then it is answered without, and says so."""
    settle_s: Annotated[float, Field(ge=0, le=60)] = 1.5
    """How long a question waits for streams to reach the time it was asked, live."""


class Config(_Section):
    """What one session does."""

    session: str = "live"
    """Its name, which stands in every topic and by which memory keeps sessions apart."""
    broker: str = "auto"
    """`auto` starts a mosquitto, `local` stays in this process, `mqtt://host` or `mqtts://host:port` is yours."""
    streams: dict[str, Stream] = {}
    """What is watched, by names of your own; without any there is nothing to run."""
    perception: PerceptionConfig = PerceptionConfig()
    """What is looked at and listened to, and how finely."""
    memory: MemoryConfig = MemoryConfig()
    """Where memory lives, and how long it keeps what."""
    reasoning: ReasoningConfig = ReasoningConfig()
    """Who answers."""

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


def shipped() -> list[str]:
    """Return the names of the configurations that come along."""
    return sorted(one.name[:-5] for one in resources.files("configs").iterdir() if one.name.endswith(".yaml"))


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
        found = resources.files("configs") / f"{source}.yaml"
        if found.is_file():
            return Path(str(found))
        raise ConfigError(source, f"no such file, and no shipped configuration of this name ({', '.join(shipped())})")
    raise ConfigError(source, "no such file")


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r}: use lower-case letters, digits, - and _ (at most 64)")
    return name
