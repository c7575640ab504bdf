"""ROS messages: every type that is read, of both ROS versions; what is damaged is refused in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.messages import ImuInput, RadarInput
from runtime.recording.contents import Content, Decoder, Pcm, Picture
from runtime.recording.ros import ros_decoder
from runtime.recording.ros_audio import AudioFormat, is_mpeg
from tests import ros_messages as ros
from tests.ros_messages import Case, Ros

BOTH: tuple[Ros, ...] = ("cdr", "ros1")
ALL = [(version, case) for version in BOTH for case in ros.cases(version)]
NAMES = [f"{version}{case.topic}" for version, case in ALL]


def decode(version: Ros, schema: str, message: Any, topic: str = "/topic") -> Sequence[Content]:
    decoder = ros_decoder(ros.channel(version, schema, topic))
    assert decoder is not None
    return decoder.decode(ros.pack(version, schema, message))


def contents_or_none(decoder: Decoder, data: bytes) -> Sequence[Content]:
    """Return what damaged bytes seem to hold; any error but the one promised goes through."""
    try:
        return decoder.decode(data)
    except ValueError:
        return []


def sweep(contents: Sequence[Content]) -> tuple[str, list[list[float]]]:
    (one,) = contents
    assert isinstance(one, RadarInput)
    columns = np.frombuffer(one.payload, "<f4").reshape(-1, len(one.fields.split()))
    return one.fields, columns.tolist()


@pytest.mark.parametrize("is_told", [True, False], ids=["brought", "shipped"])
@pytest.mark.parametrize(("version", "case"), ALL, ids=NAMES)
def test_every_type_is_read(version: Ros, case: Case, *, is_told: bool) -> None:
    decoder = ros_decoder(ros.channel(version, case.schema, case.topic, is_told=is_told))
    assert decoder is not None
    assert list(decoder.decode(ros.pack(version, case.schema, case.message))) == case.contents


@pytest.mark.parametrize("case", ros.cases("cdr"), ids=lambda case: case.topic)
def test_the_other_byte_order_is_read_alike(case: Case) -> None:
    decoder = ros_decoder(ros.channel("cdr", case.schema, case.topic))
    assert decoder is not None
    data = ros.STORES["cdr"].serialize_cdr(case.message, case.schema, little_endian=False)
    assert list(decoder.decode(bytes(data))) == case.contents


@given(which=st.integers(0, len(ALL) - 1), data=st.data())
def test_what_is_damaged_raises_only_value_errors(which: int, data: st.DataObject) -> None:
    version, case = ALL[which]
    decoder = ros_decoder(ros.channel(version, case.schema, case.topic))
    assert decoder is not None
    packed = bytearray(ros.pack(version, case.schema, case.message))
    for _ in range(data.draw(st.integers(0, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    assert len(contents_or_none(decoder, bytes(packed[:cut]))) <= 2


@pytest.mark.parametrize(("version", "case"), ALL, ids=NAMES)
def test_a_message_cut_anywhere_is_refused(version: Ros, case: Case) -> None:
    decoder = ros_decoder(ros.channel(version, case.schema, case.topic))
    assert decoder is not None
    packed = ros.pack(version, case.schema, case.message)
    for cut in range(len(packed)):
        with pytest.raises(ValueError, match=r"."):
            decoder.decode(packed[:cut])


@given(st.binary(max_size=300), st.integers(0, len(ALL) - 1))
def test_garbage_is_refused(garbage: bytes, which: int) -> None:
    version, case = ALL[which]
    decoder = ros_decoder(ros.channel(version, case.schema, case.topic, is_told=False))
    assert decoder is not None
    assert len(contents_or_none(decoder, garbage)) <= 2


@given(which=st.integers(0, len(ALL) - 1), data=st.data())
def test_a_damaged_definition_raises_only_value_errors(which: int, data: st.DataObject) -> None:
    version, case = ALL[which]
    told = ros.channel(version, case.schema, case.topic)
    text = list(told.schema_data.decode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.text("abfint8[]<=/_ \n\"'#=", max_size=3))
    decoder = ros_decoder(replace(told, schema_data="".join(text).encode()))
    if decoder is not None:
        assert len(contents_or_none(decoder, ros.pack(version, case.schema, case.message))) <= 2


def test_a_type_is_read_as_the_recording_defines_it() -> None:
    text = "float64 more\n" + ros.STORES["cdr"].generate_msgdef("sensor_msgs/msg/Imu", ros_version=2)[0]
    told = replace(ros.channel("cdr", "sensor_msgs/msg/Imu"), schema_data=text.encode())
    decoder = ros_decoder(told)
    assert decoder is not None
    plain = ros.pack("cdr", "sensor_msgs/msg/Imu", ros.imu("cdr"))
    (found,) = decoder.decode(plain[:4] + bytes(8) + plain[4:])
    assert isinstance(found, ImuInput)
    assert found.acceleration_mps2 == (0.0, 0.0, 9.81)


def test_a_definition_in_idl_is_replaced_by_that_which_ros_ships() -> None:
    schema = "event_camera_msgs/msg/EventPacket"
    told = replace(ros.channel("cdr", schema), schema_encoding="ros2idl", schema_data=b"module event_camera_msgs {")
    decoder = ros_decoder(told)
    assert decoder is not None
    assert len(decoder.decode(ros.pack("cdr", schema, ros.events("cdr")))) == 1


@pytest.mark.parametrize(
    "schema",
    ["std_msgs/msg/String", "sensor_msgs/msg/LaserScan", "Image", "", "a/b/c/d", "audio_common_msgs/AudioInfo"],
)
def test_other_types_are_left_alone(schema: str) -> None:
    assert ros_decoder(replace(ros.channel("cdr", "sensor_msgs/msg/Imu"), schema=schema)) is None


@pytest.mark.parametrize(
    "text",
    [
        "float64",
        "no/such/Type header\n",
        "Imu again\n",
        "int8[\n",
        "\xff\xfe",
        "int8 class\nint8 class_\n",
        "std_msgs/Header[100000000] headers\nint8 x\n",
        "string[100000000] names\n",
        "int8 x\n" * 100_000,
        "int8 x\n================================================================================\nMSG: \n",
    ],
    ids=range(10),
)
def test_a_definition_that_is_none_makes_a_channel_unreadable(text: str) -> None:
    told = replace(ros.channel("cdr", "sensor_msgs/msg/Imu"), schema_data=text.encode("latin-1"))
    assert ros_decoder(told) is None


def test_a_definition_with_other_fields_is_said_to_be_another() -> None:
    told = replace(ros.channel("cdr", "sensor_msgs/msg/Imu"), schema_data=b"int8 x\n")
    decoder = ros_decoder(told)
    assert decoder is not None
    with pytest.raises(ValueError, match="another sensor_msgs/msg/Imu than the one that is known"):
        decoder.decode(b"\0\1\0\0\5")


def test_no_code_of_a_definition_is_run() -> None:
    text = 'string NAME="""\nimport os\nos.abort()\n"""\nint8 x\n'
    told = replace(ros.channel("cdr", "sensor_msgs/msg/Imu"), schema_data=text.encode())
    assert ros_decoder(told) is None
    named = replace(told, schema='sensor_msgs/msg/Imu"""\nimport os\nos.abort()\n"""')
    assert ros_decoder(named) is None


@pytest.mark.parametrize("version", BOTH)
def test_a_stamp_of_zero_is_no_time(version: Ros) -> None:
    message = ros.image(version, "mono8", 1, b"ab", step=1, header=ros.header(version, t_ns=0))
    (picture,) = decode(version, "sensor_msgs/msg/Image", message)
    assert isinstance(picture, Picture)
    assert picture.t_ns is None


def test_a_stamp_before_1970_is_refused() -> None:
    message = ros.image("cdr", "mono8", 1, b"ab", step=1, header=ros.header("cdr", t_ns=-(10**9)))
    with pytest.raises(ValueError, match="its time is -1000000000 ns"):
        decode("cdr", "sensor_msgs/msg/Image", message)


@pytest.mark.parametrize(
    ("encoding", "fields", "why"),
    [
        ("32FC1", {"data": ros.raw(bytes(8))}, "pixels as '32FC1' cannot be read"),
        ("mono8", {"width": 3}, "fewer pixels than announced"),
        ("mono8", {"height": 9}, "fewer pixels than announced"),
        ("mono8", {"width": 0}, "a picture of 0x2"),
        ("mono8", {"width": 1 << 31, "step": 0}, "a picture of 2147483648x2"),
    ],
)
def test_pictures_that_cannot_be_are_refused(encoding: str, fields: dict[str, Any], why: str) -> None:
    message = ros.image("cdr", encoding, 2, b"abcd", step=2)
    for name, value in fields.items():
        setattr(message, name, value)
    with pytest.raises(ValueError, match=why):
        decode("cdr", "sensor_msgs/msg/Image", message)


def test_large_pixels_of_the_other_byte_order_are_turned() -> None:
    message = ros.image("cdr", "mono16", 1, bytes([1, 2, 3, 4]), step=2, is_bigendian=1)
    (picture,) = decode("cdr", "sensor_msgs/msg/Image", message)
    assert isinstance(picture, Picture)
    assert (picture.encoding, picture.payload) == ("gray16le", bytes([2, 1, 4, 3]))


def test_rows_without_a_step_stand_one_after_the_other() -> None:
    (picture,) = decode("cdr", "sensor_msgs/msg/Image", ros.image("cdr", "rgb8", 1, b"abcdef", step=0))
    assert isinstance(picture, Picture)
    assert picture.step_bytes == 3


@pytest.mark.parametrize(
    ("text", "data", "encoding"),
    [
        ("rgb8; jpeg compressed bgr8", ros.JPEG, "jpeg"),
        ("", b"\x89PNG\r\n\x1a\n....", "png"),
        ("jpeg", b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
    ],
)
def test_compressed_pictures_are_told_by_their_bytes(text: str, data: bytes, encoding: str) -> None:
    schema = "sensor_msgs/msg/CompressedImage"
    message = ros.make("cdr", schema, header=ros.header("cdr"), format=text, data=ros.raw(data))
    (picture,) = decode("cdr", schema, message)
    assert isinstance(picture, Picture)
    assert (picture.encoding, picture.payload) == (encoding, data)


@pytest.mark.parametrize("text", ["16UC1; compressedDepth png", "jpeg", "tiff"])
def test_other_compressed_pictures_are_refused(text: str) -> None:
    schema = "sensor_msgs/msg/CompressedImage"
    message = ros.make("cdr", schema, header=ros.header("cdr"), format=text, data=ros.raw(bytes(20)))
    with pytest.raises(ValueError, match=f"pictures as '{text}' cannot be read"):
        decode("cdr", schema, message)


def test_points_keep_the_names_and_order_of_their_fields() -> None:
    points = np.zeros(2, [("z", "<f8"), ("y", "<f4"), ("x", "<f4"), ("v_r", "<i2"), ("flags", "u1", (2,))])
    points["x"], points["z"], points["v_r"], points["flags"] = [1, 2], [3, 4], [-5, 6], [[7, 8], [9, 10]]
    assert sweep(decode("cdr", "sensor_msgs/msg/PointCloud2", ros.cloud("cdr", points))) == (
        "z y x v_r flags_0 flags_1",
        [[3, 0, 1, -5, 7, 8], [4, 0, 2, 6, 9, 10]],
    )


def test_points_of_the_other_byte_order_are_read() -> None:
    points = np.ones(3, [(name, ">f4") for name in ("x", "y", "z", "rcs")])
    message = ros.cloud("cdr", points, is_bigendian=True)
    assert sweep(decode("cdr", "sensor_msgs/msg/PointCloud2", message)) == ("x y z rcs", [[1.0] * 4] * 3)


def test_rows_of_points_may_be_padded() -> None:
    points = np.arange(12, dtype="<f4").view([(name, "<f4") for name in ("x", "y", "z")])
    data = b"".join(points[row : row + 2].tobytes() + b"...." for row in (0, 2))
    message = ros.cloud("cdr", points, height=2, width=2, row_step=28, data=ros.raw(data))
    assert sweep(decode("cdr", "sensor_msgs/msg/PointCloud2", message))[1] == np.arange(12).reshape(4, 3).tolist()


def test_points_that_are_nowhere_and_fields_that_are_nothing_are_left_out() -> None:
    points = np.ones(3, [(name, "<f4") for name in ("x", "y", "z", "rcs", "unused")])
    points["y"][0] = points["rcs"][1] = np.nan
    points["unused"] = np.inf
    assert sweep(decode("cdr", "sensor_msgs/msg/PointCloud2", ros.cloud("cdr", points))) == ("x y z rcs", [[1.0] * 4])


@pytest.mark.parametrize(
    ("names", "changed", "why"),
    [
        (["x", "y"], {}, "without x, y and z"),
        (["x", "y", "z"], {"width": 4}, "fewer points than announced"),
        (["x", "y", "z"], {"height": 1 << 31, "width": 1 << 31}, "fewer points than announced"),
        (["x", "y", "z"], {"point_step": 4}, "fields do not fit"),
        (["x", "y", "z"], {"point_step": 0}, "fields do not fit"),
        (["x", "y", "z"], {"point_step": (1 << 32) - 1, "width": 0}, "fields do not fit"),
    ],
)
def test_points_that_cannot_be_are_refused(names: list[str], changed: dict[str, Any], why: str) -> None:
    points = np.ones(3, [(name, "<f4") for name in names])
    with pytest.raises(ValueError, match=why):
        decode("cdr", "sensor_msgs/msg/PointCloud2", ros.cloud("cdr", points, **changed))


@pytest.mark.parametrize("changed", [{"encoding": "mono"}, {"is_bigendian": True}])
def test_other_event_codes_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"events as .* cannot be read"):
        decode("cdr", "event_camera_msgs/msg/EventPacket", ros.events("cdr", **changed))


@pytest.mark.parametrize("message", [ros.imu("cdr", first=-1.0), ros.imu("cdr", (0.0, 0.0, 0.0, 0.0))])
def test_an_orientation_that_nobody_measured_is_none(message: Any) -> None:
    (found,) = decode("cdr", "sensor_msgs/msg/Imu", message)
    assert isinstance(found, ImuInput)
    assert found.orientation is None


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        decode("cdr", "sensor_msgs/msg/Imu", ros.imu("cdr", (0.0, 0.0, float("nan"), 1.0)))


def test_a_camera_that_was_never_calibrated_has_no_matrix() -> None:
    (found,) = decode("cdr", "sensor_msgs/msg/CameraInfo", ros.camera("cdr", [0.0] * 9))
    assert getattr(found, "camera", None) == ()


@pytest.mark.parametrize(
    ("audio", "data", "samples"),
    [
        (AudioFormat(), np.array([1, -2], "<i2"), [1, -2]),
        (AudioFormat(samples="S16BE"), np.array([1, -2], ">i2"), [1, -2]),
        (AudioFormat(samples="S32LE"), np.array([1 << 16, -(1 << 17)], "<i4"), [1, -2]),
        (AudioFormat(samples="F32LE"), np.array([1, -2, 0, np.nan], "<f4"), [32_767, -32_767, 0, 0]),
    ],
)
def test_samples_become_16_bits(audio: AudioFormat, data: np.ndarray[Any, Any], samples: list[int]) -> None:
    assert np.frombuffer(audio.s16(data.tobytes()), "<i2").tolist() == samples


@pytest.mark.parametrize(
    ("audio", "data", "why"),
    [
        (AudioFormat(coding="mp3"), b"1234", "sound as mp3 S16LE cannot be read"),
        (AudioFormat(samples="U8"), b"1234", "sound as wave U8 cannot be read"),
        (AudioFormat(), b"123", "breaks off within a sample"),
        (AudioFormat(channels=2), b"123456", "breaks off within a sample"),
        (AudioFormat(channels=0), b"1234", "breaks off within a sample"),
        (AudioFormat(), b"\xff\xf3\x48\xc4" + bytes(140), "sound as mp3 cannot be read"),
    ],
)
def test_other_sound_is_refused(audio: AudioFormat, data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        audio.s16(data)


@given(st.binary(max_size=64))
def test_few_bytes_are_taken_for_mp3(data: bytes) -> None:
    assert not is_mpeg(data) or data[0] == 0xFF


def test_what_is_known_of_the_sound_counts() -> None:
    channel = ros.channel("ros1", "audio_common_msgs/msg/AudioData")
    decoder = ros_decoder(channel, AudioFormat(rate_hz=48_000, channels=2))
    assert decoder is not None
    message = ros.make("ros1", "audio_common_msgs/msg/AudioData", data=ros.numbers(1, 2, 3, 4))
    contents = decoder.decode(ros.pack("ros1", "audio_common_msgs/msg/AudioData", message))
    assert contents == [Pcm(t_ns=None, rate_hz=48_000, channels=2, payload=bytes([1, 2, 3, 4]))]
