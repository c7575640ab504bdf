"""What is erased is invisible at once, in no file afterwards, and never comes back; everything else stays."""

from __future__ import annotations

import errno
import json
import random
import re
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.clips import ClipBorders
from memory.disk import RealDisk
from memory.erase import Selector, count_rows
from memory.erasing import Unfinished, erase, files_of
from memory.manifest import FOLDER, sealed_parts
from memory.rows import (
    ClipRow,
    DeadLetterRow,
    PinRow,
    RecordRow,
    Row,
    SegmentRow,
    SessionRow,
    StreamRow,
    ValueRow,
    VectorRow,
    clip_row,
    record_row,
    value_row,
    vector_row,
)
from memory.scope import LATEST_NS, Scope
from memory.sealing import Sealer
from memory.space import SpaceIndex
from memory.store import Store
from runtime.messages import Record
from tests.memory_records import frame, motion, ns, tone, utterance

SPACE, WIDTH, SEAL_ROWS = "test@1", 16, 30
VECTOR = np.ones(WIDTH, np.float32)
WORDS = ("kettle", "meteor", "bicycle", "harbour", "lantern", "orchard", "thimble", "walnut")


def story(seed: int, sessions: tuple[str, ...] = ("a", "b"), seconds: int = 120) -> list[Row]:
    """Return what two sessions with two streams each leave: records, their clips, a vector and a value of each clip."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for session in sessions:
        rows.append(SessionRow(session, 0))
        for stream in ("cam", "mic"):
            records: list[Record] = []
            for seq in range(seconds // 2):
                t = 2.0 * seq
                if stream == "cam":
                    one: Record = motion(seq, t, t + 1, session=session) if seq % 3 else frame(seq, t, session=session)
                elif seq % 4:
                    one = tone(seq, t, t + 1, session=session)
                else:
                    said = " ".join(chance.choices(WORDS, k=4)) + f" {session} {stream} number {seq}"
                    one = utterance(seq, t, t + 1, said, session=session)
                records.append(one)
            borders = ClipBorders(session, stream, 0, "video" if stream == "cam" else "audio")
            clips = [clip for one in records for clip in borders.add(one)] + borders.end(ns(seconds))
            rows += [with_picture(record_row(one), chance) for one in records]
            rows += [clip_row(clip) for clip in clips]
            rows.append(StreamRow(session, stream, 0, "audio", 0, ns(seconds), True))
    return rows + vectors_of(rows, seed)


def with_picture(row: RecordRow, chance: random.Random) -> RecordRow:
    return row._replace(media=b"\xff\xd8" + chance.randbytes(300)) if row.kind == "frame" else row


def vectors_of(rows: list[Row], seed: int) -> list[Row]:
    noise = np.random.default_rng(seed)
    owners = [row.key for row in rows if isinstance(row, RecordRow | ClipRow)]
    clips = [row.key for row in rows if isinstance(row, ClipRow)]
    tokens = [
        value_row(key, "encoder@1", noise.standard_normal((3, 8), np.float32), np.ones(3, np.float32)) for key in clips
    ]
    return [*(vector_row(key, SPACE, noise.standard_normal(WIDTH, np.float32)) for key in owners), *tokens]


class Opened:
    """A memory in a test's hand, sealed in small parts."""

    def __init__(self, folder: Path, rows: list[Row]) -> None:
        self.store = Store.open(folder)
        self.store.append(rows)
        sealer = Sealer(folder, self.submit, RealDisk(), seal_rows=SEAL_ROWS)
        sealer.run()
        sealer.close()
        self.index = SpaceIndex(self.store.path, SPACE, WIDTH)
        self.index.follow(self.store.connection())

    def submit(self, rows: object) -> Future[list[str]]:
        done: Future[list[str]] = Future()
        done.set_result(self.store.append(rows))  # type: ignore[arg-type]
        return done

    def keys(self, table: str = "record") -> set[str]:
        return {str(key) for (key,) in self.store.connection().execute(f"SELECT key FROM {table}")}

    def found(self, session: str) -> set[int]:
        """Return all that a search finds of a session."""
        query = np.ones(WIDTH, np.float32)
        self.index.follow(self.store.connection())
        return set(self.index.search(query, 10_000, Scope(session=session, as_of_ns=LATEST_NS))[0].tolist())

    def vectors(self, session: str) -> set[int]:
        """Return ids of all vectors of a session."""
        query = "SELECT id FROM vec WHERE session = ?"
        return {int(number) for (number,) in self.store.connection().execute(query, (session,))}


