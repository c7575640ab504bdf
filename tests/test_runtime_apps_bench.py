"""Benchmarks: percentiles, paired ratios, goals, lines and comparison; and one that is cheap enough to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.apps.bench import Earlier, as_line, as_text, command, read_earlier, run_bench
from runtime.apps.bench_child import cpu_hog, json_lines
from runtime.apps.bench_digest import identical, speeds
from runtime.apps.bench_measure import Measure, Plan, machine, percentile, ratio, slope, spread
from runtime.apps.bench_replay import in_turn, joined_speech
from runtime.errors import ConfigError, InputError, MissingPart

NOWHERE = Path("/nowhere")


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 2.0), (75, 3.0), (76, 4.0), (99, 4.0), (100, 4.0)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_spread_names_its_percentiles() -> None:
    assert spread([float(n) for n in range(1, 101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def test_a_ratio_is_taken_pair_by_pair() -> None:
    # one round was ten times slower for both: it must not count ten times
    assert ratio([2.0, 20.0, 4.0], [1.0, 10.0, 1.0]) == 2.0


def test_a_ratio_of_unequal_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        ratio([1.0, 2.0], [1.0])


def test_growth_is_per_unit_of_time() -> None:
    assert slope([0.0, 1.0, 2.0], [5.0, 8.0, 11.0]) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("measure", "passed", "goal"),
    [
        (Measure(name="m", value=10.0, unit="x", at_least=10.0), True, ">= 10 x"),
        (Measure(name="m", value=9.99, unit="x", at_least=10.0), False, ">= 10 x"),
        (Measure(name="m", value=1.3, unit="x", at_most=1.3), True, "<= 1.3 x"),
        (Measure(name="m", value=1.31, unit="x", at_most=1.3), False, "<= 1.3 x"),
        (Measure(name="m", value=7.0, unit="x"), True, ""),
        (Measure(name="m", value=float("nan"), unit="x", at_least=1.0), False, ">= 1 x"),
        (Measure(name="m", value=float("nan"), unit="x", at_most=1.0), False, "<= 1 x"),
    ],
)
def test_a_goal_is_met_up_to_its_edge(measure: Measure, passed: bool, goal: str) -> None:
    assert (measure.passed, measure.goal) == (passed, goal)


def test_a_line_holds_what_is_needed_to_read_it_later() -> None:
    measure = Measure(name="replay", value=12.34567, unit="x", at_least=10.0, detail={"playing_s": [2.4, 2.5]})
    line = as_line("replay", measure, Earlier(values={("replay", "replay"): 10.0}))
    assert line == {
        "type": "measure",
        "bench": "replay",
        "measure": "replay",
        "value": 12.3457,
        "unit": "x",
        "goal": ">= 10 x",
        "passed": True,
        "playing_s": [2.4, 2.5],
        "then": 10.0,
        "now_over_then": 1.235,
    }
    assert as_text(line).splitlines()[:2] == ["replay: 12.3457 x  goal >= 10 x: met", "    playing_s: 2.4 2.5"]


def test_a_missed_goal_is_shown() -> None:
    line = as_line("bus", Measure(name="p50", value=3.0, unit="ms", at_most=2.0), Earlier(values={}))
    assert as_text(line) == "p50: 3 ms  goal <= 2 ms: NOT MET"


def test_an_earlier_run_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "bus.jsonl"
    line = as_line("bus", Measure(name="p50", value=1.5, unit="ms"), Earlier(values={}))
    file.write_text(f"{json.dumps(line)}\n{json.dumps({'type': 'result', 'bench': 'bus'})}\n", encoding="utf-8")
    earlier = read_earlier(file)
    assert earlier.values == {("bus", "p50"): 1.5}
    assert earlier.beside("bus", Measure(name="p99", value=1.0, unit="ms")) == {}


def test_nothing_is_divided_by_an_earlier_zero() -> None:
    earlier = Earlier(values={("outbox", "missing"): 0.0})
    assert earlier.beside("outbox", Measure(name="missing", value=3.0, unit="records")) == {"then": 0.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not JSON", "is not what"),
        ('{"type": "measure"}', "is not what"),
        ('["measure"]', "is not what"),
        ("", "holds no measures"),
        ('{"type": "result"}', "holds no measures"),
    ],
)
def test_a_file_that_is_no_earlier_run_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "earlier.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_earlier(file)


def test_an_earlier_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_earlier(tmp_path / "none")


def test_an_unknown_bench_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no bench; known are replay, .* and all"):
        run_bench("speed", None, None, as_json=True)


def test_a_bench_of_recordings_asks_for_sample_data() -> None:
    with pytest.raises(ConfigError, match="HEEDFUL_DATA"):
        run_bench("all", None, None, as_json=True)


def test_a_recording_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"car-detection\.mp4: no such file"):
        run_bench("digest", NOWHERE, None, as_json=True)
    with pytest.raises(InputError, match=r"no librivox_\*\.wav"):
        joined_speech(NOWHERE)


def test_the_command_repeats_the_length() -> None:
    assert command("bus", "normal") == "heedful bench bus"
    assert command("bus", "full") == "heedful bench bus --full"


def test_steps_take_turns() -> None:
    order: list[str] = []

    def step(name: str, length_s: float) -> tuple[float, float]:
        order.append(name)
        return float(len(order)), length_s

    seconds, length_s = in_turn({"ours": lambda: step("ours", 30.0), "bare": lambda: step("bare", 0.0)}, 2)
    assert order == ["ours", "bare", "ours", "bare"]
    assert seconds == {"ours": [1.0, 3.0], "bare": [2.0, 4.0]}
    assert length_s == 30.0


def test_one_digest_of_another_colour_fails() -> None:
    measure = identical("digests", ["aa", "aa", "bb"], "aa")
    assert (measure.value, measure.unit, measure.passed) == (2, "of 3", False)
    assert measure.detail["others"] == ["bb"]
    assert identical("digests", ["aa"], "aa").passed


def test_the_full_form_compares_ten_runs_at_each_speed() -> None:
    assert speeds(Plan(data=NOWHERE, length="full")) == {"1": 10, "8": 10, "max": 10}


def test_the_machine_is_named() -> None:
    seen = machine()
    assert seen["cores"] >= 1
    assert seen["python"]


def test_a_program_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(MissingPart, match=r"ended with 1: .*no such file"):
        json_lines(["python3", "-c", "import sys; sys.exit('no such file')"])


def test_json_lines_of_a_program_are_read_beside_a_hog() -> None:
    with cpu_hog():
        assert json_lines(["python3", "-c", "print('{\"a\": 1}')"]) == [{"a": 1}]


@pytest.mark.broker
@pytest.mark.slow
def test_the_bus_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_bench("bus", None, None, as_json=True, length="quick") == 0
    *measures, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["measure"] for one in measures] == [
        "request and reply p50",
        "request and reply p99",
        "request and reply p50 over bare aiomqtt",
        "delivery of 200 bytes, p50 over bare aiomqtt",
        "delivery of 200 bytes, p50 over bare aiomqtt with the same properties",
        "delivery of 100000 bytes, p50 over bare aiomqtt",
        "delivery of 100000 bytes, p50 over bare aiomqtt with the same properties",
    ]
    assert all(one["value"] > 0 for one in measures)
    assert (result["type"], result["bench"], result["command"]) == ("result", "bus", "heedful bench bus --quick")
    assert isinstance(result["passed"], bool)
    assert result["machine"]["cores"] >= 1
