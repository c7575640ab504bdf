"""Answers as a person reads them on a terminal, and as the exact JSON that programs read."""

from __future__ import annotations

import datetime
import json
import unicodedata
from typing import Any

from runtime import wire
from runtime.messages import Alert, Answer, Evidence

EVIDENCE = ("clip_id", "record_id", "stream", "kind", "start_s", "end_s", "box", "score", "text")
WALL_CLOCK_NS = 365 * 24 * 3600 * 1_000_000_000  # a session that starts later than this counts Unix time


def as_json(answer: Answer) -> str:
    """Return one answer as one line of JSON, in the documented fields and order."""
    fields: dict[str, Any] = json.loads(wire.to_json(answer))
    keep = ("session", "query_id", "question", "asked_s", "answer", "sentences", "abstained")
    shown = {"type": "answer", **{name: fields[name] for name in keep}, "evidence": _rows(fields["evidence"])}
    shown |= {name: fields[name] for name in ("searched", "timing_ms", "model", "blind", "truncated")}
    return json.dumps(shown, ensure_ascii=False)


def as_text(answer: Answer, *, explain: bool = False) -> str:
    """Return one answer as a few lines: the words, the evidence with its times, the latency bill."""
    lines = [f"Q  {answer.question}", f"A  {answer.answer}"]
    for number, item in enumerate(answer.evidence, start=1):
        numbered = f"{number}. " if explain else ""
        lines.append(f"   {numbered}{_evidence_line(item, answer.session_start_ns)}")
        if explain:
            record = item.record_id or "none"
            lines.append(f"      record {record}, {_clip(item)}, score {item.score:.2f}{_effect(item.effect)}")
    if answer.blind:
        lines.append(f"   blind: {', '.join(answer.blind)}")
    if answer.truncated:
        lines.append("   parts of the recording are missing")
    bill = answer.timing_ms
    lines.append(f"   recall {bill.recall:.1f} ms, first words {bill.first_token:.1f} ms, all {bill.total:.1f} ms")
    if explain:
        searched = f"searched {', '.join(answer.searched)}" if answer.searched else "read off the timeline, no search"
        lines.append(f"   by the {answer.model} reasoner; {searched}")
        for one in answer.sentences:
            if one.rests_on:
                lines.append(f"   rests on {', '.join(str(place + 1) for place in one.rests_on)}: {one.text}")
        lines += [f"   no evidence stands behind: {one.text}" for one in answer.sentences if not one.supported]
    return "\n".join(map(printable, lines))


def alert_text(alert: Alert) -> str:
    """Return an alert, or why a rule is refused, as a few lines."""
    if alert.state != "fired":
        return printable(f"rule {alert.rule} is {alert.state}: {alert.text}")
    checked = ", a language model looked" if alert.checked else ""
    held = f", {alert.suppressed} more were held back" if alert.suppressed else ""
    lines = [f"!  {alert.rule} ({alert.alert_id}{checked}{held}): {alert.text}"]
    lines += [f"   {_evidence_line(item, alert.session_start_ns)}" for item in alert.evidence]
    return "\n".join(map(printable, lines)) + "\n"


def alert_json(alert: Alert) -> str:
    """Return an alert as one line of JSON; times are seconds since the session's start."""
    fields: dict[str, Any] = json.loads(wire.to_json(alert))
    shown = {"type": "alert", **{name: fields[name] for name in ("session", "rule", "alert_id", "state")}}
    is_timed = alert.state == "fired"  # a rule may be refused before the session's start is known
    shown["at_s"] = round((alert.t_ns - alert.session_start_ns) / 1e9, 3) if is_timed else None
    shown |= {"text": alert.text, "evidence": _rows(fields["evidence"])}
    return json.dumps(shown | {"checked": alert.checked, "suppressed": alert.suppressed}, ensure_ascii=False)


def _rows(evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: item[name] for name in (*EVIDENCE, *(("effect",) if item["effect"] is not None else ()))}
        for item in evidence
    ]


def clock(seconds: float) -> str:
    """Return seconds since the session's start as 0:12.4 or 1:02:03.4."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def moment(t_ns: int) -> str:
    """Return a time stamp as wall clock, or as media time where it is one."""
    if t_ns < WALL_CLOCK_NS:
        return clock(t_ns / 1e9)
    return datetime.datetime.fromtimestamp(t_ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def printable(line: str) -> str:
    """Return the line as it can be printed: without control characters, which would steer a terminal, and half ones."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in ("Cc", "Cs") else one for one in line)


def _clip(item: Evidence) -> str:
    if item.kind == "frame":
        return "a picture"
    return f"clip {item.clip_id}" if item.clip_id else "its clip is still open"


def _effect(nats: float | None) -> str:
    if nats is None:
        return ""
    size = f"{abs(nats):.2f}"
    if float(size) == 0:
        return ", without it the answer is as likely"
    return f", without it the answer is {size} nats {'less' if nats > 0 else 'more'} likely"


def _evidence_line(item: Evidence, session_start_ns: int) -> str:
    start, end = (moment(session_start_ns + round(at_s * 1e9)) for at_s in (item.start_s, item.end_s))
    where = "" if item.box is None else " box " + ",".join(f"{side:.2f}" for side in item.box)
    text = f' "{item.text}"' if item.text else ""
    return f"[{start} to {end}] {item.stream} {item.kind}{text}{where}"
