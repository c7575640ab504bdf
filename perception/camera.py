"""A local camera through FFmpeg: V4L2 on Linux, AVFoundation on macOS."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import av
from av.video.reformatter import VideoReformatter

from perception.media import VideoSample
from perception.motion_jpeg import as_file
from perception.picture import to_gray
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

STAND_IN = "lavfi:"  # FFmpeg's own test pictures: lavfi:testsrc=size=640x360:rate=15
JPEGS = "mjpeg:"  # a pipe that another program writes JPEG pictures to: mjpeg:/tmp/door


class Camera:
    """Frames of `device` as they come, stamped with the wall clock.

    `device` is a path such as /dev/video0, a number, or on macOS a name or number as `ffmpeg -f avfoundation
    -list_devices true -i ""` shows it. `size` (width, height) and `rate_hz` are wishes of the user; without them the
    camera decides. With `sends_jpeg` it is asked for JPEG pictures (V4L2). MissingPart where there is no such camera.
    """

    def __init__(
        self,
        device: str,
        size: tuple[int, int] | None = None,
        rate_hz: float | None = None,
        analysis_width_px: int = 192,
        *,
        sends_jpeg: bool = False,
    ) -> None:
        self._device = device
        self._width_px = analysis_width_px
        self._scaler = VideoReformatter()
        self._container = _open(device, size, rate_hz, sends_jpeg=sends_jpeg)
        self._frames = self._decode()
        self._seq = 0

    def read(self, count: int = 1) -> list[VideoSample]:
        """Wait for the next `count` frames; fewer, then none, once the camera is gone."""
        samples = []
        for picture, jpeg in self._frames:
            t_ns = time.time_ns()
            gray = to_gray(picture, self._width_px, self._scaler)
            samples.append(VideoSample(t_ns=t_ns, seq=self._seq, gray=gray, picture=picture, jpeg=jpeg))
            self._seq += 1
            if len(samples) == count:
                break
        return samples

    def close(self) -> None:
        """Let go of the camera."""
        self._container.close()

    def _decode(self) -> Iterator[tuple[av.VideoFrame, bytes]]:
        """Yield pictures, each with the JPEG that it was, if it was one."""
        stream = self._container.streams.video[0]
        stream.codec_context.thread_type = "SLICE"  # frame threads would hold pictures back
        is_jpeg = stream.codec_context.name == "mjpeg"
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else packet.decode()
            except av.error.InvalidDataError:  # a damaged picture on the wire; the next one will do
                continue
            except (av.FFmpegError, OSError):  # unplugged
                return
            if packet is None:
                return
            for frame in frames:
                assert isinstance(frame, av.VideoFrame)
                yield frame, as_file(bytes(packet)) if is_jpeg else b""


def _open(device: str, size: tuple[int, int] | None, rate_hz: float | None, *, sends_jpeg: bool) -> InputContainer:
    options = {}
    if size is not None:
        options["video_size"] = f"{size[0]}x{size[1]}"
    if rate_hz is not None:
        options["framerate"] = f"{rate_hz:g}"
    if device.startswith(STAND_IN):
        # without the last filter it would run as fast as it can
        name, form, options = f"{device.removeprefix(STAND_IN)},realtime", "lavfi", {}
    elif device.startswith(JPEGS):
        name, form, options = device.removeprefix(JPEGS), "mjpeg", {}
    elif sys.platform == "darwin":
        name, form = f"{device}:none", "avfoundation"
    else:
        name, form = f"/dev/video{device}" if device.isdecimal() else device, "v4l2"
        if sends_jpeg:
            options["input_format"] = "mjpeg"
    try:
        container = av.open(name, format=form, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MissingPart(f"no camera {device} ({_reason(error)})", _remedy(form)) from error
    if not container.streams.video:
        container.close()
        raise MissingPart(f"{device} gives no pictures", _remedy(form))
    return container


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _remedy(form: str) -> str:
    if form == "avfoundation":
        return "connect one and allow the terminal to use it in System Settings, Privacy & Security, Camera"
    if form == "lavfi":
        return "name a source of FFmpeg's, such as lavfi:testsrc=size=640x360:rate=15"
    if form == "mjpeg":
        return "name a pipe to which a program writes JPEG pictures, such as mjpeg:/tmp/door"
    return "connect one, see `ls /dev/video*`, and be in the group video"
