"""What the demo's recording shows: three still scenes and things that move in front of them, drawn with NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 640, 360
HOUSES = 13
WINDOW_ROWS = 22

Colour: TypeAlias = tuple[int, int, int]  # RGB, 0 to 255
Picture: TypeAlias = NDArray[np.float64]  # (360, 640, 3) RGB, 0 to 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something that is where its path says, and nowhere before and after."""

    shape: Literal["disc", "diamond"]
    radius_px: int
    colour: Colour
    path: tuple[tuple[float, float, float], ...]  # time in s and the middle in pixels (x, y), straight in between

    @property
    def movements_s(self) -> list[tuple[float, float]]:
        """When it moves: start and end."""
        return [(a[0], b[0]) for a, b in pairwise(self.path) if a[1:] != b[1:]]

    def place(self, t_s: float) -> tuple[float, float] | None:
        """Return the pixel of its middle."""
        times, xs, ys = zip(*self.path, strict=True)
        if not times[0] <= t_s <= times[-1]:
            return None
        return float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, ys))

    def put_into(self, picture: NDArray[np.uint8], t_s: float) -> None:
        """Draw it into (360, 640, 3) where it is at that time."""
        place = self.place(t_s)
        if place is None:
            return
        top, left = (max(0, round(middle) - self.radius_px - 1) for middle in (place[1], place[0]))
        part = picture[top : round(place[1]) + self.radius_px + 2, left : round(place[0]) + self.radius_px + 2]
        y, x = np.mgrid[: part.shape[0], : part.shape[1]]
        x, y = x + left - place[0], y + top - place[1]
        reach = np.hypot(x, y) if self.shape == "disc" else abs(x) * 1.3 + abs(y)
        shade = np.clip(1 - (x + 2 * y) / (5 * self.radius_px), 0.6, 1.3)  # light from above
        cover = np.clip(self.radius_px - reach, 0, 1)[..., None]
        part[:] = np.round(part + cover * (np.clip(shade[..., None] * self.colour, 0, 255) - part))


def hills() -> Picture:
    """A bright sky with clouds over two rows of green hills."""
    x, y = _grid()
    picture = _sky((112, 170, 222), (228, 238, 240), y / 0.6)
    for cx, cy, size in ((0.36, 0.16, 0.045), (0.44, 0.13, 0.06), (1.25, 0.24, 0.04), (1.36, 0.20, 0.065)):
        _paint(picture, (250, 250, 248), size - np.hypot((x - cx) / 1.8, y - cy))
    _paint(picture, (104, 158, 108), y - 0.60 - 0.06 * np.sin(4 * x + 1) - 0.015 * np.sin(11 * x))
    _paint(picture, (52, 108, 62), y - 0.78 - 0.05 * np.sin(3 * x + 4) - 0.008 * np.sin(17 * x))
    return picture


def town() -> Picture:
    """Dark houses with lit windows before the last light of the evening."""
    x, y = _grid()
    random = np.random.default_rng(5)
    column = x * HOUSES * HEIGHT_PX / WIDTH_PX  # houses from the left
    house = column.astype(int)
    roof = (0.45 + 0.25 * random.random(HOUSES))[house]
    is_lit = (random.random((3 * HOUSES, WINDOW_ROWS)) < 0.45)[(3 * column).astype(int), (WINDOW_ROWS * y).astype(int)]
    across, down = 3 * column % 1, WINDOW_ROWS * y % 1
    picture = _sky((22, 22, 56), (186, 92, 76), y / 0.8)
    picture[y > roof] = (28, 26, 40)
    picture[is_lit & (abs(across - 0.5) < 0.25) & (abs(down - 0.5) < 0.3) & (y > roof + 0.04)] = (244, 206, 118)
    return picture


def sea() -> Picture:
    """Heavy clouds over a pale sea with foam, and a beach."""
    x, y = _grid()
    picture = _sky((58, 72, 94), (140, 152, 162), y / 0.35)
    _paint(picture, (96, 172, 176), y - 0.35)
    foam = np.sin(150 * y + 2 * np.sin(5 * x)) + 0.3 * np.sin(23 * x) - 1.0
    _paint(picture, (212, 234, 230), np.where(y > 0.38, foam / 60, -1.0))
    _paint(picture, (234, 216, 170), y - 0.74 - 0.04 * np.sin(2 * x + 1))
    return picture


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of every pixel, (360, 640) each, both in picture heights."""
    y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    return (x + 0.5) / HEIGHT_PX, (y + 0.5) / HEIGHT_PX


def _sky(top: Colour, low: Colour, share: NDArray[np.float64]) -> Picture:
    """Blend two colours downwards; `share` (360, 640) is the lower one's."""
    share = np.clip(share, 0, 1)[..., None]
    return np.asarray((1 - share) * top + share * low)


def _paint(picture: Picture, colour: Colour, inside: NDArray[np.float64]) -> None:
    """Colour where `inside` (360, 640), in picture heights, is positive; the border is a pixel soft."""
    cover = np.clip(inside * HEIGHT_PX + 0.5, 0, 1)[..., None]
    picture += cover * (colour - picture)
