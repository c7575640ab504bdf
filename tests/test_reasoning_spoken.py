"""What was said is supported, marked or not said at all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reasoning.spoken import Claim, compose
from runtime.messages import Box, Evidence
from tests.cases import case


def row(number: int, score: float = 0.5) -> Evidence:
    """Return the picture of a second."""
    return Evidence(
        clip_id="",
        record_id=f"s/cam/0/frame-{number}",
        stream="cam",
        kind="frame",
        start_s=float(number),
        end_s=float(number),
        box=None,
        score=score,
        text="",
    )


def test_a_sentence_is_supported_above_the_level_and_with_evidence_only() -> None:
    claims = [
        Claim(text="A.", evidence=(row(1),), reliance=2.0),
        Claim(text="B.", evidence=(row(2),), reliance=1.0),
        Claim(text="C.", evidence=(), reliance=3.0),
    ]
    answer = compose(claims, case(), 1.5, [])
    assert [sentence.supported for sentence in answer.sentences] == [True, False, False]
    assert answer.evidence == (row(1),)
    assert not answer.abstained


def test_an_answer_without_any_support_abstains_and_keeps_its_words_to_itself() -> None:
    answer = compose([Claim(text="It was Bob.", evidence=(row(1),), reliance=0.1)], case(), 1.5, ["I was slow."])
    assert answer.abstained
    assert "Bob" not in " ".join(sentence.text for sentence in answer.sentences)
    assert answer.evidence == ()
    assert answer.sentences[-1].text == "I was slow."


def test_who_cannot_tell_abstains() -> None:
    answer = compose([Claim(text="I cannot tell.", evidence=(row(1),), reliance=9.0)], case(), 1.5, [])
    assert answer.abstained
    assert [sentence.text for sentence in answer.sentences] == ["I cannot tell."]


def test_silence_is_no_answer() -> None:
    assert compose([], case(), 0.0, []).abstained


def test_evidence_of_several_sentences_is_named_once_by_its_best_score() -> None:
    claims = [Claim(text="A.", evidence=(row(1, 0.2), row(2, 0.4))), Claim(text="B.", evidence=(row(1, 0.9),))]
    assert compose(claims, case(), 0.0, []).evidence == (row(1, 0.9), row(2, 0.4))


def stretch(first: int, last: int, score: float, box: Box, stream: str = "cam") -> Evidence:
    moment = replace(row(last, score), stream=stream, record_id=f"s/{stream}/0/frame-{last}")
    return replace(moment, start_s=float(first), end_s=float(last), box=box)


def test_no_picture_stands_in_two_pieces_of_evidence_of_one_answer() -> None:
    first, second = stretch(1, 3, 0.4, (0.0, 0.25, 0.5, 0.5)), stretch(3, 5, 0.6, (0.25, 0.0, 0.75, 0.25))
    touching, inside, cut = row(6, 0.1), row(2, 0.3), replace(row(3, 0.2), text="the scene changed")
    other = stretch(2, 3, 0.5, (0.0, 0.0, 1.0, 1.0), "door")
    claims = [
        Claim(text="A.", evidence=(first, other)),
        Claim(text="B.", evidence=(second, cut, touching)),
        Claim(text="C.", evidence=(inside,)),
        Claim(text="D.", evidence=(stretch(0, 9, 0.9, (0.0, 0.0, 1.0, 1.0)),), reliance=-1.0),  # no support
    ]
    answer = compose(claims, case(), 0.0, [])
    joined = replace(second, start_s=1.0, box=(0.0, 0.0, 0.75, 0.5))  # by its best score, around both
    assert answer.evidence == (joined, other, cut, touching)
    assert [sentence.rests_on for sentence in answer.sentences] == [(0, 1), (0, 2, 3), (0,), ()]


pictures = st.tuples(st.integers(0, 12), st.integers(0, 3), st.sampled_from(["cam", "door"]))


@given(st.lists(st.lists(pictures, max_size=2), min_size=1, max_size=4))
def test_every_sentence_rests_on_the_piece_that_has_its_pictures(said: list[list[tuple[int, int, str]]]) -> None:
    claims = [
        Claim(
            text=f"{number}.",
            evidence=tuple(stretch(first, first + length, 0.5, (0, 0, 1, 1), stream) for first, length, stream in rows),
        )
        for number, rows in enumerate(said)
    ]
    answer = compose(claims, case(), 0.0, [])
    seconds = [
        (row.stream, second) for row in answer.evidence for second in range(int(row.start_s), int(row.end_s) + 1)
    ]
    assert len(seconds) == len(set(seconds))
    for claim, sentence in zip(claims, answer.sentences, strict=False):
        assert len(sentence.rests_on) <= len(claim.evidence)
        for row_ in claim.evidence:
            around = [answer.evidence[place] for place in sentence.rests_on]
            assert [one for one in around if one.stream == row_.stream and one.start_s <= row_.start_s <= one.end_s]


def test_an_answer_has_room_in_a_message() -> None:
    claims = [Claim(text=f"{number} " + "x" * 5000, evidence=(row(number),)) for number in range(9)]
    answer = compose(claims, case(), 0.0, [])
    said, *_, remark = [sentence.text for sentence in answer.sentences]
    assert said == claims[0].text
    assert remark == "My answer ends here: it was longer than 16000 characters."
    assert sum(len(one.text) for one in answer.sentences[:-1]) == 16_000


def test_a_blind_camera_is_named_whatever_was_said() -> None:
    answer = compose([Claim(text="A.", evidence=(row(1),))], case(blind={"cam": "covered or dark"}), 0.0, [])
    assert answer.blind == ("cam",)
    assert "covered or dark" in answer.sentences[-1].text
