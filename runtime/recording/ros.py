"""ROS 1 and ROS 2 messages as what they mean; `ros_types` knows how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording.container import Channel
from runtime.recording.contents import ANY, VIDEO_NAMES, Content, Decoder, InputKind, Pcm, Picture
from runtime.recording.points import float_columns
from runtime.recording.rawimage import raw_picture
from runtime.recording.ros_audio import AudioFormat
from runtime.recording.ros_types import ros_name, ros_reader
from runtime.recording.sane import finite, moment, quaternion, vector

NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}  # of point fields
FIELD_NUMBERS_MAX = 16  # of one point field: more is a descriptor, and no measurement
EVENT_CODES = frozenset({"evt3", "libcaer_cmp"})
NANOSECONDS = 1_000_000_000

_Meaning: TypeAlias = Callable[[Any], Sequence[Content]]


def ros_decoder(channel: Channel, audio: AudioFormat | None = None) -> Decoder | None:
    """Return how to read a channel of a ROS type, or None where nobody needs it or its definition cannot be read.

    `audio` is how bare samples are packed; None is what most senders use: 16 kHz, mono, 16 bits.
    """
    found = _meaning(channel, audio or AudioFormat())
    read = ros_reader(channel) if found is not None else None
    if found is None or read is None:
        return None
    kind, meaning = found

    def decode(data: bytes) -> Sequence[Content]:
        try:
            return meaning(read(data))
        except (AttributeError, TypeError, OverflowError) as error:  # the recording's own type has other fields
            raise ValueError(f"is another {channel.schema} than the one that is known") from error

    return Decoder(kind=kind, decode=decode, frame_of=lambda data: frame_id(read(data)))


def frame_id(message: Any) -> str:
    """Return the frame that a message names, "" for none; ROS 1 once wrote a slash before it."""
    return str(getattr(getattr(message, "header", message), "frame_id", "")).lstrip("/")


def camera_info_topic(topic: str) -> str:
    """Return where ROS tells how the camera of a topic projects: beside its pictures."""
    return topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"


def _meaning(channel: Channel, audio: AudioFormat) -> tuple[InputKind, _Meaning] | None:
    match ros_name(channel.schema):
        case "tf2_msgs/msg/TFMessage" | "tf/msg/tfMessage":
            is_static = channel.topic.rstrip("/").endswith("tf_static")
            return ("calibration", _static_transforms) if is_static else ("pose", _transforms)
        case "audio_common_msgs/msg/AudioData":
            return "audio", lambda message: _sound(message, None, audio)
        case "audio_common_msgs/msg/AudioDataStamped":
            return "audio", lambda message: _sound(message.audio, _stamp(message.header), audio)
        case name:
            return _MEANINGS.get(name)


def _raw_image(message: Any) -> list[Content]:
    return [
        raw_picture(
            _stamp(message.header),
            message.encoding,
            (message.width, message.height),
            message.step,
            message.data.tobytes(),
            is_bigendian=bool(message.is_bigendian),
        )
    ]


def _compressed_image(message: Any) -> list[Content]:
    """Look at the bytes: what the format says differs from sender to sender."""
    data = message.data.tobytes()
    if data[:3] == b"\xff\xd8\xff":
        encoding = "jpeg"
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        encoding = "png"
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        encoding = "webp"
    else:
        raise ValueError(f"pictures as {message.format!r} cannot be read")
    return [Picture(t_ns=_stamp(message.header), encoding=encoding, payload=data)]


def _video(message: Any) -> list[Content]:
    if message.format not in VIDEO_NAMES:
        raise ValueError(f"video as {message.format!r} cannot be read")
    encoding = VIDEO_NAMES[message.format]
    return [Picture(t_ns=_time(message.timestamp), encoding=encoding, payload=message.data.tobytes())]


def _sound(message: Any, t_ns: int | None, audio: AudioFormat) -> list[Content]:
    payload = audio.s16(message.data.tobytes())
    return [Pcm(t_ns=t_ns, rate_hz=audio.rate_hz, channels=audio.channels, payload=payload)]


def _points(message: Any) -> list[Content]:
    """Keep the fields' names: what radars call their speed and strength differs."""
    order = ">" if message.is_bigendian else "<"
    layout: dict[str, tuple[str, int]] = {}
    for one in message.fields:
        kind = NUMBERS.get(one.datatype, "")
        count = max(1, one.count)  # some senders leave 0
        if kind and count <= FIELD_NUMBERS_MAX:
            size = np.dtype(kind).itemsize
            for number in range(count):
                name = one.name if count == 1 else f"{one.name}_{number}"
                layout[name] = (order + kind, one.offset + number * size)
    row_bytes = message.width * message.point_step
    data = message.data
    if message.height > 1 and message.row_step > row_bytes:  # rows are padded
        data = data[: message.height * message.row_step].reshape(message.height, message.row_step)[:, :row_bytes]
    if data.size < message.height * row_bytes:
        raise ValueError("fewer points than announced")
    points = data.tobytes()[: message.height * row_bytes]
    names, payload = float_columns(points, message.point_step, layout)
    return [RadarInput(session=ANY, stream=ANY, t_ns=_stamp(message.header), fields=names, payload=payload)]


