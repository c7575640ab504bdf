"""A machine whose power can be cut: what was synced stays, of everything else any sector may be kept, lost or torn.

Its files are real ones, so that programs read what they wrote; beside them stands what a cut would leave of them.
SQLite comes in by a VFS, who seals segments by a `memory.disk.Disk`. As on Linux a write harms no byte beside it (what
SQLite calls powersafe overwrite), and the first sync of a journal or write-ahead log syncs its folder, too. SQLite's
shared memory, its -shm file, is always lost.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import apsw

from memory.disk import unfinished

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SECTOR = 512
BASE = "unix"  # the VFS that does the work
HAS_FOLDER_SYNCED = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL

# What becomes of an unsynced sector; the weights are drawn for each file, so that one may be kept whole, another lost.
FATES = ("kept", "lost", "torn")
WEIGHTS = ((1, 0, 0), (0, 1, 0), (1, 1, 1), (9, 1, 0), (1, 9, 0), (20, 0, 1))


class PowerCut(apsw.IOError):
    """The power went before this was done; what runs on leaves no trace."""


class Write(NamedTuple):
    """Bytes that came to stand at a place of a file."""

    offset: int
    data: bytes

    def sectors(self) -> Iterator[Write]:
        """Yield what falls into each sector."""
        start, end = self.offset, self.offset + len(self.data)
        while start < end:
            stop = min(end, start - start % SECTOR + SECTOR)
            yield Write(start, self.data[start - self.offset : stop - self.offset])
            start = stop

    def put(self, content: bytearray) -> None:
        """Do it."""
        content.extend(bytes(max(0, self.offset - len(content))))
        content[self.offset : self.offset + len(self.data)] = self.data

    def torn(self, content: bytearray, rng: random.Random) -> Write:
        """Return half of it, the other half as it was, or something else altogether."""
        length = len(self.data)
        old = bytes(content[self.offset : self.offset + length]).ljust(length, b"\0")
        at = rng.randrange(length)
        ways = (self.data[:at] + old[at:], old[:at] + self.data[at:], rng.randbytes(length), bytes(length))
        return Write(self.offset, rng.choice(ways))


class Resize(NamedTuple):
    """A file cut off, or drawn out with zeros."""

    size: int

    def put(self, content: bytearray) -> None:
        """Do it."""
        del content[self.size :]
        content.extend(bytes(self.size - len(content)))


class File:
    """A file's content on the disk, and what was done to it since its last sync."""

    def __init__(self, content: bytes = b"") -> None:
        self._durable = bytearray(content)
        self._unsynced: list[Write | Resize] = []

    def change(self, change: Write | Resize) -> None:
        """Take note of a change."""
        self._unsynced.append(change)

    def sync(self) -> None:
        """Make all changes stay."""
        for change in self._unsynced:
            change.put(self._durable)
        self._unsynced.clear()

    def after_cut(self, rng: random.Random) -> bytes:
        """Return a content that a power cut may leave."""
        content = bytearray(self._durable)
        weights = rng.choice(WEIGHTS)
        for change in self._unsynced:
            pieces = change.sectors() if isinstance(change, Write) else [change]
            for piece in pieces:
                fate = rng.choices(FATES, weights)[0]
                if fate == "torn" and isinstance(piece, Write):
                    piece.torn(content, rng).put(content)
                elif fate != "lost":
                    piece.put(content)
        return bytes(content)


class Rename(NamedTuple):
    """A change of a folder's entries: a name that is gone, and one that is there now for a file, or for a folder."""

    folder: Path
    gone: Path | None
    there: Path | None
    file: File | None  # None is a folder

    def put(self, names: dict[Path, File | None]) -> None:
        """Do it."""
        if self.gone is not None:
            names.pop(self.gone, None)
        if self.there is not None:
            names[self.there] = self.file


