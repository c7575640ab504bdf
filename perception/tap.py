"""Cameras and microphones of this machine, tapped: who records hears each sample as it is read, and holds nothing up.

Pictures that a camera sends as JPEG are handed on as they came. Others become JPEG on a thread of their own; of those
that it cannot keep up with the oldest is lost and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

import av
import numpy as np

from perception.blocks import RATE_HZ, AudioBlock
from perception.media import VideoSample
from perception.picture import encode_jpeg
from perception.sources import Reader, Samples
from runtime.recording.contents import Pcm, Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

QUALITY = 90
PICTURES_ROOM = 8  # decoded pictures are large
LAST_S = 1.0  # for the pictures that are left when a camera is closed

Put: TypeAlias = Callable[[Picture | Pcm, int], None]  # with the time of arrival


class Tap(Protocol):
    """What hears the samples of one reader, on its thread."""

    def take(self, samples: Samples) -> None:
        """Take what was read; never waits."""

    def close(self) -> None:
        """Hand on what is left."""


class TappedReader:
    """A reader whose samples go to a tap as well."""

    def __init__(self, make: Callable[[], Reader], make_tap: Callable[[], Tap]) -> None:
        """Open the reader, then the tap. Raises as `make` does."""
        self._reader = make()
        self._tap = make_tap()

    def read(self, count: int) -> Samples:
        """Return up to `count` samples in order; none at the end."""
        samples = self._reader.read(count)
        self._tap.take(samples)
        return samples

    def close(self) -> None:
        """Close both."""
        try:
            self._reader.close()
        finally:
            self._tap.close()


class SoundTap:
    """Hands blocks on as 16-bit samples, without the zeros that fill the last one."""

    def __init__(self, put: Put) -> None:
        """Hand on to `put`."""
        self._put = put

    def take(self, samples: Samples) -> None:
        """Take blocks."""
        arrived_ns = time.time_ns()
        for block in samples:
            assert isinstance(block, AudioBlock)
            payload = pcm(block.samples[: block.count])
            self._put(Pcm(t_ns=block.t_ns, rate_hz=RATE_HZ, channels=1, payload=payload), arrived_ns)

    def close(self) -> None:
        """Do nothing: all is handed on."""


class PictureTap:
    """Hands pictures on as JPEG of full size."""

    def __init__(self, stream: str, put: Put, lose: Callable[[], None], is_wanted: Callable[[], bool]) -> None:
        """Hand on to `put` while they are wanted; each picture that was not handed on is told to `lose`."""
        self._stream = stream
        self._put = put
        self._is_wanted = is_wanted
        self._lose = lose
        self._waiting: deque[tuple[VideoSample, int]] = deque()
        self._is_encoding = False
        self._is_closed = False  # for good: what still comes is lost
        self._has_warned = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._encode_all, name="recorded pictures", daemon=True)
        self._thread.start()

    def take(self, samples: Samples) -> None:
        """Take frames."""
        arrived_ns = time.time_ns()
        if not self._is_wanted():  # nobody encodes for a recording that has ended
            for _ in samples:
                self._lose()
            return
        for sample in samples:
            assert isinstance(sample, VideoSample)
            with self._changed:
                is_next = not self._waiting and not self._is_encoding
            if sample.jpeg and is_next:  # nothing to do for it, and nothing that it would overtake
                self._put(_picture(sample, sample.jpeg), arrived_ns)
            else:
                self._wait_for(sample, arrived_ns)

    def close(self) -> None:
        """Wait a moment for what is left."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(LAST_S)
        self._give_up()

    def _wait_for(self, sample: VideoSample, arrived_ns: int) -> None:
        with self._changed:
            is_late = self._is_closed or len(self._waiting) == PICTURES_ROOM
            if not self._is_closed:
                if is_late:
                    self._waiting.popleft()
                self._waiting.append((sample, arrived_ns))
                self._changed.notify()
        if is_late:
            self._lose()

    def _next(self) -> tuple[VideoSample, int] | None:
        with self._changed:
            self._is_encoding = False
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._is_encoding = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _encode_all(self) -> None:
        try:
            while (item := self._next()) is not None:
                sample, arrived_ns = item
                try:
                    jpeg = sample.jpeg or _jpeg(sample)
                except (av.FFmpegError, ValueError, MemoryError) as error:
                    self._refuse(error)
                else:
                    self._put(_picture(sample, jpeg), arrived_ns)
        finally:
            self._give_up()

    def _refuse(self, error: Exception) -> None:
        self._lose()
        if not self._has_warned:  # the next one may be the same
            self._has_warned = True
            reason = getattr(error, "strerror", None) or error
            logger.warning("a picture of %s cannot be recorded: %s; the others are", self._stream, reason)

    def _give_up(self) -> None:
        """Take nothing more, and count what waits as lost."""
        with self._changed:
            self._is_closed = True
            lost = len(self._waiting)
            self._waiting.clear()
        for _ in range(lost):
            self._lose()


def _jpeg(sample: VideoSample) -> bytes:
    picture = sample.picture
    return encode_jpeg(picture, max(picture.width, picture.height), QUALITY, is_fast=True)[0]


def _picture(sample: VideoSample, jpeg: bytes) -> Picture:
    size = sample.picture
    return Picture(t_ns=sample.t_ns, encoding="jpeg", width_px=size.width, height_px=size.height, payload=jpeg)


def pcm(samples: NDArray[np.float32]) -> bytes:
    """Return samples from -1 to 1 as signed 16-bit little-endian; those that were 16-bit come back as they were."""
    scaled: NDArray[np.float32] = np.rint(samples * np.float32(32768))
    return scaled.clip(-32768, 32767).astype("<i2").tobytes()
