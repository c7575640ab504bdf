"""`heedful data esc10 SRC DST`: ESC-10 out of the published ESC-50 repository, as CLASS/FOLD-ID-TAKE.ogg.

The repository has audio/FOLD-ID-TAKE-TARGET.wav and meta/esc50.csv, whose column esc10 says which clips are of ESC-10.
Written is FLAC in Ogg, so that nothing is lost.
"""

from __future__ import annotations

import argparse
import csv
import json
from fractions import Fraction
from pathlib import Path

import av

from perception.sound.clips import CLASSES
from runtime.apps.bench_measure import progress
from runtime.errors import ConfigError, InputError

NAMES = {
    "crying_baby": "baby_cry",
    "chainsaw": "chainsaw",
    "clock_tick": "clock_tick",
    "dog": "dog_bark",
    "crackling_fire": "fire_crackling",
    "helicopter": "helicopter",
    "sneezing": "person_sneeze",
    "rain": "rain",
    "rooster": "rooster",
    "sea_waves": "sea_waves",
}
COLUMNS = {"filename", "fold", "category", "esc10"}


def data_esc10(arguments: argparse.Namespace) -> int:
    """Convert what the arguments of `heedful data esc10` say. Raises ConfigError, InputError."""
    wanted = wanted_clips(arguments.source)
    target: Path = arguments.folder
    for _, place in wanted:
        if (target / place).exists():
            raise ConfigError(str(target / place), "is there already; name a new folder")
    counts = dict.fromkeys(CLASSES, 0)
    for number, (path, place) in enumerate(wanted):
        progress(f"clip {number + 1} of {len(wanted)}")
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        convert(path, target / place)
        counts[Path(place).parent.name] += 1
    for name, count in counts.items():
        row = {"type": "class", "class": name, "clips": count}
        print(json.dumps(row) if arguments.json else f"{name:<16} {count} clips")
    return 0


def wanted_clips(source: Path) -> list[tuple[Path, str]]:
    """Return each clip of ESC-10 and its place in the new folder. Raises InputError where something is missing."""
    table = source / "meta" / "esc50.csv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(table, f"is not the table of ESC-50: {error}") from error
    if not columns >= COLUMNS:
        raise InputError(table, f"has no column {', '.join(sorted(COLUMNS - columns))}")
    wanted = []
    for row in rows:
        if row["esc10"].strip().lower() == "true":
            wanted.append((source / "audio" / row["filename"], place_of(table, row)))
    if not wanted:
        raise InputError(table, "names no clip of ESC-10")
    for path, _ in wanted:
        if not path.is_file():
            raise InputError(path, "is missing, though the table names it")
    return wanted


def place_of(table: Path, row: dict[str, str]) -> str:
    """Return CLASS/FOLD-ID-TAKE.ogg. Raises InputError for a row that does not fit together."""
    parts = Path(row["filename"]).stem.split("-")
    if len(parts) != 4 or parts[0] != row["fold"] or row["category"] not in NAMES:
        raise InputError(table, f"{row['filename']!r} of fold {row['fold']!r}, {row['category']!r}, is no ESC-10 clip")
    return f"{NAMES[row['category']]}/{'-'.join(parts[:3])}.ogg"


def convert(path: Path, target: Path) -> None:
    """Write the sound of a file as FLAC in Ogg, sample for sample. Raises InputError."""
    part = target.with_suffix(".part")
    try:
        with av.open(str(path)) as source, av.open(str(part), "w", format="ogg") as sink:
            given = source.streams.audio[0]
            made = sink.add_stream("flac", rate=given.rate)
            made.layout = given.layout
            heard = 0
            for frame in source.decode(given):
                frame.pts, frame.time_base = heard, Fraction(1, given.rate)  # counted: FLAC in Ogg wants its times
                heard += frame.samples
                sink.mux(made.encode(frame))
            sink.mux(made.encode(None))
    except (av.error.FFmpegError, IndexError, OSError) as error:
        part.unlink(missing_ok=True)
        raise InputError(path, f"cannot be converted: {error}") from error
    part.replace(target)
