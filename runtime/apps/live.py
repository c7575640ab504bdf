"""`heedful run`: cameras, microphones and MQTT inputs into a session that answers until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from perception.calibrations import Calibrations
from perception.sources import open_all
from runtime.apps.rendezvous import announced, refuse_second
from runtime.apps.wiring import (
    configured_streams,
    make_memory,
    make_perception,
    make_reasoning,
    memory_folder,
    wire_up,
)
from runtime.bus import LOSSLESS, Bus, filter_of
from runtime.config import Config
from runtime.errors import ConfigError, MissingPart
from runtime.insist import insist
from runtime.messages import QUESTION_LENGTH, Alert, Answer, Ask, Message
from runtime.service import Service, Worker, run_services

if TYPE_CHECKING:  # most sessions are not recorded
    from runtime.recording.recorder import Recorder

logger = logging.getLogger(__name__)

START_S = 15.0
ANSWER_S = 90.0
LOOK_S = 0.5  # between two looks whether the session still runs
AGAIN_S = 5.0  # the session may just be on its way back from a crash of its broker
QUESTIONS_ROOM = 16  # typed questions that may wait


async def run_live(
    config: Config,
    stop: asyncio.Event,
    is_up: asyncio.Event,
    show: Callable[[str], None],
    print_answer: Callable[[Answer], None],
    print_alert: Callable[[Alert], None],
    recorder: Recorder | None = None,
) -> None:
    """Run a session until `stop`, recorded where there is a recorder; before `is_up` it may be cancelled without loss.

    Raises MissingPart where a device, broker or model is not there or the session runs already, ConfigError where
    there is nothing to perceive.
    """
    if not config.streams:
        raise ConfigError("streams", "is empty; name at least one camera, microphone or mqtt stream")
    session, epoch = config.session, time.time_ns()
    if config.broker == "auto":
        refuse_second(session)
    wires = wire_up(config, session, is_replay=False)
    buses = {role: wires.bus(role) for role in ("memory", "reasoning", "perception", "user")}
    if recorder is not None:
        recorder.connect(buses["perception"], wires.bus)
    with closing(Worker("loader")) as loader:  # models load beside the event loop, so that Ctrl-C is heard
        remember = await loader.call(
            partial(make_memory, config, buses["memory"], session, memory_folder(config), is_replay=False)
        )
        calibrations = Calibrations()
        streams = await loader.call(configured_streams, config, buses["perception"], epoch, recorder, calibrations)
        reason = await loader.call(partial(make_reasoning, config, buses["reasoning"], session, is_replay=False))
    bus, followers = buses["perception"], (remember, reason)
    perceive = make_perception(config, bus, session, streams, followers, epoch=epoch, calibrations=calibrations)

    async def course() -> None:
        if wires.broker is not None:
            await wires.broker.ready(START_S)
        await buses["perception"].ready(START_S)
        await open_all([source for source, _ in streams])
        if recorder is not None:
            await recorder.ready.wait()
        perceive.go.set()
        await perceive.started.wait()  # who asks from now on is heard
        is_up.set()
        async with _alerts(buses["user"], session, print_alert):
            await serve()

    async def serve() -> None:
        with ExitStack() as left:
            if wires.broker is not None:
                options = left.enter_context(announced(session, wires.broker))
                show(_how_to_join(options))
            elif not wires.is_local:
                show(f"listening through {config.broker}; Ctrl-C ends it")
            if wires.is_local:
                show("listening; type a question and press Enter")
                await _questions_from_stdin(config, buses["user"], stop, print_answer)
            await stop.wait()

    with_recorder: list[Service] = []
    if recorder is not None:
        recorder.meters = [one.meter for one in (perceive, remember, reason)]
        with_recorder = [recorder]  # after those whose last words it hears
    await run_services([perceive, remember, reason, *with_recorder, *wires.services], course())


def _how_to_join(options: Path) -> str:
    return "\n".join(
        (
            "listening; Ctrl-C ends it. From another terminal:",
            '  heedful ask "What just happened?"',
            f"  mosquitto_sub $(cat {options}) -v -t 'heedful/v1/+/+/answer' -t 'heedful/v1/+/+/utterance'",
        )
    )


@asynccontextmanager
async def _alerts(client: Bus, session: str, print_alert: Callable[[Alert], None]) -> AsyncIterator[None]:
    """Print what rules tell while the block lasts."""
    heard = await client.subscribe(filter_of(session, "alert"), rule=LOSSLESS)

    async def tell() -> None:
        async for delivery in heard:
            assert isinstance(delivery.message, Alert)
            print_alert(delivery.message)

    async with asyncio.TaskGroup() as group:
        telling = group.create_task(tell(), name="alerts")
        yield
        telling.cancel()


async def _questions_from_stdin(
    config: Config, client: Bus, stop: asyncio.Event, print_answer: Callable[[Answer], None]
) -> None:
    """Without a broker nobody else can ask: each line of standard input is a question."""
    with _stdin_lines() as lines:
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(_answer_lines(config, client, lines, print_answer), name="stdin")
            await stop.wait()
            answering.cancel()


@contextmanager
def _stdin_lines() -> Iterator[asyncio.Queue[str]]:
    """Yield a queue of the lines that come in, dropping what nobody could answer in time."""
    lines: asyncio.Queue[str] = asyncio.Queue(QUESTIONS_ROOM)
    if sys.stdin is None or sys.stdin.closed:  # started with <&-
        yield lines
        return
    loop, stdin, begun = asyncio.get_running_loop(), sys.stdin.fileno(), b""

    def read() -> bool:
        nonlocal begun
        came = os.read(stdin, 65_536)
        if not came:
            loop.remove_reader(stdin)
        *whole, begun = (begun + came).split(b"\n") if came else (begun, b"")
        begun = begun[: 4 * QUESTION_LENGTH]
        for line in whole:
            if not lines.full():
                lines.put_nowait(line.decode(errors="replace").strip()[:QUESTION_LENGTH])
        return bool(came)

    try:
        loop.add_reader(stdin, read)
    except OSError:  # a file or /dev/null is always ready, so it cannot be waited for
        while read() and not lines.full():
            pass
    try:
        yield lines
    finally:
        loop.remove_reader(stdin)


async def _answer_lines(
    config: Config, client: Bus, lines: asyncio.Queue[str], print_answer: Callable[[Answer], None]
) -> None:
    while True:
        text = await lines.get()
        if not text:
            continue
        try:
            reply = await client.request(Ask(session=config.session, question=text), "answer", ANSWER_S)
        except TimeoutError:
            logger.warning("no answer within %.0f s", ANSWER_S)
            continue
        assert isinstance(reply, Answer)
        print_answer(reply)


async def ask_running(
    bus: Bus,
    session: str,
    text: str,
    asked_ns: int | None,
    deadline_s: float,
    is_running: Callable[[], bool],
    *,
    explains: bool = False,
) -> Answer:
    """Put one question, about `asked_ns` or about when it arrives, to a running session.

    A restart of its broker does not lose it. Raises MissingPart when nobody answers, or the session is not running.
    """
    again_s = None if asked_ns is None else AGAIN_S  # without its time it would be another question each time
    ask = Ask(session=session, query_id=secrets.token_hex(8), question=text, asked_ns=asked_ns, explains=explains)
    reply = await request_running(bus, ask, "answer", deadline_s, is_running, again_s=again_s)
    assert isinstance(reply, Answer)
    return reply


async def request_running(
    bus: Bus,
    request: Message,
    reply_kind: str,
    deadline_s: float,
    is_running: Callable[[], bool],
    *,
    again_s: float | None = None,
) -> Message:
    """Send one request to a running session over a bus of its own, and return the reply.

    Raises MissingPart when nobody answers, or the session is not running.
    """
    session = request.session
    replies: list[Message] = []

    async def put() -> None:
        with suppress(TimeoutError):
            replies.append(await insist(bus, request, reply_kind, deadline_s, again_s=again_s))

    async with asyncio.TaskGroup() as group:
        connection = group.create_task(bus.run(), name="connection")
        try:
            await bus.ready(5.0)
            asking = group.create_task(put(), name="question")
            while not asking.done() and is_running():
                await asyncio.wait({asking}, timeout=LOOK_S)
            asking.cancel()
        finally:
            bus.stop()
            await asyncio.wait([connection], timeout=2.0)
            connection.cancel()
    if not replies and not is_running():
        raise MissingPart(f"session {session!r} has ended", "start it again")
    if not replies:
        what = f"session {session!r} did not answer within {deadline_s:g} s"
        raise MissingPart(what, "look whether it still runs")
    return replies[0]
