"""JPEG pictures that came in: looked at before they are decoded, by FFmpeg's own code."""

from __future__ import annotations

import av

LARGEST_PICTURE_PX = 50_000_000
_STANDALONE_MARKERS = frozenset((0x01, *range(0xD0, 0xD9)))  # TEM, RST0-7 and SOI carry no length
_NOT_A_FRAME = frozenset((0xC4, 0xC8, 0xCC))  # DHT, JPG and DAC lie within the range of the SOF markers
_SOS = 0xDA
_DHT = 0xC4
_EOI = b"\xff\xd9"


def decode_jpeg(data: bytes) -> av.VideoFrame:
    """Return the picture in `data`; ValueError if it is not a whole JPEG or is larger than 50 megapixels."""
    width_px, height_px, _ = _look(data)
    if width_px * height_px > LARGEST_PICTURE_PX:
        raise ValueError(f"{width_px} x {height_px} is more than {LARGEST_PICTURE_PX // 1_000_000} megapixels")
    codec = av.VideoCodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    try:
        frames = codec.decode(av.Packet(data)) + codec.decode(None)
    except av.FFmpegError as error:
        raise ValueError(f"damaged JPEG: {error.strerror}") from error
    if not frames:
        raise ValueError("damaged JPEG: no picture in it")
    return frames[0]


def has_tables(data: bytes) -> bool:
    """Say whether a JPEG brings its Huffman tables, as files do and many cameras do not; ValueError if not whole."""
    return _look(data)[2]


def _look(data: bytes) -> tuple[int, int, bool]:
    """Return (width_px, height_px, has tables) of a whole JPEG; ValueError where the markers do not make sense."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG: it does not start with ff d8")
    at = 2
    size, is_complete = (0, 0), False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError("damaged JPEG: a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SOS:
            break
        is_complete |= marker == _DHT
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_A_FRAME and at + 9 <= len(data):
            size = (int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    if 0 in size:
        raise ValueError("damaged JPEG: it states no size")
    if data.rfind(_EOI) < at:  # FFmpeg would fill what is missing with gray
        raise ValueError("damaged JPEG: it breaks off")
    return *size, is_complete
