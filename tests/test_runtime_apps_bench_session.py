"""A session at 1x is measured: pace, losses, stages, weight; and any bench becomes a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perception.media import AudioFile, probe
from runtime.apps import cli
from runtime.apps.bench import Earlier, as_line, as_text, command, run_bench
from runtime.apps.bench_html import as_html
from runtime.apps.bench_measure import Measure, Plan
from runtime.apps.bench_session import length_of, measure_session, measures, repeated
from runtime.apps.bench_session_child import QUESTIONS, SAMPLE_S, SAMPLES, TIMED, Heard, Watch, questions
from runtime.apps.mix import write_wav
from runtime.errors import ConfigError, InputError
from runtime.messages import DeadLetter
from tests.fakes import example
from tests.recordings import make_clip
from tests.runs import missed, moved
from tests.test_runtime_apps_diff_html import EVIL, Reader

SEEN: dict[str, Any] = {
    "streams": ["video", "audio"],
    "length_s": 20.0,
    "playing_s": 25.0,
    "cpu_s": 5.0,
    "wall_s": 30.0,
    "spread_ms": {"perception perceive video": [1.0, 2.0, 3.0], "memory recall": [0.5, 0.6, 0.7]},
    "counters": {"perception video samples": 500, "perception audio samples": 1000, "memory frame": 9},
    "lost": {},
    "heard": {"frame": 9, "watermark": 91},
    "samples_lost": 0,
    "answers_ms": [90.0, 10.0, 20.0, 30.0],
    "at_s": [0.0, 10.0, 20.0, 30.0],
    "rss_mib": [50.0, 300.0, 310.0, 311.0],
    "files": [9, 20, 20, 21],
    "threads": [3, 9, 9, 9],
}


def make_sound(path: Path, length_s: float) -> Path:
    """Write a tone of half a second in soft noise."""
    t_s = np.arange(round(length_s * 16_000)) / 16_000
    noise = 0.001 * np.random.default_rng(7).standard_normal(len(t_s))
    tone = 0.2 * np.sin(2 * np.pi * 660 * t_s) * ((t_s > 2.0) & (t_s < 2.5))
    write_wav(path, ((noise + tone) * 32767).astype(np.int16))
    return path


def by_name(seen: dict[str, Any], speed: float = 1.0) -> dict[str, Measure]:
    return {one.name: one for one in measures(seen, speed)}


def lines_of(some: list[Measure], earlier: dict[tuple[str, str], float] | None = None) -> list[dict[str, Any]]:
    seen = {"cores": 2, "cpu": EVIL, "system": "Linux", "python": "3.11", "load_before": 0.1, "load_after": 0.2}
    result = {
        "type": "result",
        "bench": "session",
        "passed": True,
        "machine": seen,
        "date": "now",
        "command": "heedful",
    }
    return [*(as_line("session", one, Earlier(values=earlier or {})) for one in some), result]


def page_of(lines: list[dict[str, Any]]) -> Reader:
    reader = Reader()
    reader.feed(as_html(lines))
    assert reader.open == []
    return reader


def test_pace_is_told_against_real_time() -> None:
    found = by_name(SEEN)
    assert found["playing time over real time"].value == 1.25
    assert (found["video perceived"].value, found["video perceived"].unit) == (20.0, "frames/s")
    assert (found["audio perceived"].value, found["audio perceived"].unit) == (40.0, "samples/s")
    assert found["messages on the bus"].value == 4.0
    assert by_name(SEEN, 0.5)["playing time over real time"].value == 0.625


def test_nothing_lost_meets_the_goal_and_anything_lost_does_not() -> None:
    names = ("lost by the bus", "dropped by services", "lost by sources", "dead letters")
    assert all(by_name(SEEN)[name].passed for name in names)
    bad: dict[str, Any] = {
        "lost": {"memory motion": 2, "user frame": 0},
        "samples_lost": 3,
        "heard": {"dead-letter": 1},
    }
    bad["counters"] = {**SEEN["counters"], "reasoning frames lost": 4, "memory refused recalls": 1}
    found = by_name(SEEN | bad)
    assert [found[name].value for name in names] == [2, 5, 3, 1]
    assert not any(found[name].passed for name in names)
    assert found["lost by the bus"].detail == {"who": "memory motion 2"}


def test_each_stage_has_three_percentiles() -> None:
    found = by_name(SEEN)
    assert [found[f"perception perceive video {one}"].value for one in ("p50", "p95", "p99")] == [1.0, 2.0, 3.0]
    assert found["memory recall p99"].detail == {"stage": "memory recall"}
    assert [found[f"question to answer {one}"].value for one in ("p50", "p95", "p99")] == [20.0, 90.0, 90.0]
    assert found["questions answered"].detail == {"first_ms": 90.0, "later_p50_ms": 20.0}


def test_growth_is_that_of_the_second_half() -> None:
    found = by_name(SEEN)
    grown = found["RSS, grown in the second half"]
    assert (grown.value, grown.detail) == (1.0, {"from_mib": 310.0, "to_mib": 311.0, "over_s": 10.0})
    assert "RSS, growth per stream hour" not in found  # 10 s say nothing of an hour
    assert by_name(SEEN, 60.0)["RSS, growth per stream hour"].value == pytest.approx(6.0)  # 1 MiB in 600 s
    short = SEEN | {name: SEEN[name][:1] for name in ("at_s", "rss_mib", "files", "threads")}
    assert by_name(short)[grown.name].value == 0.0


def test_files_and_threads_that_come_later_are_counted() -> None:
    found = by_name(SEEN)
    assert (found["files, most"].value, found["files, most"].detail["steps"]) == (21, 1)
    assert (found["threads, most"].value, found["threads, most"].detail["steps"]) == (9, 0)
    assert found["CPU"].value == pytest.approx(100 / 6)


def test_what_is_watched_for_hours_stays_small() -> None:
    watch, at_s = Watch(), 0.0
    for number in range(10 * SAMPLES):
        watch.add(at_s, float(number), number, number)
        at_s += watch.every_s
    assert len(watch.at_s) == len(watch.rss_mib) == len(watch.files) == len(watch.threads) <= SAMPLES
    assert watch.every_s > SAMPLE_S
    assert watch.at_s[0] == 0.0
    assert watch.at_s == sorted(watch.at_s)
    steps = {round(later - one, 3) for one, later in zip(watch.at_s, watch.at_s[1:], strict=False)}
    assert steps == {watch.every_s}


def test_what_the_bus_said_is_counted() -> None:
    heard = Heard()
    for message in (example(DeadLetter), missed(0, 0.0, 1.0), missed(1, 1.0, 2.0), moved(0, 0.0, 1.0)):
        heard.add(message)
    assert heard.kinds == {"dead-letter": 1, "gap": 2, "motion": 1}
    assert heard.samples_lost == 6


def test_a_process_weighs_itself() -> None:
    watch = Watch()
    watch.note(1.0)
    assert watch.at_s == [1.0]
    assert watch.rss_mib[0] > 10
    assert watch.files[0] >= 3
    assert watch.threads[0] >= 1


def test_questions_come_evenly_and_at_the_end() -> None:
    asked = questions(90.0)
    assert [one.at_s for one in asked[:TIMED]] == [10.0 * (number + 1) for number in range(TIMED)]
    assert [one.at_s for one in asked[TIMED:]] == [None] * len(QUESTIONS)
    assert [one.at_s for one in questions(0.0)] == [None] * len(QUESTIONS)


def test_the_length_of_a_recording_is_read_where_it_says(tmp_path: Path) -> None:
    assert length_of(make_sound(tmp_path / "sound.wav", 2.0)) == pytest.approx(2.0)
    text = tmp_path / "notes.txt"
    text.write_text("hello", encoding="utf-8")
    assert length_of(text) == 0.0


def test_a_recording_is_played_over_and_over(tmp_path: Path) -> None:
    once = make_sound(tmp_path / "sound.wav", 3.0)
    thrice = repeated(once, tmp_path / "thrice.mkv", 3)
    assert length_of(thrice) == pytest.approx(9.0, abs=0.1)
    (track,) = probe(thrice)
    reader = AudioFile(thrice, track)
    blocks = []
    while some := reader.read(64):
        blocks += some
    reader.close()
    heard = np.concatenate([block.samples for block in blocks])
    starts = [round(2.25 * 16_000) + number * 3 * 16_000 for number in range(3)]
    assert all(np.abs(heard[start : start + 1600]).max() > 0.1 for start in starts)
    assert np.abs(heard[4 * 16_000 : 4 * 16_000 + 1600]).max() < 0.02


def test_a_damaged_recording_cannot_be_played_over_and_over(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    data = path.read_bytes()
    path.write_bytes(data[:3000] + b"\x55" * 6000 + data[9000:])
    with pytest.raises(InputError, match=r"clip\.mp4: cannot be played over and over \(.+\): it is damaged"):
        measure_session(Plan(data=tmp_path, length="full", recording=path))


def test_a_page_shows_measures_plots_and_an_earlier_run() -> None:
    reader = page_of(lines_of(measures(SEEN, 1.0), {("session", "memory recall p50"): 0.25}))
    assert reader.tags.count("svg") == 3 + 3  # stages, and over time memory, files, threads
    assert reader.tags.count("polyline") == 3
    assert "then below" in reader.words
    assert "2.00" in reader.words
    assert "script" not in reader.tags
    assert EVIL.partition("\x1b")[0] in reader.words


def test_a_page_without_plots_is_a_table() -> None:
    reader = page_of(lines_of([Measure(name="p50", value=3.0, unit="ms", at_most=2.0)]))
    assert "svg" not in reader.tags
    assert "NOT MET" in reader.words


def test_a_series_is_for_the_page_and_not_for_the_terminal() -> None:
    line = as_line("session", by_name(SEEN)["RSS, largest"], Earlier(values={}))
    assert line["series"] == {"at_s": SEEN["at_s"], "of": SEEN["rss_mib"]}
    assert as_text(line) == "RSS, largest: 311 MiB"


def test_a_recording_is_only_for_a_session_and_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is played by `heedful bench session`, not by bus"):
        run_bench("bus", None, None, as_json=True, recording=tmp_path)
    with pytest.raises(InputError, match="no such recording"):
        run_bench("session", None, None, as_json=True, recording=tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no recording\n")
    with pytest.raises(InputError, match="holds text, not a recording"):
        run_bench("session", None, None, as_json=True, recording=tmp_path / "text.mp4")
    assert command("session", "quick", Path("/a/b.mp4")) == "heedful bench session --recording b.mp4 --quick"


@pytest.mark.slow
def test_a_session_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, page = make_sound(tmp_path / "sound.wav", 6.0), tmp_path / "page.html"
    arguments = ["bench", "session", "--recording", str(sound), "--quick", "--json", "--html", str(page)]
    assert cli.run(arguments) == 0
    *found, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {one["measure"]: one["value"] for one in found}
    assert values["playing time over real time"] >= 1.0
    assert values["questions answered"] == TIMED + len(QUESTIONS)
    assert 0 < values["memory recall p50"] <= values["memory recall p95"] <= values["memory recall p99"]
    assert values["lost by the bus"] == values["dropped by services"] == values["lost by sources"] == 0
    assert values["RSS, largest"] > 50
    assert result["passed"]
    assert result["command"] == "heedful bench session --recording sound.wav --quick"
    assert "Latency per stage" in page.read_text(encoding="utf-8")
