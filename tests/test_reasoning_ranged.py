"""What radars followed becomes answers: approaches, speeds, distances, times, sides; silence where there is none."""

from __future__ import annotations

import pytest

from memory.describe import describe
from reasoning.ranged import follow
from reasoning.rangewords import asks_range
from reasoning.understand import understand
from runtime.messages import Detection, Ranged, Seen, Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

RIG: dict[str, Sensor] = {"front": "video", "mic": "audio", "bumper": "radar"}
ALONE: dict[str, Sensor] = {"bumper": "radar"}


def text_of(track: int, from_m: float, to_m: float, speed_mps: float, bearing_deg: float) -> str:
    """Return what memory says of a piece of a track."""
    ranged = Ranged(
        track=track,
        range_m=to_m,
        from_m=from_m,
        bearing_deg=bearing_deg,
        speed_mps=speed_mps,
        approach_mps=(from_m - to_m) / 2,
    )
    thing = Seen(label="something", score=1.0, ranged=ranged)
    return describe(
        Detection(session="s", stream="bumper", epoch=0, seq=1, t_ns=0, model="radar tracks", things=(thing,))
    )


NEARING = (
    hit("detection", 12, 14, text_of(1, 20, 14, 3.0, 30), stream="bumper"),
    hit("detection", 14, 15, text_of(1, 14, 11, 3.0, 5), stream="bumper"),
)
LEAVING = hit("detection", 30, 32, text_of(2, 8, 12, 2.0, -40), stream="bumper")
PASSING = hit("detection", 40, 41, text_of(3, 9, 9.2, 1.0, 0), stream="bumper")
RECORDS = (hit("motion", 3, 5, "movement on the left", box=(0.1, 0.4, 0.2, 0.6)), *NEARING, LEAVING, PASSING)
NEAR = "Something came nearer from 20.0 m to 11.0 m at 3.0 m/s, on the left, then ahead, from 0:12.0 to 0:15.0."
GONE = "Something went away from 8.0 m to 12.0 m at 2.0 m/s, on the right, from 0:30.0 to 0:32.0."
PAST = "Something moved 9.2 m away at 1.0 m/s, ahead, from 0:40.0 to 0:41.0."


@pytest.mark.parametrize("streams", [RIG, ALONE])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Did the radar see something approach?", f"Yes. {NEAR}"),
        ("Did anything come closer?", f"Yes. {NEAR}"),
        ("When did something approach?", NEAR),
        ("Did the radar see something move away?", f"Yes. {GONE}"),
        ("Did the radar see anything on the right?", f"Yes. {GONE}"),
        ("How fast was it?", f"1.0 m/s. Of 3 things the last: {PAST}"),
        ("How far away was it?", f"9.2 m. Of 3 things the last: {PAST}"),
        ("How fast was the thing that approached?", f"3.0 m/s. {NEAR}"),
        ("How close did something come?", f"8.0 m. Of 3 things the nearest: {GONE}"),
        ("What did the radar see?", f"{NEAR} {GONE} {PAST}"),
        ("How many things did the radar see?", f"3 things. {NEAR} {GONE} {PAST}"),
        ("Where did the radar see something approach?", f"On the left and ahead. {NEAR}"),
        ("How long did the radar see something approach?", f"3.0 s in all. {NEAR}"),
        ("Did the radar see something approach between 0:10 and 0:20?", f"Yes. {NEAR}"),
    ],
)
def test_answers(text: str, told: str, streams: dict[str, Sensor]) -> None:
    composed = ask(text, records=RECORDS, streams=streams)
    assert say(composed) == told
    assert not composed.abstained
    assert {row.stream for row in composed.evidence} == {"bumper"}
    assert all(sentence.supported for sentence in composed.sentences)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Did the radar see something approach after 0:50?", "No. Radar 'bumper' followed nothing that came nearer"),
        ("Did the radar see something approach before 0:05?", "No. Radar 'bumper' followed nothing that came nearer"),
        ("Did the radar see nothing approach after 0:50?", "Yes. Radar 'bumper' followed nothing that came nearer"),
    ],
)
def test_what_was_not_followed_is_told_as_that(text: str, told: str) -> None:
    composed = ask(text, records=RECORDS, streams=RIG)
    assert say(composed).startswith(told)
    assert [(row.kind, row.stream) for row in composed.evidence] == [("watermark", "bumper")]


def test_a_radar_that_was_blind_says_so() -> None:
    blind = ask("Did the radar see something approach?", records=(), streams=RIG, blind={"bumper": "no sample"})
    assert not blind.abstained
    assert "is blind: no sample" in say(blind)
    gap = hit("gap", 5, 60, "nothing received for 55.0 s: no sample", stream="bumper")
    composed = ask("Did the radar see something approach?", records=(gap,), streams=RIG)
    assert composed.abstained
    assert say(composed).startswith("I cannot tell. Radar 'bumper' gave nothing from 0:05.0 to 1:00.0")


def test_without_a_radar_there_is_none() -> None:
    composed = ask("Did the radar see something approach?", records=RECORDS[:1], streams={"front": "video"})
    assert composed.abstained
    assert say(composed) == "I cannot tell: there is no radar here."
    assert "radar" not in say(ask("Did anything come closer?", records=RECORDS[:1], streams={"front": "video"}))


def test_more_than_a_few_are_counted_and_the_newest_told() -> None:
    many = tuple(hit("detection", n, n + 0.9, text_of(n, 20, 10, 3.0, 0), stream="bumper") for n in range(1, 9))
    composed = ask("Did the radar see something approach?", records=many, streams=RIG)
    assert say(composed).endswith("from 0:08.0 to 0:08.9. Before that there were 5 more.")


def test_a_radar_cannot_tell_what_a_thing_is_nor_place_it_beside_other_events() -> None:
    assert say(ask("Did the radar see a car approach?", records=RECORDS, streams=RIG)) == (
        f"Yes. {NEAR} A radar cannot tell what it is."
    )
    beside = ask("What did the radar see after the movement?", records=RECORDS, streams=RIG)
    assert beside.abstained
    assert beside.evidence == ()


def test_pieces_of_a_track_are_one_thing_and_other_texts_none() -> None:
    (one,) = follow([*reversed(NEARING), hit("detection", 1, 2, "car on the left", stream="front")])
    assert (one.from_m, one.to_m, one.nearest_m, one.speed_mps) == (20, 11, 11, 3)
    assert one.sides == ("on the left", "ahead")
    assert follow([]) == []


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("Did the radar see something approach?", True),
        ("How far away was the thing?", True),
        ("Is something approaching?", True),
        ("Is the radar working?", False),
        ('Who said "how far"?', False),
        ("What was said about the approach?", False),
        ("When did something move?", False),
        ("How long did it move?", False),
    ],
)
def test_which_questions_are_for_radars(text: str, is_asked: bool) -> None:
    assert asks_range(understand(text, 60_000_000_000, 0)) == is_asked
