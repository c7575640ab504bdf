"""Polls: every negative is of its kind by a slow reference, there is a yes for each no, and all kinds are as many."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import replace

import pytest

from perception.yard.forms import Ask
from perception.yard.kinds import CLASSES
from perception.yard.mentions import Description, Point
from perception.yard.negatives import ABSENT, STRATA, WINDOW_S, even, flips, pair_question, polls_of
from perception.yard.oracle import settle_text
from perception.yard.phrases import parse, say
from perception.yard.question import Question
from perception.yard.scene import scene_of
from perception.yard.script import kind_weights
from perception.yard.settings import WorldSettings
from perception.yard.truth import EntityTruth, Truth
from tests.yard_reference import fits, seen, supports
from tests.yard_truths import AskedWorld, asked_worlds, world_truths


def polled(question: Question) -> Description:
    ask = parse(question.text)
    assert ask is not None
    assert ask.what is not None
    assert ask.period is not None
    assert ask.period.span_s(question.asked_s) == (question.asked_s - WINDOW_S, question.asked_s)
    return ask.what


def in_view(truths: list[Truth], start_s: float, end_s: float) -> list[EntityTruth]:
    return [
        one
        for truth in truths
        if start_s - 1e-6 <= truth.t_ns / 1e9 <= end_s + 1e-6
        for one in truth.entities
        if seen(one, truth)
    ]


def is_of_its_kind(question: Question, truths: list[Truth]) -> bool:
    """Say by looking at every moment whether a negative is what its stratum says."""
    what, start_s, asked_s = polled(question), question.asked_s - WINDOW_S, question.asked_s
    now, ever = in_view(truths, start_s, asked_s), in_view(truths, 0, 1e9)
    absent = [kind for kind in CLASSES if not any(one.kind == kind for truth in truths for one in truth.entities)]
    present = {one.kind for one in now if sum(other.id == one.id for other in now) >= 5}
    if any(fits(what, one) for one in now):
        return False
    match question.stratum:
        case "random":
            return what.kind in absent
        case "popular":
            return what.kind in absent and all(CLASSES[what.kind or ""].prior >= CLASSES[kind].prior for kind in absent)
        case "adversarial":
            weights = kind_weights(sorted(present))
            return what.kind in absent and all(weights[what.kind or ""] >= weights[kind] for kind in absent)
        case "stale":
            return any(fits(what, one) for one in in_view(truths, 0, start_s))
        case "future":
            before = in_view(truths, 0, asked_s)
            return not any(fits(what, one) for one in before) and any(fits(what, one) for one in ever)
        case _:
            return what.kind in present and not any(fits(what, one) for one in ever)


def claimed(question: Question) -> Ask:
    ask = parse(question.text)
    assert ask is not None
    assert ask.form == f"exists_{question.stratum}"
    return ask


def is_nearly_so(question: Question, truths: list[Truth]) -> bool:
    """Say whether a negative is false, and true with one more or less, the other way round, or at another time."""
    ask = claimed(question)
    match question.stratum:
        case "count":
            nearly = [
                replace(ask, number=number) for number in ((ask.number or 0) - 1, (ask.number or 0) + 1) if number
            ]
        case "order":
            nearly = [replace(ask, mentions=ask.mentions[::-1])]
        case _:
            nearly = [replace(ask, at=Point(at_s=float(at_s))) for at_s in range(int(question.asked_s) + 1)]
    yes = replace(question.answer, value="yes")
    corrected = [replace(question, text=say(one), answer=yes) for one in nearly]
    return supports(question, truths) and any(_holds(one, truths) for one in corrected)


def _holds(question: Question, truths: list[Truth]) -> bool:
    found = settle_text(question.text, question.asked_s, scene_of(truths).until(question.asked_s))
    return found.answer.value == "yes" and supports(question, truths)


def test_the_yes_beside_what_is_nearly_so_is_true_and_worded_alike() -> None:
    for world in asked_worlds():
        for no, yes in world.pairs:
            if no.stratum in ABSENT:
                continue
            assert supports(yes, world.truths)
            assert (yes.answer.value, yes.stratum, yes.asked_s) == ("yes", no.stratum, no.asked_s)
            one, other = claimed(no), claimed(yes)
            match no.stratum:
                case "count":
                    assert one.number == other.number
                    assert one.what != other.what
                    assert one.period == other.period
                case "order":
                    assert one.mentions == other.mentions[::-1]
                case _:
                    assert one.happenings == other.happenings
                    assert one.at != other.at


def test_counts_are_wrong_by_one_to_both_sides() -> None:
    sides: Counter[int] = Counter()
    for world in asked_worlds():
        for no, _ in world.pairs:
            if no.stratum == "count":
                ask = claimed(no)
                many = replace(ask, form="many_seen", number=None)
                found = settle_text(say(many), no.asked_s, scene_of(world.truths).until(no.asked_s))
                sides[int(str(found.answer.value)) - (ask.number or 0)] += 1
    assert set(sides) == {-1, 1}
    assert min(sides.values()) >= 0.3 * sides.total()


def test_every_negative_is_what_its_stratum_says() -> None:
    counts: Counter[str] = Counter()
    for world in asked_worlds():
        for no, _ in world.pairs:
            is_right = is_of_its_kind if no.stratum in ABSENT else is_nearly_so
            assert is_right(no, world.truths), (no.text, no.asked_s, no.stratum)
            assert no.answer.value == "no"
            counts[no.stratum] += 1
    assert min(counts[stratum] for stratum in STRATA) >= 20


def test_for_each_no_there_is_a_yes_asked_alike_at_the_same_time() -> None:
    for world in asked_worlds():
        for no, yes in world.pairs:
            if no.stratum not in ABSENT:
                continue
            assert (yes.answer.value, yes.stratum, yes.asked_s) == ("yes", no.stratum, no.asked_s)
            sights = [one for one in in_view(world.truths, no.asked_s - WINDOW_S, no.asked_s) if fits(polled(yes), one)]
            assert len(sights) >= 5
            shape = [value is None for value in dataclasses.astuple(polled(no))]
            assert shape == [value is None for value in dataclasses.astuple(polled(yes))]


def test_polls_are_even_in_every_kind() -> None:
    polls = even(pair for world in asked_worlds() for pair in world.pairs)
    counts = Counter((question.stratum, question.answer.value) for question in polls)
    assert set(counts) == {(stratum, answer) for stratum in STRATA for answer in ("yes", "no")}
    assert len(set(counts.values())) == 1
    assert even([]) == []


def test_the_same_seed_polls_the_same() -> None:
    world, truths, made = world_truths(4)
    assert polls_of(truths, made, world.seed) == polls_of(list(truths), made, world.seed)


def test_where_the_camera_is_blind_nobody_is_polled_but_of_when_something_was_heard() -> None:
    world, truths, made = world_truths(4, WorldSettings(light="night"))
    asked = [claimed(one) for pair in polls_of(truths, made, world.seed) for one in pair]
    assert all(one.verb == "sounds" for ask in asked for one in ask.happenings)
    assert {ask.form for ask in asked} <= {"exists_time"}
    assert polls_of([], made, world.seed) == []


def changed_worlds(world: AskedWorld, who: int) -> dict[str, list[Truth]]:
    """Return the truth without one thing, and with it in another paint."""

    def change(keep: bool) -> list[Truth]:
        return [
            dataclasses.replace(
                truth,
                entities=tuple(
                    dataclasses.replace(one, colour="purple") if one.id == who else one
                    for one in truth.entities
                    if keep or one.id != who
                ),
            )
            for truth in world.truths
        ]

    return {"removed": change(keep=False), "repainted": change(keep=True)}


@pytest.mark.parametrize("how", ["removed", "repainted"])
def test_of_a_pair_of_worlds_the_question_about_the_changed_thing_flips_and_others_do_not(how: str) -> None:
    flipped = 0
    for world in asked_worlds()[:40]:
        scene = scene_of(world.truths)
        for thing in scene.things:
            question = pair_question(scene, thing.id, 8.0)
            if question is None:
                continue
            assert flips(question, changed_worlds(world, thing.id)[how])
            others = [other.id for other in scene.things if other.id != thing.id]
            assert not any(flips(question, changed_worlds(world, other)[how]) for other in others)
            flipped += 1
    assert flipped >= 15
