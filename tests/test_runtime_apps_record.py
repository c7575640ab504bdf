"""`heedful record` as a person starts it: what a robot sends comes back from the file, and nothing is written twice."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime import wire
from runtime.apps import cli
from runtime.apps.record import recording
from runtime.config import Config
from runtime.errors import MissingPart
from runtime.jpeg import decode_jpeg
from runtime.messages import (
    Ask,
    AudioInput,
    CalibrationInput,
    EventsInput,
    ImageInput,
    ImuInput,
    Input,
    PoseInput,
    RadarInput,
)
from runtime.mqtt_bus import Address, MqttBus
from runtime.recording import buslog
from runtime.recording.contents import VIEW_ONLY, Pcm, Picture
from runtime.recording.mcap_writer import RECORDING
from runtime.recording.readers import decoder_for
from tests.fakes import PATIENCE_S, running
from tests.heedful_command import House, end, wait_for
from tests.recorded import library_rows, metadata_of, our_entries, our_rows

SESSION = "robot"
CONFIG = """\
session: robot
streams:
  cam: {source: camera, device: 'lavfi:testsrc=size=160x120:rate=10'}
  front: {source: mqtt, kind: image}
  cabin: {source: mqtt, kind: audio}
  radar: {source: mqtt, kind: radar}
  dvs: {source: mqtt, kind: events}
  odom: {source: mqtt, kind: pose}
  imu: {source: mqtt, kind: imu}
