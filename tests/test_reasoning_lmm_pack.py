"""Pictures packed by us are those of transformers' own image processors, without torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lmm.families import CLIP, HALF, IMAGENET
from reasoning.lmm.pack import grid_within, normalised, patches, pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray


EDGE, SQUARE = {"longest_edge": 64}, {"height": 64, "width": 64}


def picture(height_px: int, width_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture with edges and slopes, like a real one."""
    generator = np.random.default_rng(seed)
    rough = generator.integers(0, 256, (height_px // 8 + 2, width_px // 8 + 2, 3))
    fine = np.kron(rough, np.ones((8, 8, 1)))[:height_px, :width_px]
    slope = np.linspace(0, 40, width_px)[None, :, None]
    return np.clip(fine * 0.8 + slope, 0, 255).astype(np.uint8)


def processor(name: str, **settings: Any) -> Any:
    pytest.importorskip("PIL", reason="transformers' image processors need Pillow")
    import transformers

    return getattr(transformers, name)(**settings)


def test_qwen_patches_are_the_image_processors() -> None:
    image = picture(112, 168)
    theirs = processor("Qwen2VLImageProcessorPil")(image, return_tensors="pt")
    ours = patches(normalised(pixels(image, 112, 168), *CLIP), patch_px=14, merge=2, frames=2)
    assert theirs["image_grid_thw"].tolist() == [[1, 8, 12]]
    torch.testing.assert_close(ours, theirs["pixel_values"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(100, 170), (240, 320), (333, 111)])
def test_resized_pictures_differ_from_pillows_by_less_than_half_a_gray_level_on_average(size: tuple[int, int]) -> None:
    image = picture(*size)
    theirs = processor("Qwen2VLImageProcessorPil")(image, return_tensors="pt")
    _, rows, columns = theirs["image_grid_thw"][0].tolist()
    ours = patches(normalised(pixels(image, rows * 14, columns * 14), *CLIP), patch_px=14, merge=2, frames=2)
    levels = (ours - theirs["pixel_values"]).abs() * max(CLIP[1]) * 255
    assert float(levels.mean()) < 0.5
    assert float(levels.max()) < 16  # at hard edges, where Pillow rounds between its two passes


@pytest.mark.parametrize(
    ("name", "settings", "mean", "deviation"),
    [
        ("SmolVLMImageProcessorPil", {"do_image_splitting": False, "max_image_size": EDGE}, HALF, HALF),
        ("LlavaOnevisionImageProcessorPil", {"size": SQUARE}, *CLIP),
        ("CLIPImageProcessorPil", {"size": SQUARE, "do_center_crop": False}, *CLIP),
    ],
)
def test_square_pictures_are_the_image_processors(
    name: str, settings: dict[str, Any], mean: tuple[float, ...], deviation: tuple[float, ...]
) -> None:
    image = picture(64, 64)
    theirs = processor(name, **{"size": EDGE, **settings})(image, return_tensors="pt")
    values = theirs["pixel_values"].reshape(-1, 3, 64, 64)[0]
    torch.testing.assert_close(normalised(pixels(image, 64, 64), mean, deviation), values, rtol=0, atol=1e-5)


def test_values_around_zero() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    assert torch.equal(normalised(pixels(white, 4, 4), HALF, HALF), torch.ones(3, 4, 4))
    first = normalised(pixels(white, 4, 4), *IMAGENET)[0, 0, 0]
    assert float(first) == pytest.approx((1 - 0.485) / 0.229)


@given(
    height_px=st.integers(1, 5000),
    width_px=st.integers(1, 5000),
    cell_px=st.integers(4, 56),
    budget=st.integers(1, 1000),
)
def test_a_grid_keeps_its_budget_and_its_shape(height_px: int, width_px: int, cell_px: int, budget: int) -> None:
    rows, columns = grid_within(height_px, width_px, cell_px, budget)
    assert rows >= 1
    assert columns >= 1
    assert rows * columns <= budget
    if rows > 3 and columns > 3:
        assert (rows / columns) / (height_px / width_px) == pytest.approx(1, abs=0.5)


def test_each_patch_is_where_it_was() -> None:
    rows, columns, patch_px, merge = 2, 3, 4, 2
    side = patch_px * merge
    values = torch.arange(3 * rows * side * columns * side).float().reshape(3, rows * side, columns * side)
    packed = patches(values, patch_px, merge, frames=2)
    assert packed.shape == (rows * columns * merge * merge, 3 * 2 * patch_px * patch_px)
    number = 0
    for row in range(rows):
        for column in range(columns):
            for inner_row in range(merge):
                for inner_column in range(merge):
                    top, left = row * side + inner_row * patch_px, column * side + inner_column * patch_px
                    expected = values[:, top : top + patch_px, left : left + patch_px]
                    found = packed[number].reshape(3, 2, patch_px, patch_px)
                    assert torch.equal(found[:, 0], expected)
                    assert torch.equal(found[:, 1], expected)
                    number += 1
