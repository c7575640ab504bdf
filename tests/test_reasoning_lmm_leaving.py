"""The oldest leave where a window holds too much or reaches too far; the newest never."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lmm.cache import TEXT, Notes, join, notes_of_text
from reasoning.lmm.leaving import last_to_leave


def cached(frames: list[tuple[int, int]]) -> Notes:
    """Two words, then frames of so many tokens, each after a gap of positions, with a word behind every one."""
    parts, position = [notes_of_text(2, 0, 1)], 2
    for number, (size, gap) in enumerate(frames):
        notes = notes_of_text(size, position + gap, 1)
        parts += [replace(notes, block=torch.full((size,), number)), notes_of_text(1, position + gap + size, 1)]
        position += gap + size + 1
    return join(parts)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), max_size=8),
    st.integers(0, 40),
    st.integers(-5, 150),
    st.booleans(),
)
def test_it_equals_the_slow_reference(
    frames: list[tuple[int, int]], window: int, horizon: int, one_waits: bool
) -> None:
    notes = cached(frames)
    newest = len(frames) - 1 + one_waits
    stay = list(range(len(frames)))
    while stay:
        tokens = sum(frames[number][0] for number in stay)
        start = min(int(notes.position[place]) for place in range(len(notes)) if notes.block[place] == stay[0])
        if stay[0] == newest or (tokens <= window and start >= horizon):
            break
        stay.pop(0)
    gone = len(frames) - len(stay)
    assert last_to_leave(notes, newest, window, horizon) == (gone - 1 if gone else None)


def test_words_alone_stay() -> None:
    assert last_to_leave(cached([]), TEXT, 0, 1000) is None
