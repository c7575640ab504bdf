"""Damage in words: many chunks that are damaged are one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMED_MAX = 3  # chunks that have a line each
_CHUNK = re.compile(r"(?P<where>.*)the chunk at byte (?P<at>\d+) is damaged \(.*\) and was left out")


def told_once(faults: Iterable[str]) -> list[str]:
    """Return the faults, each once, with one line for the damaged chunks of a file where there are many."""
    told: dict[str, None] = {}
    chunks: dict[str, dict[str, int]] = {}  # file -> line -> place
    for fault in faults:
        if found := _CHUNK.fullmatch(fault):
            chunks.setdefault(found["where"], {})[fault] = int(found["at"])
        else:
            told[fault] = None
    for where, lines in chunks.items():
        if len(lines) <= NAMED_MAX:
            told |= dict.fromkeys(lines)
        else:
            first, last = min(lines.values()), max(lines.values())
            told[f"{where}{len(lines)} chunks between byte {first} and {last} are damaged and were left out"] = None
    return list(told)
