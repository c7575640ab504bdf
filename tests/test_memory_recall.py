"""Recall against a slow and obvious reference: the right session, window and time, and nothing when nothing fits."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.clips import ClipBorders
from memory.embed import TextEmbedder
from memory.embedded import EmbeddedStore
from memory.protocol import SHOWN
from memory.reader import read_hits, strongest_in_clips
from memory.recall import Recaller
from memory.rows import ClipRow, SessionRow, clip_key, clip_row, record_row, vector_row
from memory.scope import Scope
from memory.store import Store
from memory.words import Term
from runtime.messages import Frame, Recall, Record, record_id
from tests.memory_records import (
    LetterEmbedder,
    S,
    frame,
    gap,
    letter_vector,
    motion,
    ns,
    rows_with_vectors,
    tone,
    utterance,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.messages import Recalled

RECORDS: tuple[Record, ...] = (
    utterance(0, 1, 3, "please put the kettle on"),
    tone(0, 4, 4.5),
    motion(0, 3, 6),
    utterance(1, 6, 8, "the train to london leaves at nine"),
    motion(1, 7, 9, box=(0.8, 0.4, 1.0, 0.6)),
    frame(0, 9, is_cut=True),
    utterance(2, 10, 12, "i left my keys in the kitchen drawer"),
    tone(1, 13, 14),
    gap(0, 15, 16),
)


class Memory:
    """A store with a recaller on it."""

    def __init__(self, folder: Path | str) -> None:
        self.store = Store.open(folder)
        self.recaller = Recaller(folder, LetterEmbedder())

    def add(self, *records: Record) -> None:
        self.store.append(rows_with_vectors(records))

    def ask(self, text: str = "", *, as_of_s: float = 1_000, **fields: object) -> Recalled:
        query = Recall(session="s", query_id="q", as_of_ns=ns(as_of_s), text=text)
        return self.recaller.recall(replace(query, **fields))  # type: ignore[arg-type]

    def close(self) -> None:
        self.recaller.close()
        self.store.close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(tmp_path / "memory")
    opened.store.append([SessionRow("s", 0)])
    opened.add(*RECORDS)
    yield opened
    opened.close()


def ids(records: object) -> list[str]:
    return [hit.record_id.removeprefix("s/") for hit in records]  # type: ignore[attr-defined]


def test_the_best_match_comes_first_with_its_words_and_times(memory: Memory) -> None:
    found = memory.ask("When does the train to London leave?")
    best = found.hits[0]
    assert (best.record_id, best.start_ns, best.end_ns) == ("s/mic/0/utterance-1", ns(6), ns(8))
    assert best.text == "the train to london leaves at nine"
    assert 0.5 <= best.score <= 1.0
    assert found.searched == ("fts", LetterEmbedder.space)
    assert found.session_start_ns == 0


def test_what_was_never_said_finds_nothing(memory: Memory) -> None:
    found = memory.ask("Did anybody mention a zebra, zebra, zzz?")
    assert found.hits == ()
    assert found.searched == ("fts", LetterEmbedder.space)
    assert found.counts == {"frame": 1, "gap": 1, "motion": 2, "sound": 2, "utterance": 3}


def test_one_known_word_does_not_answer_for_an_unknown_one(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.append([record_row(record) for record in RECORDS])
    recaller = Recaller(tmp_path, None)
    query = Recall(session="s", query_id="q", as_of_ns=ns(99), text="the train to tokyo")
    assert recaller.recall(query).hits == ()
    assert ids(recaller.recall(replace(query, text="the train to london")).hits) == ["mic/0/utterance-1"]
    assert recaller.recall(query).searched == ("fts",)
    recaller.close()
    store.close()


def test_a_question_of_framing_words_searches_nothing(memory: Memory) -> None:
    found = memory.ask("What was that?")
    assert (found.hits, found.searched) == ((), ())
    assert found.total == len(RECORDS)


def test_a_misspelt_name_is_still_found(memory: Memory) -> None:
    memory.add(utterance(9, 20, 21, "eleanors carriage"))
    assert ids(memory.ask("elleanor").hits)[:1] == ["mic/0/utterance-9"]


def test_a_quoted_phrase_must_stand_together(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.append(
        [record_row(utterance(i, i, i + 1, text)) for i, text in enumerate(["go forward now", "forward we go"])]
    )
    recaller = Recaller(tmp_path, None)
    asked = Recall(session="s", query_id="q", as_of_ns=ns(9), text='did anybody say "go forward"?')
    assert ids(recaller.recall(asked).hits) == ["mic/0/utterance-0"]
    recaller.close()
    store.close()


def test_what_is_committed_is_found_by_the_next_recall(memory: Memory) -> None:
    assert memory.ask("violin").hits == ()
    memory.add(utterance(7, 30, 31, "the violin is out of tune"))
    assert ids(memory.ask("violin").hits) == ["mic/0/utterance-7"]


def test_of_equals_the_newest_is_first_and_repeats_stand_last(memory: Memory) -> None:
    memory.add(utterance(5, 20, 21, "a tone"), utterance(6, 22, 23, "a tone"))
    found = ids(memory.ask("tone", kinds=("sound", "utterance")).hits)
    assert set(found[:2]) == {"mic/0/utterance-6", "mic/0/sound-1"}
    assert set(found[2:]) >= {"mic/0/utterance-5", "mic/0/sound-0"}


def test_what_is_nearly_the_same_stands_behind_what_says_something_else(memory: Memory) -> None:
    long = "a b c d e f g h i piano"
    memory.add(utterance(20, 20, 21, long), utterance(21, 22, 23, f"{long} j"), utterance(22, 24, 25, "piano violin"))
    assert ids(memory.ask("piano").hits) == ["mic/0/utterance-22", "mic/0/utterance-21", "mic/0/utterance-20"]
    found = memory.ask(f"{long} x")
    assert ids(found.hits)[:2] == ["mic/0/utterance-20", "mic/0/utterance-22"]
    assert ids(found.hits)[-1] == "mic/0/utterance-21"
    assert ids(memory.ask(f"{long} x", k=2).hits) == ids(found.hits)[:2]


def test_records_of_one_clip_stand_behind_those_of_others(memory: Memory) -> None:
    said = [
        utterance(20 + i, 20 + 10 * i, 21 + 10 * i, f"piano {word}") for i, word in enumerate(("red", "blue", "tin"))
    ]
    memory.add(*said)
    before = ids(memory.ask("piano").hits)
    assert before == ["mic/0/utterance-22", "mic/0/utterance-21", "mic/0/utterance-20"]
    borders = ClipBorders("s", "mic", 0, "audio")
    (one, *_) = [clip for record in said[:1] for clip in (*borders.add(record), *borders.end(ns(60)))]
    both = replace(one, record_ids=tuple(record_id(record) for record in said[1:]))
    memory.store.append([clip_row(both)])
    assert ids(memory.ask("piano").hits) == [before[0], before[2], before[1]]
    assert ids(memory.ask("piano", as_of_s=59).hits) == before  # the clip was open then


def test_what_is_said_again_and_again_does_not_hide_what_was_said_once(memory: Memory) -> None:
    memory.add(
        utterance(100, 20, 21, "piano lesson"), *(utterance(200 + i, 30 + i, 31 + i, "piano") for i in range(300))
    )
    found = memory.ask("onaip")  # its letters, but not the word
    assert found.hits[0].text == "piano"
    assert found.hits[1].text == "piano lesson"


def test_what_meaning_finds_first_is_not_lost_behind_newer_records_with_the_word(memory: Memory) -> None:
    longer = [utterance(200 + i, 30 + i, 31 + i, f"piano a{i} b{i} c{i}") for i in range(100)]
    memory.add(utterance(100, 20, 21, "piano"), *longer)
    assert memory.ask("piano").hits[0].record_id == "s/mic/0/utterance-100"


def test_before_and_after_an_anchor_move_the_window(memory: Memory) -> None:
    before = memory.ask(anchor="train to london", relation="before")
    assert before.anchor is not None
    assert before.anchor.record_id == "s/mic/0/utterance-1"
    assert (before.start_ns, before.end_ns) == (0, ns(6))
    assert ids(before.timeline) == ["mic/0/utterance-0", "cam/0/motion-0", "mic/0/sound-0"]
    after = memory.ask(anchor="train to london", relation="after", kinds=("motion", "utterance"))
    assert (after.start_ns, after.end_ns) == (ns(8), ns(1_000))
    assert ids(after.timeline) == ["cam/0/motion-1", "mic/0/utterance-2"]


def test_during_an_anchor_reaches_a_second_further(memory: Memory) -> None:
    during = memory.ask(anchor="kettle", relation="during")
    assert (during.start_ns, during.end_ns) == (0, ns(4))
    assert ids(during.timeline) == ["mic/0/utterance-0", "cam/0/motion-0", "mic/0/sound-0"]


def test_an_anchor_that_is_not_there_leaves_no_window(memory: Memory) -> None:
    lost = memory.ask("tone", anchor="zebra zzz", relation="after")
    assert (lost.anchor, lost.hits, lost.timeline, lost.total) == (None, (), (), 0)
    assert lost.counts["sound"] == 2


def test_hits_of_a_window_come_from_the_window(memory: Memory) -> None:
    found = memory.ask("tone", anchor="train to london", relation="after")
    assert "mic/0/sound-1" in ids(found.hits)
    assert "mic/0/sound-0" not in ids(found.hits)


def test_a_window_that_ends_before_it_starts_holds_nothing(memory: Memory) -> None:
    memory.add(motion(5, 0, 100))
    found = memory.ask("movement", start_ns=ns(9), end_ns=ns(5))
    assert (found.hits, found.timeline, found.total) == ((), (), 0)


def test_the_timeline_keeps_the_newest_and_counts_all(memory: Memory) -> None:
    found = memory.ask(timeline_limit=2)
    assert ids(found.timeline) == ["mic/0/sound-1", "mic/0/gap-0"]
    assert found.total == len(RECORDS)


def test_nothing_known_later_is_visible(memory: Memory) -> None:
    early = memory.ask("the train to london", as_of_s=7.9)
    assert early.hits == ()
    assert early.counts == {"motion": 1, "sound": 1, "utterance": 1}
    assert early.end_ns == ns(7.9)
    assert ids(memory.ask("the train to london", as_of_s=8).hits) == ["mic/0/utterance-1"]


def test_answers_do_not_change_with_what_comes_later_or_elsewhere(memory: Memory) -> None:
    before = memory.ask("where are the keys and the kettle", as_of_s=12)
    memory.add(*(utterance(100 + i, 20 + i, 21 + i, "keys kettle keys") for i in range(30)))
    memory.add(*(utterance(i, 2, 3, "keys", session="other") for i in range(30)))
    assert memory.ask("where are the keys and the kettle", as_of_s=12) == before


def test_a_clip_is_named_once_it_was_known(memory: Memory) -> None:
    borders = ClipBorders("s", "mic", 0, "audio")
    clips = [clip for record in RECORDS if record.stream == "mic" for clip in borders.add(record)] + borders.end(ns(40))
    (clip,) = clips
    memory.store.append([clip_row(clip), letter_vector(clip_key(clip), clip.text)])
    assert {hit.clip_id for hit in memory.ask("kettle").hits} == {"s/mic/0/clip-0"}
    assert {hit.clip_id for hit in memory.ask("kettle", as_of_s=39).hits} == {""}


def test_movement_is_found_through_the_text_of_its_clip(memory: Memory) -> None:
    borders = ClipBorders("s", "cam", 0, "video")
    clips = [clip for record in RECORDS if record.stream == "cam" for clip in borders.add(record)] + borders.end(ns(40))
    memory.store.append([row for clip in clips for row in (clip_row(clip), letter_vector(clip_key(clip), clip.text))])
    assert [clip.text for clip in clips] == ["movement on the left; movement on the right", "scene change"]
    asked = "mmoveent rihgt"  # the letters of its words, but none of them
    assert ids(memory.ask(asked).hits) == ["cam/0/motion-1"]
    assert ids(memory.ask(asked, end_ns=ns(6)).hits) == ["cam/0/motion-0"]
    assert ids(memory.ask("ecens gchane", kinds=("frame",)).hits) == ["cam/0/frame-0"]
    assert memory.ask(asked, kinds=("sound", "utterance")).hits == ()
    assert memory.ask(asked, as_of_s=8.5).hits == ()  # the clip was not closed then


def test_clips_with_the_words_of_many_records_do_not_hide_one_record(memory: Memory) -> None:
    memory.add(utterance(100, 20, 21, "violin lesson on monday"))
    for seq in range(1, 101):  # each nearer to the question than the record, no two equally
        said = record_row(utterance(200 + seq, 30 * seq, 30 * seq + 1, "something else"))
        text = "violin " * seq + "lesson"
        clip = ClipRow(
            key=f"s/mic/0/clip-{seq}", session="s", stream="mic", epoch=0, seq=seq, sensor="audio", t_ns=said.t_ns,
            start_ns=said.start_ns, end_ns=said.end_ns, text=text, records=json.dumps([said.key]),
        )  # fmt: skip
        memory.store.append([said, clip, letter_vector(clip.key, text)])
    assert memory.ask("onliiv lessno", as_of_s=4_000).hits[0].record_id == "s/mic/0/utterance-100"


def test_pictures_and_presence_are_read_by_id(memory: Memory) -> None:
    assert memory.recaller.media("s/cam/0/frame-0") == b"\xff\xd8" + bytes(4)
    assert memory.recaller.has("s/cam/0/frame-0")
    assert not memory.recaller.has("s/cam/0/frame-1")


def test_any_numbers_from_outside_are_borne(memory: Memory) -> None:
    found = memory.ask("kettle", as_of_ns=10**30, start_ns=-(10**30), end_ns=10**30, k=10**30, timeline_limit=10**30)
    assert found.total == len(found.timeline) == len(RECORDS)
    assert ids(found.hits) == ["mic/0/utterance-0"]
    none = memory.ask("kettle", k=-1, timeline_limit=-1)
    assert (none.hits, none.timeline, none.total) == ((), (), len(RECORDS))


def test_words_alike_within_one_record_are_borne(tmp_path: Path) -> None:
    opened = Memory(tmp_path)
    opened.add(utterance(0, 0, 1, "meteo meteora"))
    assert ids(opened.ask("meteor").hits) == ["mic/0/utterance-0"]
    opened.close()


def test_neighbours_of_hits_come_once_in_time_and_only_from_the_window(memory: Memory) -> None:
    plain = memory.ask("the train to london")
    assert (ids(plain.hits), plain.neighbours) == (["mic/0/utterance-1"], ())
    found = memory.ask("the train to london", neighbours=1)
    assert ids(found.neighbours) == ["mic/0/sound-0", "mic/0/utterance-2"]
    assert {hit.score for hit in found.neighbours} == {0.0}
    assert replace(found, neighbours=()) == plain
    assert ids(memory.ask("the train to london", neighbours=2).neighbours)[0] == "mic/0/utterance-0"
    assert ids(memory.ask("the train to london", neighbours=9, end_ns=ns(9)).neighbours) == [
        "mic/0/utterance-0",
        "mic/0/sound-0",
    ]
    assert ids(memory.ask("the train to london", neighbours=9, kinds=("utterance",)).neighbours) == [
        "mic/0/utterance-0",
        "mic/0/utterance-2",
    ]
    both = memory.ask("kettle train london", neighbours=10**30)
    assert not set(ids(both.hits)) & set(ids(both.neighbours))
    assert memory.ask("zebra zzz", neighbours=3).neighbours == ()
    assert memory.ask("kettle", neighbours=-1).neighbours == ()


def test_fewer_than_k_exist_differs_from_nothing_relevant(memory: Memory) -> None:
    few = memory.ask("kettle", start_ns=0, end_ns=ns(2), kinds=("utterance",))
    assert (len(few.hits), few.total) == (1, 1)  # all that there is
    irrelevant = memory.ask("zebra zzz")
    assert (len(irrelevant.hits), irrelevant.total) == (0, len(RECORDS))
    empty = memory.ask("kettle", start_ns=ns(500))
    assert (len(empty.hits), empty.total, empty.searched) == (0, 0, ("fts", LetterEmbedder.space))


def test_an_unknown_session_is_empty(memory: Memory) -> None:
    found = memory.ask("train", session="nowhere")
    assert (found.hits, found.timeline, found.counts, found.session_start_ns) == ((), (), {}, 0)


def test_reading_what_was_found_does_not_walk_through_the_session(tmp_path: Path) -> None:
    steps = []
    store = Store.open(tmp_path)
    db = store.connection()
    scope = Scope(session="s", as_of_ns=ns(100_000))
    for count in (50, 3_000):
        borders = ClipBorders("s", f"cam{count}", 0, "video")
        moved = [motion(i, 5 * i, 5 * i + 1, stream=f"cam{count}") for i in range(count)]
        clips = [clip for one in moved for clip in borders.add(one)]
        store.append([*map(record_row, moved), *map(clip_row, clips)])
        calls: list[int] = []
        db.set_progress_handler(lambda calls=calls: bool(calls.append(1)), 10)  # type: ignore[misc]
        assert len(read_hits(db, dict.fromkeys(range(1, 41), 0.5), scope)) == 40
        assert len(strongest_in_clips(db, range(1, 41), scope, SHOWN)) == 40
        db.set_progress_handler(None)
        steps.append(len(calls))
    store.close()
    assert steps[1] < 1.5 * steps[0]


def sees(record: Record, query: Recall) -> bool:
    """Say what every filter must say, the slow way."""
    start_ns, end_ns = (record.t_ns, record.t_ns) if isinstance(record, Frame) else (record.start_ns, record.end_ns)
    window_end_ns = query.as_of_ns if query.end_ns is None else min(query.end_ns, query.as_of_ns)
    return (
        record.session == query.session
        and record.t_ns <= query.as_of_ns
        and start_ns <= window_end_ns
        and (query.start_ns is None or end_ns >= query.start_ns)
        and (query.start_ns is None or query.start_ns <= window_end_ns)
        and (not query.kinds or record.kind in query.kinds)
        and (not query.streams or record.stream in query.streams)
    )


def random_records(seed: int) -> list[Record]:
    rng = random.Random(seed)
    records: list[Record] = []
    for seq in range(rng.randrange(1, 60)):
        session, stream = rng.choice(["s", "t"]), rng.choice(["a", "b"])
        start_s = rng.uniform(0, 50)
        end_s = start_s + rng.choice([0.0, 1.0, 20.0])
        match rng.randrange(4):
            case 0:
                records.append(frame(seq, start_s, session=session, stream=stream))
            case 1:
                records.append(motion(seq, start_s, end_s, session=session, stream=stream))
            case 2:
                records.append(tone(seq, start_s, end_s, session=session, stream=stream))
            case _:
                text = rng.choice(["the kettle", "a kettle please", "zzz"])
                known_s = end_s + rng.choice([0.0, 2.0])
                records.append(utterance(seq, start_s, end_s, text, session=session, stream=stream, known_s=known_s))
    return records


def steps_of(store: EmbeddedStore, reader: Store, count: int) -> dict[str, int]:
    """Ask for all, and for what happened ten seconds before the end; return how far SQLite walked for each answer."""
    everything = Scope(session="s", as_of_ns=ns(count))
    window = replace(everything, start_ns=ns(count - 20), end_ns=ns(count - 10))
    calls: list[int] = []
    reader.connection().set_progress_handler(lambda: bool(calls.append(1)), 10)  # type: ignore[func-returns-value]
    walked = [0]
    assert store.counts("s", ns(count)) == {"utterance": count}
    walked.append(len(calls))
    assert store.timeline(everything, 5)[1] == count
    walked.append(len(calls))
    assert store.timeline(window, 50)[1] == 12
    walked.append(len(calls))
    assert len(store.matching([Term(("kettle",), ("kettl",))], 50, window).scores) == 12
    walked.append(len(calls))
    assert len(store.neighbours(f"s/mic/0/utterance-{count - 15}", 20, 20, window)) == 11
    walked.append(len(calls))
    return dict(zip(("counts", "all", "window", "words", "beside"), np.diff(walked).tolist(), strict=True))


def test_a_short_window_costs_the_same_however_long_the_session_is(tmp_path: Path) -> None:
    writer, reader = Store.open(tmp_path), Store.open(tmp_path, writable=False)
    store = EmbeddedStore(reader, writer)
    row = record_row(utterance(0, 0, 1, "the kettle"))
    steps = []
    for count in (6_000, 12_000):  # more than are looked at of a word that everybody says
        store.append(
            [
                row._replace(key=f"s/mic/0/utterance-{i}", seq=i, start_ns=ns(i), end_ns=ns(i + 1), t_ns=ns(i + 1))
                for i in range(count - 6_000, count)
            ]
        )
        steps.append(steps_of(store, reader, count))
    store.close()
    for name, few in steps[0].items():
        assert steps[1][name] <= 1.2 * few + 20, (name, steps)


@pytest.mark.slow  # on a busy machine
@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    query=st.builds(
        Recall,
        session=st.sampled_from(["s", "t", "s/a"]),
        query_id=st.just("q"),
        as_of_ns=st.integers(0, 70 * S),
        text=st.sampled_from(["", "kettle", "tone kettle movement"]),
        kinds=st.sampled_from([(), ("utterance",), ("motion", "frame"), ("sound", "utterance")]),
        streams=st.sampled_from([(), ("a",), ("b", "c")]),
        start_ns=st.none() | st.integers(0, 70 * S),
        end_ns=st.none() | st.integers(0, 70 * S),
        k=st.integers(1, 12),
        timeline_limit=st.integers(1, 30),
    ),
)
def test_filters_equal_the_slow_reference(seed: int, query: Recall) -> None:
    records = random_records(seed)
    visible = [record for record in records if sees(record, query)]
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(folder)
        memory.add(*records)
        found = memory.recaller.recall(query)
        memory.close()
    keys = {record_id(record) for record in visible}
    assert found.total == len(keys)
    assert len(found.timeline) == min(len(keys), query.timeline_limit)
    assert {hit.record_id for hit in (*found.timeline, *found.hits)} <= keys
    known = [record for record in records if record.session == query.session and record.t_ns <= query.as_of_ns]
    assert sum(found.counts.values()) == len(known)
    if query.text == "kettle":  # k whenever k exist: each holds the one word that is asked for
        holders = {
            record_id(one) for one in visible if one.kind == "utterance" and "kettle" in getattr(one, "text", "")
        }
        assert len(found.hits) >= min(query.k, len(holders))
        assert len({hit.record_id for hit in found.hits}) == len(found.hits)


def test_no_record_of_another_session_is_ever_seen(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    sessions = ["s", "t", "s%", "S", "s ", "s/a", "'; DROP TABLE record; --"]
    memory.add(*(utterance(i, i, i + 1, f"kettle {i}", session=sessions[i % len(sessions)]) for i in range(70)))
    for session in sessions:
        query = Recall(session=session, query_id="q", as_of_ns=ns(99), text="kettle", anchor="kettle", k=50)
        found = memory.recaller.recall(query)
        assert len(found.hits) == found.total == 10
        assert all(hit.record_id.startswith(f"{session}/mic/") for hit in (*found.hits, *found.timeline))
    memory.close()


SAID = [
    "go forward ten meters",
    "the train to london leaves at half past nine from platform two",
    "i left my keys in the kitchen drawer",
    "he was not an ill disposed young man",
    "the battery is almost empty please return to the charging station",
    "my sister is coming to visit us on tuesday",
    "the weather will be rainy tomorrow with strong wind",
]
ASKED = {
    "Where are my keys?": 2,
    "What is the forecast for tomorrow?": 6,
    "When does the train leave?": 1,
    "Who will visit us?": 5,
    "What was said about the young man?": 3,
    "Did anybody say to go forward?": 0,
    "Is the battery low?": 4,
}
NEVER_SAID = [
    "At what moment was the word elephant spoken?",
    "What colour was the second car?",
    "What did she say about the war?",
    "Who won the football match?",
    "Did anyone mention pizza?",
    "Is there swimming today?",
    "What did the president promise?",
]


def test_real_questions_find_their_sentence_and_foreign_ones_nothing(tmp_path: Path) -> None:
    embedder = TextEmbedder()
    store = Store.open(tmp_path)
    rows = [record_row(utterance(i, i * 5, i * 5 + 3, text)) for i, text in enumerate(SAID)]
    vectors = embedder.encode(SAID)
    store.append([*rows, *(vector_row(row.key, embedder.space, v) for row, v in zip(rows, vectors, strict=True))])
    recaller = Recaller(tmp_path, embedder)
    query = Recall(session="s", query_id="q", as_of_ns=ns(99))
    for text, which in ASKED.items():
        hits = recaller.recall(replace(query, text=text)).hits
        assert ids(hits)[:1] == [f"mic/0/utterance-{which}"], text
        assert recaller.recall(replace(query, text=text)).hits == hits
    assert [text for text in NEVER_SAID if recaller.recall(replace(query, text=text)).hits] == []
    recaller.close()
    store.close()
