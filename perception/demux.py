"""Opens a recording and decodes one of its tracks, as far as it goes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import av
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.stream import VideoStream

from perception.mediaclock import MediaClock
from runtime.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet

NS_PER_S = 1_000_000_000
RAW_SUFFIXES = frozenset((".raw", ".pcm"))  # signed 16-bit little-endian, 16 kHz, mono
HEAD_BYTES = 4096
TEXT_BYTES = bytes(range(0x20, 0x7F)) + b"\t\n\r\f\x1b" + bytes(range(0x80, 0x100))
# These state their length in a header; other formats guess it from the bit rate.
MATROSKA = frozenset(("matroska", "webm"))
HONEST_FORMATS = MATROSKA | {"mov", "mp4", "avi", "flac", "wav"}
SHORTFALL_NS = NS_PER_S // 2
FALLBACK_RATE_HZ = 25.0
SANE_RATES_HZ = (0.05, 1000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One video or audio track of a recording."""

    sensor: Literal["video", "audio"]
    index: int  # of the stream in its container
    width_px: int  # 0 for audio
    height_px: int
    rate_hz: float  # frames or samples per second
    duration_s: float | None


def open_recording(path: Path) -> InputContainer:
    """Open the file for decoding; InputError says in plain words why it cannot be one."""
    if not path.exists():
        raise InputError(path, "no such file")
    if not path.is_file():
        raise InputError(path, "is not a file")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})") from error
    if not head:
        raise InputError(path, "is empty")
    if _is_text(head):  # FFmpeg would play text as pictures of text, and follow playlists to other files
        raise InputError(path, "holds text, not a recording")
    is_raw = path.suffix.lower() in RAW_SUFFIXES
    options = {"sample_rate": "16000", "ch_layout": "mono"} if is_raw else {}
    try:
        # "file:" keeps a colon in a name from being read as a protocol
        return av.open(f"file:{path}", format="s16le" if is_raw else None, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(path, "is not a recording that can be decoded, or its beginning is damaged") from error


def list_tracks(container: InputContainer) -> list[Track]:
    """Return the video and audio tracks; covers and other still pictures attached to music are none."""
    tracks = [_video_track(container, stream) for stream in container.streams.video if not _is_cover(stream)]
    sounds = [_audio_track(container, stream) for stream in container.streams.audio]
    return sorted(tracks + sounds, key=lambda track: track.index)


class TrackReader:
    """Decodes one track of its own copy of the container, past whatever damage it meets."""

    def __init__(self, path: Path, track: Track, start_ns: int = 0) -> None:
        """Decode from the last key frame before `start_ns` of media time on."""
        self._container = open_recording(path)
        stream = self._container.streams[track.index]
        assert isinstance(stream, VideoStream | AudioStream)
        stream.codec_context.thread_type = "AUTO"
        self._stream = stream
        self._damage = int(_is_cut_riff(path))
        self._has_decoded = False
        self._end_ns = self._start_ns = _start_ns(self._container) or 0
        is_honest = _is_one_of(self._container, HONEST_FORMATS)
        self._promised_ns = (_length_ns(self._container) or 0) if is_honest else 0
        self.clock = MediaClock(_start_ns(self._container))
        if start_ns > 0:
            with suppress(av.FFmpegError):  # what cannot be sought is read from its beginning
                self._container.seek((self._start_ns + start_ns) // 1000, backward=True)

    def frames(self) -> Iterator[av.VideoFrame | av.AudioFrame]:
        """Yield every frame that can be decoded."""
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                self._damage += self._has_decoded  # before the first picture it only waits for a key frame
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._damage += 1
                    continue
                if frame.time_base is None and self._stream.time_base is not None:
                    frame.time_base = self._stream.time_base  # PyAV forgets it while the decoder is flushed
                self._has_decoded = True
                yield frame

    @property
    def origin_ns(self) -> int:
        """Return the earliest timestamp of the container."""
        return self._start_ns

    @property
    def truncated(self) -> bool:
        """Say whether anything was damaged or the file is shorter than its header promises."""
        found_ns = self._end_ns - self._start_ns
        return self._damage > 0 or self._promised_ns - found_ns > SHORTFALL_NS

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _packets(self) -> Iterator[Packet[Any] | None]:
        """Yield this track's packets, then None, which flushes the decoder; watch how far the whole file goes."""
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self._damage += 1
                packet = None
            if packet is None:
                break
            if packet.size == 0:  # PyAV's own flush packets; ours comes last
                continue
            if packet.pts is not None and packet.time_base is not None:
                base = packet.time_base  # in integers: this is done for every packet, and Fraction is slow
                end = (packet.pts + (packet.duration or 0)) * base.numerator * NS_PER_S
                self._end_ns = max(self._end_ns, end // base.denominator)
            if packet.stream_index == self._stream.index:
                yield packet
        yield None


def _is_cut_riff(path: Path) -> bool:
    """Say whether a WAV or AVI is shorter than its own header says: FFmpeg takes its length from the file instead."""
    with path.open("rb") as file:
        name, size = file.read(4), int.from_bytes(file.read(4), "little")
    is_streamed = size in (0, 2**32 - 1)  # whoever wrote it did not know
    return name == b"RIFF" and not is_streamed and size + 8 > path.stat().st_size


def _is_text(head: bytes) -> bool:
    """Say whether the bytes are readable as UTF-8 text; no container or sample data is."""
    if head.translate(None, TEXT_BYTES):
        return False
    try:
        head[:-4].decode()  # the cut may fall inside a character
    except UnicodeDecodeError:
        return False
    return True


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def _start_ns(container: InputContainer) -> int | None:
    start_us: int | None = container.start_time  # its stub forgets that it may be unknown
    return None if start_us is None else start_us * 1000


def _length_ns(container: InputContainer) -> int | None:
    """Return how long the container says it is; Matroska counts from time 0, wherever it starts."""
    if container.duration is None:
        return None
    begins_ns = (_start_ns(container) or 0) if _is_one_of(container, MATROSKA) else 0
    return container.duration * 1000 - max(0, begins_ns)


def _is_one_of(container: InputContainer, formats: frozenset[str]) -> bool:
    return not formats.isdisjoint(container.format.name.split(","))


def _duration_s(container: InputContainer, stream: VideoStream | AudioStream) -> float | None:
    if stream.duration is not None and (base := stream.time_base):
        return float(stream.duration * base)
    length_ns = _length_ns(container)
    return None if length_ns is None else length_ns / NS_PER_S


def _video_track(container: InputContainer, stream: VideoStream) -> Track:
    rate_hz = float(stream.average_rate or stream.guessed_rate or stream.base_rate or FALLBACK_RATE_HZ)
    lowest_hz, highest_hz = SANE_RATES_HZ
    return Track(
        sensor="video",
        index=stream.index,
        width_px=stream.codec_context.width,
        height_px=stream.codec_context.height,
        rate_hz=rate_hz if lowest_hz <= rate_hz <= highest_hz else FALLBACK_RATE_HZ,
        duration_s=_duration_s(container, stream),
    )


def _audio_track(container: InputContainer, stream: AudioStream) -> Track:
    return Track(
        sensor="audio",
        index=stream.index,
        width_px=0,
        height_px=0,
        rate_hz=float(stream.codec_context.sample_rate),
        duration_s=_duration_s(container, stream),
    )
