"""Foxglove's messages: what a sensor gave comes back as it was, and what is no message is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput
from runtime.recording.contents import COMPRESSED, VIDEO, Content, Pcm, Picture
from runtime.recording.foxglove import DECODERS, encode, encode_camera, schema_data
from runtime.recording.rawimage import PIXEL_BYTES, PIXELS

if TYPE_CHECKING:
    from google.protobuf.message import Message

NOWHERE: dict[str, Any] = {"session": "", "stream": ""}
numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(codec="utf-8"), max_size=9)
times = st.none() | st.integers(1, (1 << 63) - 1)
vectors = st.tuples(numbers, numbers, numbers)
turns = st.tuples(numbers, numbers, numbers, numbers)
sizes = st.integers(0, (1 << 32) - 1)


@st.composite
def raw_pictures(draw: st.DrawFn) -> Picture:
    encoding = draw(st.sampled_from(sorted(set(PIXELS.values()))))
    width_px, height_px, padding = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(0, 3))
    step_bytes = width_px * PIXEL_BYTES[encoding] + padding
    size = step_bytes * height_px
    return Picture(
        t_ns=draw(times),
        encoding=encoding,
        width_px=width_px,
        height_px=height_px,
        step_bytes=step_bytes,
        payload=draw(st.binary(min_size=size, max_size=size)),
    )


@st.composite
def sweeps(draw: st.DrawFn) -> RadarInput:
    fields = draw(st.permutations(["x", "y", "z", "rcs", "v_r", "Δt"]))
    count = draw(st.integers(0, 5)) * len(fields)
    values = draw(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=count, max_size=count))
    return RadarInput(t_ns=draw(times), fields=" ".join(fields), payload=np.array(values, "<f4").tobytes(), **NOWHERE)


contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(Picture, t_ns=times, encoding=st.sampled_from(sorted(COMPRESSED | VIDEO)), payload=st.binary()),
    raw_pictures(),
    st.builds(Pcm, t_ns=times, rate_hz=sizes, channels=sizes, payload=st.binary()),
    sweeps(),
    st.builds(
        EventsInput,
        session=st.just(""),
        stream=st.just(""),
        t_ns=times,
        encoding=names,
        width_px=sizes,
        height_px=sizes,
        base_ns=st.integers(0, (1 << 64) - 1),
        payload=st.binary(),
    ),
    st.builds(
        PoseInput,
        session=st.just(""),
        stream=st.just(""),
        t_ns=times,
        frame=names,
        child=names,
        position_m=vectors,
        orientation=turns,
        velocity_mps=st.none() | vectors,
        rotation_radps=st.none() | vectors,
    ),
    st.builds(
        ImuInput,
        session=st.just(""),
        stream=st.just(""),
        t_ns=times,
        acceleration_mps2=vectors,
        rotation_radps=vectors,
        orientation=st.none() | turns,
    ),
    st.builds(
        CalibrationInput,
        session=st.just(""),
        stream=st.just(""),
        t_ns=times,
        frame=names,
        position_m=vectors,
        orientation=turns,
    ),
)


def decoded(message: Message) -> list[Content]:
    return list(DECODERS[message.DESCRIPTOR.full_name].decode(message.SerializeToString()))


@given(content=contents, frame=names)
def test_what_a_sensor_gave_comes_back(content: Content, frame: str) -> None:
    assert decoded(encode(content, frame)) == [content]


@given(
    content=st.builds(
        CalibrationInput,
        session=st.just(""),
        stream=st.just(""),
        t_ns=times,
        width_px=sizes,
        height_px=sizes,
        model=names,
        camera=st.just(()) | st.lists(numbers, min_size=9, max_size=9).map(tuple),
        distortion=st.lists(numbers, max_size=8).map(tuple),
    )
)
def test_how_a_camera_projects_comes_back(content: CalibrationInput) -> None:
    assert decoded(encode_camera(content, "cam")) == [content]


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(garbage=st.binary(max_size=100))
def test_garbage_raises_only_value_errors(name: str, garbage: bytes) -> None:
    assert len(read_or_none(name, garbage)) <= 1


@given(content=contents, data=st.data())
def test_a_message_cut_or_damaged_raises_only_value_errors(content: Content, data: st.DataObject) -> None:
    message = encode(content, "sensor")
    packed = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    assert len(read_or_none(message.DESCRIPTOR.full_name, bytes(packed[:cut]))) <= 1


def read_or_none(name: str, data: bytes) -> list[Content]:
    """Return what damaged bytes seem to hold; any error but the one promised goes through."""
    try:
        return list(DECODERS[name].decode(data))
    except ValueError:
        return []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (CompressedImage(format="avif", data=b"1"), "pictures as 'avif' cannot be read"),
        (CompressedVideo(format="mjpeg", data=b"1"), "video as 'mjpeg' cannot be read"),
        (RawImage(encoding="32FC1", width=1, height=1, step=4, data=b"1234"), "pixels as '32FC1' cannot be read"),
        (RawImage(encoding="rgb8", width=2, height=2, step=6, data=b"1234"), "fewer pixels than announced"),
        (RawAudio(format="opus", data=b"1"), "sound as 'opus' cannot be read"),
        (PointCloud(point_stride=4, data=b"1234"), "points without x, y and z"),
    ],
)
def test_what_cannot_be_read_says_why(message: Message, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decoded(message)


def test_numbers_that_are_not_finite_are_refused() -> None:
    message = PoseInFrame(frame_id="map")
    message.pose.position.x = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        decoded(message)


@pytest.mark.parametrize("seconds", [-1, 10**10])
def test_times_that_are_none_are_refused(seconds: int) -> None:
    message = PoseInFrame(frame_id="map")
    message.timestamp.seconds = seconds
    with pytest.raises(ValueError, match=r"its time is -?\d+ ns"):
        decoded(message)


@pytest.mark.parametrize("text", ["jpeg", "jpg", "JPEG", "image/jpeg"])
def test_pictures_have_several_names(text: str) -> None:
    (picture,) = decoded(CompressedImage(format=text, data=b"1"))
    assert isinstance(picture, Picture)
    assert picture.encoding == "jpeg"


def test_a_pose_without_movement_is_read() -> None:
    message = PoseInFrame(frame_id="map")
    message.pose.position.x, message.pose.orientation.w = 3, 1
    message.timestamp.seconds = 5
    assert decoded(message) == [
        PoseInput(
            t_ns=5_000_000_000, frame="map", position_m=(3.0, 0.0, 0.0), orientation=(0.0, 0.0, 0.0, 1.0), **NOWHERE
        )
    ]


@given(content=contents)
def test_a_schema_brings_all_that_it_is_made_of(content: Content) -> None:
    message = encode(content, "sensor")
    files = FileDescriptorSet.FromString(schema_data(type(message)))
    there: set[str] = set()
    for file in files.file:  # each after those that it needs
        assert set(file.dependency) <= there
        there.add(file.name)
    assert message.DESCRIPTOR.full_name in {
        f"{file.package}.{one.name}" for file in files.file for one in file.message_type
    }
