"""The JSON that `replay --json`, `ask --json` and `demo --json` promise, written by hand from the documentation."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

SECONDS = {"type": "number"}
MILLISECONDS = {"type": "number", "minimum": 0}
TEXT = {"type": "string"}
NAMES = {"type": "array", "items": TEXT}
FRACTION = {"type": "number", "minimum": 0, "maximum": 1}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


EVIDENCE = _object(
    clip_id=TEXT,
    record_id=TEXT,
    stream=TEXT,
    kind=TEXT,
    start_s=SECONDS,
    end_s=SECONDS,
    box={"oneOf": [{"type": "null"}, {"type": "array", "items": FRACTION, "minItems": 4, "maxItems": 4}]},
    score={"type": "number"},
    text=TEXT,
)
EVIDENCE["properties"]["effect"] = {"type": "number"}  # only where it was measured
ANSWER = _object(
    type={"const": "answer"},
    session=TEXT,
    query_id=TEXT,
    question=TEXT,
    asked_s=SECONDS,
    answer={"type": "string", "minLength": 1},
    sentences={
        "type": "array",
        "minItems": 1,
        "items": _object(
            text=TEXT,
            supported={"type": "boolean"},
            reliance={"type": ["number", "null"]},
            rests_on={"type": "array", "items": {"type": "integer", "minimum": 0}},
        ),
    },
    abstained={"type": "boolean"},
    evidence={"type": "array", "items": EVIDENCE},
    searched=NAMES,
    timing_ms=_object(recall=MILLISECONDS, first_token=MILLISECONDS, total=MILLISECONDS),
    model=TEXT,
    blind=NAMES,
    truncated={"type": "boolean"},
)


def answers_in(stdout: str) -> list[dict[str, Any]]:
    """Return the answers in JSON Lines, after checking every one and that nothing but JSON objects is there."""
    lines = [json.loads(line, parse_constant=_refuse) for line in stdout.splitlines()]
    assert all(isinstance(line, dict) and "type" in line for line in lines)
    answers = [line for line in lines if line["type"] == "answer"]
    for answer in answers:
        jsonschema.validate(answer, ANSWER)
    return answers


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
