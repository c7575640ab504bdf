"""What others ask of memory: recalls, pictures, erasing; and what they tell it beside: alerts and dead letters."""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memory.erase import Selector
from memory.erasing import LiveErasing, Receipt
from memory.recall import Recaller, refusal
from memory.rows import DeadLetterRow, PinRow, SessionRow
from memory.writer import BAD_VALUES, WriterClosed
from runtime.bus import LOSSLESS, Bus, Delivery, Subscription, drop_oldest, filter_of
from runtime.errors import HeedfulError, WireError
from runtime.messages import Alert, DeadLetter, Erase, Erased, Media, MediaReply, Message, Recall, Recalled
from runtime.metrics import Meter, tell
from runtime.waiting import WaitingRoom

if TYPE_CHECKING:
    from memory.upkeep import Upkeep
    from memory.writer import Writer
    from runtime.service import Worker

RECALL_ROOM = 64  # recalls that may wait; one more is refused with a reply that says so
RECALL_S = 1.0  # live: how long a recall waits for its moment
OTHERS_ROOM = 64  # dead letters, alerts
ERASE_S = 900.0  # a large file may have to be written anew, more than once

logger = logging.getLogger(__name__)


class Desk:
    """Serves one session; recalls run in the thread that owns the index."""

    def __init__(
        self,
        bus: Bus,
        session: str,
        meter: Meter,
        *,
        recaller: Recaller,
        thread: Worker,
        writer: Writer,
        erasing: LiveErasing,
        upkeep: Upkeep,
        beginning: SessionRow,
        has_reached: Callable[[int], bool],
        catch_up: Callable[[], Awaitable[None]],
        is_replay: bool,
    ) -> None:
        """`has_reached` says whether all up to a time can be found; `catch_up` gives vectors to what has none."""
        self._bus = bus
        self._session = session
        self._meter = meter
        self._recaller = recaller
        self._thread = thread
        self._writer = writer
        self._erasing = erasing
        self._upkeep = upkeep
        self._beginning = beginning
        self._has_reached = has_reached
        self._catch_up = catch_up
        self._is_replay = is_replay
        self._recalls: WaitingRoom[Delivery] = WaitingRoom(RECALL_ROOM, None if is_replay else RECALL_S, has_reached)

    async def open(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Subscribe; return what is to run as tasks, by name."""
        recalls = await self._bus.subscribe(filter_of(self._session, "recall", "memory"), rule=LOSSLESS)
        media = await self._bus.subscribe(filter_of(self._session, "media", "memory"), rule=LOSSLESS)
        erasures = await self._bus.subscribe(filter_of(self._session, "erase", "memory"), rule=LOSSLESS)
        letters = await self._bus.subscribe(filter_of(self._session, "dead-letter"), rule=drop_oldest(OTHERS_ROOM))
        alerts = await self._bus.subscribe(filter_of(self._session, "alert"), rule=drop_oldest(OTHERS_ROOM))
        return {
            "take recalls": self._take_recalls(recalls),
            "recalls": self._serve_recalls(),
            "media": self._serve_media(media),
            "erasures": self._serve_erasures(erasures),
            "dead letters": self._keep_letters(letters),
            "alerts": self._pin_alerts(alerts),
        }

    def look(self) -> None:
        """Note that more can be found: a recall may be due."""
        self._recalls.look()

    async def _take_recalls(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            query = delivery.message
            assert isinstance(query, Recall)
            if not self._recalls.add(query.as_of_ns, delivery):
                self._meter.counters["refused recalls"] += 1
                await self._tell(refusal(query, f"{RECALL_ROOM} other recalls are waiting"), to=delivery)

    async def _serve_recalls(self) -> None:
        """Answer recalls whose moment is reached, the earliest first; live, none waits long for its moment."""
        async for delivery in self._recalls:
            query = delivery.message
            assert isinstance(query, Recall)
            if not self._has_reached(query.as_of_ns):
                self._meter.counters["unsettled"] += 1
            with self._meter.timed("recall"):
                reply: Recalled = await self._thread.call(self._recaller.recall, query)
            await self._answer(reply, delivery)

    async def _answer(self, reply: Recalled, delivery: Delivery) -> None:
        """Send as much as one message may hold: the best hits, the newest of the timeline, some neighbours."""
        while True:
            try:
                await self._tell(reply, to=delivery)
            except WireError:
                if not (reply.hits or reply.timeline or reply.neighbours):
                    raise
                left = len(reply.timeline) // 2
                newest = reply.timeline[len(reply.timeline) - left :]
                near = reply.neighbours[: len(reply.neighbours) // 2]
                reply = replace(reply, hits=reply.hits[: len(reply.hits) // 2], timeline=newest, neighbours=near)
                self._meter.counters["shortened"] += 1
            else:
                return

    async def _serve_media(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            wanted = delivery.message
            assert isinstance(wanted, Media)
            picture = await self._thread.call(self._recaller.media, wanted.record_id)
            reply = MediaReply(
                session=self._session,
                record_id=wanted.record_id,
                reason="" if picture else "no picture is stored under this id",
                payload=picture or b"",
            )
            await self._tell(reply, to=delivery)
            if picture:
                self._pin(PinRow(wanted.record_id, "opened"))

    async def _serve_erasures(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            wanted = delivery.message
            assert isinstance(wanted, Erase)
            await self._tell(await self._erased(wanted), to=delivery)

    async def _erased(self, wanted: Erase) -> Erased:
        """Erase, or count, what somebody wants to go."""
        try:
            selector = Selector(
                session=wanted.of_session,
                stream=wanted.of_stream,
                start_ns=wanted.start_ns,
                end_ns=wanted.end_ns,
                clip=wanted.clip,
                text=wanted.text,
            )
        except ValueError as error:
            return _not_erased(wanted, str(error))
        if selector.is_empty or (wanted.text is not None and not any(map(str.isalnum, wanted.text))):
            return _not_erased(wanted, "nothing is named")
        if self._is_replay:
            return _not_erased(wanted, "a replay keeps what it recorded; erase afterwards")
        try:
            async with asyncio.timeout(ERASE_S):
                receipt = await self._receipt(selector, is_sure=wanted.is_sure)
        except TimeoutError:
            return _not_erased(wanted, "that takes long: it goes on, ask again")
        except (HeedfulError, OSError, WriterClosed, *BAD_VALUES) as error:
            return _not_erased(wanted, str(error) or "the store is busy")
        if wanted.is_sure:
            await self._begin_again()
        return _erased(wanted, receipt)

    async def _receipt(self, selector: Selector, *, is_sure: bool) -> Receipt:
        if not is_sure:
            counted = await asyncio.wrap_future(self._writer.call(lambda store: store.count(selector)))
            return Receipt(erased=counted, traces=0, left={})
        done = self._erasing.want(selector)
        self._upkeep.wake()
        return await asyncio.wrap_future(done)

    async def _begin_again(self) -> None:
        """Store the beginning of the session that goes on, though it may just have erased all of itself; catch up."""
        try:
            await asyncio.wrap_future(self._writer.call(lambda store: store.append([self._beginning])))
            await self._catch_up()
        except (HeedfulError, OSError, WriterClosed, queue.Full) as error:  # what was erased is erased all the same
            logger.warning("after erasing, memory is found by words only for a while: %s", str(error) or "no room")

    async def _pin_alerts(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            alert = delivery.message
            assert isinstance(alert, Alert)
            for evidence in alert.evidence:
                self._pin(PinRow(evidence.record_id, "alert"), PinRow(evidence.clip_id, "alert"))

    def _pin(self, *rows: PinRow) -> None:
        try:
            self._writer.submit([row for row in rows if row.owner])
        except queue.Full:
            self._meter.counters["lost pins"] += 1

    async def _keep_letters(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            letter = delivery.message
            assert isinstance(letter, DeadLetter)
            row = DeadLetterRow(
                time.time_ns(), letter.session, letter.topic, letter.reason, letter.size_bytes, letter.head_hex
            )
            try:
                self._writer.submit([row])
            except queue.Full:
                self._meter.counters["lost dead letters"] += 1

    async def _tell(self, message: Message, to: Delivery) -> None:
        await tell(self._bus, self._meter, message, to)


def _erased(wanted: Erase, receipt: Receipt) -> Erased:
    gone = receipt.erased
    return Erased(
        session=wanted.session,
        query_id=wanted.query_id,
        records=gone.records,
        clips=gone.clips + gone.remade,
        pictures=gone.pictures,
        looked_for=receipt.traces,
        left=receipt.left,
    )


def _not_erased(wanted: Erase, reason: str) -> Erased:
    return Erased(
        session=wanted.session,
        query_id=wanted.query_id,
        records=0,
        clips=0,
        pictures=0,
        looked_for=0,
        left={},
        reason=reason,
    )
