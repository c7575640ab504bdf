"""DaViT: equal to transformers' Florence-2 tower and, in timm's layout, to the paper's formula written out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.vision.davit import BASE, FLORENCE_BASE, FLORENCE_LARGE, SMALL, TINY, Davit, DavitShape
from perception.vision.weights import load_davit
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)
from tests.davits import SHAPE, florence, save

PLAIN = replace(SHAPE, scale="channels", shrink_kernel=2)
ODD = DavitShape(
    widths=(6, 10), depths=(2, 1), heads=(3, 5), groups=(2, 1), window=4, shrink_kernel=3, mlp_ratio=2.0, qkv_bias=False
)


@pytest.mark.parametrize("shape", [SHAPE, ODD])
@pytest.mark.parametrize("sizes", [(32, 48), (37, 21), (16, 16), (5, 70)])
@torch.no_grad()
def test_equals_the_tower_of_florence_2(tmp_path: Path, shape: DavitShape, sizes: tuple[int, int]) -> None:
    theirs = florence(shape)
    ours = load_davit(save(tmp_path, theirs.state_dict()), shape)
    x = seeded(2, 3, *sizes)
    assert_close(ours(x), theirs(x).last_hidden_state)


@pytest.mark.parametrize("sizes", [(32, 48), (37, 21), (9, 50)])
@torch.no_grad()
def test_in_timms_layout_equals_the_formula(tmp_path: Path, sizes: tuple[int, int]) -> None:
    weights = timm_weights(PLAIN)
    ours = load_davit(save(tmp_path, weights), PLAIN).double()  # so that only the formula can differ
    x = seeded(2, 3, *sizes).double()
    assert_close(ours(x), formula({name: one.double() for name, one in weights.items()}, PLAIN, x))


def test_published_shapes_have_the_published_sizes() -> None:
    """As in table 1 of the paper, less the classifier; and of Florence-2, section 4.2: 90 M and 360 M."""
    counts = []
    for shape in (TINY, SMALL, BASE, FLORENCE_BASE, FLORENCE_LARGE):
        with torch.device("meta"):
            counts.append(sum(one.numel() for one in Davit(shape).parameters()) / 1e6)
    classifier = [(width + 1) * 1000 / 1e6 for width in (768, 768, 1024)]
    assert [round(count + extra, 1) for count, extra in zip(counts, classifier, strict=False)] == [28.4, 49.7, 88.0]
    assert counts[3:] == pytest.approx([90, 360], rel=0.02)


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(Davit(PLAIN))
    assert_rows_are_independent(module, seeded(3, 3, 19, 24))
    assert_gradients_are_finite(module, module, seeded(2, 3, 19, 24))


def test_paths_drop_more_often_towards_the_end() -> None:
    blocks = [block for stage in Davit(SHAPE, drop_path=0.35).blocks for block in stage]  # type: ignore[attr-defined]
    shares = [half.drop_path.share for block in blocks for half in (block.spatial_block, block.channel_block)]
    assert shares == pytest.approx([0.05 * place for place in range(8)])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"heads": (2, 3)}, "one number per stage"),
        ({"groups": (1, 2, 5)}, "do not divide"),
        ({"depths": (1, 0, 1)}, "at least 1"),
    ],
)
def test_a_shape_that_does_not_fit_itself_is_refused(change: dict[str, tuple[int, ...]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(SHAPE, **change)  # type: ignore[arg-type]


def timm_weights(shape: DavitShape) -> dict[str, Tensor]:
    """Return seeded weights under the names of timm's code, written out name by name; the classifier is there too."""
    sizes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, *size: int) -> None:
        sizes[f"{name}.weight"], sizes[f"{name}.bias"] = size, size[:1]

    before = 3
    for stage, width in enumerate(shape.widths):
        start = f"stages.{stage}.downsample" if stage else "stem"
        layer(f"{start}.conv", width, before, *([2, 2] if stage else [7, 7]))
        layer(f"{start}.norm", before if stage else width)
        for block in range(shape.depths[stage]):
            for half in (0, 1):
                name = f"stages.{stage}.blocks.{block}.{half}"
                for one in (1, 2):
                    layer(f"{name}.cpe{one}.proj", width, 1, 3, 3)
                    layer(f"{name}.norm{one}", width)
                layer(f"{name}.attn.qkv", 3 * width, width)
                layer(f"{name}.attn.proj", width, width)
                layer(f"{name}.mlp.fc1", 4 * width, width)
                layer(f"{name}.mlp.fc2", width, 4 * width)
        before = width
    layer("head.norm", before)
    layer("head.fc", 7, before)
    return {
        name: seeded(*size, seed=number) * (torch.Size(size).numel() / size[0]) ** -0.5 + ("norm" in name)
        for number, (name, size) in enumerate(sizes.items())
    }


