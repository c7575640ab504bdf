"""SQLite files that break off: only their whole pages are shown to SQLite, which would fill up the last with zeros."""

from __future__ import annotations

import apsw

NAME = "heedful-whole-pages"


class WholePages(apsw.VFS):
    """Opens files as the system does; it must live as long as they are open."""

    def __init__(self) -> None:
        """Make it known to SQLite by its name."""
        super().__init__(NAME, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file."""
        return _WholePagesFile("", name, flags)


class _WholePagesFile(apsw.VFSFile):
    def xFileSize(self) -> int:
        size_bytes = super().xFileSize()
        return size_bytes - size_bytes % page_size(self.xRead(100, 0))


def page_size(head: bytes) -> int:
    """Return how large the pages of a file are, by its first 100 bytes."""
    page_bytes = int.from_bytes(head[16:18], "big")
    return 65_536 if page_bytes == 1 else max(512, page_bytes)
