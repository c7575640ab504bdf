"""Bags play as the same recording in MCAP does: every sensor, of both ROS versions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2

from perception.recorded import RecordedAudio, RecordedData, RecordedVideo
from perception.recording import probe_recording
from runtime.apps.made_recording import NAMES, START_NS, story, write_story
from runtime.apps.playlist import make_playlist
from runtime.config import PerceptionConfig
from runtime.messages import EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording.contents import Content, Pcm, Picture
from tests import ros_messages as ros
from tests.ros_messages import Ros

SCHEMAS = {
    "image": "sensor_msgs/msg/CompressedImage",
    "audio": "audio_common_msgs/msg/AudioDataStamped",
    "radar": "sensor_msgs/msg/PointCloud2",
    "events": "event_camera_msgs/msg/EventPacket",
    "pose": "geometry_msgs/msg/PoseStamped",
    "imu": "sensor_msgs/msg/Imu",
}
TOPICS = {kind: f"/{name}" for kind, name in NAMES.items()} | {"image": "/front/compressed"}
LENGTH_S = 3.0
MATRIX = [500.0, 0, 320, 0, 500, 240, 0, 0, 1]


def as_ros(version: Ros, content: Content) -> Any:
    """Return what a sensor gave as the message that ROS has for it."""
    vector = partial(ros.vector, version)
    header = ros.header(version, "map", content.t_ns or 0)
    match content:
        case Picture():
            fields: dict[str, Any] = {"format": "jpeg", "data": ros.raw(content.payload)}
            return ros.make(version, SCHEMAS["image"], header=header, **fields)
        case Pcm():
            sound = ros.make(version, "audio_common_msgs/msg/AudioData", data=ros.raw(content.payload))
            return ros.make(version, SCHEMAS["audio"], header=header, audio=sound)
        case RadarInput():
            points = np.frombuffer(content.payload, [(name, "<f4") for name in content.fields.split()])
            message = ros.cloud(version, points)
        case EventsInput():
            size = {"width": content.width_px, "height": content.height_px, "time_base": content.base_ns}
            message = ros.events(version, **size, encoding=content.encoding, events=ros.raw(content.payload))
        case PoseInput():
            place = ros.make(
                version,
                "geometry_msgs/msg/Pose",
                position=vector(*content.position_m, of="Point"),
                orientation=ros.turn(version, content.orientation),
            )
            message = ros.make(version, SCHEMAS["pose"], header=header, pose=place)
        case ImuInput():
            message = ros.imu(version, content.orientation or (0, 0, 0, 0))
            message.linear_acceleration = vector(*content.acceleration_mps2)
            message.angular_velocity = vector(*content.rotation_radps)
    message.header = header
    return message


def write(path: Path, version: Ros) -> Path:
    """Write the story as a bag, and how its camera projects."""
    writer: Any = Writer1(path) if version == "ros1" else Writer2(path, version=9, storage_plugin=StoragePlugin.SQLITE3)
    with writer:
        store = ros.STORES[version]
        connections = {
            kind: writer.add_connection(TOPICS[kind], schema, typestore=store) for kind, schema in SCHEMAS.items()
        }
        schema = "sensor_msgs/msg/CameraInfo"
        projects = writer.add_connection("/camera_info", schema, typestore=store)
        writer.write(projects, START_NS, ros.pack(version, schema, ros.camera(version, MATRIX)))
        for t_ns, kind, _, content in story(LENGTH_S):
            packed = ros.pack(version, SCHEMAS[kind], as_ros(version, content))
            writer.write(connections[kind], t_ns + 3_000_000, packed)
    return path


def samples(path: Path) -> dict[str, list[Any]]:
    """Return all that perception would get, by sensor."""
    recording = probe_recording(path)
    found: dict[str, list[Any]] = {}
    for track in recording.tracks:
        match track.sensor:
            case "video":
                video = RecordedVideo(track, recording, 64)
                found["video"] = [(one.t_ns, one.seq, one.gray.tobytes()) for one in video.read(10_000)]
                video.close()
            case "audio":
                audio = RecordedAudio(track, recording)
                found["audio"] = [(one.t_ns, one.samples.tobytes()) for one in audio.read(10_000)]
                audio.close()
            case other:
                data = RecordedData(track, recording)
                found[other] = data.read(10_000)
                data.close()
    return found


@pytest.mark.parametrize("version", ["ros1", "cdr"])
def test_a_bag_plays_as_the_same_recording_in_mcap(tmp_path: Path, version: Ros) -> None:
    write_story(tmp_path / "story.mcap", LENGTH_S)
    ours, theirs = samples(tmp_path / "story.mcap"), samples(write(tmp_path / "bag", version))
    assert theirs.keys() == ours.keys() == {"video", "audio", "radar", "events", "pose", "imu"}
    for sensor, given in ours.items():
        assert len(given) > 10
        assert theirs[sensor] == given, sensor


def test_a_camera_is_calibrated_by_the_topic_beside_its_pictures(tmp_path: Path) -> None:
    playlist = make_playlist([write(tmp_path / "a.bag", "ros1")], PerceptionConfig())
    (video,) = [one.name for one in playlist.streams if one.sensor == "video"]
    assert {name: one.camera for name, one in playlist.calibrations.items()} == {video: tuple(MATRIX)}
    assert playlist.notes == []
