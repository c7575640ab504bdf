"""Files that are there whole or not at all, whenever the power goes: written aside, synced, renamed, folder synced."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

UNFINISHED = ".tmp"


class Disk(Protocol):
    """What a segment's writer asks of a file system; a test has one whose power can be cut."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder, unless it is there, and make its name survive."""

    def create(self, path: Path) -> BinaryIO:
        """Open a new file for writing and reading, or an old one from its beginning."""

    def sync(self, file: BinaryIO) -> None:
        """Bring a file's content to the disk."""

    def publish(self, path: Path) -> None:
        """Give a synced file, `path` with .tmp, its name, and make the name survive."""

    def remove(self, path: Path) -> None:
        """Delete a file, if it is there."""


class RealDisk:
    """The disk of this machine."""

    def make_folder(self, folder: Path) -> None:
        """Mkdir and fsync the folder above."""
        if not folder.exists():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)

    def create(self, path: Path) -> BinaryIO:
        """Open a new file for writing and reading."""
        return path.open("w+b")

    def sync(self, file: BinaryIO) -> None:
        """Flush and fsync."""
        file.flush()
        os.fsync(file.fileno())

    def publish(self, path: Path) -> None:
        """Rename and fsync the folder."""
        unfinished(path).rename(path)
        sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Unlink."""
        with suppress(FileNotFoundError):
            path.unlink()


def unfinished(path: Path) -> Path:
    """Return the name under which a file is written."""
    return path.with_name(path.name + UNFINISHED)


def sync_folder(folder: Path) -> None:
    """Make changes of the folder's entries survive a power cut."""
    sync_path(folder)


def sync_path(path: Path) -> None:
    """Make the content of a file, or the entries of a folder, survive a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
