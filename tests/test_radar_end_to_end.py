"""A recording with a radar through the whole path: followed, remembered, answered from; the same at any speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.yard.record import channel_of
from runtime.apps.made_recording import START_NS, write_calibration
from runtime.apps.replay import Question, replay
from runtime.digest import RunDigest
from runtime.messages import CalibrationInput, Clip, Detection, Message, PoseInput, RadarInput
from runtime.recording import foxglove
from runtime.recording.contents import ANY, Content
from runtime.recording.mcap_writer import RecordingWriter
from tests.test_end_to_end import LOCAL, busy_neighbour

S = 1_000_000_000
DRIVES_MPS = 1.0
QUESTIONS = (
    Question(text="Did the radar see something approach?", at_s=3.0),
    Question(text="Did the radar see something approach?"),
    Question(text="How fast was it?"),
    Question(text="Did the radar see something move away?"),
)


def sweep(t_s: float, ground: np.ndarray) -> bytes:
    """Return what a rig that drives 1 m/s ahead sees: ground, and a thing to its left that comes at 2 m/s."""
    rows = [[x - DRIVES_MPS * t_s, y, 0.0, 0.0, 0.0] for x, y in ground.tolist()]
    rows += [[20 - (DRIVES_MPS + 2) * t_s + off, 6.0, 0.0, 5.0, 0.0] for off in (-0.2, 0.0, 0.2)]
    points = np.array([row for row in rows if row[0] > 1])
    moves = np.where(points[:, 3] > 0, DRIVES_MPS + 2, DRIVES_MPS)
    points[:, 4] = -moves * points[:, 0] / np.hypot(points[:, 0], points[:, 1])
    return points.astype("<f4").tobytes()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("radar") / "drive.mcap"
    writer, channels = RecordingWriter(path, {"session": "drive"}, syncs=False), dict[str, int]()
    ground = np.random.default_rng(0).uniform((2, -15), (45, 15), (80, 2))
    for number in range(100):
        t_ns = START_NS + number * S // 20
        turn = (0.0, 0.0, 0.0, 1.0)
        here = (DRIVES_MPS * number / 20, 0.0, 0.0)
        contents: list[tuple[str, Content]] = [
            ("pose", PoseInput(session=ANY, stream=ANY, t_ns=t_ns, position_m=here, orientation=turn)),
            ("radar", RadarInput(session=ANY, stream=ANY, t_ns=t_ns, payload=sweep(number / 20, ground))),
        ]
        for kind, content in contents:
            if kind not in channels:
                channels[kind] = writer.channel(channel_of(kind, content))
            data = foxglove.encode(content, kind).SerializeToString(deterministic=True)
            writer.write(channels[kind], log_ns=t_ns, publish_ns=t_ns, seq=number + 1, data=data)
    write_calibration(writer, CalibrationInput(session=ANY, stream="radar", position_m=(0.5, 0.0, 0.3)))
    writer.close()
    return path


async def run(path: Path, speed: float | None = None) -> tuple[list[str], list[Message], dict[str, str]]:
    heard, digest = list[Message](), RunDigest()

    def listen(message: Message) -> None:
        heard.append(message)
        digest.add(message)

    result = await replay([path], LOCAL, QUESTIONS, speed=speed, listen=listen)
    return [one.answer for one in result.answers], heard, digest.topics()


async def test_a_radar_is_followed_remembered_and_answered_from(recorded: Path) -> None:
    answers, heard, _ = await run(recorded)
    found = [one for one in heard if isinstance(one, Detection)]
    assert len(found) == 3
    for one in found:
        (thing,) = one.things
        assert thing.ranged is not None
        at_s = one.end_ns / S
        assert thing.ranged.range_m == pytest.approx(np.hypot(20 - 3 * at_s, 6), abs=0.6)
        assert thing.ranged.bearing_deg == pytest.approx(np.rad2deg(np.arctan2(6, 20 - 3 * at_s)), abs=3)
        assert thing.ranged.speed_mps == pytest.approx(2.0, abs=0.3)  # over ground: what the rig drives is left out
    assert any("came nearer" in one.text for one in heard if isinstance(one, Clip) and one.stream == "radar")
    assert answers[0].startswith("Yes. Something came nearer from 20")
    assert answers[1].startswith("Yes. Something came nearer from 20")
    assert answers[2].startswith(("1.9 m/s.", "2.0 m/s.", "2.1 m/s."))
    assert answers[3].startswith("No. Radar 'radar' followed nothing that went away")


async def test_it_is_the_same_at_any_speed_beside_other_work(recorded: Path) -> None:
    _, _, whole = await run(recorded)
    with busy_neighbour():
        for speed in (None, 8.0):
            assert (await run(recorded, speed))[2] == whole
