"""Pictures of a recording, whatever they are encoded as, decoded by FFmpeg."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from runtime.jpeg import LARGEST_PICTURE_PX, decode_jpeg
from runtime.recording.contents import COMPRESSED, VIDEO, Picture
from runtime.recording.rawimage import PIXEL_BYTES, whole_rows

NS = Fraction(1, 1_000_000_000)


class PictureDecoder:
    """Decodes the pictures of one stream, in order."""

    def __init__(self) -> None:
        """Wait for the first picture."""
        self._codec: VideoCodecContext | None = None
        self._encoding = ""  # what it decodes
        self._has_decoded = False

    def decode(self, content: Picture, t_ns: int) -> list[tuple[int, av.VideoFrame]]:
        """Return (t_ns, picture) of what can be shown now. Raises ValueError where it is damaged."""
        if not content.payload:  # to a video decoder that is the end
            raise ValueError("a picture of no bytes")
        if content.encoding == "jpeg":
            return [(t_ns, decode_jpeg(content.payload))]
        if content.encoding in COMPRESSED:
            return [(t_ns, _still(content))]
        if content.encoding in VIDEO:
            return self._video(content, t_ns)
        return [(t_ns, raw_picture(content))]

    def end(self) -> list[tuple[int, av.VideoFrame]]:
        """Return the pictures that a video decoder still holds."""
        if self._codec is None:
            return []
        try:
            return [_timed(frame) for frame in self._codec.decode(None)]
        except av.FFmpegError:
            return []

    def _video(self, content: Picture, t_ns: int) -> list[tuple[int, av.VideoFrame]]:
        if self._codec is None or self._encoding != content.encoding:
            self._codec, self._encoding = _codec(content.encoding), content.encoding
        packet = av.Packet(content.payload)
        packet.pts = packet.dts = t_ns
        packet.time_base = NS
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError as error:
            if not self._has_decoded:
                return []  # it waits for a key frame
            raise ValueError(f"damaged {content.encoding}") from error
        self._has_decoded |= bool(frames)
        return [_timed(frame) for frame in frames]


def raw_picture(content: Picture) -> av.VideoFrame:
    """Return raw pixels as a picture; ValueError where they do not fill it."""
    width_px, height_px = content.width_px, content.height_px
    step = whole_rows(content.encoding, (width_px, height_px), content.step_bytes, len(content.payload))
    if width_px * height_px > LARGEST_PICTURE_PX:
        raise ValueError(f"a picture of {width_px}x{height_px} pixels is too large")
    row = width_px * PIXEL_BYTES[content.encoding]
    data = np.frombuffer(content.payload, np.uint8)
    data = np.pad(data, (0, max(0, step * height_px - len(data))))[: step * height_px].reshape(height_px, step)
    frame = av.VideoFrame(width_px, height_px, content.encoding)
    plane = frame.planes[0]
    rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size), np.uint8)
    rows[:height_px, :row] = data[:, :row]
    plane.update(rows.tobytes())
    if content.encoding.startswith("bayer"):
        return frame.reformat(format="rgb24")
    return frame


def _still(content: Picture) -> av.VideoFrame:
    codec = _codec(content.encoding)
    try:
        frames = codec.decode(av.Packet(content.payload)) + codec.decode(None)
    except av.FFmpegError as error:
        raise ValueError(f"damaged {content.encoding}") from error
    if not frames:
        raise ValueError(f"no picture in this {content.encoding}")
    return frames[0]


def _codec(encoding: str) -> VideoCodecContext:
    codec = VideoCodecContext.create(encoding, "r")
    assert isinstance(codec, VideoCodecContext)
    codec.thread_count = 1  # frame threads would hold pictures back
    codec.options = {"max_pixels": str(LARGEST_PICTURE_PX)}  # refused before it is unpacked
    return codec


def _timed(frame: av.VideoFrame) -> tuple[int, av.VideoFrame]:
    return (frame.pts or 0, frame)
