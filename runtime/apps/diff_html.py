"""What changed between two runs, as a page: the verdict, both runs over time stream by stream, then every change."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from runtime.apps.diff import PERCEPTS, WHATS, Change, Diff, What
from runtime.apps.diff_words import SIGNS, about, in_words, more, summary, when
from runtime.apps.page import axis, drawing, lane, page, table, text
from runtime.apps.present import clock
from runtime.apps.run_file import Run, Said

LISTED = 2000  # changes of a kind; more are counted
WIDE = 1000.0  # of a strip, in its own units
LANE_PX = 12
LEAST = 2.0  # width of what has no length
DRAWN = (*(kind for kind in PERCEPTS if kind not in ("frame", "observation")), "clip")
STRIPS = 40  # streams that are drawn
MARKS = 4000  # of one run in a strip
MEANINGS: dict[What, str] = {"changed": "changed: in both", "gone": "gone: only in A", "new": "new: only in B"}
LEGEND = (
    '<p class="soft">Colours: <b class="first">A, the first run</b>; <b class="second">B, the second</b>; '
    + "; ".join(f'<b class="{what}">{SIGNS[what]} {MEANINGS[what]}</b>' for what in WHATS)
    + "</p>"
)


def as_html(diff: Diff) -> str:
    """Return the page."""
    return page("Heedful: two runs compared", _parts(diff))


def _parts(diff: Diff) -> Iterable[str]:
    yield "<h1>Two runs compared</h1>"
    yield f'<p><b class="first">A</b> {text(about(diff.before))}</p>'
    yield f'<p><b class="second">B</b> {text(about(diff.after))}</p>'
    yield from (f"<p><b>!</b> {text(remark)}</p>" for remark in diff.remarks)
    yield f'<p class="verdict">{text(summary(diff))}</p>'
    if diff.has_same_digest:
        yield '<p class="soft">Their digests are the same.</p>'
    yield LEGEND
    yield from _strips(diff)
    if diff.settings:
        yield "<h2>Settings</h2>"
        yield table(["what changed"], [[text(in_words(one))] for one in diff.settings], numbers=(), fills=0)
    for kind, changes in groupby(diff.changes, lambda change: change.kind):
        yield from _section(kind, list(changes))
    yield from _latencies(diff)
    if diff.rest:
        yield f"<h2>The rest of the bus</h2><p>It differs on {text(', '.join(diff.rest))}.</p>"


def _section(kind: str, changes: list[Change]) -> Iterable[str]:
    counts = ", ".join(f"{n} {what}" for what in WHATS if (n := sum(one.what == what for one in changes)))
    yield f"<h2>{text(kind)} <small>{counts}</small></h2>"
    rows = [[_mark(one.what), text(when(one.said)), text(one.stream), _detail(one)] for one in changes[:LISTED]]
    yield table(["", "at", "stream", "what"], rows, numbers={1}, fills=3)
    if len(changes) > LISTED:
        yield f"<p>and {len(changes) - LISTED} more</p>"


def _mark(what: What) -> str:
    return f'<b class="{what}" title="{what}">{text(SIGNS[what])}</b>'


def _detail(change: Change) -> str:
    """Return a change in full where it is in words that a person reads; the times of both runs stand in the strip."""
    if change.what != "changed":
        return text(_whole(change.said))
    lines = [text(change.said.fields.get("question"))] if change.kind == "answer" else []
    for one in change.fields:
        if isinstance(one.before, str) and isinstance(one.after, str) and one.name not in ("payload", "tokens"):
            lines.append(
                f'{text(one.name)}: <span class="first">{text(one.before)}</span> &rarr; '
                f'<span class="second">{text(one.after)}</span>'
            )
        else:
            lines.append(text(in_words(one)))
    return "<br>".join(lines)


def _whole(said: Said) -> str:
    match said.kind:
        case "utterance" | "clip" | "alert":
            return str(said.fields.get("text", ""))
        case "answer":
            return f"{said.fields.get('question', '')} {said.fields.get('answer', '')}"
        case _:
            return more(Change(what="new", kind=said.kind, stream=said.stream, before=None, after=said))


def _latencies(diff: Diff) -> Iterable[str]:
    both = [*diff.stages, *diff.answers]
    if not both:
        return
    yield "<h2>Latency</h2>"
    rows = [
        [
            text(one.name),
            f"{one.before_ms:.2f} ms",
            f"{one.after_ms:.2f} ms",
            "" if one.ratio is None else f"{one.ratio:.2f}",
        ]
        for one in both
    ]
    yield table(["stage or question", "A", "B", "B over A"], rows, numbers={1, 2, 3}, fills=0)


def _strips(diff: Diff) -> Iterable[str]:
    """Yield a strip for each stream that has something to draw."""
    runs = [_by_stream(diff.before), _by_stream(diff.after)]
    streams = sorted(runs[0].keys() | runs[1].keys())
    length_ns = max((one.end_ns for run in runs for said in run.values() for one in said), default=0)
    if not streams or length_ns <= 0:
        return
    yield '<h2>Over time <small><b class="first">A</b> above, <b class="second">B</b> below</small></h2>'
    for stream in streams[:STRIPS]:
        changes = [one for one in diff.changes if one.stream == stream and one.kind in DRAWN]
        yield f"<p>{text(stream)}</p>"
        yield from _strip([run.get(stream, []) for run in runs], changes, length_ns)
    if len(streams) > STRIPS:
        yield f"<p>and {len(streams) - STRIPS} more streams</p>"


def _by_stream(run: Run) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {}
    for one in run.said:
        if one.kind in DRAWN:
            found.setdefault(one.stream, []).append(one)
    return found


def _strip(runs: list[list[Said]], changes: list[Change], length_ns: int) -> Iterable[str]:
    """Yield a lane for each kind with both runs, then what changed, then the time."""
    scale = WIDE / length_ns
    for kind in DRAWN:
        found = [[one for one in run if one.kind == kind][:MARKS] for run in runs]
        if any(found):
            bars = [
                _bar(one, row * LANE_PX, scale, name)
                for row, name in enumerate(("first", "second"))
                for one in found[row]
            ]
            yield lane(kind, drawing(WIDE, 2 * LANE_PX, bars))
    if changes:
        marks = [_bar(one.said, 0, scale, one.what, SIGNS[one.what]) for one in changes[:MARKS]]
        yield lane("changes", drawing(WIDE, LANE_PX, marks))
    yield lane("", axis(clock(length_ns * part / 4e9) for part in range(5)))


def _bar(said: Said, top: int, scale: float, name: str, sign: str = "") -> str:
    width = max(LEAST, (said.end_ns - said.start_ns) * scale)
    label = text(f"{sign} {when(said)} {said.kind} {said.fields.get('text', '')}".strip())
    place = f'x="{said.start_ns * scale:.2f}" y="{top + 1}" width="{width:.2f}" height="{LANE_PX - 2}"'
    return f'<rect class="{name}" {place} opacity=".75"><title>{label}</title></rect>'
