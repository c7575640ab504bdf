"""What waits to be written to a recording: threads put, one thread takes all; beyond its room the oldest is lost."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from runtime.recording.mcap_writer import ChannelInfo

ROOM_BYTES = 64 << 20  # a disk that stalls for seconds loses nothing
ITEM_BYTES = 512  # about what an item takes beside its payload

Encoded: TypeAlias = tuple[int | None, Iterable[tuple[ChannelInfo, bytes]]]  # when it was taken or said; entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Something that came and is to be written."""

    stream: str
    kind: str
    arrived_ns: int
    size_bytes: int
    encode: Callable[[], Encoded]  # on the thread that writes; ValueError or WireError where it cannot be read


class Backlog:
    """Safe for any thread; nobody waits."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        """Start empty and open."""
        self.lost = 0
        self._room_bytes = room_bytes
        self._waiting: deque[tuple[int, Arrival]] = deque()
        self._size_bytes = 0
        self._seqs: Counter[tuple[str, str]] = Counter()
        self.is_open = True
        self._lock = threading.Lock()

    def put(self, arrival: Arrival) -> None:
        """Add one, numbered within its stream and kind; once this is closed it is lost."""
        with self._lock:
            if not self.is_open:
                self.lost += 1
                return
            self._waiting.append((self._next(arrival.stream, arrival.kind), arrival))
            self._size_bytes += arrival.size_bytes + ITEM_BYTES
            while self._size_bytes > self._room_bytes and len(self._waiting) > 1:
                self._size_bytes -= self._waiting.popleft()[1].size_bytes + ITEM_BYTES
                self.lost += 1

    def lose(self, stream: str, kind: str) -> None:
        """Count one that was lost on its way here: the numbers have a gap."""
        with self._lock:
            self._next(stream, kind)
            self.lost += 1

    def take(self) -> list[tuple[int, Arrival]]:
        """Return all that waits with its number, oldest first."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._size_bytes = 0
            return taken

    def close(self) -> None:
        """Take nothing more; what waits, and whatever comes, is lost."""
        with self._lock:
            self.is_open = False
            self.lost += len(self._waiting)
            self._waiting.clear()

    def _next(self, stream: str, kind: str) -> int:
        self._seqs[stream, kind] += 1
        return self._seqs[stream, kind]
