"""Protobuf types that other viewers have none of: packets of event cameras and inertial measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "uint32": _Field.TYPE_UINT32,
    "fixed64": _Field.TYPE_FIXED64,
}


def _define(name: str, fields: dict[str, str]) -> type[Message]:
    """Return a message class `heedful.NAME` with fields numbered from 1."""
    file = descriptor_pb2.FileDescriptorProto(name=f"heedful/{name}.proto", package="heedful", syntax="proto3")
    file.dependency.extend(["google/protobuf/timestamp.proto", "foxglove/Vector3.proto", "foxglove/Quaternion.proto"])
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        one = message.field.add(name=field, number=number, label=_Field.LABEL_OPTIONAL)
        if kind in _KINDS:
            one.type = _KINDS[kind]
        else:
            one.type, one.type_name = _Field.TYPE_MESSAGE, f".{kind}"
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    made: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"heedful.{name}"))
    return made


EventPacket = _define(
    "EventPacket",
    {
        "timestamp": "google.protobuf.Timestamp",
        "frame_id": "string",
        "encoding": "string",  # evt3: raw EVT3 words
        "width": "uint32",
        "height": "uint32",
        "time_base": "fixed64",  # ns
        "data": "bytes",
    },
)
Imu = _define(
    "Imu",
    {
        "timestamp": "google.protobuf.Timestamp",
        "frame_id": "string",
        "linear_acceleration": "foxglove.Vector3",  # m/s2
        "angular_velocity": "foxglove.Vector3",  # rad/s
        "orientation": "foxglove.Quaternion",  # absent where it is unknown
    },
)
