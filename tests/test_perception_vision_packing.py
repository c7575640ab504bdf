"""How a model wants its pictures: read from what it says, and equal to transformers' own image processors."""

from typing import Any

import pytest
import torch
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from perception.vision.detector import USUAL_CLOSED, USUAL_OPEN
from perception.vision.packing import FLORENCE_FRAMES, Packing, packing_of
from tests.test_perception_vision_pixels import smooth

SIZE = {"height": 40, "width": 48}
SQUARE = {"height": 48, "width": 48}


@pytest.mark.parametrize("sizes", [(96, 128), (40, 48), (70, 30)])
@pytest.mark.parametrize(
    ("processor", "usual"),
    [
        (RTDetrImageProcessorPil(size=SIZE), USUAL_CLOSED),
        (RTDetrImageProcessorPil(size=SIZE, do_normalize=True, resample=3), USUAL_CLOSED),
        (CLIPImageProcessorPil(size=SIZE, do_center_crop=False), FLORENCE_FRAMES),
    ],
)
def test_pictures_are_packed_as_the_processor_packs_them(
    processor: Any, usual: Packing, sizes: tuple[int, int]
) -> None:
    image = smooth(*sizes)
    theirs = processor(image, return_tensors="pt")["pixel_values"]
    packing = packing_of(processor.to_dict(), usual)
    ours = packing.pack([image])
    assert ours.shape == theirs.shape
    levels = (ours - theirs).abs() * torch.tensor(packing.deviation)[:, None, None] * 255
    assert levels.mean() < 0.5
    assert levels.max() < 2.1


@pytest.mark.parametrize("sizes", [(48, 48), (30, 48), (48, 17)])
def test_pictures_are_made_square_as_owlv2s_processor_does(sizes: tuple[int, int]) -> None:
    """Of the size already: its own resampling is scipy's, which is not installed."""
    image = smooth(*sizes)
    theirs = Owlv2ImageProcessorPil(do_resize=False)(image, return_tensors="pt")["pixel_values"]
    ours = packing_of({"size": SQUARE}, USUAL_OPEN).pack([image])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_batch_holds_pictures_of_any_size() -> None:
    packing = packing_of({"size": 32}, USUAL_CLOSED)
    pictures = [smooth(20, 30), smooth(64, 64)]
    assert packing.pack(pictures).equal(torch.cat([packing.pack([one]) for one in pictures]))


def test_what_is_not_said_is_as_usual() -> None:
    for usual in (FLORENCE_FRAMES, USUAL_CLOSED, USUAL_OPEN):
        assert packing_of({}, usual) == usual
    assert packing_of({"do_normalize": False}, FLORENCE_FRAMES).mean is None
    assert not packing_of({"do_pad": False}, USUAL_OPEN).is_squared


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"size": {"longest_edge": 1333}}, "of no fixed size"),
        ({"size": {"height": 0, "width": 5}}, "have no pixels"),
    ],
)
def test_sizes_that_are_none_are_refused(about: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        packing_of(about, USUAL_CLOSED)
