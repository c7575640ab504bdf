"""The private mosquitto: private files, loopback only, back on the same port with the same passwords after a kill."""

import asyncio
import os
import signal
import socket
import stat
from pathlib import Path

import aiomqtt
import pytest

from runtime.broker import ROLES, PrivateBroker, acl_text, find_mosquitto
from runtime.errors import MissingPart
from runtime.messages import KINDS
from tests.fakes import PATIENCE_S, private_broker, raw_client, running

pytestmark = pytest.mark.broker


async def enter(broker: PrivateBroker, role: str) -> None:
    """Connect as a role and leave again. Raises MqttError."""
    async with raw_client(broker, role):
        pass


async def killed(broker: PrivateBroker) -> int:
    """Kill mosquitto with -9 and return its process id when another one runs."""
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while broker.pid == pid:  # noqa: ASYNC110 - the process is what it waits for
        await asyncio.sleep(0.01)
    return pid


async def test_only_this_user_can_read_its_files(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        assert stat.S_IMODE(broker.folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in broker.folder.iterdir()}
    assert {"mosquitto.conf", "passwords", "acl"} <= modes.keys()
    assert {*modes.values()} == {0o600}


async def test_a_folder_that_others_can_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir(mode=0o755)
    assert stat.S_IMODE(private_broker(tmp_path).folder.stat().st_mode) == 0o700


async def test_passwords_are_random_and_never_stored_in_the_clear(tmp_path: Path) -> None:
    broker, other = private_broker(tmp_path), private_broker(tmp_path / "other")
    assert {*broker.passwords} == {*ROLES}
    assert len({*broker.passwords.values(), *other.passwords.values()}) == 2 * len(ROLES)
    for path in broker.folder.iterdir():
        assert not any(password in path.read_text() for password in broker.passwords.values())


async def test_every_role_enters_with_its_own_password_only(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        for role in ROLES:
            await enter(broker, role)
        broker.passwords["user"] = broker.passwords["robot"]
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            await enter(broker, "user")
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5):
                pass


async def test_nobody_outside_this_machine_can_connect(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        with socket.socket(socket.AF_INET6) as probe:
            assert probe.connect_ex(("::1", broker.port)) != 0
        with socket.socket() as probe:  # the whole of 127/8 is this machine, but only one address of it is listened on
            assert probe.connect_ex(("127.0.0.2", broker.port)) != 0
        assert f"listener {broker.port} 127.0.0.1\n" in (broker.folder / "mosquitto.conf").read_text()


async def test_after_a_kill_it_is_back_on_the_same_port_with_the_same_passwords(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        start_s = asyncio.get_running_loop().time()
        address = broker.address("memory")
        for _ in range(3):
            await killed(broker)
        while True:
            try:
                await enter(broker, "memory")
            except aiomqtt.MqttError:
                await asyncio.sleep(0.02)
            else:
                break
        assert broker.address("memory") == address
        assert broker.restarts == 3
        assert asyncio.get_running_loop().time() - start_s < PATIENCE_S


async def test_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        pid = broker.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_mosquitto_that_dies_at_the_moment_of_stop_is_no_fault(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    async with running(broker):
        await broker.ready(PATIENCE_S)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)


async def test_a_cancelled_run_leaves_no_process_behind(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    run = asyncio.create_task(broker.run())
    await broker.ready(PATIENCE_S)
    pid = broker.pid
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_port_that_another_program_took_ends_in_one_line(tmp_path: Path) -> None:
    broker = private_broker(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", broker.port))
        other.listen()
        with pytest.raises(MissingPart, match=rf"^mosquitto does not start on port {broker.port}; [^\n]+$"):
            await broker.run()
        with pytest.raises(MissingPart, match="mosquitto did not start"):
            await broker.ready(0.05)


async def test_a_mosquitto_that_cannot_run_ends_in_one_line(tmp_path: Path) -> None:
    broker = PrivateBroker(tmp_path / "broker", "/bin/false")
    with pytest.raises(MissingPart, match=r"^mosquitto does not start[^\n]+$"):
        await broker.run()


def test_mosquitto_is_found() -> None:
    path = find_mosquitto()
    assert path is not None
    assert os.access(path, os.X_OK)


def test_the_acl_names_every_role_and_every_kind() -> None:
    lines = acl_text().splitlines()
    assert [line.removeprefix("user ") for line in lines if line.startswith("user ")] == [*ROLES]
    named = {line.rsplit("/", 1)[-1] for line in lines if line.startswith("topic ")}
    replies_to_one = {"recalled", "media_reply", "erased"}  # these go nowhere but to their asker
    assert named == ({*KINDS} - replies_to_one) | {"reply"}
