"""Questions with what memory would recall, for tests of what answers them."""

from __future__ import annotations

from typing import Any

from reasoning.backend import Case
from reasoning.understand import understand
from runtime.messages import Hit, Recalled

S = 1_000_000_000


def hit(number: int, kind: str = "utterance", text: str = "hello", start_s: float = 1.0, **fields: Any) -> Hit:
    """Return a record of one second."""
    values: dict[str, Any] = {
        "record_id": f"s/{kind}/0/{kind}-{number}",
        "clip_id": "",
        "stream": "mic" if kind in ("utterance", "sound") else "cam",
        "kind": kind,
        "start_ns": round(start_s * S),
        "end_ns": round((start_s + 1) * S),
        "text": text,
        "score": 0.0,
    }
    return Hit(**(values | fields))


def recalled(timeline: tuple[Hit, ...] = (), hits: tuple[Hit, ...] = (), **fields: Any) -> Recalled:
    """Return what memory says of a session of 100 s."""
    values: dict[str, Any] = {
        "session": "s",
        "query_id": "q",
        "hits": hits,
        "timeline": timeline,
        "total": len(timeline),
        "anchor": None,
        "counts": {},
        "searched": (),
        "session_start_ns": 0,
        "start_ns": 0,
        "end_ns": 100 * S,
    }
    return Recalled(**(values | fields))


def case(text: str = "What happened?", *timeline: Hit, at_s: float = 100.0, **fields: Any) -> Case:
    """Return a question about a session with a camera and a microphone."""
    values: dict[str, Any] = {
        "question": understand(text, round(at_s * S), 0),
        "recalled": recalled(timeline),
        "asked_ns": round(at_s * S),
        "session_start_ns": 0,
        "blind": {},
        "sensors": {"cam": "video", "mic": "audio"},
        "truncated": False,
        "active": {},
    }
    return Case(**(values | fields))
