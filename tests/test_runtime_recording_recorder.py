"""The recorder beside a session: inputs stand in the file as they came, what is lost is counted, nobody is held up."""

import asyncio
import dataclasses
import json
import logging
import random
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime.bus import LOSSLESS, drop_oldest, filter_of, nothing
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import KINDS, AudioInput, CalibrationInput, ImageInput, Message
from runtime.metrics import Meter
from runtime.recording import buslog
from runtime.recording.container import Channel, Entry
from runtime.recording.contents import VIEW_ONLY, Pcm, Picture
from runtime.recording.inputlog import content_of
from runtime.recording.mcap_writer import CHANNELS_MAX, RecordingWriter, parts_of
from runtime.recording.readers import decoder_for
from runtime.recording.recorder import INPUTS, ROOM, Recorder
from runtime.wire import Packet, encode, topic_of
from tests.fakes import PATIENCE_S, SESSION, example
from tests.recorded import library_rows, metadata_of, our_entries, our_rows

STREAMS: dict[str, Any] = {kind: kind for kind in INPUTS if kind != "calibration"} | {"camera": None}


class Stage:
    """A recorder on a local bus, and a robot that sends to it."""

    def __init__(self, folder: Path, about_run: dict[str, str] | None, part_bytes: int | None = None) -> None:
        """Begin a file in a folder."""
        self.path = folder / "a.mcap"
        self.hub = LocalHub()
        self.robot = LocalBus(self.hub, "robot")
        writer = RecordingWriter(self.path, {"session": SESSION}, part_bytes=part_bytes)
        self.recorder = Recorder(writer, SESSION, STREAMS, about_run=about_run)
        self.recorder.connect(LocalBus(self.hub, "perception"), partial(LocalBus, self.hub))


@asynccontextmanager
async def staged(
    folder: Path, about_run: dict[str, str] | None = None, part_bytes: int | None = None
) -> AsyncIterator[Stage]:
    """Record while the block lasts; the file is finished after it."""
    stage = Stage(folder, about_run, part_bytes)
    running = asyncio.create_task(stage.recorder.run())
    async with asyncio.timeout(PATIENCE_S):
        await stage.recorder.ready.wait()
        yield stage
        stage.recorder.stop()
        await running
    stage.recorder.close()


def inputs(path: Path) -> list[tuple[Channel, Entry]]:
    """Return the recorded inputs without what is there for viewers, after a look at all checksums."""
    library_rows(path)
    entries, faults = our_entries(path)
    assert faults == []
    return [(channel, entry) for channel, entry in entries if VIEW_ONLY not in channel.metadata]


def sent(kind: str, stream: str, **changed: Any) -> Any:
    points = {"fields": "x y z rcs", "payload": struct.pack("<8f", *range(8))} if kind == "radar" else {}
    return example(KINDS[kind].type, stream=stream, **{**points, **changed})


def decoded(channel: Channel, entry: Entry) -> object:
    """Return what a reader makes of a recorded input, with the names of its channel."""
    if buslog.is_message(channel):
        return buslog.from_entry(channel, entry)
    decoder = decoder_for(channel)
    assert decoder is not None
    assert channel.metadata["heedful.kind"] == decoder.kind
    (content,) = decoder.decode(entry.data)
    if isinstance(content, Picture | Pcm):
        return content
    return dataclasses.replace(content, session=SESSION, stream=channel.metadata["heedful.stream"], seq=7)


@pytest.mark.parametrize("kind", INPUTS)
async def test_an_input_comes_back_as_it_was_sent(kind: str, tmp_path: Path) -> None:
    stream = "camera" if kind == "calibration" else kind
    message = sent(kind, stream, t_ns=5_000_000_000)
    before_ns = time.time_ns()
    async with staged(tmp_path) as stage:
        await stage.robot.publish(message)
    ((channel, entry),) = inputs(stage.path)
    assert channel.topic == f"/{stream}/{kind}"
    assert channel.metadata == {"heedful.stream": stream, "heedful.kind": kind}
    assert entry.publish_ns == 5_000_000_000
    assert before_ns <= entry.log_ns <= time.time_ns()
    assert entry.seq == 1
    assert decoded(channel, entry) == content_of(message)
    assert stage.recorder.lost == 0


