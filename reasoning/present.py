"""What is known at the asking time and in no record: what is still going on, and when a stream was first there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reasoning.episodes import NO_WORDS
from runtime.messages import Hit, Recalled, Sensor

NOT_RUNNING = "not running"


def add_present(
    recalled: Recalled,
    asked_ns: int,
    streams: Mapping[str, Sensor],
    active: Mapping[str, int],
    began: Mapping[str, int],
) -> Recalled:
    """Return `recalled` with a hit, without a record id, for each unfinished event and each late beginning."""
    start_ns = recalled.session_start_ns
    added = [
        _open(stream, streams[stream], since_ns, asked_ns)
        for stream, since_ns in sorted(active.items())
        if since_ns <= asked_ns and stream in streams
    ]
    added += [
        _hit(stream, "gap", start_ns, min(began_ns, asked_ns), NOT_RUNNING)
        for stream, began_ns in sorted(began.items())
        if began_ns > start_ns
    ]
    return replace(recalled, timeline=(*recalled.timeline, *added), total=recalled.total + len(added))


def _open(stream: str, sensor: Sensor, since_ns: int, asked_ns: int) -> Hit:
    kind, text = ("utterance", NO_WORDS) if sensor == "audio" else ("motion", "movement")
    return _hit(stream, kind, since_ns, asked_ns, text)


def _hit(stream: str, kind: str, start_ns: int, end_ns: int, text: str) -> Hit:
    return Hit(
        record_id="", clip_id="", stream=stream, kind=kind, start_ns=start_ns, end_ns=end_ns, text=text, score=0.0
    )
