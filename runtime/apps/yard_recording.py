"""Reads back what a recording of the yard holds beside its sensors: its mark, its truth, its plot; and its pictures.

What cannot be trusted to be the truth of that world is refused in one line: a file that broke off, one without a truth
channel, or with a truth that another version wrote.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from perception.yard.record import MARK, NAMES, START_NS
from perception.yard.settings import WorldSettings, check_seed
from perception.yard.truth import PLOT_TOPIC, TRUTH_TOPIC, TRUTH_VERSION, VERSION, Truth, from_json
from runtime.errors import ConfigError, InputError
from runtime.recording.container import Channel
from runtime.recording.contents import Picture
from runtime.recording.foxglove import DECODERS
from runtime.recording.mcap_file import McapFile

IMAGE_TOPIC = f"/{NAMES['image']}/image"
NS_PER_S = 1_000_000_000
AGAIN = "`heedful data yard` makes another"
Pictures: TypeAlias = Sequence[tuple[float, bytes]]  # when, and JPEG; by time


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Which world a recording shows."""

    seed: int
    settings: WorldSettings


def mark_in(path: Path) -> Mark:
    """Return which world it is. Raises InputError where the recording does not say, or says what cannot be."""
    with closing(McapFile(path)) as file:
        told = file.metadata.get(MARK)
    if told is None:
        raise InputError(path, f"has no mark {MARK}: it is no recording of the yard")
    try:
        mark = Mark(seed=int(told["seed"]), settings=WorldSettings(**json.loads(told["settings"])))
        check_seed(mark.settings.split, mark.seed)
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise InputError(path, f"its mark {MARK} is no world ({error})") from error
    return mark


def truths_in(path: Path) -> list[Truth]:
    """Return what the truth channel of a recording says. Raises InputError where it cannot be believed."""
    found: list[Truth] = []
    for channel, data in _entries(path, TRUTH_TOPIC):
        version = channel.metadata.get(VERSION, "none")
        if version != TRUTH_VERSION:
            raise InputError(path, f"its truth is of version {version}, and this reads {TRUTH_VERSION}: {AGAIN}")
        try:
            found.append(from_json(data))
        except ValueError as error:
            raise InputError(path, str(error)) from error
    return found


def plot_in(path: Path) -> list[dict[str, Any]]:
    """Return everything that happens, as the plot channel says it. Raises InputError where there is none."""
    try:
        events: list[dict[str, Any]] = [
            one for _, data in _entries(path, PLOT_TOPIC) for one in json.loads(data)["events"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(path, f"its {PLOT_TOPIC} is no plot ({error})") from error
    return events


def pictures_in(path: Path) -> Pictures:
    """Return all pictures of the camera, perhaps none. Raises InputError where the recording broke off."""
    found: list[tuple[float, bytes]] = []
    with closing(McapFile(path)) as file:
        wanted = {number: one for number, one in file.channels.items() if one.topic == IMAGE_TOPIC}
        for entry in file.entries(set(wanted)):
            [content] = DECODERS[wanted[entry.channel].schema].decode(entry.data)
            assert isinstance(content, Picture)
            found.append(((entry.log_ns - START_NS) / NS_PER_S, content.payload))
    return found


def picture_at(pictures: Pictures, at_s: float) -> bytes:
    """Return the last picture at or before a moment, the first where there is none before it."""
    return pictures[max(0, bisect_right(pictures, at_s, key=lambda one: one[0]) - 1)][1]


def _entries(path: Path, topic: str) -> Iterator[tuple[Channel, bytes]]:
    """Yield the entries of a channel that must be whole. Raises InputError where it is not."""
    with closing(McapFile(path)) as file:
        wanted = {number: one for number, one in file.channels.items() if one.topic == topic}
        if not wanted and not file.faults:
            raise InputError(path, f"holds no {topic}: it is no recording of the yard")
        for entry in file.entries(set(wanted)):
            yield wanted[entry.channel], entry.data
        if file.faults:  # some come to light only while it is read
            raise InputError(path, f"{file.faults[0]}: its truth is not whole; {AGAIN}")
