"""A live session that others abuse: garbage, giants, wrong clocks, a killed broker. It says so and goes on."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest
from aiomqtt import ProtocolVersion
from av import VideoFrame
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from memory.store import Store
from perception.picture import encode_jpeg
from tests.answer_schema import answers_in
from tests.fakes import PATIENCE_S
from tests.heedful_command import House, end, wait_for

ROOT = "heedful/v1/robot"
CONFIG = """\
session: robot
streams:
  front: {source: mqtt, kind: image}
  cabin: {source: mqtt, kind: audio}
perception: {asr: none, stale_s: 2}
"""
KIB, MIB = 1024, 1024 * 1024
pytestmark = [pytest.mark.broker, pytest.mark.slow]


class Session:
    """A running `heedful run` and how to reach it."""

    def __init__(self, house: House, process: subprocess.Popen[str], config: Path) -> None:
        self.house = house
        self.process = process
        self.config = config

    @property
    def known(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.house.folder / "run" / "heedful" / "robot.json").read_text())
        return found

    @property
    def memory(self) -> Path:
        return self.house.folder / "data" / "heedful" / "memory" / "robot"

    @asynccontextmanager
    async def client(self, role: str = "robot") -> AsyncIterator[aiomqtt.Client]:
        known = self.known
        async with aiomqtt.Client(
            known["host"],
            known["port"],
            username=role,
            password=known["passwords"][role],
            protocol=ProtocolVersion.V5,
        ) as client:
            yield client

    async def ask(self, question: str, **more: Any) -> dict[str, Any]:
        """Ask as a user's own program would, and return the answer."""
        async with self.client("user") as client:
            await client.subscribe(f"{ROOT}/reasoning/answer", 1)
            query_id = f"test-{time.monotonic_ns()}"
            await client.publish(f"{ROOT}/_/ask", json.dumps({"question": question, "query_id": query_id, **more}), 1)
            return await told(client, "query_id", query_id)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    house = House(tmp_path_factory.mktemp("live"))
    config = house.folder / "robot.yaml"
    config.write_text(CONFIG)
    with house.started("run", config) as process:
        wait_for(process.stderr, "mosquitto_sub")
        yield Session(house, process, config)


def picture(shade: int) -> bytes:
    square = np.full((48, 64, 3), 60, np.uint8)
    square[10:30, shade % 40 : shade % 40 + 20] = 200 + shade % 40
    return encode_jpeg(VideoFrame.from_ndarray(square, format="rgb24"), 64, 80)[0]


def header(**values: str) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = list(values.items())
    return properties


async def told(client: aiomqtt.Client, field: str, value: str) -> dict[str, Any]:
    """Return the next message whose field has that value."""
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            fields: dict[str, Any] = json.loads(bytes(message.payload))
            if fields[field] == value:
                return fields
    raise AssertionError("the broker went away")


async def frames_pass(session: Session) -> None:
    """Send pictures until perception keeps one."""
    async with session.client("user") as hearing, session.client() as robot:
        await hearing.subscribe(f"{ROOT}/front/frame", 0)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            sending = group.create_task(_send_pictures(robot), name="pictures")
            await anext(aiter(hearing.messages))
            sending.cancel()


async def _send_pictures(robot: aiomqtt.Client) -> None:
    shade = 0
    while True:
        shade += 7
        # with a deadline aiomqtt waits by wait_for, which loses cancellations on Python 3.11
        await robot.publish(f"{ROOT}/front/image", picture(shade), 0, timeout=math.inf)
        await asyncio.sleep(0.1)


async def test_a_question_before_anything_was_perceived_claims_nothing(session: Session) -> None:
    async with session.client("user") as hearing:
        await hearing.subscribe(f"{ROOT}/front/watermark", 1)
        async with asyncio.timeout(PATIENCE_S):
            async for message in hearing.messages:
                if json.loads(bytes(message.payload))["blind"]:
                    break
    answer = await session.ask("Did anything move?")
    assert "front" in answer["blind"]
    assert answer["abstained"], answer["answer"]


