"""What was said is supported, marked or not said at all."""

from __future__ import annotations

from reasoning.spoken import Claim, compose
from runtime.messages import Evidence
from tests.cases import case


def row(number: int, score: float = 0.5) -> Evidence:
    return Evidence(
        clip_id="",
        record_id=f"s/cam/0/frame-{number}",
        stream="cam",
        kind="frame",
        start_s=1.0,
        end_s=1.0,
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
