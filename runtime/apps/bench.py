"""`heedful bench NAME`: each number as a ratio against a baseline of the same run, beside its goal.

One line per measure, then the result: `{"type":"result","bench":NAME,"passed":...,"machine":...}`. The exit code says
that it was measured, `passed` whether every goal is met. An earlier run's JSON Lines can be set beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.apps.bench_measure import Length, Measure, Plan, load, machine, now
from runtime.apps.page import write_page
from runtime.errors import ConfigError
from runtime.new_file import check_new

NAMES = (
    "replay",
    "speech",
    "digest",
    "bus",
    "freshness",
    "outbox",
    "idle",
    "first-answer",
    "stop",
    "reasoner",
    "memory",
    "needles",
    "session",
    "record",
    "recording",
    "events",
    "yard",
    "perception",
)
NEED_DATA = frozenset({"replay", "speech", "digest", "stop", "reasoner", "session", "recording", "events"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier run of the same benches measured."""

    values: dict[tuple[str, str], float]  # by bench and measure

    def beside(self, bench: str, measure: Measure) -> dict[str, float]:
        """Return the earlier value and now over then, where it was measured."""
        then = self.values.get((bench, measure.name))
        if then is None:
            return {}
        return {"then": then} | ({"now_over_then": round(measure.value / then, 3)} if then else {})


def run_bench(
    name: str,
    data: Path | None,
    compare: Path | None,
    *,
    as_json: bool,
    length: Length = "normal",
    recording: Path | None = None,
    html: Path | None = None,
) -> int:
    """Measure one bench, or `all`, and print it; `html` becomes a page of it. `recording` is for `session`.

    Raises ConfigError, MissingPart or InputError.
    """
    names = _chosen(name)
    if recording is not None and name != "session":
        raise ConfigError("--recording", f"is played by `heedful bench session`, not by {name}")
    if data is None and recording is None and NEED_DATA.intersection(names):
        raise ConfigError("--data", "name the folder of sample data, or set HEEDFUL_DATA")
    if html is not None:
        check_new("--html", html)
    earlier = read_earlier(compare) if compare is not None else Earlier(values={})
    plan = Plan(data=data or Path(), length=length, recording=recording)
    lines = [line for one in names for line in _run_one(one, plan, earlier, as_json=as_json)]
    if html is not None:
        from runtime.apps.bench_html import as_html

        write_page(html, as_html(lines))
    return 0


def _run_one(name: str, plan: Plan, earlier: Earlier, *, as_json: bool) -> list[dict[str, Any]]:
    """Measure one bench, print its lines and return them."""
    load_before = load()
    measures = measure(name, plan)
    seen = machine() | {"load_before": load_before, "load_after": load()}
    result = {
        "type": "result",
        "bench": name,
        "passed": all(one.passed for one in measures),
        "length": plan.length,
        "machine": seen,
        "date": now(),
        "command": command(name, plan.length, plan.recording),
    }
    lines = [as_line(name, one, earlier) for one in measures]
    for shown in lines:
        print(json.dumps(shown) if as_json else as_text(shown), flush=True)
    print(json.dumps(result) if as_json else _result_text(result), flush=True)
    return [*lines, result]


def measure(name: str, plan: Plan) -> list[Measure]:
    """Run one bench; its parts are loaded only now."""
    match name:
        case "replay":
            from runtime.apps.bench_replay import measure_replay

            return measure_replay(plan)
        case "speech":
            from runtime.apps.bench_replay import measure_speech

            return measure_speech(plan)
        case "digest":
            from runtime.apps.bench_digest import measure_digest

            return measure_digest(plan)
        case "bus":
            from runtime.apps.bench_bus import measure_bus

            return measure_bus(plan)
        case "freshness":
            from runtime.apps.bench_freshness import measure_freshness

            return measure_freshness(plan)
        case "outbox":
            from runtime.apps.bench_outbox import measure_outbox

            return measure_outbox(plan)
        case "idle":
            from runtime.apps.bench_process import measure_idle

            return measure_idle(plan)
        case "first-answer":
            from runtime.apps.bench_process import measure_first_answer

            return measure_first_answer(plan)
        case "reasoner":
            from runtime.apps.bench_reasoner import measure_reasoner

            return measure_reasoner(plan)
        case "memory":
            from runtime.apps.bench_memory import measure_memory

            return measure_memory(plan)
        case "needles":
            from runtime.apps.bench_needles import measure_needles

            return measure_needles(plan)
        case "session":
            from runtime.apps.bench_session import measure_session

            return measure_session(plan)
        case "record":
            from runtime.apps.bench_record import measure_record

            return measure_record(plan)
        case "recording":
            from runtime.apps.bench_recording import measure_recording

            return measure_recording(plan)
        case "events":
            from runtime.apps.bench_events import measure_events

            return measure_events(plan)
        case "yard":
            from runtime.apps.bench_yard import measure_yard

            return measure_yard(plan)
        case "perception":
            from runtime.apps.bench_perception import measure_perception

            return measure_perception(plan)
        case _:
            from runtime.apps.bench_stop import measure_stop

            return measure_stop(plan)


def command(name: str, length: Length, recording: Path | None = None) -> str:
    """Return the command that repeats a measurement."""
    played = "" if recording is None else f" --recording {recording.name}"
    return f"heedful bench {name}{played}" + ("" if length == "normal" else f" --{length}")


def as_line(bench: str, measure: Measure, earlier: Earlier) -> dict[str, Any]:
    """Return one measure as it is printed and recorded."""
    line = {
        "type": "measure",
        "bench": bench,
        "measure": measure.name,
        "value": round(measure.value, 4),
        "unit": measure.unit,
        "goal": measure.goal or None,
        "passed": measure.passed,
    }
    return line | dict(measure.detail) | earlier.beside(bench, measure)


def as_text(line: dict[str, Any]) -> str:
    """Return one measure as a line for people."""
    verdict = "" if line["goal"] is None else f"  goal {line['goal']}: {'met' if line['passed'] else 'NOT MET'}"
    known = ("type", "bench", "measure", "value", "unit", "goal", "passed", "series", "stage")
    detail = "".join(f"\n    {name}: {_short(value)}" for name, value in line.items() if name not in known)
    return f"{line['measure']}: {line['value']:g} {line['unit']}{verdict}{detail}"


def read_earlier(path: Path) -> Earlier:
    """Read the measures in an earlier run's JSON Lines. Raises ConfigError where there are none."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        found = [one for one in lines if one["type"] == "measure"]
        values = {(str(one["bench"]), str(one["measure"])): float(one["value"]) for one in found}
    except OSError as error:
        raise ConfigError("--compare", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("--compare", f"{path} is not what `heedful bench NAME --json` prints") from error
    if not values:
        raise ConfigError("--compare", f"{path} holds no measures")
    return Earlier(values=values)


def _chosen(name: str) -> Sequence[str]:
    if name == "all":
        return NAMES
    if name not in NAMES:
        raise ConfigError("NAME", f"{name!r} is no bench; known are {', '.join(NAMES)} and all")
    return (name,)


def _result_text(result: dict[str, Any]) -> str:
    seen = result["machine"]
    where = f"{seen['cores']} cores ({seen['cpu']}), load {seen['load_before']} before and {seen['load_after']} after"
    verdict = "every goal met" if result["passed"] else "not every goal met"
    return f"{result['bench']}: {verdict}; {where}; {result['date']}; {result['command']}"


def _short(value: Any) -> str:
    return " ".join(f"{one:g}" for one in value) if isinstance(value, list) else str(value)
