"""What a world is made from is checked by name, and no two worlds of the splits have one seed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.yard.settings import SEEDS, SPLITS, Split, WorldSettings, check_seed, seed_of, stream_of
from runtime.errors import ConfigError

NUMBERS = st.integers(0, SEEDS - 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"length_s": 1.9}, "yard.length_s: 1.9 is not from 2 to 7200"),
        ({"length_s": float("nan")}, "yard.length_s: nan is not from 2 to 7200"),
        ({"length_s": float("inf")}, "yard.length_s: inf is not from 2 to 7200"),
        ({"least_entities": -1}, "yard.least_entities: -1 is not from 0 to 40"),
        ({"most_entities": 41}, "yard.most_entities: 41 is not from 0 to 40"),
        ({"least_entities": 6}, "yard.least_entities: 6 is more than most_entities"),
        ({"most_entities": 4.5}, "yard.most_entities: 4.5 is no whole number"),
        ({"light": "noon"}, "yard.light: 'noon' is none of None, day, dusk, night, fog"),
        ({"split": "dev"}, "yard.split: 'dev' is none of train, validation, test"),
    ],
)
def test_what_is_out_of_range_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WorldSettings(**given)
    assert str(caught.value) == says


@given(st.sampled_from(SPLITS), NUMBERS, st.sampled_from(SPLITS), NUMBERS)
def test_no_two_worlds_of_the_splits_have_one_seed(one: Split, number: int, other: Split, another: int) -> None:
    is_same = (one, number) == (other, another)
    assert (seed_of(one, number) == seed_of(other, another)) == is_same
    assert (stream_of(seed_of(one, number), "world") == stream_of(seed_of(other, another), "world")) == is_same
    check_seed(one, seed_of(one, number))
    if one != other:
        with pytest.raises(ConfigError, match=f"is a seed of the split {one}"):
            check_seed(other, seed_of(one, number))


@pytest.mark.parametrize("number", [-1, SEEDS])
def test_a_number_beyond_a_split_is_refused(number: int) -> None:
    with pytest.raises(ConfigError, match=f"yard.seed: {number} is not from 0 to {SEEDS - 1}"):
        seed_of("train", number)
