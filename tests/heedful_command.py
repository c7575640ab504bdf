"""Heedful as a person starts it: the command in a process and a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HEEDFUL = (sys.executable, "-m", "runtime.apps.cli")
REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr, without a traceback."""
        assert "Traceback" not in self.err, self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


class House:
    """A folder that stands for a user's home; nothing leaves it."""

    def __init__(self, folder: Path) -> None:
        """Make the folders that programs expect."""
        self.folder = folder
        self.env = {**os.environ, "HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        for name, place in (("XDG_DATA_HOME", "data"), ("XDG_RUNTIME_DIR", "run"), ("TMPDIR", "tmp")):
            (folder / place).mkdir()
            self.env[name] = str(folder / place)

    def run(self, *arguments: str | Path, env: Mapping[str, str] = {}, stdout: int | Path = subprocess.PIPE) -> Done:
        """Run one command to its end; `stdout` is where it writes instead of to us."""
        place = os.open(stdout, os.O_WRONLY) if isinstance(stdout, Path) else stdout
        done = subprocess.run(
            [*HEEDFUL, *map(str, arguments)],
            cwd=REPOSITORY,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=place,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if isinstance(stdout, Path):
            os.close(place)
        return Done(done.returncode, done.stdout or "", done.stderr)

    @contextmanager
    def started(
        self, *arguments: str | Path, env: Mapping[str, str] = {}, stdin: int | IO[bytes] = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; it is killed with the block if it still runs."""
        with subprocess.Popen(
            [*HEEDFUL, *map(str, arguments)],
            cwd=REPOSITORY,
            env={**self.env, **env},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                for pid in self.broker_pids():  # what a killed parent left behind
                    os.kill(pid, signal.SIGKILL)

    def broker_pids(self) -> list[int]:
        """Return the mosquittos whose configuration stands in this house."""
        place = self.env["TMPDIR"]
        listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
        lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
        return [int(pid) for pid, command in lines if "mosquitto" in command and place in command]


def wait_for(stream: Iterator[str] | None, text: str) -> list[str]:
    """Read lines until one holds the text; return them all."""
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"ended without {text!r}: {''.join(lines)}")


def end(process: subprocess.Popen[str], number: signal.Signals, limit_s: float = 30.0) -> Done:
    """Send a signal and wait for the end; what was read before is not part of the result."""
    process.send_signal(number)
    out, err = process.communicate(timeout=limit_s)
    return Done(process.returncode, out, err)
