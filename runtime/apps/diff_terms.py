"""Two runs brought to the same terms: times count from a session's start, ids name the message that they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.apps.run_file import ID_LISTS, IDS, Run, Said, by_topic


def from_starts(before: Run, after: Run) -> tuple[Run, Run]:
    """Let times count from the start of the session; from one moment where both saw the same part of the day."""
    starts = [before.start_ns, after.start_ns]
    if all(starts):
        ends = [max((one.end_ns for one in run.said), default=0) for run in (before, after)]
        if max(starts) <= min(ends):
            starts = [min(starts)] * 2
    return _counted_from(before, starts[0]), _counted_from(after, starts[1])


def _counted_from(run: Run, start_ns: int) -> Run:
    if not start_ns:
        return run
    said = tuple(
        dataclasses.replace(
            one,
            start_ns=one.start_ns - start_ns,
            end_ns=one.end_ns - start_ns,
            fields=_shifted(one.fields, start_ns),
        )
        for one in run.said
    )
    return dataclasses.replace(run, said=said)


def _shifted(fields: Mapping[str, Any], start_ns: int) -> dict[str, Any]:
    shifted: dict[str, Any] = {}
    for name, value in fields.items():
        if name.endswith("_ns") and isinstance(value, int):
            shifted[name] = value - start_ns
        elif isinstance(value, list):
            shifted[name] = [_shifted(one, start_ns) if isinstance(one, dict) else one for one in value]
        else:
            shifted[name] = _shifted(value, start_ns) if isinstance(value, dict) else value
    return shifted


def renamed(run: Run, kinds: Iterable[str], meant: Mapping[str, str]) -> dict[tuple[str, str], list[Said]]:
    """Return what a run said of some kinds, by kind and stream, with every id as the name that it means."""
    said = tuple(one for one in run.said if one.kind in kinds)
    if meant:
        said = tuple(dataclasses.replace(one, fields=_mapped(one.fields, meant)) for one in said)
    return by_topic(said)


def _mapped(fields: Mapping[str, Any], meant: Mapping[str, str]) -> dict[str, Any]:
    mapped: dict[str, Any] = {}
    for name, value in fields.items():
        if name in IDS and isinstance(value, str):
            mapped[name] = meant.get(value, value)
        elif isinstance(value, list):
            is_ids = name in ID_LISTS
            mapped[name] = [
                _mapped(one, meant)
                if isinstance(one, dict)
                else (meant.get(one, one) if is_ids and isinstance(one, str) else one)
                for one in value
            ]
        else:
            mapped[name] = _mapped(value, meant) if isinstance(value, dict) else value
    return mapped
