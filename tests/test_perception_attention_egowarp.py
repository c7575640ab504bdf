"""History in motion: a thing that stands still stays where it is in the world, and pieces equal the whole."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.egowarp import EgoHistory, Ground, relative, warp
from perception.attention.restart import restart
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)

GROUND = Ground(left_m=-2.0, top_m=-1.5, cell_m=0.5)
EASTING_M, NORTHING_M = 691_234.5, 5_334_567.25  # where float32 has steps of half a metre


def pose(x_m: float = 0, y_m: float = 0, yaw: float = 0, *, is_plane: bool = False) -> Tensor:
    out = torch.eye(4, dtype=torch.float64)
    out[:2, :2] = torch.tensor([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    out[0, 3], out[1, 3] = x_m, y_m
    return out[[0, 1, 3]][:, [0, 1, 3]] if is_plane else out


def drive(count: int, seed: int = 0, *, is_plane: bool = False) -> Tensor:
    """Return the poses of a drive in the world's coordinates, (1, T, ...)."""
    steps = seeded(count, 3, seed=seed).tolist()
    return torch.stack([pose(EASTING_M + x, NORTHING_M + y, yaw, is_plane=is_plane) for x, y, yaw in steps])[None]


def slow(past: Tensor, then: Tensor, now: Tensor, ground: Ground) -> Tensor:
    """past (C, Y, X), poses (4, 4) -> (C, Y, X): where was each cell's middle in the map of then?"""
    out = torch.zeros_like(past)
    _, height, width = past.shape
    for row in range(height):
        for column in range(width):
            x, y = ground.left_m + (column + 0.5) * ground.cell_m, ground.top_m + (row + 0.5) * ground.cell_m
            point = torch.linalg.inv(then) @ now @ torch.tensor([x, y, 0, 1], dtype=torch.float64)
            i = (point[1].item() - ground.top_m) / ground.cell_m - 0.5
            j = (point[0].item() - ground.left_m) / ground.cell_m - 0.5
            for a in (math.floor(i), math.floor(i) + 1):
                for b in (math.floor(j), math.floor(j) + 1):
                    if 0 <= a < height and 0 <= b < width:
                        out[:, row, column] += (1 - abs(i - a)) * (1 - abs(j - b)) * past[:, a, b]
    return out


def test_equals_cell_by_cell_in_the_plane_and_in_space() -> None:
    past = seeded(2, 3, 6, 8)
    then, now = drive(2, 1)[0], drive(2, 2)[0]
    tilt = 0.2
    now[1, :3, :3] @= torch.tensor(
        [[math.cos(tilt), 0, math.sin(tilt)], [0, 1, 0], [-math.sin(tilt), 0, math.cos(tilt)]], dtype=torch.float64
    )
    moved = warp(past, relative(then, now), GROUND)
    for row in range(2):
        torch.testing.assert_close(moved[row], slow(past[row], then[row], now[row], GROUND), rtol=1e-4, atol=1e-4)
    flat = [one[:, [0, 1, 3]][:, :, [0, 1, 3]] for one in (then[:1], now[:1])]
    assert_close(warp(past[:1], relative(*flat), GROUND), moved[:1])


@pytest.mark.parametrize(
    ("then", "now", "cell"),
    [
        (pose(), pose(), (2, 5)),
        (pose(EASTING_M, NORTHING_M), pose(EASTING_M + 0.5, NORTHING_M), (2, 4)),  # one cell on: it is one cell nearer
        (pose(EASTING_M, NORTHING_M), pose(EASTING_M, NORTHING_M - 1), (4, 5)),
        (pose(0, 0, 0), pose(0, 0, math.pi / 2), (1, 3)),  # turned left: what was ahead is to the right
    ],
)
def test_what_stands_still_is_found_where_it_is_from_there(then: Tensor, now: Tensor, cell: tuple[int, int]) -> None:
    past = torch.zeros(1, 1, 6, 8)
    past[0, 0, 2, 5] = 1  # 0.75 m ahead, 0.25 m to the right
    moved = warp(past, relative(then, now)[None], GROUND)[0, 0]
    assert moved[cell].item() == pytest.approx(1, abs=1e-4)
    assert moved.sum().item() == pytest.approx(1, abs=1e-3)


def test_out_of_sight_is_zero() -> None:
    assert not warp(torch.ones(1, 1, 6, 8), relative(pose(), pose(50))[None], GROUND).any()


@torch.no_grad()
def test_present_and_past_are_joined_newest_first() -> None:
    module = lively(EgoHistory(2, 2, GROUND))
    x, poses = seeded(1, 4, 2, 6, 8), drive(4)
    views = [x[0, 3], *(slow(x[0, then], poses[0, then], poses[0, 3], GROUND) for then in (2, 1))]
    joined = module.reduce(torch.cat(views)[None])
    torch.testing.assert_close(module(x, poses)[:, 3], joined + module.residual(joined), rtol=1e-4, atol=1e-4)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans())
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int], is_plane: bool) -> None:
    module = lively(EgoHistory(2, 2, GROUND))
    x, poses = seeded(1, sum(cuts), 2, 4, 5), drive(sum(cuts), is_plane=is_plane)
    state, pieces = module.start(x, poses), []
    for piece, there in zip(x.split(cuts, dim=1), poses.split(cuts, dim=1), strict=True):
        y, state = module.step(piece, there, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), module(x, poses))
    assert state.maps.shape == (1, 2, 2, 4, 5)
    assert state.poses.dtype == module.start(x, poses).poses.dtype == torch.float64


@torch.no_grad()
def test_a_stream_that_restarts_has_no_past() -> None:
    module, x, poses = lively(EgoHistory(2, 2, GROUND)), seeded(2, 3, 2, 4, 5), drive(3).expand(2, -1, -1, -1)
    _, state = module.step(x, poses, module.start(x, poses))
    y, _ = module.step(x[:, :1], poses[:, :1], restart(state, torch.tensor([True, False])))
    assert_close(y[:1], module(x[:1, :1], poses[:1, :1]))
    assert not torch.isclose(y[1:], module(x[1:, :1], poses[1:, :1])).all()


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(EgoHistory(2, 2, GROUND))
    poses = torch.cat([drive(3, seed) for seed in range(3)])
    assert_rows_are_independent(module, seeded(3, 3, 2, 4, 5), poses)
    assert_gradients_are_finite(module, lambda x: module(x, poses[:2]), seeded(2, 3, 2, 4, 5))
    assert_reads_nothing_back(module, module, seeded(3, 3, 2, 4, 5), poses)
