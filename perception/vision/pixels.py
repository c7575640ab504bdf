"""Pictures as models take them, without torchvision: of one size, and normalised.

There are two ways to a size. `resized` is torch's antialiased resampling, on any device and for whole batches, within a
gray level of Pillow's on average, which published models were trained with. `scaled` is FFmpeg's swscale, which turns
a decoder's YUV into small RGB in one step and is the cheap one for live cameras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F
from av.video.reformatter import Interpolation, VideoReformatter
from torch import Tensor

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

WHITE = 255.0
LEAST_PX = 2  # a picture of one row or column shows nothing
Resampling = Literal["bilinear", "bicubic"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def check_frames(frames: Tensor) -> None:
    """Raise ValueError unless these are pictures: (..., H, W, 3) of uint8, at least 2 x 2 pixels."""
    if frames.dtype != torch.uint8:  # so nothing that is not finite comes in either
        raise ValueError(f"frames are uint8, 0 to 255, not {str(frames.dtype).removeprefix('torch.')}")
    if frames.dim() < 3 or frames.shape[-1] != 3:
        raise ValueError(f"frames are (..., height, width, 3), not {tuple(frames.shape)}")
    height_px, width_px = frames.shape[-3:-1]
    if min(height_px, width_px) < LEAST_PX:
        raise ValueError(f"a frame of {width_px} x {height_px} pixels shows nothing")


def resized(frames: Tensor, size_px: tuple[int, int], how: Resampling = "bilinear") -> Tensor:
    """frames (B, H, W, 3) uint8 -> (B, 3, height, width) float32, whole gray levels, 0 to 255."""
    values = frames.permute(0, 3, 1, 2).float()
    if values.shape[2:] == size_px:
        return values
    values = F.interpolate(values, size_px, mode=how, antialias=True, align_corners=False)
    return values.round_().clamp_(0, WHITE)


def normalised(values: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """values (B, 3, H, W), 0 to 255, mean and deviation (3,) of values 0 to 1 -> the same shape, around 0."""
    scale, shift = 1 / (WHITE * deviation), -mean / deviation  # one pass over the pixels instead of three
    return torch.addcmul(shift[:, None, None], values, scale[:, None, None])


def scaled(
    picture: av.VideoFrame, size_px: tuple[int, int], scaler: VideoReformatter | None = None
) -> NDArray[np.uint8]:
    """Return a decoded picture as RGB of (height, width): (height, width, 3), 0 to 255.

    Pass the same `scaler` for every picture of a stream: it keeps swscale's tables. Raises ValueError for a picture
    of one row or column.
    """
    if min(picture.width, picture.height) < LEAST_PX:
        raise ValueError(f"a frame of {picture.width} x {picture.height} pixels shows nothing")
    height_px, width_px = size_px
    rgb = (scaler or VideoReformatter()).reformat(
        picture,
        width=width_px,
        height=height_px,
        format="rgb24",
        interpolation=Interpolation.AREA,  # averages where it shrinks, as `resized` does
        threads=1,
    )
    return rgb.to_ndarray().astype(np.uint8, copy=False)


def batch_of(pictures: Sequence[av.VideoFrame], size_px: tuple[int, int]) -> Tensor:
    """Return pictures of any sizes, of several cameras for instance, as one batch (B, height, width, 3) uint8."""
    return torch.from_numpy(np.stack([scaled(one, size_px) for one in pictures]))
