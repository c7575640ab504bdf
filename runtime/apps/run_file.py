"""A run read back: what every message of a recorded session said, without what differs between sessions by itself.

Left out are the session's name (also in ids), sequence numbers, epochs, wall-clock fields and latencies; pictures and
tensors count by their hash, so that a long run fits into memory.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from runtime import wire
from runtime.apps.present import WALL_CLOCK_NS
from runtime.digest import LEFT_OUT, RunDigest
from runtime.errors import InputError
from runtime.messages import Alert, Answer, Message, Watermark
from runtime.recording import buslog
from runtime.recording.runreader import RunReader, origin_of

IDS = frozenset({"record_id", "clip_id"})
ID_LISTS = frozenset({"record_ids", "ids"})
NO_CONTENT = frozenset(
    {"session", "stream", "kind", "epoch", "seq", "session_start_ns", "timing_ms", "alert_id", "query_id"}
)
HASH_DIGITS = 16
DEEPEST = 32  # nesting of settings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message as runs are compared by it."""

    kind: str
    stream: str  # of an alert: its rule
    name: str  # stream/epoch/kind-seq, as others refer to it; of an answer its query_id
    start_ns: int
    end_ns: int
    fields: Mapping[str, Any]
    session_start_ns: int = 0  # what its seconds count from
    timing_ms: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def key(self) -> str:
        """Return kind, stream and content as text: equal for equal messages."""
        return f"{self.kind} {self.stream} {json.dumps(self.fields, sort_keys=True)}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that a run file holds; what it does not say is empty or None."""

    path: Path
    session: str
    said: tuple[Said, ...]  # in the order in which they were heard
    start_ns: int = 0  # of a live session, Unix time; 0 where its times count from a start already
    origin_ns: int = 0  # of the others: the Unix time of their time 0; 0 where it is not known
    source: str = ""  # replay or live
    config: Mapping[str, Any] | None = None
    digest: str = ""  # of what was read
    latency_ms: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)  # stage -> (p50, p95)
    length_s: float | None = None
    playing_s: float | None = None
    faults: tuple[str, ...] = ()  # what could not be read, a line each


def read_run(path: Path) -> Run:
    """Read a run with all its parts, as far as they go. Raises InputError where it holds none."""
    if path.is_dir():
        raise InputError(path, "is a folder; name the run's first file")
    said: list[Said] = []
    digest = RunDigest()
    epochs: set[int] = set()
    session = ""
    with closing(RunReader(path, without=LEFT_OUT)) as run:
        for message in run.messages():
            session = session or message.session
            epochs.add(getattr(message, "epoch", 0))
            digest.add(message)
            if not (isinstance(message, Watermark) and message.call):
                said.append(as_said(message))
        noted, faults = run.about, run.faults
    if not session:
        raise InputError(path, "holds no message that can be read")
    return Run(
        path=path,
        session=noted.get("session", session),
        said=_once(said),
        start_ns=_start_ns(epochs, said),
        origin_ns=origin_of(noted) or 0,
        digest=digest.total(),
        **_facts(noted, faults),
    )


def as_said(message: Message) -> Said:
    """Return a message as it is compared."""
    plain: dict[str, Any] = json.loads(wire.to_json(message))
    fields = {name: _without_session(name, value, message.session) for name, value in plain.items()}
    fields = {name: value for name, value in fields.items() if name not in NO_CONTENT}
    if hasattr(message, "payload"):
        fields["payload"] = _hash(message.payload)
    for name in wire.tensor_ranks(message.kind):
        fields[name] = _hash(np.ascontiguousarray(getattr(message, name)).tobytes())
    start_ns = getattr(message, "start_ns", None)
    end_ns = getattr(message, "end_ns", None)
    event_ns = buslog.event_ns(message)
    timing_ms: Mapping[str, float] = {}
    if isinstance(message, Answer):
        start_ns = end_ns = message.session_start_ns + round(message.asked_s * 1e9)
        timing_ms = plain["timing_ms"]
    first_ns = event_ns if start_ns is None else start_ns
    return Said(
        kind=message.kind,
        stream=message.rule if isinstance(message, Alert) else message.stream,
        name=_name(message),
        start_ns=first_ns,
        end_ns=max(first_ns, event_ns if end_ns is None else end_ns),
        fields=fields,
        session_start_ns=getattr(message, "session_start_ns", 0),
        timing_ms=timing_ms,
    )


def _once(said: list[Said]) -> tuple[Said, ...]:
    """Leave out what was sent again after a reconnect."""
    known: dict[tuple[str, str], Said] = {}
    for one in said:
        known.setdefault((one.name, one.key()), one)
    return tuple(known.values())


def _start_ns(epochs: set[int], said: list[Said]) -> int:
    """Return when a live session began: its first stream's epoch, or the first moment that it speaks of."""
    moments = {one for one in epochs if one > 0} or {one.start_ns for one in said if one.start_ns > 0}
    first_ns = min(moments, default=0)
    return first_ns if first_ns > WALL_CLOCK_NS else 0


def _name(message: Message) -> str:
    if hasattr(message, "seq") and hasattr(message, "epoch"):
        return f"{message.stream}/{message.epoch}/{message.kind}-{message.seq}"
    return str(getattr(message, "query_id", "") or getattr(message, "alert_id", ""))


def _without_session(name: str, value: Any, session: str) -> Any:
    """Return a field's value with the session taken off the ids in it."""
    if isinstance(value, dict):
        return {key: _without_session(key, one, session) for key, one in value.items()}
    if isinstance(value, list):
        return [
            one.removeprefix(f"{session}/")
            if name in ID_LISTS and isinstance(one, str)
            else _without_session(name, one, session)
            for one in value
        ]
    return value.removeprefix(f"{session}/") if name in IDS and isinstance(value, str) else value


def _facts(noted: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    """Return what the run's metadata says, as far as it can be read."""
    facts: dict[str, Any] = {"source": noted.get("source", "")}
    if "broke_off" in noted:
        faults.append("it was interrupted or failed, and holds what was said until then")
    readers: dict[str, Any] = {
        "config": _mapping,
        "latency_ms": lambda text: {
            stage: (_finite(p50), _finite(p95)) for stage, (p50, p95) in _mapping(text).items()
        },
        "length_s": _finite,
        "playing_s": _finite,
    }
    for name, read in readers.items():
        if name in noted:
            try:
                facts[name] = read(noted[name])
            except (ValueError, TypeError, RecursionError, OverflowError):
                faults.append(f"{name} of {buslog.RUN} is not as it should be")
    return facts | {"faults": tuple(dict.fromkeys(faults))}


def _mapping(text: str) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError("not a mapping")
    if not _is_shallow(values, DEEPEST):
        raise ValueError("nested too deeply")
    return values


def _is_shallow(value: Any, room: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return room > 0 and all(_is_shallow(one, room - 1) for one in inner)


def _finite(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]


def by_topic(said: tuple[Said, ...]) -> dict[tuple[str, str], list[Said]]:
    """Return what was said by kind and stream, in order."""
    topics: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for one in said:
        topics[one.kind, one.stream].append(one)
    return dict(topics)
