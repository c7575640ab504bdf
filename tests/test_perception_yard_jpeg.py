"""JPEG of the yard: true to the picture, and converted as JFIF says."""

from __future__ import annotations

import numpy as np
import pytest

from perception.yard.jpeg import encode_picture, planes_of
from runtime.jpeg import decode_jpeg


def test_a_jpeg_shows_the_picture() -> None:
    y, x = np.mgrid[0:120, 0:160]
    picture = (128 + 100 * np.stack([np.sin(x / 30 + one) * np.cos(y / 25) for one in range(3)], axis=-1)).astype(
        np.uint8
    )
    back = decode_jpeg(encode_picture(picture)).to_ndarray(format="rgb24")
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture).mean() < 2


def test_colours_are_converted_as_jfif_says() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (24, 32, 3), np.uint8)
    picture[:2, :12] = np.repeat(
        [[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], 2, 0
    )
    wide = picture.astype(float)
    fours = wide.reshape(12, 2, 16, 2, 3).mean(axis=(1, 3))
    slow = [
        wide @ (0.299, 0.587, 0.114),
        np.clip(128 + fours @ (-0.168736, -0.331264, 0.5), 0, 255),
        np.clip(128 + fours @ (0.5, -0.418688, -0.081312), 0, 255),
    ]
    planes = planes_of(picture).ravel()
    for one, values in zip(slow, (planes[:768], planes[768:960], planes[960:]), strict=True):
        np.testing.assert_allclose(values, one.ravel(), atol=1.2)  # half a step, and weights in 256


def test_a_picture_of_odd_size_is_not_encoded() -> None:
    with pytest.raises(AssertionError, match="25"):
        encode_picture(np.zeros((24, 25, 3), np.uint8))
