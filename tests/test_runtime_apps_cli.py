"""The command line: what is wrong with a command ends in its documented exit code and one line that helps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memory.store import Store
from runtime.apps import cli
from runtime.errors import ConfigError, InputError, MissingPart
from tests.heedful_command import House

LONG = "x" * 100_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for a command that runs in this process."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("HEEDFUL_DATA", raising=False)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command that cannot work; return its exit code and its one line."""
    code = cli.run(list(arguments))
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    return code, line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required: VERB; see heedful --help"),
        (["dance"], "VERB: invalid choice: 'dance'"),
        (["replay"], "required: PATH; see heedful replay --help"),
        (["replay", "x.mp4", "--loud"], "unrecognized arguments: --loud"),
        (["replay", "x.mp4", "--ask-at", "5"], "--ask-at: expected 2 arguments"),
        (["run"], "required: CONFIG"),
        (["record", "robot"], "required: --out"),
        (["run", "robot", "robot"], "unrecognized arguments: robot"),
        (["memory", "polish", "x"], "invalid choice: 'polish'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = refused(capsys, *arguments)
    assert code == 2
    assert says in line


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e400", "fast", "", "0.001", "1001"])
def test_a_speed_that_is_none_is_named(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "replay", "x.mp4", f"--speed={speed}")
    assert code == 2
    assert line == f"heedful: --speed: {speed!r} is neither a number from 0.01 to 1000 nor max"


@pytest.mark.parametrize("at", ["-1", "nan", "inf", "soon", "1e10", ""])
def test_a_moment_that_is_none_is_named(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "replay", "x.mp4", "--ask-at", at, "What moved?")
    assert code == 2
    assert line == f"heedful: --ask-at: {at!r} is no time in seconds"


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), (" \t\n", "is empty"), (LONG, "100000 characters are no question; at most 2000")],
)
def test_a_question_that_is_none_is_refused(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name, arguments in (
        ("--ask", ["replay", "x.mp4", "--ask", text]),
        ("--ask-at", ["replay", "x.mp4", "--ask-at", "1", text]),
        ("TEXT", ["ask", text]),
    ):
        code, line = refused(capsys, *arguments)
        assert code == 2
        assert line.startswith(f"heedful: {name}: ")
        assert says in line


@pytest.mark.parametrize(
    "at",
    ["99:99", "tomorrow", "", "-inf", "-nan", "-1e300", "-", "0001-01-01", "2024-01-01T00:00:00+99:00", "2024-02-30"],
)
def test_a_time_that_is_none_is_named(at: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "ask", "What moved?", f"--at={at}")
    if at == "":
        assert code == 3  # as if it had been left out
        return
    assert code == 2
    assert line == f"heedful: --at: {at!r} is neither HH:MM[:SS], an ISO date and time, nor -SECONDS"


@pytest.mark.parametrize("at", ["1500-01-01", "9999-12-31T23:59:59+00:00", "-9000000000"])
def test_a_time_beyond_64_bits_is_named(at: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "ask", "What moved?", f"--at={at}")
    assert code == 2
    assert line == f"heedful: --at: {at!r} is before 1970 or after 2262"


@pytest.mark.parametrize("at", ["12:30", "12:30:59", "2026-01-02", "2026-01-02T03:04:05+02:00", "-5", "-0.5s"])
def test_a_good_time_goes_on_to_look_for_the_session(at: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "ask", "What moved?", f"--at={at}")
    assert code == 3
    assert line.startswith("heedful: no session runs on this machine; start one with `heedful run CONFIG`")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--broker", "http://x"], "--broker: 'http://x': write auto, local, mqtt://host:port"),
        (["--broker", "auto"], "--broker: 'auto' names no broker"),
        (["--broker", "mqtt://u:p@x"], "--broker: 'mqtt://u:p@x': write"),
        (["--broker", "mqtt://x", "--session", "a/b"], "--session: 'a/b': "),
        (["--broker", "mqtt://x", "--session", "+"], "--session: '+': "),
    ],
)
def test_a_broker_or_session_that_is_none_is_named(
    arguments: list[str], says: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = refused(capsys, "ask", "What moved?", *arguments)
    assert code == 2
    assert says in line


def test_without_a_session_ask_ends_with_3(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "ask", "What moved?", "--session", "mine") == (
        3,
        "heedful: no running session 'mine' on this machine; start one with `heedful run CONFIG` "
        "(with mosquitto installed), or name --broker URL",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("perceptoin: {}", "perceptoin: unknown key; did you mean perception?"),
        ("perception: {lmm_fsp: 3}", "perception.lmm_fsp: unknown key; did you mean lmm_fps?"),
        ("streams: {cam: {source: camera, devize: x}}", "streams.cam.devize: unknown key; did you mean device?"),
        ("perception: {lmm_fps: many}", "perception.lmm_fps: write a number (is 'many')"),
        ("perception: {lmm_fps: .nan}", "perception.lmm_fps: write a number that is finite"),
        ("perception: {lmm_fps: 0}", "perception.lmm_fps: write more than 0"),
        ("perception: null", "perception: "),
        ("streams: {cam: {source: telescope}}", "streams.cam: "),
        ("streams: {cam: {device: '0'}}", "streams.cam: "),
        ("streams: {cam: 3}", "streams.cam: "),
        ("streams: [cam]", "streams: "),
        ("streams: {memory: {source: camera}}", "streams: 'memory' is a service's name"),
        ("streams: {My Cam: {source: camera}}", "streams: 'My Cam': use lower-case letters"),
        ("session: 'a/b'", "session: 'a/b': use lower-case letters"),
        ("broker: mosquitto", "broker: write auto, local, mqtt://host:port"),
        ("reasoning: {backend: gpt}", "reasoning.backend: write evidence, transformers or openai"),
        ("perception: {asr: whisper}", "whisper needs perception.asr_model"),
        ("memory: {folder: 3}", "memory.folder: "),
        ("- 1", "must be a mapping"),
        ("just words", "must be a mapping"),
        ("a: [1,", "is not YAML"),
        ("a:\n\t- b", "is not YAML"),
        ("session: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_wrong_configuration_is_named_by_file_and_field(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    for verb in (["replay", "x.mp4", "--config", str(path)], ["run", str(path)]):
        code, line = refused(capsys, *verb)
        assert code == 2
        assert line.startswith(f"heedful: {path}: ")
        assert says in line


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "nowhere",
            "nowhere: no such file, and no shipped configuration of this name (live, lmm, rig, robot, server, spine)",
        ),
        ("nowhere.yaml", "nowhere.yaml: no such file"),
        ("sub/nowhere", "sub/nowhere: no such file"),
        (".", ".: is a folder, not a YAML file"),
        ("", ""),
    ],
)
def test_a_configuration_that_is_not_there_is_named(source: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "run", source)
    assert code == 2
    assert says in line