def is_named(row: RecordRow, selector: Selector) -> bool:
    return (
        (selector.session is None or row.session == selector.session)
        and (selector.stream is None or row.stream == selector.stream)
        and (selector.start_ns is None or row.end_ns + row.clock_ns >= selector.start_ns)
        and (selector.end_ns is None or row.start_ns - row.clock_ns <= selector.end_ns)
        and (selector.text is None or selector.text in row.text)
    )


def selector(session: str | None, stream: str | None, times: list[int | None], text: str | None) -> Selector:
    start_ns, end_ns = times
    if start_ns is not None and end_ns is not None:
        start_ns, end_ns = sorted((start_ns, end_ns))
    return Selector(session=session, stream=stream, start_ns=start_ns, end_ns=end_ns, text=text)


SELECTORS = st.builds(
    selector,
    session=st.none() | st.just("a"),
    stream=st.none() | st.sampled_from(["cam", "mic"]),
    times=st.lists(st.none() | st.integers(0, ns(120)), min_size=2, max_size=2),
    text=st.none() | st.sampled_from(WORDS),
).filter(lambda selector: not selector.is_empty)


@settings(max_examples=15, deadline=None)
@given(selector=SELECTORS, seed=st.integers(0, 3))
def test_what_is_named_goes_from_tables_index_and_files_and_the_rest_stays(
    tmp_path_factory: pytest.TempPathFactory, selector: Selector, seed: int
) -> None:
    rows = story(seed)
    memory = Opened(tmp_path_factory.mktemp("memory"), rows)
    records = [row for row in rows if isinstance(row, RecordRow)]
    gone = [row for row in records if is_named(row, selector)]
    counted = count_rows(memory.store.connection(), selector)
    receipt = erase(memory.store, selector)
    assert receipt.left == {}
    assert receipt.erased.records == counted.records == len(gone)
    assert receipt.erased.pictures == counted.pictures == sum(row.media is not None for row in gone)
    assert memory.keys() == {row.key for row in records} - {row.key for row in gone}
    assert memory.store.verify() == []
    for session in ("a", "b"):
        assert memory.found(session) == memory.vectors(session)
    files = b"".join(path.read_bytes() for path in files_of(memory.store.folder))
    for row in gone:
        assert not re.search(rf"{row.key}(?![0-9])".encode(), files)
        assert row.media is None or row.media not in files
        assert row.kind != "utterance" or row.text.encode() not in files
    lost = {row.key for row in gone}
    vectors = {row.owner: row.vector for row in rows if isinstance(row, VectorRow)}
    assert all(vectors[key] not in files for key in lost)
    memory.store.append(rows)  # a sender that never heard
    assert memory.keys() == {row.key for row in records} - lost
    assert memory.store.verify() == []
    memory.store.close()


def test_a_clip_that_loses_records_goes_on_without_their_words_and_waits_for_a_new_key(tmp_path: Path) -> None:
    memory = Opened(tmp_path, story(1, sessions=("a",)))
    db = memory.store.connection()
    said, clip = db.execute("""SELECT record.text, clip.key FROM record JOIN clip ON clip.id = clip_id
        WHERE kind = 'utterance' ORDER BY record.id LIMIT 1""").fetchall()[0]
    others = db.execute("SELECT json_array_length(records) FROM clip WHERE key = ?", (clip,)).get
    receipt = erase(memory.store, Selector(text=str(said)))
    assert (receipt.erased.records, receipt.erased.remade, receipt.erased.clips) == (1, 1, 0)
    owing = "SELECT text, json_array_length(records) FROM clip WHERE key = ?"
    assert db.execute(owing, (clip,)).fetchall() == []
    clip = f"{clip}~1"
    text, records = db.execute(owing, (clip,)).fetchall()[0]
    assert str(said) not in str(text)
    assert records == others - 1
    owned = "SELECT count(*) FROM record JOIN clip ON clip.id = clip_id WHERE clip.key = ?"
    assert db.execute(owned, (clip,)).get == records
    assert [key for key, _ in memory.store.unembedded(SPACE)] == [clip]
    assert db.execute("SELECT count(*) FROM value JOIN clip ON clip.id = clip_id WHERE key = ?", (clip,)).get == 0


