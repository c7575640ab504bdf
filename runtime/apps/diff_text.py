"""What changed between two runs, for a terminal of 100 columns and as JSON Lines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from runtime.apps.diff import Change, Diff, Took
from runtime.apps.diff_words import SIGNS, about, in_words, more, summary, when
from runtime.apps.present import printable
from runtime.apps.run_file import Said

COLUMNS = 100
SHOWN = 10  # changes of a kind
MARGIN = " " * 13


def as_text(diff: Diff) -> str:
    """Return the summary, then the first changes of each kind; the rest is counted."""
    lines = [f"A  {about(diff.before)}", f"B  {about(diff.after)}"]
    lines += [f"!  {remark}" for remark in diff.remarks]
    lines += [summary(diff), *(["their digests are the same"] if diff.has_same_digest else [])]
    lines += _section("settings", [f"  {in_words(one)}" for one in diff.settings])
    for kind, changes in groupby(diff.changes, lambda change: change.kind):
        lines += _section(kind, [_change_line(one) for one in changes])
    slowest_first = sorted((*diff.stages, *diff.answers), key=lambda one: -(one.ratio or 0.0))
    lines += _section("latency, B over A", [_took_line(one) for one in slowest_first])
    if diff.rest:
        lines += ["", f"and of the rest of the bus: {', '.join(diff.rest)}"]
    return "\n".join(part for line in lines for part in _folded(printable(line)))


def as_json(diff: Diff) -> Iterable[str]:
    """Yield a line of JSON for each change, then one that sums up."""
    for change in diff.changes:
        yield _json({"type": "change", **change_values(change)})
    for setting in diff.settings:
        yield _json({"type": "setting", "name": setting.name, "before": setting.before, "after": setting.after})
    for what, took in [("stage", one) for one in diff.stages] + [("answer", one) for one in diff.answers]:
        line = {"type": "latency", "of": what, "name": took.name, "before_ms": took.before_ms}
        yield _json(line | {"after_ms": took.after_ms, "ratio": took.ratio})
    last: dict[str, Any] = {"type": "diff", "same": diff.same, "counts": diff.counts(), "rest": list(diff.rest)}
    last |= {"sessions": [diff.before.session, diff.after.session]}
    last |= {"digests": [diff.before.digest, diff.after.digest], "remarks": list(diff.remarks)}
    yield _json(last)


def change_values(change: Change) -> dict[str, Any]:
    """Return a change as plain values; times are seconds since the session's start."""
    values: dict[str, Any] = {"what": change.what, "kind": change.kind, "stream": change.stream}
    values["at_s"] = round(change.said.start_ns / 1e9, 3)
    if change.what == "changed":
        return values | {"fields": {one.name: [one.before, one.after] for one in change.fields}}
    return values | {"message": _message(change.said)}


def _message(said: Said) -> dict[str, Any]:
    return {"name": said.name, **said.fields}


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    left = len(lines) - SHOWN
    return ["", title, *lines[:SHOWN], *([f"  and {left} more"] if left > 0 else [])]


def _change_line(change: Change) -> str:
    return f"  {SIGNS[change.what]} {when(change.said):>7} {change.stream}  {more(change)}"


def _took_line(took: Took) -> str:
    ratio = "" if took.ratio is None else f"{took.ratio:.2f}"
    return f"  {ratio:>6}  {took.before_ms:.2f} -> {took.after_ms:.2f} ms  {took.name}"


def _folded(line: str) -> list[str]:
    return textwrap.wrap(line, COLUMNS, subsequent_indent=MARGIN, break_on_hyphens=False) or [""]


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False).encode(errors="replace").decode()  # names of files may be no UTF-8
