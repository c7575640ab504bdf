"""Florence-2: it says what transformers' generation gives, and boxes are read as its own post-processing reads."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

from perception.vision.captioner import ASKED, ASKED_OBJECTS, Florence, Said, load_captioner
from perception.vision.detector import load_detector
from perception.vision.packing import Packing
from perception.vision.pixels import IMAGENET_DEVIATION, IMAGENET_MEAN
from runtime.errors import ModelError
from tests.tiny_eyes import WORDS, florence_2, picture, place_tokenizer, rt_detr, save_eyes

PACKING = Packing(size_px=(16, 16), how="bicubic", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION)
PICTURES = [picture(16, 16), picture(40, 30, 1), picture(20, 64, 2)]
TOKENIZER = place_tokenizer()


def florence(**settings: Any) -> Florence:
    return Florence("eyes", florence_2(), PACKING, TOKENIZER, **{"most_tokens": 12, **settings})


def plain(question: str, number: int, most: int = 12) -> list[int]:
    """Return what transformers' own generation says of one picture."""
    ids = torch.tensor([[WORDS - 1] * 5 + TOKENIZER(question)["input_ids"]])
    pixels = PACKING.pack([PICTURES[number]])
    out = florence_2().generate(input_ids=ids, pixel_values=pixels, max_new_tokens=most, do_sample=False, num_beams=1)
    said: list[int] = out[0, 1:].tolist()
    return said[: said.index(2)] if 2 in said else said


@torch.inference_mode()
def test_answers_are_those_of_transformers_alone_or_in_a_batch() -> None:
    eyes = florence()
    together = eyes.answers(PICTURES, ASKED_OBJECTS)
    assert len({tuple(one.ids) for one in together}) > 1  # the picture matters
    for number, said in enumerate(together):
        assert said.ids == plain(ASKED_OBJECTS, number)
        assert eyes.answers([PICTURES[number]], ASKED_OBJECTS)[0].ids == said.ids
        assert all(0 < chance <= 1 for chance in said.chances)
        assert len(said.chances) == len(said.ids)
    assert eyes.answers([], ASKED_OBJECTS) == []


@torch.inference_mode()
def test_a_caption_is_the_words_without_places_and_signs() -> None:
    eyes = florence(detail="detailed")
    for number, text in enumerate(eyes.caption(PICTURES)):
        words = [one for one in plain(ASKED["detailed"], number) if one < WORDS]
        assert text == " ".join(TOKENIZER.decode(words, skip_special_tokens=True).split())


def texts() -> st.SearchStrategy[list[int]]:
    """Make answers of words and places in any order."""
    letters = st.sampled_from([TOKENIZER.convert_tokens_to_ids(one) for one in "abcxyz,"])
    places = st.integers(WORDS, WORDS + 999)
    box = st.lists(places, min_size=4, max_size=4)
    thing = st.tuples(st.lists(letters, max_size=3), st.lists(box, max_size=2)).map(
        lambda both: [*both[0], *(place for one in both[1] for place in one)]
    )
    loose = st.lists(places, max_size=5)
    return st.lists(st.one_of(thing, loose), max_size=5).map(lambda parts: [one for part in parts for one in part])


@given(texts())
@settings(max_examples=60)
def test_boxes_are_read_as_transformers_reads_them(ids: list[int]) -> None:
    theirs = Florence2PostProcessor(config=None, tokenizer=TOKENIZER)
    text = TOKENIZER.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    expected = theirs.parse_description_with_bboxes_from_text_and_spans(text, image_size=(1000, 1000))
    found = READER.read(Said(ids=ids, chances=[0.5] * len(ids)))
    assert [(one.label, [int(1000 * side) for side in one.box or ()]) for one in found] == [
        (label, one["bbox"]) for one in expected if (label := re.sub(r"^loc_\d+>", "", one["cat_name"]))
    ]  # theirs takes the tail of a place that belongs to nothing for a word
    assert all(one.score == 0.5 for one in found)


READER = florence()


def test_a_box_is_as_probable_as_its_words_and_places_together() -> None:
    a, b = (TOKENIZER.convert_tokens_to_ids(one) for one in "ab")
    ids = [a, *range(WORDS, WORDS + 4), b, *range(WORDS + 4, WORDS + 8)]
    found = florence().read(Said(ids=ids, chances=[1.0] * 5 + [0.25] + [0.5] * 4))
    assert [(one.label, one.box) for one in found] == [
        ("a", (0.0005, 0.0015, 0.0025, 0.0035)),
        ("b", (0.0045, 0.0055, 0.0065, 0.0075)),
    ]
    assert [one.score for one in found] == pytest.approx([1.0, (0.25 * 0.5**4) ** 0.2], abs=1e-4)


def test_detections_are_those_that_are_wanted_and_probable_best_first() -> None:
    a, b = (TOKENIZER.convert_tokens_to_ids(one) for one in "ab")
    said = Said(
        ids=[one for word in (a, b, a) for one in (word, *range(WORDS, WORDS + 4))],
        chances=[0.3] * 5 + [0.9] * 5 + [0.6] * 5,
    )

    def kept(**settings: Any) -> list[tuple[str, float]]:
        eyes = florence(**settings)
        return [(one.label, one.score) for one in eyes.wanted(eyes.read(said))]

    assert kept() == [("b", 0.9), ("a", 0.6), ("a", 0.3)]
    assert kept(threshold=0.5, labels=["A"]) == [("a", 0.6)]


@torch.inference_mode()
@pytest.mark.parametrize("ends", [None, "list"])
def test_an_answer_ends_where_the_model_ends_it(ends: str | None) -> None:
    model = florence_2()
    whole = Florence("eyes", model, PACKING, TOKENIZER, most_tokens=12).answers(PICTURES[:1], ASKED_OBJECTS)[0].ids
    end = next(one for one in whole if one != whole[0])
    for stop, expected in ((end, whole[: whole.index(end)]), (whole[0], [])):
        model.generation_config.eos_token_id = [stop, 2] if ends else stop
        eyes = Florence("eyes", model, PACKING, TOKENIZER, most_tokens=12)
        assert eyes.answers(PICTURES[:1], ASKED_OBJECTS)[0].ids == expected


@torch.inference_mode()
def test_a_saved_model_captions_and_detects(tmp_path: Path) -> None:
    size = {"height": 16, "width": 16}
    folder = save_eyes(
        tmp_path, florence_2(), TOKENIZER, size=size, resample=3, image_mean=IMAGENET_MEAN, image_std=IMAGENET_DEVIATION
    )
    assert load_captioner(str(folder), most_tokens=12).caption(PICTURES) == florence().caption(PICTURES)
    detector = load_detector(str(folder), threshold=0.0)
    assert isinstance(detector, Florence)
    assert detector.detect(PICTURES[:1]) == florence(most_tokens=256).detect(PICTURES[:1])


def test_a_detector_is_no_captioner(tmp_path: Path) -> None:
    folder = save_eyes(tmp_path, rt_detr(), TOKENIZER)
    with pytest.raises(ModelError, match="is a rt_detr model, no captioner that is known here; known is florence2"):
        load_captioner(str(folder))
