"""A standing request is read once, fires once per happening, and never more often than it may."""

from __future__ import annotations

from typing import Any

import pytest

from reasoning.rules import PER_MINUTE, RULES, RuleBook, Wish, read
from runtime.messages import Hit, StandingRule
from tests.cases import S, hit


def rule(request: str, name: str = "r", cool_down_s: float = 0.0) -> StandingRule:
    return StandingRule(session="s", stream=name, request=request, cool_down_s=cool_down_s)


def book(*requests: str, has_model: bool = False, cool_down_s: float = 0.0) -> RuleBook:
    one = RuleBook(has_model=has_model)
    for number, request in enumerate(requests):
        assert one.set(rule(request, f"r{number}", cool_down_s), -1) == ""
    return one


def fired(one: RuleBook, *hits: Hit, at_s: float = 10.0) -> list[str]:
    sure, _ = one.match(hits, round(at_s * S))
    return [wish.request for wish, _ in sure if one.may_fire(wish, round(at_s * S))]


@pytest.mark.parametrize(
    ("request_text", "shown", "other"),
    [
        ("somebody says help", hit(1, text="please help me"), hit(2, text="nice weather")),
        (
            "something moves on the left",
            hit(1, "motion", box=(0.0, 0.4, 0.2, 0.6)),
            hit(2, "motion", box=(0.8, 0.4, 1.0, 0.6)),
        ),
        ("a tone sounds", hit(1, "sound", "tone at 440 Hz"), hit(2, "sound", "noise")),
        ("the scene changes", hit(1, "frame", "scene change"), hit(2, "frame", "picture")),
        ("the camera is blind", hit(1, "gap", "nothing received for 2.0 s: covered or dark"), hit(2, "motion")),
        ("anyone speaks", hit(1, text="hello"), hit(2, "sound", "noise")),
        (
            "it gets dark",
            hit(1, "gap", "nothing received for 2.0 s: covered or dark"),
            hit(2, "gap", "nothing received for 2.0 s: no sample"),
        ),
    ],
)
def test_records_decide_what_the_grammar_of_questions_can_read(request_text: str, shown: Hit, other: Hit) -> None:
    one = book(request_text)
    assert fired(one, other) == []
    assert fired(one, other, shown) == [request_text]


@pytest.mark.parametrize(
    "text", ["a red car arrives", "a dog barks", "a car stops on the right", "the lights come on", "blorp"]
)
def test_what_needs_eyes_is_refused_without_a_model_and_filtered_with_one(text: str) -> None:
    refused = read(rule(text), -1, has_model=False)
    assert isinstance(refused, str)
    assert "without a language model" in refused
    wish = read(rule(text), -1, has_model=True)
    assert isinstance(wish, Wish)
    assert wish.is_for_model
    one = book(text, has_model=True)
    sure, asked = one.match([hit(1, "frame", "picture")], S)
    assert sure == []
    assert [wish.request for wish, _ in asked] == [text]
    assert one.match([hit(1, "frame", "picture")], 2 * S) == ([], [])  # nothing new to look at


@pytest.mark.parametrize("text", ["it gets quiet", "nothing moves", "somebody spoke yesterday"])
def test_what_is_no_happening_is_refused_with_examples(text: str) -> None:
    assert "name one thing that happens" in str(read(rule(text), -1, has_model=True))


def test_an_activity_that_goes_on_fires_once() -> None:
    one = book("something moves")
    first, second = hit(1, "motion", start_s=1.0), hit(2, "motion", start_s=2.0)  # pieces that touch
    later = hit(3, "motion", start_s=9.0)
    assert fired(one, first) == ["something moves"]
    assert fired(one, first, second) == []
    assert fired(one, first, second, later) == ["something moves"]


