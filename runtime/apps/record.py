"""`heedful record`: a live session that also writes down what came in, and on wish what was said on the bus."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.config import CameraStream, Config, MicrophoneStream, MqttStream
from runtime.errors import ConfigError
from runtime.messages import Sensor
from runtime.recording.contents import SENSORS
from runtime.recording.mcap_writer import RecordingWriter, parts_of
from runtime.recording.recorder import Recorder


@contextmanager
def recording(
    config: Config,
    path: Path,
    show: Callable[[str], None],
    *,
    keeps_bus: bool = False,
    part_bytes: int | None = None,
    part_s: float | None = None,
) -> Iterator[Recorder]:
    """Yield the recorder of one session, and finish its file after that; `show` is told what is in it.

    A session that could not begin, or in which nothing came, leaves no file. Raises ConfigError or MissingPart where
    the file cannot be made.
    """
    if later := parts_of(path):
        raise ConfigError(str(later[0]), "is part of an earlier recording of this name; name a new file")
    writer = RecordingWriter(path, about(config), part_bytes=part_bytes, part_s=part_s)
    streams = {name: one.kind if isinstance(one, MqttStream) else None for name, one in config.streams.items()}
    about_run = {"session": config.session, "source": "live", "config": config.model_dump_json()}
    recorder = Recorder(writer, config.session, streams, about_run=about_run if keeps_bus else None)
    try:
        yield recorder
    finally:
        recorder.close()
        if not recorder.is_empty:
            show(recorder.summary())
        else:
            path.unlink(missing_ok=True)
            if recorder.has_begun:
                show(f"nothing came that could be recorded: there is no {path}")


def about(config: Config) -> dict[str, str]:
    """Return what each part of a recording says of its session."""
    streams = {name: {"sensor": _sensor(one), "source": one.source} for name, one in config.streams.items()}
    return {
        "session": config.session,
        "started_ns": str(time.time_ns()),
        "version": importlib.metadata.version("heedful"),
        "streams": json.dumps(streams),
    }


def _sensor(stream: CameraStream | MicrophoneStream | MqttStream) -> Sensor:
    match stream:
        case CameraStream():
            return "video"
        case MicrophoneStream():
            return "audio"
        case MqttStream():
            return SENSORS[stream.kind]
