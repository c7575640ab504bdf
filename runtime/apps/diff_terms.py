"""Two runs brought to the same terms: times count from a session's start, ids name the message that they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.apps.run_file import ID_LISTS, IDS, Run, Said, by_topic

SECONDS = frozenset({"asked_s", "start_s", "end_s"})  # since the session's start


def from_starts(before: Run, after: Run) -> tuple[Run, Run]:
    """Let times count from the start of each run; from one moment where both saw the same part of the day.

    That moment is where the recording begins if one of them is a replay, else the earlier start.
    """
    if not is_same_day(before, after):
        return _counted_from(before, before.start_ns), _counted_from(after, after.start_ns)
    moments = [run.origin_ns for run in (before, after) if not run.start_ns] or [before.start_ns, after.start_ns]
    return _counted_from(before, min(moments) - _zero_ns(before)), _counted_from(after, min(moments) - _zero_ns(after))


def is_same_day(before: Run, after: Run) -> bool:
    """Say whether the time of day is known of both runs, and they have some of it in common."""
    starts = [run.start_ns or run.origin_ns for run in (before, after)]
    ends = [_zero_ns(run) + max((one.end_ns for one in run.said), default=0) for run in (before, after)]
    return all(starts) and max(starts) <= min(ends)


def _zero_ns(run: Run) -> int:
    """Return the Unix time from which the times of a run count."""
    return 0 if run.start_ns else run.origin_ns


def _counted_from(run: Run, start_ns: int) -> Run:
    """Take `start_ns` off all times of a run."""
    if not start_ns:
        return run
    said = tuple(
        dataclasses.replace(
            one,
            start_ns=one.start_ns - start_ns,
            end_ns=one.end_ns - start_ns,
            fields=_shifted(one.fields, start_ns, (one.session_start_ns - start_ns) / 1e9),
        )
        for one in run.said
    )
    return dataclasses.replace(run, said=said)


def _shifted(fields: Mapping[str, Any], start_ns: int, later_s: float) -> dict[str, Any]:
    """Take `start_ns` off times in nanoseconds; seconds become `later_s` more, because they counted from elsewhere."""
    shifted: dict[str, Any] = {}
    for name, value in fields.items():
        if name.endswith("_ns") and isinstance(value, int):
            shifted[name] = value - start_ns
        elif name in SECONDS and isinstance(value, int | float):
            shifted[name] = round(value + later_s, 3)
        elif isinstance(value, list):
            shifted[name] = [_shifted(one, start_ns, later_s) if isinstance(one, dict) else one for one in value]
        else:
            shifted[name] = _shifted(value, start_ns, later_s) if isinstance(value, dict) else value
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
