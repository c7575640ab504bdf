"""Roll-ups say what happened in a window, name its records, and are made again when something comes or goes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.consolidate import Consolidation, roll_up
from memory.erase import Selector
from memory.overview import Overview
from memory.rollup import LEVELS_S, NS_PER_S, content_words, extract, from_row, stored
from memory.rows import StreamRow, record_row
from memory.store import Store
from runtime.messages import Record
from tests.memory_records import frame, gap, motion, ns, tone, utterance

HOUR, DAY = 3_600, 86_400


class Kept:
    """A memory that rolls up when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.consolidation = Consolidation(self.call)

    def call(self, job: Callable[[Store], int]) -> Future[int]:
        done: Future[int] = Future()
        done.set_result(job(self.store))
        return done

    def reach(self, t_s: float, *, ended: bool = False) -> None:
        """Let the stream come so far, and roll up what is over."""
        self.store.append([StreamRow("s", "mic", 0, "audio", 0, ns(t_s), ended)])
        self.consolidation.run()

    def texts(self, level_s: int) -> dict[int, str]:
        """Return start in seconds -> text."""
        query = "SELECT start_ns / 1000000000, text FROM rollup WHERE level_s = ? ORDER BY start_ns"
        return {int(start): str(text) for start, text in self.store.connection().execute(query, (level_s,))}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    memory = Kept(tmp_path)
    yield memory
    memory.store.close()


def test_a_minute_says_what_was_said_and_heard_and_names_it(kept: Kept) -> None:
    records: list[Record] = [
        utterance(0, 61, 63, "the kettle boils"),
        tone(1, 70, 71),
        tone(2, 80, 81),
        motion(3, 90, 92),
        frame(4, 95, is_cut=True),
        gap(5, 100, 101),
    ]
    kept.store.append([record_row(one) for one in records])
    kept.reach(179)
    assert kept.texts(60) == {}  # late records may come
    kept.reach(180)
    assert kept.texts(60) == {60: '"the kettle boils"; tone at 440 Hz (2 times); movement; scene change; gap'}
    (minute,) = stored(kept.store.connection(), "s", 60, 0, ns(DAY))
    assert minute.said == (("s/mic/0/utterance-0", "the kettle boils"),)
    assert set(minute.records) == {"s/mic/0/sound-1", "s/cam/0/motion-3", "s/cam/0/frame-4", "s/mic/0/gap-5"}
    assert (minute.trust, minute.end_ns) == ("scene", ns(120))
    assert kept.texts(600) == {}


def test_longer_windows_are_made_of_shorter_ones(kept: Kept) -> None:
    said = [utterance(seq, 600 * seq, 600 * seq + 1, f"topic {'abcdefghij'[seq % 10] * 4} again") for seq in range(30)]
    kept.store.append([record_row(one) for one in said])
    kept.reach(6 * HOUR)
    assert len(kept.texts(60)) == len(kept.texts(600)) == 30
    assert set(kept.texts(HOUR)) == {0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR}
    assert kept.texts(DAY) == {}
    kept.reach(6 * HOUR, ended=True)
    (day,) = kept.texts(DAY).values()
    assert day.count('"') == 16
    assert day.endswith("22 more utterances")


def test_what_comes_late_is_rolled_up_again_at_every_level(kept: Kept) -> None:
    kept.store.append([record_row(tone(0, 10, 11))])
    kept.reach(DAY, ended=True)
    assert set(kept.texts(DAY).values()) == {"tone at 440 Hz"}
    kept.store.append([record_row(tone(1, 20, 21))])
    kept.consolidation.run()
    for level_s in LEVELS_S:
        assert kept.texts(level_s) == {0: "tone at 440 Hz (2 times)"}


def test_what_is_erased_leaves_the_roll_ups_too(kept: Kept) -> None:
    kept.store.append([record_row(utterance(0, 10, 11, "secret")), record_row(tone(1, 20, 21))])
    kept.reach(DAY, ended=True)
    kept.store.erase(Selector(text="secret"))
    assert kept.texts(60) == kept.texts(DAY) == {}
    kept.consolidation.run()
    for level_s in LEVELS_S:
        assert kept.texts(level_s) == {0: "tone at 440 Hz"}
    kept.store.erase(Selector(stream="mic"))
    kept.consolidation.run()
    for level_s in LEVELS_S:
        assert kept.texts(level_s) == {}
    assert kept.store.connection().execute("SELECT count(*) FROM rollup_due").get == 0


def test_what_is_erased_after_it_decayed_leaves_the_roll_ups(kept: Kept) -> None:
    records = [utterance(0, 10, 11, "my secret pin"), utterance(1, 20, 21, "räin"), utterance(2, 7_000, 7_001, "snow")]
    kept.store.append([record_row(one) for one in records])
    kept.reach(DAY, ended=True)
    assert kept.store.decay(ns(6_000), 100) == 2
    for words in ("secret pins", "SECRET", "rain"):
        assert kept.store.count(Selector(text=words)).rollups == len(LEVELS_S)
    assert kept.store.count(Selector(text="secrets pin of")).rollups == 0
    gone = kept.store.erase(Selector(text="secret pins"))
    assert (gone.records, gone.rollups) == (0, len(LEVELS_S))
    assert any(b"my secret pin" in trace for trace in gone.traces)
    kept.consolidation.run()
    for level_s in LEVELS_S:
        assert not any("secret" in text for text in kept.texts(level_s).values())
    assert kept.texts(DAY) == {0: '"snow"'}
    for selector in (Selector(clip="s/mic/0/utterance-2"), Selector(stream="mic"), Selector(start_ns=ns(7_000))):
        assert kept.store.count(selector).rollups >= len(LEVELS_S)
    assert kept.store.count(Selector(stream="other")).rollups == kept.store.count(Selector(session="t")).rollups == 0
    kept.store.decay(ns(DAY), 100)
    kept.store.erase(Selector(session="s", start_ns=ns(7_000), end_ns=ns(7_002)))
    kept.consolidation.run()
    assert all(kept.texts(level_s) == {} for level_s in LEVELS_S)