def test_a_configuration_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00session")
    code, line = refused(capsys, "run", str(path))
    assert code == 2
    assert f"{path}: cannot be read" in line


def test_a_live_session_without_streams_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "run", "spine")
    assert code == 2
    assert line == "heedful: streams: is empty; name at least one camera, microphone or mqtt stream"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["eval", "spine"], "--data: name the folder of sample data, or set HEEDFUL_DATA"),
        (["eval", "spine", "--data", "/nowhere"], "--data: /nowhere is no folder"),
        (["bench", "swim"], "NAME: 'swim' is no bench; known are"),
        (["memory", "stats", "/nowhere"], "/nowhere: holds no memory"),
        (["memory", "search", "/nowhere"], "TEXT: what to search for is missing"),
        (["memory", "search", "x", "y", "-k", "many"], "-k: 'many' is no whole number from 1 to 1000"),
        (["memory", "search", "x", "y", "-k", "9" * 5000], "is no whole number from 1 to 1000"),
        (["memory", "search", "x", "y", "-k", "0"], "-k: '0' is no whole number from 1 to 1000"),
        (["memory", "search", "x", "y", "--neighbours", "17"], "--neighbours: '17' is no whole number from 0 to 16"),
        (["memory", "search", "x", "y", "-k", "-3"], "-k: '-3' is no whole number from 1 to 1000"),
    ],
)
def test_what_a_verb_works_on_must_be_there(
    arguments: list[str], says: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = refused(capsys, *arguments)
    assert code == 2
    assert says in line


def test_a_known_error_is_found_in_groups_of_groups() -> None:
    wrong, missing = InputError("x.mp4", "is empty"), MissingPart("no broker", "start it")
    deep = ExceptionGroup("", [ExceptionGroup("", [ValueError("a bug"), wrong]), missing])
    assert cli.first_known(deep) is wrong
    assert cli.first_known(missing) is missing
    assert cli.first_known(ExceptionGroup("", [ValueError("a bug")])) is None
    assert cli.first_known(ExceptionGroup("", [BrokenPipeError()])) is not None
    assert (ConfigError.exit_code, InputError.exit_code, MissingPart.exit_code) == (2, 2, 3)


def test_help_goes_to_stdout_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(
        verb in shown
        for verb in ("demo", "run", "record", "replay", "ask", "memory", "eval", "data", "bench", "doctor")
    )


def test_the_process_ends_with_the_code_and_the_line(tmp_path: Path) -> None:
    done = House(tmp_path).run("memory", "stats", tmp_path / "nowhere")
    assert done.code == 2
    assert done.out == ""
    assert done.line.endswith("nowhere: holds no memory: memory.db is not there")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
def test_a_full_disk_behind_stdout_is_said(tmp_path: Path) -> None:
    done = House(tmp_path).run("memory", "stats", an_empty_memory(tmp_path / "memory"), stdout=Path("/dev/full"))
    assert done.code == 3
    assert done.line == "heedful: the output cannot be written (No space left on device); free some space"


def test_nobody_behind_stdout_is_no_failure(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = House(tmp_path).run("memory", "stats", an_empty_memory(tmp_path / "memory"), stdout=write_end)
    os.close(write_end)
    assert (done.code, done.err) == (0, "")


def an_empty_memory(folder: Path) -> Path:
    Store.open(folder).close()
    return folder
