"""JPEG and thumbnails: true to the picture, never larger than asked, and closed to what is no picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.picture import encode_jpeg, to_gray
from runtime.jpeg import decode_jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray


def landscape(width_px: int = 320, height_px: int = 180) -> NDArray[np.uint8]:
    """Draw (H, W, 3): smooth colours, as photographs have."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    waves = [np.sin(x / 30 + channel) * np.cos(y / (20 + 5 * channel)) for channel in range(3)]
    return (128 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def picture(pixels: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(pixels, format="rgb24")


def test_a_jpeg_shows_the_picture() -> None:
    pixels = landscape()
    data, width_px, height_px = encode_jpeg(picture(pixels), long_side_px=320, quality=90)
    assert (width_px, height_px) == (320, 180)
    back = decode_jpeg(data).to_ndarray(format="rgb24")
    assert np.abs(back.astype(int) - pixels).mean() < 3


def test_better_quality_is_nearer_and_larger() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
    sizes, errors = [], []
    for quality in (10, 50, 80, 95):
        data, _, _ = encode_jpeg(picture(noise), 320, quality)
        sizes.append(len(data))
        errors.append(np.abs(decode_jpeg(data).to_ndarray(format="rgb24").astype(int) - noise).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize(
    ("size", "long_side_px", "expected"),
    [
        ((320, 180), 160, (160, 90)),
        ((180, 320), 160, (90, 160)),
        ((321, 181), 1000, (321, 181)),
        ((1000, 2), 10, (10, 2)),
    ],
)
def test_the_long_side_is_shrunk_and_never_enlarged(
    size: tuple[int, int], long_side_px: int, expected: tuple[int, int]
) -> None:
    data, *got = encode_jpeg(picture(landscape(*size)), long_side_px)
    assert tuple(got) == expected
    back = decode_jpeg(data)
    assert (back.width, back.height) == expected


def test_the_same_picture_gives_the_same_bytes_in_any_order_and_thread() -> None:
    one, two = picture(landscape()), picture(landscape()[::-1].copy())
    first = encode_jpeg(one, 160)
    encode_jpeg(two, 160)
    encode_jpeg(one, 100)
    assert encode_jpeg(one, 160) == first
    with ThreadPoolExecutor(1) as other_thread:
        assert other_thread.submit(encode_jpeg, one, 160).result() == first


def test_a_fast_jpeg_shows_the_same_picture_in_a_few_more_bytes() -> None:
    frame = picture(landscape())
    small, fast = encode_jpeg(frame, 320, 90)[0], encode_jpeg(frame, 320, 90, is_fast=True)[0]
    assert len(small) < len(fast) < 1.5 * len(small)
    np.testing.assert_array_equal(decode_jpeg(fast).to_ndarray(), decode_jpeg(small).to_ndarray())


def test_a_jpeg_carries_no_metadata() -> None:
    data, _, _ = encode_jpeg(picture(landscape()), 160)
    assert b"Lavc" not in data
    assert b"\xff\xfe" not in data  # a comment


def test_encoding_leaves_the_callers_picture_alone() -> None:
    frame = picture(landscape()).reformat(format="yuvj420p")
    frame.pts, frame.time_base = 77, Fraction(1, 90)
    encode_jpeg(frame, 320)
    assert (frame.pts, frame.time_base) == (77, Fraction(1, 90))


def test_a_video_range_picture_uses_the_full_range() -> None:
    white = picture(np.full((48, 64, 3), 255, np.uint8)).reformat(format="yuv420p")
    assert decode_jpeg(encode_jpeg(white, 64)[0]).to_ndarray(format="rgb24").min() >= 250
    assert to_gray(white, 32).min() >= 253


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"GIF89a" + bytes(50), b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8" + bytes(100), b"{}"]
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        decode_jpeg(data)


@given(st.integers(0, 3000))
def test_a_jpeg_that_breaks_off_is_refused(length: int) -> None:
    data, _, _ = encode_jpeg(picture(landscape()), 320)
    with pytest.raises(ValueError, match="JPEG"):
        decode_jpeg(data[: min(length, len(data) - 2)])


@given(st.data())
def test_a_damaged_jpeg_is_a_picture_or_a_value_error(data: st.DataObject) -> None:
    jpeg = bytearray(encode_jpeg(picture(landscape(64, 48)), 64)[0])
    for at in data.draw(st.lists(st.integers(0, len(jpeg) - 1), min_size=1, max_size=20)):
        jpeg[at] = data.draw(st.integers(0, 255))
    try:
        assert decode_jpeg(bytes(jpeg)).width > 0
    except ValueError:
        pass


def test_a_size_bomb_is_refused_by_its_header() -> None:
    data = bytearray(encode_jpeg(picture(landscape()), 320)[0])
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="65535 x 65535 is more than 50 megapixels"):
        decode_jpeg(bytes(data))


@pytest.mark.parametrize(
    ("size", "width_px", "expected"),
    [((768, 432), 192, (108, 192)), ((100, 60), 192, (60, 100)), ((1080, 1920), 192, (341, 192))],
)
def test_gray_keeps_the_shape_and_is_never_enlarged(
    size: tuple[int, int], width_px: int, expected: tuple[int, int]
) -> None:
    gray = to_gray(picture(landscape(*size)), width_px)
    assert gray.shape == expected
    assert gray.dtype == np.uint8


def test_gray_averages_what_it_shrinks() -> None:
    fine = np.zeros((64, 64, 3), np.uint8)
    fine[:, ::2] = 200  # stripes that nearest-neighbour sampling would turn to black or white
    assert np.abs(to_gray(picture(fine), 8).astype(int) - 100).max() <= 3
