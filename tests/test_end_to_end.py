"""The main job from recording to answer, over both buses: asked, stored, and the same again at any speed."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memory.store import Store
from runtime.apps.replay import Question, ReplayResult, replay
from runtime.config import Config
from runtime.digest import RunDigest
from runtime.errors import InputError
from runtime.messages import Message
from tests.odd_media import film
from tests.recordings import MOVES_S, TONE_S, make_clip

LOCAL = Config.model_validate({"broker": "local", "perception": {"asr": "none"}})
BROKER = Config.model_validate({"broker": "auto", "perception": {"asr": "none"}})
BUSES = [pytest.param(LOCAL, id="local"), pytest.param(BROKER, id="mqtt", marks=pytest.mark.broker)]
QUESTIONS = (
    Question(text="Did anything move?", at_s=1.5),
    Question(text="Is anything moving now?", at_s=3.5),
    Question(text="When did something move?"),
    Question(text="What did you hear?"),
    Question(text="What colour was it?"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "square.mkv")


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """A process that takes all it can get of one core."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin() -> None:
    while True:
        sum(range(10_000))


async def run(
    clip: Path, config: Config, speed: float | None = None, memory: Path | None = None
) -> tuple[ReplayResult, RunDigest]:
    digest = RunDigest()
    result = await replay([clip], config, QUESTIONS, speed=speed, memory=memory, listen=digest.add)
    return result, digest


@pytest.mark.slow
@pytest.mark.parametrize("config", BUSES)
async def test_questions_are_answered_with_the_moments_that_really_were(clip: Path, config: Config) -> None:
    before, during, moved, heard, colour = (await run(clip, config))[0].answers
    assert before.answer.startswith("No")
    assert during.answer.startswith("Yes")
    assert all(item.end_s <= 3.5 for item in during.evidence)
    assert moved.evidence[0].start_s == pytest.approx(MOVES_S[0], abs=0.5)
    assert moved.evidence[-1].end_s == pytest.approx(MOVES_S[1], abs=0.8)
    assert "660 Hz" in heard.answer or "tone" in heard.answer
    assert heard.evidence[0].start_s == pytest.approx(TONE_S[0], abs=0.2)
    assert colour.abstained
    assert not colour.evidence


@pytest.mark.slow
@pytest.mark.parametrize("config", BUSES)
async def test_a_replay_says_the_same_at_any_speed_and_load(clip: Path, config: Config) -> None:
    alone = (await run(clip, config))[1].topics()
    with busy_neighbour():
        for speed in (4.0, 16.0, None):
            assert (await run(clip, config, speed))[1].topics() == alone


@pytest.mark.slow
async def test_both_buses_say_the_same(clip: Path) -> None:
    local = (await run(clip, LOCAL))[1].topics()
    over_mqtt = (await run(clip, BROKER))[1].topics()
    assert local == over_mqtt


@pytest.mark.slow
async def test_what_lasts_to_the_end_is_known_at_the_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "breaks-off.mkv", length_s=5.5)  # in the middle of the tone
    result = await replay(
        [clip], LOCAL, [Question(text="What did you hear?"), Question(text="Was it quiet?", at_s=5.4)]
    )
    asked_before_the_end, asked_at_the_end = result.answers
    assert asked_before_the_end.asked_s == 5.4
    assert asked_at_the_end.evidence[0].start_s == pytest.approx(TONE_S[0], abs=0.2)
    assert asked_at_the_end.evidence[0].end_s == pytest.approx(5.5, abs=0.1)


@pytest.mark.slow
async def test_a_recording_with_a_long_hole_is_played_to_its_end(tmp_path: Path) -> None:
    clip = film(tmp_path / "hole.mkv", when_ms=lambda number: number * 100 + (6_000 if number > 9 else 0))
    async with asyncio.timeout(60):
        result = await replay([clip], LOCAL, [Question(text="Is anything moving now?", at_s=5.0)])
    assert result.length_s > 8
    assert len(result.answers) == 1


@pytest.mark.slow
async def test_where_a_sound_track_has_nothing_is_not_called_quiet(tmp_path: Path) -> None:
    clip = film(tmp_path / "part.mkv", length_s=14.0, heard_s=((2.5, 5.0), (8.0, 10.0)))
    asked = ("Was it quiet before 2 seconds?", "Was it quiet after 11 seconds?", "Was it quiet between 5.5 and 7.5 s?")
    result = await replay([clip], LOCAL, [*map(_asked, asked), Question(text="Is it quiet now?", at_s=13.0)])
    assert [one.abstained for one in result.answers] == [True] * 4
    assert "could hear nothing" in result.answers[1].answer
    assert "from 0:00.0 to 0:02.0 (no sample)" in result.answers[1].answer
    assert "Microphone 'audio' ended at 0:10.0." in result.answers[2].answer
    assert result.answers[2].blind == (
        "audio",
        "video",
    )  # the square has left by then, and a plain picture shows nothing


def _asked(text: str) -> Question:
    return Question(text=text)


@pytest.mark.slow
async def test_a_second_replay_into_the_same_memory_stores_nothing_twice(clip: Path, tmp_path: Path) -> None:
    stats = []
    for _ in range(2):
        await run(clip, LOCAL, memory=tmp_path / "memory")
        store = Store.open(tmp_path / "memory", writable=False)
        stats.append((store.stats().records, store.stats().clips, store.stats().vectors))
        assert store.verify() == []
        store.close()
    assert stats[0] == stats[1]
    assert stats[0][0]["motion"] >= 1
    assert stats[0][0]["sound"] == 1


@pytest.mark.slow
async def test_every_record_of_the_bus_is_on_disk_with_its_clip(clip: Path, tmp_path: Path) -> None:
    heard: list[Message] = []
    await replay([clip], LOCAL, [], memory=tmp_path, listen=heard.append)
    stored = {one for message in heard if message.kind == "stored" for one in message.ids}
    records = [message for message in heard if message.kind in ("frame", "motion", "utterance", "sound")]
    clips = [message for message in heard if message.kind == "clip"]
    assert {f"{one.session}/{one.stream}/0/{one.kind}-{one.seq}" for one in (*records, *clips)} == stored
    assert {one for clip_ in clips for one in clip_.record_ids} <= stored


async def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mp4: no such file"):
        await replay([tmp_path / "nowhere.mp4"], LOCAL, [])
