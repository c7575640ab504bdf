"""Needles in a memory of weeks: is what happened once still found an hour, a day, a month later?

Each needle is hidden on one day, after some days that the memory already holds, and asked for as of later moments:
what came after such a moment is there, and must not be seen. Right is the needle's record, or one of its clip. Every
sentence is asked for twice: in words of it, and in others, beside sentences that hold the question's words.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from memory.embed import TextEmbedder
from memory.recall import Recaller
from memory.scope import Scope
from memory.space import SpaceIndex
from memory.store import Store
from runtime.apps.bench_measure import Measure, Plan, progress
from runtime.apps.bench_memory import one_thread
from runtime.apps.bench_needles_memory import SCENE_SPACE, Filled, Scene, fill
from runtime.apps.bench_needles_said import NEEDLES, NEVER, Needle
from runtime.apps.bench_needles_talk import conversations, sentences
from runtime.apps.bench_needles_world import HOUR, SEED, SESSION, WIDTH, Days, Hidden, noisy
from runtime.messages import Recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

How: TypeAlias = Literal["in words of it", "in other words"]

AGES_H = {"1 h": 1, "8 h": 8, "24 h": 24, "7 d": 7 * 24, "30 d": 30 * 24}
GOALS = {"1 h": 95.0, "8 h": 95.0, "24 h": 90.0, "7 d": 85.0, "30 d": 80.0}
HOW: tuple[How, ...] = ("in words of it", "in other words")
TOP = 5
DEPTH = 2_000  # vectors, of which the best clips are taken
NEWEST = 512  # records: what a question gets without searching
OWNERS = """SELECT vec.id, coalesce(record.key, clip.key), coalesce(mine.key, clip.key) FROM vec
    LEFT JOIN record ON record.id = vec.owner LEFT JOIN clip ON clip.id = -vec.owner
    LEFT JOIN clip AS mine ON mine.id = record.clip_id WHERE vec.id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much to measure."""

    days_before: int
    ages: tuple[str, ...]
    sentences: int  # different ones
    talks_a_day: int
    picture_apart_s: int
    share: float  # of a full day's sounds and movements
    needles: Sequence[Needle] = NEEDLES
    never: Sequence[str] = NEVER
    scenes: int = 40

    @property
    def days_after(self) -> int:
        """How long the oldest needle is back."""
        return -(-max(AGES_H[age] for age in self.ages) // 24) + 1


QUICK = Amounts(
    days_before=1, ages=("1 h", "8 h", "24 h"), sentences=400, talks_a_day=20, picture_apart_s=120, share=0.25
)
NORMAL = Amounts(days_before=7, ages=tuple(AGES_H), sentences=3_000, talks_a_day=166, picture_apart_s=30, share=1.0)
FULL = Amounts(days_before=30, ages=tuple(AGES_H), sentences=20_000, talks_a_day=166, picture_apart_s=10, share=1.0)


def measure_needles(plan: Plan) -> list[Measure]:
    """Fill a memory with days, and look for the needles."""
    return measure_amounts({"quick": QUICK, "normal": NORMAL, "full": FULL}[plan.length], plan.data)


def measure_amounts(amounts: Amounts, data: Path) -> list[Measure]:
    """Measure so much; `data` is the folder of sample data, if any."""
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch, one_thread():
        folder, embedder = Path(scratch) / "memory", TextEmbedder()
        filled = fill_days(folder, embedder, amounts, data)
        return ask_all(folder, embedder, amounts, filled)


def fill_days(folder: Path, embedder: TextEmbedder, amounts: Amounts, data: Path) -> Filled:
    """Let the days pass."""
    near = [one for needle in amounts.needles for one in needle.near]
    days = Days(
        conversations=conversations(sentences(amounts.sentences, near, data, SEED)),
        talks_a_day=amounts.talks_a_day,
        picture_apart_s=amounts.picture_apart_s,
        share=amounts.share,
    )
    count = amounts.days_before + 1 + amounts.days_after
    return fill(folder, embedder, days, count, amounts.days_before, amounts.needles, amounts.scenes)


def ask_all(folder: Path, embedder: TextEmbedder, amounts: Amounts, filled: Filled) -> list[Measure]:
    """Ask for every needle at every age, and for what never happened at the end."""
    asking = Asking(folder, embedder)
    measures = [asking.measure(age, filled.hidden, how) for how in HOW for age in amounts.ages]
    measures += [asking.measure_scenes(age, filled.scenes) for age in amounts.ages]
    measures += asking.measure_never(filled, amounts.never)
    asking.close()
    return measures


class Asking:
    """Asks a filled memory in several ways."""

    def __init__(self, folder: Path, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._whole = Recaller(folder, embedder)
        self._words = Recaller(folder, None)
        self._store = Store.open(folder, writable=False)
        self._db = self._store.connection()
        self._meaning = SpaceIndex(self._store.path, embedder.space, embedder.width)
        self._scenes = SpaceIndex(self._store.path, SCENE_SPACE, WIDTH)
        for index in (self._meaning, self._scenes):
            index.follow(self._db)

    def close(self) -> None:
        """Let go of the memory."""
        for one in (self._whole, self._words, self._store):
            one.close()

    def measure(self, age: str, hidden: Sequence[Hidden], how: How) -> Measure:
        """Ask for every needle at one age; in words of it only for sentences."""
        progress(f"asking for what happened {age} back, {how}")
        hidden = [one for one in hidden if how == "in other words" or one.needle.named]
        queries = [_query(one, age, how) for one in hidden]
        ways: dict[str, Callable[[Recall], set[str]]] = {
            "whole": self.by_recall, "words_only": self.by_words, "vectors_only": self.by_vectors,
            "window_only": self.by_window,
        }  # fmt: skip
        found = {
            name: [self._is_right(one, way(query)) for one, query in zip(hidden, queries, strict=True)]
            for name, way in ways.items()
        }
        needles = [one.needle for one in hidden]
        whole = found.pop("whole")
        missed = [query.text for query, is_right in zip(queries, whole, strict=True) if not is_right]
        groups = {
            "speech": [one.sensor == "speech" and not one.window_h for one in needles],
            "sounds_and_motion": [one.sensor != "speech" for one in needles],
            "in_a_window": [one.window_h > 0 for one in needles],
        }
        return Measure(
            name=f"right clip in the top {TOP}, {age} back, asked {how}",
            value=_percent(whole),
            unit="%",
            at_least=GOALS[age],
            detail={name: _percent(rights) for name, rights in found.items()}
            | {
                name: _percent([w for w, one in zip(whole, group, strict=True) if one])
                for name, group in groups.items()
            }
            | {"needles": len(whole), "missed": " / ".join(missed) or "none"},
        )

    def measure_scenes(self, age: str, scenes: Sequence[Scene]) -> Measure:
        """Look for every scene that occurred once by another look at it."""
        rights = []
        for number, scene in enumerate(scenes):
            query = noisy(scene.vectors[len(scene.vectors) // 2], number)
            scope = Scope(session=SESSION, as_of_ns=scene.end_ns + AGES_H[age] * HOUR)
            ids, _ = self._scenes.search(query, TOP, scope)
            rights.append(not {key for key, _ in self._owners(ids)}.isdisjoint(scene.record_ids))
        return Measure(
            name=f"right scene in the top {TOP}, {age} back",
            value=_percent(rights),
            unit="%",
            at_least=GOALS[age],
            detail={"scenes": len(rights), "vectors": len(self._scenes)},
        )

    def measure_never(self, filled: Filled, questions: Sequence[str]) -> list[Measure]:
        """Ask about what never happened, as of the end, and for the needles once more."""
        never = [Recall(session=SESSION, query_id="q", as_of_ns=filled.end_ns, text=text, k=TOP) for text in questions]
        silent = [not self._whole.recall(query).hits for query in never]
        asked = [replace(_query(one, "1 h", "in other words"), as_of_ns=filled.end_ns) for one in filled.hidden]
        wrongly = sum(not self._whole.recall(query).hits for query in asked)
        wrong = [query.text for query, is_silent in zip(never, silent, strict=True) if not is_silent]
        detail = {"questions": len(never), "found_something": " / ".join(wrong) or "none"}
        memory = {"records": filled.records, "texts": filled.texts, "text_vectors": len(self._meaning)}
        said_nothing = sum(silent) + wrongly
        return [
            Measure(name="nothing found for what never happened", value=_percent(silent), unit="%", detail=detail),
            Measure(
                name="of what found nothing, what never happened",
                value=100.0 * sum(silent) / said_nothing if said_nothing else 100.0,
                unit="%",
                detail={"needles_that_found_nothing": wrongly} | memory,
            ),
        ]

    def by_recall(self, query: Recall) -> set[str]:
        """Return the keys of the records and clips that recall finds."""
        return {key for hit in self._whole.recall(query).hits for key in (hit.record_id, hit.clip_id)}

    def by_words(self, query: Recall) -> set[str]:
        """Search words alone."""
        return {key for hit in self._words.recall(query).hits for key in (hit.record_id, hit.clip_id)}

    def by_vectors(self, query: Recall) -> set[str]:
        """Search vectors alone, each clip and each text once."""
        vector = self._embedder.encode([query.text])[0]
        ids, scores = self._meaning.search(vector, DEPTH, _scope(query))
        _, firsts = np.unique(-scores, return_index=True)  # the same text has the same score
        ids = ids[firsts]
        clips: dict[str, set[str]] = {}
        for key, clip in self._owners(ids):
            clips.setdefault(clip or key, {clip}).add(key)
        return {key for keys in list(clips.values())[:TOP] for key in keys}

    def by_window(self, query: Recall) -> set[str]:
        """Return what the newest records hold, whatever is asked."""
        newest = self._whole.recall(replace(query, text="", start_ns=None, end_ns=None, timeline_limit=NEWEST))
        return {key for hit in newest.timeline for key in (hit.record_id, hit.clip_id)}

    def _owners(self, ids: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Return the keys of whatever has these vectors, and of their clips, in the same order."""
        found = {row[0]: (row[1], row[2] or "") for row in self._db.execute(OWNERS, (str(ids.tolist()),))}
        return [found[one] for one in ids.tolist()]

    def _is_right(self, hidden: Hidden, keys: set[str]) -> bool:
        clip = "SELECT clip.key FROM record JOIN clip ON clip.id = record.clip_id WHERE record.key = ?"
        return not keys.isdisjoint({hidden.record_id, self._db.execute(clip, (hidden.record_id,)).get})


def _query(hidden: Hidden, age: str, how: How) -> Recall:
    """Return the question as it is asked at one age."""
    text = hidden.needle.asked if how == "in other words" else hidden.needle.named
    as_of_ns = hidden.end_ns + AGES_H[age] * HOUR
    window_ns = round(hidden.needle.window_h * HOUR)
    query = Recall(session=SESSION, query_id="q", as_of_ns=as_of_ns, text=text, k=TOP, timeline_limit=0)
    if not window_ns:
        return query
    return replace(query, start_ns=hidden.start_ns - window_ns // 2, end_ns=hidden.end_ns + window_ns // 2)


def _scope(query: Recall) -> Scope:
    whole = Scope(session=SESSION, as_of_ns=query.as_of_ns)
    if query.start_ns is None or query.end_ns is None:
        return whole
    return replace(whole, start_ns=query.start_ns, end_ns=query.end_ns)


def _percent(rights: Sequence[bool]) -> float:
    return round(100.0 * fmean(rights), 1) if rights else 0.0
