"""Recordings of many sensors through the live path: the same at any speed and over both buses, whole or damaged."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from runtime.apps.arguments import make_parser
from runtime.apps.cli import VERBS
from runtime.apps.cli import run as heedful
from runtime.apps.made_recording import NAMES, S_NS, START_NS, write_story
from runtime.apps.played import play
from runtime.apps.replay import Question, ReplayResult, replay
from runtime.apps.run_file import read_run
from runtime.apps.swap import swap
from runtime.apps.swap_perception import perceive_only
from runtime.config import Config
from runtime.digest import RunDigest
from runtime.errors import InputError
from runtime.messages import Clip, Gap, Message, Motion, Watermark
from runtime.recording import buslog
from runtime.recording.mcap_writer import RecordingWriter
from runtime.recording.runwriter import RunWriter
from tests.odd_media import sound_file
from tests.recorded import library_rows, metadata_of
from tests.test_end_to_end import BROKER, BUSES, LOCAL, busy_neighbour
from tests.test_runtime_recording_mcap_file import chunks

QUESTIONS = (
    Question(text="Did anything move?", at_s=3.0),
    Question(text="When did something move?"),
    Question(text="What did you hear?"),
    Question(text="Which sensors are working?"),
)
ANSWERING = frozenset({"_/ask", "reasoning/answer", "reasoning/answer_part"})  # what questions bring about


@dataclass
class Heard:
    """What a run said."""

    digest: RunDigest = field(default_factory=RunDigest)
    messages: list[Message] = field(default_factory=list)

    def add(self, message: Message) -> None:
        self.digest.add(message)
        self.messages.append(message)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "all.mcap"
    write_story(path, 6.0)
    return path


def half_of(path: Path, cut: Path) -> Path:
    """Write the first half of a file to another one."""
    whole = path.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    return cut


async def run(path: Path, config: Config = LOCAL, speed: float | None = None) -> tuple[ReplayResult, Heard]:
    heard = Heard()
    result = await replay([path], config, QUESTIONS, speed=speed, listen=heard.add)
    return result, heard


async def test_all_sensors_are_heard_out_and_questions_answered(recorded: Path) -> None:
    result, heard = await run(recorded)
    assert set(result.streams) == set(NAMES.values())
    assert [answer.answer[:4] for answer in result.answers[:2]] == ["Yes,", "Some"]
    assert "700 Hz" in result.answers[2].answer
    assert "1 radar gives samples." in result.answers[3].answer
    ends = {one.stream: one for one in heard.messages if isinstance(one, Watermark) and one.ended}
    assert ends.keys() == set(NAMES.values())
    assert not any(one.truncated or one.blind for one in ends.values())
    assert all(5.8 * S_NS < one.t_ns < 6.1 * S_NS for one in ends.values()), ends


@pytest.mark.parametrize("config", BUSES)
async def test_it_says_the_same_at_any_speed_beside_other_work(recorded: Path, config: Config) -> None:
    whole = (await run(recorded))[1].digest.topics()
    with busy_neighbour():
        for speed in (None, 8.0):
            assert (await run(recorded, config, speed))[1].digest.topics() == whole


@pytest.mark.slow
@pytest.mark.broker
async def test_it_says_the_same_in_real_time(recorded: Path) -> None:
    assert (await run(recorded, BROKER, 1.0))[1].digest.total() == (await run(recorded))[1].digest.total()


async def test_a_recording_that_breaks_off_is_played_to_there_and_says_so(recorded: Path, tmp_path: Path) -> None:
    cut = half_of(recorded, tmp_path / "cut.mcap")
    result, heard = await run(cut)
    assert any("breaks off at byte" in fault for fault in result.faults)
    ends = [one for one in heard.messages if isinstance(one, Watermark) and one.ended]
    assert ends
    assert all(one.truncated for one in ends)
    assert all(answer.truncated for answer in result.answers if answer.asked_s > 3.0)


async def test_it_begins_in_the_middle(recorded: Path) -> None:
    heard = Heard()
    result = await replay([recorded], LOCAL, [Question(text="When did something move?")], listen=heard.add, start_s=3.5)
    assert result.session != (await run(recorded))[0].session  # its records are others
    assert min(one.t_ns for one in heard.messages if isinstance(one, Watermark)) == 3.5 * S_NS - 1
    assert "from 0:04.0" in result.answers[0].answer


async def test_what_was_before_the_start_is_not_denied(recorded: Path) -> None:
    heard = Heard()
    asked = "Did anything move in the first 3 seconds?"
    questions = [Question(text=asked, at_s=3.5), Question(text=asked)]
    result = await replay([recorded], LOCAL, questions, listen=heard.add, start_s=3.5)
    gaps = [one for one in heard.messages if isinstance(one, Gap) and one.reason == "not played"]
    assert {one.stream: (one.start_ns, one.end_ns) for one in gaps} == dict.fromkeys(NAMES.values(), (0, 3.5 * S_NS))
    assert all(answer.abstained and "not played" in answer.answer for answer in result.answers)
    again = Heard()
    await replay([recorded], LOCAL, questions, listen=again.add, speed=8.0, start_s=3.5)
    assert again.digest.topics() == heard.digest.topics()


async def test_memory_and_reasoning_that_are_swapped_say_what_they_said(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    first, writer = Heard(), RunWriter(path, LOCAL.model_dump_json(), "replay")

    def hear(message: Message) -> None:
        first.add(message)
        writer.add(message)

    result = await replay([recorded], LOCAL, QUESTIONS, listen=hear)
    writer.close(result.session, result.latency_ms)
    topics = first.digest.topics()
    again = Heard()
    swapped = await swap(path, LOCAL, "reasoning", listen=again.add)
    assert again.digest.topics() == topics
    assert [one.answer for one in swapped.answers] == [one.answer for one in result.answers]
    again = Heard()
    await swap(path, LOCAL, "memory", listen=again.add)
    told = again.digest.topics()
    assert told == {name: value for name, value in topics.items() if name not in ANSWERING}


async def test_perception_that_is_swapped_perceives_the_same(recorded: Path) -> None:
    alone, whole = Heard(), Heard()
    await perceive_only([recorded], LOCAL, listen=alone.add)
    await replay([recorded], LOCAL, [], listen=whole.add)
    perceived = alone.digest.topics()  # nothing is stored
    assert perceived == {name: whole.digest.topics()[name] for name in perceived}
    assert {"front/motion", "front/frame", "cabin/sound"} <= perceived.keys()


async def test_a_swap_says_nothing_to_other_sessions_and_leaves_the_configured_memory_alone(
    recorded: Path, tmp_path: Path
) -> None:
    whole = Heard()
    await replay([recorded], LOCAL, [], listen=whole.add)
    run = RunWriter(tmp_path / "mixed.mcap", "{}", "replay")
    for message in whole.messages:
        run.add(message)
        if isinstance(message, Motion):
            run.add(dataclasses.replace(message, session="other"))
    run.close(whole.messages[0].session, {})
    folder = tmp_path / "mine"
    config = LOCAL.model_copy(update={"memory": LOCAL.memory.model_copy(update={"folder": folder})})
    heard = Heard()
    await swap(tmp_path / "mixed.mcap", config, "memory", listen=heard.add)
    assert heard.digest.topics() == whole.digest.topics()
    assert not folder.exists()
    named = config.model_copy(update={"broker": "mqtt://127.0.0.1:1"})  # where nobody is
    heard = Heard()
    await swap(tmp_path / "mixed.mcap", named, "memory", listen=heard.add)
    assert heard.digest.topics() == whole.digest.topics()


async def test_a_run_whose_end_is_missing_is_brought_to_an_end(recorded: Path, tmp_path: Path) -> None:
    whole = Heard()
    await replay([recorded], LOCAL, [], listen=whole.add)
    writer = RecordingWriter(tmp_path / "killed.mcap", {})
    for number, message in enumerate(whole.messages[: len(whole.messages) // 2]):
        channel = writer.channel(buslog.channel_of(message))
        writer.write(channel, log_ns=number, publish_ns=0, seq=0, data=buslog.to_entry(message))
    writer._writer.flush()  # type: ignore[no-untyped-call]  # and no more: it was killed
    heard = Heard()
    swapped = await swap(tmp_path / "killed.mcap", LOCAL, "memory", listen=heard.add)
    assert any("breaks off" in fault for fault in swapped.faults)
    ends = [one for one in heard.messages if isinstance(one, Watermark) and one.ended]
    assert {one.stream for one in ends} == set(NAMES.values())
    assert all(one.truncated for one in ends)
    assert heard.digest.counts["clip"] > 0
    writer.close()


def write_run(path: Path, *pieces: list[Message]) -> None:
    """Write a run with a chunk for each piece."""
    writer = RecordingWriter(path, {}, chunk_s=None)
    for number, piece in enumerate(pieces):
        for message in piece:
            channel = writer.channel(buslog.channel_of(message))
            writer.write(channel, log_ns=number, publish_ns=0, seq=0, data=buslog.to_entry(message))
        writer._writer.flush()  # type: ignore[no-untyped-call]
    writer.close()


@pytest.mark.parametrize("service", ["memory", "reasoning"])
async def test_a_run_of_which_the_middle_is_damaged_is_played_to_its_end(
    recorded: Path, tmp_path: Path, service: Literal["memory", "reasoning"]
) -> None:
    _, whole = await run(recorded)
    marks = [at for at, one in enumerate(whole.messages) if isinstance(one, Watermark)]
    first, last = marks[len(marks) // 6], marks[-len(marks) // 6]
    path = tmp_path / "damaged.mcap"
    write_run(path, whole.messages[:first], whole.messages[first:last], whole.messages[last:])
    data = bytearray(path.read_bytes())
    for begin, end in chunks(data)[1:-1]:
        data[(begin + end) // 2] ^= 0xFF
    path.write_bytes(data)
    heard = Heard()
    swapped = await swap(path, LOCAL, service, listen=heard.add)
    assert [fault for fault in swapped.faults if "is damaged" in fault]
    gaps = [one for one in heard.messages if isinstance(one, Gap) and one.reason == "missing in the run"]
    assert {one.stream for one in gaps} == set(NAMES.values())
    assert all(one.end_ns - one.start_ns > 2 * S_NS for one in gaps)
    if service == "reasoning":
        assert swapped.answers
        assert any("missing in the run" in one.answer for one in swapped.answers)


async def test_a_run_of_which_nothing_is_whole_says_why_it_cannot_be_played(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mcap"
    write_run(path, [Watermark(session="s", stream="front", epoch=0, t_ns=0, sensor="video")])
    data = bytearray(path.read_bytes())
    for begin, end in chunks(data):
        data[(begin + end) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"holds no watermark, .* is damaged .* and was left out\)$"):
        await swap(path, LOCAL, "memory")


def shifted(message: Message, by_ns: int) -> Message:
    """Return a replay's message as a live session would have said it, whose times count from 1970."""
    names = [one.name for one in dataclasses.fields(message)]
    moved = {name: getattr(message, name) for name in names if name.endswith("_ns") or name == "epoch"}
    return dataclasses.replace(message, **{name: t_ns + by_ns for name, t_ns in moved.items() if t_ns is not None})


