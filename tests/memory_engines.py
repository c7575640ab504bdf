"""Engines behind `memory.protocol`, and random rows to be kept and asked about by each."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.embedded import PROMISES as EMBEDDED
from memory.embedded import EmbeddedStore
from memory.lance import PROMISES as LANCE
from memory.lance import LanceStore
from memory.protocol import MemoryStore, Promises
from memory.rows import ClipRow, RecordRow, Row, SessionRow, StreamRow, vector_row
from memory.scope import Scope
from tests.memory_records import ns
from tests.memory_reference import SlowMemory

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE, OTHER = "text:one@1", "video:two@7"
WIDTHS = {SPACE: 6, OTHER: 4}
SESSIONS = ("s", "S", "s ", "it's", "s%", '"; DROP TABLE record; --')
STREAMS = ("mic", "cam")
KINDS = ("utterance", "sound", "motion", "frame", "gap")
TRUSTS = ("scene", "remote", "local", "operator")
WORDS = ("kettle", "train", "london", "meteor", "meteors", "doctor", "rain", "raining", "the")
ALWAYS = 2**62
ROWS, BATCHES = 240, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine, and how to open it: (folder, writable=...)."""

    name: str
    module: str  # that must be installed
    promises: Promises
    open: Callable[..., MemoryStore]

    @property
    def is_installed(self) -> bool:
        """Say whether it can be opened here."""
        return find_spec(self.module) is not None

    @contextmanager
    def opened(self, folder: Path, *, writable: bool = True) -> Iterator[MemoryStore]:
        """Open it for a while."""
        store = self.open(folder, writable=writable)
        try:
            yield store
        finally:
            store.close()


ENGINES = (
    Engine(name="embedded", module="faiss", promises=EMBEDDED, open=EmbeddedStore.open),
    Engine(name="lance", module="lancedb", promises=LANCE, open=LanceStore.open),
)


def record(seq: int, text: str = "the kettle", *, at_s: float = 0.0, **other: object) -> RecordRow:
    """Return a record of one second, known at its end."""
    row = RecordRow(
        key=f"s/mic/0/utterance-{seq}", session="s", stream="mic", epoch=0, seq=seq, kind="utterance",
        t_ns=ns(at_s + 1), start_ns=ns(at_s), end_ns=ns(at_s + 1), text=text, box=None, level=0.0, trust="scene",
        data="{}", clock_ns=0, media=None,
    )  # fmt: skip
    return row._replace(**other)  # type: ignore[arg-type]


def clip(seq: int, records: Sequence[RecordRow], t_ns: int) -> ClipRow:
    """Return a clip of these records that closed at a time."""
    first = records[0]
    return ClipRow(
        key=f"{first.session}/{first.stream}/0/clip-{seq}", session=first.session, stream=first.stream, epoch=0,
        seq=seq, sensor="audio", t_ns=t_ns, start_ns=min(row.start_ns for row in records),
        end_ns=max(row.end_ns for row in records), text="a clip", records=json.dumps([row.key for row in records]),
    )  # fmt: skip


def picture(rng: random.Random) -> bytes:
    """Return what begins like a JPEG and stands nowhere else."""
    return b"\xff\xd8" + rng.randbytes(200)


def vector_of(rng: random.Random, space: str) -> NDArray[np.float32]:
    """Return a vector of small whole numbers: their products are exact, and often equal."""
    vector = np.array([rng.randrange(-2, 3) for _ in range(WIDTHS[space])], np.float32)
    vector[0] = rng.choice((1, 2))
    return vector


def random_record(rng: random.Random, seq: int) -> RecordRow:
    """Return a record of any session, stream, kind, trust and clock, that may have become known late."""
    session, stream, kind = rng.choice((*SESSIONS, "s", "s", "s")), rng.choice(STREAMS), rng.choice(KINDS)
    start_s = rng.randrange(60)
    end_s = start_s + rng.choice((0, 1, 20))
    text = " ".join(rng.choices(WORDS, k=rng.randrange(1, 5))) if kind == "utterance" else "tone"
    return record(
        seq, text, key=f"{session}/{stream}/0/{kind}-{seq}", session=session, stream=stream, kind=kind,
        start_ns=ns(start_s), end_ns=ns(end_s), t_ns=ns(end_s + rng.choice((0, 0, 30))), level=rng.random(),
        trust=rng.choice(TRUSTS), clock_ns=ns(rng.choice((0, 0, 3))), box=rng.choice((None, "[0.1, 0.2, 0.3, 0.4]")),
        media=picture(rng) if kind == "frame" else None,
    )  # fmt: skip


def random_batches(seed: int) -> list[list[Row]]:
    """Return rows with clips of theirs, vectors in two spaces, and some that come again with other content."""
    rng = random.Random(seed)
    records = [random_record(rng, seq) for seq in range(ROWS)]
    batches: list[list[Row]] = []
    for part in range(BATCHES):
        rows = records[part::BATCHES]
        batch: list[Row] = [*rows, *(rng.choice(rows)._replace(text="altered") for _ in range(3))]
        batch += [rng.choice(records)._replace(text="altered") for _ in range(2 if part else 0)]
        together: dict[tuple[str, str], list[RecordRow]] = {}
        for row in rows:
            together.setdefault((row.session, row.stream), []).append(row)
        clips = [clip(part, some, max(r.t_ns for r in some) + ns(5)) for some in together.values() if len(some) > 1]
        owners = [*(row.key for row in rows if row.kind in ("utterance", "sound")), *(one.key for one in clips)]
        batch += [*clips, SessionRow(rng.choice(SESSIONS), ns(rng.randrange(-5, 5)))]
        batch += [vector_row(key, SPACE, vector_of(rng, SPACE)) for key in (*owners, rng.choice(owners), "nobody")]
        batch += [vector_row(one.key, OTHER, vector_of(rng, OTHER)) for one in clips]
        batch.append(StreamRow(rng.choice(SESSIONS), "mic", part, "audio", 0, ns(rng.randrange(100)), 0))
        batches.append(batch)
    return batches


def filled(store: MemoryStore, seed: int) -> SlowMemory:
    """Store random rows; return the reference with the same."""
    slow = SlowMemory()
    for batch in random_batches(seed):
        store.append(batch)
        # An altered record that came before its own content is the content.
        slow.append(batch)
    return slow


def random_scope(rng: random.Random) -> Scope:
    """Return a scope with a window, an asking time and names, each of them or none."""

    def some(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(rng.sample((*names, "none's"), rng.randrange(1, 3))) if rng.random() < 0.3 else ()

    start_ns = rng.choice((-(2**63), ns(rng.randrange(-5, 80))))
    return Scope(
        session=rng.choice((*SESSIONS, "s", "s", "nowhere")), as_of_ns=rng.choice((ALWAYS, ns(rng.randrange(110)))),
        start_ns=start_ns, end_ns=rng.choice((2**63 - 1, ns(rng.randrange(80)))), kinds=some((*KINDS, "clip")),
        streams=some(STREAMS), trusts=some(TRUSTS),
        except_key=f"s/mic/0/utterance-{rng.randrange(ROWS)}" if rng.random() < 0.2 else "",
    )  # fmt: skip