def formula(weights: dict[str, Tensor], shape: DavitShape, x: Tensor) -> Tensor:
    """x (B, 3, H, W) -> the last map, in the words of the paper: windows one by one, groups one by one."""

    def of(name: str) -> tuple[Tensor, Tensor]:
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    def normed(x: Tensor, name: str) -> Tensor:
        mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
        scale, shift = of(name)
        return (x - mean) / (variance + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]

    def dense(x: Tensor, name: str) -> Tensor:
        weight, bias = of(name)
        return torch.einsum("bchw,oc->bohw", x, weight) + bias[:, None, None]

    def half(x: Tensor, name: str, stage: int, kind: int) -> Tensor:
        x = x + F.conv2d(x, *of(f"{name}.cpe1.proj"), padding=1, groups=x.shape[1])
        attend = by_window if kind == 0 else by_channel
        parts = (shape.heads, shape.groups)[kind][stage]
        x = x + attend(normed(x, f"{name}.norm1"), f"{name}.attn", parts)
        x = x + F.conv2d(x, *of(f"{name}.cpe2.proj"), padding=1, groups=x.shape[1])
        inner = F.gelu(dense(normed(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        return x + dense(inner, f"{name}.mlp.fc2")

    def by_window(x: Tensor, name: str, heads: int) -> Tensor:
        side, (height, width) = shape.window, x.shape[2:]
        x = F.pad(x, (0, -width % side, 0, -height % side))
        out = torch.zeros_like(x)
        for top in range(0, x.shape[2], side):
            for left in range(0, x.shape[3], side):
                place = (..., slice(top, top + side), slice(left, left + side))
                q, k, v = dense(x[place], f"{name}.qkv").flatten(2).unflatten(1, (3, heads, -1)).unbind(1)
                scores = torch.einsum("bhdi,bhdj->bhij", q, k) * q.shape[2] ** -0.5
                mixed = torch.einsum("bhij,bhdj->bhdi", scores.softmax(-1), v)
                out[place] = mixed.flatten(1, 2).unflatten(2, (side, side))
        return dense(out, f"{name}.proj")[..., :height, :width]

    def by_channel(x: Tensor, name: str, groups: int) -> Tensor:
        q, k, v = dense(x, f"{name}.qkv").flatten(2).unflatten(1, (3, groups, -1)).unbind(1)
        shares = (torch.einsum("bgin,bgjn->bgij", k, v) * q.shape[2] ** -0.5).softmax(-1)
        return dense(torch.einsum("bgij,bgjn->bgin", shares, q).reshape(x.shape), f"{name}.proj")

    x = normed(F.conv2d(x, *of("stem.conv"), stride=4, padding=3), "stem.norm")
    for stage, depth in enumerate(shape.depths):
        if stage:
            x = normed(x, f"stages.{stage}.downsample.norm")
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
            x = F.conv2d(x, *of(f"stages.{stage}.downsample.conv"), stride=2)
        for block in range(depth):
            for kind in (0, 1):
                x = half(x, f"stages.{stage}.blocks.{block}.{kind}", stage, kind)
    return x
