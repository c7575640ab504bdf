"""What changed from one run to another: percepts, clips, answers and alerts, field by field; latencies and settings.

Numbering is of no account: a message that is new shifts the numbers of all that follow, and ids in clips and answers
are compared by which message they mean.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from runtime.apps.diff_match import pair_answers, pair_in_time
from runtime.apps.diff_terms import from_starts, is_same_day, renamed
from runtime.apps.run_file import Run, Said

PERCEPTS = ("motion", "detection", "utterance", "sound", "gap", "frame", "observation")
COMPARED = (*PERCEPTS, "clip", "answer", "alert")
SAYS = {"perception": PERCEPTS, "memory": (*PERCEPTS, "clip")}  # in a run in which one service alone was fresh
FROM_RECORDING = frozenset({"replay", "perception", "memory", "reasoning"})  # sources of runs without sensors
DERIVED = frozenset({"stored"})  # follows from percepts, in groups that follow the clock
ABSENT = "not said"
CONFIGURED, RECORDED = "configured", "from the recording"  # where a run's streams came from
What: TypeAlias = Literal["changed", "gone", "new"]
WHATS: tuple[What, ...] = ("changed", "gone", "new")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """What one field or setting was, and is."""

    name: str
    before: Any
    after: Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One message that is not in both runs as it is; times count from each run's start."""

    what: What
    kind: str
    stream: str
    before: Said | None
    after: Said | None
    fields: tuple[FieldChange, ...] = ()

    @property
    def said(self) -> Said:
        """Return the message as it was, else as it is."""
        found = self.before or self.after
        assert found is not None
        return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """How long something took in both runs."""

    name: str
    before_ms: float
    after_ms: float

    @property
    def ratio(self) -> float | None:
        """Return now over before."""
        return self.after_ms / self.before_ms if self.before_ms > 0 else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """All that differs between two runs."""

    before: Run  # its times count from its start
    after: Run
    changes: tuple[Change, ...]  # by kind, stream and time
    settings: tuple[FieldChange, ...]
    stages: tuple[Took, ...]  # p50 and p95 of each
    answers: tuple[Took, ...]
    rest: tuple[str, ...]  # what else the bus said otherwise: stream/kind
    remarks: tuple[str, ...]

    @property
    def has_same_digest(self) -> bool:
        """Say whether all that was read is the same, with its session, numbering and times."""
        return bool(self.before.digest) and self.before.digest == self.after.digest

    @property
    def same(self) -> bool:
        """Say whether percepts, clips, answers and alerts are the same; times and settings are of no account."""
        return not self.changes

    def counts(self) -> dict[str, dict[What, int]]:
        """Return how many messages changed, per kind that has any."""
        found = Counter((one.kind, one.what) for one in self.changes)
        kinds = [kind for kind in COMPARED if any(found[kind, what] for what in WHATS)]
        return {kind: {what: found[kind, what] for what in WHATS} for kind in kinds}


def compare(before: Run, after: Run) -> Diff:
    """Return what changed from one run to another."""
    remarks = tuple(_remarks(before, after))
    before, after = from_starts(_said_by_both(before, after), _said_by_both(after, before))
    changes: list[Change] = []
    took: list[Took] = []
    meant: tuple[dict[str, str], dict[str, str]] = ({}, {})  # name -> the message that it means, in either run
    for kinds in (PERCEPTS, ("clip",), ("answer", "alert")):
        ours, theirs = (renamed(run, kinds, names) for run, names in zip((before, after), meant, strict=True))
        for kind, stream in sorted(ours.keys() | theirs.keys(), key=lambda key: (COMPARED.index(key[0]), key[1])):
            some, others = ours.get((kind, stream), []), theirs.get((kind, stream), [])
            pairs = (pair_answers if kind == "answer" else pair_in_time)(some, others)
            changes += _changes(some, others, pairs)
            took += [one for pair in pairs if kind == "answer" for one in _answer_took(some[pair[0]], others[pair[1]])]
            _learn(meant, some, others, pairs)
    return Diff(
        before=before,
        after=after,
        changes=tuple(changes),
        settings=tuple(_settings(before, after)),
        stages=tuple(_stages(before, after)),
        answers=tuple(took),
        rest=_rest(before, after, meant),
        remarks=remarks,
    )


def _said_by_both(run: Run, other: Run) -> Run:
    """Leave out of a run what the other one cannot hold, because only one service ran."""
    kinds = {*COMPARED}.intersection(*(SAYS[one.source] for one in (run, other) if one.source in SAYS))
    if kinds == {*COMPARED}:
        return run
    return dataclasses.replace(run, said=tuple(one for one in run.said if one.kind in kinds))


