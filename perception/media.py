"""Recordings: every video and audio track that PyAV can decode, as gray thumbnails and as 16 kHz blocks.

Each track opens the file for itself, so that a slow track never blocks another. Reading is blocking and gives the
same samples however it is split into calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from perception.blocks import NS_PER_S, AudioBlock, Stretch, pts_ns
from perception.demux import Track, TrackReader, list_tracks, open_recording
from perception.picture import to_gray
from runtime.errors import InputError

__all__ = ["AudioBlock", "AudioFile", "Track", "VideoFile", "VideoSample", "probe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSample:
    """One decoded frame; `picture` is full size, `gray` (H, W) is what change detection looks at.

    `jpeg` is the picture as a camera sent it, empty where it sent no whole JPEG.
    """

    t_ns: int
    seq: int
    gray: NDArray[np.uint8]
    picture: av.VideoFrame
    jpeg: bytes = field(default=b"", repr=False)

    @property
    def end_ns(self) -> int:
        """When it has been seen: a frame is a moment."""
        return self.t_ns


def probe(path: Path) -> list[Track]:
    """Return the tracks of a recording that really decode; InputError where there is none."""
    with open_recording(path) as container:
        tracks = list_tracks(container)
    if not tracks:
        raise InputError(path, "holds neither a video nor an audio track")
    readable = [track for track in tracks if _decodes(path, track)]
    if not readable:
        raise InputError(path, "nothing in it can be decoded")
    return readable


def _decodes(path: Path, track: Track) -> bool:
    reader = TrackReader(path, track)
    try:
        return next(reader.frames(), None) is not None
    finally:
        reader.close()


class VideoFile:
    """The frames of one video track, oldest first; `analysis_width_px` is the width of their gray thumbnails.

    `offset_ns` is added to media time; only what is at or after `start_ns` is given.
    """

    def __init__(
        self, path: Path, track: Track, analysis_width_px: int, *, offset_ns: int = 0, start_ns: int = 0
    ) -> None:
        self._offset_ns, self._start_ns = offset_ns, start_ns
        self._reader = TrackReader(path, track, start_ns - offset_ns)
        self._period_ns = round(NS_PER_S / track.rate_hz)
        self._width_px = analysis_width_px
        self._samples = self._read_all()

    def read(self, count: int) -> list[VideoSample]:
        """Return the next `count` frames; fewer at the end, then none."""
        return list(islice(self._samples, count))

    @property
    def truncated(self) -> bool:
        """Say whether the track broke off or was damaged; final once `read` came back empty."""
        return self._reader.truncated

    @property
    def jumps(self) -> int:
        """Count the timestamps that could not be believed."""
        return self._reader.clock.jumps

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _read_all(self) -> Iterator[VideoSample]:
        scaler = VideoReformatter()
        expected_ns = seq = 0
        for picture in self._reader.frames():
            assert isinstance(picture, av.VideoFrame)
            media_ns = self._reader.clock.step(pts_ns(picture), expected_ns)
            expected_ns = media_ns + self._period_ns
            t_ns = media_ns + self._offset_ns
            if t_ns >= self._start_ns:
                gray = to_gray(picture, self._width_px, scaler)
                yield VideoSample(t_ns=t_ns, seq=seq, gray=gray, picture=picture)
                seq += 1


class AudioFile:
    """One audio track as 16 kHz mono blocks on a clock that counts samples and starts anew after a hole.

    `offset_ns` is added to media time; only what is at or after `start_ns` is given.
    """

    def __init__(self, path: Path, track: Track, *, offset_ns: int = 0, start_ns: int = 0) -> None:
        self._offset_ns, self._start_ns = offset_ns, start_ns
        self._reader = TrackReader(path, track, start_ns - offset_ns)
        self._blocks = self._read_all()

    def read(self, count: int) -> list[AudioBlock]:
        """Return the next `count` blocks; fewer at the end, then none."""
        return list(islice(self._blocks, count))

    @property
    def truncated(self) -> bool:
        """Say whether the track broke off or was damaged; final once `read` came back empty."""
        return self._reader.truncated

    @property
    def jumps(self) -> int:
        """Count the timestamps that could not be believed."""
        return self._reader.clock.jumps

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _read_all(self) -> Iterator[AudioBlock]:
        stretch: Stretch | None = None
        for frame in self._reader.frames():
            assert isinstance(frame, av.AudioFrame)
            if stretch is None and self._is_before_start(frame):
                continue
            if stretch is None or not stretch.goes_on_with(frame):
                expected_ns, seq = 0, 0
                if stretch is not None:
                    yield from stretch.end()
                    expected_ns, seq = stretch.end_ns - self._offset_ns, stretch.next_seq
                media_ns = self._reader.clock.step(pts_ns(frame), expected_ns)
                stretch = Stretch(frame, media_ns + self._offset_ns, seq)
            yield from stretch.add(frame)
        if stretch is not None:
            yield from stretch.end()

    def _is_before_start(self, frame: av.AudioFrame) -> bool:
        stamp_ns = pts_ns(frame)
        return stamp_ns is not None and stamp_ns - self._reader.origin_ns + self._offset_ns < self._start_ns
