"""What is exported comes back as it was, once; what was changed on the way is refused with its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from memory.erase import Selector
from memory.export import MANIFEST, export
from memory.recall import Recaller
from memory.rows import PinRow, RecordRow, SessionRow, StreamRow
from memory.store import Store
from memory.take_in import take_in
from runtime.errors import ConfigError, InputError
from runtime.messages import Recall
from tests.test_memory_erase import SPACE, story

TABLES = (
    "SELECT * FROM session ORDER BY name",
    "SELECT * FROM stream_state ORDER BY session, stream",
    """SELECT key, session, stream, kind, t_ns, start_ns, end_ns, text, box, level, trust, data, clock_ns, checksum
        FROM record ORDER BY id""",
    "SELECT key, start_ns, end_ns, text, records FROM clip ORDER BY id",
    "SELECT record.key, clip.key FROM record JOIN clip ON clip.id = clip_id ORDER BY record.id",
    "SELECT record.key, jpeg, media.checksum FROM media JOIN record ON record.id = record_id ORDER BY record.id",
    """SELECT space.name, vec.session, stream, kind, start_ns, vector FROM vec JOIN space ON space.id = space
        ORDER BY vec.id""",
    "SELECT key, model, tokens, weights FROM value JOIN clip ON clip.id = clip_id ORDER BY value.id",
    "SELECT * FROM pin ORDER BY owner",
)


def content(store: Store) -> list[list[Any]]:
    return [store.connection().execute(query).fetchall() for query in TABLES]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Return the export of a memory that lies beside it."""
    store = Store.open(tmp_path / "memory")
    store.append([*story(1), PinRow("a/cam/0/frame-0", "alert")])
    export(store, tmp_path / "out")
    store.close()
    return tmp_path / "out"


def test_a_memory_comes_back_as_it_was_and_once(exported: Path, tmp_path: Path) -> None:
    first, second = Store.open(tmp_path / "memory"), Store.open(tmp_path / "other")
    taken = take_in(second, exported)
    assert taken.added["records"] == taken.offered["records"] == sum(first.stats().records.values())
    assert content(second) == content(first)
    assert second.verify() == []
    again = take_in(second, exported)
    assert set(again.added.values()) == {0}
    assert second.stats().dead_letters == 0
    export(second, tmp_path / "twice")
    assert (tmp_path / "twice" / MANIFEST).read_bytes() == (exported / MANIFEST).read_bytes()


def test_one_session_goes_alone(exported: Path, tmp_path: Path) -> None:
    first, second = Store.open(tmp_path / "memory"), Store.open(tmp_path / "other")
    export(first, tmp_path / "one", "a")
    take_in(second, tmp_path / "one")
    assert set(second.stats().sessions) == {"a"}
    first.erase(Selector(session="b"))
    assert content(second) == content(first)


def test_what_was_erased_does_not_come_back(exported: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "memory")
    store.erase(Selector(session="a", stream="mic"))
    before = content(store)
    taken = take_in(store, exported)
    assert taken.added["records"] == 0
    assert content(store)[2] == before[2]


def test_a_session_that_was_erased_does_not_come_back_with_its_streams_and_pins(exported: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "memory")
    store.erase(Selector(session="a"))
    before = content(store)
    take_in(store, exported)
    assert content(store) == before
    store.append([SessionRow("a", 0), StreamRow("a", "cam", 0, "video", 0, 5, 0)])  # it goes on
    assert "a" in store.stats().sessions
    assert store.reached("a") == {"cam": 5}


def test_an_export_does_not_write_over_anything(exported: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "memory")
    with pytest.raises(ConfigError, match="is there already"):
        export(store, exported)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is there already"):
        export(store, tmp_path / "file")


