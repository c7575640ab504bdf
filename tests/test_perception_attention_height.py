"""Height self-attention: each column by itself, and only those over pillars with points."""

import torch
from torch import Tensor

from perception.attention.height import HeightAttention
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)

OCCUPIED = torch.tensor([[[True, False, True], [False, False, True]], [[False, True, False], [False, False, False]]])


@torch.no_grad()
def test_a_map_is_lifted_pillar_by_pillar() -> None:
    module = lively(HeightAttention(8, 2, 5))
    ground, cells = seeded(2, 8, 2, 3), seeded(2, 8, 5, 2, 3, seed=1)
    volume = module.lift(ground, OCCUPIED, cells)
    assert volume.shape == (2, 8, 5, 2, 3)
    for row in range(2):
        for y in range(2):
            for x in range(3):
                column = torch.zeros(5, 8)
                if OCCUPIED[row, y, x]:
                    levels = [ground[row, :, y, x] + module.code[z] + cells[row, :, z, y, x] for z in range(5)]
                    column = module.block(torch.stack(levels)[None])[0]
                assert_close(volume[row, :, :, y, x].T, column)


@torch.no_grad()
def test_without_features_of_cells_height_comes_from_the_code_alone() -> None:
    module = lively(HeightAttention(8, 2, 3))
    pillars = seeded(4, 8)
    assert_close(module(pillars), module(pillars, torch.zeros(4, 3, 8)))
    assert not torch.isclose(module(pillars)[:, 0], module(pillars)[:, 1]).all()


@torch.no_grad()
def test_a_ground_without_points_is_empty() -> None:
    module = lively(HeightAttention(8, 2, 3))
    assert not module.lift(seeded(1, 8, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool)).any()
    assert module(seeded(0, 8)).shape == (0, 3, 8)


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(HeightAttention(8, 2, 3))
    assert_rows_are_independent(module, seeded(3, 8), seeded(3, 3, 8))
    assert_rows_are_independent(module.lift, seeded(2, 8, 2, 3), OCCUPIED)

    def lifted(ground: Tensor, cells: Tensor) -> Tensor:
        return module.lift(ground, OCCUPIED, cells)

    assert_gradients_are_finite(module, lifted, seeded(2, 8, 2, 3), seeded(2, 8, 3, 2, 3))
    assert_reads_nothing_back(module, module, seeded(3, 8))
