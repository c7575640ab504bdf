"""Where a running session leaves its address for `ask`, `doctor` and mosquitto's own tools: files only its user reads.

`<session>.json` holds host, port, passwords and process id; `<session>.mqtt` holds what a user needs of it as options
of mosquitto_sub and mosquitto_pub.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.broker import PrivateBroker
from runtime.config import runtime_folder
from runtime.errors import MissingPart
from runtime.mqtt_bus import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendezvous:
    """A running session and how to reach it as a user."""

    session: str
    pid: int
    address: Address


def refuse_second(session: str) -> None:
    """Raise MissingPart where another process runs a session of this name."""
    for other in running_sessions():
        if other.session == session and other.pid != os.getpid():
            raise MissingPart(
                f"session {session!r} runs already, as process {other.pid}", "stop it, or give this one another name"
            )


@contextmanager
def announced(session: str, broker: PrivateBroker) -> Iterator[Path]:
    """Leave the address while the session runs; yields the file with mosquitto's options.

    Raises MissingPart where another process runs a session of this name.
    """
    refuse_second(session)
    folder = runtime_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    entry, options = folder / f"{session}.json", folder / f"{session}.mqtt"
    user = broker.address("user")
    known = {
        "session": session,
        "pid": os.getpid(),
        "host": user.host,
        "port": user.port,
        "passwords": broker.passwords,
    }
    _write(entry, json.dumps(known))
    _write(options, f"-h {user.host} -p {user.port} -u user -P {user.password}\n")
    try:
        yield options
    finally:
        for path in (entry, options):
            path.unlink(missing_ok=True)


def find(session: str | None) -> Rendezvous:
    """Return the running session of a name, or the one that runs. Raises MissingPart."""
    announced_here = [one for one in _announced() if session in (None, one.session)]
    running = [one for one in announced_here if _is_alive(one.pid)]
    if not running and announced_here:
        died = " and ".join(f"session {one.session!r} (process {one.pid})" for one in announced_here)
        raise MissingPart(f"{died} died without a word", "start it again; what it called stored is there")
    if not running:
        what = f"no running session {session!r} on this machine" if session else "no session runs on this machine"
        raise MissingPart(what, "start one with `heedful run CONFIG` (with mosquitto installed), or name --broker URL")
    if len(running) > 1:
        names = ", ".join(one.session for one in running)
        raise MissingPart(f"several sessions run here ({names})", "choose one with --session")
    return running[0]


def running_sessions() -> Iterator[Rendezvous]:
    """Yield the sessions whose process is alive."""
    return (one for one in _announced() if _is_alive(one.pid))


def is_running(one: Rendezvous) -> bool:
    """Say whether this very session still runs."""
    return one in running_sessions()


def _announced() -> Iterator[Rendezvous]:
    folder = runtime_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            password = known["passwords"]["user"]
            address = Address(host=known["host"], port=known["port"], username="user", password=password)
            found = Rendezvous(session=known["session"], pid=int(known["pid"]), address=address)
        except (OSError, OverflowError, ValueError, KeyError, TypeError):
            continue  # the file is not ours
        yield found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
