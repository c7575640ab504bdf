"""Pictures of cameras that send JPEG: whole files or nothing."""

import io

import numpy as np
from av import VideoFrame
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from perception.motion_jpeg import DHT, as_file
from perception.picture import encode_jpeg
from runtime.jpeg import decode_jpeg, has_tables
from tests.recordings import draw


def stripped(jpeg: bytes) -> bytes:
    """Return a JPEG without its Huffman tables, as many cameras send it."""
    at = jpeg.index(DHT)
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4]) :]


def opened_by_pillow(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return picture.tobytes()


def test_tables_that_a_camera_leaves_out_are_put_back() -> None:
    jpeg = encode_jpeg(VideoFrame.from_ndarray(draw(2)), 160, is_fast=True)[0]
    bare = stripped(jpeg)
    assert not has_tables(bare)
    whole = as_file(bare)
    assert has_tables(whole)
    assert as_file(whole) == whole
    assert np.array_equal(decode_jpeg(whole).to_ndarray(), decode_jpeg(jpeg).to_ndarray())
    assert opened_by_pillow(whole) == opened_by_pillow(jpeg)


@given(st.binary(max_size=200))
def test_what_is_no_whole_jpeg_is_not_kept(data: bytes) -> None:
    jpeg = encode_jpeg(VideoFrame.from_ndarray(draw(2)), 160, is_fast=True)[0]
    assert as_file(data) == b""
    assert as_file(jpeg[: len(data)]) == b""
