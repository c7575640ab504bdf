"""A minute, ten minutes, an hour, a day in a few lines: made of the records, in the background, never in their place.

A window is due again whenever a record comes into it; what is longer than a minute is made of the next shorter ones.
The words are an extract (greedy coverage of the window's content words, as in Lin and Bilmes 2011): nothing is
written that was not said, and every line names its records. Trust is that of the least trusted of them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from memory.describe import CUT, WORDLESS
from memory.words import STOP_WORDS
from runtime.messages import Trust

if TYPE_CHECKING:
    import apsw

MODEL = "extract@1"
LEVELS_S = (60, 600, 3_600, 86_400)
SAID = {60: 3, 600: 4, 3_600: 6, 86_400: 8}  # utterances that are quoted
SOUNDS = 4  # kinds of sound that are named
QUOTED_CHARACTERS = 200
LATE_NS = 60_000_000_000  # after its end a window waits so long for late records
NS_PER_S = 1_000_000_000
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """What happened in a window: how much of what, the sounds by name, and some of what was said with its ids."""

    session: str
    level_s: int
    start_ns: int
    kinds: Counter[str]
    sounds: Counter[str]
    cuts: int
    said: tuple[tuple[str, str], ...]  # record id and words, in the order of time
    records: tuple[str, ...]  # ids of one record of each other kind
    trust: Trust
    known_ns: int  # when the last of them was

    @property
    def end_ns(self) -> int:
        """Where the window ends; this moment belongs to the next."""
        return self.start_ns + self.level_s * NS_PER_S

    @property
    def named(self) -> tuple[str, ...]:
        """Return the ids of the records that it names: those it quotes, and one of each other kind."""
        return (*(key for key, _ in self.said), *self.records)

    @property
    def text(self) -> str:
        """Return it in one line."""
        parts = ['"{}"'.format(words.replace('"', "'")) for _, words in self.said]
        more = self.kinds["utterance"] - len(self.said)
        if more > 0:
            parts.append(f"{more} {'more ' if parts else ''}{'utterance' if more == 1 else 'utterances'}")
        parts += [name if count == 1 else f"{name} ({count} times)" for name, count in self.sounds.most_common(SOUNDS)]
        others = sum(self.sounds.values()) - sum(count for _, count in self.sounds.most_common(SOUNDS))
        if others:
            parts.append(f"{others} other {'sound' if others == 1 else 'sounds'}")
        parts += [
            _times(self.kinds["motion"], "movement"),
            _times(self.kinds["detection"], "detection"),
            _times(self.cuts, CUT),
            _times(self.kinds["gap"], "gap"),
        ]
        return "; ".join(part for part in parts if part) or "nothing changed"

    def narrowed(self, kinds: Sequence[str], quotes: int) -> Rollup:
        """Return it with only these kinds, all where none are named, and with at most so many utterances quoted."""
        wanted = frozenset(kinds or (*self.kinds, "utterance", "sound", "frame"))
        return replace(
            self,
            kinds=Counter({kind: count for kind, count in self.kinds.items() if kind in wanted}),
            sounds=self.sounds if "sound" in wanted else Counter(),
            cuts=self.cuts if "frame" in wanted else 0,
            said=extract(self.said, quotes) if "utterance" in wanted else (),
            records=tuple(key for key in self.records if kind_of(key) in wanted),
        )

    def data(self) -> str:
        """Return all but session, level and start as JSON."""
        fields = {"kinds": self.kinds, "sounds": self.sounds, "cuts": self.cuts, "said": self.said}
        return json.dumps({**fields, "records": self.records, "trust": self.trust, "known_ns": self.known_ns})


def of_records(
    db: apsw.Connection,
    session: str,
    level_s: int,
    start_ns: int,
    as_of_ns: int,
    bounds: tuple[int, int] | None = None,
    except_key: str = "",
) -> Rollup | None:
    """Return the roll-up of a window from the records that began in it and were known by then; None where none did.

    `bounds`, first and last moment, leave out a part of the window, `except_key` leaves out a record.
    """
    condition = "session = ? AND start_ns BETWEEN ? AND ? AND t_ns <= ? AND key != ?"
    first_ns, last_ns = bounds or (start_ns, start_ns + level_s * NS_PER_S - 1)
    return of_those(db, session, level_s, start_ns, condition, (session, first_ns, last_ns, as_of_ns, except_key))


def of_those(
    db: apsw.Connection, session: str, level_s: int, start_ns: int, condition: str, values: Sequence[str | int]
) -> Rollup | None:
    """Return the roll-up of a window from the records of which an SQL condition is true; None where there are none."""
    query = f"SELECT key, kind, text, trust, t_ns FROM record WHERE {condition} ORDER BY start_ns, end_ns, key"
    rows: list[Any] = db.execute(query, tuple(values)).fetchall()
    if not rows:
        return None
    said = [(key, text) for key, kind, text, *_ in rows if kind == "utterance" and text != WORDLESS]
    first = {kind: key for key, kind, *_ in reversed(rows) if kind != "utterance"}
    return Rollup(
        session=session,
        level_s=level_s,
        start_ns=start_ns,
        kinds=Counter(kind for _, kind, *_ in rows),
        sounds=Counter(text for _, kind, text, *_ in rows if kind == "sound"),
        cuts=sum(kind == "frame" and text.startswith(CUT) for _, kind, text, *_ in rows),
        said=extract(said, quotes_of(level_s)),
        records=tuple(first[kind] for kind in sorted(first)),
        trust=least_trusted(trust for *_, trust, _ in rows),
        known_ns=max(t_ns for *_, t_ns in rows),
    )


def of_shorter(parts: Sequence[Rollup], level_s: int, start_ns: int) -> Rollup | None:
    """Return the roll-up of a window from those of the shorter windows in it; None where there are none."""
    if not parts:
        return None
    first: dict[str, str] = {}
    for key in (key for part in parts for key in part.records):
        first.setdefault(kind_of(key), key)
    return Rollup(
        session=parts[0].session,
        level_s=level_s,
        start_ns=start_ns,
        kinds=sum((part.kinds for part in parts), Counter()),
        sounds=sum((part.sounds for part in parts), Counter()),
        cuts=sum(part.cuts for part in parts),
        said=extract([one for part in parts for one in part.said], quotes_of(level_s)),
        records=tuple(first[kind] for kind in sorted(first)),
        trust=least_trusted(part.trust for part in parts),
        known_ns=max(part.known_ns for part in parts),
    )


def extract(said: Sequence[tuple[str, str]], count: int) -> tuple[tuple[str, str], ...]:
    """Return at most `count` utterances, in their order, that cover the most of what was talked about.

    A word weighs as often as it was said; each is covered once. Of equals the earlier is taken.
    """
    words = [frozenset(content_words(text)) for _, text in said]
    weights = Counter(word for some in words for word in some)
    chosen: list[int] = []
    covered: set[str] = set()
    while len(chosen) < min(count, len(said)):
        left = [place for place in range(len(said)) if place not in chosen]
        best = max(left, key=lambda place: (sum(weights[word] for word in words[place] - covered), -place))
        chosen.append(best)
        covered |= words[best]
    return tuple((said[place][0], said[place][1][:QUOTED_CHARACTERS]) for place in sorted(chosen))


def quotes_of(length_s: int) -> int:
    """Return how many utterances are quoted of a window."""
    return max(count for level_s, count in SAID.items() if level_s <= length_s)


def kind_of(key: str) -> str:
    """Return the kind of a record from its id."""
    return key.rpartition("/")[2].partition("-")[0]


def content_words(text: str) -> list[str]:
    """Return the words of a text that say what it is about."""
    return [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]


def least_trusted(trusts: Iterable[str]) -> Trust:
    """Return the trust that may be put in what rests on all of them."""
    found = set(trusts)
    order: tuple[Trust, ...] = get_args(Trust)
    return next((trust for trust in order if trust in found), order[0])


def from_row(session: str, level_s: int, start_ns: int, data: str) -> Rollup:
    """Read a stored roll-up."""
    fields = json.loads(data)
    return Rollup(
        session=session,
        level_s=level_s,
        start_ns=start_ns,
        kinds=Counter(fields["kinds"]),
        sounds=Counter(fields["sounds"]),
        cuts=fields["cuts"],
        said=tuple((key, words) for key, words in fields["said"]),
        records=tuple(fields["records"]),
        trust=least_trusted([fields["trust"]]),
        known_ns=fields["known_ns"],
    )


def _times(count: int, what: str) -> str:
    return "" if not count else what if count == 1 else f"{what} ({count} times)"


def window_of(t_ns: int, level_s: int) -> int:
    """Return where the window of a level begins that a moment lies in."""
    return t_ns - t_ns % (level_s * NS_PER_S)


def stored(db: apsw.Connection, session: str, level_s: int, from_ns: int, until_ns: int) -> list[Rollup]:
    """Return the stored roll-ups of a level that begin in [from, until), the oldest first, without those due again."""
    query = """SELECT session, level_s, start_ns, data FROM rollup WHERE session = ? AND level_s = ?
        AND start_ns >= ? AND start_ns < ? ORDER BY start_ns"""
    rows: Iterable[Any] = db.execute(query, (session, level_s, from_ns, until_ns))
    return [from_row(*row) for row in rows]
