"""The questions of tests/truth over what perfect senses would have perceived: what is wrong here is wrong in the rules.

The same questions over real percepts are `heedful eval spine`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reasoning.evidence import answer
from reasoning.plan import plan
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.apps.scores import faults
from runtime.messages import Answer, Hit, Sensor, Timing
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import remember

TRUTH = Path(__file__).parent / "truth"
RECORDINGS = ("car_detection", "one_by_one", "speech_mix", "vad_clip")
LABELS: dict[str, dict[str, Any]] = {name: yaml.safe_load((TRUTH / f"{name}.yaml").read_text()) for name in RECORDINGS}
QUESTIONS: list[dict[str, Any]] = [
    entry
    for name in ("questions", "questions_later")
    for entry in yaml.safe_load((TRUTH / f"{name}.yaml").read_text())["questions"]
]
STREAMS: dict[str, dict[str, Sensor]] = {
    "car_detection": {"camera": "video", "microphone": "audio"},
    "one_by_one": {"camera": "video"},
    "speech_mix": {"microphone": "audio"},
    "vad_clip": {"microphone": "audio"},
}
BLIND = {"car_detection": {"microphone": "no signal"}}


def perceived(name: str) -> tuple[Hit, ...]:
    """Return the labels of a recording as records: movement in pieces of 2 s, speech with its true words."""
    label = LABELS[name]
    hits = []
    for start_s, end_s in label.get("motion", []):
        leaves = any(one["enters"] != "right" and abs(one["end_s"] - end_s) < 0.5 for one in label["objects"])
        x = 0.8 if leaves and name == "one_by_one" else 0.2
        at_s = start_s
        while at_s < end_s:
            hits.append(hit("motion", at_s, min(at_s + 2, end_s), box=(x - 0.1, 0.3, x + 0.1, 0.6)))
            at_s += 2
    for part in label.get("parts", []):
        hits += [hit("utterance", start_s, end_s, part["text"]) for start_s, end_s in part["speech"]]
    if "parts" not in label:
        hits += [hit("utterance", start_s, end_s, "some words") for start_s, end_s in label.get("speech", [])]
    if name in BLIND:
        hits.append(hit("gap", 2, label["duration_s"], "no signal", stream="microphone", level=0.0))
    for tone in label.get("tones", []):
        hits.append(hit("sound", tone["start_s"], tone["start_s"] + tone["duration_s"], "tone at 1000 Hz"))
    return tuple(sorted(hits, key=lambda one: one.start_ns))


def reply(entry: dict[str, Any]) -> Answer:
    """Ask one question of the truth."""
    name, text = entry["recording"], entry["question"]
    asked_s = entry["asked_s"] or LABELS[name]["duration_s"]
    asked_ns = round(asked_s * S_NS)
    question = understand(text, asked_ns)
    recalled = remember(plan(question, "q", "s", asked_ns), perceived(name))
    composed = answer(question, recalled, asked_ns, BLIND.get(name, {}), STREAMS[name], False)
    return Answer(
        session="s",
        query_id="q",
        question=text,
        asked_s=asked_s,
        answer=" ".join(sentence.text for sentence in composed.sentences),
        sentences=composed.sentences,
        abstained=composed.abstained,
        evidence=composed.evidence,
        searched=(),
        timing_ms=Timing(recall=0.0, first_token=0.0, total=0.0),
        model="evidence",
        blind=composed.blind,
        truncated=False,
        session_start_ns=0,
    )


@pytest.mark.parametrize("entry", QUESTIONS, ids=lambda entry: str(entry["id"]))
def test_questions_over_perfect_percepts(entry: dict[str, Any]) -> None:
    assert faults(reply(entry), entry) == []