@pytest.mark.parametrize("service", ["memory", "reasoning"])
async def test_what_a_live_session_said_is_played_too(
    recorded: Path, tmp_path: Path, service: Literal["memory", "reasoning"]
) -> None:
    result, whole = await run(recorded)
    writer = RunWriter(tmp_path / "live.mcap", "{}", "live")
    for message in whole.messages:
        writer.add(shifted(message, START_NS))
    writer.close(result.session, {})
    heard = Heard()
    swapped = await swap(tmp_path / "live.mcap", LOCAL, service, listen=heard.add)
    assert swapped.length_s == pytest.approx(result.length_s, abs=0.01)
    told = {one.stream: one.text for one in heard.messages if isinstance(one, Clip)}
    assert told == {one.stream: one.text for one in whole.messages if isinstance(one, Clip)}
    if service == "reasoning":
        assert [one.asked_s for one in swapped.answers] == [one.asked_s for one in result.answers]
        assert [len(one.evidence) for one in swapped.answers] == [len(one.evidence) for one in result.answers]


def test_what_cannot_be_played_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], recorded: Path) -> None:
    config = tmp_path / "local.yaml"
    config.write_text("broker: local\nperception: {asr: none}\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "fake.mcap").write_bytes(b"\x89MCAP0\r\n" + b"\0" * 100)
    (tmp_path / "there.mcap").write_bytes(b"")
    sound = sound_file(tmp_path / "sound.wav", length_s=0.5)
    for arguments, told in (
        ([tmp_path / "none.mcap"], "no such file"),
        ([tmp_path / "folder"], "without manifest.yaml"),
        ([tmp_path / "fake.mcap"], "nothing that can be played"),
        ([recorded, "--swap", "memory"], "no messages of a run"),
        ([recorded, recorded, "--swap", "memory"], "takes one run"),
        ([recorded, "--swap", "memory", "--ask", "Why?"], "only --swap reasoning answers"),
        ([recorded, "--swap", "reasoning", "--start", "3"], "from its beginning"),
        ([recorded, "--swap", "perception", "--memory", tmp_path], "remembers nothing"),
        ([recorded, "--start", "-1"], "no time in seconds"),
        ([recorded, "--start", "60"], "ends at 6.0 s, before --start 60"),
        ([recorded, "--start", "3", "--ask-at", "2", "Why?"], "2 s is before --start 3"),
        ([recorded, "--out", tmp_path / "there.mcap"], "--out: "),
        ([recorded, "--out", tmp_path / "there.mcap"], "is there already"),
        ([tmp_path / "none.mcap", "--out", tmp_path / "no" / "x.mcap"], "cannot be written: No such file"),  # first
        ([recorded, "--out", tmp_path / ("x" * 300)], "cannot be written: File name too long"),
        ([sound, "--swap", "memory"], "is no run, and --swap memory takes one: `heedful replay --out` writes it"),
    ):
        assert heedful(["replay", "--config", str(config), *map(str, arguments)]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        assert told in lines[0]
    assert (tmp_path / "there.mcap").read_bytes() == b""


def test_the_command_line_writes_a_run_and_lists_what_it_did_not_play(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recorded: Path
) -> None:
    config = tmp_path / "local.yaml"
    config.write_text("broker: local\nperception: {asr: none}\n")
    out = tmp_path / "run.mcap"
    assert heedful(["replay", str(recorded), "--config", str(config), "--out", str(out), "--json", "--digest"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["undecoded"] == summary["faults"] == []
    swapped = ["replay", str(out), "--config", str(config), "--swap", "memory", "--json", "--digest"]
    assert heedful(swapped) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["digest"] == summary["digest"]
    assert heedful(["replay", str(out), "--config", str(config)]) == 2
    assert heedful(["replay", str(out), "--config", str(config), "--swap", "perception"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("perception hears recorded sensors: play the recording it was made from" in line for line in lines)


def metadata_of_run(path: Path) -> dict[str, str]:
    return metadata_of(path)[buslog.RUN]


def play_to(out: Path, *paths: Path, swapped: str | None = None) -> argparse.Namespace:
    arguments = ["replay", *map(str, paths), "--out", str(out), *(["--swap", swapped] if swapped else [])]
    return make_parser(dict.fromkeys(VERBS, lambda _: 0)).parse_args(arguments)


def unheard(_: object) -> None:
    """Listen to nobody."""


async def test_a_run_knows_the_time_of_day_of_its_recording(recorded: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.mcap"
    await play(play_to(out, recorded), LOCAL, on_answer=unheard, listen=None)
    origin_ns = int(metadata_of_run(out)["origin_ns"])
    assert START_NS <= origin_ns < START_NS + S_NS
    swapped = tmp_path / "swapped.mcap"
    await play(play_to(swapped, out, swapped="memory"), LOCAL, on_answer=unheard, listen=None)
    assert int(metadata_of_run(swapped)["origin_ns"]) == origin_ns
    sound = sound_file(tmp_path / "sound.wav", length_s=0.5)
    await play(play_to(tmp_path / "mixed.mcap", recorded, sound), LOCAL, on_answer=unheard, listen=None)
    assert "origin_ns" not in metadata_of_run(tmp_path / "mixed.mcap")  # nobody knows when the sound was taken


async def test_a_run_that_is_interrupted_is_ended_and_says_so(
    recorded: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, heard = tmp_path / "run.mcap", asyncio.Event()

    def listen(message: Message) -> None:
        if message.kind == "motion":
            heard.set()

    arguments = play_to(out, recorded)
    arguments.speed = "1"
    playing = asyncio.create_task(play(arguments, LOCAL, on_answer=unheard, listen=listen))
    await heard.wait()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert f"{out} holds what was said until then" in caplog.messages
    assert library_rows(out)  # it has its index and its checksums
    assert metadata_of_run(out)["broke_off"] == "true"
    assert read_run(out).faults == ("it was interrupted or failed, and holds what was said until then",)


async def test_nothing_is_played_of_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "text.mcap").write_text("hello\n")
    with pytest.raises(InputError, match="holds text"):
        await replay([tmp_path / "text.mcap"], LOCAL, [])


class EnoughError(Exception):
    """Whoever listens has heard enough."""


async def test_a_replay_that_breaks_off_closes_its_recording(recorded: Path) -> None:
    def enough(message: Message) -> None:
        if isinstance(message, Motion):
            raise EnoughError

    with pytest.raises(ExceptionGroup):
        await replay([recorded], LOCAL, [], listen=enough)
    assert str(recorded) not in open_files()


def open_files() -> set[str]:
    """Return the names of all files that this process has open."""
    return {str(Path(f"/proc/self/fd/{one}").resolve()) for one in os.listdir("/proc/self/fd")}
