"""Static transforms place the streams whose frame they name, and later calibrations count from their time on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag1 import Writer

from perception.calibrations import Calibrations
from perception.places import Change
from runtime.apps.playlist import make_playlist
from runtime.config import PerceptionConfig
from runtime.messages import CalibrationInput
from tests import ros_messages as ros

S = 1_000_000_000
START_NS = 1_700_000_000 * S
POINTS = np.zeros(2, [("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
MATRIX = [500.0, 0, 320, 0, 500, 240, 0, 0, 1]
SCHEMAS = {
    "/cam/image_raw": "sensor_msgs/msg/Image",
    "/cam/camera_info": "sensor_msgs/msg/CameraInfo",
    "/radar": "sensor_msgs/msg/PointCloud2",
    "/tf_static": "tf2_msgs/msg/TFMessage",
}


def placed(*frames: str, x: float) -> Any:
    message = ros.transforms("ros1", *frames)
    for one in message.transforms:
        one.transform.translation.x = x
    return message


def write(path: Path, moved_s: float | None = None) -> Path:
    """Write ten pictures and sweeps, one a second, with the places of both sensors; later the camera may move."""
    writer = Writer(path)
    with writer:
        known = {
            topic: writer.add_connection(topic, kind, typestore=ros.STORES["ros1"]) for topic, kind in SCHEMAS.items()
        }

        def say(topic: str, message: Any, at_s: float) -> None:
            writer.write(known[topic], START_NS + round(at_s * S), ros.pack("ros1", SCHEMAS[topic], message))

        say("/tf_static", placed("bumper", "/cam_optical", "elsewhere", x=1.0), 0.0)
        for second in range(10):
            t_ns = START_NS + second * S
            picture = ros.image("ros1", "mono8", 64, bytes([90]) * 128, step=64)
            sweep, matrix = ros.cloud("ros1", POINTS), ros.camera("ros1", MATRIX)
            picture.header = matrix.header = ros.header("ros1", "cam_optical", t_ns)
            sweep.header = ros.header("ros1", "/bumper", t_ns)
            say("/cam/image_raw", picture, second)
            say("/cam/camera_info", matrix, second)
            say("/radar", sweep, second)
            if moved_s is not None and moved_s - 1 < second < moved_s:
                say("/tf_static", placed("cam_optical", x=2.0), moved_s)
    return path


def x_of(known: Calibrations, stream: str, at_s: float) -> float:
    calibration = known.at(stream, round(at_s * S))
    assert calibration is not None
    return calibration.position_m[0]


def test_a_static_transform_places_the_streams_whose_frame_it_names(tmp_path: Path) -> None:
    playlist = make_playlist([write(tmp_path / "a.bag")], PerceptionConfig())
    names = {one.sensor: one.name for one in playlist.streams}
    assert set(names) == {"video", "radar"}
    known = playlist.calibrations
    assert set(known) == set(names.values())
    assert {one.position_m[0] for one in known.values()} == {1.0}
    assert {one.frame for one in known.values()} == {"map"}
    assert known[names["video"]].camera == tuple(MATRIX)  # beside its place, which another topic told
    assert known[names["radar"]].camera == ()
    assert Calibrations(known).missing({name: sensor for sensor, name in names.items()}) == ""


@pytest.mark.parametrize("offset_s", [0.0, 2.5])
def test_a_later_calibration_counts_from_its_time_on(tmp_path: Path, offset_s: float) -> None:
    write(tmp_path / "a.bag", moved_s=4.5)
    write(tmp_path / "b.bag")
    manifest = f"streams:\n  a: {{file: a.bag, offset_s: {offset_s}}}\n  b: {{file: b.bag}}\n"
    (tmp_path / "manifest.yaml").write_text(manifest)
    playlist = make_playlist([tmp_path], PerceptionConfig())
    video, still = [one.name for one in playlist.streams if one.sensor == "video"]
    times_s = [4.4, 4.5, 9.0, 0.0, 4.6, 4.4]
    expected = [1.0, 2.0, 2.0, 1.0, 2.0, 1.0]
    known = Calibrations(playlist.calibrations, playlist.changes)
    assert [x_of(known, video, at_s + offset_s) for at_s in times_s] == expected
    backwards = Calibrations(playlist.calibrations, playlist.changes)  # in whatever order streams come by
    assert [x_of(backwards, video, at_s + offset_s) for at_s in reversed(times_s)] == expected[::-1]
    moved = known.at(video, round((9 + offset_s) * S))
    assert moved is not None
    assert moved.camera == tuple(MATRIX)
    assert x_of(known, still, 60) == 1.0


def test_a_change_that_says_nonsense_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    first = CalibrationInput(session="s", stream="front")
    changes: list[Change] = [
        (1 * S, "front", replace(first, orientation=(1.0, 1.0, 0.0, 0.0))),
        (2 * S, "front", replace(first, position_m=(2.0, 0.0, 0.0))),
    ]
    known = Calibrations({"front": first}, [lambda: iter(changes)])
    assert known.at("front", 1 * S) == first
    assert x_of(known, "front", 3) == 2.0
    assert known.at("back", 3 * S) is None
    assert "left out" in caplog.text


def test_what_a_manifest_says_of_a_stream_stands(tmp_path: Path) -> None:
    write(tmp_path / "a.bag", moved_s=4.5)
    (tmp_path / "front.json").write_text('{"position_m": [7.0, 0.0, 0.0]}')
    entry = "{file: a.bag, track: video, calibration: front.json}"
    (tmp_path / "manifest.yaml").write_text(f"streams:\n  front: {entry}\n")
    playlist = make_playlist([tmp_path], PerceptionConfig())
    known = Calibrations(playlist.calibrations, playlist.changes)
    assert [x_of(known, "front", at_s) for at_s in (0, 9)] == [7.0, 7.0]
