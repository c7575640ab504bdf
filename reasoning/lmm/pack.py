"""Pictures as the vision towers take them, without torchvision: resized, normalised, and cut into patches.

The values are those of transformers' own image processors; resizing is torch's antialiased bicubic, which differs
from Pillow's by less than half a gray level on average, and more at hard edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE = 255.0


def pixels(image: NDArray[np.uint8], height_px: int, width_px: int) -> Tensor:
    """image (H, W, 3) -> (3, height_px, width_px) float32, 0 to 1, rounded to gray levels as Pillow rounds."""
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    if values.shape[1:] != (height_px, width_px):
        values = torch.nn.functional.interpolate(
            values[None], (height_px, width_px), mode="bicubic", antialias=True, align_corners=False
        )[0]
        values = values.round_().clamp_(0, WHITE)
    return values / WHITE


def normalised(values: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """values (3, H, W), 0 to 1 -> the same shape, around 0."""
    return (values - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def grid_within(height_px: int, width_px: int, cell_px: int, budget: int) -> tuple[int, int]:
    """Return rows and columns, at most `budget` cells, for a picture: near its size and shape, and never none."""
    rows, columns = max(1, round(height_px / cell_px)), max(1, round(width_px / cell_px))
    if rows * columns > budget:
        scale = math.sqrt(budget * cell_px * cell_px / (height_px * width_px))
        rows = max(1, math.floor(height_px * scale / cell_px))
        columns = max(1, math.floor(width_px * scale / cell_px))
        rows, columns = min(rows, budget), min(columns, max(1, budget // min(rows, budget)))  # very long pictures
    return rows, columns


def patches(values: Tensor, patch_px: int, merge: int, frames: int) -> Tensor:
    """values (3, H, W) -> (N, 3 * frames * patch_px ** 2), the patches of a merged token side by side (Qwen2-VL).

    The tower sees `frames` pictures at once; a still is repeated.
    """
    channels, height_px, width_px = values.shape
    rows, columns = height_px // (patch_px * merge), width_px // (patch_px * merge)
    cut = values.expand(frames, -1, -1, -1).reshape(frames, channels, rows, merge, patch_px, columns, merge, patch_px)
    order = cut.permute(2, 5, 3, 6, 1, 0, 4, 7)  # rows, columns, merge, merge, channels, frames, patch, patch
    return order.reshape(rows * columns * merge * merge, channels * frames * patch_px * patch_px)
