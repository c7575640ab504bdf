"""Pictures as recordings hold them: raw pixels, stills and video, whole and damaged."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from hypothesis import given
from hypothesis import strategies as st

from perception.picture import encode_jpeg, to_gray
from perception.pictures import PictureDecoder, raw_picture
from runtime.recording.contents import Picture
from runtime.recording.rawimage import PIXEL_BYTES

WIDTH_PX, HEIGHT_PX = 48, 32


def ramp() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return brightness that grows from left to right, (H, W)."""
    return np.tile(np.linspace(16, 235, WIDTH_PX).astype(np.uint8), (HEIGHT_PX, 1))


def raw(encoding: str, padding: int = 0) -> Picture:
    """Return the ramp in raw pixels of an encoding, with bytes to spare at the end of each row."""
    gray = ramp()
    match encoding:
        case "gray16le":
            pixels = (gray.astype("<u2") * 257).view(np.uint8).reshape(HEIGHT_PX, -1)
        case "uyvy422":
            pixels = np.stack([np.full_like(gray, 128), gray], axis=2).reshape(HEIGHT_PX, -1)
        case "yuyv422":
            pixels = np.stack([gray, np.full_like(gray, 128)], axis=2).reshape(HEIGHT_PX, -1)
        case _:
            pixels = np.repeat(gray, PIXEL_BYTES[encoding], axis=1)
    rows = np.pad(pixels, ((0, 0), (0, padding)), constant_values=99)
    return Picture(
        t_ns=0,
        encoding=encoding,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        step_bytes=rows.shape[1],
        payload=rows.tobytes(),
    )


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("encoding", sorted(PIXEL_BYTES))
def test_raw_pixels_are_the_picture_they_were(encoding: str, padding: int) -> None:
    gray = to_gray(raw_picture(raw(encoding, padding)), WIDTH_PX)
    # 16 to 235 in YUV is 0 to 255 in full range; Bayer patterns are interpolated at the borders
    expected = (ramp().astype(float) - 16) * 255 / 219 if encoding.endswith("422") else ramp().astype(float)
    assert np.abs(gray.astype(float) - expected)[2:-2, 2:-2].max() <= 6


@pytest.mark.parametrize(
    "changes",
    [
        {"width_px": 0},
        {"height_px": 1_000_000, "width_px": 1_000_000},
        {"step_bytes": 3},
        {"payload": b"123"},
        {"encoding": "nv12"},
    ],
)
def test_pixels_that_do_not_fill_the_picture_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        raw_picture(replace(raw("rgb24"), **changes))


def frame(number: int) -> av.VideoFrame:
    pixels = np.roll(ramp(), number * 3, axis=1)
    made = av.VideoFrame.from_ndarray(np.repeat(pixels[:, :, None], 3, axis=2), format="rgb24")
    made.pts, made.time_base = number, Fraction(1, 10)
    return made


def test_stills_are_decoded() -> None:
    decoder = PictureDecoder()
    jpeg = encode_jpeg(frame(0), WIDTH_PX, 95)[0]
    codec = VideoCodecContext.create("png", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = WIDTH_PX, HEIGHT_PX, "rgb24", Fraction(1, 10)
    png = b"".join(bytes(packet) for packet in codec.encode(frame(0)))
    for encoding, payload in (("jpeg", jpeg), ("png", png)):
        [(t_ns, picture)] = decoder.decode(Picture(t_ns=0, encoding=encoding, payload=payload), 7)
        assert t_ns == 7
        assert np.abs(to_gray(picture, WIDTH_PX).astype(int) - ramp()).max() <= 12
        with pytest.raises(ValueError, match=encoding if encoding == "png" else "JPEG"):
            decoder.decode(Picture(t_ns=0, encoding=encoding, payload=payload[: len(payload) // 2]), 7)


def test_video_is_decoded_with_its_times_and_waits_for_a_key_frame() -> None:
    codec = VideoCodecContext.create("libvpx-vp9", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = WIDTH_PX, HEIGHT_PX, "yuv420p", Fraction(1, 10)
    codec.options = {"lag-in-frames": "0", "deadline": "realtime", "cpu-used": "8"}
    packets = [bytes(one) for number in range(5) for one in codec.encode(frame(number).reformat(format="yuv420p"))]
    packets += [bytes(one) for one in codec.encode(None)]
    assert len(packets) == 5

    def decoded(first: int) -> list[int]:
        decoder = PictureDecoder()
        times = []
        for number in range(first, 5):
            content = Picture(t_ns=0, encoding="vp9", payload=packets[number])
            times += [t_ns for t_ns, _ in decoder.decode(content, 1_000 * number)]
        return times + [t_ns for t_ns, _ in decoder.end()]

    assert decoded(0) == [0, 1000, 2000, 3000, 4000]
    assert decoded(1) == []  # the key frame was before it


def test_a_still_that_is_too_large_is_refused_before_it_is_unpacked() -> None:
    head = struct.pack(">IIBBBBB", 14_000, 14_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((14_000 // 8 + 1) * 14_000))
    png = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")):
        png += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    with pytest.raises(ValueError, match="damaged png"):
        PictureDecoder().decode(Picture(t_ns=0, encoding="png", payload=png), 0)


def test_a_picture_of_no_bytes_is_not_the_end_of_a_video() -> None:
    with pytest.raises(ValueError, match="no bytes"):
        PictureDecoder().decode(Picture(t_ns=0, encoding="vp9", payload=b""), 0)


@given(payload=st.binary(max_size=300), encoding=st.sampled_from(["jpeg", "png", "webp", "vp9", "h264", "hevc", "av1"]))
def test_garbage_is_no_picture_and_nothing_worse(payload: bytes, encoding: str) -> None:
    decoder = PictureDecoder()
    try:
        pictures = decoder.decode(Picture(t_ns=0, encoding=encoding, payload=payload), 0)
    except ValueError:
        pictures = []
    assert pictures == []
