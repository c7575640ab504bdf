"""What changed between two runs: matched by time and content, whatever the numbering; the same with runs exchanged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.apps.diff import COMPARED, Diff, FieldChange, compare
from runtime.apps.diff_match import overlap, pair_in_time
from runtime.apps.diff_words import in_words
from runtime.apps.run_file import NO_CONTENT, Run, as_said, read_run
from runtime.messages import KINDS, Message, Stored, Timing
from tests.fakes import example, watermark
from tests.runs import (
    SESSION,
    S,
    a_session,
    alerted,
    answered,
    clipped,
    moved,
    rests_on,
    seen,
    sounded,
    spoken,
    write_run,
)
from tests.test_runtime_digest import other_than

OTHER = "replay-ba9876543210"
DAY_S = 1_790_000_000.0  # of a live session, in Unix time


def run_of(messages: Iterable[Message], **facts: Any) -> Run:
    said = tuple(map(as_said, messages))
    values: dict[str, Any] = {"path": Path("run.mcap"), "session": SESSION, "said": said, "source": "live"}
    return Run(**(values | facts))


def differences(before: Iterable[Message], after: Iterable[Message]) -> Diff:
    return compare(run_of(before), run_of(after))


def told(diff: Diff) -> list[tuple[str, str, list[str]]]:
    return [(one.what, one.kind, [field.name for field in one.fields]) for one in diff.changes]


TENTHS = st.integers(0, 100).map(lambda tenth: tenth / 10)
WORDS = st.sampled_from(["", "yes", "no", "good morning"])
TEXTS = st.one_of(WORDS, st.text(max_size=5).filter(lambda text: text.isprintable()))
MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda seq, at, long: moved(seq, at, at + long), st.integers(0, 9), TENTHS, TENTHS),
        st.builds(lambda seq, at, text: spoken(seq, at, at + 1, text), st.integers(0, 9), TENTHS, TEXTS),
        st.builds(lambda seq, at, end: sounded(seq, at, end), st.integers(0, 9), TENTHS, TENTHS),
        st.builds(lambda seq, at: seen(seq, at), st.integers(0, 9), TENTHS),
        st.builds(
            lambda seq, at, one: clipped(seq, at, at + 5, "", (f"{SESSION}/mic/0/utterance-{one}",)),
            st.integers(0, 3),
            TENTHS,
            st.integers(0, 9),
        ),
        st.builds(lambda name, at, text: answered(name, at, text, text), st.sampled_from("abc"), TENTHS, WORDS),
        st.builds(lambda at, text: alerted("door", at, text), TENTHS, TEXTS),
        st.builds(lambda at: watermark(round(at * S)), TENTHS),
    ),
    max_size=12,
)


@given(messages=MESSAGES)
def test_a_run_is_the_same_as_itself(messages: list[Message]) -> None:
    found = differences(messages, messages)
    assert found.same
    assert (found.changes, found.rest, found.remarks, found.counts()) == ((), (), (), {})


@given(before=MESSAGES, after=MESSAGES)
def test_with_the_runs_exchanged_new_is_gone_and_changed_stays(before: list[Message], after: list[Message]) -> None:
    there, back = differences(before, after), differences(after, before)
    swapped = {
        kind: {"changed": one["changed"], "gone": one["new"], "new": one["gone"]} for kind, one in back.counts().items()
    }
    assert there.counts() == swapped
    assert there.rest == back.rest


@given(before=MESSAGES, after=MESSAGES)
def test_no_message_is_lost_or_counted_twice(before: list[Message], after: list[Message]) -> None:
    found = differences(before, after)
    gone = [one.before for one in found.changes if one.what != "new"]
    fresh = [one.after for one in found.changes if one.what != "gone"]
    assert len(gone) <= sum(one.kind in COMPARED for one in before)
    alike = [sum(one.kind in COMPARED for one in run) - len(some) for run, some in ((before, gone), (after, fresh))]
    assert alike[0] == alike[1]


@pytest.mark.parametrize("kind", sorted({*COMPARED} & {*KINDS}))
def test_a_change_of_any_field_is_found(kind: str) -> None:
    message = example(KINDS[kind].type)
    for item in dataclasses.fields(message):
        if item.name in NO_CONTENT:
            continue
        changed = dataclasses.replace(message, **{item.name: other_than(getattr(message, item.name))})
        found = differences([message], [changed])
        assert not found.same, item.name
        fields = {name for _, _, names in told(found) for name in names}
        assert item.name in fields or item.name == "rule", item.name  # alerts of two rules have nothing in common


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_kind_of_message_is_the_same_as_itself(kind: str) -> None:
    message = example(KINDS[kind].type)
    assert differences([message], [message]).same


def test_every_kind_that_is_compared_exists() -> None:
    assert {*COMPARED} <= {*KINDS}


def test_another_session_with_the_same_content_is_the_same() -> None:
    assert differences(a_session(), a_session(OTHER)).same


def test_what_moved_by_40_ms_or_changed_a_word_is_changed() -> None:
    found = differences(
        [moved(0, 1.0, 2.0), spoken(0, 5.0, 6.0, "the red cup")],
        [moved(0, 1.04, 2.0), spoken(0, 5.0, 6.0, "the red cap")],
    )
    assert told(found) == [("changed", "motion", ["start_ns"]), ("changed", "utterance", ["text"])]
    assert found.changes[0].fields == (FieldChange(name="start_ns", before=S, after=1_040_000_000),)


def test_a_new_message_shifts_the_numbers_of_the_others_without_changing_them() -> None:
    before = [spoken(seq, seq * 20, seq * 20 + 1, str(seq)) for seq in range(3)]
    ids = [f"{SESSION}/mic/0/utterance-{seq}" for seq in range(4)]
    asked = [answered("q1", 90.0, "?", "!", rests_on(f"mic/0/utterance-{number}")) for number in (2, 3)]
    first: list[Message] = [*before, clipped(0, 0, 60, "all", tuple(ids[:3])), asked[0]]
    shifted = [dataclasses.replace(one, seq=one.seq + 1) for one in before]
    after: list[Message] = [spoken(0, 10.0, 11.0, "new"), *shifted, clipped(0, 0, 60, "all", tuple(ids[1:])), asked[1]]
    assert told(differences(first, after)) == [("new", "utterance", [])]


def test_an_id_that_means_another_message_is_a_change() -> None:
    said = [spoken(0, 0.0, 1.0, "a"), spoken(1, 20.0, 21.0, "b")]
    asked = [answered("q1", 30.0, "?", "!", rests_on(f"mic/0/utterance-{number}")) for number in (0, 1)]
    assert told(differences([*said, asked[0]], [*said, asked[1]])) == [("changed", "answer", ["evidence"])]


def test_the_best_overlap_wins_over_the_first() -> None:
    ours = [as_said(moved(0, 0.0, 10.0)), as_said(moved(1, 9.0, 12.0))]
    theirs = [as_said(moved(0, 8.8, 12.0)), as_said(moved(1, 0.2, 9.9))]
    assert pair_in_time(ours, theirs) == [(0, 1), (1, 0)]
    assert overlap(ours[0], theirs[1]) > 0.9


def test_content_decides_where_times_are_alike() -> None:
    ours = [as_said(spoken(seq, 0.0, 1.0, text)) for seq, text in enumerate(("yes", "no"))]
    theirs = [as_said(spoken(seq, 0.1, 1.0, text)) for seq, text in enumerate(("no", "yes"))]
    assert pair_in_time(ours, theirs) == [(0, 1), (1, 0)]


def test_the_same_content_some_seconds_later_has_moved_and_is_not_new() -> None:
    assert told(differences([spoken(0, 1.0, 2.0, "yes")], [spoken(0, 6.0, 7.0, "yes")])) == [
        ("changed", "utterance", ["t_ns", "start_ns", "end_ns"])
    ]
    found = told(differences([spoken(0, 1.0, 2.0, "yes")], [spoken(0, 21.0, 22.0, "yes")]))
    assert found == [("gone", "utterance", []), ("new", "utterance", [])]


def test_streams_do_not_mix() -> None:
    found = differences([moved(0, 1.0, 2.0)], [moved(0, 1.0, 2.0, stream="door")])
    assert [(one.what, one.stream) for one in found.changes] == [("gone", "cam"), ("new", "door")]


def test_answers_are_matched_by_what_was_asked() -> None:
    before = [answered("q1", 1.0, "Who?", "A man."), answered("q2", 2.0, "When?", "Now.")]
    after = [answered("q1", 2.0, "When?", "Then."), answered("x", 1.0, "Who?", "A man.")]
    found = differences(before, after)
    assert told(found) == [("changed", "answer", ["answer", "sentences"])]
    assert found.changes[0].fields[0] == FieldChange(name="answer", before="Now.", after="Then.")


def test_a_question_that_comes_twice_is_matched_by_when_it_was_asked() -> None:
    before = [answered("a", at, "Who?", f"At {at}.") for at in (1.0, 50.0)]
    after = [answered("b", at, "Who?", f"At {at}.") for at in (50.0, 1.0)]
    assert differences(before, after).same


def test_how_long_an_answer_took_is_told_and_no_change() -> None:
    fast = answered("q1", 1.0, "Who?", "A man.")
    slow = dataclasses.replace(fast, timing_ms=Timing(recall=1.0, first_token=2.0, total=8.0))
    found = differences([fast], [slow])
    assert found.same
    assert [(one.name, one.before_ms, one.after_ms, one.ratio) for one in found.answers] == [("Who?", 4.0, 8.0, 2.0)]


def test_latencies_and_settings_are_told_and_no_change() -> None:
    settings = {"session": "live", "perception": {"lmm_fps": 2.0, "asr": "none"}, "streams": {}}
    other = {"session": "live", "perception": {"lmm_fps": 1.0, "asr": "none"}, "streams": {"cam": {"source": "camera"}}}
    before = run_of(a_session(), config=settings, latency_ms={"recall": (1.0, 0.0), "embed": (1.0, 1.0)}, playing_s=2.0)
    after = run_of(a_session(), config=other, latency_ms={"recall": (1.5, 3.0)}, playing_s=1.0)
    found = compare(before, after)
    assert found.same
    assert [(one.name, one.before, one.after) for one in found.settings] == [
        ("perception.lmm_fps", 2.0, 1.0),
        ("streams", {}, "not said"),
        ("streams.cam.source", "not said", "camera"),
    ]
    stages = [(one.name, one.ratio) for one in found.stages]
    assert stages == [("recall p50", 1.5), ("recall p95", None), ("playing, all", 0.5)]


def test_what_else_the_bus_said_is_named_and_no_change() -> None:
    before: list[Message] = [watermark(1), watermark(2), Stored(session="s", ids=("a", "b"))]
    found = differences(before, [watermark(2), watermark(1), Stored(session="s", ids=("c",))])
    assert found.same
    assert found.rest == ("mic/watermark",)


def test_the_same_live_scene_of_another_day_is_the_same() -> None:
    def day(start_s: float) -> Run:
        live = {"epoch": round(start_s * S)}
        said: list[Message] = [
            moved(0, start_s + 1, start_s + 2, **live),
            spoken(0, start_s + 3, start_s + 4, "yes", **live),
        ]
        more = {"session_start_ns": round(start_s * S)}
        messages: list[Message] = [*said, answered("q", 5.0, "Who?", "He.", **more), alerted("door", start_s + 4, "!")]
        return run_of(messages, start_ns=round(start_s * S))

    assert compare(day(DAY_S), day(DAY_S + 86_400)).same
    assert compare(day(DAY_S), day(DAY_S + 86_400)).changes == ()


def test_two_recordings_of_one_day_are_compared_by_the_time_of_day() -> None:
    both = [moved(0, DAY_S + 10, DAY_S + 12)]
    early = run_of([spoken(0, DAY_S + 1, DAY_S + 2, "yes"), *both], start_ns=round((DAY_S + 1) * S))
    late = run_of(both, start_ns=round((DAY_S + 10) * S))
    found = compare(early, late)
    assert told(found) == [("gone", "utterance", [])]
    assert found.changes[0].said.start_ns == 0


EARLY_S = 0.957  # from the start of a live session to the first sample


def live_and_replayed(origin_ns: int) -> tuple[Run, Run]:
    """Return a live session and a replay of what it recorded, whose times count from its first sample."""
    begin_ns = round(DAY_S) * S + round(EARLY_S * S)
    day_ns = round(DAY_S * S)

    def seen_from(zero_ns: int, session_start_ns: int) -> list[Message]:
        row = dataclasses.replace(
            rests_on(f"cam/{session_start_ns}/motion-0"),
            start_s=round((begin_ns + S - zero_ns - session_start_ns) / S, 3),
            end_s=round((begin_ns + 2 * S - zero_ns - session_start_ns) / S, 3),
        )
        first = moved(0, 0.0, 0.0)
        start_ns, end_ns = begin_ns + S - zero_ns, begin_ns + 2 * S - zero_ns
        motion = dataclasses.replace(first, t_ns=end_ns, epoch=session_start_ns, start_ns=start_ns, end_ns=end_ns)
        asked_s = round((begin_ns + 5 * S - zero_ns - session_start_ns) / S, 3)
        return [motion, answered("q", asked_s, "Who?", "He.", row, session_start_ns=session_start_ns)]

    live = run_of(seen_from(0, day_ns), start_ns=day_ns)
    return live, run_of(seen_from(begin_ns, 0), source="replay", origin_ns=origin_ns and begin_ns)


def test_a_live_session_and_its_replay_are_aligned_by_the_time_of_the_recording() -> None:
    live, replayed = live_and_replayed(1)
    for before, after in ((live, replayed), (replayed, live)):
        found = compare(before, after)
        assert (found.changes, found.remarks) == ((), ())
        assert found.before.said[0].start_ns == S  # as `replay --start` counts


def test_where_the_recording_has_no_clock_a_remark_says_so() -> None:
    live, replayed = live_and_replayed(0)
    for before, after, which in ((live, replayed, "second"), (replayed, live, "first")):
        found = compare(before, after)
        assert not found.same
        assert found.remarks[0].startswith(f"one run is live, and the {which} one does not say when")


def test_a_live_session_and_a_replay_of_another_day_count_from_their_own_starts() -> None:
    live, replayed = live_and_replayed(1)
    other = dataclasses.replace(replayed, origin_ns=replayed.origin_ns + 86_400 * S)
    assert compare(live, other).remarks[0].startswith("one run is live and the other of another time of day")
    assert compare(live, other).before.said[0].start_ns == round((EARLY_S + 1) * S)


def test_a_replay_of_a_recording_whose_beginning_is_lost_is_aligned_too() -> None:
    whole = run_of([moved(0, 1, 2), moved(1, 5, 6)], source="replay", origin_ns=round(DAY_S) * S)
    late = run_of([moved(0, 2, 3)], source="replay", origin_ns=round(DAY_S + 3) * S)
    assert told(compare(whole, late)) == [("gone", "motion", [])]


def test_streams_of_a_live_session_against_those_of_a_recording_are_one_line() -> None:
    settings = {"session": "live", "streams": {"cam": {"source": "camera"}, "mic": {"source": "microphone"}}}
    live = run_of(a_session(), config=settings)
    replayed = run_of(a_session(), source="replay", config={"session": "live", "streams": {}})
    (one,) = compare(live, replayed).settings
    assert in_words(one) == "streams: configured -> from the recording"
    (one,) = compare(replayed, live).settings
    assert in_words(one) == "streams: from the recording -> configured"
    assert compare(replayed, dataclasses.replace(replayed, config=settings)).settings == ()


def test_that_digests_are_the_same_is_said_only_where_they_are() -> None:
    one, other = run_of(a_session(), digest="a"), run_of(a_session(), digest="b")
    assert compare(one, one).has_same_digest
    assert not compare(one, other).has_same_digest
    assert not compare(run_of([]), run_of([])).has_same_digest
    assert compare(one, one).remarks == ()


@pytest.mark.parametrize(
    ("settings", "length_s", "said"),
    [
        ({"lmm_fps": 2.0, "stale_s": 1.0}, 30.0, "these are runs of two different recordings"),
        ({"lmm_fps": 1.0, "stale_s": 3.0}, 31.0, "these seem to be runs of two different recordings"),
        ({"lmm_fps": 1.0, "stale_s": 3.0}, 30.0, None),
    ],
)
def test_runs_of_two_recordings_are_said_to_be(settings: dict[str, float], length_s: float, said: str | None) -> None:
    own = {"perception": {"lmm_fps": 2.0, "stale_s": 3.0}}
    before = run_of(a_session(), source="replay", config=own, length_s=30.0)
    after = run_of(a_session(OTHER), source="replay", config={"perception": settings}, length_s=length_s)
    after = dataclasses.replace(after, session=OTHER)
    remarks = compare(before, after).remarks
    assert [remark.partition(":")[0] for remark in remarks] == ([said] if said else [])


def test_of_a_run_of_one_service_alone_only_what_it_says_is_compared() -> None:
    whole = run_of([*a_session(), watermark(3)], source="replay")
    clips = dataclasses.replace(whole, said=whole.said[:7], source="memory")
    percepts = dataclasses.replace(whole, said=whole.said[1:6], source="perception")
    assert compare(whole, clips).same
    assert compare(clips, whole).same
    assert compare(whole, clips).rest == ()
    assert compare(whole, clips).remarks[0].startswith("the second run is of memory alone: compared are motion, ")
    assert told(compare(whole, percepts)) == [("gone", "frame", [])]
    assert told(compare(percepts, clips)) == [("new", "frame", [])]
    assert not compare(whole, dataclasses.replace(clips, source="reasoning")).same


def test_a_cut_run_differs_by_what_is_missing_and_says_why(tmp_path: Path) -> None:
    whole = read_run(write_run(tmp_path / "a.mcap", a_session(), source="replay"))
    cut = dataclasses.replace(whole, said=whole.said[:3], source="", faults=("it ends in a chunk",))
    found = compare(whole, cut)
    assert {one.what for one in found.changes} == {"gone"}
    assert found.remarks[0] == "the second run: it ends in a chunk"
    assert "its session did not end by itself" in found.remarks[1]
