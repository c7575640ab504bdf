"""Nothing outside its scope is ever told: random questions against a mask worked out row by row.

The memory has many sessions (with names that look alike), streams, trusts and kinds, records that became known late,
clips, sealed segments and a tail. Beside it stands one whose segments are damaged, torn, or gone.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memory.clips import ClipBorders
from memory.disk import RealDisk
from memory.manifest import FOLDER
from memory.recall import DURING_NS, Recaller
from memory.rows import clip_key, clip_row, record_row, vector_row
from memory.scope import CLIP, Scope
from memory.sealing import Sealer
from memory.space import SpaceIndex
from memory.store import Store
from runtime.messages import Recall, record_id
from tests.memory_records import LetterEmbedder, frame, gap, motion, ns, submitting_to, tone, utterance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from memory.rows import Row
    from runtime.messages import Hit, Recalled, Record, Trust

SESSIONS = ("s", "S", "s ", "s/a", "s%", "'; DROP TABLE record; --")
STREAMS = ("a", "b", "cam")
KINDS = ("utterance", "sound", "motion", "frame", "gap")
TRUSTS: tuple[Trust, ...] = ("scene", "remote", "local", "operator")
WORDS = ("kettle", "train", "london", "keys", "drawer", "rain", "piano", "doctor", "meteor", "violin")
RECORDS, SEAL_ROWS, END_S = 3_000, 500, 1_000
ALL: tuple[tuple[str, ...], ...] = (SESSIONS, (*KINDS, CLIP), STREAMS, TRUSTS)
QUERIES, SOAK_QUERIES = 1_000, 100_000


class TinyEmbedder(LetterEmbedder):
    """Few dimensions: many words look alike, so that a search finds much."""

    space = "text:tiny"
    width = 24


class Known:
    """What was stored, in columns, to be looked at row by row."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows of an id or key, start, end, the time of being known, session, kind, stream and trust."""
        self.places = {row[0]: place for place, row in enumerate(rows)}
        self.times = np.array([row[1:4] for row in rows], np.int64).T.copy()  # (3, n)
        self.names = [row[4:] for row in rows]
        self._is = [{one: np.array([row[4 + n] == one for row in rows]) for one in ALL[n]} for n in range(4)]  # (n,)

    def visible(self, scope: Scope) -> NDArray[np.bool_]:
        """Say of each row (n,) whether the scope allows it."""
        start, end, known = self.times
        seen: NDArray[np.bool_] = (start <= scope.end_ns) & (end >= scope.start_ns) & (known <= scope.as_of_ns)
        for is_named, wanted in zip(self._is, ((scope.session,), *(w for _, w in scope.names())), strict=True):
            if wanted:
                seen &= np.logical_or.reduce([is_named[one] for one in wanted if one in is_named], initial=False)
        if scope.except_key:
            seen[self.places[scope.except_key]] = False
        return seen


class Memory:
    """A reader of a memory, with all that it may find."""

    def __init__(self, folder: Path) -> None:
        self.recaller = Recaller(folder, TinyEmbedder())
        self._store = Store.open(folder, writable=False)
        db = self._store.connection()
        self.index = SpaceIndex(self._store.path, TinyEmbedder.space, TinyEmbedder.width)
        self.index.follow(db)
        columns = "start_ns, end_ns, t_ns, session, kind, stream, trust"
        self.records = Known(list(db.execute(f"SELECT key, {columns} FROM record")))
        self.vectors = Known(list(db.execute(f"SELECT id, {columns} FROM vec")))
        clips = "SELECT record.key, clip.key, clip.t_ns FROM record JOIN clip ON clip.id = record.clip_id"
        self.clips = {record: (clip, t_ns) for record, clip, t_ns in db.execute(clips)}

    def close(self) -> None:
        self.recaller.close()
        self._store.close()


