"""Times, lengths, places and quotes in the words of an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from reasoning.timepoints import S_NS, YEAR_NS
from runtime.messages import Box

QUOTE_CHARS = 120
MOMENT_S = 0.3  # what is shorter happens at a time, not from one to another


@dataclass(frozen=True, slots=True)
class Clock:
    """Writes times: seconds since the start for recordings, the clock on the wall for live sessions."""

    asked_ns: int
    origin_ns: int
    tz: tzinfo | None  # None is the machine's own

    @property
    def is_media(self) -> bool:
        """Whether times count from the start of a recording."""
        return self.asked_ns < YEAR_NS

    def at(self, t_ns: int) -> str:
        """Return "0:12.4", "1:02:03.4" or "14:03:12", with the date where it is not the day of asking."""
        if not self.is_media:
            return self._wall(t_ns)
        tenths = max(0, round((t_ns - self.origin_ns) * 10 / S_NS))
        minutes, rest = divmod(tenths, 600)
        hours, minutes = divmod(minutes, 60)
        head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
        return f"{head}:{rest // 10:02}.{rest % 10}"

    def _wall(self, t_ns: int) -> str:
        moment = datetime.fromtimestamp(_seconds(t_ns), tz=self.tz)
        today = datetime.fromtimestamp(_seconds(self.asked_ns), tz=self.tz).date()
        return moment.strftime("%H:%M:%S" if moment.date() == today else "%Y-%m-%d %H:%M:%S")

    def stretch(self, start_ns: int, end_ns: int) -> str:
        """Return "from 0:03.0 to 0:07.2", or "at 0:03.0" for a moment."""
        start, end = self.at(start_ns), self.at(end_ns)
        if start == end or end_ns - start_ns < MOMENT_S * S_NS:
            return f"at {start}"
        return f"from {start} to {end}"

    def window(self, start_ns: int, end_ns: int) -> str:
        """Return "between 0:10.0 and 0:20.0"; from the session's start on "up to 0:30.2", live "since I began ..."."""
        if start_ns <= self.origin_ns and self.is_media:
            return f"up to {self.at(end_ns)}"
        if start_ns <= self.origin_ns and end_ns >= self.asked_ns:
            return f"since I began watching at {self.at(self.origin_ns)}"
        if start_ns <= self.origin_ns:
            return f"between {self.at(self.origin_ns)}, when I began watching, and {self.at(end_ns)}"
        return f"between {self.at(start_ns)} and {self.at(end_ns)}"


def _seconds(t_ns: int) -> int:
    return max(0, min(t_ns // S_NS, 200_000_000_000))  # datetime ends at year 9999


def length(length_ns: int) -> str:
    """Return "3.2 s", "4 min 5 s" or "2 h 3 min"."""
    if length_ns < 120 * S_NS:
        return f"{length_ns / S_NS:.1f} s"
    seconds = round(length_ns / S_NS)
    if seconds < 7200:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds // 60 % 60} min"


def quote(text: str) -> str:
    """Return scene text as data: in quotation marks, one line, no control characters, at most 120 characters."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 4 * QUOTE_CHARS])
    kept = " ".join(kept.split()).replace('"', "'")
    if len(kept) > QUOTE_CHARS:
        kept = kept[: QUOTE_CHARS - 1].rsplit(" ", 1)[0] + "…"
    return f'"{kept}"'


def plain(text: str, limit: int = 60) -> str:
    """Return a name or reason from outside without control characters, for use inside a sentence."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 4 * limit])
    return " ".join(kept.split())[:limit]


def count(n: int, thing: str) -> str:
    """Return "1 movement" or "3 movements"."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def ordinal(nth: int) -> str:
    """Return "first", "last", "12th"; negative numbers count from the end."""
    names = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
    return names.get(nth, f"{nth}th")


def listing(items: Sequence[str]) -> str:
    """Join as English does: "a", "a and b", "a, b and c"."""
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def place(box: Box) -> str:
    """Return where in the picture the middle of a box lies, in thirds."""
    across = third((box[0] + box[2]) / 2, ("left", "", "right"))
    down = third((box[1] + box[3]) / 2, ("top", "", "bottom"))
    if not across:
        return f"at the {down}" if down else "in the middle"
    return f"at the {down} {across}" if down else f"on the {across}"


def third(x: float, names: tuple[str, str, str]) -> str:
    """Return the name of the third of 0..1 that x lies in."""
    return names[0] if x < 1 / 3 else names[2] if x > 2 / 3 else names[1]
