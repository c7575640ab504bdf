"""One spelling for what sounds the same."""

import pytest

from perception.spelling import normalise


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("what colour is the neighbour's favourite harbour", "what color is the neighbor's favorite harbor"),
        ("two metres from the theatre centre", "two meters from the theater center"),
        ("she recognised and organises modernisation", "she recognized and organizes modernization"),
        ("mr grey travelled", "mister gray traveled"),
        ("four of our hours pour sour flour on tour", "four of our hours pour sour flour on tour"),
        ("rise wise exercise promise surprise", "rise wise exercise promise surprise"),
        ("", ""),
    ],
)
def test_american_spelling_and_nothing_else(heard: str, written: str) -> None:
    assert normalise(heard) == written
    assert normalise(written) == written