def test_what_was_made_of_a_whole_clip_does_not_come_back_to_what_is_left_of_it(tmp_path: Path) -> None:
    rows = story(1, sessions=("a",))
    memory = Opened(tmp_path, rows)
    db = memory.store.connection()
    clip = next(row for row in rows if isinstance(row, ClipRow) and len(json.loads(row.records)) > 1)
    of_clip = [row for row in rows if isinstance(row, ValueRow | VectorRow) and row.owner == clip.key]
    assert of_clip
    first, second, *_ = json.loads(clip.records)
    erase(memory.store, Selector(clip=first))
    memory.store.append([clip, *of_clip])  # on their way meanwhile, or out of an older export
    owned = "SELECT count(*) FROM vec WHERE owner IN (SELECT -id FROM clip WHERE key GLOB ?)"
    assert db.execute(owned, (f"{clip.key}*",)).get == 0
    assert (
        db.execute("SELECT count(*) FROM value JOIN clip ON clip.id = clip_id WHERE key GLOB ?", (clip.key,)).get == 0
    )
    assert clip.key not in memory.keys("clip")
    assert first not in memory.keys()
    if second in memory.keys():
        erase(memory.store, Selector(clip=second))
        assert f"{clip.key}~1" not in memory.keys("clip")


def test_what_was_erased_before_its_clip_closed_is_not_in_the_clip(tmp_path: Path) -> None:
    memory = Opened(tmp_path, [])
    records = [record_row(utterance(seq, seq, seq + 0.5, text)) for seq, text in enumerate(("secret word", "rain"))]
    lost = [record_row(utterance(seq, 50 + seq, 50.5 + seq, "secret word")) for seq in (7, 8)]
    memory.store.append([*records, *lost])
    erase(memory.store, Selector(text="secret word"))
    clips = [
        ClipRow(
            key=f"s/mic/0/clip-{seq}", session="s", stream="mic", epoch=0, seq=seq, sensor="audio", t_ns=ns(99),
            start_ns=rows[0].start_ns, end_ns=rows[-1].end_ns, text="all of it",
            records=json.dumps([row.key for row in rows]),
        )
        for seq, rows in enumerate((records, lost))
    ]  # fmt: skip
    memory.store.append([row for clip in clips for row in (clip, vector_row(clip.key, SPACE, VECTOR))])
    db = memory.store.connection()
    (left,) = db.execute("SELECT key, text, records, start_ns, end_ns FROM clip").fetchall()
    assert left == ("s/mic/0/clip-0~1", '"rain"', json.dumps([records[1].key]), ns(1), ns(1.5))
    assert db.execute("SELECT count(*) FROM vec").get == 0
    assert db.execute("SELECT clip_id FROM record").get is not None
    assert memory.store.verify() == []


def test_a_remade_clip_gets_a_search_key_though_later_ones_have_theirs(tmp_path: Path) -> None:
    rows = story(1, sessions=("a",))
    memory = Opened(tmp_path, rows)
    clip = next(row for row in rows if isinstance(row, ClipRow) and len(json.loads(row.records)) > 1)
    erase(memory.store, Selector(clip=json.loads(clip.records)[0]))
    later = record_row(utterance(0, 1, 2, "later"))
    newest = clip._replace(key="s/mic/0/clip-0", session="s", text="later", records=json.dumps([later.key]))
    memory.store.append([later, newest, *(vector_row(row.key, SPACE, VECTOR) for row in (later, newest))])
    owed = list(memory.store.unembedded(SPACE))
    assert f"{clip.key}~1" in [key for key, _ in owed]
    memory.store.append([vector_row(key, SPACE, VECTOR) for key, _ in owed])
    assert list(memory.store.unembedded(SPACE)) == []


