"""What raw pixels are called: by ROS and Foxglove, and by FFmpeg; and whether there are as many as announced."""

from __future__ import annotations

import numpy as np

from runtime.recording.contents import Picture

SIDE_LIMIT_PX = 1 << 15

PIXELS = {  # theirs -> FFmpeg's
    "rgb8": "rgb24",
    "bgr8": "bgr24",
    "rgba8": "rgba",
    "bgra8": "bgra",
    "mono8": "gray",
    "mono16": "gray16le",
    "8UC1": "gray",
    "8UC3": "bgr24",
    "8UC4": "bgra",
    "16UC1": "gray16le",
    "uyvy": "uyvy422",
    "yuv422": "uyvy422",
    "yuyv": "yuyv422",
    "yuv422_yuy2": "yuyv422",
    "bayer_rggb8": "bayer_rggb8",
    "bayer_bggr8": "bayer_bggr8",
    "bayer_gbrg8": "bayer_gbrg8",
    "bayer_grbg8": "bayer_grbg8",
}
PIXEL_BYTES = {name: 1 for name in PIXELS.values()} | {
    "rgb24": 3,
    "bgr24": 3,
    "rgba": 4,
    "bgra": 4,
    "gray16le": 2,
    "uyvy422": 2,
    "yuyv422": 2,
}


def raw_picture(
    t_ns: int | None,
    encoding: str,
    size_px: tuple[int, int],
    step_bytes: int,
    payload: bytes,
    *,
    is_bigendian: bool = False,
) -> Picture:
    """Return a picture of raw pixels (width, height). Raises ValueError where they cannot be read, or are too few."""
    if encoding not in PIXELS:
        raise ValueError(f"pixels as {encoding!r} cannot be read")
    pixels = PIXELS[encoding]
    step_bytes = whole_rows(pixels, size_px, step_bytes, len(payload))
    if is_bigendian and pixels == "gray16le":
        payload = np.frombuffer(payload, ">u2", len(payload) // 2).astype("<u2").tobytes()
    return Picture(
        t_ns=t_ns,
        encoding=pixels,
        width_px=size_px[0],
        height_px=size_px[1],
        step_bytes=step_bytes,
        payload=payload,
    )


def whole_rows(pixels: str, size_px: tuple[int, int], step_bytes: int, size_bytes: int) -> int:
    """Return the bytes from one row to the next of pixels in FFmpeg's words; ValueError where they are too few."""
    width_px, height_px = size_px
    if pixels not in PIXEL_BYTES or not (0 < width_px <= SIDE_LIMIT_PX and 0 < height_px <= SIDE_LIMIT_PX):
        raise ValueError(f"a picture of {width_px}x{height_px} pixels as {pixels}")
    row_bytes = width_px * PIXEL_BYTES[pixels]
    step_bytes = step_bytes or row_bytes  # some senders leave 0
    if step_bytes < row_bytes or size_bytes < step_bytes * (height_px - 1) + row_bytes:
        raise ValueError("fewer pixels than announced")
    return step_bytes
