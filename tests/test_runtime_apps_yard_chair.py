"""Descriptions: what they mention and claim, and each kind of hallucination against a world that is known by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.yard.mentions import Description
from perception.yard.scene import Scene, scene_of
from runtime.apps.yard_chair import Described, chair, hallucinations, judgements
from runtime.apps.yard_mentions import Claim, mentioned
from tests.yard_truths import truths_of
from tests.yard_worlds import a_thing, a_world, across, still


@lru_cache(maxsize=1)
def the_scene() -> Scene:
    """Return 16 s by day: a red truck stands left, a small blue dog barks at 4 s and passes it from right to left."""
    truck = a_thing(0, still(-4.0, 12.0))
    dog = replace(
        a_thing(1, across((8.0, 10.0), (-6.0, 10.0)), colour="blue", kind="dog", size="small"), sounding_s=((4.0, 6.0),)
    )
    late = replace(still(2.0, 14.0), knots=((9.0, 6.0, 30.0), (14.0, 8.0, 20.0)))
    car = a_thing(2, late, colour="white", kind="car", size="small")
    return scene_of(truths_of(a_world(truck, dog, car)))


def verdicts(text: str) -> list[tuple[str, bool]]:
    return list(judgements(Described(text=text, scene=the_scene())))


def test_a_text_mentions_things_with_what_stands_before_them_and_sounds() -> None:
    said = mentioned("At 0:04.5 a big red automobile passed two bikes. A dog barked! There was no truck, I saw red.")
    assert said.things == (
        Description(size="large", colour="red", kind="car"),
        Description(kind="bicycle"),
        Description(kind="dog"),
    )
    assert [one.count for one in said.named] == [None, 2, None, None]
    assert said.sounds == ("barking",)
    assert mentioned("Nothing moved.") == mentioned("")


def test_what_is_denied_is_not_mentioned_up_to_a_but() -> None:
    assert [what.kind for what in mentioned("No dog, car or truck was there, but a bike.").things] == ["bicycle"]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("On the left a dog stood.", [("where", "left", None)]),
        ("A dog moved to the left.", [("way", "left", None)]),
        ("A dog came from the left.", [("way", "right", None)]),
        ("A truck came closer, then went away.", [("way", "towards", None), ("way", "away", None)]),
        ("A dog to the left of the truck.", [("beside", "left", None)]),
        ("The dog met a person.", [("meets", "", None)]),
        ("At 0:05 a dog came into view.", [("when", "", "enters")]),
        ("The dog stopped 3 seconds ago.", [("when", "", "stops")]),
        ("A dog left before the car.", [("order", "first", "leaves")]),
        ("A dog. Then a car.", [("order", "first", None)]),
        ("A dog came after 3 seconds.", []),
        ("A dog left.", []),
        ("A horn honked from 0:02 to 0:04.", [("when", "", None)]),
    ],
)
def test_a_text_claims_where_which_way_beside_what_in_which_order_and_when(
    text: str, claims: list[tuple[str, str, str | None]]
) -> None:
    assert [(one.kind, one.value, one.verb) for one in mentioned(text).claims] == claims


def test_it_is_what_was_named_last_and_each_of_an_order_has_its_own_verb() -> None:
    said = mentioned("A car came into view at 0:02. It left at 0:09 before the dog stopped.")
    assert [one.of.what.kind for one in said.claims] == ["car", "car", "car"]
    assert [one.verb for one in said.claims] == ["enters", "leaves", "leaves"]
    assert said.claims[-1].other_verb == "stops"
    assert [one.from_s for one in said.claims] == [2.0, 9.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("object", "A truck.", "A bicycle."),
        ("sound", "Something barked.", "A horn."),
        ("attribute colour", "A red truck.", "A green truck."),
        ("attribute size", "A small dog.", "A large dog."),
        ("count", "One truck.", "Two trucks."),
        ("relation where", "On the left a truck.", "On the right a truck."),
        ("relation way", "The dog ran to the left.", "The dog ran to the right."),
        ("relation way", "The car came closer.", "The truck came closer."),
        ("relation beside", "A truck to the left of a car.", "A car to the left of a truck."),
        ("relation meets", "The dog met the truck.", "The truck met the car."),
        ("temporal order", "The dog came before the car.", "The dog came after the car."),
        ("temporal order", "A truck, then a car.", "A car, then a truck."),
        ("temporal when", "At 0:09 a car came into view.", "At 0:03 a car came into view."),
        ("temporal when", "Barking at 0:05.", "Barking at 0:12."),
        ("temporal when", "A car 3 seconds ago.", "A car 14 seconds ago."),
    ],
)
def test_each_kind_of_hallucination_is_known_from_what_is_so(kind: str, right: str, wrong: str) -> None:
    assert (kind, True) in verdicts(right)
    assert all(is_right for _, is_right in verdicts(right))
    assert (kind, False) in verdicts(wrong)
    assert sum(not is_right for _, is_right in verdicts(wrong)) == 1


def test_what_was_not_there_is_wrong_once_and_not_for_what_is_said_of_it() -> None:
    assert verdicts("Two green bicycles moved to the left at 0:05 before the bicycle stopped.") == [
        ("object", False), ("object", False),
    ]  # fmt: skip


def test_chair_counts_what_was_not_there() -> None:
    scene = the_scene()
    wrong = Described(text="A blue truck, a dog, a car and a person. Something honked, something barked.", scene=scene)
    right = Described(text="A red truck.", scene=scene)
    assert chair([wrong, right]) == {
        "n": 7, "descriptions": 2, "chair_i": 0.2, "chair_s": 0.5, "hal": 0.5, "cover": round(4 / 6, 4),
        "f1": round(2 * 0.8 * 4 / 6 / (0.8 + 4 / 6), 4), "words": 8.5, "cognitive": 1.0,
    }  # fmt: skip
    silent = chair([Described(text="Something moved.", scene=scene)])
    assert (silent["n"], silent["chair_i"], silent["hal"], silent["cover"], silent["f1"]) == (0, None, None, 0.0, None)


def test_hallucinations_are_counted_by_kind_as_a_slow_count_does() -> None:
    texts = ["A green truck on the right, then a small dog.", "Two dogs. A car came into view at 0:01.", "Nothing.", ""]
    described = [Described(text=text, scene=the_scene()) for text in texts]
    found = hallucinations(described)
    every = [judgement for text in texts for judgement in verdicts(text)]
    for kind, line in found.items():
        own = [is_right for name, is_right in every if name == kind or name.startswith(f"{kind} ")]
        assert (line["n"], line["wrong"]) == (len(own), own.count(False))
    assert found["attribute"] == {"n": 2, "wrong": 1, "share": 0.5, "descriptions": 1.0}
    assert found["relation"] == {"n": 1, "wrong": 1, "share": 1.0, "descriptions": 1.0}
    assert found["count"]["wrong"] == 1
    assert found["temporal"] == {"n": 2, "wrong": 1, "share": 0.5, "descriptions": 0.5}
    assert found["sound"] == {"n": 0, "wrong": 0, "share": None, "descriptions": None}


@given(
    st.lists(
        st.sampled_from("a dog car two left of the then before at 0:05 ago 3 seconds met it . , no".split()),
        max_size=14,
    )
)
def test_no_text_is_an_error_and_none_claims_of_what_it_does_not_name(words: list[str]) -> None:
    said = mentioned(" ".join(words))
    for claim in said.claims:
        assert isinstance(claim, Claim)
        assert claim.of in said.named
        assert claim.other is None or claim.other in said.named
    assert len(verdicts(" ".join(words))) >= len(said.named)
