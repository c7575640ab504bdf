"""Detectors: the real classes with tiny random weights, read as transformers' own post-processing reads them."""

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from perception.vision.detector import ClosedDetector, OpenDetector, load_detector
from perception.vision.packing import Packing
from perception.vision.seen import Detector
from runtime.errors import ModelError
from runtime.messages import Seen
from tests.tiny_eyes import LABELS, owlv2, picture, rt_detr, save_eyes
from tests.tiny_lmms import byte_tokenizer

SIZE = {"height": 64, "width": 64}
PICTURES = [picture(64, 64), picture(48, 80, 1), picture(80, 30, 2)]


def as_rows(found: list[Seen], height_px: int, width_px: int) -> list[tuple[str, float, list[float]]]:
    scale = (width_px, height_px, width_px, height_px)
    return [(one.label, one.score, [side * by for side, by in zip(one.box or (), scale, strict=True)]) for one in found]


def assert_same(found: list[Seen], theirs: dict[str, Any], names: Any, height_px: int, width_px: int) -> None:
    """Compare to transformers' results in pixels, which are not cut to the picture."""
    size = torch.tensor([width_px, height_px] * 2)
    boxes = torch.minimum(theirs["boxes"].clamp(min=0), size)
    expected = [
        (names[int(label)], float(score), box.tolist())
        for score, label, box in zip(theirs["scores"], theirs["labels"], boxes, strict=True)
    ]
    expected.sort(key=lambda one: -one[1])
    rows = as_rows(found, height_px, width_px)
    assert [one[0] for one in rows] == [one[0] for one in expected]
    for ours, other in zip(rows, expected, strict=True):
        assert ours[1] == pytest.approx(other[1], abs=1e-4)
        assert ours[2] == pytest.approx(other[2], abs=0.02)


@torch.inference_mode()
def test_rt_detr_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    folder = save_eyes(tmp_path, rt_detr(), size=SIZE, do_normalize=False, resample=2)
    every = load_detector(str(folder), threshold=0.0).detect(PICTURES)
    threshold = statistics.median(one.score for found in every for one in found)
    detector = load_detector(str(folder), threshold=threshold)
    assert isinstance(detector, ClosedDetector)
    pixels = Packing(size_px=(64, 64)).pack(PICTURES)
    sizes = [one.shape[:2] for one in PICTURES]
    theirs = RTDetrImageProcessorPil().post_process_object_detection(
        rt_detr()(pixel_values=pixels), threshold=threshold, target_sizes=sizes
    )
    found = detector.detect(PICTURES)
    assert 0 < sum(map(len, found)) < sum(map(len, every))
    for seen, other, (height_px, width_px) in zip(found, theirs, sizes, strict=True):
        assert_same(seen, other, dict(enumerate(LABELS)), height_px, width_px)


@torch.inference_mode()
def test_owlv2_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    folder = save_eyes(tmp_path, owlv2(), byte_tokenizer_with_padding(), size={"height": 48, "width": 48})
    labels, threshold = ("a red door", "dog"), 0.4
    detector = load_detector(str(folder), labels=labels, threshold=threshold)
    assert isinstance(detector, OpenDetector)
    words = byte_tokenizer_with_padding()(
        list(labels), padding="max_length", truncation=True, max_length=16, return_tensors="pt"
    )
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    packing = Packing(size_px=(48, 48), mean=mean, deviation=deviation, is_squared=True)
    found = detector.detect(PICTURES)
    assert sum(map(len, found)) > 3
    for seen, image in zip(found, PICTURES, strict=True):
        out = owlv2()(
            input_ids=words["input_ids"], attention_mask=words["attention_mask"], pixel_values=packing.pack([image])
        )
        (theirs,) = Owlv2ImageProcessorPil().post_process_object_detection(
            out, threshold=threshold, target_sizes=[image.shape[:2]]
        )
        assert_same(seen, theirs, labels, *image.shape[:2])


def byte_tokenizer_with_padding() -> Any:
    made = byte_tokenizer()
    made.pad_token = "<|end|>"
    return made


