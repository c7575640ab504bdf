"""Damage in words: a few chunks have a line each, many have one together."""

from runtime.recording.damage import told_once


def chunk(file: str, at: int) -> str:
    return f"{file}the chunk at byte {at} is damaged (its checksum is another) and was left out"


def test_a_few_chunks_have_a_line_each() -> None:
    faults = ["breaks off at byte 9", chunk("", 1), chunk("", 2), chunk("", 1)]
    assert told_once(faults) == faults[:3]


def test_many_chunks_of_a_file_are_one_line() -> None:
    faults = [*(chunk("a: ", at) for at in (5, 3, 900, 30, 3)), chunk("b: ", 7), "a: breaks off at byte 9"]
    many = "a: 4 chunks between byte 3 and 900 are damaged and were left out"
    assert told_once(faults) == ["a: breaks off at byte 9", many, chunk("b: ", 7)]