def _changes(ours: list[Said], theirs: list[Said], pairs: list[tuple[int, int]]) -> list[Change]:
    found = []
    for one, other in pairs:
        a, b = ours[one], theirs[other]
        if fields := tuple(field_changes(a.fields, b.fields)):
            found.append(Change(what="changed", kind=a.kind, stream=a.stream, before=a, after=b, fields=fields))
    paired, matched = {one for one, _ in pairs}, {other for _, other in pairs}
    alone = [one for place, one in enumerate(ours) if place not in paired]
    fresh = [one for place, one in enumerate(theirs) if place not in matched]
    found += [Change(what="gone", kind=one.kind, stream=one.stream, before=one, after=None) for one in alone]
    found += [Change(what="new", kind=one.kind, stream=one.stream, before=None, after=one) for one in fresh]
    return sorted(found, key=lambda change: change.said.start_ns)


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[FieldChange]:
    """Yield the fields that differ."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if old != new:
            yield FieldChange(name=name, before=old, after=new)


def _learn(
    meant: tuple[dict[str, str], dict[str, str]], ours: list[Said], theirs: list[Said], pairs: list[tuple[int, int]]
) -> None:
    """Note what the names of these messages mean: those of a pair the same, those of the others nothing in common."""
    meant[0].update({one.name: f"gone {one.name}" for one in ours})
    meant[1].update({one.name: f"new {one.name}" for one in theirs})
    for one, other in pairs:
        meant[0][ours[one].name] = meant[1][theirs[other].name] = ours[one].name


def _rest(before: Run, after: Run, meant: tuple[Mapping[str, str], Mapping[str, str]]) -> tuple[str, ...]:
    left_out = {*COMPARED, *DERIVED}
    kinds = {one.kind for run in (before, after) for one in run.said} - left_out
    ours, theirs = renamed(before, kinds, meant[0]), renamed(after, kinds, meant[1])
    return tuple(
        f"{stream}/{kind}"
        for kind, stream in sorted(ours.keys() | theirs.keys())
        if [one.key() for one in ours.get((kind, stream), [])] != [one.key() for one in theirs.get((kind, stream), [])]
    )


def _settings(before: Run, after: Run) -> Iterable[FieldChange]:
    if before.config is not None and after.config is not None:
        yield from field_changes(_settings_of(before, after), _settings_of(after, before))


def _settings_of(run: Run, other: Run) -> dict[str, Any]:
    """Return a run's settings by their full names; those of streams count only where both runs went by them."""
    settings = dict(run.config or {})
    if run.source in FROM_RECORDING or other.source in FROM_RECORDING:
        settings["streams"] = RECORDED if run.source in FROM_RECORDING else CONFIGURED
    return _flat(settings)


def _flat(values: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{start}{name}.") if isinstance(value, dict) and value else {f"{start}{name}": value}
    return flat


def _stages(before: Run, after: Run) -> Iterable[Took]:
    for stage in sorted(before.latency_ms.keys() & after.latency_ms.keys()):
        for number, name in enumerate(("p50", "p95")):
            old, new = before.latency_ms[stage][number], after.latency_ms[stage][number]
            yield Took(name=f"{stage} {name}", before_ms=old, after_ms=new)
    if before.playing_s and after.playing_s:
        yield Took(name="playing, all", before_ms=before.playing_s * 1e3, after_ms=after.playing_s * 1e3)


def _answer_took(before: Said, after: Said) -> Iterable[Took]:
    for name in before.timing_ms.keys() & after.timing_ms.keys() & {"total"}:
        yield Took(
            name=str(before.fields.get("question", before.name)),
            before_ms=before.timing_ms[name],
            after_ms=after.timing_ms[name],
        )


def _remarks(before: Run, after: Run) -> Iterable[str]:
    if reason := _other_recording(before, after):
        yield reason
    if bool(before.start_ns) != bool(after.start_ns) and not is_same_day(before, after):
        yield _apart(before, after)
    for which, run in (("first", before), ("second", after)):
        yield from (f"the {which} run: {fault}" for fault in run.faults)
        if run.source in SAYS:
            yield f"the {which} run is of {run.source} alone: compared are {', '.join(SAYS[run.source])}"
        if not run.source and run.config is None:
            yield f"the {which} run says nothing of its settings and times: its session did not end by itself"


def _apart(before: Run, after: Run) -> str:
    """Return why a live run and another one have no clock in common."""
    which, other = ("second", after) if before.start_ns else ("first", before)
    if other.origin_ns:
        return "one run is live and the other of another time of day: each counts from its own start"
    return (
        f"one run is live, and the {which} one does not say when its recording began: each counts from its own start, "
        "so all times may differ by the same"
    )


def _other_recording(before: Run, after: Run) -> str:
    """Return why the runs are of two recordings, "" where nothing says so."""
    if before.source != "replay" or after.source != "replay" or before.session == after.session:
        return ""
    seen = _perception(before)
    if seen is not None and seen == _perception(after):
        return "these are runs of two different recordings"
    lengths = (before.length_s, after.length_s)
    if lengths[0] is not None and lengths[1] is not None and lengths[0] != lengths[1]:
        return f"these seem to be runs of two different recordings: {lengths[0]:g} and {lengths[1]:g} s long"
    return ""


def _perception(run: Run) -> dict[str, Any] | None:
    """Return the settings that a replay's name depends on."""
    settings = (run.config or {}).get("perception")
    return {**settings, "stale_s": None} if isinstance(settings, dict) else None
