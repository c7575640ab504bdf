"""A world as a recording: the same bytes, every sensor, the truth beside them, and a mark that says what it is."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from perception.recording import probe_recording
from perception.yard.record import MARK, NAMES, RATES_HZ, START_NS, write_yard
from perception.yard.settings import WorldSettings, seed_of
from perception.yard.truth import PLOT_TOPIC, TRUTH_TOPIC, from_json
from perception.yard.view import truths
from runtime.recording.mcap_file import McapFile

SETTINGS = WorldSettings(split="test", length_s=2.0)
SEED = seed_of("test", 1)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("yard") / "yard.mcap"
    write_yard(path, SETTINGS, SEED)
    return path


def test_the_same_seed_is_the_same_bytes(recorded: Path, tmp_path: Path) -> None:
    write_yard(tmp_path / "again.mcap", SETTINGS, SEED)
    assert (tmp_path / "again.mcap").read_bytes() == recorded.read_bytes()
    write_yard(tmp_path / "other.mcap", SETTINGS, SEED + 1)
    assert (tmp_path / "other.mcap").read_bytes() != recorded.read_bytes()


def test_it_replays_like_any_recording(recorded: Path) -> None:
    recording = probe_recording(recorded)
    assert {one.name for one in recording.tracks} == set(NAMES.values())
    assert recording.undecoded == ()  # the truth is nobody's input
    assert set(recording.places.of) == {"camera", "events", "radar", "ears"}
    with closing(McapFile(recorded)) as file:
        counts = {channel.topic: channel.count for channel in file.channels.values()}
    for kind, name in NAMES.items():
        assert counts[f"/{name}/{kind}"] == SETTINGS.length_s * RATES_HZ[kind]


def test_the_truth_is_that_of_the_world(recorded: Path) -> None:
    with closing(McapFile(recorded)) as file:
        topics = {channel.topic: number for number, channel in file.channels.items()}
        told = [(entry.log_ns, from_json(entry.data)) for entry in file.entries({topics[TRUTH_TOPIC]})]
        [plot] = [json.loads(entry.data) for entry in file.entries({topics[PLOT_TOPIC]})]
    world = write_yard(recorded.with_name("w.mcap"), SETTINGS, SEED).world
    times = np.arange(len(told)) / RATES_HZ["image"]
    assert [one for _, one in told] == list(truths(world, times))
    assert [at_ns for at_ns, _ in told] == [START_NS + one.t_ns for _, one in told]
    assert [one["kind"] for one in plot["events"]] == [one.kind for one in world.plot]
    assert file.metadata[MARK]["seed"] == str(SEED)
    assert json.loads(file.metadata[MARK]["settings"])["length_s"] == 2.0
