"""Regions of patches against an obvious reference."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from perception.regions import box_of, find_regions, hull, overlaps
from runtime.messages import Box

grids = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9))
sides = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))


def reference(moved: NDArray[np.bool_]) -> set[frozenset[tuple[int, int]]]:
    """Join cells by letting the smallest label spread to all eight neighbours until nothing changes."""
    rows, cols = moved.shape
    labels = {(row, col): row * cols + col for row in range(rows) for col in range(cols) if moved[row, col]}
    changed = True
    while changed:
        changed = False
        for row, col in labels:
            for other_row, other_col in labels:
                near = abs(row - other_row) <= 1 and abs(col - other_col) <= 1
                if near and labels[other_row, other_col] < labels[row, col]:
                    labels[row, col] = labels[other_row, other_col]
                    changed = True
    return {frozenset(cell for cell in labels if labels[cell] == label) for label in set(labels.values())}


@given(grids)
def test_regions_are_the_connected_ones(moved: NDArray[np.bool_]) -> None:
    regions = find_regions(moved)
    assert {frozenset(region) for region in regions} == reference(moved)
    assert sum(map(len, regions)) == moved.sum()


@given(grids)
def test_regions_come_largest_first_in_a_fixed_order(moved: NDArray[np.bool_]) -> None:
    regions = find_regions(moved)
    order = [(-len(region), min(region)) for region in regions]
    assert order == sorted(order)


def test_a_box_is_in_fractions_and_ends_at_the_edge() -> None:
    assert box_of([(0, 0), (1, 2)], patch_px=8, width_px=32, height_px=16) == (0.0, 0.0, 0.75, 1.0)
    assert box_of([(13, 23)], patch_px=8, width_px=192, height_px=108)[3] == 1.0


def box(values: Sequence[int]) -> Box:
    return (
        float(min(values[0], values[2])),
        float(min(values[1], values[3])),
        float(max(values[0], values[2])),
        float(max(values[1], values[3])),
    )


@given(sides, sides)
def test_a_hull_holds_both_and_overlap_is_mutual(first: Sequence[int], second: Sequence[int]) -> None:
    one, two = box(first), box(second)
    around = hull(one, two)
    for inner in (one, two):
        assert hull(around, inner) == around
        assert overlaps(around, inner)
    assert overlaps(one, two) == overlaps(two, one)
