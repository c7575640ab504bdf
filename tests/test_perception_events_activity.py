"""Moving regions of a coarse grid: what stands out of the noise, what becomes background, what is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.events.activity import PIXEL_MAX, Active, ActivityMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

W, H = 160, 120  # cells of 8 pixels
NOISE_HZ = 0.1
WINDOWS_PER_S = 20


def noise(draw: np.random.Generator) -> NDArray[np.int64]:
    return draw.integers(0, W * H, draw.poisson(NOISE_HZ * W * H / WINDOWS_PER_S))


def block(draw: np.random.Generator, x: int, y: int, side: int = 24, share: float = 0.3) -> NDArray[np.int64]:
    """Return events of a moving thing: some of the pixels in a square."""
    at = draw.integers(0, side, (round(share * side * side), 2))
    return (y + at[:, 0]) * W + x + at[:, 1]


def after_rest(draw: np.random.Generator) -> ActivityMap:
    seen = ActivityMap(W, H)
    for _ in range(40):
        assert seen.step(noise(draw)).boxes == ()
    return seen


def test_noise_alone_is_no_movement_and_a_thing_is_where_it_is() -> None:
    draw = np.random.default_rng(1)
    seen = after_rest(draw)
    active = seen.step(np.concatenate([noise(draw), block(draw, 8, 16)]))
    assert active.boxes == ((8 / W, 16 / H, 32 / W, 40 / H),)
    assert active.area == 9 / (20 * 15)


def test_two_things_are_two_boxes_the_larger_one_first() -> None:
    draw = np.random.default_rng(2)
    active = after_rest(draw).step(np.concatenate([block(draw, 120, 80, 16), block(draw, 8, 16)]))
    assert [box[0] for box in active.boxes] == [8 / W, 120 / W]


def test_a_broken_pixel_counts_a_few_times_only() -> None:
    draw = np.random.default_rng(3)
    pixels = np.full(5_000, 77 * W + 33)
    active = after_rest(draw).step(np.concatenate([noise(draw), pixels]))
    assert active.boxes == ()
    assert active.count >= 5_000 > PIXEL_MAX


def test_what_goes_on_for_long_becomes_background_and_a_thing_before_it_stands_out() -> None:
    draw = np.random.default_rng(4)
    seen = after_rest(draw)
    lamp = [seen.step(block(draw, 80, 40, 16)) for _ in range(60 * WINDOWS_PER_S)]
    assert lamp[0].boxes
    assert lamp[-1].boxes == ()
    assert seen.step(block(draw, 8, 16)).boxes


def test_the_whole_picture_at_once_is_said_to_be_so() -> None:
    draw = np.random.default_rng(5)
    active = after_rest(draw).step(np.arange(W * H))
    assert active.is_whole
    assert active.boxes == ((0.0, 0.0, 1.0, 1.0),)


def test_a_picture_that_is_no_multiple_of_cells_keeps_its_edges() -> None:
    seen = ActivityMap(346, 260)
    edge = (np.arange(240, 260)[:, None] * 346 + np.arange(330, 346)).ravel()
    seen.step(edge[:0])
    [box] = seen.step(edge).boxes
    assert box[2:] == (1.0, 1.0)


def test_nothing_is_nothing() -> None:
    seen = ActivityMap(W, H)
    for _ in range(3):
        assert seen.step(np.empty(0, np.int64)) == Active(boxes=(), area=0.0, count=0)


def test_a_sensor_with_ten_times_the_noise_is_quiet_from_the_start() -> None:
    draw = np.random.default_rng(6)
    seen = ActivityMap(W, H)
    counts = [
        len(seen.step(draw.integers(0, W * H, draw.poisson(10 * NOISE_HZ * W * H / 20))).boxes) for _ in range(99)
    ]
    assert sum(counts) <= 2