def test_a_record_that_comes_while_windows_are_rolled_up_is_not_forgotten(kept: Kept) -> None:
    kept.store.append([record_row(utterance(n, 60 * n, 60 * n + 1, f"word{n}")) for n in range(300)])
    kept.store.append([StreamRow("s", "mic", 0, "audio", 0, ns(DAY), True)])
    late = iter(range(300, 600))

    def call(job: Callable[[Store], int]) -> Future[int]:
        """A record comes before each step, into a window of the past."""
        if (seq := next(late, None)) is not None:
            kept.store.append([record_row(utterance(seq, 60 * (seq - 300) + 5, 60 * (seq - 300) + 6, "late"))])
        return kept.call(job)

    Consolidation(call).run()
    Consolidation(kept.call).run()
    ((count,),) = kept.store.connection().execute("SELECT count(*) FROM record").fetchall()
    for level_s in LEVELS_S:
        made = stored(kept.store.connection(), "s", level_s, 0, ns(DAY))
        assert sum(one.kinds["utterance"] for one in made) == count


def test_times_before_1970_have_their_window(kept: Kept) -> None:
    kept.store.append([record_row(tone(0, -30, -29))])
    kept.reach(DAY, ended=True)
    assert kept.texts(60) == {-60: "tone at 440 Hz"}
    assert kept.texts(DAY) == {-DAY: "tone at 440 Hz"}


@given(st.lists(st.integers(0, 20 * 60), min_size=1, max_size=30, unique=True))
def test_all_that_is_stored_can_be_made_again(times: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = Kept(Path(folder))
        for seq, t_s in enumerate(times):
            kept.store.append([record_row(utterance(seq, t_s, t_s + 1, f"word{t_s % 7} word{t_s % 3}"))])
            kept.reach(t_s)
        kept.reach(HOUR, ended=True)
        db = kept.store.connection()
        for session, level_s, start_ns, data, text in db.execute(
            "SELECT session, level_s, start_ns, data, text FROM rollup"
        ).fetchall():
            made = roll_up(db, session, level_s, start_ns)  # type: ignore[arg-type]
            assert made == from_row(session, level_s, start_ns, data)  # type: ignore[arg-type]
            assert made is not None
            assert made.text == text
            assert made.kinds["utterance"] == sum(start_ns <= ns(t) < start_ns + level_s * NS_PER_S for t in times)  # type: ignore[operator]
        kept.store.close()


@given(st.lists(st.sampled_from(["red kite", "red car", "blue car", "green tree", "tree", "the of"]), max_size=9))
def test_an_extract_covers_more_than_any_other_first_choice(texts: list[str]) -> None:
    said = [(str(place), text) for place, text in enumerate(texts)]
    chosen = extract(said, 2)
    assert len(chosen) == min(2, len(said))
    assert [int(key) for key, _ in chosen] == sorted(int(key) for key, _ in chosen)
    if len(set(texts)) > 1 and {"red kite", "green tree"} <= set(texts):
        assert len({word for _, text in chosen for word in content_words(text)}) >= 3


@settings(max_examples=30)
@given(
    times=st.lists(st.integers(0, 3 * HOUR), min_size=1, max_size=40, unique=True),
    reached=st.integers(0, 4 * HOUR),
    window=st.tuples(st.integers(0, 3 * HOUR), st.integers(0, 4 * HOUR)),
    limit=st.integers(1, 40),
)
def test_an_overview_is_the_same_however_far_the_background_had_come(
    times: list[int], reached: int, window: tuple[int, int], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = Kept(Path(folder))
        kept.store.append([record_row(utterance(t, t, t + 1, f"word{t % 7} word{t % 3}")) for t in times])
        look = Overview(kept.store.connection(), "s", ns(4 * HOUR), ns(window[0]), ns(window[1]))
        before = look.lines(limit)
        kept.reach(reached)
        assert look.lines(limit) == before
        kept.reach(4 * HOUR, ended=True)
        assert look.lines(limit) == before
        assert len(before) <= limit
        inside = sum(window[0] <= t <= window[1] for t in times)
        assert sum(one.kinds["utterance"] for one in before) == inside
        kept.store.close()


def test_an_overview_knows_nothing_that_was_not_known_yet(kept: Kept) -> None:
    kept.store.append([record_row(one) for one in (utterance(0, 10, 12, "first"), utterance(1, 11, 200, "later"))])
    kept.reach(DAY, ended=True)
    for as_of_s, said in ((100, ["first"]), (199, ["first"]), (200, ["first", "later"])):
        (minute,) = Overview(kept.store.connection(), "s", ns(as_of_s), 0, ns(60) - 1).lines(5)
        assert [words for _, words in minute.said] == said
