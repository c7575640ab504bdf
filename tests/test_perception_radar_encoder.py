"""Radar sweeps into tokens: steps equal the whole clip, streams keep to themselves, and bad sweeps do no harm."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.restart import restart
from perception.radar.encoder import LEVELS, PERSON, RANGES, RadarEncoder, Samples, features
from perception.radar.sweeps import pack
from tests.radar_fakes import sweeps

COUNT = 50  # sweeps, more than a window reaches


@pytest.fixture(scope="module")
def encoder() -> RadarEncoder:
    torch.manual_seed(0)
    made = RadarEncoder(reach=6)
    return made.eval()


def clip(streams: int = 2, count: int = COUNT, width: int = 30) -> Samples:
    packed = [pack(sweeps("walk", seed, count), width) for seed in range(streams)]
    return Samples(
        torch.from_numpy(np.stack([p for p, _ in packed])), torch.from_numpy(np.stack([v for _, v in packed]))
    )


def cut(samples: Samples, begin: int, end: int) -> Samples:
    return Samples(samples.points[:, begin:end], samples.valid[:, begin:end])


@torch.no_grad()
def encode(encoder: RadarEncoder, samples: Samples) -> Tensor:
    tokens: Tensor = encoder(samples)
    return tokens


@torch.no_grad()
def encode_in_pieces(encoder: RadarEncoder, samples: Samples, borders: list[int]) -> Tensor:
    state, parts = encoder.start(samples), []
    for begin, end in zip([0, *borders], [*borders, samples.points.shape[1]], strict=True):
        tokens, state = encoder.step(cut(samples, begin, end), state)
        parts.append(tokens)
    return torch.cat(parts, 1)


def test_sweep_by_sweep_equals_the_whole_clip(encoder: RadarEncoder) -> None:
    samples = clip()
    whole = encode(encoder, samples)
    assert whole.shape == (2, COUNT, 1, encoder.width)
    steps = encode_in_pieces(encoder, samples, list(range(1, COUNT)))
    assert (whole - steps).abs().max() <= 1e-5


@settings(max_examples=10)
@given(borders=st.lists(st.integers(1, COUNT - 1), max_size=4, unique=True).map(sorted))
def test_any_way_to_cut_a_clip_gives_the_same(encoder: RadarEncoder, borders: list[int]) -> None:
    samples = clip(streams=1)
    assert (encode(encoder, samples) - encode_in_pieces(encoder, samples, borders)).abs().max() <= 1e-5


def test_streams_of_a_batch_do_not_see_each_other(encoder: RadarEncoder) -> None:
    samples = clip(streams=3)
    together = encode(encoder, samples)
    for row in range(3):
        alone = encode(encoder, Samples(samples.points[row : row + 1], samples.valid[row : row + 1]))
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_padding_and_the_order_of_points_do_not_matter(encoder: RadarEncoder) -> None:
    samples = clip()
    order = torch.randperm(samples.points.shape[2], generator=torch.Generator().manual_seed(0))
    mixed = Samples(samples.points[:, :, order], samples.valid[:, :, order])
    wide = Samples(*(torch.cat([one, one[:, :, :9]], 2) for one in samples))
    wide.valid[:, :, samples.points.shape[2] :] = False
    expected = encode(encoder, samples)
    assert torch.allclose(encode(encoder, mixed), expected, atol=1e-5)
    assert torch.allclose(encode(encoder, wide), expected, atol=1e-5)


def test_no_sweep_sees_a_later_one(encoder: RadarEncoder) -> None:
    samples = clip(streams=1)
    changed = Samples(samples.points.clone(), samples.valid)
    changed.points[:, 30:] += 1
    before, after = encode(encoder, samples), encode(encoder, changed)
    assert torch.allclose(before[:, :30], after[:, :30], atol=1e-5)
    assert not torch.allclose(before[:, 30:], after[:, 30:], atol=1e-2)


def test_a_restarted_stream_begins_anew_and_the_other_goes_on(encoder: RadarEncoder) -> None:
    samples = clip()
    with torch.no_grad():
        _, state = encoder.step(cut(samples, 0, 20), encoder.start(samples))
        tokens, _ = encoder.step(cut(samples, 20, COUNT), restart(state, torch.tensor([True, False])))
    assert torch.allclose(tokens[0], encode(encoder, cut(samples, 20, COUNT))[0], atol=1e-5)
    assert torch.allclose(tokens[1], encode(encoder, samples)[1, 20:], atol=1e-5)


def test_empty_sweeps_and_seconds_without_a_point_are_encoded(encoder: RadarEncoder) -> None:
    samples = clip(streams=1)
    samples.valid[:, 10:40] = False
    samples.points[:, 10:40] = 1e9  # what is no point may hold anything
    whole = encode(encoder, samples)
    assert whole.isfinite().all()
    zeroed = Samples(samples.points * samples.valid[..., None], samples.valid)
    assert torch.equal(whole, encode(encoder, zeroed))
    assert (whole - encode_in_pieces(encoder, samples, [5, 12, 13, 45])).abs().max() <= 1e-5
    points, valid = pack([np.zeros((0, 5), np.float32)] * 5)
    assert encode(encoder, Samples(torch.from_numpy(points)[None], torch.from_numpy(valid)[None])).isfinite().all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", range(5))
def test_a_point_that_is_not_finite_is_no_point(encoder: RadarEncoder, bad: float, field: int) -> None:
    samples = clip(streams=1, count=8)
    without = Samples(samples.points, samples.valid.clone())
    without.valid[0, 3, 2] = False
    samples.points[0, 3, 2, field] = bad
    assert torch.equal(encode(encoder, samples), encode(encoder, without))


def test_ten_times_the_points_are_encoded_in_pieces_too(encoder: RadarEncoder) -> None:
    samples = clip(streams=1, count=12)
    many = Samples(samples.points.repeat(1, 1, 10, 1), samples.valid.repeat(1, 1, 10))
    whole = encode(encoder, many)
    assert whole.isfinite().all()
    assert (whole - encode_in_pieces(encoder, many, [1, 5])).abs().max() <= 1e-4


def test_points_are_pooled_like_a_loop_over_them(encoder: RadarEncoder) -> None:
    samples = clip(streams=1, count=3)
    told = features(samples.points, samples.valid, torch.zeros(1, 3, 4))
    with torch.no_grad():
        fast = encoder._frames(told, samples.points, samples.valid)
        for row in range(3):
            slow = slowly(encoder, encoder.points(told)[0, row], samples.points[0, row], samples.valid[0, row])
            assert torch.allclose(fast[0, row], slow, atol=1e-5)


def slowly(encoder: RadarEncoder, h: Tensor, points: Tensor, valid: Tensor) -> Tensor:
    nothing = torch.zeros(h.shape[-1])
    pillars: list[list[Tensor]] = [[] for _ in range(len(RANGES) + 1)]
    levels: list[list[Tensor]] = [[] for _ in range(len(LEVELS) + 1)]
    for told, (x, _, z, *_), is_real in zip(h, points.tolist(), valid.tolist(), strict=True):
        if is_real:
            pillar = sum(x > border for border in RANGES)
            pillars[pillar].append(told)
            if pillar == PERSON:
                levels[sum(z > border for border in LEVELS)].append(told)
    best = [torch.stack([nothing, *one]).amax(0) for one in pillars]  # what passed a ReLU is never below nothing
    cells = [
        encoder.cells(torch.cat([torch.stack(one).mean(0), torch.tensor([float(len(one))]).log1p()]))
        if one
        else nothing
        for one in levels
    ]
    column = encoder.narrow(encoder.height(best[PERSON][None], torch.stack(cells)[None])).flatten()
    out: Tensor = encoder.flat(torch.cat([*best, column]))
    return out
