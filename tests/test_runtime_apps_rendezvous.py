"""Where running sessions are found, and what stale, foreign and broken files there do: nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.apps.rendezvous import announced, find, refuse_second, running_sessions
from runtime.broker import PrivateBroker
from runtime.errors import MissingPart


@pytest.fixture
def broker(tmp_path: Path) -> PrivateBroker:
    return PrivateBroker(tmp_path / "broker", "mosquitto")


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "heedful"


def test_a_session_is_found_while_it_runs(broker: PrivateBroker) -> None:
    with announced("one", broker):
        found = find(None)
        assert (found.session, found.pid, found.address.port) == ("one", os.getpid(), broker.port)
        assert found.address.password == broker.passwords["user"]
        assert find("one") == found
    with pytest.raises(MissingPart, match="no session runs on this machine"):
        find(None)


def test_its_files_are_for_its_user_only(broker: PrivateBroker, runtime_folder: Path) -> None:
    with announced("one", broker) as options:
        assert stat.S_IMODE(runtime_folder.stat().st_mode) == 0o700
        for path in (options, runtime_folder / "one.json"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert options.read_text() == f"-h 127.0.0.1 -p {broker.port} -u user -P {broker.passwords['user']}\n"
    assert list(runtime_folder.iterdir()) == []


def test_of_several_sessions_one_must_be_named(broker: PrivateBroker, tmp_path: Path) -> None:
    other = PrivateBroker(tmp_path / "other", "mosquitto")
    with announced("one", broker), announced("two", other):
        with pytest.raises(MissingPart, match=r"one, two\); choose one with --session"):
            find(None)
        assert find("two").address.port == other.port
        with pytest.raises(MissingPart, match="no running session 'three'"):
            find("three")


def test_of_a_session_that_died_its_death_is_told(runtime_folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    runtime_folder.mkdir()
    entry = {"session": "dead", "pid": process.pid, "host": "127.0.0.1", "port": 1, "passwords": {"user": "x"}}
    (runtime_folder / "dead.json").write_text(json.dumps(entry))
    for name in (None, "dead"):
        with pytest.raises(MissingPart, match=rf"session 'dead' \(process {process.pid}\) died without a word; start"):
            find(name)
    with pytest.raises(MissingPart, match="no running session 'other'"):
        find("other")
    assert not list(running_sessions())
    refuse_second("dead")  # nobody is there


def test_a_second_session_of_a_name_is_refused(broker: PrivateBroker, runtime_folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    runtime_folder.mkdir()
    entry = {"session": "one", "pid": process.pid, "host": "127.0.0.1", "port": 1, "passwords": {"user": "x"}}
    (runtime_folder / "one.json").write_text(json.dumps(entry))
    with pytest.raises(MissingPart, match=f"session 'one' runs already, as process {process.pid}"):
        refuse_second("one")
    refuse_second("two")
    process.communicate()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "{}", '{"pid": "x"}', '{"pid": 1e400}', '{"pid": 999999999999999999999}', "\x00"]
)
def test_a_broken_file_there_is_passed_over(text: str, runtime_folder: Path, broker: PrivateBroker) -> None:
    with announced("one", broker):
        (runtime_folder / "broken.json").write_text(text)
        assert [one.session for one in running_sessions()] == ["one"]


def test_a_file_without_passwords_is_passed_over(runtime_folder: Path) -> None:
    runtime_folder.mkdir()
    (runtime_folder / "odd.json").write_text(json.dumps({"session": "odd", "pid": os.getpid(), "passwords": None}))
    assert list(running_sessions()) == []


def test_a_second_session_of_one_name_is_refused(broker: PrivateBroker, runtime_folder: Path) -> None:
    runtime_folder.mkdir()
    entry = {"session": "one", "pid": os.getppid(), "host": "127.0.0.1", "port": 1, "passwords": {"user": "x"}}
    (runtime_folder / "one.json").write_text(json.dumps(entry))
    with pytest.raises(MissingPart, match=f"'one' runs already, as process {os.getppid()}"), announced("one", broker):
        pass
    assert find("one").pid == os.getppid()
