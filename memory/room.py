"""How full the disk is, what a memory gives up at which mark, and the reserve that lets a full one be emptied.

With the volume full, SQLite can neither delete nor empty its log; after the reserve is gone it can do both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from memory.disk import RealDisk

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

RESERVE_NAME = "reserve"
RESERVE_BYTES = 8 << 20
RESERVE_SHARE = 0.05  # of a small disk at most
GIB = 1 << 30


class Level(IntEnum):
    """What is given up; each level gives up what those below it do."""

    NOTHING = 0
    OLD_PICTURES = 1  # pictures stay a quarter of their time
    NEW_PICTURES = 2  # frames are stored without theirs
    RECORDS = 3  # nothing is stored: questions are answered, erasing works


@dataclass(frozen=True, slots=True)
class Mark:
    """From where on something is given up: on a large disk 95 % full there is much room still."""

    level: Level
    used_share: float
    free_bytes: int


MARKS = (
    Mark(Level.RECORDS, 0.95, 2 * GIB),
    Mark(Level.NEW_PICTURES, 0.90, 8 * GIB),
    Mark(Level.OLD_PICTURES, 0.80, 20 * GIB),
)


def level_of(used_bytes: int, free_bytes: int) -> Level:
    """Return what a disk so full asks for."""
    share = used_bytes / max(1, used_bytes + free_bytes)
    reached = (mark.level for mark in MARKS if share >= mark.used_share and free_bytes < mark.free_bytes)
    return next(reached, Level.NOTHING)


def measure(folder: Path, db: apsw.Connection) -> Level:
    """Return the level of a memory's disk; free pages of the file, and the reserve, are room too. Raises OSError."""
    disk = os.statvfs(folder)
    own = int(db.pragma("freelist_count")) * int(db.pragma("page_size")) + Reserve(folder).size_bytes
    free = disk.f_bavail * disk.f_frsize + own
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize - own
    return level_of(used, free)


class Reserve:
    """A file of zeros beside the memory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESERVE_NAME

    @property
    def size_bytes(self) -> int:
        """How much it holds back, 0 where it is not there."""
        return self._path.stat().st_size if self._path.exists() else 0

    def fill(self) -> None:
        """Hold back 8 MiB, of a small disk less; does nothing where that is held back already. Raises OSError."""
        disk = os.statvfs(self._path.parent)
        size = min(RESERVE_BYTES, int(RESERVE_SHARE * disk.f_blocks * disk.f_frsize))
        if self.size_bytes >= size or disk.f_bavail * disk.f_frsize < 2 * size:
            return
        with self._path.open("wb") as file:
            file.write(bytes(size))  # written: an allocation without content is none on some disks
            RealDisk().sync(file)

    def release(self) -> bool:
        """Give the room back; say whether there was any."""
        held = self.size_bytes > 0
        RealDisk().remove(self._path)
        return held
