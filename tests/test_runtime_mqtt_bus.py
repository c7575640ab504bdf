"""What only a real broker can show: reconnects, redelivery, refusals, access rights, packets beyond every limit."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from runtime.broker import RECORDER, ROLES, PrivateBroker
from runtime.bus import LATEST, LOSSLESS, LOSSLESS_ROOM, filter_of
from runtime.errors import BusLost, MissingPart
from runtime.messages import KINDS, SERVICES, Media, MediaReply, Status, Stored
from runtime.mqtt_bus import Address, MqttBus
from tests.fakes import PATIENCE_S, SESSION, Cable, motion, private_broker, raw_client, running, utterance, watermark

pytestmark = pytest.mark.broker

UTTERANCES = filter_of(SESSION, "utterance")
WATERMARKS = filter_of(SESSION, "watermark")
MIB = 1024 * 1024


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[PrivateBroker]:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        yield broker


def a_bus(broker: PrivateBroker, name: str, cable: Cable | None = None, *, is_lossless: bool = False) -> MqttBus:
    """Return a connection that does not run yet; through the cable it can be cut."""
    address = broker.address(name)
    return MqttBus(replace(address, port=cable.port if cable else address.port), name, SESSION, is_lossless=is_lossless)


@pytest.fixture(autouse=True)
def _nothing_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A traceback in the log, as asyncio writes one for a callback that fails, is a failure."""
    yield
    assert not [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]


def kill(broker: PrivateBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)


