"""Recordings are measured: a load that comes and goes, what is heard first, flat memory, whole over slowest stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.apps.bench import run_bench
from runtime.apps.bench_child import HOGS, random_load
from runtime.apps.bench_measure import Plan
from runtime.apps.bench_recording import LENGTHS_S, measure_recording, over_slowest, questions, speeds
from runtime.apps.bench_recording_child import Reached, alone, play_until, seek
from runtime.apps.bench_recording_large import MB, flatness, forget, noisy_pictures, write_large
from runtime.apps.made_recording import NAMES, RATES_HZ, write_story
from runtime.errors import InputError, MissingPart
from runtime.jpeg import decode_jpeg
from runtime.messages import Watermark
from runtime.recording.mcap_file import McapFile

NOWHERE = Path("/nowhere")


def mark(stream: str, t_ns: int) -> Watermark:
    return Watermark(session="s", stream=stream, epoch=0, t_ns=t_ns, sensor="video")


def test_twenty_replays_take_the_three_speeds_in_turn() -> None:
    full = speeds(Plan(data=NOWHERE, length="full"))
    assert len(full) == 20
    assert {one: full.count(one) for one in full} == {"max": 7, "8": 7, "1": 6}
    assert speeds(Plan(data=NOWHERE, length="quick")) == ["max", "8"]


def test_questions_are_asked_on_the_way_and_at_the_end() -> None:
    asked = list(questions(30.0))
    assert asked[:2] == ["--ask-at", "12"]
    assert asked.count("--ask-at") == asked.count("--ask") == 2


def test_a_load_is_drawn_from_its_seed() -> None:
    def drawn(seed: int) -> int:
        with random_load(seed) as count:
            return count

    counts = [drawn(seed) for seed in range(8)]
    assert set(counts) == set(range(HOGS + 1))
    assert drawn(3) == counts[3]


def test_a_seek_has_come_there_when_all_streams_go_on() -> None:
    moments = iter([1.0, 2.0, 3.0, 4.0])
    reached = Reached(start_ns=100, clock=lambda: next(moments))
    assert [reached.add(one) for one in (mark("a", 99), mark("b", 99), mark("a", 120))] == [False, False, False]
    assert (reached.first_s, reached.all_s) == (1.0, None)
    assert reached.add(mark("b", 101))
    assert (reached.first_s, reached.all_s) == (1.0, 2.0)


def test_memory_is_compared_between_the_first_quarter_and_the_last() -> None:
    rss_mib = [400.0, 410.0, 500.0, 420.0, 430.0, 440.0, 450.0, 470.0]
    seen = {"at_s": [float(at) for at in range(8)], "rss_mib": rss_mib, "reached_s": 80.0, "frames": 9}
    measure = flatness(seen, 90.0)
    assert (measure.value, measure.passed) == (55.0, False)
    assert (measure.detail["largest_mib"], measure.detail["played_s"], measure.detail["of_s"]) == (500.0, 80.0, 90.0)


def test_a_replay_is_set_against_the_slowest_stage_of_its_round() -> None:
    measure = over_slowest("a.mp4", [2.4, 6.0, 2.6], {"video": [2.0, 4.0, 2.0], "--swap memory": [1.0, 5.0, 1.0]})
    assert measure.value == pytest.approx(1.2)
    assert measure.detail == {
        "playing_s": [2.4, 6.0, 2.6],
        "slowest": "video",
        "video_s": [2.0, 4.0, 2.0],
        "--swap memory_s": [1.0, 5.0, 1.0],
    }


def test_a_large_recording_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "large.mcap"
    length_s = write_large(path, 4 * MB)
    assert path.stat().st_size == pytest.approx(4 * MB, rel=0.1)
    file = McapFile(path)
    counts = {one.metadata["heedful.kind"]: one.count for one in file.channels.values()}
    file.close()
    assert counts == {kind: round(length_s * RATES_HZ[kind]) for kind in ("image", "audio", "radar", "imu")}
    forget(path)
    assert path.stat().st_size > 3 * MB


def test_pictures_of_a_large_recording_do_not_compress() -> None:
    pictures = noisy_pictures()
    assert len(set(pictures)) == len(pictures) == 40
    assert all(170_000 < len(one) < 240_000 for one in pictures)
    assert decode_jpeg(pictures[0]).width == 640


def test_each_stream_is_read_and_perceived_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "made.mcap"
    write_story(path, 2.0)
    seconds = alone(path)
    assert seconds.keys() == set(NAMES.values())
    assert all(one > 0 for one in seconds.values())


@pytest.mark.broker
async def test_a_replay_is_left_once_enough_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "made.mcap"
    write_story(path, 4.0, ("image", "radar"))
    seen = await seek(path, [2.0])
    assert 0 < seen["first_s"][0] <= seen["all_s"][0]
    with pytest.raises(MissingPart, match="ended without"):
        await play_until(path, lambda message: False)


def test_a_recording_that_is_not_there_is_named_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match=r"car-detection\.mp4: no such file"):
        run_bench("recording", NOWHERE, None, as_json=True)


@pytest.mark.broker
@pytest.mark.slow
def test_recordings_are_measured() -> None:
    measures = {one.name: one for one in measure_recording(Plan(data=NOWHERE, length="quick"))}
    assert list(measures) == [
        "digests of all sensors at max",
        "digests of all sensors at 8",
        "digests of all sensors at every speed",
        "first percept",
        "seek, the slowest",
        "RSS at max, from the first quarter to the last",
        "seek where the recording was cut and has no index",
        "replay at max over its slowest stage, made.mcap",
    ]
    assert measures["digests of all sensors at every speed"].passed
    assert measures["digests of all sensors at every speed"].detail["length_s"] == LENGTHS_S["quick"]
    played = measures["RSS at max, from the first quarter to the last"].detail
    assert played["played_s"] == pytest.approx(played["of_s"], abs=0.2)
    assert all(measures[name].value > 0 for name in ("first percept", "seek, the slowest"))
    assert measures["replay at max over its slowest stage, made.mcap"].value > 0
