"""The message types of Foxglove's viewers (https://docs.foxglove.dev/docs/sdk/schemas), to and from what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.Odometry_pb2 import Odometry
from foxglove_schemas_protobuf.PackedElementField_pb2 import PackedElementField
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError, Message

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording.contents import ANY, COMPRESSED, VIDEO, VIDEO_NAMES, Content, Decoder, InputKind, Pcm, Picture
from runtime.recording.packets import EventPacket, Imu
from runtime.recording.points import float_columns
from runtime.recording.rawimage import PIXELS, raw_picture
from runtime.recording.sane import finite, moment, quaternion, vector

NUMBERS = {1: "u1", 2: "i1", 3: "<u2", 4: "<i2", 5: "<u4", 6: "<i4", 7: "<f4", 8: "<f8"}  # of packed fields


def encode(content: Content, frame_id: str) -> Message:
    """Return the protobuf message for what a sensor gave; a calibration becomes the transform of its sensor."""
    match content:
        case Picture() if content.encoding in COMPRESSED:
            made: Any = CompressedImage(frame_id=frame_id, data=content.payload, format=content.encoding)
        case Picture() if content.encoding in VIDEO:
            names = {ours: theirs for theirs, ours in VIDEO_NAMES.items()}
            made = CompressedVideo(frame_id=frame_id, data=content.payload, format=names[content.encoding])
        case Picture():
            names = {ours: theirs for theirs, ours in reversed(PIXELS.items())}
            made = RawImage(frame_id=frame_id, data=content.payload, encoding=names[content.encoding])
            made.width, made.height, made.step = content.width_px, content.height_px, content.step_bytes
        case Pcm():
            made = RawAudio(data=content.payload, format="pcm-s16")
            made.sample_rate, made.number_of_channels = content.rate_hz, content.channels
        case RadarInput():
            made = _cloud(content, frame_id)
        case EventsInput():
            made = EventPacket(frame_id=frame_id, encoding=content.encoding, data=content.payload)
            made.width, made.height, made.time_base = content.width_px, content.height_px, content.base_ns
        case PoseInput():
            made = Odometry(frame_id=content.frame, body_frame_id=content.child)
            _set(made.pose.position, content.position_m)
            _set(made.pose.orientation, content.orientation)
            _set(made.linear_velocity, content.velocity_mps)
            _set(made.angular_velocity, content.rotation_radps)
        case ImuInput():
            made = Imu(frame_id=frame_id)
            _set(made.linear_acceleration, content.acceleration_mps2)
            _set(made.angular_velocity, content.rotation_radps)
            _set(made.orientation, content.orientation)
        case CalibrationInput():
            made = FrameTransform(parent_frame_id=content.frame, child_frame_id=frame_id)
            _set(made.translation, content.position_m)
            _set(made.rotation, content.orientation)
    if content.t_ns is not None:
        made.timestamp.FromNanoseconds(content.t_ns)
    message: Message = made
    return message


def encode_camera(content: CalibrationInput, frame_id: str) -> Message:
    """Return how a camera projects."""
    made = CameraCalibration(frame_id=frame_id, width=content.width_px, height=content.height_px)
    made.distortion_model = content.model
    made.K[:], made.D[:] = content.camera, content.distortion
    if content.t_ns is not None:
        made.timestamp.FromNanoseconds(content.t_ns)
    return made


def schema_data(message: type[Message]) -> bytes:
    """Return a message type with all that it is made of, as MCAP wants protobuf schemas."""
    files: dict[str, Any] = {}

    def collect(file: Any) -> None:
        for other in file.dependencies:
            collect(other)
        files[file.name] = file

    collect(message.DESCRIPTOR.file)
    everything = FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(everything.file.add())
    return everything.SerializeToString(deterministic=True)


def _picture(message: Any) -> Picture:
    encoding = message.format.lower().removeprefix("image/").replace("jpg", "jpeg")
    if encoding not in COMPRESSED:
        raise ValueError(f"pictures as {message.format!r} cannot be read")
    return Picture(t_ns=_stamp(message), encoding=encoding, payload=message.data)


def _video(message: Any) -> Picture:
    if message.format not in VIDEO_NAMES:
        raise ValueError(f"video as {message.format!r} cannot be read")
    return Picture(t_ns=_stamp(message), encoding=VIDEO_NAMES[message.format], payload=message.data)


def _raw(message: Any) -> Picture:
    return raw_picture(_stamp(message), message.encoding, (message.width, message.height), message.step, message.data)


def _audio(message: Any) -> Pcm:
    if message.format != "pcm-s16":
        raise ValueError(f"sound as {message.format!r} cannot be read")
    return Pcm(
        t_ns=_stamp(message),
        rate_hz=message.sample_rate,
        channels=message.number_of_channels,
        payload=message.data,
    )


def _points(message: Any) -> RadarInput:
    layout = {field.name: (NUMBERS.get(field.type, ""), field.offset) for field in message.fields}
    names, payload = float_columns(message.data, message.point_stride, layout)
    return RadarInput(session=ANY, stream=ANY, t_ns=_stamp(message), fields=names, payload=payload)


def _cloud(content: RadarInput, frame_id: str) -> PointCloud:
    names = content.fields.split()
    made = PointCloud(frame_id=frame_id, point_stride=4 * len(names), data=content.payload)
    made.pose.orientation.w = 1.0
    for number, name in enumerate(names):
        made.fields.add(name=name, offset=4 * number, type=PackedElementField.FLOAT32)
    return made


def _events(message: Any) -> EventsInput:
    return EventsInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        encoding=message.encoding,
        width_px=message.width,
        height_px=message.height,
        base_ns=message.time_base,
        payload=message.data,
    )


def _odometry(message: Any) -> PoseInput:
    return PoseInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        frame=message.frame_id,
        child=message.body_frame_id,
        position_m=vector(message.pose.position),
        orientation=quaternion(message.pose.orientation),
        velocity_mps=vector(message.linear_velocity) if message.HasField("linear_velocity") else None,
        rotation_radps=vector(message.angular_velocity) if message.HasField("angular_velocity") else None,
    )


def _pose(message: Any) -> PoseInput:
    return PoseInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        frame=message.frame_id,
        position_m=vector(message.pose.position),
        orientation=quaternion(message.pose.orientation),
    )


def _imu(message: Any) -> ImuInput:
    return ImuInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        acceleration_mps2=vector(message.linear_acceleration),
        rotation_radps=vector(message.angular_velocity),
        orientation=quaternion(message.orientation) if message.HasField("orientation") else None,
    )


def _transform(message: Any) -> CalibrationInput:
    return CalibrationInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        frame=message.parent_frame_id,
        position_m=vector(message.translation),
        orientation=quaternion(message.rotation),
    )


def _camera(message: Any) -> CalibrationInput:
    return CalibrationInput(
        session=ANY,
        stream=ANY,
        t_ns=_stamp(message),
        width_px=message.width,
        height_px=message.height,
        model=message.distortion_model,
        camera=finite(tuple(message.K)),
        distortion=finite(tuple(message.D)),
    )


def _stamp(message: Any) -> int | None:
    return moment(message.timestamp.ToNanoseconds()) if message.HasField("timestamp") else None


def _set(message: Any, values: Sequence[float] | None) -> None:
    if values is not None:
        message.SetInParent()
        for name, value in zip("xyzw", values, strict=False):
            setattr(message, name, value)


def _decoder(kind: InputKind, message_type: type[Any], read: Callable[[Any], Content]) -> Decoder:
    def decode(data: bytes) -> list[Content]:
        try:
            return [read(message_type.FromString(data))]
        except DecodeError as error:
            raise ValueError(f"is no {message_type.DESCRIPTOR.full_name}") from error

    return Decoder(kind=kind, decode=decode)


_READ: tuple[tuple[InputKind, type[Any], Callable[[Any], Content]], ...] = (
    ("image", CompressedImage, _picture),
    ("image", CompressedVideo, _video),
    ("image", RawImage, _raw),
    ("audio", RawAudio, _audio),
    ("radar", PointCloud, _points),
    ("events", EventPacket, _events),
    ("pose", Odometry, _odometry),
    ("pose", PoseInFrame, _pose),
    ("imu", Imu, _imu),
    ("calibration", FrameTransform, _transform),
    ("calibration", CameraCalibration, _camera),
)
DECODERS: dict[str, Decoder] = {
    message_type.DESCRIPTOR.full_name: _decoder(kind, message_type, read) for kind, message_type, read in _READ
}
