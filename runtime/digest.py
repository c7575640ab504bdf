"""What a run said, as hashes: two runs are the same when every topic carried the same messages in the same order.

Covered is every kind but `metrics status progress preview`; wall-clock fields and the calls after a reconnect are left
out, and `stored` counts as a set of ids, because commits are grouped by wall time.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict

import numpy as np

from runtime import wire
from runtime.messages import Answer, Message, Record, Stored, Timing, Watermark

LEFT_OUT = frozenset({"metrics", "status", "progress", "preview"})


class RunDigest:
    """Takes messages as they come and tells their hashes at the end."""

    def __init__(self) -> None:
        """Start empty."""
        self.counts: dict[str, int] = defaultdict(int)
        self._topics: dict[str, hashlib._Hash] = {}
        self._stored: set[str] = set()
        self._known: set[str] = set()  # what is sent again after a reconnect counts once

    def add(self, message: Message) -> None:
        """Take one message."""
        if message.kind in LEFT_OUT or (isinstance(message, Watermark) and message.call):
            return
        if isinstance(message, Stored):
            self._stored.update(message.ids)
            self.counts["stored"] = len(self._stored)
            return
        if isinstance(message, Answer):
            message = dataclasses.replace(message, timing_ms=Timing(recall=0, first_token=0, total=0))
        text = wire.to_json(message)
        if isinstance(message, Watermark | Record):
            if text in self._known:
                return
            self._known.add(text)
        self.counts[message.kind] += 1
        digest = self._topics.setdefault(f"{message.stream}/{message.kind}", hashlib.sha256())
        digest.update(text.encode())
        digest.update(getattr(message, "payload", b""))
        for name in wire.tensor_ranks(message.kind):
            digest.update(np.ascontiguousarray(getattr(message, name)).tobytes())

    def topics(self) -> dict[str, str]:
        """Return a hash per stream/kind."""
        topics = {name: one.hexdigest() for name, one in sorted(self._topics.items())}
        if not self._stored:
            return topics
        return {"memory/stored": hashlib.sha256("\n".join(sorted(self._stored)).encode()).hexdigest(), **topics}

    def total(self) -> str:
        """Return one hash of everything."""
        lines = [f"{name} {value}" for name, value in sorted(self.topics().items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