def sign(folder: Path, name: str) -> None:
    """Make the manifest agree with a file."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def change_record(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        first, _, rest = (folder / "records.jsonl").read_text().partition("\n")
        fields = {name: value for name, value in {**json.loads(first), **changes}.items() if value != "gone"}
        (folder / "records.jsonl").write_text(json.dumps(fields) + "\n" + rest)
        sign(folder, "records.jsonl")

    return change


def change_vectors(vectors: Any, owners: str = '["a/cam/0/frame-0"]') -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        metadata = {"rows": json.dumps({"space": SPACE, "owners": json.loads(owners)})}
        (folder / "vectors-0.safetensors").write_bytes(save({"vectors": vectors}, metadata))
        sign(folder, "vectors-0.safetensors")

    return change


def name_elsewhere(folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    sign(folder, "../secret")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json: cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "manifest.json: is not JSON"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "is not that of an exported memory"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": "heedful-memory", "version": 9, "files": {}}'), "9"),
        (lambda folder: (folder / "records.jsonl").write_text("changed"), "records.jsonl: is not what was exported"),
        (lambda folder: (folder / "clips.jsonl").unlink(), "clips.jsonl: cannot be read"),
        (name_elsewhere, "names '../secret', which no export writes"),
        (change_record(text="gone"), "line 1 is no record"),
        (change_record(extra=1), "line 1 is no record"),
        (change_record(seq="0"), "line 1 is no record"),
        (change_record(seq=7), "its key is not made of its columns"),
        (change_record(trust="king"), "line 1 is no record"),
        (change_record(start_ns=10**18), "it starts after its end"),
        (change_record(level=float("inf")), "its level is not finite"),
        (change_record(t_ns=10**30), "line 1 is no record|cannot be stored"),
        (change_record(media="pictures/00/" + "0" * 64 + ".jpg"), "its picture is not in the manifest"),
        (change_vectors(np.full((1, 16), np.nan, np.float16)), "zero or not finite"),
        (change_vectors(np.zeros((1, 16), np.float16)), "zero or not finite"),
        (change_vectors(np.ones((1, 9), np.float16)), "has not the width of its space"),
        (change_vectors(np.ones((2, 16), np.float16)), "one vector for each owner"),
        (change_vectors(np.ones((1, 16), np.float32)), "one vector for each owner"),
    ],
)
def test_what_is_not_an_export_is_refused_in_one_line(
    exported: Path, tmp_path: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(exported)
    store = Store.open(tmp_path / "memory")  # what it has stays
    before = content(store)
    with pytest.raises(InputError, match=reason) as refusal:
        take_in(store, exported)
    assert "\n" not in str(refusal.value)
    assert content(store) == before
    assert store.verify() == []


def test_every_row_that_is_exported_has_what_a_reader_expects(exported: Path) -> None:
    lines = [json.loads(line) for line in (exported / "records.jsonl").read_text().splitlines()]
    assert all(set(line) == set(RecordRow._fields) for line in lines)
    pictures = [line["media"] for line in lines if line["media"]]
    assert pictures
    assert all((exported / name).read_bytes().startswith(b"\xff\xd8") for name in pictures)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["\ud800", "a\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@given(data=st.data())
def test_whatever_an_export_holds_what_is_there_can_be_used(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    store = Store.open(folder / "first")
    store.append([*story(1, sessions=("a",), seconds=20), PinRow("a/cam/0/frame-0", "alert")])
    export(store, folder / "out")
    store.close()
    name = data.draw(st.sampled_from(sorted(path.name for path in (folder / "out").glob("*.jsonl"))))
    lines = (folder / "out" / name).read_text().splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    row = json.loads(lines[place])
    row[data.draw(st.sampled_from(sorted(row)))] = data.draw(JUNK)
    lines[place] = json.dumps(row)
    rewrite(folder / "out", name, "\n".join(lines).encode())
    store = Store.open(folder / "second")
    store.append(story(2, sessions=("b",), seconds=20))
    before = store.stats().records
    with suppress(InputError):
        take_in(store, folder / "out")
    assert store.verify() == []
    assert all(store.stats().records[kind] >= count for kind, count in before.items())
    recaller = Recaller(folder / "second", None)
    for session in ("a", "b"):
        asked = Recall(
            session=session, query_id="q", as_of_ns=2**62, text="kettle", timeline_limit=500, overview_limit=8
        )
        assert recaller.recall(replace(asked, neighbours=2)).query_id == "q"
    recaller.close()
    export(store, folder / "again")
    assert store.erase(Selector(session="b")).records == sum(before.values())
    store.close()


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file of an export, and what its manifest says of it."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_json_too_deep_to_read_is_refused(exported: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "other")
    (exported / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(InputError, match="is not JSON"):
        take_in(store, exported)


def test_a_clip_that_lost_records_comes_back_as_it_is(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "memory")
    store.append(story(1, sessions=("a",)))
    found = "SELECT key, records FROM clip WHERE json_array_length(records) > 1"
    clip, records = store.connection().execute(found).fetchall()[0]
    first = json.loads(str(records))[0]
    store.erase(Selector(clip=first))
    export(store, tmp_path / "out")
    other = Store.open(tmp_path / "other")
    take_in(other, tmp_path / "out")
    assert content(other) == content(store)
    assert other.connection().execute("SELECT count(*) FROM clip WHERE key = ?", (f"{clip}~1",)).get == 1