perception: {asr: none}
"""
LOCAL = """\
broker: local
streams: {cam: {source: camera, device: 'lavfi:testsrc=size=640x480:rate=30'}}
perception: {asr: none}
"""
ROUNDS = 20


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def inputs(start_ns: int) -> Iterator[Input]:
    """Yield what a robot sends, each with bytes of its own."""
    noise = random.Random(7)
    yield CalibrationInput(session=SESSION, stream="radar", position_m=(1.0, 0.0, 0.5))
    yield CalibrationInput(session=SESSION, stream="cam", width_px=160, height_px=120, camera=(1.0,) * 9)
    for number in range(1, ROUNDS + 1):
        said: dict[str, Any] = {"session": SESSION, "t_ns": start_ns + number, "seq": number}
        yield ImageInput(**said, stream="front", payload=noise.randbytes(5_000))
        yield AudioInput(**said, stream="cabin", rate_hz=48_000, channels=2, payload=noise.randbytes(4_000))
        yield RadarInput(**said, stream="radar", payload=bytes(20) * number)
        yield EventsInput(**said, stream="dvs", width_px=640, height_px=480, payload=noise.randbytes(3_000))
        yield PoseInput(**said, stream="odom", position_m=(float(number), 0.0, 0.0), orientation=(0.0, 0.0, 0.0, 1.0))
        yield ImuInput(**said, stream="imu", acceleration_mps2=(0.0, 0.0, 9.81), rotation_radps=(0.0, 0.0, 0.1))


async def send_and_ask(known: dict[str, Any], start_ns: int) -> None:
    """Send everything as a robot, then ask: when the answer comes all of it has passed."""
    address = Address(host=known["host"], port=known["port"], username="robot", password=known["passwords"]["robot"])
    robot = MqttBus(address, "robot", SESSION)
    async with running(robot):
        await robot.ready(PATIENCE_S)
        for message in inputs(start_ns):
            await robot.publish(message)
        await robot.request(Ask(session=SESSION, query_id="q", question="What moved?"), "answer", PATIENCE_S)


def read_back(path: Path) -> list[Input]:
    """Return the inputs in a recording, each as it was sent but for the number that its sender gave it."""
    found: list[Input] = []
    for channel, entry in our_entries(path)[0]:
        if VIEW_ONLY in channel.metadata or "heedful.stream" not in channel.metadata:
            continue
        stream = channel.metadata["heedful.stream"]
        if buslog.is_message(channel):
            calibration = buslog.from_entry(channel, entry)
            assert isinstance(calibration, CalibrationInput)
            found.append(calibration)
            continue
        decoder = decoder_for(channel)
        assert decoder is not None
        (content,) = decoder.decode(entry.data)
        match content:
            case Picture():
                found.append(
                    ImageInput(
                        session=SESSION, stream=stream, t_ns=content.t_ns, seq=entry.seq, payload=content.payload
                    )
                )
            case Pcm():
                found.append(
                    AudioInput(
                        session=SESSION, stream=stream, t_ns=content.t_ns, seq=entry.seq, rate_hz=content.rate_hz,
                        channels=content.channels, payload=content.payload,
                    )
                )  # fmt: skip
            case _:
                found.append(replace(content, session=SESSION, stream=stream, seq=entry.seq))
    return found


@pytest.mark.broker
@pytest.mark.slow
async def test_what_a_robot_sends_comes_back_byte_for_byte(house: House) -> None:
    config, path = house.folder / "robot.yaml", house.folder / "a.mcap"
    config.write_text(CONFIG)
    start_ns = time.time_ns()
    with house.started("record", config, "--out", path, "--bus") as process:
        wait_for(process.stderr, "mosquitto_sub")
        known = json.loads((house.folder / "run" / "heedful" / "robot.json").read_text())
        await send_and_ask(known, start_ns)
        done = end(process, signal.SIGINT)
    assert done.code == 0
    assert "Traceback" not in done.err
    rows = library_rows(path)
    (told,) = [line for line in done.err.splitlines() if line.startswith("recorded ")]
    assert told.startswith(f"recorded {path}: {len(rows)} messages, ")
    assert told.endswith(" in 1 file(s), 0 lost")

    found = read_back(path)
    sent = list(inputs(start_ns))
    for stream, kind in {(one.stream, one.kind) for one in sent}:
        assert [one for one in found if (one.stream, one.kind) == (stream, kind)] == [
            one for one in sent if (one.stream, one.kind) == (stream, kind)
        ]
    pictures = [one for one in found if isinstance(one, ImageInput) and one.stream == "cam"]
    assert pictures
    assert {(one.width, one.height) for one in map(decode_jpeg, (one.payload for one in pictures))} == {(160, 120)}
    assert [one.seq for one in pictures] == list(range(1, len(pictures) + 1))

    said = [buslog.from_entry(*one) for one in our_entries(path)[0] if one[0].topic.startswith(wire.ROOT)]
    kinds = {one.kind for one in said}
    assert {"ask", "answer", "watermark", "stored", "frame"} <= kinds
    assert not kinds & {"image", "audio", "radar", "events", "pose", "imu", "calibration"}
    metadata = metadata_of(path)
    assert Config.model_validate_json(metadata[buslog.RUN]["config"]).session == SESSION
    assert (metadata[buslog.RUN]["session"], metadata[buslog.RUN]["source"]) == (SESSION, "live")
    assert "perceive video" in json.loads(metadata[buslog.RUN]["latency_ms"])
    about = metadata[RECORDING]
    assert (about["session"], about["part"]) == (SESSION, "1")
    assert int(about["started_ns"]) > start_ns
    assert json.loads(about["streams"])["cam"] == {"sensor": "video", "source": "camera"}
    assert json.loads(about["streams"])["dvs"] == {"sensor": "events", "source": "mqtt"}


@pytest.mark.slow
def test_a_disk_that_fills_ends_the_recording_and_not_the_session(house: House) -> None:
    config, disk = house.folder / "camera.yaml", house.folder / "disk"
    config.write_text(LOCAL)
    disk.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs mount")
    small = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)]
    if subprocess.run(small, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    path = disk / "a.mcap"
    try:
        with house.started("record", config, "--out", path) as process:
            lines = wait_for(process.stderr, "recording stopped")
            assert lines[-1] == (
                f"heedful: recording stopped: {path}: No space left on device; free some space; the session goes on\n"
            )
            assert process.poll() is None
            done = end(process, signal.SIGTERM)
        assert (done.code, "Traceback" in done.err) == (0, False)
        rows, faults = our_rows(path)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert rows
        assert library_rows(path) == rows
        assert faults == ["ends early: No space left on device"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_where_nothing_came_no_file_is_left(house: House) -> None:
    config, path = house.folder / "silent.yaml", house.folder / "silent.mcap"
    config.write_text("broker: local\nstreams: {front: {source: mqtt, kind: radar}}\nperception: {asr: none}\n")
    with house.started("record", config, "--out", path) as process:
        wait_for(process.stderr, f"recording into {path}")
        wait_for(process.stderr, "listening")
        done = end(process, signal.SIGINT)
    assert done.code == 0
    assert f"nothing came that could be recorded: there is no {path}" in done.err
    assert not path.exists()


def test_a_file_that_is_there_is_refused_before_anything_starts(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    config, path = house.folder / "camera.yaml", house.folder / "a.mcap"
    config.write_text(LOCAL)
    path.write_text("mine")
    assert cli.run(["record", str(config), "--out", str(path)]) == 2
    assert capsys.readouterr().err == f"heedful: {path}: is there already; name a new file\n"
    assert path.read_text() == "mine"
    path.rename(house.folder / "a.0002.mcap")
    assert cli.run(["record", str(config), "--out", str(path)]) == 2
    assert "a.0002.mcap: is part of an earlier recording" in capsys.readouterr().err
    assert not path.exists()


def test_a_place_that_cannot_be_written_ends_with_3(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    config = house.folder / "camera.yaml"
    config.write_text(LOCAL)
    path = house.folder / "none" / "a.mcap"
    assert cli.run(["record", str(config), "--out", str(path)]) == 3
    assert capsys.readouterr().err == (f"heedful: {path}: No such file or directory; name a file that can be written\n")


@pytest.mark.parametrize("option", ["--part-mb", "--part-minutes"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "nan", "inf", ""])
def test_parts_of_no_size_are_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mcap"
    assert cli.run(["record", "live", "--out", str(path), f"{option}={value}"]) == 2
    assert capsys.readouterr().err == f"heedful: {option}: {value!r} is no number from 0.01 to 1000000\n"
    assert not path.exists()


def test_a_session_that_cannot_begin_leaves_no_file(tmp_path: Path) -> None:
    path, shown = tmp_path / "a.mcap", list[str]()

    def begin() -> None:
        with recording(Config(), path, shown.append):
            assert path.exists()
            raise MissingPart("no camera 0", "connect one")

    with pytest.raises(MissingPart, match="no camera"):
        begin()
    assert not path.exists()
    assert shown == []
