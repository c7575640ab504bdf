"""Claims of how often something happened."""

from __future__ import annotations

import pytest

from reasoning.amounts import find_times


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [
        ("did it beep twice", [2], [0, 1, 3]),
        ("did it move once", [1, 4], [0]),
        ("did it move only once", [1], [0, 2]),
        ("did anything move more than once", [2, 9], [0, 1]),
        ("were there at least three tones", [3, 4], [2]),
        ("were there two different sounds", [2], [1, 3]),
        ("did they say it fewer than four times", [0, 3], [4]),
    ],
)
def test_a_number_of_times_holds_or_not(text: str, holds: list[int], fails: list[int]) -> None:
    times = find_times(text)
    assert times is not None
    assert all(times.holds(n) for n in holds)
    assert not any(times.holds(n) for n in fails)


@pytest.mark.parametrize(
    "text",
    ["how many times did it move", "what were the two tones", "a 440 hz tone", "the first time", "at 12 seconds"],
)
def test_other_numbers_are_no_times(text: str) -> None:
    assert find_times(text) is None
