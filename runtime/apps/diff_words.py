"""What changed, in words: one line for a message, one for a field; for terminals and pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.apps.diff import ABSENT, CONFIGURED, RECORDED, Change, Diff, FieldChange, What
from runtime.apps.present import clock
from runtime.apps.run_file import Run, Said

SIGNS: Mapping[What, str] = {"changed": "~", "gone": "-", "new": "+"}
SHORT, AROUND = 44, 12  # characters of a text, and of what stays before a difference
LISTED = 3  # ids in a line
PLAIN = (ABSENT, CONFIGURED, RECORDED)  # what is said of a value, and not the value
OPAQUE = {"payload": "the picture", "tokens": "the tokens"}


def summary(diff: Diff) -> str:
    """Return one line: the same, or how many of which kind changed."""
    if diff.same:
        return "same"
    kinds = []
    for kind, counts in diff.counts().items():
        kinds.append(f"{kind} " + ", ".join(f"{count} {what}" for what, count in counts.items() if count))
    return "; ".join(kinds)


def about(run: Run) -> str:
    """Return what a run is, in one line."""
    length = "" if run.length_s is None else f", {run.length_s:.1f} s"
    return f"{run.path.name}: {run.source or 'session'} {run.session}{length}"


def when(said: Said) -> str:
    """Return the time of a message as 0:12.3."""
    return clock(said.start_ns / 1e9) if said.start_ns >= 0 else f"-{clock(-said.start_ns / 1e9)}"


def what_it_said(said: Said) -> str:
    """Return a message's content in a few words."""
    fields = said.fields
    match said.kind:
        case "utterance" | "clip" | "alert":
            return quoted(str(fields.get("text", "")))
        case "answer":
            return f"{quoted(str(fields.get('question', '')))}: {quoted(str(fields.get('answer', '')))}"
        case "sound":
            pitch = f" at {fields['pitch_hz']:.0f} Hz" if fields.get("pitch_hz") else ""
            return f"{fields.get('label', '')}{pitch}, {_length(said)}"
        case "gap":
            return f"{fields.get('lost')} lost: {shortened(str(fields.get('reason', '')))}"
        case "motion":
            return f"area {fields.get('area', 0.0):.3f}, {_length(said)}"
        case "detection":
            things = [str(one.get("label", "")) for one in fields.get("things", ())]
            return f"{', '.join(things) or 'nothing'}, {_length(said)}"
        case "frame":
            return f"novelty {fields.get('novelty', 0.0):.3f}{', a cut' if fields.get('is_cut') else ''}"
        case _:
            return shortened(str(fields.get("model", "")))


def in_words(change: FieldChange) -> str:
    """Return what happened to a field or setting."""
    name, old, new = change.name, change.before, change.after
    if name in OPAQUE:
        return f"{OPAQUE[name]} differs"
    if old in PLAIN or new in PLAIN:
        return f"{name}: {_value(old)} -> {_value(new)}"
    if name.endswith("_ns") and isinstance(old, int) and isinstance(new, int):
        return f"{name.removesuffix('_ns')} {_shift(new - old)}"
    if isinstance(old, list) and isinstance(new, list):
        return _list_words(name, old, new)
    if isinstance(old, str) and isinstance(new, str):
        start = max(0, _common(old, new) - AROUND)
        lead = "..." if start else ""
        old, new = lead + old[start:], lead + new[start:]
    shown = _value(old), _value(new)
    if shown[0] == shown[1]:  # they differ further down, or where it does not show
        shown = repr(old)[: 2 * SHORT], repr(new)[: 2 * SHORT]
    return f"{name}: {shown[0]} -> {shown[1]}"


def quoted(text: str) -> str:
    """Return a text in quotes, shortened."""
    return f'"{shortened(text)}"'


def shortened(text: str) -> str:
    """Return a text on one line, with its end left out where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else f"{line[: SHORT - 3]}..."


def more(change: Change) -> str:
    """Return what a line says of a change after its time."""
    if change.what != "changed":
        return what_it_said(change.said)
    said = f"{quoted(str(change.said.fields['question']))} " if change.kind == "answer" else ""
    return said + ", ".join(map(in_words, change.fields))


def _list_words(name: str, old: list[Any], new: list[Any]) -> str:
    if all(isinstance(one, str) for one in (*old, *new)):
        gone = [f"-{shortened(one)}" for one in old if one not in new]
        fresh = [f"+{shortened(one)}" for one in new if one not in old]
        shown, left = (gone + fresh)[:LISTED], len(gone + fresh) - LISTED
        rest = f" and {left} more" if left > 0 else ""
        return f"{name}: {' '.join(shown) or 'in another order'}{rest}"
    if len(old) != len(new):
        return f"{name}: {len(old)} -> {len(new)}"
    differ = [at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    words = f"{name}: {len(differ)} of {len(old)} differ"
    one, other = old[differ[0]], new[differ[0]]
    if isinstance(one, dict) and isinstance(other, dict):
        fields = [key for key in dict.fromkeys([*one, *other]) if one.get(key, ABSENT) != other.get(key, ABSENT)]
        words += f" ({in_words(FieldChange(name=fields[0], before=one.get(fields[0]), after=other.get(fields[0])))})"
    return words


def _common(old: str, new: str) -> int:
    """Return how many characters two texts have in common at their start."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))


def _shift(shift_ns: int) -> str:
    size_ns, sign = abs(shift_ns), "-" if shift_ns < 0 else "+"
    if size_ns < 1_000_000:
        return f"{sign}{size_ns} ns"
    return f"{sign}{size_ns / 1e6:.4g} ms" if size_ns < 1_000_000_000 else f"{sign}{size_ns / 1e9:.2f} s"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if value is None:
        return "none"
    return quoted(value) if isinstance(value, str) and value not in PLAIN else shortened(str(value))


def _length(said: Said) -> str:
    return f"{(said.end_ns - said.start_ns) / 1e9:.2f} s"
