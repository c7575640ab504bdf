"""Recordings written as MCAP: zstd chunks with an index, safe to the last chunk, in parts where one grows too large.

OUT.mcap is followed by OUT.0002.mcap, OUT.0003.mcap and so on; each can be read by itself, and whoever opens the first
finds the others by the recording's id in their metadata.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from glob import escape
from io import BufferedWriter
from pathlib import Path

from mcap.exceptions import McapError
from mcap.writer import Writer

from runtime.errors import ConfigError, MissingPart
from runtime.recording.mcap_cut import end_early

LIBRARY = "heedful"
CHUNK_BYTES = 1 << 20
CHUNK_S = 0.5  # what is older than this is in the file, so that a process that is killed loses less than a second
SYNC_S = 5.0  # and so long before it is on the disk, for what a power cut leaves
CHANNELS_MAX = 2**16 - 1  # that a file can number
_U64 = 2**64 - 1
RECORDING = "heedful.recording"  # metadata of each part: id, part, whether it is the last, what the recorder says of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """What a channel is called and how its entries are written."""

    topic: str
    schema: str
    schema_encoding: str
    schema_data: bytes = field(repr=False)
    encoding: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_sticky: bool = False  # its newest entry stands at the start of each part: a calibration


class RecordingWriter:
    """Writes entries of channels in the order of their arrival; not for several threads at once.

    Every method raises MissingPart where the disk is full or fails: then comes `abandon`, and nothing else.
    """

    def __init__(
        self,
        path: Path,
        about: Mapping[str, str],
        *,
        part_bytes: int | None = None,
        part_s: float | None = None,
        syncs: bool = True,
        chunk_s: float | None = CHUNK_S,
    ) -> None:
        """Begin the first part; `about` goes into the metadata of each. A new part begins beyond the limits.

        Without `syncs` what a power cut takes is gone, and no call waits for the disk before `close`. Without `chunk_s`
        chunks end by their size alone, so that with an `id` in `about` the same entries are the same bytes.

        Raises ConfigError where a file is there already.
        """
        self.path = path
        self.messages = 0
        self.size_bytes = 0  # of the parts before this one
        self._about = {"id": secrets.token_hex(8), **about}
        self._chunk_s = chunk_s
        self._part_bytes, self._part_s = part_bytes, part_s
        self._syncs = syncs
        self._channels: list[ChannelInfo] = []
        self._newest: dict[int, tuple[int, int, bytes]] = {}  # of sticky channels
        self._part = 0
        self._began_s = self._flushed_s = self._synced_s = 0.0
        self._reason = ""  # why the disk refused
        self._sure_at = self._unsure = self._repeated = 0  # how far this part is whole; entries since then
        self._at_hand = 0  # an entry for which there is no part yet
        self._file, self._writer = self._open_part()
        try:
            self._begin()
        except MissingPart:
            self.abandon()  # nobody else can: no empty file stays
            raise

    def channel(self, info: ChannelInfo) -> int:
        """Return the number of a new channel; it is written with its first entry."""
        self._channels.append(info)
        return len(self._channels) - 1

    def write(self, channel: int, *, log_ns: int, publish_ns: int, seq: int, data: bytes) -> None:
        """Add an entry."""
        self._at_hand = 1
        if self._is_full():
            self.finish_part()
            self._file, self._writer = self._open_part()
            self._begin(log_ns)
        if self._channels[channel].is_sticky:
            self._newest[channel] = (publish_ns, seq, data)
        self.messages += 1
        self._unsure += 1  # before it is added: that may end a chunk which does not come into the file
        self._at_hand = 0
        self._add(channel, log_ns, publish_ns, seq, data)
        self.tick()

    def tick(self) -> None:
        """End the chunk that is open where it is old enough; call this also while nothing comes."""
        now_s = time.monotonic()
        if self._chunk_s is not None and now_s - self._flushed_s >= self._chunk_s:
            self._flushed_s = now_s
            with self._disk():
                self._writer.flush()  # type: ignore[no-untyped-call]
            self._be_sure()
        if self._syncs and now_s - self._synced_s >= SYNC_S:
            self._synced_s = now_s
            with self._disk():
                os.fdatasync(self._file.fileno())

    def note(self, name: str, values: Mapping[str, str]) -> None:
        """Add metadata to this part."""
        with self._disk():
            self._writer.add_metadata(name, dict(values))

    def finish_part(self) -> None:
        """Write the index and close the file."""
        with self._disk():
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.flush()
            os.fdatasync(self._file.fileno())
        self.size_bytes += self._file.tell()
        self._file.close()
        self._unsure = self._repeated = 0

    def close(self) -> None:
        """Note that this part is the last, write the index and close the file."""
        self._note_part(last="true")
        self.finish_part()

    def abandon(self) -> int:
        """End a file that cannot be finished at its last whole chunk; return how many entries are not in it."""
        if self._file.closed:
            return self._at_hand
        with suppress(OSError):
            self._file.raw.close()  # the buffer could only fail again
        path = Path(self._file.name)
        if not self._sure_at:  # not even the header came
            with suppress(OSError):
                path.unlink(missing_ok=True)
            self._part -= 1
            lost = self._unsure
        else:
            size_bytes, whole = end_early(path, self._sure_at, self._reason or "it was given up")
            self.size_bytes += size_bytes
            lost = 0 if whole.has_all else min(self._unsure, self._unsure + self._repeated - whole.messages)
        self.messages -= lost
        return lost + self._at_hand

    def _be_sure(self) -> None:
        self._sure_at, self._unsure, self._repeated = self._file.tell(), 0, 0

    @property
    def parts(self) -> int:
        """Return how many parts there are."""
        return self._part

    @property
    def written_bytes(self) -> int:
        """Return how large all parts are."""
        return self.size_bytes + (0 if self._file.closed else self._file.tell())

    def _open_part(self) -> tuple[BufferedWriter, Writer]:
        path = part_path(self.path, self._part + 1)
        try:
            file = path.open("xb")
        except FileExistsError as error:
            raise ConfigError(str(path), "is there already; name a new file") from error
        except OSError as error:
            raise MissingPart(f"{path}: {error.strerror}", "name a file that can be written") from error
        self._part += 1
        return file, Writer(file, chunk_size=CHUNK_BYTES)

    def _begin(self, log_ns: int = 0) -> None:
        """Write what stands at the start of a part; what is said again counts as logged now.

        With its first log time the part would begin there too: players would show an empty hour, and whoever reads
        many parts by time would open all at once.
        """
        self._numbers: dict[int, int] = {}  # of channels that are in this part
        self._schemas: dict[tuple[str, str], int] = {}
        self._began_s = self._flushed_s = self._synced_s = time.monotonic()
        self._sure_at = self._unsure = self._repeated = 0
        with self._disk():
            self._writer.start(library=LIBRARY)
            self._note_part(last="false")
            self._file.flush()
        self._be_sure()
        for channel, (publish_ns, seq, data) in self._newest.items():
            self._repeated += 1
            self._add(channel, log_ns, publish_ns, seq, data)

    def _note_part(self, last: str) -> None:
        self.note(RECORDING, {**self._about, "part": str(self._part), "last": last})

    def _is_full(self) -> bool:
        is_large = self._part_bytes is not None and self._file.tell() >= self._part_bytes
        is_long = self._part_s is not None and time.monotonic() - self._began_s >= self._part_s
        return is_large or is_long

    def _add(self, channel: int, log_ns: int, publish_ns: int, seq: int, data: bytes) -> None:
        with self._disk():
            if channel not in self._numbers:
                self._numbers[channel] = self._register(self._channels[channel])
            times = min(max(log_ns, 0), _U64), min(max(publish_ns, 0), _U64)
            self._writer.add_message(self._numbers[channel], times[0], data, times[1], seq & 0xFFFFFFFF)

    def _register(self, info: ChannelInfo) -> int:
        name = (info.schema, info.schema_encoding)
        if name not in self._schemas and info.schema:
            self._schemas[name] = self._writer.register_schema(info.schema, info.schema_encoding, info.schema_data)
        return self._writer.register_channel(info.topic, info.encoding, self._schemas.get(name, 0), dict(info.metadata))

    def _disk(self) -> _Disk:
        return _Disk(self._file.name, self._note_reason)

    def _note_reason(self, reason: str) -> None:
        self._reason = self._reason or reason


class _Disk:
    """Turns what the file system says into our error."""

    def __init__(self, name: str, tell: Callable[[str], None]) -> None:
        self._name = name
        self._tell = tell

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | McapError):
            self._tell(getattr(error, "strerror", None) or str(error))
        if isinstance(error, OSError):
            raise MissingPart(f"{self._name}: {error.strerror}", "free some space") from error
        if isinstance(error, McapError):
            raise MissingPart(f"{self._name}: {error}", "report this") from error


def part_path(path: Path, part: int) -> Path:
    """Return the file of a part, counted from 1."""
    return path if part == 1 else path.with_name(f"{path.stem}.{part:04d}{path.suffix}")


def parts_of(path: Path) -> list[Path]:
    """Return the files that may be the later parts of a recording, in their order."""
    numbered = re.compile(rf"{re.escape(path.stem)}\.(\d{{4,5}}){re.escape(path.suffix)}", re.ASCII)
    near = path.parent.glob(f"{escape(path.stem)}.[0-9][0-9][0-9][0-9]*{escape(path.suffix)}")
    found = {one: int(known[1]) for one in near if (known := numbered.fullmatch(one.name)) and one != path}
    return sorted(found, key=lambda one: found[one])
