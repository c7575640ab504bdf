"""`heedful demo`: the main job on a recording of its own, graded by what is known to happen in it."""

from __future__ import annotations

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

from runtime.apps import present
from runtime.apps.demo_questions import EXPECTED, faults
from runtime.apps.demo_recording import make_recording
from runtime.apps.replay import Question, replay
from runtime.config import Config
from runtime.service import Worker

if TYPE_CHECKING:
    from runtime.apps.replay import ReplayResult
    from runtime.messages import Answer

SOURCES = ("demo_recording.py", "demo_pictures.py", "demo_speech.wav")  # what the recording is made of
BY_ID = {f"q{number}": one for number, one in enumerate(EXPECTED, start=1)}
HOW_TO_GO_ON = """
Your own camera and microphone:            {heedful} run live
then, in another terminal:                 {heedful} ask "Did anything move in the last minute?"
A recording of yours:                      {heedful} replay VIDEO.mp4 --ask "What was said?"
What is missing here, and how to get it:   {heedful} doctor"""


async def run_demo(*, as_json: bool) -> int:
    """Make the recording, replay it, ask and grade; return 0 if every answer is right, else 1."""
    report = Report(as_json=as_json)
    with ExitStack() as scratch:
        path = await recording(scratch)
        report.begin(path)
        questions = [Question(text=one.question, at_s=one.at_s, query_id=name) for name, one in BY_ID.items()]
        result = await replay([path], Config(), questions, on_answer=report.add)
        report.end(result)
    return 0 if report.right == len(EXPECTED) else 1


async def recording(scratch: ExitStack) -> Path:
    """Return the recording in the user's cache, made now where it is not there; in `scratch` where nothing is kept."""
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
    painter = Worker("demo recording")  # beside the event loop, so that Ctrl-C is heard
    try:
        await painter.call(make_recording, fresh)
    finally:
        painter.close()
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

    def begin(self, path: Path) -> None:
        """Say what is about to happen."""
        if not self._as_json:
            print(f"The demo's own recording: {path}\nPlayed through perception, memory and reasoning.\n", flush=True)

    def add(self, answer: Answer) -> None:
        """Print one answer and what the recording's truth says of it."""
        self._first_answer_s = self._first_answer_s or time.monotonic() - self._started_s
        wrong = faults(BY_ID[answer.query_id], answer)
        self.right += not wrong
        if self._as_json:
            graded = {"type": "verdict", "query_id": answer.query_id, "right": not wrong, "faults": wrong}
            print(present.as_json(answer), json.dumps(graded), sep="\n", flush=True)
        else:
            verdict = f"WRONG: {'; '.join(wrong)}" if wrong else "right"
            print(f"{present.as_text(answer)}\n   asked at {present.clock(answer.asked_s)}: {verdict}\n", flush=True)

    def end(self, result: ReplayResult) -> None:
        """Print how many answers were right, what took how long, and how to go on with one's own camera."""
        if self._as_json:
            summary = {"type": "demo", "right": self.right, "questions": len(EXPECTED)}
            summary |= {"first_answer_s": round(self._first_answer_s, 2), "length_s": round(result.length_s, 3)}
            summary |= {"playing_s": round(result.playing_s, 3), "latency_ms": result.latency_ms}
            print(json.dumps(summary), flush=True)
            return
        print(f"{self.right} of {len(EXPECTED)} answers are right by what is known to happen in the recording.")
        played = f"{result.length_s:.0f} s played in {result.playing_s:.1f} s"
        print(f"{played}, first answer {self._first_answer_s:.1f} s after the demo began.")
        for stage, (p50_ms, p95_ms) in result.latency_ms.items():
            print(f"   {stage:<20} {p50_ms:8.2f} ms p50 {p95_ms:8.2f} ms p95")
        print(HOW_TO_GO_ON.format(heedful=_command()))


def _command() -> str:
    """Return how this program was called, for a shell in the same folder."""
    called = sys.argv[0]
    return called if Path(called).name == "heedful" and shutil.which("heedful") is None else "heedful"
