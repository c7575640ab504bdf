"""Words of time in a question -> a window of event time; half-open English ("after 0:30") leaves a border as None."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from reasoning.timepoints import Now
from reasoning.timerules import POINTS, PRESENT, RECENTS, RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpan:
    """A window of event time and the words that named it; None is an open border."""

    start_ns: int | None
    end_ns: int | None
    phrase: str
    is_point: bool = False  # "at 0:12" means what was going on then, whole, not the part inside the window
    is_recent: bool = False  # "just": where there was nothing then, the last before it is meant
    is_now: bool = False  # "right now": of what is over by then a yes would be wrong
    is_known: bool = True  # False: the words name a time that cannot be placed, as "yesterday" in a recording


def parse_time(
    question: str, asked_ns: int, session_start_ns: int | None = None, tz: tzinfo | None = None
) -> TimeSpan | None:
    """Return the window that the first words of time in `question` name, or None where there are none."""
    now = Now(asked_ns, session_start_ns, tz)
    for pattern, resolve in RULES:
        if match := pattern.search(question):
            window = resolve(match, now)
            start_ns, end_ns = window or (None, None)
            return TimeSpan(
                start_ns=start_ns,
                end_ns=end_ns,
                phrase=match.group(0).strip(),
                is_point=resolve in POINTS,
                is_recent=resolve in RECENTS,
                is_now=resolve is PRESENT,
                is_known=window is not None,
            )
    return None


def take_time(question: str, now: Now) -> tuple[TimeSpan | None, str]:
    """Return the window that all words of time name together, and the question without them."""
    span: TimeSpan | None = None
    for _ in range(4):  # more words of time than this are a riddle
        found = parse_time(question, now.asked_ns, now.start_ns, now.tz)
        if found is None:
            break
        question = " ".join(question.replace(found.phrase, " ", 1).split())
        span = found if span is None else _both(span, found)
    return span, question


def _both(a: TimeSpan, b: TimeSpan) -> TimeSpan:
    """Return the overlap; of two windows that do not meet ("right now, at 0:12") the later words win."""
    starts = [t for t in (a.start_ns, b.start_ns) if t is not None]
    ends = [t for t in (a.end_ns, b.end_ns) if t is not None]
    phrase = f"{a.phrase} {b.phrase}"
    if starts and ends and max(starts) > min(ends):
        return replace(b, phrase=phrase)
    return TimeSpan(
        start_ns=max(starts, default=None),
        end_ns=min(ends, default=None),
        phrase=phrase,
        is_point=a.is_point or b.is_point,
        is_recent=a.is_recent and b.is_recent,
        is_now=a.is_now and b.is_now,
        is_known=a.is_known and b.is_known,
    )
