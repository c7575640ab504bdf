"""Worlds that were recorded before, as `heedful data yard` writes them: checked, with what is asked about each.

The answers are found anew by rule from the truth channel, also where a file of questions gives its own; so that file
may be written by hand: a line each, with `text` and `asked_s`. What the grammar cannot read is told of, and not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perception.recording import probe_recording
from perception.yard.oracle import settle
from perception.yard.phrases import parse
from perception.yard.question import Question
from perception.yard.questions import question_of
from perception.yard.readable import why_unreadable
from perception.yard.scene import scene_of
from perception.yard.script import make_world
from perception.yard.truth import Truth
from perception.yard.view import truths
from runtime.apps.yard_faults import SHIFT_S, shifted, shifts_in
from runtime.apps.yard_pairs import moments_of
from runtime.apps.yard_recording import NS_PER_S, Mark, mark_in, truths_in
from runtime.apps.yard_worlds import QUESTIONS, Asked, asked_of
from runtime.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One recorded world."""

    path: Path
    mark: Mark
    seen: Sequence[Truth]
    asked: Sequence[Asked]
    unread: Sequence[str] = ()  # why questions of its file are not asked, a line each
    is_remade: bool = True  # its seed makes this very world, so that it can be changed


def check_folder(folder: Path) -> list[Path]:
    """Return the recordings in a folder, each read once. Raises InputError before anything is measured."""
    if not folder.is_dir():
        raise InputError(folder, "is no folder")
    paths = sorted(folder.glob("*.mcap"))
    if not paths:
        raise InputError(folder, "holds no *.mcap: `heedful data yard` writes some")
    owners: dict[int, Path] = {}
    for path in paths:
        seed = given_at(path).mark.seed
        if seed in owners:
            raise InputError(path, f"has the seed {seed} of {owners[seed].name}: nothing is measured twice")
        owners[seed] = path
    return paths


def given_at(path: Path) -> Given:
    """Return a recorded world with its questions. Raises InputError where its truth cannot be what its sensors saw."""
    mark, seen = mark_in(path), truths_in(path)
    if not seen:
        raise InputError(path, "its truth is empty")
    recording = probe_recording(path)
    for topic, by_s in shifts_in(recording).items():
        raise InputError(path, f"{shifted(topic, by_s)}; the truth does not hold for it")
    if abs(seen[0].t_ns) > SHIFT_S * NS_PER_S:
        raise InputError(path, f"its truth begins at {seen[0].t_ns / NS_PER_S:.2f} s, and its sensors at 0")
    world = make_world(mark.settings, mark.seed)
    file = path.with_suffix(QUESTIONS)
    read = list(_read(file, seen)) if file.exists() else asked_of(seen, mark.settings, mark.seed)
    return Given(
        path=path,
        mark=mark,
        seen=seen,
        asked=[one for one in read if isinstance(one, Asked)],
        unread=[f"{path.name}: {one}" for one in read if isinstance(one, str)],
        is_remade=seen == list(truths(world, moments_of(world.length_s))),
    )


def _read(file: Path, seen: Sequence[Truth]) -> Iterator[Asked | str]:
    """Yield what a file asks, or why not."""
    end_s = seen[-1].t_ns / NS_PER_S + 1.0
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(file, f"cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        text, asked_s, row = _fields(file, number, line)
        if not 0 <= asked_s <= end_s:
            raise InputError(file, f"line {number} asks at {asked_s:g} s, and the recording ends at {end_s - 1:g}")
        purpose = "poll" if row.get("purpose") == "poll" else "grammar"
        question = _settled(
            text, asked_s, seen, str(row["stratum"]) if purpose == "poll" and "stratum" in row else None
        )
        if isinstance(question, str):
            yield question
        else:
            yield Asked(id=f"{purpose}-{number}", purpose="poll" if purpose == "poll" else "grammar", question=question)


def _fields(file: Path, number: int, line: str) -> tuple[str, float, dict[str, Any]]:
    try:
        row = json.loads(line)
        text, asked_s = row["text"], float(row["asked_s"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(file, f"line {number} is no question: it needs text and asked_s") from error
    if not isinstance(text, str):
        raise InputError(file, f"line {number} is no question: its text is none")
    return text, asked_s, row


def _settled(text: str, asked_s: float, seen: Sequence[Truth], stratum: str | None) -> Question | str:
    """Return a question with its answer by rule, or why there is none."""
    ask = parse(text)
    if ask is None:
        return why_unreadable(text)
    past = scene_of([truth for truth in seen if truth.t_ns <= round(asked_s * NS_PER_S)])
    verdict = settle(ask, past, asked_s)
    if verdict is None:
        return f"{text!r} has no one answer in this world"
    return replace(question_of(ask, verdict, asked_s, stratum=stratum), text=text)
