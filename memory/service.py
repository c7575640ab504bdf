"""Memory: records in event order, onto disk, into clips, into the index; then `stored`, and recall.

record -> order (watermarks) -> clip borders -> text vectors -> one commit -> stored, clip, progress -> index
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from memory.clipping import Clipping
from memory.commits import Commits
from memory.consolidate import Consolidation
from memory.describe import describe, has_own_vector
from memory.desk import Desk
from memory.device import Device
from memory.disk import RealDisk
from memory.embed import TextEmbedder
from memory.erasing import LiveErasing
from memory.recall import Recaller
from memory.retention import Policy, Retention
from memory.room import Level, Reserve
from memory.rows import (
    RecordRow,
    Row,
    SessionRow,
    StreamRow,
    record_row,
)
from memory.sealing import Sealer
from memory.store import Store
from memory.textkeys import TextKeys
from memory.upkeep import Upkeep
from memory.writer import Writer
from runtime.bus import LOSSLESS, Bus, Subscription, drop_oldest, filter_of
from runtime.messages import (
    Clip,
    Gap,
    Observation,
    Record,
    Watermark,
    record_id,
)
from runtime.metrics import Meter, report
from runtime.order import EventOrder
from runtime.service import Worker

logger = logging.getLogger(__name__)

RECORD_ROOM = 512  # live: frames and motion that may wait to be read
PROGRESS_NS = 500_000_000  # replay: event time between two notes of progress; sources may be 2 s ahead
CLOSE_S = 2.0  # for the last commit
NOTE_NS = 10_000_000_000  # event time after which even a quiet stream's progress is written: each costs an fsync
_GIVEN_UP = {
    Level.NOTHING: "the disk has room again: all is stored",
    Level.OLD_PICTURES: "the disk fills: pictures stay a quarter of their time",
    Level.NEW_PICTURES: "the disk fills: frames are stored without their pictures",
    Level.RECORDS: "the disk is full: nothing is stored until there is room; questions are answered",
}


class MemoryService:
    """Keeps one session's records and answers recalls about them."""

    name = "memory"

    def __init__(
        self,
        bus: Bus,
        session: str,
        folder: Path,
        *,
        text_model: str | None,
        is_replay: bool,
        session_start_ns: int,
        retention: Policy | None = None,
        clock_error_ns: Mapping[str, int] | None = None,
        index_device: Device | None = None,
    ) -> None:
        """Open the memory in `folder`; a replay keeps everything. Clocks of streams may be off by so much.

        Segments are built on `index_device`, or on the CPU: in a replay always, whose answers must not depend on it.

        Raises StoreCorrupt, ConfigError, MissingPart or ModelError.
        """
        self.meter = Meter()
        self.ready = asyncio.Event()  # subscribed: whoever sends before this is not heard
        self._bus = bus
        self._session = session
        self._is_replay = is_replay
        self._session_start_ns = session_start_ns
        self._store = Store.open(folder)
        self._embedder = TextEmbedder(text_model)
        self._keys = TextKeys(self._embedder, Store.open(folder, writable=False))
        self._keys.catch_up(self._store.append)
        self._clock_error_ns = clock_error_ns or {}
        self._writer = Writer(self._store, reserve=None if is_replay else Reserve(folder))
        self._recaller = Recaller(folder, self._embedder)
        self._sealer = Sealer(folder, self._writer.submit, RealDisk(), device=None if is_replay else index_device)
        consolidation = Consolidation(self._writer.call)
        erasing = LiveErasing(Store.open(folder, writable=False), self._writer.call, self._sealer)
        beside = self._retention(folder, retention or Policy())
        self._upkeep = Upkeep([self._sealer, erasing, consolidation, *beside])
        self._level = Level.NOTHING  # what is given up because the disk fills
        self._recall_thread = Worker("memory recall")  # owns the index: FAISS must not add and search at once
        self._earlier = {} if is_replay else self._store.reached(session)  # streams of an earlier run
        self._began_ns = self._store.began(session) if self._earlier else None  # the first run's start
        self._absent: set[str] = set()  # streams whose absence since then is told
        self._told_ns = -1  # last progress
        self._noted_ns: dict[str, int] = {}
        self._order = EventOrder()
        self._clipping = Clipping(session, self._order)
        self._commits = Commits(bus, session, self.meter, self._writer, embed=self._embed, reached=self._found_up_to)
        self._searchable_ns = -1
        self._desk = Desk(
            bus,
            session,
            self.meter,
            recaller=self._recaller,
            thread=self._recall_thread,
            writer=self._writer,
            erasing=erasing,
            upkeep=self._upkeep,
            beginning=SessionRow(session, session_start_ns),
            has_reached=self._has_reached,
            catch_up=self._catch_up,
            is_replay=is_replay,
        )
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Remember and recall until `stop`; then close the clips that are open and commit."""
        inputs = [filter_of(self._session, kind) for kind in ("utterance", "sound", "gap", "watermark")]
        fresh = [filter_of(self._session, kind) for kind in ("frame", "motion", "detection", "observation")]
        if self._is_replay:  # one queue keeps the order of records and watermarks
            taken = [await self._bus.subscribe(*inputs, *fresh, rule=LOSSLESS)]
        else:
            taken = [
                await self._bus.subscribe(*inputs, rule=LOSSLESS),
                await self._bus.subscribe(*fresh, rule=drop_oldest(RECORD_ROOM)),
            ]
        asked = await self._desk.open()
        self._writer.submit([SessionRow(self._session, self._session_start_ns)])
        if not self._is_replay:
            self._sealer.note(self._embedder.space, self._recaller.damaged)
            self._upkeep.start()
            self._upkeep.wake()
        self.ready.set()
        try:
            async with asyncio.TaskGroup() as group:
                beside = [
                    *(group.create_task(self._take(inbox), name=f"take {inbox.filters[0]}") for inbox in taken),
                    *(group.create_task(asking, name=name) for name, asking in asked.items()),
                    group.create_task(report(self._bus, self._session, self.meter, self._counters), name="metrics"),
                ]
                if not self._is_replay:
                    beside.append(group.create_task(self._watch_upkeep(), name="upkeep"))
                announcing = group.create_task(self._commits.announce_all(), name="commits")
                await self._stopping.wait()
                if open_clips := self._clipping.end():
                    await self._commit([], open_clips)
                await self._commits.join()
                for task in (*beside, announcing):
                    task.cancel()
        finally:
            await self._close()

    async def _watch_upkeep(self) -> None:
        """End with the reason why the upkeep ended, if it does."""
        await asyncio.wrap_future(self._upkeep.failed)

    async def _close(self) -> None:
        await self._recall_thread.call(self._recaller.close)  # after the recall that may be running
        await self._recall_thread.call(self._keys.close)
        self._recall_thread.close()
        self._commits.close()
        self._upkeep.close()
        if not await asyncio.to_thread(self._writer.close, CLOSE_S):
            logger.warning("the disk is too slow: the last records may not be stored, and were not called stored")

    def stop(self) -> None:
        """Commit what came and end."""
        self._stopping.set()

    async def _take(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            if isinstance(message, Watermark):
                is_call = message.call != 0 or self._order.has_passed(message)
                await self._remember(self._order.advance(message), message, is_call=is_call)
            elif isinstance(message, Observation):
                self._clipping.observe(message)
            elif self._order.knows(message):  # type: ignore[arg-type]
                await self._stored_again(message)  # type: ignore[arg-type]
            else:
                await self._remember(self._order.add(message), None)  # type: ignore[arg-type]

    async def _remember(self, records: Sequence[Record], mark: Watermark | None, *, is_call: bool = False) -> None:
        """Send records to disk with the clips they close."""
        rows: list[Row] = []
        clips: list[Clip] = []
        for record in records:
            rows.append(self._row_of(record))
            clips += self._clipping.add(record)
            self.meter.counters[record.kind] += 1
        if mark is not None:
            clips += self._clipping.advance()
        elif not rows:
            return
        if mark is not None:
            rows += self._absence(mark)
            if rows or clips or mark.ended or mark.t_ns - self._noted_ns.get(mark.stream, 0) > NOTE_NS:
                self._noted_ns[mark.stream] = mark.t_ns
                rows.append(_stream_row(mark))
        texts = [(record_id(one), describe(one)) for one in records if has_own_vector(one)]
        low_ns = self._order.low_ns
        is_awaited = is_call or (self._is_replay and low_ns - self._told_ns >= PROGRESS_NS)
        if is_awaited:
            self._told_ns = low_ns
        await self._commit(rows, clips, texts, is_awaited=is_awaited, call=mark.call if mark is not None else 0)

    def _row_of(self, record: Record) -> RecordRow:
        row = record_row(record, clock_ns=self._clock_error_ns.get(record.stream, 0))
        if row.media is not None and self._level >= Level.NEW_PICTURES:
            self.meter.counters["pictures not kept"] += 1
            return row._replace(media=None)
        return row

    async def _commit(
        self,
        rows: Sequence[Row],
        clips: Sequence[Clip],
        texts: Sequence[tuple[str, str]] = (),
        *,
        is_awaited: bool = False,
        call: int = 0,
    ) -> None:
        """Send rows and clips to disk; what is to be announced waits for that."""
        closed = self._clipping.take(clips)
        low_ns = self._order.low_ns
        await self._commits.put(rows, closed, texts, low_ns=low_ns, is_awaited=is_awaited, call=call)

    def _absence(self, mark: Watermark) -> list[Row]:
        """Remember that a stream was not perceived since its last run, or before this one: nothing is known of then."""
        since_ns = self._earlier.get(mark.stream, self._began_ns)
        if since_ns is None or since_ns >= mark.epoch or mark.stream in self._absent:
            return []
        self._absent.add(mark.stream)
        gap = Gap(
            session=self._session,
            stream=mark.stream,
            epoch=mark.epoch,
            seq=0,
            t_ns=mark.epoch,
            start_ns=since_ns,
            end_ns=mark.epoch,
            lost=0,
            reason="not running",
        )
        return [record_row(gap)]

    async def _embed(self, texts: Sequence[tuple[str, str]]) -> None:
        await self._recall_thread.call(self._make_searchable, texts)

    def _make_searchable(self, texts: Sequence[tuple[str, str]]) -> None:
        self._keys.add(texts, self._writer)
        if self._is_replay:  # what is sealed is then a function of what was stored
            self._upkeep.run_now()
        self._recaller.refresh()
        self._sealer.note(self._embedder.space, self._recaller.damaged)
        self._upkeep.wake()

    def _found_up_to(self, low_ns: int) -> None:
        self._searchable_ns = max(self._searchable_ns, low_ns)
        self._desk.look()

    async def _catch_up(self) -> None:
        """Give vectors to clips that were made anew."""
        await self._recall_thread.call(self._keys.catch_up, lambda rows: self._writer.submit(rows).result())
        await self._recall_thread.call(self._recaller.refresh)

    async def _stored_again(self, record: Record) -> None:
        """Answer a record that was sent again; memory has it on disk or on the way there."""
        key = record_id(record)
        if await self._recall_thread.call(self._recaller.has, key):
            await self._commits.tell_stored([key])

    def _has_reached(self, t_ns: int) -> bool:
        """Say whether all up to a time can be found."""
        return self._searchable_ns >= t_ns or not self._order.streams

    def _retention(self, folder: Path, policy: Policy) -> list[Retention]:
        if self._is_replay:  # its times are those of the recording
            return []
        return [Retention(Store.open(folder, writable=False), self._writer.call, policy, self._give_up)]

    def _give_up(self, level: Level) -> None:
        """Do without what a filling disk asks for; the upkeep's thread tells."""
        if level != self._level:
            logger.warning(_GIVEN_UP[level])
        self._level = level
        self._writer.hold(level == Level.RECORDS)

    def _counters(self) -> dict[str, int]:
        return {"late": self._order.late, "forced": self._order.forced, "lost tokens": self._clipping.lost}


def _stream_row(mark: Watermark) -> StreamRow:
    return StreamRow(mark.session, mark.stream, mark.epoch, mark.sensor, mark.epoch, max(0, mark.t_ns), mark.ended)
