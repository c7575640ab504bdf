"""`heedful demo`: the main job on recordings of its own, graded by what is known to happen in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from fnmatch import fnmatch
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.apps import present
from runtime.apps.demo_pictures import save_evidence
from runtime.apps.demo_questions import Expected, expected_of, faults
from runtime.apps.demo_recording import RADIO, YARD, make_recordings
from runtime.apps.demo_truth import YardTruth, read_truth
from runtime.apps.replay import Question, replay
from runtime.config import Config
from runtime.errors import InputError
from runtime.service import Worker

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from runtime.apps.replay import ReplayResult
    from runtime.messages import Answer

# What the recordings are made of: another version of any of it makes them anew.
SOURCES = (
    ("perception.yard", "*.py"),
    ("perception", "picture.py"),
    ("runtime.recording", "*.py"),
    ("runtime.apps", "demo_recording.py"),
    ("runtime.apps", "demo_world.py"),
    ("runtime.apps", "demo_speech.wav"),
)
HOW_TO_GO_ON = """
Your own camera and microphone:            {heedful} run live
then, in another terminal:                 {heedful} ask "Did anything move in the last minute?"
A recording of yours:                      {heedful} replay VIDEO.mp4 --ask "What was said?"
What is missing here, and how to get it:   {heedful} doctor"""


async def run_demo(*, as_json: bool) -> int:
    """Make the recordings, replay them, ask and grade; return 0 if every answer is right, else 1."""
    report = Report(as_json=as_json)
    with ExitStack() as scratch:
        report.tell("The demo renders 45 s of a yard, or takes what it rendered before.")
        folder, truth = await whole_recordings(scratch, report.tell)
        expected = {f"q{number}": one for number, one in enumerate(expected_of(truth), start=1)}
        report.begin(folder, truth, expected, answers_folder(folder))
        questions = [Question(text=one.question, at_s=one.at_s, query_id=name) for name, one in expected.items()]
        result = await replay([folder / YARD, folder / RADIO], Config(), questions, on_answer=report.add)
        report.end(result)
    return 0 if report.right == len(expected) else 1


async def whole_recordings(
    scratch: ExitStack, tell: Callable[[str], None], make: Callable[[Path], None] = make_recordings
) -> tuple[Path, YardTruth]:
    """Return the recordings with their truth; what was kept and is damaged is made once more, and told of."""
    folder = await recordings(scratch, make)
    try:
        return folder, read_truth(folder / YARD)
    except InputError as error:
        tell(f"{error}. It is rendered once more.")
        shutil.rmtree(folder)
        folder = await recordings(scratch, make)
        return folder, read_truth(folder / YARD)


async def recordings(scratch: ExitStack, make: Callable[[Path], None] = make_recordings) -> Path:
    """Return the folder of the recordings in the user's cache, made now where it is not there; else in `scratch`."""
    cache = cache_folder()
    folder = cache / f"demo-{digest()}"
    if all((folder / name).is_file() for name in (YARD, RADIO)):
        return folder
    shutil.rmtree(folder, ignore_errors=True)  # somebody took a part of it
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part = Path(
            scratch.enter_context(tempfile.TemporaryDirectory(prefix="part-", dir=cache, ignore_cleanup_errors=True))
        )
    except OSError:  # a home that cannot be written
        cache = Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="heedful-demo-")))
        folder = part = cache
    painter = Worker("demo recording")  # beside the event loop, so that Ctrl-C is heard
    try:
        await painter.call(make, part)
    finally:
        painter.close()
    if folder != part:
        _put(part, folder)
    return folder


def _put(part: Path, folder: Path) -> None:
    """Give what is done its name, and remove what other versions made."""
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another demo was faster: it has made the same
            raise
    part.mkdir(exist_ok=True)  # whoever made it removes it
    for old in folder.parent.glob("demo-*"):
        if old.is_file():  # of the versions whose demo was one file
            old.unlink(missing_ok=True)
        elif old != folder:
            shutil.rmtree(old, ignore_errors=True)


def digest() -> str:
    """Return what changes with the yard's code and settings, and with the radio's words."""
    found = hashlib.sha256()
    for package, pattern in SOURCES:
        for file in sorted(_files(package), key=lambda one: one.name):
            if fnmatch(file.name, pattern):
                found.update(f"{package}/{file.name}".encode() + file.read_bytes())
    return found.hexdigest()[:12]


