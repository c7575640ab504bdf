"""Opens a recording of many streams, whatever its format."""

from __future__ import annotations

from pathlib import Path

from runtime.recording.container import Container
from runtime.recording.mcap_file import McapFile
from runtime.recording.mcap_index import MAGIC


def open_container(path: Path) -> Container:
    """Return the open recording. Raises InputError."""
    return McapFile(path)


def is_container(path: Path) -> bool:
    """Say whether a file is a recording of many streams."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