def test_where_the_index_cannot_be_made_anew_it_goes_and_the_store_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Opened(tmp_path, story(1))
    monkeypatch.setattr("memory.sealing.write_segment", no_room)
    held = len(sealed_parts(memory.store.connection(), SPACE))
    receipt = erase(memory.store, Selector(session="a", text=WORDS[0]))
    assert (receipt.erased.records > 0, receipt.left) == (True, {})
    assert len(list((tmp_path / FOLDER).iterdir())) < held
    fresh = SpaceIndex(memory.store.path, SPACE, WIDTH)
    fresh.follow(memory.store.connection())
    memory.index = fresh
    assert memory.found("b") == memory.vectors("b")
    monkeypatch.undo()
    assert erase(memory.store, Selector(session="a")).left == {}
    assert memory.store.verify() == []
    assert not Unfinished(tmp_path).is_there


def no_room(*_: object) -> tuple[int, int]:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "selector",
    [
        Selector(clip="s/mic/0/utterance-1"),
        Selector(text="passwörd"),
        Selector(text="PASSWÖRD"),
        Selector(session="s", start_ns=0, end_ns=ns(5)),
    ],
)
def test_a_record_that_came_again_altered_leaves_no_letter(tmp_path: Path, selector: Selector) -> None:
    memory = Opened(tmp_path, [])
    for text in ("the passwörd of the safe", "the passwörd is altered"):
        memory.store.append([record_row(utterance(1, 1, 2, text))])
    memory.store.append([record_row(utterance(2, 60, 61, text)) for text in ("rain", "snow")])
    assert memory.store.stats().dead_letters == 2
    receipt = erase(memory.store, selector)
    assert (receipt.erased.records, receipt.erased.letters, receipt.left) == (1, 1, {})
    ((reason, head),) = memory.store.connection().execute("SELECT reason, head_hex FROM dead_letter").fetchall()
    assert str(reason).endswith("s/mic/0/utterance-2")
    assert b"passw" not in bytes.fromhex(str(head))


def test_a_letter_that_ends_in_the_middle_of_what_was_said_goes(tmp_path: Path) -> None:
    memory = Opened(tmp_path, [])
    heads = [b'{"text": "my secret zeb', b'{"text": "nothing of it', b'{"text": "Zebra42 it is']
    memory.store.append([DeadLetterRow(7, "s", "heedful/v1/s/mic/utterance", "bad", 99, one.hex()) for one in heads])
    assert erase(memory.store, Selector(text="zebra42")).erased.letters == 2
    assert memory.store.stats().dead_letters == 1


@pytest.mark.parametrize(
    ("said", "head"),
    [
        ('say "zebra"', json.dumps({"text": 'say "zebra" now'})),
        ("a/b zebra", '{"text": "a\\/b zebra"}'),
        ("zebra\N{GRINNING FACE}42", json.dumps({"text": "zebra\N{GRINNING FACE}42"})),
        ("passwörd", '{"text": "my passw\\u00'),
        ("back\\slash", json.dumps({"text": "back\\slash"})),
    ],
)
def test_a_letter_is_read_as_json_reads_it(tmp_path: Path, said: str, head: str) -> None:
    memory = Opened(tmp_path, [])
    memory.store.append([DeadLetterRow(7, "s", "heedful/v1/s/mic/utterance", "bad", 99, head.encode().hex())])
    assert erase(memory.store, Selector(text="nothing of it")).erased.letters == 0
    assert erase(memory.store, Selector(text=said)).erased.letters == 1


def test_what_sqlite_cannot_look_for_is_refused() -> None:
    for wrong in ({"text": "a\0b"}, {"clip": "a\nb"}, {"session": "\ud800"}, {"start_ns": 2**63}, {"end_ns": -(2**64)}):
        with pytest.raises(ValueError, match=r"control character|no time"):
            Selector(**wrong)
    with pytest.raises(ValueError, match="ends before it begins"):  # a long record would overlap both ends
        Selector(session="s", start_ns=6, end_ns=5)
    assert not Selector(session="s", start_ns=5, end_ns=5).is_empty


def test_a_clip_or_a_record_goes_by_its_id(tmp_path: Path) -> None:
    memory = Opened(tmp_path, story(1, sessions=("a",)))
    db = memory.store.connection()
    clip, count = db.execute("SELECT key, json_array_length(records) FROM clip ORDER BY id LIMIT 1").fetchall()[0]
    assert erase(memory.store, Selector(clip=str(clip))).erased.records == count
    assert str(clip) not in memory.keys("clip")
    key = sorted(memory.keys())[0]
    assert erase(memory.store, Selector(clip=key)).erased.records == 1
    assert key not in memory.keys()
    assert erase(memory.store, Selector(clip="a/cam/0/clip-99")).erased.records == 0


