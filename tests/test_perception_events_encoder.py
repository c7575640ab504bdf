"""Events into tokens: any way to cut a stream gives the same, pauses begin anew, quiet or busy streams do no harm."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.events.encoder import EventEncoder, Maps, Samples, ToreMaps, WindowMaps
from perception.events.grids import SpikeTensor, VoxelGrid
from perception.events.tensors import EventTensors

SIZE = (24, 32)
LENGTH_US = 600_000


def encoder_of(maps: Maps, window_us: int = 50_000) -> EventEncoder:
    torch.manual_seed(0)
    return EventEncoder(maps, SIZE, window_us, width=16, depth=1, frames=3).eval()


ENCODERS = {
    "voxel": encoder_of(WindowMaps(VoxelGrid(3, *SIZE))),
    "est": encoder_of(WindowMaps(SpikeTensor(2, *SIZE))),
    "tore": encoder_of(ToreMaps(*SIZE, depth=2)),
}


def events_of(count: int, seed: int, begin_us: int = 0, end_us: int = LENGTH_US) -> EventTensors:
    rng = torch.Generator().manual_seed(seed)
    t_us = torch.randint(begin_us, end_us, (count,), generator=rng).sort().values
    pixel = torch.randint(0, SIZE[0] * SIZE[1], (count,), generator=rng)
    return EventTensors(pixel=pixel, p=torch.randint(0, 2, (count,), generator=rng), t_us=t_us)


def joined(*parts: EventTensors) -> EventTensors:
    return EventTensors(
        pixel=torch.cat([one.pixel for one in parts]),
        p=torch.cat([one.p for one in parts]),
        t_us=torch.cat([one.t_us for one in parts]),
    )


@torch.no_grad()
def whole(encoder: EventEncoder, *streams: EventTensors, until_us: int = LENGTH_US, start_us: int = 0) -> Tensor:
    tokens: Tensor = encoder(Samples(streams, until_us), start_us)
    return tokens


@torch.no_grad()
def in_pieces(encoder: EventEncoder, streams: list[EventTensors], borders_us: list[int]) -> Tensor:
    state, parts, before = encoder.start(len(streams)), [], 0
    for border_us in borders_us:
        chunk = [
            one.between(*torch.searchsorted(one.t_us, torch.tensor([before, border_us])).tolist()) for one in streams
        ]
        tokens, state = encoder.step(Samples(chunk, border_us), state)
        parts.append(tokens)
        before = border_us
    return torch.cat(parts, 1)


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=8, deadline=None)
@given(borders=st.lists(st.integers(1, LENGTH_US - 1), max_size=5, unique=True).map(sorted))
def test_any_way_to_cut_a_stream_gives_the_same(name: str, borders: list[int]) -> None:
    streams = [events_of(800, 0), events_of(90, 1)]
    full = whole(ENCODERS[name], *streams)
    assert full.shape == (2, LENGTH_US // 50_000, 12, 16)
    assert (full - in_pieces(ENCODERS[name], streams, [*borders, LENGTH_US])).abs().max() <= 1e-5


@pytest.mark.parametrize("name", ENCODERS)
def test_streams_of_a_batch_do_not_see_each_other(name: str) -> None:
    streams = [events_of(300, 2), events_of(50, 3)]
    together = whole(ENCODERS[name], *streams)
    for row, one in enumerate(streams):
        assert torch.allclose(together[row], whole(ENCODERS[name], one)[0], atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_no_later_event_changes_earlier_tokens(name: str) -> None:
    early = events_of(300, 4, end_us=300_000)
    both = joined(early, events_of(300, 5, begin_us=300_000))
    first, second = whole(ENCODERS[name], early), whole(ENCODERS[name], both)
    assert torch.allclose(first[:, :6], second[:, :6], atol=1e-6)
    assert not torch.allclose(first[:, 6:], second[:, 6:], atol=1e-3)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_minute_without_events_gives_finite_tokens_for_every_window(name: str) -> None:
    encoder = encoder_of({"voxel": WindowMaps(VoxelGrid(3, *SIZE)), "est": WindowMaps(SpikeTensor(2, *SIZE))}.get(
        name, ToreMaps(*SIZE, depth=2)), window_us=500_000)  # fmt: skip
    tokens = whole(encoder, events_of(200, 6), events_of(0, 0), until_us=60_000_000)
    assert tokens.shape[:2] == (2, 120)
    assert tokens.isfinite().all()


@pytest.mark.parametrize("name", ENCODERS)
def test_ten_times_the_rate_gives_finite_tokens_of_the_same_size(name: str) -> None:
    usual, busy = whole(ENCODERS[name], events_of(3_000, 7)), whole(ENCODERS[name], events_of(30_000, 7))
    assert busy.shape == usual.shape
    assert busy.isfinite().all()
    assert busy.abs().max() < 10  # normed, however much came


@pytest.mark.parametrize("name", ENCODERS)
def test_after_a_gap_over_a_second_a_stream_begins_anew(name: str) -> None:
    before, after = events_of(300, 8, end_us=200_000), events_of(300, 9, begin_us=1_250_000, end_us=1_600_000)
    steady = events_of(900, 10, end_us=1_600_000)  # another stream of the batch, without a gap
    tokens = whole(ENCODERS[name], joined(before, after), steady, until_us=1_600_000)
    alone = whole(ENCODERS[name], after, until_us=1_600_000, start_us=1_250_000)
    assert torch.allclose(tokens[0, 25:], alone[0], atol=1e-5)
    assert torch.allclose(tokens[1], whole(ENCODERS[name], steady, until_us=1_600_000)[0], atol=1e-5)


def test_a_gap_of_less_than_a_second_does_not() -> None:
    before, after = events_of(300, 8, end_us=200_000), events_of(300, 9, begin_us=700_000, end_us=900_000)
    tokens = whole(ENCODERS["voxel"], joined(before, after), until_us=900_000)
    alone = whole(ENCODERS["voxel"], after, until_us=900_000, start_us=700_000)
    assert not torch.allclose(tokens[:, 14:], alone, atol=1e-4)


def test_late_events_are_left_out_and_gradients_reach_every_weight() -> None:
    encoder = ENCODERS["est"]
    state = encoder.start(1, start_us=100_000)
    tokens, _ = encoder.step(Samples([events_of(200, 11)], LENGTH_US), state)
    alone, _ = encoder.step(Samples([events_of(0, 0)], LENGTH_US), state)
    assert tokens.shape == alone.shape == (1, 10, 12, 16)
    late, _ = encoder.step(Samples([events_of(200, 11, end_us=100_000)], LENGTH_US), state)
    assert torch.equal(late, alone)
    tokens.square().sum().backward()
    grads = {name: one.grad for name, one in encoder.named_parameters()}
    assert all(grad is not None and bool(grad.isfinite().all()) for grad in grads.values())
    encoder.zero_grad()
