"""`heedful data`: worlds of the yard as recordings, each with its questions beside it; published data as ours."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from perception.radar.textdump import convert_folder
from perception.yard.settings import SEEDS, Light, Split, WorldSettings, seed_of
from runtime.apps.bench_measure import progress
from runtime.apps.yard_recording import truths_in
from runtime.apps.yard_worlds import QUESTIONS, asked_of, path_of, rendered, settings_of
from runtime.errors import ConfigError
from runtime.new_file import make_folder

MOST = 1_000_000  # worlds of one call


def data_yard(arguments: argparse.Namespace) -> int:
    """Write what the arguments of `heedful data yard` say. Raises ConfigError."""
    light: Light | None = next((one for one in get_args(Light) if one == arguments.light), None)
    split: Split = next(one for one in get_args(Split) if one == arguments.split)
    length_s = seconds("--length", arguments.length)
    first = whole("--first", arguments.first, 0, SEEDS - 1)
    count = whole("--count", arguments.count, 1, min(MOST, SEEDS - first))
    settings = settings_of(split, length_s, light)
    return write_worlds(arguments.folder, settings, first, count, as_json=arguments.json)


def data_radhar(arguments: argparse.Namespace) -> int:
    """Convert RadHAR's text dumps. Raises ConfigError or InputError."""
    count = convert_folder(arguments.source, arguments.folder, progress)
    print(f"{count} recordings in {arguments.folder}")
    return 0


def write_worlds(folder: Path, settings: WorldSettings, first: int, count: int, *, as_json: bool) -> int:
    """Write worlds with their questions. Raises ConfigError before the first where a file is there already."""
    for number in range(first, first + count):
        path = path_of(folder, settings, number)
        for known in (path, path.with_suffix(QUESTIONS)):
            if known.exists():
                raise ConfigError(str(known), "is there already; name a new folder or another --first")
    make_folder("DIR", folder)
    for number in range(first, first + count):
        progress(f"world {number - first + 1} of {count}")
        path = rendered(folder, settings, number)
        asked = asked_of(truths_in(path), settings, seed_of(settings.split, number))
        lines = [
            json.dumps({"id": one.id, "purpose": one.purpose, **dataclasses.asdict(one.question)}) for one in asked
        ]
        path.with_suffix(QUESTIONS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        size_bytes = path.stat().st_size
        row = {"type": "world", "path": str(path), "questions": len(asked), "size_bytes": size_bytes}
        print(json.dumps(row) if as_json else f"{path}  {len(asked)} questions  {size_bytes / 1e6:.1f} MB", flush=True)
    return 0


def seconds(option: str, given: str) -> float:
    """Return a length in seconds. Raises ConfigError."""
    return _number(option, given, float, 2.0, 7200.0, "number")


def whole(option: str, given: str, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`. Raises ConfigError."""
    return int(_number(option, given, int, least, most, "whole number"))


def _number(option: str, given: str, of: Callable[[str], float], least: float, most: float, name: str) -> float:
    try:
        number = of(given)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise ConfigError(option, f"{given!r} is no {name} from {least:g} to {most:.10g}")
    return number
