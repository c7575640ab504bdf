"""Run files for tests: messages of a session as `heedful replay --out` would have recorded them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.messages import (
    Alert,
    Answer,
    Clip,
    Evidence,
    Frame,
    Gap,
    Message,
    Motion,
    Sentence,
    Sound,
    Timing,
    Utterance,
)
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter

S = 1_000_000_000
SESSION = "replay-0123456789ab"


def write_run(path: Path, messages: Iterable[Message], **facts: Any) -> Path:
    """Write messages one after the other, then what is known of the run: text as it is, all else as JSON."""
    writer = RecordingWriter(path, {"by": "a test"})
    channels: dict[str, int] = {}
    for number, message in enumerate(messages):
        info = buslog.channel_of(message)
        if info.topic not in channels:
            channels[info.topic] = writer.channel(info)
        writer.write(
            channels[info.topic],
            log_ns=number + 1,
            publish_ns=buslog.event_ns(message),
            seq=number,
            data=buslog.to_entry(message),
        )
    if facts:
        writer.note(buslog.RUN, {name: one if isinstance(one, str) else json.dumps(one) for name, one in facts.items()})
    writer.close()
    return path


def moved(seq: int, start_s: float, end_s: float, area: float = 0.1, **more: Any) -> Motion:
    """Return a movement."""
    return Motion(**_timed(seq, start_s, end_s, "cam", **more), boxes=((0.1, 0.1, 0.5, 0.5),), area=area)


def spoken(seq: int, start_s: float, end_s: float, text: str, **more: Any) -> Utterance:
    """Return an utterance."""
    return Utterance(**_timed(seq, start_s, end_s, "mic", **more), text=text, model="pocketsphinx")


def sounded(seq: int, start_s: float, end_s: float, **more: Any) -> Sound:
    """Return a tone."""
    values: dict[str, Any] = {"label": "tone", "level_db": -20.0, "rise_db": 30.0, "pitch_hz": 440.0}
    return Sound(**_timed(seq, start_s, end_s, "mic", **more), **values)


def missed(seq: int, start_s: float, end_s: float, **more: Any) -> Gap:
    """Return a gap."""
    return Gap(**_timed(seq, start_s, end_s, "cam", **more), lost=3, reason="late")


def seen(seq: int, at_s: float, payload: bytes = b"jpeg", **more: Any) -> Frame:
    """Return a kept frame."""
    values = _timed(seq, at_s, at_s, "cam", **more)
    del values["start_ns"], values["end_ns"]
    shape: dict[str, Any] = {"width_px": 160, "height_px": 120, "novelty": 0.5, "is_cut": False, "luma": 0.4}
    return Frame(**values, **shape, payload=payload)


def clipped(seq: int, start_s: float, end_s: float, text: str, ids: tuple[str, ...], **more: Any) -> Clip:
    """Return a clip of the microphone."""
    return Clip(**_timed(seq, start_s, end_s, "mic", **more), sensor="audio", text=text, record_ids=ids)


def rests_on(record: str, text: str = "", session: str = SESSION) -> Evidence:
    """Return a piece of evidence."""
    stream, _, what = record.split("/")
    return Evidence(
        clip_id=f"{session}/{stream}/0/clip-0",
        record_id=f"{session}/{record}",
        stream=stream,
        kind=what.split("-")[0],
        start_s=1.0,
        end_s=2.0,
        box=None,
        score=0.5,
        text=text,
    )


def answered(query_id: str, asked_s: float, question: str, answer: str, *evidence: Evidence, **more: Any) -> Answer:
    """Return an answer of one sentence."""
    values: dict[str, Any] = {
        "session": SESSION,
        "session_start_ns": 0,
        "sentences": (Sentence(text=answer, supported=True),),
        "abstained": False,
        "searched": ("fts",),
        "timing_ms": Timing(recall=1.0, first_token=2.0, total=4.0),
        "model": "evidence",
        "blind": (),
        "truncated": False,
    }
    asked = {"query_id": query_id, "asked_s": asked_s, "question": question, "answer": answer, "evidence": evidence}
    return Answer(**(values | asked | more))


def alerted(rule: str, at_s: float, text: str, alert_id: str = "a-1", **more: Any) -> Alert:
    """Return an alert that fired."""
    values: dict[str, Any] = {"session": SESSION, "session_start_ns": 0, "evidence": (), "checked": False}
    values |= {"rule": rule, "alert_id": alert_id, "state": "fired", "t_ns": round(at_s * S), "suppressed": 0}
    return Alert(**(values | {"text": text} | more))


def _timed(seq: int, start_s: float, end_s: float, usual: str, **more: Any) -> dict[str, Any]:
    start_ns, end_ns = round(start_s * S), round(end_s * S)
    values: dict[str, Any] = {"session": SESSION, "stream": usual, "epoch": 0, "seq": seq, "t_ns": end_ns}
    return values | {"start_ns": start_ns, "end_ns": end_ns} | more


def a_session(session: str = SESSION) -> list[Message]:
    """Return a short session with something of each kind."""
    ids = (f"{session}/mic/0/utterance-0", f"{session}/mic/0/sound-0")
    evidence = rests_on("mic/0/utterance-0", "good morning", session)
    return [
        seen(0, 0.0, session=session),
        moved(0, 1.0, 2.5, session=session),
        spoken(0, 1.0, 2.0, "good morning", session=session),
        sounded(0, 3.0, 3.5, session=session),
        seen(1, 4.0, b"other", session=session),
        missed(0, 4.0, 4.5, session=session),
        clipped(0, 0.0, 5.0, "good morning, a tone", ids, session=session),
        alerted("door", 3.0, "a tone", session=session),
        answered("q1", 5.0, "What was said?", "Good morning.", evidence, session=session),
    ]
