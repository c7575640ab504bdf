"""`heedful eval spine`: movement, speech, words and questions against truth that was written before the rules.

Truth stands in tests/truth; the recordings in the folder of sample data. Each line is one measure; the last line is the
result: `{"type":"result","suite":"spine","n":...,"accuracy":...}`.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.apps.mix import build_mix, write_wav
from runtime.apps.replay import Question, replay
from runtime.apps.scores import F1, Interval, faults, frame_f1, interval_f1, word_errors
from runtime.config import Config
from runtime.errors import InputError
from runtime.messages import Answer, Message, Motion, Utterance
from runtime.yaml_model import loaded

MERGE_S = 1.0  # pieces of movement closer than this are one
NS_PER_S = 1e9
VIDEOS = ("car_detection", "one_by_one")


async def run_spine(config: Config, data: Path, truth: Path, out: Path | None, *, as_json: bool) -> int:
    """Measure everything and print it; exit code 0 whatever the numbers are."""
    with tempfile.TemporaryDirectory(prefix="heedful-eval-") as scratch:
        suite = Suite(config, data, truth, Path(scratch))
        lines: list[dict[str, Any]] = []
        for name in suite.truths:
            await suite.play(name)
        lines += [suite.motion_score(name) for name in VIDEOS]
        lines += [suite.speech_score(name) for name in ("speech_mix", "vad_clip")]
        lines += [suite.mix_words(), await suite.words_alone()]
        verdicts = suite.verdicts()
        lines += [summary(verdicts, None), *(summary(verdicts, file) for file in sorted(suite.files))]
    if out is not None:
        _leave(out, questions=verdicts, scores=lines)
    overall = next(one for one in lines if one["measure"] == "questions")
    result = {"type": "result", "suite": "spine", "n": overall["n"], "accuracy": overall["accuracy"]}
    for line in lines:
        print(json.dumps({"type": "score", **line}) if as_json else _as_text(line))
    for one in verdicts:
        if not as_json and one["faults"]:
            print(f"wrong  {one['id']}: {one['question']}\n       {one['answer']}\n       {', '.join(one['faults'])}")
    print(json.dumps(result))
    return 0


class Suite:
    """The recordings, what was heard and seen in them, and what was answered."""

    def __init__(self, config: Config, data: Path, truth: Path, scratch: Path) -> None:
        """Read all truth. Raises InputError where a file is missing."""
        self._config = config
        self._data = data
        self._scratch = scratch
        self.truths = {name: _load(truth / f"{name}.yaml") for name in (*VIDEOS, "speech_mix", "vad_clip")}
        self.files = {path.name: _load(path)["questions"] for path in sorted(truth.glob("questions*.yaml"))}
        self._records: dict[str, list[Message]] = defaultdict(list)
        self._answers: dict[str, Answer] = {}

    async def play(self, name: str) -> None:
        """Replay one recording with all its questions."""
        entries = [one for entries in self.files.values() for one in entries if one["recording"] == name]
        questions = [Question(text=one["question"], at_s=one["asked_s"], query_id=one["id"]) for one in entries]
        result = await replay([self._path(name)], self._config, questions, listen=self._records[name].append)
        self._answers |= {answer.query_id: answer for answer in result.answers}

    def motion_score(self, name: str) -> dict[str, Any]:
        """F1 of movement at temporal IoU 0.5."""
        truth = self.truths[name]
        found = merged([_seconds(one) for one in self._records[name] if isinstance(one, Motion)], MERGE_S)
        return _line("motion", name, interval_f1(found, _intervals(truth["motion"]), _intervals(truth.get("neutral"))))

    def speech_score(self, name: str) -> dict[str, Any]:
        """F1 of speech per 30 ms frame with a collar of 100 ms."""
        truth = self.truths[name]
        parts = truth["speech"] if "speech" in truth else [one for part in truth["parts"] for one in part["speech"]]
        found = [_seconds(one) for one in self._records[name] if isinstance(one, Utterance)]
        neutral = _intervals(truth.get("neutral"))
        return _line("speech", name, frame_f1(found, _intervals(parts), neutral, float(truth["duration_s"])))

    def mix_words(self) -> dict[str, Any]:
        """Word error rate over the mix in noise."""
        said = " ".join(one.text for one in self._records["speech_mix"] if isinstance(one, Utterance))
        true = " ".join(part["text"] for part in self.truths["speech_mix"]["parts"])
        errors, words = word_errors(said, true)
        return {"measure": "word errors", "on": "speech_mix", "n": words, "wer": round(errors / words, 4)}

    async def words_alone(self) -> dict[str, Any]:
        """Word error rate over each clean file of the mix by itself."""
        texts = {part["file"]: part["text"] for part in self.truths["speech_mix"]["parts"]}
        total_errors = total_words = 0
        for file, text in texts.items():
            heard: list[Message] = []
            await replay([self._data / file], self._config, [], listen=heard.append)
            said = " ".join(one.text for one in heard if isinstance(one, Utterance))
            errors, words = word_errors(said, text)
            total_errors, total_words = total_errors + errors, total_words + words
        return {"measure": "word errors", "on": "files", "n": total_words, "wer": round(total_errors / total_words, 4)}

    def verdicts(self) -> list[dict[str, Any]]:
        """Return one row per question: its answer and what is wrong with it."""
        return [
            {
                "file": file,
                "id": entry["id"],
                "question": entry["question"],
                "answerable": entry["answerable"],
                "answer": self._answers[entry["id"]].answer,
                "abstained": self._answers[entry["id"]].abstained,
                "faults": faults(self._answers[entry["id"]], entry),
            }
            for file, entries in self.files.items()
            for entry in entries
        ]

    def _path(self, name: str) -> Path:
        if name == "speech_mix":
            path = self._scratch / "speech_mix.wav"
            if not path.exists():
                write_wav(path, build_mix(self.truths[name], self._data))
            return path
        return self._data / str(self.truths[name]["recording"])


def merged(intervals: Sequence[Interval], gap_s: float) -> list[Interval]:
    """Join intervals that are closer than `gap_s`."""
    joined: list[Interval] = []
    for start_s, end_s in sorted(intervals):
        if joined and start_s - joined[-1][1] <= gap_s:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


def summary(verdicts: Sequence[Mapping[str, Any]], file: str | None) -> dict[str, Any]:
    """Count right answers, abstentions where they are due, and abstentions where they are not."""
    rows = [one for one in verdicts if file in (None, one["file"])]
    answerable = [one for one in rows if one["answerable"]]
    unanswerable = [one for one in rows if not one["answerable"]]
    return {
        "measure": "questions" if file is None else f"questions in {file}",
        "on": "all recordings",
        "n": len(rows),
        "accuracy": _share(sum(not one["faults"] for one in rows), len(rows)),
        "unanswerable_abstained": _share(sum(one["abstained"] for one in unanswerable), len(unanswerable)),
        "answerable_abstained": _share(sum(one["abstained"] for one in answerable), len(answerable)),
    }


def _leave(out: Path, **tables: Sequence[Mapping[str, Any]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (out / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _line(measure: str, on: str, score: F1) -> dict[str, Any]:
    return {"measure": measure, "on": on, **asdict(score)}


def _as_text(line: Mapping[str, Any]) -> str:
    numbers = "  ".join(f"{name} {value}" for name, value in line.items() if name not in ("measure", "on"))
    return f"{line['measure']:<28} {line['on']:<16} {numbers}"


def _load(path: Path) -> Any:
    try:
        return loaded(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(path, f"no readable truth: {error}") from error


def _intervals(pairs: Sequence[Any] | None) -> list[Interval]:
    return [(float(one[0]), float(one[1])) for one in pairs or ()]


def _seconds(one: Motion | Utterance) -> Interval:
    return one.start_ns / NS_PER_S, one.end_ns / NS_PER_S
