"""What is missing, taken, broken or interrupted around a run: the documented exit code, one line, nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from memory.store import FILE_NAME, Store
from runtime import broker
from runtime.apps import cli
from runtime.apps.page import write_page
from runtime.errors import ConfigError
from tests.answer_schema import answers_in
from tests.fakes import PATIENCE_S
from tests.heedful_command import House, end, wait_for
from tests.odd_media import film

LOCAL = "broker: local\nperception: {asr: none}\n"
CAMERA = "lavfi:testsrc=size=160x120:rate=10"
is_root = os.geteuid() == 0


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("movies") / "both.mkv", length_s=6)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def replay(movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Replay in this process; returns exit code, stdout and stderr."""

    def run(*arguments: str | Path, config: str = LOCAL) -> tuple[int, str, str]:
        path = tmp_path / "config.yaml"
        path.write_text(config)
        code = cli.run(["replay", str(movie), "--config", str(path), *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def sound_records(folder: Path) -> list[str]:
    """Return the ids of a memory's records, after looking whether it is sound."""
    store = Store.open(folder)
    assert store.verify() == []
    keys = [key for (key,) in store.connection().execute("SELECT key FROM record ORDER BY key")]
    store.close()
    return keys


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of that size, where this process may; else skip."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_no_half_of_a_page_stays_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16k") as disk:
        with pytest.raises(ConfigError, match=r"page\.html cannot be written: No space left on device"):
            write_page(disk / "page.html", "x" * 20_000)
        assert not list(disk.iterdir())
        write_page(disk / "page.html", "it fits")
        assert (disk / "page.html").read_text(encoding="utf-8") == "it fits"


# The memory folder.


def test_a_memory_in_use_ends_with_3(replay: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    owner = Store.open(tmp_path / "memory")
    code, _, err = replay("--memory", tmp_path / "memory")
    owner.close()
    assert code == 3
    assert err == (
        f"heedful: {tmp_path / 'memory'} is being written by process {os.getpid()}; stop it, or name another folder\n"
    )
    assert replay("--memory", tmp_path / "memory")[0] == 0


def test_a_memory_that_cannot_be_made_ends_with_2(replay: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/heedful")):
        code, _, err = replay("--memory", folder)
        assert code == 2
        assert err.startswith(f"heedful: {folder}: cannot hold a memory: ")
        assert err.count("\n") == 1


def test_a_memory_that_may_only_be_read_ends_with_its_name(
    replay: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    if is_root:
        with small_disk(tmp_path / "disk", "8m") as folder:
            Store.open(folder).close()
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            code, _, err = replay("--memory", folder)
    else:
        folder = tmp_path / "disk"
        Store.open(folder).close()
        for path in (*folder.iterdir(), folder):
            path.chmod(0o500)
        code, _, err = replay("--memory", folder)
        folder.chmod(0o700)
    assert code in (2, 3)
    assert err.startswith(f"heedful: {folder}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("size", ["100k", "300k"])
def test_a_full_disk_ends_with_3_and_what_was_called_stored_is_there(
    size: str, replay: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        code, _, err = replay("--memory", disk / "memory")
        assert code == 3
        assert "Traceback" not in err
        assert "disk" in err
        assert len(err.splitlines()) == 1
        if (disk / "memory" / FILE_NAME).exists():
            copy = tmp_path / "copy"
            shutil.copytree(disk / "memory", copy)
            with_room = Store.open(copy)
            assert with_room.verify() == []
            with_room.close()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"this is no database, only a text of some length " * 100, "damaged or not a memory"),
        (b"SQLite format 3\x00" + bytes(5000), "damaged or not a memory"),
    ],
)
def test_a_broken_memory_file_ends_with_1_and_stays_as_it_was(
    content: bytes, says: str, replay: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    code, _, err = replay("--memory", tmp_path)
    assert code == 1
    assert err.startswith(f"heedful: {tmp_path / FILE_NAME}: ")
    assert says in err
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_a_newer_or_foreign_memory_ends_with_1(
    replay: Callable[..., tuple[int, str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.open(tmp_path / "newer").close()
    db = apsw.Connection(str(tmp_path / "newer" / FILE_NAME))
    db.pragma("user_version", 99)
    db.close()
    (tmp_path / "foreign").mkdir()
    db = apsw.Connection(str(tmp_path / "foreign" / FILE_NAME))
    db.execute("CREATE TABLE shopping (what)")
    db.close()
    for name, says in (("newer", "written by a newer Heedful"), ("foreign", "not a memory of Heedful")):
        code, _, err = replay("--memory", tmp_path / name)
        assert code == 1
        assert says in err
        assert err.count("\n") == 1
        assert cli.run(["memory", "verify", str(tmp_path / name)]) == 1
        assert "Traceback" not in capsys.readouterr().err


def test_a_question_after_the_end_is_asked_at_the_end_and_said_so(
    replay: Callable[..., tuple[int, str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    code, out, _ = replay("--ask-at", "500", "What moved?", "--json")
    assert code == 0
    (answer,) = answers_in(out)
    assert caplog.messages == [f"500 s is after the end: asked at {answer['asked_s']:.1f} s"]


# What a machine may lack.


def test_without_mosquitto_one_line_says_so_and_the_replay_works(
    movie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(broker, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    config = tmp_path / "auto.yaml"
    config.write_text("perception: {asr: none}")
    asked = ["--ask", "When did something move?", "--json"]
    assert cli.run(["replay", str(movie), "--config", str(config), *asked]) == 0
    assert len(answers_in(capsys.readouterr().out)) == 1
    (line,) = caplog.messages
    assert line.startswith("no mosquitto here")
    assert "install mosquitto" in line
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert cli.run(["ask", "What moved?"]) == 3


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("cam: {source: camera, device: '77'}", "no camera 77 ("),
        ("cam: {source: camera, device: 'lavfi:nonsense'}", "no camera lavfi:nonsense ("),
        ("mic: {source: microphone, device: No such microphone}", "no microphone 'No such microphone' ("),
    ],
)
def test_a_device_that_is_not_there_ends_with_3(stream: str, says: str, house: House) -> None:
    config = house.folder / "device.yaml"
    config.write_text(f"broker: local\nperception: {{asr: none}}\nstreams: {{{stream}}}\n")
    done = house.run("run", config)
    assert done.code == 3
    assert done.line.startswith(f"heedful: {says}")
    assert "; connect one, " in done.line or "; name a source" in done.line


def test_of_several_missing_devices_all_are_named(house: House) -> None:
    config = house.folder / "devices.yaml"
    streams = "{cam: {source: camera, device: /dev/video77}, mic: {source: microphone, device: No such microphone}}"
    config.write_text(f"broker: local\nperception: {{asr: none}}\nstreams: {streams}\n")
    done = house.run("run", config)
    assert done.code == 3
    assert done.line.startswith("heedful: no camera /dev/video77 (")
    assert ") and no microphone 'No such microphone' (" in done.line


def test_without_portaudio_a_microphone_ends_with_3(house: House) -> None:
    lacking = house.folder / "lacking"
    lacking.mkdir()
    (lacking / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    config = house.folder / "mic.yaml"
    config.write_text("broker: local\nperception: {asr: none}\nstreams: {mic: {source: microphone}}\n")
    done = house.run("run", config, env={"PYTHONPATH": str(lacking)})
    assert done.code == 3
    assert done.line.startswith("heedful: PortAudio is not installed; ")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (LOCAL + "memory: {text_model: /no/such/encoder}", "/no/such/encoder"),
        ("broker: local\nperception: {asr: whisper, asr_model: /no/such/whisper}", "/no/such/whisper"),
    ],
)
def test_a_model_that_is_not_there_is_named(
    config: str, says: str, replay: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = replay(config=config)
    assert code in (1, 3)
    assert err.startswith("heedful: ")
    assert says in err
    assert err.count("\n") == 1


# Brokers of others.


@contextmanager
def somebody_else(greeting: bytes) -> Iterator[int]:
    """Listen as a program that is no broker: it says something, or nothing, and keeps the line open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                lines.append(line)
                if greeting:
                    line.sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for line in lines:
            line.close()


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silent", "web server"])
def test_a_port_taken_by_something_else_ends_with_3(
    greeting: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with somebody_else(greeting) as port:
        assert cli.run(["ask", "What moved?", "--broker", f"mqtt://127.0.0.1:{port}"]) == 3
    assert capsys.readouterr().err.startswith(f"heedful: no MQTT broker answers at 127.0.0.1:{port}; ")


@pytest.mark.slow
def test_a_broker_that_is_not_there_ends_with_3(replay: Callable[..., tuple[int, str, str]], house: House) -> None:
    with house.started("run", named_broker(house.folder / "live.yaml")) as live:
        code, _, err = replay(config="broker: mqtt://127.0.0.1:1\nperception: {asr: none}\n")
        assert code == 3
        assert err == "heedful: no MQTT broker answers at 127.0.0.1:1; start it, or set broker: auto\n"
        _, err = live.communicate(timeout=PATIENCE_S)
        assert live.returncode == 3
        assert err == "heedful: no MQTT broker answers at 127.0.0.1:1; start it, or set broker: auto\n"


def named_broker(config: Path) -> Path:
    config.write_text("broker: mqtt://127.0.0.1:1\nstreams: {front: {source: mqtt, kind: image}}\n")
    return config


# Ends.


@pytest.mark.broker
@pytest.mark.slow
def test_ctrl_c_ends_a_live_session_with_130_and_a_died_one_is_not_asked(house: House) -> None:
    config = house.folder / "camera.yaml"
    config.write_text(f"perception: {{asr: none}}\nstreams: {{cam: {{source: camera, device: '{CAMERA}'}}}}\n")
    with house.started("run", config) as process:
        wait_for(process.stderr, "mosquitto_sub")
        done = end(process, signal.SIGINT)
    told = [line for line in done.err.splitlines() if "did not drain in time" not in line]  # but on a busy machine
    assert (done.code, done.out, told) == (130, "", [])
    sound_records(house.folder / "data" / "heedful" / "memory" / "live")
    assert list((house.folder / "tmp").glob("heedful-*")) == []
    with house.started("run", config) as process:
        wait_for(process.stderr, "mosquitto_sub")
        end(process, signal.SIGKILL)
        done = house.run("ask", "What moved?")
        assert len(list((house.folder / "tmp").glob("heedful-broker-*"))) == 1
    assert done.code == 3
    assert done.line.startswith(f"heedful: session 'live' (process {process.pid}) died without a word; ")
    with house.started("run", config) as process:
        wait_for(process.stderr, "mosquitto_sub")
        assert len(list((house.folder / "tmp").glob("heedful-broker-*"))) == 1  # its own: the other one is swept
        end(process, signal.SIGINT)


@pytest.mark.slow
def test_without_a_broker_questions_come_from_stdin(house: House) -> None:
    config = house.folder / "camera.yaml"
    config.write_text(LOCAL + f"streams: {{cam: {{source: camera, device: '{CAMERA}'}}}}\n")
    questions = house.folder / "questions.txt"
    questions.write_bytes(b"Did anything move?\n\n\xff\xfe?\n" + b"x" * 100_000 + b"\nWhat just happened?")
    with questions.open("rb") as stdin, house.started("run", config, "--json", stdin=stdin) as process:
        lines = wait_for(process.stdout, '"question": "What just happened?"')
        done = end(process, signal.SIGTERM)
    assert done.code == 0
    assert [len(answer["question"]) for answer in answers_in("".join(lines))] == [18, 3, 2000, 19]


@pytest.mark.broker
@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_failure(house: House, movie: Path) -> None:
    with house.started("replay", movie, "--ask", "What moved?", "--ask", "What moved?", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()  # as `| head -0` does
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


class Interrupted:
    """Replays that are stopped with Ctrl-C at moments of their life."""

    def __init__(self, house: House, movie: Path, limit_s: float) -> None:
        self.house = house
        self.movie = movie
        self.limit_s = limit_s
        self.whole_s = self._run(None)  # how long one takes here and now

    def _run(self, at_s: float | None) -> float:
        memory = self.house.folder / "memory"
        shutil.rmtree(memory, ignore_errors=True)
        asked = ["--ask-at", "3", "When did something move?", "--ask", "What did you hear?", "--json"]
        start_s = time.monotonic()
        with self.house.started("replay", self.movie, "--memory", memory, "--speed", "4", *asked) as process:
            try:
                process.wait(at_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S if at_s is None else self.limit_s)
            ended_s = time.monotonic()
        if at_s is None:
            assert process.returncode == 0
            return ended_s - start_s
        if "KeyboardInterrupt" in err and "in main\n" not in err:
            return ended_s - start_s  # Python itself was still starting: nothing of ours had run
        assert "Traceback" not in err
        assert err == ""
        assert process.returncode in (0, 130)
        answers_in(out)
        if (memory / FILE_NAME).exists():
            sound_records(memory)
        assert self.house.broker_pids() == []
        return 0.0

    def at(self, share: float) -> None:
        """Interrupt after that share of a whole run."""
        self._run(max(0.2, share * self.whole_s))


@pytest.mark.slow
@pytest.mark.broker
def test_ctrl_c_ends_a_replay_at_any_moment(house: House, movie: Path) -> None:
    replays = Interrupted(house, movie, limit_s=10.0)  # 3 s on a machine of its own: heedful bench stop
    for share in (0.4, 0.8):
        replays.at(share)


@pytest.mark.soak
@pytest.mark.broker
def test_ctrl_c_ends_a_replay_at_any_moment_of_many(house: House, movie: Path) -> None:
    chance = random.Random(7)
    replays = Interrupted(house, movie, limit_s=10.0)
    for _ in range(200):
        replays.at(chance.uniform(0.0, 1.05))


class KilledBroker:
    """Replays whose broker is killed once or more on the way."""

    ASKED = ("--ask-at", "3", "When did something move?", "--ask", "What did you hear?", "--json")

    def __init__(self, house: House, movie: Path) -> None:
        self.house = house
        self.movie = movie
        self.answers, self.records = self._run([])

    def _run(self, kills_s: list[float]) -> tuple[list[dict[str, object]], list[str]]:
        memory = self.house.folder / "memory"
        shutil.rmtree(memory, ignore_errors=True)
        with self.house.started("replay", self.movie, "--memory", memory, "--speed", "4", *self.ASKED) as process:
            while kills_s and not self.house.broker_pids() and process.poll() is None:
                time.sleep(0.02)
            for pause_s in kills_s:
                time.sleep(pause_s)
                for pid in self.house.broker_pids():
                    os.kill(pid, signal.SIGKILL)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "Traceback" not in err
        answers = answers_in(out)
        for answer in answers:
            del answer["timing_ms"]
        return answers, sound_records(memory)

    def after(self, *kills_s: float) -> None:
        """Kill that long after the broker came up, and again; the replay must say and store the same."""
        answers, records = self._run(list(kills_s))
        assert records == self.records
        assert answers == self.answers


@pytest.mark.slow
@pytest.mark.broker
def test_a_killed_broker_changes_nothing_in_a_replay(house: House, movie: Path) -> None:
    KilledBroker(house, movie).after(0.6, 0.9)


@pytest.mark.soak
@pytest.mark.broker
def test_a_broker_killed_at_many_moments_changes_nothing_in_a_replay(house: House, movie: Path) -> None:
    chance = random.Random(11)
    replays = KilledBroker(house, movie)
    for _ in range(100):
        replays.after(*(chance.uniform(0.0, 2.5) for _ in range(chance.choice((1, 1, 2, 3)))))
