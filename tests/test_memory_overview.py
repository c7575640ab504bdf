"""A window that holds more than a timeline is told in a few lines: by memory, in answers, and to a language model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory import overview
from memory.recall import Recaller
from memory.rollup import LEVELS_S
from memory.rows import SessionRow, StreamRow, record_row
from memory.scope import Scope
from memory.store import Store
from reasoning.brief import brief
from reasoning.evidence import answer
from reasoning.plan import plan
from reasoning.understand import understand
from runtime.messages import Recall, Recalled, Record
from runtime.wire import to_json
from tests.cases import case
from tests.memory_records import frame, gap, motion, ns, tone, utterance

HOUR = 3_600
WORDS = ("kettle boils", "dog barks", "door opens", "rain falls", 'he said "stop"')
NOW_S = 10 * HOUR


def happened(number: int) -> Record:
    at_s = 10 + 36.0 * number
    match number % 4:
        case 0:
            return utterance(number, at_s, at_s + 2, f"the {WORDS[number // 4 % 5]} in hour {int(at_s) // HOUR}")
        case 1:
            return tone(number, at_s, at_s + 1)
        case 2:
            return motion(number, at_s, at_s + 1)
        case _:
            return frame(number, at_s, is_cut=number % 8 == 3)


@pytest.fixture
def recaller(tmp_path: Path) -> Iterator[Recaller]:
    store = Store.open(tmp_path / "m")
    store.append([SessionRow("s", 0), *(record_row(happened(n)) for n in range(1_000)), record_row(gap(0, 50, 60))])
    recaller = Recaller(tmp_path / "m", None)
    yield recaller
    recaller.close()
    store.close()


def ask(recaller: Recaller, **fields: object) -> Recalled:
    query = Recall(session="s", query_id="q", as_of_ns=ns(NOW_S), timeline_limit=50, overview_limit=5)
    return recaller.recall(replace(query, **fields))  # type: ignore[arg-type]


def test_all_of_a_window_is_told_in_at_most_so_many_lines(recaller: Recaller) -> None:
    found = ask(recaller)
    lines = found.overview
    assert found.total == 1_001
    assert 2 <= len(lines) <= 5
    assert lines[0].start_ns <= ns(10)
    assert all(before.end_ns == after.start_ns for before, after in pairwise(lines))
    assert lines[-1].end_ns == ns(NOW_S)
    for line in lines:
        assert {hit.kind for hit in line.hits} >= {"utterance", "sound", "motion", "frame"}
        assert all(line.start_ns <= hit.start_ns < line.end_ns for hit in line.hits)
        assert "tone at 440 Hz (" in line.text
        assert line.trust == "scene"


def test_a_window_kinds_and_time_of_asking_hold_for_the_lines_too(recaller: Recaller) -> None:
    said = ask(recaller, kinds=("utterance",), start_ns=ns(2 * HOUR), end_ns=ns(4 * HOUR), timeline_limit=5).overview
    assert said
    assert {hit.kind for line in said for hit in line.hits} == {"utterance"}
    assert all("hour 2" in line.text or "hour 3" in line.text for line in said)
    assert not any("tone" in line.text or "movement" in line.text for line in said)
    early = ask(recaller, as_of_ns=ns(HOUR)).overview
    assert max(hit.end_ns for line in early for hit in line.hits) <= ns(HOUR)


@pytest.mark.parametrize(
    "fields",
    [
        {"overview_limit": 0},
        {"overview_limit": -1},
        {"timeline_limit": 2_000},
        {"streams": ("mic",)},
        {"trusts": ("operator",)},
        {"session": "another"},
        {"start_ns": ns(20), "end_ns": ns(10)},
    ],
)
def test_there_is_none_where_none_is_asked_for_or_needed_or_can_be(recaller: Recaller, fields: dict[str, int]) -> None:
    found = ask(recaller, **fields)
    assert found.overview == ()
    assert "overview" not in to_json(found)


def test_too_much_that_is_not_rolled_up_is_not_waited_for(recaller: Recaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "ON_THE_SPOT", 900)
    assert ask(recaller).overview == ()
    monkeypatch.setattr(overview, "ON_THE_SPOT", 2_000)  # and windows
    assert ask(recaller).overview


@pytest.mark.parametrize(("asked", "kind"), [("What happened?", ""), ("What was said?", "utterance")])
def test_an_answer_tells_all_of_it_and_each_sentence_names_a_record(recaller: Recaller, asked: str, kind: str) -> None:
    question = understand(asked, ns(NOW_S), 0)
    recalled = recaller.recall(replace(plan(question, "q", "s", ns(NOW_S)), timeline_limit=50))
    told = answer(question, recalled, ns(NOW_S), {}, {"cam": "video", "mic": "audio"}, truncated=False)
    supported = [sentence for sentence in told.sentences if sentence.supported]
    assert not told.abstained
    assert 5 <= len(supported) <= 8
    assert all(sentence.rests_on for sentence in supported)
    assert supported[0].text.startswith("From 0:00.0 to ")
    assert told.evidence[0].start_s < HOUR
    assert told.evidence[-1].start_s > NOW_S - 2 * HOUR
    assert not kind or {row.kind for row in told.evidence} == {kind}
    assert all(sentence.text.count('"') % 2 == 0 for sentence in supported)


def test_what_is_asked_for_in_particular_is_answered_from_records(recaller: Recaller) -> None:
    question = understand("When did the dog bark?", ns(NOW_S), 0)
    recalled = recaller.recall(plan(question, "q", "s", ns(NOW_S)))
    told = answer(question, recalled, ns(NOW_S), {}, {"cam": "video", "mic": "audio"}, truncated=False)
    assert {row.kind for row in told.evidence} <= {"utterance"}


def test_lines_whose_records_are_gone_are_told_without_support(recaller: Recaller) -> None:
    recalled = ask(recaller)
    bare = replace(recalled, overview=tuple(replace(line, hits=()) for line in recalled.overview))
    question = understand("What happened?", ns(NOW_S), 0)
    told = answer(question, bare, ns(NOW_S), {}, {"cam": "video", "mic": "audio"}, truncated=False)
    assert not any(sentence.supported for sentence in told.sentences)
    assert any("no longer kept" in sentence.text for sentence in told.sentences)


def test_a_language_model_is_told_the_lines_before_the_newest_records(recaller: Recaller) -> None:
    recalled = ask(recaller)
    asked = case("What happened?", at_s=float(NOW_S), recalled=recalled)
    short = brief(asked, None, [], 2_000, len)
    assert sum(" in short: " in line for line in short.prompt.lines) >= 3
    assert all(rows for line, rows in zip(short.prompt.lines, short.evidence, strict=True) if " in short: " in line)
    whole = brief(asked, None, [], 100_000, len)
    assert len(whole.prompt.lines) > len(short.prompt.lines)


@settings(max_examples=30)
@given(
    times=st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 900), st.integers(0, 90)), min_size=1, max_size=40),
    window=st.tuples(st.none() | st.integers(0, 40_000), st.none() | st.integers(0, 41_000)),
    but=st.none() | st.integers(0, 39),
    limit=st.integers(1, 12),
    rolled=st.booleans(),
)
def test_lines_count_what_the_timeline_counts(
    times: list[tuple[int, int, int]],
    window: tuple[int | None, int | None],
    but: int | None,
    limit: int,
    rolled: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        records = [utterance(seq, at_s, at_s + lasts_s, f"word{seq}") for seq, (at_s, lasts_s, _) in enumerate(times)]
        rows = [record_row(one, clock_ns=ns(off_s)) for one, (*_, off_s) in zip(records, times, strict=True)]
        store.append([SessionRow("s", 0), StreamRow("s", "mic", 0, "audio", 0, ns(99_999), 1), *rows])
        while rolled and any(store.roll_up(level_s) for level_s in LEVELS_S):
            pass
        bounds = {name: ns(at_s) for name, at_s in zip(("start_ns", "end_ns"), window, strict=True) if at_s is not None}
        key = f"s/mic/0/utterance-{but}" if but is not None and but < len(times) else ""
        scope = replace(Scope(session="s", as_of_ns=2**63 - 1, except_key=key), **bounds)  # type: ignore[arg-type]
        lines = overview.overview(store.connection(), scope, 0, limit, 3)
        condition, values = scope.where()
        began = "AND start_ns BETWEEN ? AND ?"  # without one of these there is no line
        inside = (
            store.connection()
            .execute(
                f"SELECT count(*), sum(1) FILTER (WHERE true {began}) FROM record WHERE {condition}",
                (max(scope.start_ns, 0), min(scope.end_ns, scope.as_of_ns), *values),
            )
            .fetchall()[0]
        )
        assert sum(line.kinds.total() for line in lines) == (inside[0] if inside[1] else 0)
        assert len(lines) <= limit
        store.close()


def test_months_of_silence_cost_nothing_and_all_days_are_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    days = [0, 1, 2, 50, 179, 180]
    store.append(
        [SessionRow("s", 0), *(record_row(utterance(d, 86_400 * d + 5, 86_400 * d + 6, f"day {d}")) for d in days)]
    )
    for limit in (1, 2, 8, 100):
        look = overview.Overview(store.connection(), "s", 2**63 - 1, 0, 2**63 - 1)
        lines = look.lines(limit)
        assert sum(line.kinds["utterance"] for line in lines) == len(days)
        assert overview.ON_THE_SPOT - look._left < 3_000
        assert 1 <= len(lines) <= limit
    store.close()