def _files(package: str) -> list[Traversable]:
    return [one for one in resources.files(package).iterdir() if one.is_file()]


def answers_folder(recordings: Path) -> Path:
    """Return where this user finds the answers with their pictures: in the cache, or in a folder that stays."""
    if recordings.parent == cache_folder():
        folder = recordings / "answers"
        folder.mkdir(exist_ok=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="heedful-answers-"))


def cache_folder() -> Path:
    """Return where this user's programs keep what they can make again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "heedful"


class Report:
    """Prints answers with verdicts as they come, saves pictures of their evidence, and prints the bill at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self.right = 0
        self._as_json = as_json
        self._started_s = time.monotonic()
        self._first_answer_s = 0.0
        self._pictures = 0
        self._texts: list[str] = []
        self._expected: dict[str, Expected] = {}

    def begin(self, recordings: Path, truth: YardTruth, expected: dict[str, Expected], answers: Path) -> None:
        """Say what is about to happen."""
        self._truth, self._expected, self._answers = truth, expected, answers
        self.tell(f"A yard with camera, microphones, radar and event camera, and a radio: {recordings}")
        self.tell("Played through perception, memory and reasoning. Night falls on the way.\n")

    def tell(self, line: str) -> None:
        """Print a line for a person."""
        if not self._as_json:
            print(line, flush=True)

    def add(self, answer: Answer) -> None:
        """Print one answer and what the truth says of it."""
        self._first_answer_s = self._first_answer_s or time.monotonic() - self._started_s
        expected = self._expected[answer.query_id]
        wrong = faults(expected, answer, self._truth.dark_s)
        self.right += not wrong
        pictures = save_evidence(self._answers, answer, self._truth)
        self._pictures += len(pictures)
        if self._as_json:
            graded = {"type": "verdict", "query_id": answer.query_id, "right": not wrong, "faults": wrong}
            graded |= {"needs": expected.learnt, "truth": expected.truth, "pictures": [str(one) for one in pictures]}
            print(present.as_json(answer), json.dumps(graded), sep="\n", flush=True)
        lines = [present.as_text(answer), f"   asked at {present.clock(answer.asked_s)}: {verdict(expected, wrong)}"]
        lines += [f"   picture {one.name}" for one in pictures]
        self._texts.append("\n".join(lines) + "\n")
        self.tell(self._texts[-1])

    def end(self, result: ReplayResult) -> None:
        """Print how many answers were right, what took how long, and how to go on with one's own camera."""
        path = self._answers / "answers.txt"
        path.write_text("\n".join(self._texts), encoding="utf-8")
        total, learnt = len(self._expected), sum(bool(one.learnt) for one in self._expected.values())
        if self._as_json:
            summary = {"type": "demo", "right": self.right, "questions": total, "needs_learnt_model": learnt}
            summary |= {"answers": str(path), "first_answer_s": round(self._first_answer_s, 2)}
            summary |= {"length_s": round(result.length_s, 3), "playing_s": round(result.playing_s, 3)}
            print(json.dumps(summary | {"latency_ms": result.latency_ms}), flush=True)
            return
        print(f"{self.right} of {total} answers are right by what is known to happen in the recordings.")
        print(f"{learnt} of the questions need a learnt model: to abstain is right as long as there is none.")
        print(f"Answers and {self._pictures} pictures of their evidence: {self._answers}")
        played = f"{result.length_s:.0f} s played in {result.playing_s:.1f} s"
        print(f"{played}, first answer {self._first_answer_s:.1f} s after the demo began.")
        for stage, (p50_ms, p95_ms) in result.latency_ms.items():
            print(f"   {stage:<20} {p50_ms:8.2f} ms p50 {p95_ms:8.2f} ms p95")
        print(HOW_TO_GO_ON.format(heedful=_command()))


def verdict(expected: Expected, wrong: list[str]) -> str:
    """Return whether an answer is right, and what it would take to know more."""
    if wrong:
        return f"WRONG: {'; '.join(wrong)}"
    if expected.learnt:
        return f"right to abstain. Known to be: {expected.truth} It takes a learnt model ({expected.learnt})"
    return "right" if expected.kind else "right to abstain: nobody can know"


def _command() -> str:
    """Return how this program was called, for a shell in the same folder."""
    called = sys.argv[0]
    return called if Path(called).name == "heedful" and shutil.which("heedful") is None else "heedful"