def _events(message: Any) -> list[Content]:
    if message.encoding not in EVENT_CODES or message.is_bigendian:
        order = " of the other byte order" if message.is_bigendian else ""
        raise ValueError(f"events as {message.encoding!r}{order} cannot be read")
    return [
        EventsInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(message.header),
            encoding=message.encoding,
            width_px=message.width,
            height_px=message.height,
            base_ns=message.time_base,
            payload=message.events.tobytes(),
        )
    ]


def _imu(message: Any) -> list[Content]:
    is_turn_known = message.orientation_covariance[0] != -1 and any(quaternion(message.orientation))
    return [
        ImuInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(message.header),
            acceleration_mps2=vector(message.linear_acceleration),
            rotation_radps=vector(message.angular_velocity),
            orientation=quaternion(message.orientation) if is_turn_known else None,
        )
    ]


def _odometry(message: Any) -> list[Content]:
    return [
        PoseInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(message.header),
            frame=message.header.frame_id,
            child=message.child_frame_id,
            position_m=vector(message.pose.pose.position),
            orientation=quaternion(message.pose.pose.orientation),
            velocity_mps=vector(message.twist.twist.linear),
            rotation_radps=vector(message.twist.twist.angular),
        )
    ]


def _pose(message: Any) -> list[Content]:
    return [
        PoseInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(message.header),
            frame=message.header.frame_id,
            position_m=vector(pose.position),
            orientation=quaternion(pose.orientation),
        )
        for pose in [getattr(message.pose, "pose", message.pose)]  # PoseWithCovariance has it one deeper
    ]


def _transforms(message: Any) -> list[Content]:
    return [
        PoseInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(one.header),
            frame=one.header.frame_id,
            child=one.child_frame_id,
            position_m=vector(one.transform.translation),
            orientation=quaternion(one.transform.rotation),
        )
        for one in message.transforms
    ]


def _static_transforms(message: Any) -> list[Content]:
    """Return where each sensor sits; `stream` is its frame, which is all that ROS says of it."""
    return [
        CalibrationInput(
            session=ANY,
            stream=one.child_frame_id.lstrip("/"),
            t_ns=_stamp(one.header),
            frame=one.header.frame_id,
            position_m=vector(one.transform.translation),
            orientation=quaternion(one.transform.rotation),
        )
        for one in message.transforms
    ]


def _camera(message: Any) -> list[Content]:
    matrix = message.k if hasattr(message, "k") else message.K  # ROS 2, ROS 1
    distortion = message.d if hasattr(message, "d") else message.D
    camera = finite(tuple(map(float, matrix)))
    return [
        CalibrationInput(
            session=ANY,
            stream=ANY,
            t_ns=_stamp(message.header),
            width_px=message.width,
            height_px=message.height,
            model=message.distortion_model,
            camera=camera if any(camera) else (),  # zeros: it was never calibrated
            distortion=finite(tuple(map(float, distortion))),
        )
    ]


def _stamp(header: Any) -> int | None:
    return _time(header.stamp)


def _time(stamp: Any) -> int | None:
    return moment(stamp.sec * NANOSECONDS + stamp.nanosec)


_MEANINGS: dict[str, tuple[InputKind, _Meaning]] = {
    "sensor_msgs/msg/Image": ("image", _raw_image),
    "sensor_msgs/msg/CompressedImage": ("image", _compressed_image),
    "foxglove_msgs/msg/CompressedVideo": ("image", _video),
    "sensor_msgs/msg/PointCloud2": ("radar", _points),
    "event_camera_msgs/msg/EventPacket": ("events", _events),
    "nav_msgs/msg/Odometry": ("pose", _odometry),
    "geometry_msgs/msg/PoseStamped": ("pose", _pose),
    "geometry_msgs/msg/PoseWithCovarianceStamped": ("pose", _pose),
    "sensor_msgs/msg/Imu": ("imu", _imu),
    "sensor_msgs/msg/CameraInfo": ("calibration", _camera),
}
