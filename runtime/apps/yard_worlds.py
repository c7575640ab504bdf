"""Worlds of the yard as files: recordings by split and number, and what is asked about each, from its truth channel.

A file is rendered once; whoever needs it again finds it. Longer splits are harder: more comes and goes in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from perception.yard.negatives import polls_of
from perception.yard.question import Question
from perception.yard.questions import questions_of
from perception.yard.record import START_NS, write_world, write_yard
from perception.yard.settings import Light, Split, WorldSettings, seed_of
from perception.yard.truth import Truth
from perception.yard.world import World
from runtime.recording.mcap_file import McapFile
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter

Purpose: TypeAlias = Literal["grammar", "poll", "pair"]
ENTITIES: Mapping[Split, tuple[int, int]] = {"train": (2, 5), "validation": (2, 6), "test": (3, 7)}
NS_PER_S = 1_000_000_000
QUESTIONS = ".questions.jsonl"  # beside a recording: what is asked about it, a line each


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its truth, and what it is for."""

    id: str  # of its world
    purpose: Purpose
    question: Question


def settings_of(split: Split, length_s: float, light: Light | None = None) -> WorldSettings:
    """Return what worlds of a split are made from. Raises ConfigError where something is out of range."""
    least, most = ENTITIES[split]
    return WorldSettings(split=split, length_s=length_s, least_entities=least, most_entities=most, light=light)


def path_of(folder: Path, settings: WorldSettings, number: int) -> Path:
    """Return where a split's `number`-th world lies: `yard-test-00003-24s.mcap`."""
    light = f"-{settings.light}" if settings.light else ""
    return folder / f"yard-{settings.split}-{number:05d}-{settings.length_s:g}s{light}.mcap"


def rendered(folder: Path, settings: WorldSettings, number: int) -> Path:
    """Return the recording of a world, rendered where it is not there yet. Raises ConfigError, MissingPart."""
    path = path_of(folder, settings, number)
    if not path.exists():
        part = _part(path)
        write_yard(part, settings, seed_of(settings.split, number))
        part.rename(path)
    return path


def rendered_world(path: Path, world: World) -> Path:
    """Return the recording of a world that no seed makes, rendered where it is not there yet."""
    if not path.exists():
        part = _part(path)
        write_world(part, world)
        part.rename(path)
    return path


def asked_of(truths: Sequence[Truth], settings: WorldSettings, seed: int) -> list[Asked]:
    """Return what is asked about a world: one question of each group, and a pair of polls for each kind of negative."""
    grammar = questions_of(truths, settings, seed)
    polls = [one for pair in polls_of(truths, settings, seed) for one in pair]
    named = {"grammar": grammar, "poll": polls}
    return [
        Asked(id=f"{purpose}-{number}", purpose="poll" if purpose == "poll" else "grammar", question=question)
        for purpose, questions in named.items()
        for number, question in enumerate(questions)
    ]


def cut(path: Path, to: Path, end_s: float) -> Path:
    """Return a copy of a recording that ends at `end_s`, with the same times."""
    file = McapFile(path)
    writer = RecordingWriter(to, {"session": "yard", "id": to.stem}, syncs=False, chunk_s=None)
    numbers = {
        number: writer.channel(
            ChannelInfo(
                topic=one.topic,
                schema=one.schema,
                schema_encoding=one.schema_encoding,
                schema_data=one.schema_data,
                encoding=one.encoding,
                metadata=one.metadata,
            )
        )
        for number, one in file.channels.items()
    }
    end_ns = START_NS + round(end_s * NS_PER_S)
    for entry in file.entries():
        if entry.log_ns > end_ns:
            break
        writer.write(
            numbers[entry.channel],
            log_ns=entry.log_ns,
            publish_ns=entry.publish_ns,
            seq=entry.seq,
            data=entry.data,
        )
    writer.close()
    file.close()
    return to


def _part(path: Path) -> Path:
    """Return where a file is written before it has its name: what was interrupted is begun anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    return part
