"""Folders that sessions leave in the temporary directory when they are killed: found by their lock, and removed.

A lock on a file ends with the process that holds it, also in another container that shares the directory, where a
process id would say nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

LOCK = "lock"


def hold(folder: Path) -> int:
    """Mark a folder as in use until the returned descriptor is closed or this process ends."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def sweep(prefix: str) -> None:
    """Remove the folders of this prefix, in the temporary directory, that nobody holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # somebody else's, held, or without a lock yet
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if folder.stat().st_uid == os.geteuid() and not folder.is_symlink():
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)
