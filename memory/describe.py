"""The short English text of one record: what full text and embedding search, and what answers quote."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runtime.messages import Box, Detection, Frame, Gap, Motion, Ranged, Record, Sound, Utterance

DARK_LUMA = 0.12
BRIGHT_LUMA = 0.88
LOUD_RISE_DB = 20.0
WHOLE_PICTURE_AREA = 0.6
REGIONS_MAX = 3
WORDLESS = "speech without recognised words"
CUT = "scene change"
NEARER_M = 0.5  # a distance that changes by less stays
AHEAD_DEG = 10.0  # to either side
NS_PER_S = 1_000_000_000

_PLACES = {
    ("left", "top"): "at the top left",
    ("left", "middle"): "on the left",
    ("left", "bottom"): "at the bottom left",
    ("middle", "top"): "at the top",
    ("middle", "middle"): "in the middle",
    ("middle", "bottom"): "at the bottom",
    ("right", "top"): "at the top right",
    ("right", "middle"): "on the right",
    ("right", "bottom"): "at the bottom right",
}


def describe(record: Record) -> str:
    """Return the text of a record; never empty."""
    match record:
        case Detection():
            return _detection_text(record)
        case Utterance():
            return record.text.strip() or WORDLESS
        case Sound():
            return _sound_text(record)
        case Motion():
            return _motion_text(record)
        case Frame():
            return _frame_text(record)
        case Gap():
            return f"nothing received for {(record.end_ns - record.start_ns) / NS_PER_S:.1f} s: {record.reason}"


def has_own_vector(record: Record) -> bool:
    """Say whether the text is worth a search key; frames and motion are found by time and through their clip."""
    return isinstance(record, Sound) or (isinstance(record, Utterance) and bool(record.text.strip()))


def place(box: Box) -> str:
    """Return where in the picture the middle of a box lies, in thirds: "on the left", "at the top right"."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else "middle"
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else "middle"
    return _PLACES[across, down]


def list_words(words: Iterable[str]) -> str:
    """Join words as English does: "a", "a and b", "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _sound_text(sound: Sound) -> str:
    if sound.label == "tone" and sound.pitch_hz > 0:
        return f"tone at {sound.pitch_hz:.0f} Hz"
    return f"loud {sound.label}" if sound.label == "noise" and sound.rise_db >= LOUD_RISE_DB else sound.label


def _motion_text(motion: Motion) -> str:
    if motion.area >= WHOLE_PICTURE_AREA:
        return "movement across the whole picture"
    places = list(dict.fromkeys(place(box) for box in motion.boxes))[:REGIONS_MAX]
    return f"movement {list_words(places)}" if places else "movement"


def _detection_text(detection: Detection) -> str:
    """Say "track 3: something came nearer from 20.1 m to 8.0 m at 1.5 m/s, ahead on the left"; or "car on the left"."""
    texts = []
    for thing in detection.things[:REGIONS_MAX]:
        if thing.ranged is not None:
            texts.append(f"track {thing.ranged.track}: {thing.label} {_course(thing.ranged)}")
        else:
            texts.append(f"{thing.label} {place(thing.box)}" if thing.box is not None else thing.label)
    return "; ".join(texts) or "nothing detected"


def without_track(text: str) -> str:
    """Return the text of a detection without the numbers of its tracks."""
    return re.sub(r"\btrack \d+: ", "", text)


def _course(at: Ranged) -> str:
    change_m = at.range_m - at.from_m
    if change_m <= -NEARER_M:
        went = f"came nearer from {at.from_m:.1f} m to {at.range_m:.1f} m"
    elif change_m >= NEARER_M:
        went = f"went away from {at.from_m:.1f} m to {at.range_m:.1f} m"
    else:
        went = f"moved at {at.range_m:.1f} m"
    side = "on the left" if at.bearing_deg > AHEAD_DEG else "on the right" if at.bearing_deg < -AHEAD_DEG else "ahead"
    return f"{went}, {at.speed_mps:.1f} m/s fast, {side}"


def _frame_text(frame: Frame) -> str:
    light = "dark " if frame.luma < DARK_LUMA else "bright " if frame.luma > BRIGHT_LUMA else ""
    if not frame.is_cut:
        return f"{light}picture"
    return f"{CUT} to a {light}picture" if light else CUT
