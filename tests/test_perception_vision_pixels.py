"""Pictures for models: equal to transformers' image processors in size and values, as near as resampling allows."""

from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from perception.vision.pixels import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Resampling,
    batch_of,
    check_frames,
    normalised,
    resized,
    scaled,
)

CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
LEVEL = 1 / 255


def smooth(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Return a picture with soft shapes in three colours."""
    rows, columns = np.mgrid[0:height_px, 0:width_px].astype(np.float64)
    waves = [np.sin(columns / (9 + 4 * one) + one) + np.cos(rows / (7 + 3 * one)) for one in range(3)]
    return (127.5 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)


@pytest.mark.parametrize("sizes", [(90, 120), (480, 640), (48, 31)])
@pytest.mark.parametrize("how", ["bicubic", "bilinear"])
def test_equals_transformers_processors(sizes: tuple[int, int], how: Resampling) -> None:
    size = {"height": 64, "width": 80}
    mean, deviation = (CLIP_MEAN, CLIP_DEVIATION) if how == "bicubic" else (IMAGENET_MEAN, IMAGENET_DEVIATION)
    processor: Any = (  # whose class is private to transformers
        CLIPImageProcessorPil(size=size, do_center_crop=False)
        if how == "bicubic"
        else RTDetrImageProcessorPil(size=size, do_normalize=True)
    )
    image = smooth(*sizes)
    theirs = processor(image, return_tensors="pt")["pixel_values"]
    ours = normalised(
        resized(torch.from_numpy(image)[None], (64, 80), how), torch.tensor(mean), torch.tensor(deviation)
    )
    assert ours.shape == theirs.shape == (1, 3, 64, 80)
    levels = (ours - theirs).abs() * torch.tensor(deviation)[:, None, None] / LEVEL
    assert levels.mean() < 0.5
    assert levels.max() < 2.1


def test_a_picture_of_its_size_already_is_exact() -> None:
    image = smooth(64, 80)
    theirs = CLIPImageProcessorPil(do_resize=False, do_center_crop=False)(image, return_tensors="pt")["pixel_values"]
    values = resized(torch.from_numpy(image)[None], (64, 80))
    ours = normalised(values, torch.tensor(CLIP_MEAN), torch.tensor(CLIP_DEVIATION))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("pixels", "colour"), [("rgb24", 2), ("yuv420p", 6)])
def test_swscale_is_near_torchs_resampling(pixels: str, colour: float) -> None:
    """A decoder's colours are half as fine as its brightness, and lie beside it."""
    image = smooth(240, 320)
    picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
    small = scaled(picture, (60, 80))
    assert small.shape == (60, 80, 3)
    assert small.dtype == np.uint8
    expected = resized(torch.from_numpy(image)[None], (60, 80))[0].permute(1, 2, 0)
    error = torch.from_numpy(small).float() - expected
    assert error.abs().mean() < colour
    assert (error @ torch.tensor([0.299, 0.587, 0.114])).abs().mean() < 2


def test_pictures_of_several_cameras_become_one_batch() -> None:
    pictures = [av.VideoFrame.from_ndarray(smooth(*size), format="rgb24") for size in ((48, 64), (90, 20))]
    batch = batch_of(pictures, (24, 32))
    assert batch.shape == (2, 24, 32, 3)
    assert batch[1].equal(torch.from_numpy(scaled(pictures[1], (24, 32))))


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (torch.zeros(4, 4, 3), r"uint8, 0 to 255, not float32"),
        (torch.full((4, 4, 3), torch.nan), r"uint8, 0 to 255, not float32"),
        (torch.zeros(4, 4, 3, dtype=torch.int64), r"not int64"),
        (torch.zeros(4, 4, 4, dtype=torch.uint8), r"\(4, 4, 4\)"),
        (torch.zeros(4, 4, dtype=torch.uint8), r"\(4, 4\)"),
        (torch.zeros(1, 1, 3, dtype=torch.uint8), r"1 x 1 pixels shows nothing"),
        (torch.zeros(1, 40, 3, dtype=torch.uint8), r"40 x 1 pixels shows nothing"),
        (torch.zeros(0, 4, 3, dtype=torch.uint8), r"4 x 0 pixels shows nothing"),
    ],
)
def test_what_is_no_picture_is_refused(frames: torch.Tensor, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_frames(frames)


def test_a_decoded_picture_of_one_pixel_is_refused() -> None:
    picture = av.VideoFrame.from_ndarray(np.zeros((1, 1, 3), np.uint8), format="rgb24")
    with pytest.raises(ValueError, match="1 x 1 pixels"):
        scaled(picture, (8, 8))
