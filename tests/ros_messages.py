"""ROS messages made on the spot: of both ROS versions, packed by rosbags, with what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording.container import Channel
from runtime.recording.contents import Content, Pcm, Picture
from runtime.recording.ros_types import BY_HAND

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

Ros: TypeAlias = Literal["cdr", "ros1"]
T_NS = 1_700_000_000_123_456_789
JPEG = b"\xff\xd8\xff\xe0 and so on"
NOWHERE = {"session": "", "stream": ""}
TURN = (0.0, 0.0, 1.0, 0.0)


def _store(ros: Ros) -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY if ros == "cdr" else Stores.ROS1_NOETIC)
    for name, text in BY_HAND.items():
        store.register(get_types_from_msg(text, name))
    return store


STORES: dict[Ros, Typestore] = {"cdr": _store("cdr"), "ros1": _store("ros1")}


@dataclass(frozen=True)
class Case:
    """One message and what is in it."""

    topic: str
    schema: str  # as ROS 2 writes it
    message: Any
    contents: list[Content]


def make(ros: Ros, schema: str, **fields: Any) -> Any:
    """Return a message; fields are named as in ROS 2."""
    known = {name.lower(): name for name, _ in STORES[ros].fielddefs[schema][1]}
    named = {known[name]: value for name, value in fields.items()}
    return STORES[ros].types[schema](**named)


def stamp(ros: Ros, t_ns: int = T_NS) -> Any:
    return make(ros, "builtin_interfaces/msg/Time", sec=t_ns // 10**9, nanosec=t_ns % 10**9)


def header(ros: Ros, frame: str = "map", t_ns: int = T_NS) -> Any:
    extra = {"seq": 7} if ros == "ros1" else {}
    return make(ros, "std_msgs/msg/Header", stamp=stamp(ros, t_ns), frame_id=frame, **extra)


def pack(ros: Ros, schema: str, message: Any) -> bytes:
    """Return a message as it stands in a recording."""
    store = STORES[ros]
    return bytes(store.serialize_cdr(message, schema) if ros == "cdr" else store.serialize_ros1(message, schema))


def channel(ros: Ros, schema: str, topic: str = "/topic", *, is_told: bool = True) -> Channel:
    """Return a channel of a type; `is_told` says whether the recording brings the definition."""
    text = STORES[ros].generate_msgdef(schema, ros_version=2 if ros == "cdr" else 1)[0] if is_told else ""
    return Channel(
        id=1,
        topic=topic,
        schema=schema if ros == "cdr" else schema.replace("/msg/", "/"),
        schema_encoding=("ros2msg" if ros == "cdr" else "ros1msg") if is_told else "",
        schema_data=text.encode(),
        encoding=ros,
        metadata={},
        count=None,
    )


def numbers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.array(values, np.uint8)


def raw(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8)


def vector(ros: Ros, *xyz: float, of: str = "Vector3") -> Any:
    return make(ros, f"geometry_msgs/msg/{of}", x=xyz[0], y=xyz[1], z=xyz[2])


def turn(ros: Ros, values: tuple[float, ...] = TURN) -> Any:
    return make(ros, "geometry_msgs/msg/Quaternion", **dict(zip("xyzw", values, strict=True)))


def pose(ros: Ros) -> Any:
    return make(ros, "geometry_msgs/msg/Pose", position=vector(ros, 1, 2, 3, of="Point"), orientation=turn(ros))


def image(ros: Ros, encoding: str, width: int, data: bytes, *, step: int, **fields: Any) -> Any:
    about = {"height": 2, "is_bigendian": 0, "header": header(ros), **fields}
    return make(ros, "sensor_msgs/msg/Image", encoding=encoding, width=width, step=step, data=raw(data), **about)


def imu(ros: Ros, orientation: tuple[float, ...] = TURN, first: float = 0.0) -> Any:
    return make(
        ros,
        "sensor_msgs/msg/Imu",
        header=header(ros),
        orientation=turn(ros, orientation),
        orientation_covariance=np.array([first] + [0.0] * 8),
        angular_velocity=vector(ros, 0.1, 0.2, 0.3),
        angular_velocity_covariance=np.zeros(9),
        linear_acceleration=vector(ros, 0, 0, 9.81),
        linear_acceleration_covariance=np.zeros(9),
    )


def cloud(ros: Ros, points: np.ndarray[Any, Any], **changed: Any) -> Any:
    """Return a PointCloud2 of structured points; fields with a shape become fields with a count."""
    codes = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
    fields = []
    for name in points.dtype.names or ():
        kind, offset = points.dtype.fields[name][:2]
        code, count = codes[kind.base.str[1:]], max(1, int(np.prod(kind.shape)))
        fields.append(make(ros, "sensor_msgs/msg/PointField", name=name, offset=offset, datatype=code, count=count))
    size = points.dtype.itemsize
    about: dict[str, Any] = {"height": 1, "width": len(points), "row_step": size * len(points), "is_bigendian": False}
    about |= {"point_step": size, "data": raw(points.tobytes()), "is_dense": True, "fields": fields} | changed
    return make(ros, "sensor_msgs/msg/PointCloud2", header=header(ros), **about)


def camera(ros: Ros, matrix: list[float]) -> Any:
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    return make(
        ros,
        "sensor_msgs/msg/CameraInfo",
        header=header(ros),
        height=480,
        width=640,
        distortion_model="plumb_bob",
        d=np.array([0.1, 0.2]),
        k=np.array(matrix),
        r=np.eye(3).ravel(),
        p=np.zeros(12),
        binning_x=0,
        binning_y=0,
        roi=make(ros, "sensor_msgs/msg/RegionOfInterest", **roi),
    )


def ridden(ros: Ros, place: Any, speed: Any, child: str) -> Any:
    spread = make(ros, "geometry_msgs/msg/PoseWithCovariance", pose=place, covariance=np.zeros(36))
    moving = make(ros, "geometry_msgs/msg/TwistWithCovariance", twist=speed, covariance=np.zeros(36))
    about = {"header": header(ros), "child_frame_id": child, "pose": spread, "twist": moving}
    return make(ros, "nav_msgs/msg/Odometry", **about)


def events(ros: Ros, **changed: Any) -> Any:
    about: dict[str, Any] = {"height": 480, "width": 640, "seq": 3, "time_base": 5, "encoding": "evt3"}
    about |= {"is_bigendian": False, "events": numbers(1, 2, 3, 4)} | changed
    return make(ros, "event_camera_msgs/msg/EventPacket", header=header(ros), **about)


def transforms(ros: Ros, *children: str) -> Any:
    def one(child: str) -> Any:
        moved = make(ros, "geometry_msgs/msg/Transform", translation=vector(ros, 1, 2, 3), rotation=turn(ros))
        return make(
            ros, "geometry_msgs/msg/TransformStamped", header=header(ros), child_frame_id=child, transform=moved
        )

    return make(ros, "tf2_msgs/msg/TFMessage", transforms=[one(child) for child in children])


def cases(ros: Ros) -> list[Case]:
    """Return a message of every type that is read."""
    place: dict[str, Any] = {"position_m": (1.0, 2.0, 3.0), "orientation": TURN, "t_ns": T_NS, **NOWHERE}
    points = np.array([(1, 2, 3, -4, 5), (6, 7, 8, 9, 10)], "f4,f4,f4,f4,i2")
    points.dtype.names = ("x", "y", "z", "doppler", "snr")
    columns = np.array([[1, 2, 3, -4, 5], [6, 7, 8, 9, 10]], "<f4").tobytes()
    sweep = RadarInput(t_ns=T_NS, fields="x y z doppler snr", payload=columns, **NOWHERE)  # type: ignore[arg-type]
    packet = EventsInput(
        session="", stream="", t_ns=T_NS, width_px=640, height_px=480, base_ns=5, payload=bytes([1, 2, 3, 4])
    )
    measured = ImuInput(
        session="",
        stream="",
        t_ns=T_NS,
        acceleration_mps2=(0.0, 0.0, 9.81),
        rotation_radps=(0.1, 0.2, 0.3),
        orientation=TURN,
    )
    matrix = [500.0, 0, 320, 0, 500, 240, 0, 0, 1]
    projects = CalibrationInput(
        session="",
        stream="",
        t_ns=T_NS,
        width_px=640,
        height_px=480,
        model="plumb_bob",
        camera=tuple(matrix),
        distortion=(0.1, 0.2),
    )
    pixels = Picture(
        t_ns=T_NS, encoding="bgr24", width_px=1, height_px=2, step_bytes=4, payload=bytes([1, 2, 3, 0, 4, 5, 6, 0])
    )
    pressed = make(ros, "sensor_msgs/msg/CompressedImage", header=header(ros), format="jpeg", data=raw(JPEG))
    video = {"timestamp": stamp(ros), "frame_id": "cam", "data": raw(b"\0\0\1"), "format": "h265"}
    sound = make(ros, "audio_common_msgs/msg/AudioData", data=numbers(1, 2, 3, 4))
    heard = make(ros, "audio_common_msgs/msg/AudioDataStamped", header=header(ros), audio=sound)
    spread = make(ros, "geometry_msgs/msg/PoseWithCovariance", pose=pose(ros), covariance=np.zeros(36))
    speed = make(ros, "geometry_msgs/msg/Twist", linear=vector(ros, 1, 0, 0), angular=vector(ros, 0, 0, 0.5))
    return [
        Case(
            "/cam/raw",
            "sensor_msgs/msg/Image",
            image(ros, "bgr8", 1, bytes([1, 2, 3, 0, 4, 5, 6, 0]), step=4),
            [pixels],
        ),
        Case("/cam", "sensor_msgs/msg/CompressedImage", pressed, [Picture(t_ns=T_NS, encoding="jpeg", payload=JPEG)]),
        Case(
            "/video",
            "foxglove_msgs/msg/CompressedVideo",
            make(ros, "foxglove_msgs/msg/CompressedVideo", **video),
            [Picture(t_ns=T_NS, encoding="hevc", payload=b"\0\0\1")],
        ),
        Case(
            "/audio",
            "audio_common_msgs/msg/AudioData",
            sound,
            [Pcm(t_ns=None, rate_hz=16_000, channels=1, payload=bytes([1, 2, 3, 4]))],
        ),
        Case(
            "/audio_stamped",
            "audio_common_msgs/msg/AudioDataStamped",
            heard,
            [Pcm(t_ns=T_NS, rate_hz=16_000, channels=1, payload=bytes([1, 2, 3, 4]))],
        ),
        Case("/radar", "sensor_msgs/msg/PointCloud2", cloud(ros, points), [sweep]),
        Case("/events", "event_camera_msgs/msg/EventPacket", events(ros), [packet]),
        Case(
            "/odom",
            "nav_msgs/msg/Odometry",
            ridden(ros, pose(ros), speed, "base_link"),
            [PoseInput(child="base_link", velocity_mps=(1.0, 0.0, 0.0), rotation_radps=(0.0, 0.0, 0.5), **place)],
        ),
        Case(
            "/pose",
            "geometry_msgs/msg/PoseStamped",
            make(ros, "geometry_msgs/msg/PoseStamped", header=header(ros), pose=pose(ros)),
            [PoseInput(**place)],
        ),
        Case(
            "/amcl_pose",
            "geometry_msgs/msg/PoseWithCovarianceStamped",
            make(ros, "geometry_msgs/msg/PoseWithCovarianceStamped", header=header(ros), pose=spread),
            [PoseInput(**place)],
        ),
        Case(
            "/tf",
            "tf2_msgs/msg/TFMessage",
            transforms(ros, "base", "lidar"),
            [PoseInput(child="base", **place), PoseInput(child="lidar", **place)],
        ),
        Case(
            "/tf_static",
            "tf2_msgs/msg/TFMessage",
            transforms(ros, "cam"),
            [CalibrationInput(frame="map", **{**place, "stream": "cam"})],
        ),
        Case("/imu", "sensor_msgs/msg/Imu", imu(ros), [measured]),
        Case("/camera_info", "sensor_msgs/msg/CameraInfo", camera(ros, matrix), [projects]),
    ]
