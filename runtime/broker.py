"""A private mosquitto: a free loopback port, a random password per role, an ACL from the message table, restarted when
it dies, on the same port with the same passwords.

mosquitto promises nothing at kill -9 (measured: it loses all it acknowledged), so lossless producers keep an outbox.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runtime.errors import MissingPart
from runtime.left_behind import hold
from runtime.messages import KINDS, SERVICES
from runtime.mqtt_bus import Address
from runtime.wire import ROOT

logger = logging.getLogger(__name__)

PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
RECORDER = "recorder"  # hears everything but replies to others, and says nothing
ROLES = (*SERVICES, "user", "robot", RECORDER)
STARTS = 3  # attempts before a mosquitto that never came up is given up
# A service says these of itself only.
OWN_STREAM = ("status", "metrics", "dead-letter", "progress", "answer_part", "alert")
HASH_ROUNDS = 101  # mosquitto's own default: these passwords are random and live as long as one run
MIB = 1024 * 1024


def find_mosquitto() -> str | None:
    """Return mosquitto's path, or None where it is not installed."""
    return shutil.which("mosquitto") or next(
        (str(Path(place) / "mosquitto") for place in PLACES if os.access(Path(place) / "mosquitto", os.X_OK)), None
    )


def how_to_install() -> str:
    """Return the line that brings mosquitto to this machine."""
    return "brew install mosquitto" if sys.platform == "darwin" else "sudo apt-get install mosquitto"


class PrivateBroker:
    """A mosquitto of our own for one run; `run` starts it and keeps it alive until `stop`."""

    name = "broker"

    def __init__(self, folder: Path, program: str) -> None:
        """Prepare configuration, passwords and ACL in `folder` (made with mode 0700)."""
        self.folder = folder
        self.port = _free_port()
        self.passwords = {role: secrets.token_urlsafe(18) for role in ROLES}
        self.restarts = 0
        self._program = program
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._up = asyncio.Event()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._lock = hold(folder)
        _write_private(folder / "passwords", _password_file(self.passwords))
        _write_private(folder / "acl", acl_text())
        _write_private(folder / "mosquitto.conf", _configuration(folder, self.port))

    def address(self, role: str) -> Address:
        """Return where and how a role connects."""
        return Address(host="127.0.0.1", port=self.port, username=role, password=self.passwords[role])

    async def ready(self, deadline_s: float) -> None:
        """Wait until it accepts connections. Raises MissingPart after `deadline_s`."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._up.wait()
        except TimeoutError as error:
            raise MissingPart(f"mosquitto did not start on port {self.port}", "start again to try another") from error

    async def run(self) -> None:
        """Start mosquitto and start it again whenever it ends before `stop`; then remove its folder.

        Raises MissingPart when it never comes up.
        """
        try:
            await self._keep_alive()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)

    async def _keep_alive(self) -> None:
        while not self._stopping.is_set():
            self._process = await asyncio.create_subprocess_exec(
                *_ends_with_us(),
                self._program,
                "-c",
                str(self.folder / "mosquitto.conf"),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches us first: services drain through the broker
            )
            try:
                await self._watch(self._process)
            finally:
                if self._process.returncode is None:
                    self._process.kill()
                    await self._process.wait()
            if not self._up.is_set() and self.restarts >= STARTS:
                raise MissingPart(f"mosquitto does not start on port {self.port}", "start again to try another")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(process.wait(), name="mosquitto")
            stopping = group.create_task(self._stopping.wait(), name="broker stop")
            rising = group.create_task(self._rise(), name="broker start")
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            rising.cancel()
            stopping.cancel()
            if self._stopping.is_set():
                with suppress(ProcessLookupError):  # it may have died by itself at this very moment
                    process.terminate()
            else:
                self.restarts += 1
                logger.warning("mosquitto ended with %s; starting it again on port %d", process.returncode, self.port)
                await asyncio.sleep(min(0.1 * self.restarts, 2.0))

    async def _rise(self) -> None:
        while not await self._answers():  # noqa: ASYNC110 - another program is what it waits for
            await asyncio.sleep(0.02)
        self._up.set()

    async def _answers(self) -> bool:
        """Say whether what listens on our port takes our password: another program may have been faster."""
        try:
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(_connect_packet("user", self.passwords["user"]))
                    acknowledgement = await reader.readexactly(4)
                finally:
                    writer.close()
        except (OSError, EOFError):
            return False
        return acknowledgement == b"\x20\x02\x00\x00"

    def stop(self) -> None:
        """Let mosquitto end."""
        self._stopping.set()

    @property
    def pid(self) -> int | None:
        """The process id of the running mosquitto."""
        return self._process.pid if self._process else None


def _ends_with_us() -> tuple[str, ...]:
    """Return what to put before a command so that it does not outlive a kill -9 of ours (Linux only)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv is not None and sys.platform == "linux" else ()


def acl_text() -> str:
    """Return mosquitto's ACL file: each role may send and read what the message table says, and nothing else."""
    lines = []
    for role in ROLES:
        lines.append(f"user {role}")
        for name, kind in KINDS.items():
            stream = role if name in OWN_STREAM else "+"
            if role in kind.senders and not kind.is_reply:
                lines.append(f"topic write {ROOT}/+/{stream}/{name}")
            if (role in kind.receivers or role == RECORDER) and not kind.is_reply:
                lines.append(f"topic read {ROOT}/+/+/{name}")
        if any(role in kind.senders for kind in KINDS.values() if kind.is_reply):
            lines.append(f"topic write {ROOT}/+/+/reply")
        if role == "reasoning":
            lines.append(f"topic write {ROOT}/+/reasoning/answer")  # to everybody, beside the reply
        if role in ("user", "robot", RECORDER):
            lines.append(f"topic read {ROOT}/+/reasoning/answer")
        lines.append("")
    lines.append(f"pattern read {ROOT}/+/%c/reply")
    return "\n".join(lines) + "\n"


def _configuration(folder: Path, port: int) -> str:
    return "\n".join(
        (
            f"listener {port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {folder / 'passwords'}",
            f"acl_file {folder / 'acl'}",
            "persistence true",
            f"persistence_location {folder}/",
            "set_tcp_nodelay true",
            "max_queued_messages 10000",
            f"max_queued_bytes {256 * MIB}",
            "max_inflight_messages 100",
            f"max_packet_size {2 * MIB}",
            f"log_dest file {folder / 'mosquitto.log'}",
            "log_type error",
            "log_type warning",
            *(["user root"] if os.geteuid() == 0 else []),  # else it drops to a user who cannot read this folder
            "",
        )
    )


def _connect_packet(role: str, password: str) -> bytes:
    """Return MQTT 3.1.1's CONNECT: its header, an empty client id, user and password."""
    texts = b"".join(len(text).to_bytes(2, "big") + text.encode() for text in ("", role, password))
    body = b"\x00\x04MQTT\x04\xc2\x00\x05" + texts
    return bytes((0x10, len(body))) + body


def _password_file(passwords: Mapping[str, str]) -> str:
    """Return mosquitto's password file; `$7$` is PBKDF2 with SHA-512."""
    lines = []
    for role, password in passwords.items():
        salt = secrets.token_bytes(12)
        digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS)
        shown = [base64.b64encode(part).decode() for part in (salt, digest)]
        lines.append(f"{role}:$7${HASH_ROUNDS}${shown[0]}${shown[1]}")
    return "\n".join(lines) + "\n"


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