def random_record(rng: random.Random, seq: int, at_s: float) -> Record:
    session = rng.choice((*SESSIONS, "s", "s", "s", "s", "s"))
    stream = rng.choice(STREAMS)
    end_s = at_s + rng.choice((0.0, 1.0, 3.0, 40.0))
    match rng.randrange(6):
        case 0:
            return tone(seq, at_s, end_s, session=session, stream=stream)
        case 1:
            return motion(seq, at_s, end_s, session=session, stream=stream)
        case 2:
            return gap(seq, at_s, end_s, session=session, stream=stream)
        case 3:
            return frame(seq, at_s, session=session, stream=stream)
        case _:
            text = " ".join(rng.choices(WORDS, k=rng.randrange(1, 5)))
            return utterance(
                seq, at_s, end_s, text, known_s=end_s + rng.choice((0.0, 0.0, 30.0)), session=session, stream=stream
            )


def write_memory(folder: Path) -> None:
    """Write records with their clips and vectors, part of them sealed."""
    rng, embedder, store = random.Random(3), TinyEmbedder(), Store.open(folder)
    borders: dict[tuple[str, str], ClipBorders] = {}
    rows: list[Row] = []
    for seq in range(RECORDS):
        record = random_record(rng, seq, END_S * seq / RECORDS)
        name = (record.session, record.stream)
        clips = borders.setdefault(name, ClipBorders(*name, 0, "audio")).add(record)
        row = record_row(record, rng.choice(TRUSTS))
        texts = [(row.key, row.text)] * (row.kind in ("utterance", "sound")) + [(clip_key(c), c.text) for c in clips]
        rows += [row, *map(clip_row, clips)]
        rows += [vector_row(key, embedder.space, embedder.encode([text])[0]) for key, text in texts]
        assert record_id(record) == row.key
    store.append(rows)
    sealer = Sealer(folder, submitting_to(store), RealDisk(), seal_rows=SEAL_ROWS)
    sealer.run()
    sealer.close()
    store.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scope") / "m"
    write_memory(folder)
    return folder


@pytest.fixture(params=["whole", "damaged"])
def memory(request: pytest.FixtureRequest, whole: Path, tmp_path: Path) -> Any:
    folder = tmp_path / "m"
    shutil.copytree(whole, folder)
    segments = sorted((folder / FOLDER).iterdir())
    assert len(segments) >= 2
    if request.param == "damaged":
        for number, path in enumerate(segments):
            damage(path, number % 3)
    opened = Memory(folder)
    assert len(opened.recaller.damaged) == (len(segments) if request.param == "damaged" else 0)
    assert len(opened.index) == len(opened.vectors.places)
    yield opened
    opened.close()