async def test_without_a_time_of_its_own_an_input_has_that_of_its_arrival(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for t_ns in (None, -5):
            await stage.robot.publish(sent("image", "image", t_ns=t_ns))
    (_, first), (_, second) = inputs(stage.path)
    assert first.publish_ns == first.log_ns
    assert second.publish_ns == 0  # a recording knows no time before 1970
    assert (first.seq, second.seq) == (1, 2)


async def test_streams_of_nobody_and_kinds_of_another_stream_are_left_out(tmp_path: Path) -> None:
    async with staged(tmp_path, {"source": "live"}) as stage:
        await stage.robot.publish(sent("image", "elsewhere"))
        await stage.robot.publish(sent("image", "audio"))
        await stage.robot.publish(sent("image", "image", session="another"))
        await stage.robot.publish(sent("calibration", "elsewhere"))
    assert inputs(stage.path) == []


async def test_a_calibration_that_is_retained_is_written_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, None)
    one, other = (sent("calibration", "camera", t_ns=t_ns) for t_ns in (1, 2))
    await stage.robot.publish(one)  # before anybody listens
    running = asyncio.create_task(stage.recorder.run())
    await stage.recorder.ready.wait()
    for message in (one, other, one):
        for router in stage.hub.routers:
            router.route(encode(message), nothing)
    stage.recorder.stop()
    await running
    assert [decoded(*entry) for entry in inputs(stage.path)] == [one, other, one]


async def test_a_calibration_stands_in_each_part_and_viewers_can_read_it(tmp_path: Path) -> None:
    seen = CalibrationInput(session=SESSION, stream="camera", width_px=640, height_px=480, camera=(1.0,) * 9)
    async with staged(tmp_path, part_bytes=1) as stage:
        await stage.robot.publish(seen)
        await stage.robot.publish(sent("pose", "pose"))
        await stage.robot.publish(sent("pose", "pose"))
    parts = [stage.path, *parts_of(stage.path)]
    assert len(parts) > 2
    for part in parts[-2:]:
        entries, _ = our_entries(part)
        by_topic = {channel.topic: channel for channel, _ in entries}
        assert {"/camera/calibration", "/camera/transform", "/camera/camera"} < {*by_topic}
        assert by_topic["/camera/transform"].schema == "foxglove.FrameTransform"
        assert by_topic["/camera/camera"].schema == "foxglove.CameraCalibration"
        assert decoder_for(by_topic["/camera/camera"]) is None  # it repeats the calibration
        assert [decoded(*one) for one in entries if one[0].topic == "/camera/calibration"] == [seen]


async def test_the_bus_is_kept_on_wish_and_the_file_is_a_run(tmp_path: Path) -> None:
    messages: list[Message] = [example(kind.type, stream="reasoning") for kind in KINDS.values()]
    public = [one for one in messages if one.kind == "answer" or not KINDS[one.kind].is_reply]
    async with staged(tmp_path, {"source": "live"}) as stage:
        meter = Meter()
        meter.note_ms("perceive", 2.0)
        stage.recorder.meters = [meter]
        for message in messages:
            await stage.robot.publish(message)
    heard = [buslog.from_entry(*one) for one in our_entries(stage.path)[0]]
    assert heard == [one for one in public if one.kind not in INPUTS]
    assert metadata_of(stage.path)[buslog.RUN] == {"source": "live", "latency_ms": json.dumps({"perceive": [2.0, 2.0]})}


