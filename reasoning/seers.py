"""Whose eyes a question is about: cameras, or event cameras, which see movement and nothing else.

Where there are cameras they speak for what was seen, unless an event camera is named: both together would make two
movements of one. Where there are none the event cameras speak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.coverage import NAMES
from reasoning.wording import listing, plain
from runtime.messages import Hit, Recalled, Sensor

if TYPE_CHECKING:
    from reasoning.draft import Draft

EVENT_CAMERA = re.compile(r"\bevent\W+cam(?:era)?s?", re.IGNORECASE)
VISIBLE = frozenset({"motion", "frame"})


def find_eye(text: str, streams: Mapping[str, Sensor]) -> Sensor:
    """Return "events" where an event camera is asked about or is all that sees, else "video"."""
    sensors = set(streams.values())
    is_alone = "events" in sensors and "video" not in sensors
    return "events" if is_alone or EVENT_CAMERA.search(text) else "video"


def seen_by(eye: Sensor, recalled: Recalled, streams: Mapping[str, Sensor]) -> Recalled:
    """Return what was recalled without what others saw."""

    def is_kept(hit: Hit) -> bool:
        return hit.kind not in VISIBLE or (streams.get(hit.stream) == "events") == (eye == "events")

    timeline = tuple(filter(is_kept, recalled.timeline))
    total = recalled.total - len(recalled.timeline) + len(timeline)
    return replace(recalled, timeline=timeline, hits=tuple(filter(is_kept, recalled.hits)), total=total)


def name_seers(streams: Mapping[str, Sensor], draft: Draft) -> None:
    """Say of movements that an event camera saw that it was one."""
    rows = {row.stream for row in draft.evidence if row.kind in VISIBLE and streams.get(row.stream) == "events"}
    if rows:
        named = listing([repr(plain(name)) for name in sorted(rows)])
        one, many = NAMES["events"].capitalize(), f"{NAMES['events']}s".capitalize()
        draft.remark(f"{many if rows - {min(rows)} else one} {named} saw it.")