def test_a_rule_is_silent_while_it_cools_down_and_while_it_is_snoozed() -> None:
    one = book("anyone speaks", cool_down_s=30.0)
    said = [hit(number, text=f"word{number}", start_s=10.0 * number) for number in range(1, 20)]
    assert fired(one, *said[:1], at_s=11.0)
    assert not fired(one, *said[:2], at_s=21.0)
    assert fired(one, *said[:5], at_s=51.0)
    one.snooze("r0-51", 60 * S, 100.0)
    assert not fired(one, *said[:12], at_s=125.0)
    assert fired(one, *said[:17], at_s=171.0)


def test_all_rules_together_fire_so_often_and_count_the_others() -> None:
    one = book("anyone speaks")
    count = sum(bool(fired(one, hit(n, text=f"w{n}", start_s=2.0 * n), at_s=2.0 * n)) for n in range(1, PER_MINUTE + 4))
    assert count == PER_MINUTE
    assert one.take_suppressed() == 3
    assert one.take_suppressed() == 0


def test_rules_are_changed_and_removed_by_their_name_and_known_ones_keep_their_state() -> None:
    one = book("anyone speaks")
    spoken = hit(1)
    assert fired(one, spoken)
    assert one.set(rule("anyone speaks", "r0"), -1) == ""  # retained, sent again after a reconnect
    assert not fired(one, spoken)
    assert one.set(rule("a tone sounds", "r0"), -1) == ""
    assert list(one.wishes) == ["r0"]
    assert fired(one, hit(2, "sound", "tone at 440 Hz")) == ["a tone sounds"]
    assert one.set(rule("  ", "r0"), -1) == ""
    assert one.wishes == {}


def test_there_are_only_so_many_rules() -> None:
    one = book(*["anyone speaks"] * RULES)
    assert "already" in one.set(rule("anyone speaks", "more"), -1)
    assert one.set(rule("a tone sounds", "r0"), -1) == ""


def test_models_are_asked_for_one_rule_at_a_time_in_turn() -> None:
    one = book("a red car arrives", "a dog barks", has_model=True)
    asked: list[Any] = []
    for number in range(1, 5):
        _, due = one.match([hit(number, "frame", "picture", start_s=number)], number * S)
        asked += [wish.request for wish, _ in due]
    assert len(asked) == 4
    assert set(asked) == {"a red car arrives", "a dog barks"}


def test_what_a_model_did_not_get_to_look_at_waits_for_its_turn() -> None:
    one = book("a red car arrives", "a dog barks", has_model=True)
    frame = hit(1, "frame", "picture")
    asked = [wish.request for second in range(1, 6) for wish, _ in one.match([frame], second * S)[1]]
    assert sorted(asked) == ["a dog barks", "a red car arrives"]


def test_strange_requests_end_in_a_line() -> None:
    for text in ("?" * 500, "\n\t", "x" * 5000, "when when when", '"', "tell me when", "🙂"):
        found = read(rule(text), -1, has_model=False)
        assert isinstance(found, Wish) or "\n" not in found


def test_a_rule_tells_nothing_of_the_time_before_it() -> None:
    one = RuleBook(has_model=False)
    one.set(rule("anyone speaks", "r0"), 5 * S)
    assert fired(one, hit(1, start_s=2.0)) == []
    assert fired(one, hit(1, start_s=2.0), hit(2, start_s=6.0)) == ["anyone speaks"]


def test_a_movement_that_comes_to_the_left_fires_when_it_is_there() -> None:
    one = book("something moves on the left")
    right = hit(1, "motion", start_s=1.0, box=(0.8, 0.4, 1.0, 0.6))
    left = hit(2, "motion", start_s=2.0, box=(0.0, 0.4, 0.2, 0.6))
    assert fired(one, right) == []
    assert fired(one, right, left) == ["something moves on the left"]
    assert fired(one, right, left) == []


def test_a_request_that_is_too_long_is_refused_and_not_cut() -> None:
    rule = StandingRule(session="s", stream="r", request="somebody says " + "help " * 60)
    assert RuleBook(has_model=False).set(rule, 0) == "A request has at most 200 characters, not 314."
