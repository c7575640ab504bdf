"""What a scene is read for: shapes, rows by themselves, and that a few steps learn one scene."""

from __future__ import annotations

import torch

from perception.fusion.heads import SceneHeads
from perception.fusion.sets import TrueThings, losses


def heads() -> SceneHeads:
    torch.manual_seed(0)
    return SceneHeads(8, kinds=3, colours=4, activities=5, sounds=6, ground=(4, 7))


def test_every_head_says_something_of_each_row() -> None:
    said = heads()(torch.randn(2, 5, 8))
    shapes = [tuple(one.shape) for one in said.things]
    assert shapes == [(2, 5, 4), (2, 5, 4), (2, 5), (2, 5, 2), (2, 5), (2, 5)]
    assert (said.things.range_m > 0).all()
    assert [tuple(one.shape) for one in said[1:]] == [(2, 5), (2, 6), (2, 4, 7)]


@torch.no_grad()
def test_rows_are_read_by_themselves_and_tokens_have_no_order() -> None:
    made, scene = heads(), torch.randn(2, 5, 8)
    both, turned = made(scene), made(scene.flip(1))
    assert torch.allclose(made(scene[1:]).ground[0], both.ground[1], atol=1e-6)
    assert torch.allclose(turned.things.kind, both.things.kind.flip(1), atol=1e-6)
    for task in ("activity", "sound", "ground"):
        assert torch.allclose(getattr(turned, task), getattr(both, task), atol=1e-5)


def test_all_weights_learn_and_the_loss_of_one_scene_falls() -> None:
    made, scene = heads(), torch.randn(2, 5, 8)
    one = TrueThings(
        torch.tensor([0, 2]), torch.tensor([1, 3]), torch.tensor([4.0, 12.0]), torch.tensor([0.3, -0.6]),
        torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]),
    )  # fmt: skip
    none = TrueThings(*(part[:0] for part in one))
    sound, ground = torch.zeros(2, 6), torch.zeros(2, 4, 7)
    sound[0, 2], ground[0, 1, 3] = 1.0, 1.0
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-2)
    run = []
    for _ in range(25):
        loss = losses(made(scene), [one, none], torch.tensor([1, 4]), sound, ground).total()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.append(loss.item())
    assert all(part.grad is not None and bool(part.grad.isfinite().all()) for part in made.parameters())
    assert run[-1] < 0.5 * run[0]