class Power:
    """The power of a machine, and its files below one folder."""

    def __init__(self, folder: Path, rng: random.Random, moments: int) -> None:
        """Take what is in the folder for synced; let the power go after so many moments.

        A write takes one; what others may wait for takes ten, so that cuts fall there more often.
        """
        self.folder = folder
        self.is_off = False
        self.syncs = 0  # of files
        self._rng = rng
        self._left = moments
        files = sorted(folder.rglob("*"))  # a folder before what it holds
        self._durable: dict[Path, File | None] = {p: None if p.is_dir() else File(p.read_bytes()) for p in files}
        self._live = dict(self._durable)
        self._unsynced: list[Rename] = []

    def open(self, path: Path) -> File:
        """Return a file, made where it is not there; with it a new folder that holds it."""
        file = self._live.get(path)
        if file is None:
            file = File()
            if self._runs():
                if path.parent != self.folder and path.parent not in self._live:
                    self._rename(Rename(path.parent.parent, None, path.parent, None))
                self._rename(Rename(path.parent, None, path, file))
        return file

    def make_folder(self, folder: Path) -> None:
        """Make a folder."""
        if self._runs():
            self._rename(Rename(folder.parent, None, folder, None))

    def change(self, file: File, change: Write | Resize) -> None:
        """Change a file's content."""
        if self._runs(moments=1):
            file.change(change)

    def sync(self, file: File) -> None:
        """Make a file's content stay, but not its name."""
        if self._runs():
            self.syncs += 1
            file.sync()

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in the same folder."""
        if self._runs():
            self._rename(Rename(old.parent, old, new, self._live[old]))

    def remove(self, path: Path) -> None:
        """Delete a file."""
        if self._runs():
            self._rename(Rename(path.parent, path, None, None))

    def sync_folder(self, folder: Path) -> None:
        """Make a folder's names stay, but not the content of its files."""
        if self._runs():
            for change in self._unsynced:
                if change.folder == folder:
                    change.put(self._durable)
            self._unsynced = [change for change in self._unsynced if change.folder != folder]

    def cut(self, into: Path) -> None:
        """Cut the power and write what is left into a new folder."""
        self.is_off = True
        names = dict(self._durable)
        share_kept = self._rng.random()
        for change in self._unsynced:
            if self._rng.random() < share_kept:
                change.put(names)
        into.mkdir()
        for path, file in names.items():
            if file is None:
                (into / path.relative_to(self.folder)).mkdir()
        for path, file in names.items():
            if file is not None and (path.parent == self.folder or path.parent in names):
                (into / path.relative_to(self.folder)).write_bytes(file.after_cut(self._rng))

    def _rename(self, change: Rename) -> None:
        change.put(self._live)
        self._unsynced.append(change)

    def _runs(self, moments: int = 10) -> bool:
        """Say whether the power is on; if it is just going, raise PowerCut."""
        self._left -= moments
        if self._left < 0 and not self.is_off:
            self.is_off = True
            raise PowerCut
        return not self.is_off


@contextmanager
def sqlite_on(power: Power) -> Iterator[None]:
    """Let every connection that is opened meanwhile use this machine's files."""
    vfs = _Vfs(power)
    try:
        yield
    finally:
        vfs.unregister()


class PowerDisk:
    """This machine's disk, for who seals segments."""

    def __init__(self, power: Power) -> None:
        self._power = power

    def make_folder(self, folder: Path) -> None:
        if not folder.exists():
            self._power.make_folder(folder)
            folder.mkdir()
            self.sync_folder(folder.parent)

    def create(self, path: Path) -> BinaryIO:
        return _SegmentFile(self._power, path)

    def sync(self, file: BinaryIO) -> None:
        assert isinstance(file, _SegmentFile)
        self._power.sync(file.traced)

    def publish(self, path: Path) -> None:
        self.rename(unfinished(path), path)
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        if path.exists():
            self._power.remove(path)
            path.unlink()

    def rename(self, old: Path, new: Path) -> None:
        self._power.rename(old, new)
        old.rename(new)

    def sync_folder(self, folder: Path) -> None:
        self._power.sync_folder(folder)


class _SegmentFile(io.FileIO):
    def __init__(self, power: Power, path: Path) -> None:
        self._power = power
        self.traced = power.open(path)
        power.change(self.traced, Resize(0))
        super().__init__(path, "w+")

    def write(self, data: ReadableBuffer, /) -> int:
        self._power.change(self.traced, Write(self.tell(), bytes(data)))
        return super().write(data)


class _Vfs(apsw.VFS):
    def __init__(self, power: Power) -> None:
        super().__init__("power", BASE, makedefault=True)
        self._power = power

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:  # a temporary file: nobody misses it
            return apsw.VFSFile(BASE, name, flags)
        return _SqliteFile(self._power, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._power.remove(Path(filename))
        super().xDelete(filename, syncdir)
        if syncdir:
            self._power.sync_folder(Path(filename).parent)


class _SqliteFile(apsw.VFSFile):
    def __init__(self, power: Power, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._power = power
        self._path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        self._syncs_folder = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & HAS_FOLDER_SYNCED)
        self._traced = power.open(self._path)
        super().__init__(BASE, name, flags)

    def xLock(self, level: int) -> None:
        """Lock; a connection that only reads fails at it in the end, and SQLite minds it as little as a busy file."""
        try:
            super().xLock(level)
        except apsw.IOError as error:
            raise apsw.BusyError from error

    def xWrite(self, data: ReadableBuffer, offset: int) -> None:
        self._power.change(self._traced, Write(offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._power.change(self._traced, Resize(newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._power.sync(self._traced)
        if self._syncs_folder:
            self._power.sync_folder(self._path.parent)
            self._syncs_folder = False