def test_a_whole_session_leaves_nothing_behind_and_another_stays(tmp_path: Path) -> None:
    rows = story(2)
    memory = Opened(
        tmp_path, [*rows, PinRow("a/cam/0/frame-0", "an alert"), DeadLetterRow(1, "a", "", "bad", 3, "616263")]
    )
    before = memory.keys()
    receipt = erase(memory.store, Selector(session="a"))
    assert receipt.erased.letters == 1
    assert memory.keys() == {key for key in before if key.startswith("b/")}
    assert set(memory.store.stats().sessions) == {"b"}
    db = memory.store.connection()
    for table in ("pin", "dead_letter", "erased_vec"):
        assert db.execute(f"SELECT count(*) FROM {table}").get == 0
    assert {session for (session,) in db.execute("SELECT DISTINCT session FROM stream_state")} == {"b"}


def test_a_reader_with_an_open_index_sees_none_of_it_before_any_file_was_rewritten(tmp_path: Path) -> None:
    memory = Opened(tmp_path, story(3))
    files = {path.name for path in (tmp_path / FOLDER).iterdir()}
    memory.store.erase(Selector(session="a", end_ns=ns(100)))
    assert memory.found("a") == memory.vectors("a")
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == files
    fresh = SpaceIndex(memory.store.path, SPACE, WIDTH)  # as after a kill right then
    fresh.follow(memory.store.connection())
    found = fresh.search(np.ones(WIDTH, np.float32), 10_000, Scope(session="a", as_of_ns=LATEST_NS))[0]
    assert set(found.tolist()) == memory.vectors("a")
    assert memory.vectors("b") == memory.found("b")


def test_a_file_that_was_being_written_meanwhile_is_written_again(tmp_path: Path) -> None:
    memory = Opened(tmp_path, story(3))
    db = memory.store.connection()
    part = sealed_parts(db, SPACE)[0]
    rows = int(db.execute("SELECT rows FROM segment WHERE file = ?", (part.file,)).get)
    (tmp_path / FOLDER / "late.segment").write_bytes((tmp_path / FOLDER / part.file).read_bytes())
    memory.store.erase(Selector(session="a", stream="cam"))
    late = SegmentRow(SPACE, "late.segment", part.first_id, part.last_id, rows, part.units, part.checksum)
    memory.store.append([late])  # the same rows under another name: it had been read before they were erased
    assert memory.found("a") == memory.vectors("a")
    sealer = Sealer(tmp_path, memory.submit, RealDisk(), seal_rows=SEAL_ROWS)
    sealer.run()
    sealer.close()
    assert db.execute("SELECT count(*) FROM erased_vec").get == 0
    assert memory.found("a") == memory.vectors("a")
    assert memory.store.verify() == []


def test_no_tally_tells_when_that_was_which_was_erased(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.append([record_row(one) for one in (tone(0, 1, 2), tone(1, 3, 99), utterance(0, 5, 6, "hello"))])
    store.erase(Selector(clip="s/mic/0/sound-1"))
    query = "SELECT kind, records, latest_ns, longest_ns FROM tally ORDER BY kind"
    assert list(store.connection().execute(query)) == [("sound", 1, ns(2), ns(1)), ("utterance", 1, ns(6), ns(1))]
    store.erase(Selector(session="s"))
    assert list(store.connection().execute(query)) == []


def test_nothing_is_named_by_nothing(tmp_path: Path) -> None:
    memory = Opened(tmp_path, story(1))
    before = memory.keys()
    assert erase(memory.store, Selector()).erased.records == 0
    assert memory.keys() == before


def test_clocks_that_may_be_off_widen_what_a_time_names(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    sure, unsure = record_row(tone(0, 10, 11)), record_row(tone(1, 10, 11), clock_ns=ns(2))
    store.append([sure, unsure])
    assert store.erase(Selector(start_ns=ns(12.5), end_ns=ns(20))).records == 1
    assert store.erase(Selector(start_ns=0, end_ns=ns(9.5))).records == 0
    assert [key for (key,) in store.connection().execute("SELECT key FROM record")] == [sure.key]
