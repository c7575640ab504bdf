"""Which frames leave the window: the oldest, where it holds too many tokens or reaches too far back.

Tokens that are dropped keep their positions, so of a quiet scene few tokens may lie far apart: further than the model
was made to read.
"""

from __future__ import annotations

from reasoning.lmm.cache import TEXT, Notes


def last_to_leave(notes: Notes, newest: int, window: int, horizon: int) -> int | None:
    """Return the number of the last frame or sound that leaves, None where all may stay.

    At most `window` tokens stay, of frames that begin at position `horizon` or later; `newest`, which may not be cached
    yet, stays in any case.
    """
    senses = notes.block != TEXT
    blocks, sizes = notes.block[senses].unique(return_counts=True)  # in the order of time, as they are cached
    if not len(blocks):
        return None
    before = sizes.cumsum(0)
    over = int(before[-1]) - window
    by_tokens = int((before < over).sum()) + 1 if over > 0 else 0
    starts = notes.position[senses][before - sizes]
    count = max(by_tokens, int((starts < horizon).sum()))
    if not count:
        return None
    last = min(int(blocks[count - 1]), newest - 1)
    return last if last >= int(blocks[0]) else None
