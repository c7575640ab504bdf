"""Commits on their way to disk, in the order of events, and what is announced once each is there: `stored`, clips,
progress; then the search keys of its texts.

Commits are pipelined: the next cell of event time is handled while the last one is on its way.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.clipping import Closed, rows_of
from memory.rows import clip_key
from runtime.messages import Clip, Message, Progress, Stored
from runtime.metrics import Meter, tell
from runtime.service import Worker

if TYPE_CHECKING:
    from memory.rows import Row
    from memory.writer import Writer
    from runtime.bus import Bus

PENDING = 64  # cells of event time on their way to disk
STORED_IDS = 1_000  # in one message
FULL_S = 0.05  # until a full writer is asked again


@dataclass(frozen=True, slots=True)
class Commit:
    """Rows on their way to disk, and what to announce once they are there."""

    stored: asyncio.Future[list[str]]
    clips: Sequence[Clip]
    texts: Sequence[tuple[str, str]]  # key and text of records that get a vector
    low_ns: int
    is_awaited: bool  # somebody waits to hear how far memory is
    call: int  # and called under this number


class Commits:
    """The commits of one session."""

    def __init__(
        self,
        bus: Bus,
        session: str,
        meter: Meter,
        writer: Writer,
        *,
        embed: Callable[[Sequence[tuple[str, str]]], Awaitable[None]],
        reached: Callable[[int], None],
    ) -> None:
        """`embed` gives texts their search keys; `reached` hears up to which event time all can be found."""
        self._bus = bus
        self._session = session
        self._meter = meter
        self._writer = writer
        self._embed = embed
        self._reached = reached
        self._token_thread = Worker("memory tokens")
        self._putting = asyncio.Lock()  # commits keep the order of events, however long a clip's tokens take
        self._pending: asyncio.Queue[Commit] = asyncio.Queue(PENDING)

    async def put(
        self,
        rows: Sequence[Row],
        closed: Sequence[Closed],
        texts: Sequence[tuple[str, str]],
        *,
        low_ns: int,
        is_awaited: bool,
        call: int,
    ) -> None:
        """Send rows and clips to disk; what is to be announced waits for that."""
        clips = [one.clip for one in closed]
        async with self._putting:
            rows = [*rows, *await self._rows_of(closed)]
            stored = await self._submit(rows) if rows else _nothing_to_store()
            await self._pending.put(
                Commit(stored=stored, clips=clips, texts=texts, low_ns=low_ns, is_awaited=is_awaited, call=call)
            )

    async def join(self) -> None:
        """Wait until all that was put is announced."""
        await self._pending.join()

    def close(self) -> None:
        """Let go of the thread."""
        self._token_thread.close()

    async def announce_all(self) -> None:
        """Announce what is put, until cancelled."""
        while True:
            commits = [await self._pending.get()]
            while not self._pending.empty():
                commits.append(self._pending.get_nowait())
            try:
                await self._announce(commits)
            finally:
                for _ in commits:
                    self._pending.task_done()

    async def tell_stored(self, ids: Sequence[str]) -> None:
        """Say that records and clips are on disk."""
        for start in range(0, len(ids), STORED_IDS):  # a message has its limit, a release after an outage has none
            await self._tell(Stored(session=self._session, ids=tuple(ids[start : start + STORED_IDS])))

    async def _announce(self, commits: Sequence[Commit]) -> None:
        """Tell of each commit once it is on disk, then make its texts searchable.

        A clip that lost records by erasing, while it was open, is neither told nor embedded as it was.
        """
        texts: list[tuple[str, str]] = []
        for commit in commits:
            with self._meter.timed("commit"):
                ids = await commit.stored
            await self.tell_stored(ids)
            kept = frozenset(ids)
            clips = [clip for clip in commit.clips if clip_key(clip) in kept]
            for clip in clips:
                await self._tell(clip)
            texts += [*commit.texts, *((clip_key(clip), clip.text) for clip in clips)]
            if commit.is_awaited:
                t_ns = max(0, commit.low_ns)
                await self._tell(Progress(session=self._session, stream="memory", t_ns=t_ns, call=commit.call))
        if texts:
            with self._meter.timed("embed"):
                await self._embed(texts)
        self._reached(commits[-1].low_ns)

    async def _rows_of(self, closed: Sequence[Closed]) -> list[Row]:
        if not any(one.observations for one in closed):
            return rows_of(closed)[0]
        rows, unusable = await self._token_thread.call(rows_of, closed)
        if unusable:
            self._meter.counters["unusable tokens"] += unusable
        return rows

    async def _submit(self, rows: Sequence[Row]) -> asyncio.Future[list[str]]:
        """Hand rows to the writer; a disk that is too slow holds the streams back."""
        while True:
            try:
                stored = asyncio.wrap_future(self._writer.submit(rows))
            except queue.Full:
                await asyncio.sleep(FULL_S)
            else:
                stored.add_done_callback(_note)
                return stored

    async def _tell(self, message: Message) -> None:
        await tell(self._bus, self._meter, message)


def _note(stored: asyncio.Future[list[str]]) -> None:
    """See a failure: a broken disk fails all that waits for it, and only the first is raised."""
    if not stored.cancelled():
        stored.exception()


def _nothing_to_store() -> asyncio.Future[list[str]]:
    future: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    future.set_result([])
    return future