def damage(path: Path, how: int) -> None:
    data = path.read_bytes()
    match how:
        case 0:
            path.write_bytes(data[:2_000] + bytes([data[2_000] ^ 1]) + data[2_001:])
        case 1:
            path.write_bytes(data[: len(data) // 2])
        case _:
            path.unlink()


def random_query(rng: random.Random) -> Recall:
    """Return a question with a window, an asking time, names and an anchor, each of them or none."""

    def some(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(rng.sample((*names, "none such"), rng.randrange(1, 3))) if rng.random() < 0.4 else ()

    def moment() -> int | None:
        return rng.choice(
            (None, ns(rng.uniform(-10, END_S + 60)), ns(rng.randrange(END_S)), rng.choice((-(2**70), 2**70)))
        )

    words = rng.choices((*WORDS, "tone", "movement", "meteors", "what was", "zebra"), k=rng.randrange(4))
    text = " ".join(words) if rng.random() < 0.9 else f'"{" ".join(words)}"'
    return Recall(
        session=rng.choice((*SESSIONS, "s", "s", "s", "nowhere")),
        query_id="q",
        as_of_ns=rng.choice((2**62, ns(rng.uniform(-5, END_S + 60)))),
        text=text,
        anchor=rng.choice(("", "", "", *WORDS)),
        relation=rng.choice(("", "before", "after", "during")),
        kinds=some(KINDS),
        streams=some(STREAMS),
        trusts=some(TRUSTS),  # type: ignore[arg-type]
        start_ns=moment(),
        end_ns=moment(),
        k=rng.choice((1, 8, 50, 200)),
        timeline_limit=rng.choice((0, 5, 60)),
    )


def scope_of(query: Recall, found: Recalled) -> Scope:
    """Return what a question may see, worked out from the question and the anchor that was found for it."""
    start_ns = -(2**63) if query.start_ns is None else query.start_ns
    end_ns = query.as_of_ns if query.end_ns is None else min(query.end_ns, query.as_of_ns)
    except_key, anchor = "", found.anchor
    if anchor is not None and query.relation:
        after_ns, before_ns = anchor.start_ns - DURING_NS, anchor.end_ns + DURING_NS
        if query.relation != "during":
            except_key = anchor.record_id
            after_ns, before_ns = (anchor.end_ns, end_ns) if query.relation == "after" else (start_ns, anchor.start_ns)
        start_ns, end_ns = max(start_ns, after_ns), min(end_ns, before_ns)
    return Scope(
        session=query.session, as_of_ns=query.as_of_ns, start_ns=start_ns, end_ns=end_ns, kinds=query.kinds,
        streams=query.streams, trusts=query.trusts, except_key=except_key,
    )  # fmt: skip


def check_recall(memory: Memory, query: Recall) -> int:
    """Check everything that one answer tells; return how many records that are."""
    found = memory.recaller.recall(query)
    scope = scope_of(query, found)
    is_lost = found.anchor is None and bool(query.anchor and query.relation)
    visible = memory.records.visible(scope) & (scope.start_ns <= scope.end_ns) & (not is_lost)
    for hit in (*found.hits, *found.timeline):
        assert visible[memory.records.places[hit.record_id]], (query, hit)
        check_hit(memory, query, hit)
    assert found.total == np.count_nonzero(visible), query
    assert len(found.timeline) == min(found.total, query.timeline_limit), query
    assert len({hit.record_id for hit in found.hits}) == len(found.hits) <= query.k, query
    everywhere = memory.records.visible(Scope(session=query.session, as_of_ns=query.as_of_ns))
    if found.anchor is not None:
        assert everywhere[memory.records.places[found.anchor.record_id]], (query, found.anchor)
        check_hit(memory, query, found.anchor)
    assert sum(found.counts.values()) == np.count_nonzero(everywhere), query
    return len(found.hits) + len(found.timeline)


def check_hit(memory: Memory, query: Recall, hit: Hit) -> None:
    """What a hit says of itself is what was stored, and its clip was known by then."""
    place = memory.records.places[hit.record_id]
    assert memory.records.names[place] == (query.session, hit.kind, hit.stream, hit.trust)
    assert tuple(memory.records.times[:2, place]) == (hit.start_ns, hit.end_ns)
    clip, known_ns = memory.clips.get(hit.record_id, ("", 0))
    assert hit.clip_id == (clip if known_ns <= query.as_of_ns else ""), (query, hit)


def check_search(memory: Memory, query: Recall, rng: random.Random) -> int:
    """Check what the index of vectors gives in the same scope; return how many vectors that are."""
    bounds = {
        name: min(max(value, -(2**63)), 2**63 - 1)
        for name in ("start_ns", "end_ns")
        if (value := getattr(query, name)) is not None
    }
    kinds = (*query.kinds, CLIP) if query.kinds and rng.random() < 0.5 else query.kinds
    scope = Scope(
        session=query.session,
        as_of_ns=query.as_of_ns,
        kinds=kinds,
        streams=query.streams,
        trusts=query.trusts,
        **bounds,
    )
    vector = np.array([rng.gauss(0, 1) for _ in range(TinyEmbedder.width)], np.float32)
    ids, _ = memory.index.search(vector, query.k, scope)
    visible = memory.vectors.visible(scope)
    assert all(visible[memory.vectors.places[one]] for one in ids.tolist()), query
    assert len(set(ids.tolist())) == len(ids) == min(query.k, np.count_nonzero(visible)), query
    return len(ids)


def check_many(memory: Memory, count: int, seed: int) -> None:
    told = found = 0
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        query = random_query(rng)
        told += check_recall(memory, query)
        found += check_search(memory, query, rng)
    assert told > count  # the questions are not idle
    assert found > count


@pytest.mark.slow  # on a busy machine
def test_nothing_outside_its_scope_is_told(memory: Memory) -> None:
    check_many(memory, QUERIES // 2, 1)


@pytest.mark.soak
def test_nothing_outside_its_scope_is_told_in_very_many_questions(memory: Memory) -> None:
    check_many(memory, SOAK_QUERIES // 2, 2)
