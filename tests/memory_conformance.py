"""What every engine behind `memory.protocol` must do, and whether its promises are true; prints what each promises.

A check takes an engine and an empty folder; `tests/test_memory_conformance.py` runs them all on each engine.
`python -m tests.memory_conformance` prints the table of promises, and how many sync calls a commit was seen to make.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from memory.erase import Selector
from memory.rows import PinRow, Row, SessionRow, StreamRow, vector_row
from memory.scope import Scope
from memory.words import Term
from runtime.errors import ConfigError, HeedfulError, MissingPart
from tests.memory_engines import (
    ALWAYS,
    ENGINES,
    OTHER,
    SPACE,
    WIDTHS,
    WORDS,
    Engine,
    clip,
    filled,
    picture,
    random_batches,
    record,
    vector_of,
)
from tests.memory_questions import check_scopes_against_the_reference
from tests.memory_records import ns

if TYPE_CHECKING:
    from memory.protocol import MemoryStore, Promises

KILLED_BATCH = 20  # records that belong together
COMMITS = 8  # whose sync calls are counted


def a_key_keeps_its_first_content(engine: Engine, folder: Path) -> None:
    """What is sent twice is there once, in one batch and over several; all keys are named each time."""
    first, altered = record(0, "as it was"), record(0, "altered")
    with engine.opened(folder) as store:
        assert store.append([first, altered, record(1)]) == [first.key, first.key, record(1).key]
        assert store.append([altered, clip(0, [first], ALWAYS)]) == [first.key, "s/mic/0/clip-0"]
        assert store.append([altered, clip(0, [record(1)], 0)]) == [first.key, "s/mic/0/clip-0"]
        hits, total = store.timeline(Scope(session="s", as_of_ns=ALWAYS), 10)
        assert ([hit.text for hit in hits], total) == (["as it was", "the kettle"], 2)
        assert [hit.clip_id for hit in hits] == ["s/mic/0/clip-0", ""]
        assert store.stats().clips == 1
        assert store.append([]) == []


def of_equals_the_first_vector_and_the_latest_words_come_first(engine: Engine, folder: Path) -> None:
    """Of equals it is clear which come, also where not all do."""
    rows = [record(seq, at_s=seq) for seq in range(60)]
    same = np.ones(WIDTHS[SPACE], np.float32)
    with engine.opened(folder) as store:
        for part in range(0, 60, 20):
            some = rows[part : part + 20]
            store.append([*some, *(vector_row(row.key, SPACE, same) for row in some)])
        scope = Scope(session="s", as_of_ns=ALWAYS)
        for k in (1, 3, 59):
            assert list(store.nearest(SPACE, same, k, scope).scores) == [row.key for row in rows[:k]]
            matched = store.matching([Term(("kettle",), ("kettl",))], k, scope)
            assert list(matched.scores) == [row.key for row in rows[::-1][:k]]
            assert (matched.allowed, set(matched.scores.values())) == (60, {1.0})
        assert store.nearest(SPACE, same, 0, scope).scores == {}
        assert store.nearest(SPACE, same, 0, scope).allowed == 60


def nothing_is_known_before_its_time(engine: Engine, folder: Path) -> None:
    """A record that was known late, and a clip that was closed late, are not there before."""
    late = record(0, t_ns=ns(50))
    with engine.opened(folder) as store:
        store.append([late, record(1, at_s=2), clip(0, [late, record(1, at_s=2)], ns(60))])
        for at_s, keys, holder in (
            (49, [record(1).key], ""),
            (50, [late.key, record(1).key], ""),
            (60, None, "clip-0"),
        ):
            scope = Scope(session="s", as_of_ns=ns(at_s))
            hits, _ = store.timeline(scope, 9)
            assert keys is None or [hit.record_id for hit in hits] == keys
            assert {hit.clip_id.removeprefix("s/mic/0/") for hit in hits} == {holder}
        assert store.neighbours(late.key, 1, 1, Scope(session="s", as_of_ns=ns(49))) == ()
        assert store.neighbours(late.key, 1, 1, Scope(session="t", as_of_ns=ns(60))) == ()


def spaces_do_not_meet(engine: Engine, folder: Path) -> None:
    """Each has its width; what is not there is empty, and what cannot be asked raises ValueError."""
    rng = random.Random(1)
    with engine.opened(folder) as store:
        store.append([record(0), record(1)])
        store.append([vector_row(record(0).key, SPACE, vector_of(rng, SPACE))])
        store.append([vector_row(record(1).key, OTHER, vector_of(rng, OTHER))])
        scope = Scope(session="s", as_of_ns=ALWAYS)
        for seq, space in ((0, SPACE), (1, OTHER)):
            assert list(store.nearest(space, np.ones(WIDTHS[space], np.float32), 9, scope).scores) == [record(seq).key]
            (vector,) = store.vectors(space, [record(0).key, record(1).key]).values()
            assert vector.shape == (WIDTHS[space],)
            assert vector.dtype.name == "float16"
            store.prepare(space, WIDTHS[space])
        unknown = store.nearest("none", np.ones(3, np.float32), 9, scope)
        assert (unknown.scores, unknown.clips, unknown.allowed, unknown.is_exact) == ({}, {}, 0, True)
        assert store.vectors("none", [record(0).key]) == {}
        store.prepare("none", 3)
        for wrong in (np.ones(5), np.full(6, np.nan), np.full(6, np.inf)):
            with pytest.raises(ValueError, match=r"."):
                store.nearest(SPACE, wrong.astype(np.float32), 1, scope)
        assert store.stats().vectors == {SPACE: 1, OTHER: 1}


def a_batch_that_cannot_be_stored_leaves_nothing(engine: Engine, folder: Path) -> None:
    """A vector of another width, or a number that no column takes, keeps all that came with it away."""
    with engine.opened(folder) as store:
        store.append([record(0), vector_row(record(0).key, SPACE, np.ones(6, np.float32))])
        for bad in (
            vector_row(record(1).key, SPACE, np.ones(5, np.float32)),
            record(2, t_ns=2**70),
            record(3, level="x"),
        ):
            with pytest.raises((ValueError, TypeError, OverflowError)):
                store.append([record(1), bad])
        assert not any(store.has(record(seq).key) for seq in (1, 2, 3))
        store.append([record(1)])
        assert store.has(record(1).key)
        assert store.verify() == []


def rows_without_a_place_are_refused(engine: Engine, folder: Path) -> None:
    """An engine says of which rows it has no place for, and stores nothing of a batch with one."""
    with engine.opened(folder) as store:
        if PinRow in store.promises.keeps:
            assert store.promises.keeps == frozenset(get_args(Row))
            return
        with pytest.raises(MissingPart, match="PinRow"):
            store.append([record(0), PinRow(record(0).key, "why")])
        assert not store.has(record(0).key)


def one_writes_and_others_read(engine: Engine, folder: Path) -> None:
    """A reader finds what was stored since; it cannot write, and there is no second writer."""
    with pytest.raises(ConfigError, match="no memory"):
        engine.open(folder / "nothing", writable=False)
    with engine.opened(folder) as writer, engine.opened(folder, writable=False) as reader:
        assert reader.start_ns("s") == 0
        writer.append([record(0, at_s=7), StreamRow("s", "mic", 0, "audio", 0, 5, 0)])
        assert reader.has(record(0).key)
        assert reader.start_ns("s") == ns(7)
        writer.append([SessionRow("s", 9), SessionRow("s", 3), StreamRow("s", "mic", 0, "audio", 0, 4, 0)])
        assert (reader.start_ns("s"), reader.watermark("s"), reader.watermark("t")) == (3, {"mic": 5}, {})
        assert reader.stats() == writer.stats()
        assert (reader.stats().sessions, reader.stats().records) == ({"s": 3}, {"utterance": 1})
        with pytest.raises(MissingPart, match="reading"):
            reader.append([record(1)])
        with pytest.raises(MissingPart, match="reading"):
            reader.forget(Selector(session="s"))
        with pytest.raises(MissingPart, match="being written"):
            engine.open(folder)
    with engine.opened(folder) as again:
        assert again.append([record(1)]) == [record(1).key]
        again.close()
        again.close()


def a_snapshot_is_one_moment(engine: Engine, folder: Path) -> None:
    """What is stored meanwhile is not in it: not by time, by key, by words nor by vectors."""
    one = np.ones(WIDTHS[SPACE], np.float32)
    scope = Scope(session="s", as_of_ns=ALWAYS)

    def seen(store: MemoryStore) -> tuple[object, ...]:
        return (
            store.timeline(scope, 99)[1], store.counts("s", ALWAYS), store.nearest(SPACE, one, 99, scope).allowed,
            store.matching([Term(("kettle",), ("kettl",))], 99, scope).allowed, store.has(record(1).key),
        )  # fmt: skip

    if not engine.promises.has_one_snapshot:
        return
    with engine.opened(folder) as writer, engine.opened(folder, writable=False) as reader:
        writer.append([record(0), vector_row(record(0).key, SPACE, one)])
        with reader.snapshot():
            before = seen(reader)
            for seq in range(1, 40):  # engines that tidy up must not tidy this away
                writer.append([record(seq), vector_row(record(seq).key, SPACE, one)])
            assert seen(reader) == before == (1, {"utterance": 1}, 1, 1, False)
        assert seen(reader) == (40, {"utterance": 40}, 40, 40, True)


SELECTORS = (
    Selector(), Selector(session="s", stream="mic"), Selector(start_ns=ns(10), end_ns=ns(12)),
    Selector(session="s", text="raining kettles"), Selector(clip="s/mic/0/clip-1"), Selector(session="it's"),
    Selector(stream="cam", end_ns=ns(30)), Selector(session="nobody's"), Selector(text="meteor"),
)  # fmt: skip


def what_is_forgotten_is_gone_for_good(engine: Engine, folder: Path) -> None:
    """The rest answers as if it had never been; it does not come again, nor after the engine was opened anew."""
    for number, selector in enumerate(SELECTORS):
        here = folder / str(number)
        with engine.opened(here) as store:
            slow = filled(store, seed=number)
            before = set(slow.records)
            slow.forget(selector)
            gone = before - set(slow.records)
            receipt = store.forget(selector)
            assert receipt.records == len(gone), selector
            assert len(gone) > 0 or selector.is_empty or selector.session == "nobody's"
            for batch in random_batches(number):
                again = [row for row in batch if not isinstance(row, SessionRow | StreamRow)]
                store.append(again)  # once more, all of it, and what was made of it
            assert all(store.has(key) for key in before)  # nobody need send it again
            assert not any(map(store.media, gone))
        with engine.opened(here) as store:
            for seed in range(4):
                check_scopes_against_the_reference(store, slow, seed)
            counted = store.stats()
            assert (sum(counted.records.values()), counted.clips) == (len(slow.records), len(slow.clips))
            assert sum(counted.vectors.values()) == len(slow.keys)
            assert store.verify() == []
            if selector.is_whole_session:
                assert selector.session not in counted.sessions


def no_file_has_what_was_forgotten(engine: Engine, folder: Path) -> None:
    """Pictures, texts and ids that stood in files stand in none, not even in a log."""
    if not engine.promises.erases_bytes:
        return
    rng = random.Random(5)
    said = [f"{word}{word} {rng.randrange(10**9)}" for word in rng.sample(WORDS, 4)]
    rows = [record(seq, text, at_s=seq, media=picture(rng)) for seq, text in enumerate(said)]
    keys = [rng.random() for _ in range(WIDTHS[SPACE])]
    traces = [row.media[50:150] for row in rows[:3] if row.media] + [row.text.encode() for row in rows[:3]]
    with engine.opened(folder) as store:
        store.append([*rows, vector_row(rows[0].key, SPACE, np.array(keys, np.float32))])
        store.append([record(99, "something else", at_s=99)])
        found = [trace for trace in traces if is_in_a_file(folder, trace)]
        assert len(found) >= 3  # the search itself finds things
        store.forget(Selector(end_ns=ns(2)))
        assert store.stats().records == {"utterance": 2}
        assert [trace for trace in traces if is_in_a_file(folder, trace)] == []
        kept = rows[3].media
        assert kept is not None
        assert is_in_a_file(folder, kept[50:150])
        assert store.media(rows[3].key) == kept


def is_in_a_file(folder: Path, content: bytes) -> bool:
    """Say whether any file has these bytes."""
    return any(content in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def what_was_called_stored_survives_kill_9(engine: Engine, folder: Path) -> None:
    """A child stores until it is killed; what it was told is stored is there, and of each batch all or nothing."""
    rng = random.Random(2)
    stored = 0
    for _ in range(3):
        command = [sys.executable, "-m", "tests.memory_conformance", "store", engine.name, str(folder), str(stored)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child, child.stdout as lines:
            wanted = stored + rng.randrange(2, 12)
            while stored < wanted:
                stored = int(lines.readline()) + 1
            child.kill()
            stored = max([stored, *(int(line) + 1 for line in lines if line.endswith("\n"))])
        with engine.opened(folder) as store:
            there = [key for seq in range(KILLED_BATCH * (stored + 3)) if store.has(key := record(seq).key)]
            assert store.verify() == []
        if engine.promises.survives_kill:
            assert len(there) >= KILLED_BATCH * stored
        if engine.promises.is_whole:
            assert len(there) % KILLED_BATCH == 0
            stored = len(there) // KILLED_BATCH


def damage_is_told(engine: Engine, folder: Path) -> None:
    """A picture of which a bit has flipped is told by `verify`; so is a file that is cut short, at the latest."""
    content = picture(random.Random(7))
    with engine.opened(folder / "sound") as store:
        store.append([record(0, media=content)])
        assert store.verify() == []
    flipped = content[:100] + bytes([content[100] ^ 1]) + content[101:]
    for name in ("flipped", "cut"):
        shutil.copytree(folder / "sound", folder / name)
        (path,) = [p for p in (folder / name).rglob("*") if p.is_file() and content in p.read_bytes()]
        data = path.read_bytes()
        path.write_bytes(data.replace(content, flipped) if name == "flipped" else data[: len(data) // 2])
        with suppress(HeedfulError), engine.opened(folder / name) as store:  # an error of ours tells it too
            assert store.verify() != [], name


def scopes_hold_in_every_question(engine: Engine, folder: Path) -> None:
    """One engine, one reference, some random questions; the test with hypothesis asks more."""
    with engine.opened(folder) as store:
        slow = filled(store, seed=11)
        for seed in range(10):
            check_scopes_against_the_reference(store, slow, seed)


def commits_are_synced_as_promised(engine: Engine, folder: Path) -> None:
    """Counted from outside, where the machine can: sync calls of a child that commits a few times more."""
    counted = syncs_per_commit(engine, folder)
    if counted is None:
        pytest.skip("strace cannot count here")
    assert counted >= engine.promises.syncs_per_commit
    assert not (engine.promises.survives_power_cut and counted < 1)


def what_is_forgotten_before_its_clip_closes_stays_away(engine: Engine, folder: Path) -> None:
    """The clip is made of the other records, under an id of its own; of nothing there is no clip."""
    first, second, third = (record(number, f"text {number}") for number in range(3))
    space, width = next(iter(WIDTHS.items()))
    with engine.opened(folder) as store:
        store.append([first, second, third])
        assert store.forget(Selector(clip=first.key)).records == 1
        assert store.forget(Selector(clip=third.key)).records == 1
        clips = [clip(0, [first, second], ns(9)), clip(1, [third], ns(9))]
        keys = [vector_row(one.key, space, np.ones(width, np.float32)) for one in clips]
        assert store.append([*clips, *keys]) == []
        ((hit,), _) = store.timeline(Scope(session="s", as_of_ns=ALWAYS), 10)
        assert (hit.text, hit.clip_id) == ("text 1", "s/mic/0/clip-0~1")
        assert (store.stats().clips, sum(store.stats().vectors.values())) == (1, 0)
        assert all(store.has(one.key) for one in clips)
        assert store.verify() == []


CHECKS = (
    a_key_keeps_its_first_content, of_equals_the_first_vector_and_the_latest_words_come_first,
    nothing_is_known_before_its_time, spaces_do_not_meet, a_batch_that_cannot_be_stored_leaves_nothing,
    rows_without_a_place_are_refused, one_writes_and_others_read, a_snapshot_is_one_moment,
    scopes_hold_in_every_question, what_is_forgotten_is_gone_for_good,
    what_is_forgotten_before_its_clip_closes_stays_away, no_file_has_what_was_forgotten,
    what_was_called_stored_survives_kill_9, damage_is_told, commits_are_synced_as_promised,
)  # fmt: skip


def syncs_per_commit(engine: Engine, folder: Path) -> float | None:
    """Return how many sync calls one more commit makes, None where strace cannot count them."""
    if shutil.which("strace") is None:
        return None
    totals = []
    for commits in (COMMITS, 2 * COMMITS):
        child = [sys.executable, "-m", "tests.memory_conformance", "commit", engine.name, str(folder / str(commits))]
        calls = "trace=fsync,fdatasync,msync,syncfs,sync_file_range"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", calls, *child, str(commits)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            return None
        totals.append(len(re.findall(r"^(?:\[pid +\d+\] )?(?:f|m|sync)\w*sync\w*\(", done.stderr, re.MULTILINE)))
    return (totals[1] - totals[0]) / COMMITS


def promise_table(promises: Sequence[Promises]) -> str:
    """Return what engines promise as a Markdown table."""
    rows = {
        "what was stored survives kill -9": [_yes(one.survives_kill) for one in promises],
        "and a power cut": [_yes(one.survives_power_cut) for one in promises],
        "sync calls per commit, at least": [str(one.syncs_per_commit) for one in promises],
        "of a batch all is there or nothing": [_yes(one.is_whole) for one in promises],
        "a reader sees one moment": [_yes(one.has_one_snapshot) for one in promises],
        "filters act inside the search": [_yes(one.filters_inside) for one in promises],
        "vectors are compared one by one": [_exact(one.exact_rows) for one in promises],
        "what is erased is in no file": [_yes(one.erases_bytes) for one in promises],
        "keeps": [_kept(one) for one in promises],
    }
    lines = [["", *(one.engine for one in promises)], ["---"] * (1 + len(promises))]
    lines += [[name, *cells] for name, cells in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _yes(is_promised: bool) -> str:
    return "yes" if is_promised else "no"


def _exact(rows: int | None) -> str:
    return "always" if rows is None else f"up to {rows:,} in the scope"


def _kept(promises: Promises) -> str:
    names = [one.__name__.removesuffix("Row").lower() for one in promises.keeps]
    return "all rows" if promises.keeps == frozenset(get_args(Row)) else f"rows of {', '.join(sorted(names))}"


def _store_for_ever(engine: Engine, folder: Path, first: int) -> None:
    """Store batch after batch and print the number of each once it is stored."""
    with engine.opened(folder) as store:
        for number in range(first, 10**9):
            store.append([record(seq) for seq in range(KILLED_BATCH * number, KILLED_BATCH * (number + 1))])
            print(number, flush=True)


def _commit(engine: Engine, folder: Path, commits: int) -> None:
    with engine.opened(folder) as store:
        for seq in range(commits):
            store.append([record(seq)])


def main(arguments: Sequence[str]) -> None:
    """Print the table; or be the child that stores."""
    if arguments:
        action, name, folder, count = arguments
        (engine,) = [one for one in ENGINES if one.name == name]
        child = {"store": _store_for_ever, "commit": _commit}[action]
        child(engine, Path(folder), int(count))
        return
    print(promise_table([one.promises for one in ENGINES]))
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            counted = syncs_per_commit(engine, Path(folder)) if engine.is_installed else None
        print(f"{engine.promises.engine}: {'not counted' if counted is None else counted} sync calls per commit")


if __name__ == "__main__":
    main(sys.argv[1:])
