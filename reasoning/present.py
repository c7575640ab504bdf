"""What is known at the asking time and in no record: what is still going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reasoning.episodes import NO_WORDS
from runtime.messages import Hit, Recalled, Sensor


def add_present(
    recalled: Recalled,
    asked_ns: int,
    streams: Mapping[str, Sensor],
    active: Mapping[str, int],
) -> Recalled:
    """Return `recalled` with a hit, without a record id, for each unfinished event."""
    added = [
        _open(stream, streams[stream], since_ns, asked_ns)
        for stream, since_ns in sorted(active.items())
        if since_ns <= asked_ns and stream in streams
    ]
    return replace(recalled, timeline=(*recalled.timeline, *added), total=recalled.total + len(added))


def _open(stream: str, sensor: Sensor, since_ns: int, asked_ns: int) -> Hit:
    kind, text = ("utterance", NO_WORDS) if sensor == "audio" else ("motion", "movement")
    return Hit(
        record_id="", clip_id="", stream=stream, kind=kind, start_ns=since_ns, end_ns=asked_ns, text=text, score=0.0
    )