def test_a_batch_of_cameras_gives_what_each_gives_alone(tmp_path: Path) -> None:
    detector = load_detector(str(save_eyes(tmp_path, rt_detr(), size=SIZE)), threshold=0.2)
    together = detector.detect(PICTURES)
    for image, found in zip(PICTURES, together, strict=True):
        (alone,) = detector.detect([image])
        assert [one.label for one in alone] == [one.label for one in found]
        for one, other in zip(alone, found, strict=True):
            assert one.score == pytest.approx(other.score, abs=2e-4)
            assert one.box == pytest.approx(other.box, abs=2e-4)
    assert detector.detect([]) == []


def test_only_the_labels_that_are_asked_for_are_told_of(tmp_path: Path) -> None:
    folder = str(save_eyes(tmp_path, rt_detr(), size=SIZE))
    everything = load_detector(folder, threshold=0.0).detect(PICTURES)
    dogs = load_detector(folder, labels=["dog"], threshold=0.0).detect(PICTURES)
    assert dogs == [[one for one in found if one.label == "dog"] for found in everything]
    assert sum(map(len, dogs)) > 0
    with pytest.raises(ModelError, match="does not know door, zebra; it knows bicycle, car, dog, person and others"):
        load_detector(folder, labels=["zebra", "dog", "door"])


def test_a_detector_of_words_needs_words(tmp_path: Path) -> None:
    folder = str(save_eyes(tmp_path, owlv2(), byte_tokenizer_with_padding()))
    with pytest.raises(ModelError, match="looks for words; name them as labels"):
        load_detector(folder)


@pytest.fixture
def closed(tmp_path: Path) -> Detector:
    return load_detector(str(save_eyes(tmp_path, rt_detr(), size=SIZE)))


def test_what_is_no_picture_is_refused(closed: Detector) -> None:
    with pytest.raises(ValueError, match="1 x 1 pixels shows nothing"):
        closed.detect([picture(1, 1)])
    with pytest.raises(ValueError, match="uint8, 0 to 255, not float64"):
        closed.detect([picture(8, 8) / 255])  # type: ignore[list-item]


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = rt_detr()
    detector = ClosedDetector("eyes", model, Packing(size_px=(64, 64)), (), 0.5)
    for parameter in model.model.decoder.class_embed.parameters():
        parameter.data.fill_(torch.nan)
    with pytest.raises(ModelError, match="eyes: gave numbers that are not finite"):
        detector.detect([picture(8, 8)])


def test_a_model_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    detector = ClosedDetector("eyes", rt_detr(), Packing(size_px=(3, 3)), (), 0.5)
    with pytest.raises(ModelError, match="eyes: failed on a picture: ") as caught:
        detector.detect([picture(8, 8)])
    assert "\n" not in str(caught.value)


def test_half_a_model_is_refused(tmp_path: Path) -> None:
    folder = save_eyes(tmp_path, rt_detr())
    about = json.loads((folder / "config.json").read_text())
    about["decoder_layers"] = 2
    (folder / "config.json").write_text(json.dumps(about))
    with pytest.raises(ModelError, match=r"lacks \d+ of its weights, \S+decoder\S+ among them; fetch it anew"):
        load_detector(str(folder))


def test_other_models_and_other_sizes_are_refused_in_one_line(tmp_path: Path) -> None:
    llama = transformers.LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    folder = save_eyes(tmp_path / "llama", transformers.LlamaForCausalLM(llama))
    with pytest.raises(ModelError, match="is a llama model, no detector that is known here; known are rt_detr, "):
        load_detector(str(folder))
    folder = save_eyes(tmp_path / "any", rt_detr(), size={"shortest_edge": 800})
    with pytest.raises(ModelError, match=r"preprocessor_config\.json cannot be loaded: its pictures are of no fixed"):
        load_detector(str(folder))
    with pytest.raises(ModelError, match="no such folder, and a hub id has one slash"):
        load_detector("/nowhere/at/all")


def test_pickle_weights_are_refused_unread(tmp_path: Path) -> None:
    folder = save_eyes(tmp_path, rt_detr())
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="holds pickle weights only, which may run code"):
        load_detector(str(folder))
