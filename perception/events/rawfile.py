"""Prophesee RAW files: a header of lines that begin with "%", then the words of EVT 2.0 or EVT 3.0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perception.events.arrays import Events
from perception.events.decoders import make_decoder
from runtime.errors import InputError

HEADER_BYTES = 64 * 1024  # of which a header is far less
READ_BYTES = 4 * 1024 * 1024
SIZES = {"gen3": (640, 480), "gen4": (1280, 720), "imx636": (1280, 720), "genx320": (320, 320)}  # by sensor


@dataclass(frozen=True, slots=True, kw_only=True)
class RawHeader:
    """What stands before the words."""

    encoding: str  # evt2, evt3
    width_px: int  # 0 where it does not say
    height_px: int
    body_at: int  # offset of the first word


def is_raw_events(path: Path) -> bool:
    """Say whether a file begins like one of these; raw sound has the same ending."""
    with path.open("rb") as file:
        return file.read(2) == b"% " and b"\n" in file.read(256)


def read_header(path: Path) -> RawHeader:
    """Return what the header says. Raises InputError where the words are of a kind that is not read."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    at, said = 0, []
    while head[at : at + 2] == b"% " and (end := head.find(b"\n", at)) >= 0:
        said.append(head[at + 2 : end].decode("latin-1").strip())
        at = end + 1
        if said[-1] == "end":
            break
    text = "\n".join(said).lower()
    return RawHeader(encoding=_encoding(path, text), **_size(text), body_at=at)


class RawFile:
    """Reads the words of a file, bounded pieces at a time."""

    def __init__(self, path: Path) -> None:
        """Raises InputError or MissingPart."""
        self.header = read_header(path)
        self.faults: list[str] = []
        self.begins_ns: int | None = None  # its clock begins with the camera
        self._path = path
        self._decoder = make_decoder(self.header.encoding)
        self._file = path.open("rb")
        self._file.seek(self.header.body_at)

    def events(self) -> Iterator[Events]:
        """Yield all events, piece after piece."""
        while data := self._file.read(READ_BYTES):
            yield self._decoder.feed(data)
        if left := self._decoder.waiting:
            self.faults.append(f"{self._path}: breaks off in the middle of a word ({left} bytes)")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _encoding(path: Path, text: str) -> str:
    found = re.search(r"^(?:evt ([\d.]+)|format evt([\d.]+))", text, re.MULTILINE)
    version = "" if found is None else (found[1] or found[2])
    if version in ("2", "2.0"):
        return "evt2"
    if version in ("3", "3.0"):
        return "evt3"
    told = f"EVT {version}" if version else "of an unknown kind"
    raise InputError(path, f"holds words {told}; EVT 2.0 and 3.0 are read")


def _size(text: str) -> dict[str, int]:
    width = re.search(r"\bwidth=(\d+)", text)
    height = re.search(r"\bheight=(\d+)", text)
    if width and height:
        return {"width_px": int(width[1]), "height_px": int(height[1])}
    if found := re.search(r"^geometry (\d+)x(\d+)", text, re.MULTILINE):
        return {"width_px": int(found[1]), "height_px": int(found[2])}
    width_px, height_px = next((size for name, size in SIZES.items() if name in text), (0, 0))
    return {"width_px": width_px, "height_px": height_px}
