"""`heedful memory ACTION DIR`: what a memory holds and finds, whether it is intact, and its care."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.describe import list_words
from memory.embed import TextEmbedder
from memory.erase import Erased, Selector, count_rows, named_rows
from memory.erasing import compact as compact_store
from memory.erasing import erase as erase_for_good
from memory.export import DAMAGED, MANIFEST
from memory.export import export as export_store
from memory.probe import find_device
from memory.recall import Recaller
from memory.store import FILE_NAME, LOCK_NAME, Store
from memory.take_in import check_export
from memory.take_in import take_in as take_in_folder
from runtime.apps.arguments import moment_ns
from runtime.apps.live import request_running
from runtime.apps.present import moment
from runtime.apps.rendezvous import Rendezvous, is_running, running_sessions
from runtime.errors import ConfigError, MissingPart
from runtime.messages import Erase, Hit, Message, Recall, Recalled
from runtime.messages import Erased as ErasedMessage
from runtime.mqtt_bus import MqttBus
from runtime.order import END_NS

if TYPE_CHECKING:
    from runtime.bus import Bus

NOTHING = ": no record here is named by that"
SHOWN = 5  # of what would be erased
ERASE_S = 300.0  # a large file may have to be written anew


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


def search(folder: Path, text: str, like: str, k: int, neighbours: int, *, as_json: bool) -> int:
    """Print what every session remembers of `text`, best first, then what was before and after it; exit code 0.

    `like` is the id of a record or clip, in whose session others are looked for that are like it.
    """
    with _reading(folder) as store:
        sessions = list(store.stats().sessions)
    recaller = Recaller(folder, TextEmbedder())
    if like:
        if not recaller.has(like):
            recaller.close()
            raise ConfigError(
                "--like", f"{like!r} is no record or clip of this memory; `search --json` shows their ids"
            )
        sessions = [like.partition("/")[0]]
    asked = Recall(
        session="",
        query_id="search",
        as_of_ns=END_NS,
        text=text,
        like=like,
        k=k,
        neighbours=neighbours,
        timeline_limit=0,
    )
    found = {session: recaller.recall(replace(asked, session=session)) for session in sessions}
    recaller.close()
    hits = [(session, hit) for session, recalled in found.items() for hit in recalled.hits]
    hits.sort(key=lambda pair: (-pair[1].score, pair[0], pair[1].start_ns))
    for session, hit in hits[:k]:
        _print_hit("hit", session, hit, as_json=as_json)
    for session in dict.fromkeys(session for session, _ in hits[:k]):
        for hit in found[session].neighbours:
            _print_hit("neighbour", session, hit, as_json=as_json)
    if not hits and not as_json:
        _print_nothing(like, list(found.values()))
    return 0


def _print_nothing(like: str, found: Sequence[Recalled]) -> None:
    total = sum(recalled.total for recalled in found)
    if like and not any(recalled.searched for recalled in found):
        print(f"{like} has no search key: its clip is open still, or it has none to be compared with")
    else:
        tip = "nothing else is like it" if like else "fewer or other words may find more"
        print(f"nothing relevant among {_many(total, 'record')}; {tip}")


def _print_hit(name: str, session: str, hit: Hit, *, as_json: bool) -> None:
    if as_json:
        fields = {"record_id": hit.record_id, "clip_id": hit.clip_id, "stream": hit.stream, "kind": hit.kind}
        times = {"start_ns": hit.start_ns, "end_ns": hit.end_ns, "score": hit.score, "text": hit.text}
        print(json.dumps({"type": name, "session": session, **fields, **times}, ensure_ascii=False))
        return
    score = f"{hit.score:.2f}" if name == "hit" else "beside"
    print(f"{score}  {moment(hit.start_ns)}  {session} {hit.stream} {hit.kind}  {hit.text}")


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


def erase(
    folder: Path,
    selector: Selector,
    run: Callable[[Coroutine[Any, Any, Message]], Message],
    *,
    is_sure: bool,
    as_json: bool,
) -> int:
    """Erase what a selector names, or only say what that is; exit code 1 where traces are left in a file.

    Where a session writes this memory, it is asked to do it; `run` runs that in an event loop.
    """
    if selector.is_empty:
        raise ConfigError("erase", "names nothing; give --session, --stream, --from, --to, --clip or --text")
    if not is_sure:
        with _reading(folder) as store:
            counted = count_rows(store.connection(), selector)
            named = list(named_rows(store.connection(), selector, SHOWN))
        if as_json:
            print(json.dumps({"type": "erase", "dry_run": True, **_counts(counted)}))
            return 0
        for start_ns, session, stream, kind, text in named:
            print(f"{moment(start_ns)}  {session} {stream} {kind}  {text}")
        if counted.records > len(named):
            print(f"and {counted.records - len(named)} more")
        told = "; with --yes it is done, and cannot be undone" if _is_any(counted) else NOTHING
        print(f"would erase {_told(counted)}{told}")
        return 0
    known = _session_that_writes(folder)
    if known is None:
        with _writing(folder) as store:
            receipt = erase_for_good(store, selector)
        counted, looked_for, left = receipt.erased, receipt.traces, receipt.left
    else:
        reply = run(request_running(*_request(known, selector), ERASE_S, partial(is_running, known)))
        assert isinstance(reply, ErasedMessage)
        if reply.reason:
            raise MissingPart(f"session {known.session!r} did not erase: {reply.reason}", "stop it and erase again")
        counted = Erased(records=reply.records, clips=reply.clips, pictures=reply.pictures)
        looked_for, left = reply.looked_for, reply.left
    if as_json:
        fields = {"dry_run": False, **_counts(counted), "looked_for": looked_for, "left": left}
        print(json.dumps({"type": "erase", **fields}))
        return 1 if left else 0
    print(f"erased {_told(counted)}{'' if _is_any(counted) else NOTHING}")
    if left:
        print("\n".join(f"{count} traces stand in {name} still" for name, count in left.items()))
        print("somebody reads this memory: stop it, then run `heedful memory compact`")
        return 1
    if looked_for:
        print(f"looked for {looked_for} traces in every file of the memory: none is left")
    return 0


def compact(folder: Path, *, as_json: bool) -> int:
    """Write a memory's files anew; exit code 0."""
    with _writing(folder) as store:
        before, after = compact_store(store, find_device("auto"))
    if as_json:
        print(json.dumps({"type": "compact", "before_bytes": before, "after_bytes": after}))
    else:
        print(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")
    return 0


def export(folder: Path, to: Path, session: str | None, *, as_json: bool) -> int:
    """Write a memory into a folder that other programs can read; exit code 0, 1 where some of it is damaged."""
    with _reading(folder) as store:
        if session is not None and session not in store.stats().sessions:
            raise ConfigError("--session", f"{session!r} is not in this memory")
        counts = export_store(store, to, session)
    if as_json:
        print(json.dumps({"type": "export", "to": str(to), "counts": counts}))
    else:
        print(f"{to}: {list_words(_many(count, kind.removesuffix('s')) for kind, count in counts.items() if count)}")
        if DAMAGED in counts:
            print("what is damaged is not what was stored: `heedful memory verify` names it")
    return 1 if DAMAGED in counts else 0


def take_in(folder: Path, source: Path, *, as_json: bool) -> int:
    """Take in an exported folder; exit code 0."""
    sums = check_export(source)  # what cannot be taken in leaves no memory behind
    if (folder / MANIFEST).exists() and not (folder / FILE_NAME).exists():
        raise ConfigError(str(folder), "holds an export; name the folder of a memory, or a new one")
    store = Store.open(folder)
    try:
        taken = take_in_folder(store, source, sums)
    finally:
        store.close()
    if as_json:
        print(json.dumps({"type": "import", "offered": taken.offered, "added": taken.added}))
    else:
        kinds = [kind for kind in taken.added if kind in taken.offered]
        parts = [f"{taken.added[kind]} of {taken.offered[kind]} {kind}" for kind in kinds]
        print(f"new here: {list_words(parts) if parts else 'nothing'}; all else was here already, or was erased")
    return 0


def selector_of(folder: Path, arguments: argparse.Namespace) -> Selector:
    """Return what the options of `erase` name. Raises ConfigError for a time that is none."""
    if arguments.text is not None and not any(map(str.isalnum, arguments.text)):
        raise ConfigError("--text", "has no word in it")
    start_ns = _time_ns(folder, arguments.start, "--from", arguments.session)
    end_ns = _time_ns(folder, arguments.end, "--to", arguments.session)
    try:
        return Selector(
            session=arguments.session,
            stream=arguments.stream,
            start_ns=start_ns,
            end_ns=end_ns,
            clip=arguments.clip,
            text=arguments.text,
        )
    except ValueError as error:
        raise ConfigError("erase", str(error)) from error


def _time_ns(folder: Path, text: str | None, option: str, session: str | None) -> int | None:
    """Return a moment; a plain number is seconds since the start of the session that is named."""
    if text is None:
        return None
    try:
        since_s = float(text)
    except ValueError:
        return moment_ns(text, option)
    if since_s < 0 or not isfinite(since_s):
        return moment_ns(text, option)
    with _reading(folder) as store:
        sessions = store.stats().sessions
    if session not in sessions:
        raise ConfigError(option, "seconds are counted from the start of a session: name it with --session")
    return sessions[session] + round(since_s * 1e9)


def _session_that_writes(folder: Path) -> Rendezvous | None:
    """Return the running session that holds the lock of a memory, None where none does."""
    try:
        owner = (folder / LOCK_NAME).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return next((one for one in running_sessions() if str(one.pid) == owner), None)


def _request(known: Rendezvous, selector: Selector) -> tuple[Bus, Message, str]:
    wanted = Erase(
        session=known.session,
        query_id=secrets.token_hex(8),
        of_session=selector.session,
        of_stream=selector.stream,
        start_ns=selector.start_ns,
        end_ns=selector.end_ns,
        clip=selector.clip,
        text=selector.text,
        is_sure=True,
    )
    return MqttBus(known.address, "user", known.session), wanted, "erased"


def _counts(erased: Erased) -> dict[str, int]:
    names = ("records", "clips", "remade", "vectors", "pictures", "letters", "rollups")
    return {name: getattr(erased, name) for name in names}


def _is_any(erased: Erased) -> bool:
    return any(_counts(erased).values())


def _told(erased: Erased) -> str:
    parts = [_many(erased.records, "record"), _many(erased.pictures, "picture")]
    touched = erased.clips + erased.remade
    if touched:
        parts.append(f"all or a part of {_many(touched, 'clip')}")
    if erased.rollups:
        parts.append(_many(erased.rollups, "roll-up"))
    return list_words(parts)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


@contextmanager
def _writing(folder: Path) -> Iterator[Store]:
    if not (folder / FILE_NAME).exists():
        raise ConfigError(str(folder), f"holds no memory: {FILE_NAME} is not there")
    store = Store.open(folder)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _reading(folder: Path) -> Iterator[Store]:
    store = Store.open(folder, writable=False)
    try:
        yield store
    finally:
        store.close()
