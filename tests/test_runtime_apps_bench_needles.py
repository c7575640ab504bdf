"""The needles' benchmark: its days are the same every time, its needles stand once in them, and all is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.apps.bench_needles import Amounts, measure_amounts
from runtime.apps.bench_needles_said import NEEDLES, NEVER, SPEECH
from runtime.apps.bench_needles_talk import conversations, real_sentences, sentences
from runtime.apps.bench_needles_world import DAY, NEEDLE_PICTURES, Days, Scenes, noisy
from runtime.messages import Motion, Sound, Utterance, record_id

NOWHERE = Path("/nowhere")
NEAR = [one for needle in NEEDLES for one in needle.near]
DAYS = Days(
    conversations=conversations(["one two three", "four five"] * 12), talks_a_day=3, picture_apart_s=600, share=0.1
)


def test_every_needle_has_its_questions_and_what_is_said_beside_it() -> None:
    assert len(SPEECH) >= 40
    assert len({needle.said for needle in NEEDLES}) == len({needle.asked for needle in NEEDLES}) == len(NEEDLES)
    assert all(needle.named and needle.near for needle in SPEECH)
    assert not {needle.said for needle in NEEDLES}.intersection(NEAR)
    assert not {needle.asked for needle in NEEDLES}.intersection(NEVER)


def test_talk_holds_what_is_near_and_real_sentences_and_is_the_same_every_time() -> None:
    said = sentences(600, NEAR, NOWHERE, 1)
    assert len(set(said)) == len(said) == 600
    assert set(NEAR) <= set(said)
    assert len(set(said).intersection(real_sentences(NOWHERE))) >= 100
    assert said == sentences(600, NEAR, NOWHERE, 1)


@pytest.mark.data
def test_sample_data_adds_real_sentences(data_dir: Path) -> None:
    assert "he was not an ill disposed young man" in real_sentences(data_dir)
    assert len(real_sentences(data_dir)) > len(real_sentences(NOWHERE))


def test_a_day_is_in_order_and_the_same_every_time() -> None:
    records, hidden = DAYS.records(2)
    assert (records, hidden) == DAYS.records(2)
    assert [record.t_ns for record in records] == sorted(record.t_ns for record in records)
    assert all(2 * DAY <= record.t_ns < 3 * DAY + 60 * 10**9 for record in records)
    assert len({record_id(record) for record in [*records, *DAYS.records(3)[0]]}) == len(records) * 2
    assert len([record for record in records if isinstance(record, Utterance)]) == 36


def test_needles_stand_once_in_their_day() -> None:
    records, hidden = DAYS.records(1, NEEDLES)
    by_id = {record_id(record): record for record in records}
    assert [one.needle for one in hidden] == list(NEEDLES)
    for one in hidden:
        record = by_id[one.record_id]
        match one.needle.sensor:
            case "speech":
                assert isinstance(record, Utterance)
                assert record.text == one.needle.said
            case "sound":
                assert isinstance(record, Sound)
                assert record.label == one.needle.said
            case _:
                assert isinstance(record, Motion)


def test_a_scene_that_occurs_once_lies_near_a_recurring_one_and_is_known_again() -> None:
    plain, vectors = Scenes().vectors(1, 500), Scenes().vectors(1, 500, [100])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (plain[:100] == vectors[:100]).all()
    found = np.argsort(-vectors @ noisy(vectors[101], 0))[:5]
    assert {100, 101, 102, 103}.intersection(found)
    assert NEEDLE_PICTURES == 4


@pytest.mark.slow
def test_everything_is_measured() -> None:
    needles = tuple(needle for needle in NEEDLES if needle in SPEECH[:2] or needle.sensor == "motion")
    tiny = Amounts(
        days_before=0, ages=("1 h",), sentences=20, talks_a_day=2, picture_apart_s=600, share=0.02, needles=needles,
        never=NEVER[:3], scenes=5,
    )  # fmt: skip
    measures = {one.name: one for one in measure_amounts(tiny, NOWHERE)}
    assert measures["right clip in the top 5, 1 h back, asked in words of it"].value == 100.0
    other = measures["right clip in the top 5, 1 h back, asked in other words"]
    assert other.value >= 50.0
    assert other.at_least == 95.0
    assert other.detail["needles"] == len(needles)
    assert {"words_only", "vectors_only", "window_only", "in_a_window", "missed"} <= set(other.detail)
    assert measures["right scene in the top 5, 1 h back"].value == 100.0
    assert 0 <= measures["nothing found for what never happened"].value <= 100
    assert measures["of what found nothing, what never happened"].detail["records"] > 300
