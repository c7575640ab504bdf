"""A folder of recordings that belong together: `manifest.yaml` says which stream is where and when it began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runtime.config import NAME
from runtime.errors import InputError, WireError
from runtime.messages import RESERVED_STREAMS, CalibrationInput
from runtime.wire import Packet, decode
from runtime.yaml_model import read_model

MANIFEST = "manifest.yaml"
LONGEST_OFFSET_S = 1e6


class StreamEntry(BaseModel):
    """One stream of a folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    file: Annotated[str, Field(min_length=1)]  # beside the manifest
    track: Literal["video", "audio"] | None = None  # of a media file that has both
    topic: str | None = None  # of a recording of many streams
    offset_s: Annotated[float, Field(ge=-LONGEST_OFFSET_S, le=LONGEST_OFFSET_S)] = 0.0  # later than the others began
    calibration: str | None = None  # a JSON file with the fields of a `calibration` message


class Manifest(BaseModel):
    """What the folder holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    streams: Annotated[dict[str, StreamEntry], Field(min_length=1)]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder; every file that it names is there. Raises InputError."""
    path = folder / MANIFEST
    manifest = read_model(path, Manifest, InputError)
    for name, entry in manifest.streams.items():
        _check(path, name, entry)
    return manifest


def read_calibration(path: Path, session: str, stream: str) -> CalibrationInput:
    """Return the calibration in a JSON file. Raises InputError."""
    try:
        payload = path.read_bytes()
        if not isinstance(json.loads(payload), dict):
            raise InputError(path, "is no JSON object")
        message = decode(Packet(topic=f"heedful/v1/{session}/{stream}/calibration", payload=payload))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})") from error
    except WireError as error:
        raise InputError(path, error.reason) from error
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is not JSON ({error})") from error
    assert isinstance(message, CalibrationInput)
    return message


def _check(path: Path, name: str, entry: StreamEntry) -> None:
    if not NAME.fullmatch(name) or name in RESERVED_STREAMS:
        raise InputError(path, f"streams.{name}: use lower-case letters, digits, - and _, and no service's name")
    for field in ("file", "calibration"):
        value = getattr(entry, field)
        if value is None:
            continue
        target = path.parent / value
        try:
            is_inside = target.resolve().is_relative_to(path.parent.resolve())
            is_there = target.is_file() or (field == "file" and target.exists())  # a bag may be a folder
            is_special = target.exists() and not is_there
        except (OSError, ValueError, RuntimeError) as error:  # too long, a zero in it, links that go in circles
            raise InputError(path, f"streams.{name}.{field}: {value!r} cannot be the name of a file") from error
        if not is_inside:
            raise InputError(path, f"streams.{name}.{field}: {value} lies outside the folder")
        if not is_there:
            what = f"{value} is not a file" if is_special else f"there is no {value}"
            raise InputError(path, f"streams.{name}.{field}: {what}")
