"""`heedful demo`: the main job on a recording of its own, graded by what is known to happen in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.apps.demo_questions import EXPECTED, faults
from runtime.apps.demo_recording import make_recording
from runtime.apps.present import as_json, as_text
from runtime.apps.replay import Question, replay
from runtime.broker import find_mosquitto
from runtime.config import Config

if TYPE_CHECKING:
    from runtime.apps.replay import ReplayResult
    from runtime.messages import Answer

SOURCES = ("demo_recording.py", "demo_pictures.py", "demo_speech.wav")  # what the recording is made of


async def run_demo(*, as_json: bool) -> int:
    """Make the recording, replay it, ask and grade; return 0 if every answer is right, else 1."""
    report = Report(as_json=as_json)
    with ExitStack() as scratch:
        path = await asyncio.to_thread(recording, scratch)
        report.begin(path)
        questions = [Question(text=one.question, at_s=one.at_s) for one in EXPECTED]
        result = await replay([path], Config(), questions, on_answer=report.add)
        report.end(result)
    return 0 if report.right == len(EXPECTED) else 1


def recording(scratch: ExitStack) -> Path:
    """Return the recording from the user's cache, made now where it is not there; in `scratch` where nothing can be kept."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((resources.files("runtime.apps") / name).read_bytes())
    folder = cache_folder()
    path = folder / f"demo-{digest.hexdigest()[:12]}.mkv"
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="demo-", dir=folder))) / path.name
    except OSError:  # a home that cannot be written
        fresh = path = Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="heedful-demo-"))) / path.name
    make_recording(fresh)
    for old in folder.glob("demo-*.mkv"):
        old.unlink(missing_ok=True)
    return fresh.replace(path)


def cache_folder() -> Path:
    """Return where this user's programs keep what they can make again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "heedful"


class Report:
    """Prints answers with verdicts as they come, and the bill at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self.right = 0
        self._as_json = as_json
        self._started_s = time.monotonic()
        self._first_answer_s = 0.0
        # a replay asks what has a time first
        timed = sorted((one for one in EXPECTED if one.at_s is not None), key=lambda one: one.at_s or 0.0)
        self._expected = iter([*timed, *(one for one in EXPECTED if one.at_s is None)])

    def begin(self, path: Path) -> None:
        """Say what is about to happen."""
        if not self._as_json:
            print(f"The demo's own recording: {path}\nPlayed through perception, memory and reasoning.\n", flush=True)

    def add(self, answer: Answer) -> None:
        """Print one answer and what the recording's truth says of it."""
        self._first_answer_s = self._first_answer_s or time.monotonic() - self._started_s
        wrong = faults(next(self._expected), answer)
        self.right += not wrong
        if self._as_json:
            verdict = {"type": "verdict", "query_id": answer.query_id, "right": not wrong, "faults": wrong}
            print(as_json(answer), json.dumps(verdict), sep="\n", flush=True)
        else:
            print(as_text(answer), f"   {'wrong: ' + '; '.join(wrong) if wrong else 'right'}\n", sep="\n", flush=True)
