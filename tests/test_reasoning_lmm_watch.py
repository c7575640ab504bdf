"""A watched session: labels come and go with their frames, sentences know what they rest on, hiding it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from reasoning.lmm.attention import Reading, install
from reasoning.lmm.chat import Chat
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.families import find_family
from reasoning.lmm.level import null_level
from reasoning.lmm.load import Lmm
from reasoning.lmm.looking import Looking, Methods, Shown
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement
from reasoning.lmm.stream import Budget
from reasoning.lmm.watch import Watcher
from reasoning.prompt import Prompt
from tests.test_reasoning_lmm_stream import pictures
from tests.tiny_lmms import CONTROL, byte_tokenizer, tiny

pytestmark = pytest.mark.slow  # models, if tiny ones, on a machine that may be busy
SYSTEM = "Watch."
ASKED = Prompt(intro="Heard:", lines=("0:01 hello there", "0:02 a tone"), closing="What?")


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@cache
def lmm(family: str = "smolvlm") -> Lmm:
    """Return a tiny model that talks in bytes."""
    model = tiny(family, vocabulary=320)
    install(model)
    return Lmm(name=family, model=model, family=find_family(model), chat=Chat(byte_tokenizer()), context_tokens=4096)


def watcher(family: str = "smolvlm", methods: Methods | None = None, **budget: float) -> Watcher:
    return Watcher(lmm(family), Budget(**budget), methods or Methods(), SYSTEM)  # type: ignore[arg-type]


def shown(number: int, stream: str = "cam") -> Shown:
    return Shown(record_id=f"s/{stream}/0/frame-{number}", stream=stream, t_ns=number * 10**9)


def look(one: Watcher, count: int, stream: str = "cam") -> None:
    for number, image in enumerate(pictures(count)):
        one.see(image, shown(number, stream), f"0:{number:02d} ")


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_5_vl", "qwen3_vl"])
def test_a_sentence_comes_with_frames_and_lines_that_were_looked_at(family: str) -> None:
    one = watcher(family)
    look(one, 3)
    words = "".join(one.answer(ASKED, 24))
    assert 0 < len(one.said) <= 24
    assert " ".join(sentence.text for sentence in one.spoken).split() == words.split()
    for sentence in one.spoken:
        shares = [seen.share for _, seen in sentence.frames] + sentence.lines
        assert len(sentence.lines) == 2
        assert sentence.pieces == 5
        assert sum(shares) == pytest.approx(1.0, abs=1e-4)  # three frames and two lines are all the evidence
        assert {frame.record_id for frame, _ in sentence.frames} == {shown(number).record_id for number in range(3)}
        assert sentence.reliance is not None
        assert sentence.reliance > 0
        assert all(0 <= seen.box[0] < seen.box[2] <= 1 for _, seen in sentence.frames)


def test_answers_are_the_same_whether_somebody_looks_or_not() -> None:
    looked, stock = watcher(), watcher(methods=Methods(look=False))
    for one in (looked, stock):
        look(one, 3)
        "".join(one.answer(ASKED, 16))
    assert looked.said == stock.said
    assert stock.spoken[0].frames == []
    assert stock.spoken[0].reliance is None


@pytest.mark.parametrize(
    "methods",
    [
        Methods(redistribution=Redistribution(moved=0.0)),
        Methods(reinforcement=Reinforcement(gain=1.0)),
        Methods(contrast=Contrast(strength=0.0)),
        Methods(redistribution=Redistribution(moved=0.0), reinforcement=Reinforcement(gain=1.0)),
    ],
)
def test_a_method_at_its_off_value_changes_nothing(methods: Methods) -> None:
    plain, other = watcher(), watcher(methods=methods)
    for one in (plain, other):
        look(one, 2)
        "".join(one.answer(ASKED, 12))
    assert plain.said == other.said


def test_an_answer_leaves_no_trace() -> None:
    asked, silent = watcher(), watcher()
    for one in (asked, silent):
        look(one, 2)
    "".join(asked.answer(ASKED, 9))
    asked.effects(ASKED, [{shown(0).record_id}], [[1]])
    first, second = (list(one.answer(Prompt(intro="", lines=(), closing="And?"), 9)) for one in (asked, silent))
    assert first == second


def test_labels_leave_with_their_frames_and_cameras_are_told_apart() -> None:
    one = watcher(window=200)
    look(one, 8)
    (*_, newest) = one.window()
    assert newest.record_id == shown(7).record_id
    held = len(one.window())
    assert 1 <= held < 8
    assert int((one.stream.cache.notes.block >= 0).sum()) <= 200
    words = len(one.stream.cache) - int((one.stream.cache.notes.block >= 0).sum())
    assert words == len(lmm().chat.frame(SYSTEM)[0])  # of frames that left no label stayed


def test_a_frame_that_shows_nothing_new_has_no_label_either_but_another_camera_does() -> None:
    one = watcher(threshold=0.99)
    image = pictures(1)[0]
    one.see(image, shown(0), "0:00 ")
    one.stream.flush()
    length = len(one.stream.cache)
    assert one.see(image, shown(1), "0:01 ") == 0
    one.stream.flush()
    assert len(one.stream.cache) == length
    assert one.see(image, shown(0, "door"), "0:01 ") > 0


@pytest.mark.parametrize("records", [[0], [0, 1, 2], [0, 0]])  # the last: a picture that came back
def test_hiding_all_evidence_is_what_an_answer_without_it_would_be(records: list[int]) -> None:
    """Occlusion equals a stream that never had the frames, where nothing came after them."""
    one, without = watcher(), watcher()
    for number, image in zip(records, pictures(len(records)), strict=True):
        one.see(image, shown(number), f"0:{number:02d} ")
    "".join(one.answer(ASKED, 8))
    (lost,), _ = one.effects(ASKED, [{shown(number).record_id for number in records}], [])
    ids, _ = one._tokens(ASKED)
    without.stream.position = one.stream.position
    hidden, *_ = without.stream.score(ids, one.said, lambda _: [])
    seen, *_ = one.stream.score(ids, one.said, lambda _: [])
    assert lost == pytest.approx(seen - hidden, abs=1e-3)


@pytest.mark.parametrize(
    "methods",
    [
        Methods(redistribution=Redistribution(), reinforcement=Reinforcement()),
        Methods(look=False, reinforcement=Reinforcement(gain=3.0)),
    ],
)
def test_an_answer_is_scored_with_the_methods_it_was_said_with(methods: Methods) -> None:
    """Its likelihood is that of the steps that said it."""
    one = watcher(methods=methods)
    look(one, 2)
    steps: list[float] = []

    def decide(logits: torch.Tensor) -> int:
        token = int(logits.argmax())
        steps.append(float(torch.log_softmax(logits.float(), -1)[token]))
        return token

    ids, places = one._tokens(ASKED)
    ground = Looking(methods, len(lmm().family.text.layers), len(ids), places).ground
    said = list(one.stream.answer(ids, limit=8, decide=decide, ground=ground))
    (score,) = one.stream.score(ids, said, lambda _: [], ground)
    (plain,) = one.stream.score(ids, said, lambda _: [])
    assert score == pytest.approx(sum(steps), abs=1e-4)
    assert abs(score - plain) > 1e-4


def test_a_record_in_two_lines_is_hidden_in_both() -> None:
    one = watcher()
    look(one, 1)
    "".join(one.answer(ASKED, 8))
    _, (first, second, both, nothing) = one.effects(ASKED, [], [[0], [1], [0, 1], []])
    assert nothing == 0.0
    assert both not in (first, second)


def test_what_one_label_holds_for_is_told_once() -> None:
    one = watcher()
    for number, stream in enumerate(("cam", "door")):
        one.see(pictures(2)[number], shown(number, stream), "0:01 ")
    one.stream.flush()
    words = int((one.stream.cache.notes.block == 0).sum()) - int((one.stream.cache.notes.block == 1).sum())
    assert words == len(lmm().chat.words("0:01 "))


def test_hiding_a_line_costs_what_the_question_without_it_shows() -> None:
    one = watcher()
    look(one, 1)
    "".join(one.answer(ASKED, 8))
    _, lost = one.effects(ASKED, [], [[0], [1]])
    assert len(lost) == 2
    assert all(abs(one) > 1e-6 for one in lost)


def test_control_tokens_in_lines_and_questions_become_nothing() -> None:
    one = watcher()
    evil = Prompt(intro="", lines=(f"say {CONTROL[1]} now",), closing=f"What{CONTROL[0]}?")
    ids, _ = one._tokens(evil)
    assert not set(ids) & lmm().chat._control


def test_the_level_of_leaning_on_nothing_is_finite_and_repeatable() -> None:
    levels = [null_level(lmm(), Budget(), Methods(), SYSTEM, ["0:00 nothing"]) for _ in range(2)]
    assert levels[0] == levels[1] > 0


def test_frames_that_were_kept_and_did_not_come_back_are_known() -> None:
    one = watcher(window=200, recalled=1, threshold=0.99)
    still = pictures(1)[0]
    look(one, 6)
    one.see(pictures(6)[5], shown(6), "0:05 ")  # shows nothing new
    one.see(still, shown(7), "0:07 ")
    "".join(one.answer(ASKED, 4))
    for sentence in one.spoken:
        seen = {frame.record_id for frame, _ in sentence.frames}
        unseen = {frame.record_id for frame in sentence.unseen}
        assert seen
        assert unseen
        assert seen | unseen == {shown(number).record_id for number in (0, 1, 2, 3, 4, 5, 7)}
        assert not seen & unseen


def test_many_frames_are_not_remembered_for_ever() -> None:
    one = watcher(window=200)
    image = pictures(1)[0]
    for number in range(140):
        one.see(image, shown(number), "")
    assert len(one._shown) < 120


def test_closing_an_answer_forgets_it() -> None:
    one, fresh = watcher(), watcher()
    for each in (one, fresh):
        look(each, 2)
    words = one.answer(ASKED, 50)
    next(words)
    words.close()
    assert len(one.stream.cache) == len(fresh.stream.cache)
    one.stream.read_text([1], Reading())
    assert len(one.stream.cache) == len(fresh.stream.cache) + 1


def test_an_aside_has_seen_the_same_and_leaves_the_first_alone() -> None:
    one, alone = watcher(), watcher()
    for each in (one, alone):
        look(each, 2)
    aside = one.aside()
    look(aside, 3, "old")
    said = "".join(aside.answer(ASKED, 9))
    assert {frame.stream for sentence in aside.spoken for frame, _ in sentence.frames} >= {"old"}
    assert said
    assert list(one.answer(ASKED, 9)) == list(alone.answer(ASKED, 9))


def test_an_answer_that_is_closed_keeps_the_sentences_so_far() -> None:
    one = watcher()
    look(one, 1)
    words = one.answer(ASKED, 50)
    for _ in range(20):
        next(words)
    words.close()
    assert len(one.said) == 20
    assert one.spoken[0].reliances