async def connections_of(pid: int, port: int) -> list[socket.socket]:
    """Return this process's open sockets to a port."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            one = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        if one.family == socket.AF_INET and one.type == socket.SOCK_STREAM:
            try:
                is_ours = one.getpeername()[1] == port
            except OSError:
                is_ours = False
            if is_ours:
                found.append(one)
                continue
        one.close()
    return found


async def test_a_bus_finds_its_way_back_after_the_broker_was_killed(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        for round_trip in range(2):
            kill(broker)
            await asyncio.gather(memory.reconnected(round_trip + 1), perception.reconnected(round_trip + 1))
            await perception.publish(utterance(round_trip))
            assert (await anext(inbox)).message == utterance(round_trip)
        assert memory.generation == 3


async def test_a_publish_waits_for_the_broker_to_come_back(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        kill(broker)
        async with asyncio.TaskGroup() as group:
            for seq in range(5):
                group.create_task(perception.publish(utterance(seq)))
            await memory.reconnected(1)
            # what comes before memory is back finds no subscriber: only an outbox makes up for that
            group.create_task(perception.publish(utterance(5)))
            while (await anext(inbox)).message != utterance(5):
                pass


async def test_a_subscription_made_while_the_broker_dies_stands_on_the_next_connection(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        await asyncio.gather(memory.ready(PATIENCE_S), perception.ready(PATIENCE_S))
        kill(broker)
        inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        await memory.reconnected(1)
        await perception.reconnected(1)
        await perception.publish(utterance(1))
        assert (await anext(inbox)).message == utterance(1)


async def test_without_retry_a_lost_broker_is_told_at_once(broker: PrivateBroker) -> None:
    perception = a_bus(broker, "perception")
    async with running(perception):
        await perception.ready(PATIENCE_S)
        kill(broker)

        async def publish_on() -> None:
            while True:
                await perception.publish(utterance(1), retry=False)

        with pytest.raises(BusLost, match="utterance could not be sent"):
            await publish_on()


async def test_what_is_published_at_qos_0_while_the_broker_is_away_is_counted_and_not_queued(
    broker: PrivateBroker,
) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        inbox = await memory.subscribe(filter_of(SESSION, "motion"), WATERMARKS, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        kill(broker)
        seq = 0
        while not perception.dropped_qos0:
            await perception.publish(motion(seq))  # the first may still go into the dead connection
            seq += 1
        for _ in range(10):
            await perception.publish(motion(-1))
        assert perception.dropped_qos0 == perception.lost()["without broker"] == 11
        await asyncio.gather(memory.reconnected(1), perception.reconnected(1))
        await perception.publish(watermark(1))
        assert (await anext(inbox)).message == watermark(1)


async def test_a_stop_while_the_broker_is_away_ends_iterations_and_waiting_publishes(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    memory = a_bus(broker, "memory")
    async with running(memory):
        async with running(broker):
            inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        waiting = asyncio.create_task(memory.publish(Status(session="s", stream="memory", state="online", since_ns=0)))
        ending = asyncio.create_task(anext(inbox, None))
        await asyncio.sleep(0.05)
        memory.stop()
        with pytest.raises(BusLost):
            await waiting
        assert await ending is None


async def test_a_cancelled_publish_leaves_a_bus_that_works(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        for seq in range(60):
            publishing = asyncio.create_task(perception.publish(utterance(seq)))
            for _ in range(seq % 6):
                await asyncio.sleep(0)
            publishing.cancel()
            await asyncio.wait([publishing])
        await perception.publish(utterance(1000))
        heard = []
        while (message := (await anext(inbox)).message) != utterance(1000):
            heard.append(message)
        assert heard == [utterance(seq) for seq in range(60) if utterance(seq) in heard]  # some, in order, none twice


async def test_a_cancelled_publish_is_never_kept_from_ending(broker: PrivateBroker) -> None:
    # Python 3.11's wait_for, which aiomqtt uses, loses a cancellation that comes together with the PUBACK
    perception = a_bus(broker, "perception")

    async def publish_on() -> None:
        while True:
            await perception.publish(utterance(1))

    async with running(perception):
        await perception.ready(PATIENCE_S)
        for loops in range(100):
            publishing = asyncio.create_task(publish_on())
            for _ in range(loops % 20):
                await asyncio.sleep(0)
            publishing.cancel()
            _, late = await asyncio.wait([publishing], timeout=2.0)
            assert not late


async def test_a_cancelled_run_ends_at_any_moment(broker: PrivateBroker) -> None:
    for loops in range(0, 60, 2):
        bus = a_bus(broker, "memory")
        run = asyncio.create_task(bus.run())
        for _ in range(loops):
            await asyncio.sleep(0.001)
        run.cancel()
        _, late = await asyncio.wait([run], timeout=5.0)
        assert not late


async def test_what_was_not_acknowledged_comes_again_after_a_lost_connection(broker: PrivateBroker) -> None:
    async with Cable(broker.port) as cable:
        memory, perception = a_bus(broker, "memory", cable), a_bus(broker, "perception")
        async with running(memory, perception):
            inbox = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
            await perception.ready(PATIENCE_S)
            for seq in range(5):
                await perception.publish(utterance(seq))
            for seq in range(3):  # 0 and 1 are done, 2 is being worked on
                assert (await anext(inbox)).message == utterance(seq)
            await memory.publish(Stored(session=SESSION, ids=()))  # the broker has everything up to here
            cable.cut()
            await memory.reconnected(1)
            again = [(await anext(inbox)).message for _ in range(5)]
            assert again == [utterance(seq) for seq in (3, 4, 2, 3, 4)]


async def test_a_reply_that_comes_after_a_lost_connection_still_arrives(broker: PrivateBroker) -> None:
    async with Cable(broker.port) as cable:
        memory, user = a_bus(broker, "memory"), a_bus(broker, "user", cable)
        async with running(memory, user):
            inbox = await memory.subscribe(filter_of(SESSION, "media"), rule=LOSSLESS)
            await user.ready(PATIENCE_S)
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(user.request(Media(session=SESSION, record_id="r"), "media_reply", 10.0))
                delivery = await anext(inbox)
                cable.cut()
                reply = MediaReply(session=SESSION, record_id="r", payload=b"jpeg")
                await memory.publish(reply, to=delivery)
            assert asking.result() == reply
            assert user.generation == 2


async def test_a_reply_that_repeats_control_characters_does_not_cut_off_who_answers(broker: PrivateBroker) -> None:
    memory, user = a_bus(broker, "memory"), a_bus(broker, "user")
    async with running(memory, user):
        inbox = await memory.subscribe(filter_of(SESSION, "media"), rule=LOSSLESS)
        await user.ready(PATIENCE_S)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(user.request(Media(session=SESSION, record_id="a\x00\n"), "media_reply", 10.0))
            delivery = await anext(inbox)
            assert isinstance(delivery.message, Media)
            reply = MediaReply(session=SESSION, record_id=delivery.message.record_id, payload=b"jpeg")
            await memory.publish(reply, to=delivery)
        assert asking.result().kind == "media_reply"
        assert memory.generation == 1


@pytest.mark.parametrize("where", ["", "heedful/+/reply", "#", "$SYS/broker/version"])
async def test_an_impossible_response_topic_does_not_cut_off_who_answers(broker: PrivateBroker, where: str) -> None:
    memory = a_bus(broker, "memory")
    async with running(memory), raw_client(broker, "user") as client:
        inbox = await memory.subscribe(filter_of(SESSION, "media"), rule=LOSSLESS)
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = where
        await client.publish(f"heedful/v1/{SESSION}/memory/media", b'{"record_id": "r"}', 1, properties=properties)
        await memory.publish(MediaReply(session=SESSION, record_id="r", payload=b""), to=await anext(inbox))
        assert memory.generation == 1


async def test_a_new_delivery_is_not_held_up_by_one_that_waits_in_another_subscription(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception")
    async with running(memory, perception):
        stalled = await memory.subscribe(UTTERANCES, rule=LOSSLESS)
        marks = await memory.subscribe(WATERMARKS, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        for seq in range(LOSSLESS_ROOM - 1):
            await perception.publish(utterance(seq))
        await perception.publish(watermark(1))
        assert (await anext(marks)).message == watermark(1)
        assert len(stalled) == LOSSLESS_ROOM - 1


async def test_what_a_drop_rule_holds_takes_no_room_from_lossless_deliveries(broker: PrivateBroker) -> None:
    memory, perception = a_bus(broker, "memory"), a_bus(broker, "perception", is_lossless=True)  # all at QoS 1
    async with running(memory, perception):
        stalled = await memory.subscribe(filter_of(SESSION, "motion"), rule=LATEST)
        marks = await memory.subscribe(WATERMARKS, rule=LOSSLESS)
        await perception.ready(PATIENCE_S)
        for seq in range(2 * LOSSLESS_ROOM):
            await perception.publish(motion(seq, f"cam{seq}"))
        await perception.publish(watermark(1))
        assert (await anext(marks)).message == watermark(1)
        assert len(stalled) == 2 * LOSSLESS_ROOM


async def test_a_wrong_password_ends_in_one_line(broker: PrivateBroker) -> None:
    wrong = replace(broker.address("memory"), password="guessed")
    line = rf"^the broker at 127.0.0.1:{broker.port} refused memory: [^\n]+; check user and password$"
    with pytest.raises(MissingPart, match=line):
        await MqttBus(wrong, "memory", SESSION).run()


async def test_nobody_at_the_port_ends_in_one_line() -> None:
    with socket.socket() as taken:  # bound but not listening: nobody else gets the port, nobody answers
        taken.bind(("127.0.0.1", 0))
        bus = MqttBus(Address(host="127.0.0.1", port=taken.getsockname()[1]), "user", SESSION)
        async with running(bus):
            with pytest.raises(MissingPart, match=r"^no MQTT broker answers at 127\.0\.0\.1:\d+; [^\n]+$"):
                await bus.ready(0.3)


async def test_a_name_that_leads_nowhere_ends_in_one_line() -> None:
    bus = MqttBus(Address(host="broker.invalid", port=1883), "user", SESSION)
    async with running(bus):
        with pytest.raises(MissingPart, match=r"^no MQTT broker answers at broker\.invalid:1883; "):
            await bus.ready(0.3)


async def test_a_packet_beyond_the_brokers_limit_cuts_off_its_sender_and_nobody_else(broker: PrivateBroker) -> None:
    reasoning, user = a_bus(broker, "reasoning"), a_bus(broker, "user")
    async with running(reasoning, user):
        inbox = await reasoning.subscribe(filter_of(SESSION, "ask"), rule=LOSSLESS)
        await user.ready(PATIENCE_S)
        async with raw_client(broker, "user") as client:
            with pytest.raises(aiomqtt.MqttError, match="timed out"):
                await client.publish(f"heedful/v1/{SESSION}/_/ask", bytes(2 * MIB + 1), 1, timeout=0.5)
            with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
                await anext(client.messages)
        async with raw_client(broker, "user") as another:
            await another.publish(f"heedful/v1/{SESSION}/_/ask", b'{"question": "still there?"}', 1)
        assert (await anext(inbox)).topic == f"heedful/v1/{SESSION}/_/ask"
        assert (reasoning.generation, user.generation) == (1, 1)


async def test_small_packets_leave_at_once(broker: PrivateBroker) -> None:
    memory = a_bus(broker, "memory")
    async with running(memory):
        await memory.ready(PATIENCE_S)
        connections = await connections_of(os.getpid(), broker.port)
        assert connections
        for one in connections:
            with one:
                assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_service_says_when_it_comes_goes_and_is_lost(broker: PrivateBroker) -> None:
    user = a_bus(broker, "user")
    async with running(user):
        inbox = await user.subscribe(filter_of(SESSION, "status", "memory"), rule=LOSSLESS)

        async def state() -> str:
            status = (await anext(inbox)).message
            assert isinstance(status, Status)
            return status.state

        async with Cable(broker.port) as cable, running(a_bus(broker, "memory", cable)):
            assert await state() == "online"
            cable.cut()
            assert await state() == "lost"
            assert await state() == "online"
        assert await state() == "offline"


def may_send(role: str, kind: str, stream: str) -> bool:
    """Say from the message table alone whether a role may publish a kind on a stream."""
    if KINDS[kind].is_reply and kind not in ("answer", "answer_part"):
        return False  # goes to a response topic and nowhere else
    speaks_for_itself = kind in ("status", "metrics", "dead-letter", "progress")
    return role in KINDS[kind].senders and (stream == role or not speaks_for_itself)


def may_read(role: str, kind: str) -> bool:
    is_public = not KINDS[kind].is_reply or kind in ("answer", "answer_part")
    return is_public and (role in KINDS[kind].receivers or role == RECORDER)


async def test_the_broker_lets_each_role_send_and_read_what_the_message_table_says(broker: PrivateBroker) -> None:
    # every role sends every kind on its own stream and on reasoning's; every role listens to everything
    readers = {role: raw_client(broker, role, f"reader-{role}") for role in ROLES}
    heard: dict[str, set[tuple[str, str, str]]] = {role: set() for role in ROLES}

    async def listen(role: str) -> None:
        async for message in readers[role].messages:
            if message.topic.value.endswith("/reply"):
                return
            assert isinstance(message.payload, bytes)
            if not message.retain:
                stream, kind = message.topic.value.split("/")[3:]
                heard[role].add((message.payload.decode(), kind, stream))

    async def send_everything(role: str) -> None:
        async with raw_client(broker, role) as client:
            for kind in KINDS:
                for stream in {role, "reasoning"}:
                    await client.publish(f"heedful/v1/{SESSION}/{stream}/{kind}", role, 1)

    for reader in readers.values():
        await reader.__aenter__()
        await reader.subscribe("heedful/v1/#", 1)
    for role in ROLES:
        await send_everything(role)
    async with asyncio.TaskGroup() as group:
        for role in ROLES:
            group.create_task(listen(role))
        async with raw_client(broker, "memory") as memory:
            for role in ROLES:
                await memory.publish(f"heedful/v1/{SESSION}/reader-{role}/reply", b"the end", 1)
    for reader in readers.values():
        await reader.__aexit__(None, None, None)
    for reader_role in ROLES:
        assert heard[reader_role] == {
            (role, kind, stream)
            for role in ROLES
            for kind in KINDS
            for stream in (role, "reasoning")
            if may_send(role, kind, stream) and may_read(reader_role, kind)
        }


async def test_replies_are_written_by_those_who_answer_and_read_by_their_asker_alone(broker: PrivateBroker) -> None:
    heard: list[str] = []
    async with raw_client(broker, "user", "asker") as asker, raw_client(broker, "user", "other") as other:
        for client in (asker, other):
            await client.subscribe("heedful/v1/+/+/reply", 1)
        for role in ROLES:
            async with raw_client(broker, role) as client:
                await client.publish(f"heedful/v1/{SESSION}/asker/reply", role, 1)
        async with raw_client(broker, "reasoning") as reasoning:
            await reasoning.publish(f"heedful/v1/{SESSION}/asker/reply", "end", 1)
            await reasoning.publish(f"heedful/v1/{SESSION}/other/reply", "end", 1)
        async for message in asker.messages:
            assert isinstance(message.payload, bytes)
            heard.append(message.payload.decode())
            if heard[-1] == "end":
                break
        async for message in other.messages:
            assert message.topic.value.endswith("/other/reply")
            break
    answering = {role for role in ROLES for kind in KINDS.values() if kind.is_reply and role in kind.senders}
    assert {*heard[:-1]} == answering
    assert answering < {*SERVICES}


async def test_nothing_outside_its_own_root_is_open_to_anybody(broker: PrivateBroker) -> None:
    async with raw_client(broker, "user") as user:
        await user.subscribe("#", 1)
        await user.subscribe("$SYS/#", 1)
        for role in ROLES:
            async with raw_client(broker, role) as client:
                for topic in ("elsewhere", "heedful/v2/s/_/ask", "heedful/v1/s/ask", "heedful/v1/s/_/ask/more"):
                    await client.publish(topic, b"hello", 1)
        await user.publish(f"heedful/v1/{SESSION}/_/ask", b"the end", 1)
        async for message in user.messages:
            assert message.payload == b"the end"
            break


async def test_a_lost_broker_is_logged_in_one_line_per_attempt(
    broker: PrivateBroker, caplog: pytest.LogCaptureFixture
) -> None:
    memory = a_bus(broker, "memory")
    with caplog.at_level(logging.WARNING):
        async with running(memory):
            await memory.ready(PATIENCE_S)
            kill(broker)
            await memory.reconnected(1)
    ours = [record.getMessage() for record in caplog.records if record.name == "runtime.mqtt_bus"]
    assert 1 <= len(ours) <= 10
    assert all(line.startswith("memory ") and "\n" not in line and "next attempt" in line for line in ours)


async def test_a_connection_that_is_cancelled_while_the_broker_hesitates_is_closed() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        asked.set()
        while await reader.read(64):
            pass
        left.set()
        writer.close()

    async with await asyncio.start_server(hesitate, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connecting = asyncio.create_task(MqttBus(Address(host="127.0.0.1", port=port), "memory", SESSION).run())
        await asked.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await left.wait()
