"""Sensors into one scene: absent and stale ones change nothing, order does not matter, steps equal the whole."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.fusion.scene import Look, Samples, Scene, SceneFusion

WIDTHS = {"camera": 6, "radar": 4, "sound": 3}
TICKS = 12


@pytest.fixture(scope="module")
def fusion() -> SceneFusion:
    torch.manual_seed(0)
    return SceneFusion(WIDTHS, 8, 5, heads=2, tick_s=0.5, stale_s=1.2)


def samples_of(seed: int = 0, batch: int = 2, ticks: int = TICKS) -> dict[str, Samples]:
    rng = torch.Generator().manual_seed(seed)
    return {
        name: Samples(
            torch.randn(batch, ticks, 2 + place, width, generator=rng),
            torch.rand(batch, ticks, generator=rng) < 0.7,
            torch.rand(batch, ticks, generator=rng) * 0.4,
        )
        for place, (name, width) in enumerate(WIDTHS.items())
    }


def cut(samples: dict[str, Samples], begin: int, end: int) -> dict[str, Samples]:
    return {name: Samples(*(part[:, begin:end] for part in one)) for name, one in samples.items()}


@torch.no_grad()
def in_pieces(fusion: SceneFusion, samples: dict[str, Samples], borders: list[int]) -> Scene:
    state, parts = fusion.start(2), []
    for begin, end in zip([0, *borders], [*borders, TICKS], strict=True):
        scene, state = fusion.step(cut(samples, begin, end), state)
        parts.append(scene)
    return Scene(torch.cat([one.tokens for one in parts], 1), torch.cat([one.blind for one in parts], 1))


@settings(max_examples=8, deadline=None)
@given(borders=st.lists(st.integers(1, TICKS - 1), max_size=5, unique=True).map(sorted), seed=st.integers(0, 9))
def test_any_way_to_cut_a_stream_gives_the_same(fusion: SceneFusion, borders: list[int], seed: int) -> None:
    samples = samples_of(seed)
    with torch.no_grad():
        whole = fusion(samples)
    pieces = in_pieces(fusion, samples, borders)
    assert whole.tokens.shape == (2, TICKS, 5, 8)
    assert (whole.tokens - pieces.tokens).abs().max() <= 1e-5
    assert torch.equal(whole.blind, pieces.blind)


def slow_look(look: Look, scene: Tensor, tokens: Tensor, times_s: list[float]) -> Tensor:
    """One row, one scene token and one head after the other."""
    times = look.times(torch.tensor([math.log1p(one) for one in times_s]))
    told = torch.stack([look.norm_tokens(look.project(one) + times) for one in tokens])
    keys, values = look.to_kv(told).chunk(2, dim=1)
    size = scene.shape[1] // look.heads
    rows = []
    for query in look.to_q(look.norm_scene(scene)):
        parts = []
        for head in range(look.heads):
            own = slice(head * size, (head + 1) * size)
            weights = torch.stack([query[own] @ key[own] / math.sqrt(size) for key in keys]).exp()
            parts.append((weights[:, None] * values[:, own]).sum(0) / weights.sum())
        rows.append(look.out(torch.cat(parts)))
    return torch.stack(rows)


@torch.no_grad()
def test_a_tick_is_each_sensors_look_and_gate_in_turn(fusion: SceneFusion) -> None:
    samples, ages = samples_of(3, batch=1, ticks=1), {"camera": 0.1, "radar": 0.2, "sound": 0.3}
    given_ = {
        name: Samples(one.tokens, torch.ones(1, 1, dtype=torch.bool), torch.full((1, 1), ages[name]))
        for name, one in samples.items()
    }
    scene = fusion.first
    for name, one in samples.items():
        found = slow_look(fusion.looks[name], scene + fusion.codes, one.tokens[0, 0], [ages[name], 1.2 + 0.5])  # type: ignore[arg-type]
        scene = fusion.updates[name].cell(found_hidden(fusion, name, found), scene)  # type: ignore[operator]
    assert torch.allclose(fusion(given_).tokens[0, 0], scene, atol=1e-5)


def found_hidden(fusion: SceneFusion, name: str, found: Tensor) -> Tensor:
    hidden: Tensor = fusion.updates[name].hidden(found).relu()  # type: ignore[operator]
    return hidden


@torch.no_grad()
def test_absent_and_stale_sensors_leave_the_scene_as_it_is_to_the_bit(fusion: SceneFusion) -> None:
    samples = samples_of(1)
    _, state = fusion.step(samples, fusion.start(2))
    never, always = torch.zeros(2, TICKS, dtype=torch.bool), torch.ones(2, TICKS, dtype=torch.bool)
    for present, age_s in ((never, 0.1), (always, 1.3), (always, -0.1), (always, math.nan)):
        idle = {name: Samples(one.tokens, present, torch.full((2, TICKS), age_s)) for name, one in samples.items()}
        scene, after = fusion.step(idle, state)
        assert torch.equal(after.scene, state.scene)
        assert torch.equal(scene.tokens, state.scene[:, None].expand_as(scene.tokens))
        assert scene.blind[:, 2:].all()


@torch.no_grad()
def test_a_sensor_that_is_not_given_is_one_that_is_absent(fusion: SceneFusion) -> None:
    samples = samples_of(2)
    radar = samples["radar"]
    absent = samples | {"radar": radar._replace(present=torch.zeros_like(radar.present))}
    given_ = {name: one for name, one in samples.items() if name != "radar"}
    assert torch.equal(fusion(absent).tokens, fusion(given_).tokens)
    assert fusion(given_).blind[..., 1].all()


@torch.no_grad()
def test_the_order_in_which_sensors_are_given_does_not_matter(fusion: SceneFusion) -> None:
    samples = samples_of(4)
    turned = dict(reversed(list(samples.items())))
    assert torch.equal(fusion(samples).tokens, fusion(turned).tokens)
    assert torch.equal(fusion(samples).blind, fusion(turned).blind)


def test_nothing_of_a_dropped_sensor_leaks_not_even_nan(fusion: SceneFusion) -> None:
    samples = samples_of(5)
    clean, broken = samples["camera"], samples["camera"].tokens.clone()
    broken[0, :, 0, 0] = math.nan
    broken[1, 3, 1, 2] = math.inf
    present = clean.present.clone()
    present[0], present[1, 3] = False, False
    expected = fusion(samples | {"camera": clean._replace(present=present)})
    got = fusion(samples | {"camera": clean._replace(tokens=broken.requires_grad_())})
    assert torch.equal(got.tokens, expected.tokens)
    assert torch.equal(got.blind, expected.blind)
    got.tokens.square().sum().backward()
    grads = [one.grad for one in fusion.parameters()]
    assert all(one is not None and bool(one.isfinite().all()) for one in grads)
    assert broken.grad is not None
    assert not broken.grad[0].any()
    fusion.zero_grad()


@torch.no_grad()
def test_a_sensor_is_blind_from_its_start_and_when_its_last_sample_is_stale(fusion: SceneFusion) -> None:
    present = torch.zeros(1, 8, dtype=torch.bool)
    present[0, 2] = True
    given_ = {"sound": Samples(torch.randn(1, 8, 1, 3), present, torch.full((1, 8), 0.1))}
    blind = fusion(given_).blind
    assert blind[0, :, 0].all()
    assert blind[0, :, 2].tolist() == [True, True, False, False, False, True, True, True]  # 0.1, 0.6, 1.1, 1.6 s


@torch.no_grad()
def test_rows_do_not_see_each_other_and_how_long_none_came_is_told(fusion: SceneFusion) -> None:
    samples = samples_of(6)
    together = fusion(samples).tokens
    for row in range(2):
        alone = fusion({name: Samples(*(part[row : row + 1] for part in one)) for name, one in samples.items()})
        assert torch.allclose(together[row], alone.tokens[0], atol=1e-5)
    _, state = fusion.step(samples, fusion.start(2))
    longer = state._replace(since_s=state.since_s + 1.0)
    every = cut(samples, 0, 1)
    every = {name: one._replace(present=torch.ones_like(one.present)) for name, one in every.items()}
    assert not torch.allclose(fusion.step(every, state)[0].tokens, fusion.step(every, longer)[0].tokens, atol=1e-4)