@pytest.mark.parametrize(
    ("name", "payload", "properties", "reason"),
    [
        ("_/ask", b"what moved?", {}, "JSON"),
        ("_/ask", b"\xff\xfe\x00", {}, ""),
        ("_/ask", b"", {}, ""),
        ("_/ask", b"[1, 2]", {}, "object"),
        ("_/ask", b"{}", {}, "question"),
        ("_/ask", b'{"question": 3}', {}, "question"),
        ("_/ask", b'{"question": "x", "asked_ns": NaN}', {}, "asked_ns"),
        ("_/ask", b'{"question": "x", "asked_ns": 1e400}', {}, "asked_ns"),
        ("_/ask", b'{"question": "x", "asked_ns": 99999999999999999999}', {}, "asked_ns"),
        ("_/ask", b'{"question": "x", "colour": "red"}', {}, "colour"),
        ("_/ask", b'{"question": "x", "question": "y"}', {}, "twice"),
        ("_/ask", b'{"question": "x", "session": "other"}', {}, "other"),
        ("_/ask", json.dumps({"question": "x" * 20 * KIB}).encode(), {}, "the limit of ask is 16384"),
        ("_/ask", b"[" * 10_000, {}, ""),
        ("_/cancel", b'{"query_id": null}', {}, "query_id"),
        ("front/image", b"GIF89a" + bytes(100), {}, "JPEG"),
        ("front/image", picture(0)[:200], {}, "JPEG"),
        ("front/image", bytes(MIB + 1), {}, "the limit of image is 1048576"),
        ("front/image", picture(0), {"t_ns": "yesterday"}, "t_ns"),
        ("front/image", picture(0), {"t_ns": "nan"}, "t_ns"),
        ("front/image", picture(0), {"t_ns": "1e300"}, "t_ns"),
        ("cabin/audio", b"\x00\x00\x00", {}, "whole number"),
        ("cabin/audio", b"", {}, "whole number"),
        ("cabin/audio", bytes(320), {"rate_hz": "0"}, "0 Hz"),
        ("cabin/audio", bytes(320), {"channels": "99"}, "99 channels"),
        ("cabin/audio", bytes(257 * KIB), {}, "the limit of audio is 262144"),
    ],
)
async def test_garbage_goes_to_dead_letter_with_a_reason(
    session: Session, name: str, payload: bytes, properties: dict[str, str], reason: str
) -> None:
    async with session.client("user") as hearing, session.client() as robot:
        await hearing.subscribe(f"{ROOT}/+/dead-letter", 1)
        await robot.publish(f"{ROOT}/{name}", payload, 1, properties=header(**properties))
        letter = await told(hearing, "topic", f"{ROOT}/{name}")
    assert reason in letter["reason"]
    assert letter["size_bytes"] == len(payload)
    assert letter["head_hex"] == payload[:64].hex()
    assert session.process.poll() is None


async def test_after_garbage_streams_and_questions_go_on(session: Session) -> None:
    await frames_pass(session)
    assert (await session.ask("Did anything move?"))["answer"]


async def _send_a_giant(session: Session) -> None:
    async with session.client() as giant, asyncio.timeout(PATIENCE_S):
        with suppress(aiomqtt.MqttError):
            await giant.publish(f"{ROOT}/front/image", bytes(3 * MIB), 0, timeout=2.0)
        await anext(aiter(giant.messages))


async def test_beyond_the_brokers_limit_only_the_sender_is_cut_off(session: Session) -> None:
    async with session.client() as bystander:
        with pytest.raises(aiomqtt.MqttError):
            await _send_a_giant(session)
        await bystander.publish(f"{ROOT}/front/image", picture(3), 1)
    await frames_pass(session)


async def test_what_the_access_list_forbids_reaches_nobody(session: Session) -> None:
    record = {"session": "robot", "stream": "front", "ids": ["forged"]}
    async with session.client("user") as user:
        await user.subscribe(f"{ROOT}/#", 1)
        for topic in (f"{ROOT}/memory/stored", f"{ROOT}/front/utterance", f"{ROOT}/_/nonsense", "other/topic"):
            await user.publish(topic, json.dumps(record), 1)
        await user.publish(f"{ROOT}/_/ask", b"the end", 1)
        async with asyncio.timeout(PATIENCE_S):
            async for message in user.messages:
                assert b"forged" not in bytes(message.payload)
                if message.topic.matches(f"{ROOT}/reasoning/dead-letter"):
                    break


@pytest.mark.parametrize("t_ns", [0, -5, 1, 2**62, 2**63 - 1])
async def test_a_sender_with_a_wrong_clock_does_not_move_ours(session: Session, t_ns: int) -> None:
    async with session.client("user") as hearing, session.client() as robot:
        await hearing.subscribe([(f"{ROOT}/front/watermark", 1), (f"{ROOT}/front/frame", 0)])
        for shade in (0, 9, 18):
            properties = header(t_ns=str(t_ns), seq="1")
            await robot.publish(f"{ROOT}/front/image", picture(shade), 1, properties=properties)
        async with asyncio.timeout(PATIENCE_S):
            message = await anext(one async for one in hearing.messages if one.topic.matches("+/+/+/+/watermark"))
        mark = json.loads(bytes(message.payload))
    assert abs(mark["t_ns"] - time.time_ns()) < 5_000_000_000
    answer = await session.ask("Did anything move?")
    assert abs(answer["asked_s"]) < 3600


