"""Pictures of cameras that send JPEG, one after the other (Motion JPEG), as files that everybody can open."""

from __future__ import annotations

from functools import cache

import av

from perception.picture import encode_jpeg
from runtime.jpeg import has_tables

START = b"\xff\xd8"
DHT = b"\xff\xc4"


def as_file(data: bytes) -> bytes:
    """Return what a camera sent with the Huffman tables that such cameras leave out; nothing where it is not whole."""
    try:
        return data if has_tables(data) else START + _tables() + data[len(START) :]
    except ValueError:
        return b""


@cache
def _tables() -> bytes:
    """Return the tables of the standard (ITU-T T.81, K.3), which a stream without tables means: FFmpeg writes them."""
    jpeg, _, _ = encode_jpeg(av.VideoFrame(16, 16, "yuvj420p"), 16, is_fast=True)
    at = jpeg.index(DHT)
    return jpeg[at : at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])]
