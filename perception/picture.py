"""Pictures: the gray thumbnail that change detection works on, and JPEG, all through FFmpeg's own code."""

from __future__ import annotations

import threading
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import Interpolation, VideoReformatter

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_gray(picture: av.VideoFrame, width_px: int, scaler: VideoReformatter | None = None) -> NDArray[np.uint8]:
    """Return the brightness of the picture, (H, W) at most `width_px` wide and of the same shape, full range 0 to 255.

    Pass the same `scaler` for every picture of a stream: it keeps swscale's tables.
    """
    width_px = min(width_px, picture.width)
    height_px = max(1, round(picture.height * width_px / picture.width))
    small = (scaler or VideoReformatter()).reformat(
        picture,
        width=width_px,
        height=height_px,
        format="gray",
        interpolation=Interpolation.AREA,  # averages, so sensor noise shrinks with the picture
        threads=1,
    )
    return small.to_ndarray().astype(np.uint8, copy=False)


def encode_jpeg(
    picture: av.VideoFrame, long_side_px: int, quality: int = 80, *, is_fast: bool = False, is_exact: bool = False
) -> tuple[bytes, int, int]:
    """Return (JPEG, width_px, height_px) with the long side shrunk to `long_side_px`, never enlarged.

    The same picture always gives the same bytes; they carry no metadata. `quality` is 1 to 100 as libjpeg counts;
    fast is a fifth quicker and a few percent larger; exact gives the same bytes on every processor, for a picture that
    is 4:2:0, full range, and of its size already.
    """
    shrink = min(1.0, long_side_px / max(picture.width, picture.height))
    width_px = max(2, round(picture.width * shrink))
    height_px = max(2, round(picture.height * shrink))
    encoder = _encoder(width_px, height_px, quality, is_fast, is_exact, threading.get_ident())
    return encoder.encode(picture), width_px, height_px


_LENT = threading.Lock()  # while times of a frame that is not ours are changed


class _JpegEncoder:
    """One FFmpeg encoder for one picture size; setting it up costs as much as encoding a small picture."""

    def __init__(self, width_px: int, height_px: int, quality: int, *, is_fast: bool, is_exact: bool) -> None:
        self._scaler = VideoReformatter()
        self._codec = av.VideoCodecContext.create("mjpeg", "w")
        self._codec.width = width_px
        self._codec.height = height_px
        self._codec.pix_fmt = "yuvj420p"
        self._codec.time_base = Fraction(1, 1000)
        self._codec.thread_count = 1  # frame threads would hold pictures back
        if is_fast:
            self._codec.options = {"huffman": "default"}  # tables as they stand in the standard: one pass, not two
        if is_exact:
            self._codec.options = {**self._codec.options, "dct": "int"}  # else what the processor is fastest at
        self._codec.flags |= Flags.bitexact  # no encoder version in the file
        libjpeg_percent = 5000 / quality if quality < 50 else 200 - 2 * quality
        step = min(31, max(1, round(8 * libjpeg_percent / 100)))  # FFmpeg's scale: 8 is libjpeg's quality 50
        self._codec.qmin = self._codec.qmax = step
        self._seq = 0

    def encode(self, picture: av.VideoFrame) -> bytes:
        """Scale, convert to full-range 4:2:0 and encode one picture."""
        scaled = self._scaler.reformat(
            picture,
            width=self._codec.width,
            height=self._codec.height,
            format="yuvj420p",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        if scaled is picture:  # nothing had to change: the frame is the caller's, and another thread's too
            with _LENT:
                return self._encode(scaled)
        return self._encode(scaled)

    def _encode(self, scaled: av.VideoFrame) -> bytes:
        their_pts, their_base = scaled.pts, scaled.time_base
        self._seq += 1
        scaled.pts, scaled.time_base = self._seq, Fraction(1, 1000)  # the encoder wants rising times
        try:
            return b"".join(bytes(packet) for packet in self._codec.encode(scaled))
        finally:
            scaled.pts = their_pts
            if their_base is not None:
                scaled.time_base = their_base


@lru_cache(maxsize=32)  # two for each camera: kept frames and recorded ones
def _encoder(
    width_px: int, height_px: int, quality: int, is_fast: bool, is_exact: bool, thread_id: int
) -> _JpegEncoder:
    """Keep encoders per thread: FFmpeg contexts must not be shared."""
    return _JpegEncoder(width_px, height_px, quality, is_fast=is_fast, is_exact=is_exact)
