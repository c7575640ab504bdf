"""`heedful memory stats|search|verify DIR`: what a memory holds, finds, and whether it is intact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memory.embed import TextEmbedder
from memory.recall import Recaller
from memory.store import Store
from runtime.apps.present import moment
from runtime.messages import Recall
from runtime.order import END_NS


def stats(folder: Path, *, as_json: bool) -> int:
    """Print what is stored; exit code 0."""
    with _reading(folder) as store:
        found = store.stats()
    if as_json:
        print(json.dumps({"type": "stats", **{name: getattr(found, name) for name in found.__slots__}}))
        return 0
    print(f"{found.size_bytes / 1e6:.1f} MB, schema {found.schema_version}, SQLite {found.sqlite_version}")
    for name, start_ns in found.sessions.items():
        print(f"session {name}, since {moment(start_ns)}")
    for kind, count in found.records.items():
        print(f"{count:8d} {kind}")
    for space, count in found.vectors.items():
        print(f"{count:8d} vectors in {space}")
    print(f"{found.clips:8d} clips, {found.pictures} pictures, {found.dead_letters} dead letters")
    return 0


def search(folder: Path, text: str, k: int, *, as_json: bool) -> int:
    """Print what every session remembers of `text`, best first; exit code 0."""
    with _reading(folder) as store:
        sessions = store.stats().sessions
    recaller = Recaller(folder, TextEmbedder())
    hits = [
        (session, hit)
        for session in sessions
        for hit in recaller.recall(Recall(session=session, query_id="search", as_of_ns=END_NS, text=text, k=k)).hits
    ]
    hits.sort(key=lambda pair: (-pair[1].score, pair[0], pair[1].start_ns))
    for session, hit in hits[:k]:
        if as_json:
            fields = {"record_id": hit.record_id, "clip_id": hit.clip_id, "stream": hit.stream, "kind": hit.kind}
            times = {"start_ns": hit.start_ns, "end_ns": hit.end_ns, "score": hit.score, "text": hit.text}
            print(json.dumps({"type": "hit", "session": session, **fields, **times}, ensure_ascii=False))
        else:
            print(f"{hit.score:.2f}  {moment(hit.start_ns)}  {session} {hit.stream} {hit.kind}  {hit.text}")
    if not hits and not as_json:
        print("nothing relevant; fewer or other words may find more")
    return 0


def verify(folder: Path, *, as_json: bool) -> int:
    """Read everything; exit code 0 when it is intact, 1 with one line per problem when it is not."""
    with _reading(folder) as store:
        problems = store.verify()
        records = sum(store.stats().records.values())
    if as_json:
        print(json.dumps({"type": "verify", "records": records, "problems": problems}))
    else:
        print("\n".join(problems) if problems else f"intact: {records} records")
    return 1 if problems else 0


@contextmanager
def _reading(folder: Path) -> Iterator[Store]:
    store = Store.open(folder, writable=False)
    try:
        yield store
    finally:
        store.close()
