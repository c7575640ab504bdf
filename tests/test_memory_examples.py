"""Search by example: in every space, with the filter inside, fused with words; what is no example is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.embedded import EmbeddedStore
from memory.examples import by_example
from memory.recall import Recaller
from memory.rows import vector_row
from memory.scope import CLIP
from runtime.messages import Probe, Recall, Recalled
from tests.memory_engines import KINDS, OTHER, SPACE, WIDTHS, clip, filled, random_scope, record, vector_of
from tests.memory_records import ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memory.rows import ClipRow, RecordRow, Row
    from tests.memory_reference import SlowMemory

STANDING = ("motion", "frame", "utterance", "sound", "gap")
LOOKS = {0: (1.0, 0.0), 1: (0.8, 0.6), 2: (-1.0, 0.0), 3: (0.6, 0.8)}  # of each clip, in the space of pictures
VIDEO = "video:look@1"


def picture(number: int, session: str = "s") -> RecordRow:
    return record(
        number, "picture", at_s=10.0 * number, kind="frame", session=session, stream="cam",
        key=f"{session}/cam/0/frame-{number}",
    )  # fmt: skip


@pytest.fixture
def recaller(tmp_path: Path) -> Iterator[Recaller]:
    """A memory of pictures, each in a clip with a search key of its own, in two sessions, and of one sentence."""
    rows: list[Row] = [record(9, "the kettle", at_s=90)]
    for session in ("s", "t"):
        shown = [picture(number, session) for number in LOOKS]
        clips: list[ClipRow] = [clip(number, [one], one.t_ns) for number, one in enumerate(shown)]
        keys = [vector_row(one.key, VIDEO, np.array(LOOKS[one.seq], np.float32)) for one in clips]
        rows += [*shown, *clips, *keys]
    store = EmbeddedStore.open(tmp_path)
    store.append(rows)
    store.close()
    opened = Recaller(tmp_path, None)
    yield opened
    opened.close()


def ask(recaller: Recaller, **fields: object) -> Recalled:
    return recaller.recall(Recall(session="s", query_id="q", **{"as_of_ns": ns(999), **fields}))  # type: ignore[arg-type]


def numbers(found: Recalled) -> list[int]:
    assert all(hit.record_id.startswith("s/cam/0/frame-") for hit in found.hits)
    return [int(hit.record_id.rpartition("-")[2]) for hit in found.hits]


@pytest.mark.parametrize("example", ["s/cam/0/clip-0", "s/cam/0/frame-0"])
def test_what_is_like_a_clip_or_a_record_in_it_comes_nearest_first_without_itself(
    example: str, recaller: Recaller
) -> None:
    found = ask(recaller, like=example)
    assert numbers(found) == [1, 3]  # what is opposite is not like it
    assert [hit.score for hit in found.hits] == pytest.approx([0.8, 0.6], abs=1e-3)
    assert found.searched == (VIDEO,)


def test_vectors_from_elsewhere_find_the_nearest_whatever_their_length(recaller: Recaller) -> None:
    for length in (1e-30, 1.0, 1e300):
        found = ask(recaller, vectors=(Probe(space=VIDEO, vector=(length, 0.0)),))
        assert numbers(found) == [0, 1, 3]
        assert [hit.score for hit in found.hits] == pytest.approx([1.0, 0.8, 0.6], abs=1e-3)


def test_examples_obey_window_stream_kind_and_time_of_asking(recaller: Recaller) -> None:
    assert numbers(ask(recaller, like="s/cam/0/clip-0", start_ns=ns(25))) == [3]
    assert numbers(ask(recaller, like="s/cam/0/clip-0", as_of_ns=ns(15))) == [1]
    assert numbers(ask(recaller, like="s/cam/0/clip-0", streams=("mic",))) == []
    assert numbers(ask(recaller, like="s/cam/0/clip-0", kinds=("utterance",))) == []
    assert numbers(ask(recaller, like="s/cam/0/clip-0", as_of_ns=ns(0.5))) == []  # it was not known yet


def test_words_and_examples_are_fused(recaller: Recaller) -> None:
    found = ask(recaller, text="kettle", like="s/cam/0/clip-0")
    assert {hit.record_id for hit in found.hits} == {"s/mic/0/utterance-9", "s/cam/0/frame-1", "s/cam/0/frame-3"}
    assert found.searched == ("fts", VIDEO)


@pytest.mark.parametrize("example", ["t/cam/0/clip-0", "t/cam/0/frame-0", "nobody", "s/mic/0/utterance-9"])
def test_an_example_of_another_session_or_without_a_search_key_finds_nothing(example: str, recaller: Recaller) -> None:
    found = ask(recaller, like=example)
    assert (found.hits, found.searched, found.reason) == ((), (), "")


@pytest.mark.parametrize("values", [(0.0, 0.0), (), (1.0, 0.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_a_vector_that_cannot_be_searched_for_is_refused_in_words(
    values: tuple[float, ...], recaller: Recaller
) -> None:
    found = ask(recaller, vectors=(Probe(space=VIDEO, vector=values),))
    assert found.hits == ()
    assert VIDEO in found.reason
    assert numbers(ask(recaller, like="s/cam/0/clip-0")) == [1, 3]


def test_more_vectors_than_can_be_searched_for_at_once_are_refused(recaller: Recaller) -> None:
    probe = Probe(space=VIDEO, vector=(1.0, 0.0))
    assert numbers(ask(recaller, vectors=(probe,) * 16)) == [0, 1, 3]
    assert ask(recaller, vectors=(probe,) * 17).reason == "17 vectors are too many: at most 16 are searched for"


def test_a_space_that_nobody_wrote_is_not_searched(recaller: Recaller) -> None:
    found = ask(recaller, vectors=(Probe(space="nobody@1", vector=(1.0, 2.0, 3.0)),))
    assert (found.hits, found.searched, found.reason) == ((), (), "")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedStore, SlowMemory]]:
    """Random rows, and the same in plain lists."""
    store = EmbeddedStore.open(tmp_path_factory.mktemp("memory"))
    yield store, filled(store, seed=5)
    store.close()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_example_finds_what_the_slow_reference_finds(world: tuple[EmbeddedStore, SlowMemory], seed: int) -> None:
    store, slow = world
    rng = random.Random(seed)
    scope = random_scope(rng)
    space = rng.choice((SPACE, OTHER))
    vector = vector_of(rng, space)
    query = Recall(
        session=scope.session, query_id="q", as_of_ns=scope.as_of_ns,
        vectors=(Probe(space=space, vector=tuple(map(float, vector))),),
    )  # fmt: skip
    found = dict(by_example(store, query, scope, 10_000))
    unit = vector / np.linalg.norm(vector)
    true: dict[str, float] = {}
    seen = slow.nearest(space, unit, replace(scope, kinds=(*(scope.kinds or KINDS), CLIP)))
    for score, owner in seen:
        shown = owner if owner in slow.records else slow.strongest(owner, scope, STANDING)
        if shown is not None and score > -1e-6:
            true[shown] = max(min(1.0, score), true.get(shown, 0.0))
    assert found.keys() == ({space} if seen else set())
    if seen:
        assert found[space] == pytest.approx(true, abs=1e-4)
    assert WIDTHS[space] == len(vector)