async def test_odd_packets_of_sound_do_not_stop_the_sound(session: Session) -> None:
    async with session.client("user") as hearing, session.client() as robot:
        await hearing.subscribe(f"{ROOT}/cabin/watermark", 1)
        for rate, channels in (("8000", "1"), ("192000", "8"), ("44100", "2"), ("16000", "1")):
            sound = bytes(2 * int(channels) * (int(rate) // 100))
            for _ in range(3):
                properties = header(rate_hz=rate, channels=channels)
                await robot.publish(f"{ROOT}/cabin/audio", sound, 1, properties=properties)
        tone = (8000 * np.sin(np.arange(16_000) / 5)).astype("<i2").tobytes()
        await robot.publish(f"{ROOT}/cabin/audio", tone, 1, properties=header(rate_hz="16000"))
        async with asyncio.timeout(PATIENCE_S):
            async for message in hearing.messages:
                if json.loads(bytes(message.payload))["blind"] == "":
                    break
    assert session.process.poll() is None


async def test_each_of_twenty_questions_at_once_gets_an_answer(session: Session) -> None:
    answers = await asyncio.gather(*(session.ask(f"Did anything move? {n}") for n in range(20)))
    assert len({answer["query_id"] for answer in answers}) == 20
    assert all(answer["answer"] for answer in answers)


@pytest.mark.parametrize("asked_ns", [0, -1, 2**63 - 1])
async def test_a_question_asked_at_an_odd_time_is_answered(session: Session, asked_ns: int) -> None:
    assert (await session.ask("What just happened?", asked_ns=asked_ns))["answer"]


async def test_a_greedy_recall_does_not_stop_memory(session: Session) -> None:
    greedy = {"query_id": "g", "as_of_ns": 2**62, "text": "x " * 8000, "k": 10**15, "timeline_limit": 10**15}
    async with session.client("user") as user:
        await user.publish(f"{ROOT}/memory/recall", json.dumps(greedy), 1)
    assert (await session.ask("Did anything move?"))["answer"]


def test_ask_finds_the_session_and_prints_the_documented_json(session: Session) -> None:
    done = session.house.run("ask", "Did anything move?", "--json")
    assert done.code == 0
    assert done.err == ""
    (answer,) = answers_in(done.out)
    assert answer["session"] == "robot"


def test_wrong_credentials_end_with_3_and_one_line(session: Session) -> None:
    broker = f"mqtt://127.0.0.1:{session.known['port']}"
    wrong = {"HEEDFUL_MQTT_USERNAME": "user", "HEEDFUL_MQTT_PASSWORD": "wrong"}
    done = session.house.run("ask", "What moved?", "--broker", broker, env=wrong)
    assert done.code == 3
    assert "refused user: " in done.line
    assert "check user and password" in done.line
    config = session.house.folder / "guest.yaml"
    config.write_text(f"session: guest\nbroker: {broker}\nstreams: {{front: {{source: mqtt, kind: image}}}}\n")
    done = session.house.run("run", config, env=wrong)
    assert done.code == 3
    assert "check user and password" in done.line


def test_a_second_run_of_the_same_session_ends_with_3(session: Session) -> None:
    says = f"heedful: session 'robot' runs already, as process {session.process.pid}; stop it, or give this one another"
    done = session.house.run("run", session.config)
    assert done.code == 3
    assert done.line == f"{says} name"
    other = session.house.folder / "other.yaml"
    other.write_text(CONFIG.replace("session: robot", "session: other") + f"memory: {{folder: {session.memory}}}\n")
    done = session.house.run("run", other)
    assert done.code == 3
    assert done.line == (
        f"heedful: {session.memory} is being written by process {session.process.pid}; stop it, or name another folder"
    )
    elsewhere = session.house.folder / "elsewhere.yaml"
    elsewhere.write_text(CONFIG + f"memory: {{folder: {session.house.folder / 'elsewhere'}}}\n")
    done = session.house.run("run", elsewhere)
    assert done.code == 3
    assert f"session 'robot' runs already, as process {session.process.pid}" in done.err
    assert "Traceback" not in done.err
    assert session.known["pid"] == session.process.pid


async def test_a_killed_broker_comes_back_and_the_session_goes_on(session: Session) -> None:
    (pid,) = session.house.broker_pids()
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(aiomqtt.MqttError):
                async with session.client():
                    break
            await asyncio.sleep(0.05)
        await frames_pass(session)
        answer: dict[str, Any] = {}
        while not answer:  # what reaches the broker before reasoning is back is lost, and asked again
            with suppress(TimeoutError):
                async with asyncio.timeout(10.0):
                    answer = await session.ask("Did anything move?")
        assert answer["answer"]
    assert session.house.broker_pids() != [pid]


async def test_at_the_end_sigterm_gives_0_and_a_sound_memory(session: Session) -> None:
    await frames_pass(session)
    done = end(session.process, signal.SIGTERM)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert done.out == ""
    assert session.house.broker_pids() == []
    assert not (session.house.folder / "run" / "heedful" / "robot.json").exists()
    store = Store.open(session.memory)
    assert store.verify() == []
    assert store.stats().records["frame"] >= 1
    store.close()