async def test_without_a_wish_only_inputs_are_kept(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.robot.publish(sent("watermark", "image"))
    assert inputs(stage.path) == []
    assert buslog.RUN not in metadata_of(stage.path)


async def test_what_devices_of_this_machine_give_comes_from_their_threads(tmp_path: Path) -> None:
    def give(stream: str) -> None:
        for number in range(100):
            if number == 50:
                stage.recorder.lose(stream, "audio")
            pcm = Pcm(t_ns=number + 1, rate_hz=16_000, channels=1, payload=number.to_bytes(2, "little"))
            stage.recorder.put(stream, "audio", pcm, 1_000 + number)

    async with staged(tmp_path) as stage:
        threads = [threading.Thread(target=give, args=(name,)) for name in ("left", "right")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name in ("left", "right"):
        found = [entry for channel, entry in inputs(stage.path) if channel.topic == f"/{name}/audio"]
        assert [one.publish_ns for one in found] == list(range(1, 101))
        assert [one.seq for one in found] == [*range(1, 51), *range(52, 102)]  # the gap is what was lost
    assert stage.recorder.lost == 2


async def test_a_burst_that_comes_at_once_is_kept_whole_and_in_order(tmp_path: Path) -> None:
    kinds = ("pose", "imu")
    async with staged(tmp_path) as stage:
        for number in range(2 * ROOM):  # a local bus hands over without a pause: nobody else runs meanwhile
            await stage.robot.publish(sent(kinds[number % 2], kinds[number % 2], t_ns=number + 1))
    assert [entry.publish_ns for _, entry in inputs(stage.path)] == list(range(1, 2 * ROOM + 1))
    assert stage.recorder.lost == 0


async def test_a_topic_without_a_stream_disturbs_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path, {}) as stage:
        for kind in ("calibration", "ask"):
            for router in stage.hub.routers:
                router.route(Packet(topic=f"heedful/v1/{SESSION}//{kind}", payload=b"{}"), nothing)
        await stage.robot.publish(sent("pose", "pose"))
    assert [channel.topic for channel, _ in inputs(stage.path)] == ["/pose/pose"]


async def test_more_topics_than_a_file_can_number_are_counted_and_the_others_go_on(tmp_path: Path) -> None:
    points = Pcm(t_ns=1, rate_hz=16_000, channels=1, payload=b"")
    async with staged(tmp_path) as stage:
        for number in range(CHANNELS_MAX + 2):
            stage.recorder.put(f"s{number}", "audio", points, 1)
        stage.recorder.put("s0", "audio", points, 2)
    assert stage.recorder.unreadable == 2
    assert stage.recorder.lost == 0
    assert stage.recorder._writer.messages == CHANNELS_MAX + 1


async def test_what_cannot_be_read_is_counted_and_left_to_whom_it_was_for(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        letters = await LocalBus(stage.hub, "user").subscribe(filter_of(SESSION, "dead-letter"), rule=LOSSLESS)
        for router in stage.hub.routers:
            router.route(Packet(topic=topic_of(sent("pose", "pose")), payload=b"{"), nothing)
        await stage.robot.publish(AudioInput(session=SESSION, stream="audio", rate_hz=-1, payload=b"ab"))
        await stage.robot.publish(sent("audio", "audio", payload=b"cd"))
    assert len(letters) == 0
    ((channel, entry),) = inputs(stage.path)
    content = decoded(channel, entry)
    assert isinstance(content, Pcm)
    assert content.payload == b"cd"
    assert entry.seq == 2
    assert stage.recorder.unreadable == 2
    assert stage.recorder.summary().endswith("0 lost, 2 unreadable")


async def test_a_cancelled_recorder_still_finishes_its_file(tmp_path: Path) -> None:
    stage = Stage(tmp_path, None)
    running = asyncio.create_task(stage.recorder.run())
    await stage.recorder.ready.wait()
    stage.recorder.put("camera", "image", Picture(t_ns=1, encoding="jpeg", payload=b"jpeg"), 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stage.recorder.close(PATIENCE_S)
    assert len(inputs(stage.path)) == 1


async def test_what_comes_after_the_end_counts_as_lost(tmp_path: Path) -> None:
    sound = Pcm(t_ns=1, rate_hz=16_000, channels=1, payload=bytes(2))
    async with staged(tmp_path) as stage:
        stage.recorder.put("audio", "audio", sound, 1)
    stage.recorder.put("audio", "audio", sound, 2)
    assert stage.recorder.lost == 1
    assert not stage.recorder.is_writing()
    assert [entry.log_ns for _, entry in inputs(stage.path)] == [1]


def test_a_recorder_that_never_ran_leaves_a_whole_file_without_messages(tmp_path: Path) -> None:
    stage = Stage(tmp_path, None)
    stage.recorder.close()
    assert library_rows(stage.path) == []
    assert not stage.recorder.has_begun


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("mounting a small disk needs mount")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "none", disk], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"mounting a small disk is not allowed here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


async def test_a_full_disk_ends_the_recording_and_nothing_else(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = small_disk / "other"
    other.write_bytes(bytes(1_000_000))
    async with staged(small_disk) as stage:
        heard = await LocalBus(stage.hub, "user").subscribe(filter_of(SESSION, "image"), rule=drop_oldest(1))
        number = 0
        while not caplog.records:
            number += 1
            image = ImageInput(
                session=SESSION, stream="image", t_ns=number, payload=random.Random(number).randbytes(10_000)
            )
            await stage.robot.publish(image)
            await asyncio.sleep(0.001)
        await stage.robot.publish(ImageInput(session=SESSION, stream="image", t_ns=1, payload=b""))
        assert heard.lost == number  # the session goes on
        assert stage.recorder.lost > 0
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert record.getMessage() == (
        f"recording stopped: {stage.path}: No space left on device; free some space; the session goes on"
    )
    rows, faults = our_rows(stage.path)
    assert [row.publish_ns for row in rows] == list(range(1, len(rows) + 1))
    assert 0 < len(rows) < number
    assert stage.recorder.lost == number + 1 - len(rows)  # with the picture that came last
    assert faults == ["ends early: No space left on device"]
    assert [row.publish_ns for row in library_rows(stage.path)] == [row.publish_ns for row in rows]
