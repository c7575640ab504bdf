"""Search by example: by the search keys of a record or clip, or by vectors that come from elsewhere, in any space.

Which score is enough has been measured for text alone. In other spaces the nearest come, with how near they are, and
whoever asks must judge that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memory.protocol import SHOWN
from memory.ranking import enough
from memory.reader import KINDS
from memory.scope import CLIP, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.protocol import MemoryReader
    from runtime.messages import Recall

VECTORS_MAX = 16  # each is a search: a message has room for a thousand
STANDING = (*SHOWN, *(kind for kind in KINDS if kind not in SHOWN))  # which record stands for a clip


class Unusable(ValueError):
    """An example is none."""


def by_example(memory: MemoryReader, query: Recall, scope: Scope, depth: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each space that examples name with record -> cosine, 0 to 1, of what the scope allows.

    A clip stands for its strongest record. The example itself, and what lies in its clip, are left out. Raises Unusable
    where a vector is not finite, all zero, or has not the width of its space, and where there are too many.
    """
    if len(query.vectors) > VECTORS_MAX:
        raise Unusable(f"{len(query.vectors)} vectors are too many: at most {VECTORS_MAX} are searched for")
    known = Scope(session=scope.session, as_of_ns=scope.as_of_ns)
    keys = memory.search_keys(query.like, known) if query.like else {}
    examples = [(space, _unit(space, vector)) for space, vector in keys.items()]
    examples += [(one.space, _unit(one.space, one.vector)) for one in query.vectors]
    home = _home(memory, query.like, known) if query.like else frozenset[str]()
    for space, vector in examples:
        cosines = _nearest(memory, space, vector, scope, depth)
        if cosines is not None:
            hits = memory.get(cosines, scope) if home else {}
            at_home = {key for key, hit in hits.items() if key in home or hit.clip_id in home}
            yield space, {key: one for key, one in cosines.items() if key not in at_home}


def _home(memory: MemoryReader, example: str, scope: Scope) -> frozenset[str]:
    """Return the example and the clip that it lies in."""
    return frozenset((example, *(hit.clip_id for hit in memory.get([example], scope).values()))) - {""}


def _nearest(
    memory: MemoryReader, space: str, vector: NDArray[np.float32], scope: Scope, depth: int
) -> dict[str, float] | None:
    """Return record -> cosine, None where the scope allows nothing that has a key in this space."""
    kinds = scope.kinds or KINDS
    try:
        found = memory.nearest(space, vector, depth, replace(scope, kinds=(*kinds, CLIP)))
    except ValueError as error:
        raise Unusable(str(error)) from error
    if not found.allowed:
        return None
    cosines = dict(found.scores)
    for clip, record in memory.strongest(found.clips, scope, STANDING).items():
        cosines[record] = max(found.clips[clip], cosines.get(record, -1.0))
    return enough(cosines, 0.0)


def _unit(space: str, values: Sequence[float] | NDArray[np.float16]) -> NDArray[np.float32]:
    """Return a vector (C,) of length 1."""
    vector = np.array(values, np.float64)
    largest = np.abs(vector).max(initial=0.0)
    if not np.isfinite(largest) or largest == 0.0:
        raise Unusable(f"the vector for {space} is empty, zero or not finite")
    vector /= largest  # the squares of large numbers are too large
    unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
