"""Questions of the yard: true by a slow reference, with evidence for what they ask, balanced, the same for ever."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.baselines import balance
from perception.yard.forms import FORMS, SOUNDS, Ask, Happening
from perception.yard.kinds import CLASSES, COLOURS
from perception.yard.mentions import NOW, ORDINALS, Description, Mention, Period, Point
from perception.yard.phrases import parse, phrasings, readings, say
from perception.yard.questions import GROUPS, questions_of
from perception.yard.scene import SIDES
from perception.yard.script import make_world
from perception.yard.settings import SEEDS, SPLITS, WorldSettings, seed_of
from tests.yard_reference import heard, supports
from tests.yard_truths import asked_worlds, truths_of, world_truths

MOST = 0.6  # of the questions of a group, by who does not look

whats = st.builds(
    Description,
    size=st.sampled_from([None, "small", "large"]),
    colour=st.sampled_from([None, *COLOURS]),
    kind=st.sampled_from([None, *CLASSES]),
)
mentions = st.builds(
    Mention,
    what=whats,
    ordinal=st.sampled_from([None, *ORDINALS]),
    side=st.sampled_from([None, *SIDES]),
    is_moving=st.booleans(),
)
spans_s = st.integers(1, 3599).map(float) | st.sampled_from([3600.0, 7200.0, 2.5])
points = st.builds(Point, ago_s=spans_s) | st.builds(Point, at_s=st.integers(0, 9000).map(float)) | st.just(NOW)
periods = st.one_of(
    st.just(Period()),
    st.builds(Period, last_s=spans_s),
    st.tuples(st.integers(0, 5000), st.integers(1, 99)).map(
        lambda pair: Period(from_s=float(pair[0]), to_s=float(sum(pair)))
    ),
)
happenings = st.one_of(
    st.builds(Happening, verb=st.sampled_from(["enters", "leaves", "stops", "starts", "turns"]), who=mentions),
    st.builds(Happening, verb=st.just("sounds"), sound=st.sampled_from(SOUNDS)),
    st.just(Happening(verb="darkens")),
)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    name = draw(st.sampled_from(sorted(FORMS)))
    form = FORMS[name]
    slots = (form.now or form.then)[0] + form.then[0]
    text = form.then[0]
    return Ask(
        form=name,
        mentions=tuple(draw(mentions) for _ in range(text.count("{m}"))),
        what=draw(whats) if any(slot in text for slot in ("{d}", "{o}", "{k}")) else None,
        number=draw(st.integers(1, 19)) if "{k}" in text else None,
        at=draw(points if form.now else points.filter(lambda at: at != NOW)) if "{at}" in slots else None,
        period=draw(periods) if "{in}" in text else None,
        side=draw(st.sampled_from(SIDES)) if "{side}" in text else None,
        sounds=tuple(draw(st.sampled_from(SOUNDS)) for _ in range(text.count("{s}"))),
        happenings=tuple(draw(happenings) for _ in range(text.count("{h}") + text.count("{p}"))),
    )


@given(asks(), st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_the_grammar_reads_back_what_it_says_in_one_way_only(ask: Ask, phrasing: int) -> None:
    text = say(ask, phrasing)
    same = {one for one in readings(text) if FORMS[one.form].group == FORMS[ask.form].group}
    assert parse(text) == ask or _same_words(ask, parse(text))
    assert len(same) == 1
    assert len(readings(text)) == 1


def _same_words(ask: Ask, other: Ask | None) -> bool:
    """Say whether two readings are worded alike: "when did ..." and "how long ago" are not, "was it dark" is."""
    return other is not None and {say(ask, n) for n in range(phrasings(ask))} == {
        say(other, n) for n in range(phrasings(other))
    }


@given(st.text(max_size=60))
def test_what_is_outside_the_grammar_is_no_question_and_no_error(text: str) -> None:
    ask = parse(text)
    assert ask is None or say(ask, 0)


def test_every_answer_follows_from_the_truth_moment_by_moment() -> None:
    wrong = [
        (question.text, question.asked_s, question.answer)
        for world in asked_worlds()[:100]
        for question in world.questions
        if not supports(question, world.truths)
    ]
    assert wrong == []


def test_every_group_is_asked_in_every_kind_it_can_have() -> None:
    kinds = Counter((question.group, question.kind) for world in asked_worlds() for question in world.questions)
    assert {group for group, kind in kinds if kind == "answerable"} == set(GROUPS)
    without = {"how_many", "approaching"}  # none is a number, and "no" is no refutation
    assert {group for group, kind in kinds if kind == "false_premise"} == set(GROUPS) - without
    assert len({group for group, kind in kinds if kind == "unanswerable"}) >= len(GROUPS) - 1


def test_evidence_ends_before_it_is_asked_and_its_boxes_are_true() -> None:
    for world in asked_worlds():
        boxes = {
            (round(truth.t_ns / 1e9, 3), one.id): one.box for truth in world.truths for one in truth.entities if one.box
        }
        for question in world.questions:
            evidence = question.evidence
            assert all(0 <= start_s <= end_s <= question.asked_s for start_s, end_s in evidence.ranges_s)
            assert bool(evidence.ranges_s) == (question.kind != "unanswerable")
            for t_s, who, box in evidence.boxes:
                assert any(start_s <= t_s <= end_s for start_s, end_s in evidence.ranges_s)
                assert boxes[round(t_s, 3), who] == box
            if evidence.ranges_s:
                last_s = max(end_s for _, end_s in evidence.ranges_s)
                assert question.age_s == pytest.approx(question.asked_s - last_s, abs=1e-3)
                assert (question.stratum == "recent") == (question.age_s <= 5.0)


def test_evidence_holds_what_is_asked() -> None:
    checked = Counter[str]()
    for world in asked_worlds():
        for question in world.questions:
            if question.kind != "answerable":
                continue
            start_s, end_s = question.evidence.ranges_s[0][0], max(end for _, end in question.evidence.ranges_s)
            if question.answer.kind == "time":
                assert start_s <= float(str(question.answer.value)) <= end_s
            elif question.answer.kind == "duration":
                assert end_s - start_s == pytest.approx(float(str(question.answer.value)), abs=0.06)
            elif question.answer.kind == "sound":
                sounding = {
                    CLASSES[one.kind].voice.name
                    for truth in world.truths
                    for one in truth.entities
                    if start_s <= truth.t_ns / 1e9 <= end_s and heard(one)
                }
                assert sounding == {question.answer.value}
            elif question.group in ("what", "colour", "where") and question.answer.kind != "number":
                assert question.evidence.boxes
            checked[question.group] += 1
    assert all(checked[group] for group in GROUPS)


def test_the_same_seed_asks_the_same_questions_and_another_one_others() -> None:
    world, truths, made = world_truths(3)
    questions = questions_of(truths, made, world.seed)
    assert questions == questions_of(list(truths), made, world.seed)
    assert questions != questions_of(truths, made, world.seed + 1)
    assert questions == sorted(questions, key=lambda question: (question.asked_s, question.text))


def test_who_does_not_look_is_not_right_in_most_of_any_group() -> None:
    worlds = asked_worlds()
    training = [question for world in worlds[::2] for question in world.questions]
    tested = [question for world in worlds[1::2] for question in world.questions]
    for row in balance(tested, training):
        assert row.count >= 5, row
        assert max(row.majority, row.blind) <= MOST, row


def test_long_worlds_ask_for_what_was_minutes_and_hours_ago() -> None:
    made = WorldSettings(length_s=7200.0, least_entities=12, most_entities=12, light="day", drives=False)
    truths = truths_of(make_world(made, 0), rate_hz=2.0)
    questions = questions_of(truths, made, 0, per_group=3)
    assert {"recent", "minutes", "hours"} <= {question.stratum for question in questions}
    assert all(supports(question, truths) for question in questions if question.stratum == "hours")


def test_an_empty_recording_gives_no_questions() -> None:
    assert questions_of([], WorldSettings(), 1) == []


def test_of_an_empty_yard_nothing_is_affirmed() -> None:
    made = WorldSettings(least_entities=0, most_entities=0, light="day")
    _, truths, _ = world_truths(0, made)
    questions = questions_of(truths, made, 1, per_group=4)
    assert {question.kind for question in questions} == {"answerable", "false_premise", "unanswerable"}
    assert {question.answer.value for question in questions if question.kind == "answerable"} == {0}


def test_splits_share_no_seed_and_no_composition_that_is_held_out() -> None:
    seeds = {seed_of(split, number) for split in SPLITS for number in (0, 1, 2000, SEEDS - 1)}
    assert len(seeds) == 4 * len(SPLITS)
    shown: dict[str, set[tuple[str, str]]] = {}
    for split in SPLITS:
        made = WorldSettings(split=split, length_s=4.0)
        worlds = [make_world(made, seed_of(split, number)) for number in range(1000)]
        shown[split] = {(one.kind, one.colour) for world in worlds for one in world.entities}
        assert not shown[split] & made.forbidden
        assert len(shown[split]) == len(CLASSES) * len(COLOURS) - len(made.forbidden)
    assert shown["test"] - shown["train"] == WorldSettings(split="validation").forbidden
    assert shown["validation"] - shown["train"] == WorldSettings(split="test").forbidden
    assert not (shown["test"] - shown["train"]) & shown["validation"]


def test_no_question_speaks_of_a_composition_that_its_split_holds_out() -> None:
    forbidden = WorldSettings().forbidden
    for world in asked_worlds():
        questions = [*world.questions, *(question for pair in world.pairs for question in pair)]
        for question in questions:
            ask = parse(question.text)
            assert ask is not None
            named = [*(one.what for one in ask.mentions), *(h.who.what for h in ask.happenings if h.who), ask.what]
            assert not any(what and (what.kind, what.colour) in forbidden for what in named)
