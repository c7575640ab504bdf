"""Pictures of the evidence that answers rest on, with its boxes, for a person to open."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from perception.picture import encode_jpeg
from runtime.apps.demo_truth import CAMERA, YardTruth
from runtime.messages import Answer, Box, Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENLARGED = 4  # times the yard's small pictures
EDGE_PX = 2
BOX_RGB = (255, 220, 0)
QUALITY = 90


def save_evidence(folder: Path, answer: Answer, truth: YardTruth) -> list[Path]:
    """Write a picture for each piece of evidence that the camera gave; return where they are."""
    found: list[Path] = []
    for number, item in enumerate(answer.evidence, start=1):
        if item.stream != CAMERA:
            continue
        path = folder / f"{answer.query_id}-{number}.jpg"
        path.write_bytes(picture_of(item, truth))
        found.append(path)
    return found


def picture_of(item: Evidence, truth: YardTruth) -> bytes:
    """Return the picture in the middle of the evidence as JPEG, enlarged, with its box if it has one."""
    with av.open(io.BytesIO(truth.picture_at((item.start_s + item.end_s) / 2)), mode="r", format="mjpeg") as container:
        small = next(container.decode(video=0)).to_ndarray(format="rgb24")
    picture = small.astype(np.uint8, copy=False).repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    if item.box is not None:
        _draw(picture, item.box)
    long_px = max(picture.shape)
    return encode_jpeg(av.VideoFrame.from_ndarray(picture, format="rgb24"), long_px, QUALITY)[0]


def _draw(picture: NDArray[np.uint8], box: Box) -> None:
    """Draw a box into (H, W, 3)."""
    height, width = picture.shape[:2]
    left, right = (min(width, max(0, round(edge * width))) for edge in (box[0], box[2]))
    top, bottom = (min(height, max(0, round(edge * height))) for edge in (box[1], box[3]))
    part = picture[top:bottom, left:right]
    inside = part[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX].copy()
    part[:] = BOX_RGB
    part[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX] = inside
