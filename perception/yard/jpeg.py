"""Pictures of the yard as JPEG, the same bytes on every processor.

FFmpeg chooses by the processor how it converts colours and how it transforms blocks, and these ways differ in the last
bit. Here colours are converted in whole numbers, and the encoder is told to transform in whole numbers too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from perception.picture import encode_jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUALITY = 95
LUMA = (77, 150, 29)  # of red, green and blue, in 256; JFIF: 0.299, 0.587, 0.114
BLUE = (-43, -85, 128)  # -0.1687, -0.3313, 0.5
RED = (128, -107, -21)  # 0.5, -0.4187, -0.0813


def encode_picture(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture (H, W, 3) as JPEG; H and W are even."""
    height, width = picture.shape[:2]
    frame = av.VideoFrame.from_ndarray(planes_of(picture), format="yuvj420p")
    return encode_jpeg(frame, max(width, height), QUALITY, is_exact=True)[0]


def planes_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return brightness and, of each 2 x 2 pixels, the two colours, full range, one below the other: (H * 3 / 2, W)."""
    height, width = picture.shape[:2]
    assert height % 2 == 0, height
    assert width % 2 == 0, width
    wide = picture.astype(np.uint16)
    luma = wide[..., 0] * np.uint16(LUMA[0])
    for one in (1, 2):
        luma += wide[..., one] * np.uint16(LUMA[one])  # never above 255 * 256
    luma += np.uint16(128)
    fours = wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2]
    parts = [(luma >> 8).ravel()]
    for weights in (BLUE, RED):
        colour = sum((fours[..., one] * np.int32(weights[one]) for one in range(3)), np.int32(128 << 10 | 512))
        parts.append(np.minimum(colour >> 10, 255).ravel())
    return np.concatenate(parts).astype(np.uint8).reshape(height * 3 // 2, width)
