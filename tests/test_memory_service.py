"""Memory keeps its word: stored once and said so, recalled as of a moment, drained at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.desk import RECALL_ROOM
from memory.erase import Selector
from memory.erasing import Unfinished
from memory.retention import Retention
from memory.room import Level
from memory.service import MemoryService
from memory.store import Store
from runtime.bus import LOSSLESS
from runtime.errors import MissingPart
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import (
    Alert,
    Clip,
    DeadLetter,
    Erase,
    Erased,
    Evidence,
    Media,
    MediaReply,
    Message,
    Observation,
    Progress,
    Recall,
    Recalled,
    Stored,
    Watermark,
    record_id,
)
from runtime.order import END_NS
from runtime.wire import ROOT
from tests.fakes import PATIENCE_S
from tests.memory_records import frame, ns, utterance

SESSION = "s"


class Desk:
    """A user's place: sends what perception would, hears what memory says."""

    def __init__(self, hub: LocalHub, memory: MemoryService) -> None:
        self.memory = memory
        self.bus = LocalBus(hub, "perception", is_lossless=True)
        self.heard: list[Message] = []
        self._more = asyncio.Condition()

    async def run(self) -> None:
        async for delivery in await self.bus.subscribe(f"{ROOT}/{SESSION}/+/+", rule=LOSSLESS):
            async with self._more:
                self.heard.append(delivery.message)
                self._more.notify_all()

    async def send(self, *messages: Message) -> None:
        for message in messages:
            await self.bus.publish(message)

    async def reach(self, at_s: float, stream: str = "mic", *, ended: bool = False) -> None:
        await self.send(Watermark(session=SESSION, stream=stream, epoch=0, t_ns=ns(at_s), sensor="audio", ended=ended))

    async def erase(self, **named: Any) -> Erased:
        reply = await self.bus.request(Erase(session=SESSION, query_id="e", **named), "erased", PATIENCE_S)
        assert isinstance(reply, Erased)
        return reply

    def pins(self, folder: Path) -> set[str]:
        store = Store.open(folder, writable=False)
        owners = {str(owner) for (owner,) in store.connection().execute("SELECT owner FROM pin")}
        store.close()
        return owners

    def told(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    def stored(self) -> list[str]:
        return [one for message in self.told(Stored) for one in message.ids]

    async def until_stored(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(lambda: len(self.stored()) >= count)

    async def until_progress(self, count: int) -> None:
        await self.until_heard(Progress, count)

    async def until_heard(self, kind: type[Any], count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(lambda: len(self.told(kind)) >= count)

    async def recall(self, as_of_s: float, text: str = "", **more: Any) -> Recalled:
        query = Recall(session=SESSION, query_id="q", as_of_ns=ns(as_of_s), text=text, **more)
        reply = await self.bus.request(query, "recalled", PATIENCE_S)
        assert isinstance(reply, Recalled)
        return reply


@asynccontextmanager
async def remembering(folder: Path, *, is_replay: bool = True) -> AsyncIterator[Desk]:
    """Run memory over a folder."""
    hub = LocalHub()
    bus = LocalBus(hub, "memory", is_lossless=is_replay)
    memory = MemoryService(bus, SESSION, folder, text_model=None, is_replay=is_replay, session_start_ns=0)
    desk = Desk(hub, memory)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(desk.run(), name="desk")
        running = group.create_task(memory.run(), name="memory")
        await memory.ready.wait()
        yield desk
        memory.stop()
        async with asyncio.timeout(PATIENCE_S):
            await running
        listening.cancel()


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def kept(folder: Path) -> list[str]:
    """Return the ids on disk, after looking whether all is sound."""
    store = Store.open(folder)
    assert store.verify() == []
    ids = [key for (key,) in store.connection().execute("SELECT key FROM record ORDER BY id")]
    store.close()
    return ids


HELLO = utterance(1, 0.5, 1.0, "hello there")
CUPS = utterance(2, 1.5, 2.0, "a cup of coffee")
BYE = utterance(3, 2.5, 3.0, "good bye")


async def test_a_record_sent_twice_is_stored_once_and_said_to_be_stored_twice(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.reach(-1e-9)
        await desk.send(HELLO, HELLO)
        await desk.reach(1.0)
        await desk.until_stored(1)
        await desk.send(HELLO)
        await desk.until_stored(2)
        assert set(desk.stored()) == {record_id(HELLO)}
    assert kept(tmp_path) == [record_id(HELLO)]


async def test_a_late_record_is_stored_all_the_same(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.reach(2.5)
        await desk.send(HELLO)
        await desk.until_stored(1)
        assert (await desk.recall(2.5)).total == 1
    assert kept(tmp_path) == [record_id(HELLO)]


async def test_a_recall_sees_everything_up_to_its_time_and_nothing_after(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.send(HELLO, CUPS, BYE)
        await desk.reach(10.0)
        await desk.until_stored(3)
        seen = {as_of_s: (await desk.recall(as_of_s)).timeline for as_of_s in (0.9, 1.0, 2.0, 2.999, 3.0)}
        assert {at: [hit.record_id for hit in hits] for at, hits in seen.items()} == {
            0.9: [],
            1.0: [record_id(HELLO)],
            2.0: [record_id(HELLO), record_id(CUPS)],
            2.999: [record_id(HELLO), record_id(CUPS)],
            3.0: [record_id(HELLO), record_id(CUPS), record_id(BYE)],
        }
        assert [hit.text for hit in (await desk.recall(3.0, "coffee")).hits] == ["a cup of coffee"]
        assert (await desk.recall(1.9, "coffee")).hits == ()


async def test_in_a_replay_a_recall_waits_for_its_time(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk, asyncio.TaskGroup() as group:
        await desk.reach(1.0)
        asked = group.create_task(desk.recall(2.0), name="recall")
        await desk.send(CUPS)
        await desk.until_progress(1)
        assert not asked.done()
        await desk.reach(2.0)
        assert [hit.record_id for hit in (await asked).timeline] == [record_id(CUPS)]


async def test_live_a_recall_waits_a_second_and_answers_with_what_is_there(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO)
        await desk.reach(1.0)
        await desk.until_stored(1)
        async with asyncio.timeout(PATIENCE_S):
            reply = await desk.recall(1e6)
        assert [hit.record_id for hit in reply.timeline] == [record_id(HELLO)]
        assert desk.memory.meter.counters["unsettled"] == 1


async def test_a_recall_about_the_future_holds_up_nobody(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk, asyncio.TaskGroup() as group:
        await desk.send(HELLO)
        await desk.reach(1.0)
        await desk.until_stored(1)
        future = group.create_task(desk.recall(3.0), name="future")
        await desk.until_heard(Recall, 1)
        assert (await desk.recall(1.0)).total == 1
        assert not future.done()
        await desk.reach(3.0)
        assert (await future).total == 1


async def test_recalls_beyond_the_room_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk, asyncio.TaskGroup() as group:
        await desk.reach(1.0)
        await desk.until_progress(1)
        waiting = [group.create_task(desk.recall(2.0), name=f"recall {n}") for n in range(RECALL_ROOM)]
        await desk.until_heard(Recall, RECALL_ROOM)
        refused = await desk.recall(2.0)
        assert (refused.reason, refused.total) == ("64 other recalls are waiting", 0)
        assert desk.memory.meter.counters["refused recalls"] == 1
        await desk.reach(2.0)
        assert {(await one).reason for one in waiting} == {""}


@pytest.mark.parametrize("is_replay", [True, False])
async def test_a_watermark_that_comes_again_is_answered_with_progress(tmp_path: Path, is_replay: bool) -> None:
    async with remembering(tmp_path, is_replay=is_replay) as desk:
        await desk.reach(1.0)
        await desk.reach(1.0)
        await desk.until_progress(2 if is_replay else 1)
        await desk.reach(0.0)
        await desk.until_progress(3 if is_replay else 2)
        assert desk.told(Progress)[-1].t_ns == ns(1.0)


async def test_a_call_is_answered_with_its_number_also_by_a_memory_that_knows_no_stream(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        for call in (8, 9):
            mark = Watermark(session=SESSION, stream="mic", epoch=0, t_ns=-1, sensor="audio", call=call)
            await desk.send(mark)
        await desk.reach(-1e-9)
        await desk.until_progress(3)
        assert [one.call for one in desk.told(Progress)] == [8, 9, 0]


async def test_stop_brings_to_disk_what_came_and_closes_clips(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.send(HELLO, CUPS, BYE)
        await desk.reach(4.0, ended=True)
        await desk.until_progress(1)
    (clip,) = desk.told(Clip)
    assert clip.record_ids == (record_id(HELLO), record_id(CUPS), record_id(BYE))
    assert desk.told(Progress)[-1].t_ns == END_NS
    assert len(kept(tmp_path)) == 3


async def test_an_idle_stream_does_not_hold_the_others_when_it_ends(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.reach(0.0, "cam")
        await desk.send(HELLO)
        await desk.reach(5.0)
        await desk.reach(0.0, "cam")  # again: how far are you?
        await desk.until_progress(1)
        assert desk.stored() == []
        await desk.reach(0.0, "cam", ended=True)
        await desk.until_stored(1)


@pytest.mark.soak
async def test_what_a_lagging_stream_held_back_is_told_in_messages_of_measure(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        await desk.reach(0.0, "cam")
        await desk.send(*(utterance(n, n, n, "") for n in range(1, 9_000)))
        await desk.reach(9_001.0)
        await desk.reach(9_001.0, "cam")
        await desk.until_stored(8_999)
        told = desk.stored()
        assert len({one for one in told if "/utterance-" in one}) == 8_999
        assert max(len(message.ids) for message in desk.told(Stored)) <= 1_000


@pytest.mark.soak
async def test_a_recall_beyond_all_measure_is_served_within_measure(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        words = [utterance(n, n, n + 0.5, "coffee " * 300) for n in range(1, 1200)]
        await desk.send(*words)
        await desk.reach(1300.0)
        await desk.until_stored(len(words))
        reply = await desk.recall(1300.0, "coffee", k=10**12, timeline_limit=10**12)
        assert 0 < len(reply.timeline) < len(words)
        assert reply.total == len(words)
        odd = await desk.recall(1300.0, "coffee", k=-5, timeline_limit=-5, start_ns=ns(20), end_ns=ns(10))
        assert odd.timeline == ()


async def test_a_picture_that_is_not_there_is_answered_with_the_reason(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        for odd in ("s/cam/0/frame-1", "", "'; DROP TABLE media; --", "x" * 3000):
            reply = await desk.bus.request(Media(session=SESSION, record_id=odd), "media_reply", PATIENCE_S)
            assert isinstance(reply, MediaReply)
            assert (reply.payload, reply.reason) == (b"", "no picture is stored under this id")


async def test_dead_letters_are_kept(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        letter = DeadLetter(
            session=SESSION, stream="perception", topic="t", reason="is no JPEG", size_bytes=3, head_hex="00"
        )
        await desk.send(letter)
        await desk.reach(1.0)
        await desk.until_progress(1)
    store = Store.open(tmp_path)
    assert store.stats().dead_letters == 1
    store.close()


async def test_two_memories_cannot_write_one_folder(tmp_path: Path) -> None:
    async with remembering(tmp_path):
        with pytest.raises(MissingPart, match="is being written by process"):
            async with remembering(tmp_path):
                pass
    async with remembering(tmp_path):
        pass


async def test_a_stream_that_is_new_in_a_session_was_absent_before(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.reach(1.0)
        await desk.send(HELLO)
        await desk.reach(20.0)
        await desk.until_stored(1)
    async with remembering(tmp_path, is_replay=False) as desk:
        for stream in ("mic", "door"):
            for at_s in (60.0, 61.0):
                mark = Watermark(session=SESSION, stream=stream, epoch=ns(60.0), t_ns=ns(at_s), sensor="audio")
                await desk.send(mark)
        await desk.until_stored(2)
        gaps = [hit for hit in (await desk.recall(61.0)).timeline if hit.kind == "gap"]
    spans = {(hit.stream, hit.start_ns, hit.end_ns) for hit in gaps}
    assert spans == {("mic", ns(20.0), ns(60.0)), ("door", ns(0.0), ns(60.0))}


async def test_tokens_of_a_clip_are_kept_within_their_budget_with_a_key_of_their_own(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((12, 40, 8)).astype(np.float16)
    async with remembering(tmp_path) as desk:
        await desk.reach(-1e-9)
        await desk.send(HELLO)
        for seq, tokens in enumerate(noise):
            await desk.send(
                Observation(
                    session=SESSION, stream="mic", epoch=0, seq=seq, t_ns=ns(0.5 + seq / 24), model="m@1", tokens=tokens
                )
            )
        await desk.reach(1.0)
        await desk.until_stored(1)
    store = Store.open(tmp_path)
    rows: list[Any] = store.connection().execute("SELECT model, tokens, weights FROM value").fetchall()
    ((model, tokens, weights),) = rows
    counts = np.frombuffer(weights, np.float16)
    assert model == "m@1"
    assert len(counts) == len(tokens) // 16 == 240  # six times forty of at most 256
    assert counts.sum() == 12 * 40
    assert store.stats().vectors["audio:m@1"] == 1
    assert store.verify() == []
    store.close()


async def test_what_an_alert_names_is_pinned(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO)
        await desk.reach(1.0)
        await desk.until_stored(1)
        evidence = Evidence(
            clip_id="", record_id=record_id(HELLO), stream="mic", kind="utterance", start_s=0, end_s=1, box=None,
            score=1, text="hello there",
        )  # fmt: skip
        alert = Alert(
            session=SESSION, rule="hello", alert_id="a1", state="fired", session_start_ns=0, t_ns=1, text="hello",
            evidence=(evidence,), checked=False, suppressed=0,
        )  # fmt: skip
        await desk.send(alert)
        await desk.send(CUPS)
        await desk.reach(2.0)
        await desk.until_stored(2)  # in a later commit than the pin
        assert desk.pins(tmp_path) == {record_id(HELLO)}


async def test_a_disk_without_room_stores_nothing_answers_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO)
        await desk.reach(1.0)
        await desk.until_stored(1)
        desk.memory._upkeep.close()  # or it tells of this machine's disk
        assert desk.memory._upkeep._thread is not None
        await asyncio.to_thread(desk.memory._upkeep._thread.join, PATIENCE_S)
        desk.memory._give_up(Level.RECORDS)
        await desk.send(CUPS)
        await desk.reach(2.0)
        assert (await desk.recall(1.0)).total == 1
        assert set(desk.stored()) == {record_id(HELLO)}
        desk.memory._give_up(Level.NEW_PICTURES)
        await desk.until_stored(2)
        await desk.send(frame(0, 3.0, session=SESSION))
        await desk.reach(4.0)
        await desk.reach(4.0, "cam")
        await desk.until_stored(3)
        assert desk.memory.meter.counters["pictures not kept"] == 1
    assert kept(tmp_path) == [record_id(HELLO), record_id(CUPS), f"{SESSION}/cam/0/frame-0"]


async def test_a_running_memory_erases_for_good_and_goes_on(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO, CUPS)
        await desk.reach(30.0)
        await desk.until_stored(3)  # and their clip
        counted = await desk.erase(text="coffee")
        assert (counted.records, counted.looked_for) == (1, 0)
        assert (await desk.recall(10.0)).total == 2
        gone = await desk.erase(text="coffee", is_sure=True)
        assert (gone.records, gone.clips, gone.left, gone.reason) == (1, 1, {}, "")
        assert gone.looked_for >= 2
        assert [hit.record_id for hit in (await desk.recall(10.0)).timeline] == [record_id(HELLO)]
        assert (await desk.recall(10.0, "coffee")).hits == ()
        await desk.send(CUPS)  # nobody heard that it was stored
        await desk.until_stored(4)
        assert (await desk.recall(10.0)).total == 1
        assert (await desk.erase(is_sure=True)).reason == "nothing is named"
        assert (await desk.erase(of_session="other", is_sure=True)).records == 0
    assert kept(tmp_path) == [record_id(HELLO)]
    assert b"coffee" not in all_bytes(tmp_path)


@pytest.mark.parametrize("is_sure", [False, True])
async def test_what_cannot_be_looked_for_is_refused_and_memory_goes_on(tmp_path: Path, is_sure: bool) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO)
        await desk.reach(30.0)
        await desk.until_stored(2)
        assert "text has a control character" in (await desk.erase(text="he\0llo", is_sure=is_sure)).reason
        assert "stream has a control" in (await desk.erase(of_stream="\x7f", is_sure=is_sure)).reason
        assert (await desk.recall(10.0)).total == 1
        assert (await desk.erase(text="hello", is_sure=is_sure)).records == 1


async def test_on_a_full_disk_what_is_erased_is_called_erased(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO, CUPS)
        await desk.reach(30.0)
        await desk.until_stored(3)
        retention = desk.memory._upkeep._jobs[-1]
        assert isinstance(retention, Retention)
        retention._measured = lambda *_: Level.RECORDS
        desk.memory._give_up(Level.RECORDS)
        gone = await desk.erase(of_session=SESSION, is_sure=True)
        assert (gone.records, gone.left, gone.reason) == (2, {}, "")
        assert (await desk.recall(10.0)).total == 0
    store = Store.open(tmp_path, writable=False)
    assert store.began(SESSION) == 0  # the session goes on
    store.close()


async def test_what_a_killed_process_left_of_an_erasure_is_done(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO, CUPS)
        await desk.reach(30.0)
        await desk.until_stored(3)
    store = Store.open(tmp_path)
    Unfinished(tmp_path).begin()
    store.erase(Selector(text="coffee"))
    store.close()
    async with remembering(tmp_path, is_replay=False) as desk:
        async with asyncio.timeout(PATIENCE_S):
            while Unfinished(tmp_path).is_there:
                desk.memory._upkeep.wake()
                await asyncio.sleep(0.01)
        assert b"coffee" not in all_bytes(tmp_path)


async def test_a_memory_whose_background_died_ends_with_the_reason(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesGroup(pytest.RaisesExc(ZeroDivisionError))):
        async with remembering(tmp_path, is_replay=False) as desk:
            desk.memory._upkeep._jobs[-1].run = lambda: 1 // 0  # type: ignore[method-assign, assignment]
            desk.memory._upkeep.wake()
            await asyncio.sleep(PATIENCE_S)


async def test_a_clip_that_is_open_while_words_are_erased_closes_without_them(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO, CUPS)
        await desk.reach(5.0)
        await desk.until_stored(2)
        assert (await desk.erase(text="coffee", is_sure=True)).records == 1
        await desk.reach(60.0)
        await desk.send(utterance(9, 61, 62, "a yellow bicycle"))
        await desk.reach(90.0)
        await desk.until_heard(Clip, 1)
        assert [clip.text for clip in desk.told(Clip)] == ['"a yellow bicycle"']
    store = Store.open(tmp_path, writable=False)
    query = "SELECT clip.key, text, (SELECT count(*) FROM vec WHERE owner = -clip.id) FROM clip ORDER BY id"
    assert store.connection().execute(query).fetchall() == [
        ("s/mic/0/clip-0~1", f'"{HELLO.text}"', 0),
        ("s/mic/0/clip-1", '"a yellow bicycle"', 1),
    ]
    store.close()
    assert b"coffee" not in all_bytes(tmp_path)
    async with remembering(tmp_path, is_replay=False) as desk:  # and it gets its vector now, or when words are erased
        assert (await desk.erase(text="bicycle", is_sure=True)).records == 1
    store = Store.open(tmp_path, writable=False)
    assert [count for *_, count in store.connection().execute(query)] == [1]
    store.close()


async def test_a_replay_keeps_what_it_recorded(tmp_path: Path) -> None:
    async with remembering(tmp_path) as desk:
        assert "a replay keeps" in (await desk.erase(text="coffee", is_sure=True)).reason


async def test_a_session_that_erases_itself_goes_on_and_keeps_its_beginning(tmp_path: Path) -> None:
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.send(HELLO)
        await desk.reach(30.0)
        await desk.until_stored(2)
        assert (await desk.erase(of_session=SESSION, is_sure=True)).records == 1
        await desk.send(utterance(9, 31, 32, "a yellow bicycle"))
        await desk.reach(33.0)
        await desk.until_stored(3)
        reply = await desk.recall(33.0, "bicycle")
        assert [hit.text for hit in reply.hits] == ["a yellow bicycle"]
        assert reply.session_start_ns == 0
        assert reply.counts == {"utterance": 1}
    assert kept(tmp_path) == ["s/mic/0/utterance-9"]


async def test_while_the_tokens_of_a_clip_are_worked_on_memory_answers_and_later_commits_wait(tmp_path: Path) -> None:
    busy = threading.Event()
    async with remembering(tmp_path, is_replay=False) as desk:
        await desk.reach(-1e-9)
        await desk.send(HELLO, observed(0, 0.6))
        await desk.reach(2.0)
        await desk.until_stored(1)
        waiting = desk.memory._commits._token_thread.begin(busy.wait, PATIENCE_S)
        await desk.reach(30.0)  # the clip closes
        await desk.send(frame(0, 29.0, session=SESSION))
        await desk.reach(31.0, "cam")
        assert (await desk.recall(2.0)).total == 1
        assert desk.stored() == [record_id(HELLO)]
        busy.set()
        await waiting
        await desk.until_stored(3)
        assert desk.stored()[1:] == [f"{SESSION}/mic/0/clip-0", f"{SESSION}/cam/0/frame-0"]
    store = Store.open(tmp_path)
    assert store.connection().execute("SELECT count(*) FROM value").get == 1
    store.close()


def observed(seq: int, t_s: float) -> Observation:
    tokens = np.random.default_rng(seq).standard_normal((4, 8)).astype(np.float16)
    return Observation(session=SESSION, stream="mic", epoch=0, seq=seq, t_ns=ns(t_s), model="m@1", tokens=tokens)
