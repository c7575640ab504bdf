"""Clusters: DBSCAN against a slow one, and what a cluster measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.tracking.clusters import POINTS_MAX, Cluster, dbscan, find_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slow(features: NDArray[np.float64], fewest: int) -> tuple[list[set[int]], set[int]]:
    """Return the sets of connected core points, and what is near none of them (Ester et al. 1996)."""
    every = range(len(features))
    near = [{b for b in every if ((features[a] - features[b]) ** 2).sum() <= 1} for a in every]
    cores = {a for a in every if len(near[a]) >= fewest}
    groups, waiting = [], set(cores)
    while waiting:
        frontier, group = [min(waiting)], set()
        while frontier:
            at = frontier.pop()
            if at in waiting:
                waiting.discard(at)
                group.add(at)
                frontier += near[at] & cores
        groups.append(group)
    return groups, {a for a in every if not near[a] & cores}


@given(st.integers(0, 40), st.integers(1, 4), st.integers(0, 10_000))
def test_clusters_are_those_of_a_slow_dbscan(count: int, fewest: int, seed: int) -> None:
    features = np.random.default_rng(seed).uniform(0, 5, (count, 3))
    labels = dbscan(features, fewest)
    groups, noise = slow(features, fewest)
    assert {at for at in range(count) if labels[at] < 0} == noise
    assert labels.max(initial=-1) + 1 == len(groups)
    for group in groups:
        (label,) = {int(labels[at]) for at in group}
        assert not any(labels[at] == label for other in groups if other is not group for at in other)


def test_a_long_chain_is_one_cluster() -> None:
    features = np.zeros((500, 3))
    features[:, 0] = np.random.default_rng(0).permutation(500) * 0.9
    assert set(dbscan(features, 2).tolist()) == {0}


def clusters_of(
    places: NDArray[np.float64],
    speeds: NDArray[np.float64],
    ages: NDArray[np.int64],
    strengths: NDArray[np.float64] | None = None,
) -> list[Cluster]:
    toward = places / np.hypot(*places.T)[:, None]
    return find_clusters(places, toward, speeds, ages, np.zeros(len(places)) if strengths is None else strengths)


def test_a_cluster_measures_the_middle_and_the_usual_speed() -> None:
    places = np.array([[10.0, 0.0], [10.4, 0.2], [10.2, -0.2], [30.0, 5.0], [30.2, 5.0]])
    speeds = np.array([-1.0, -1.2, -2.4, 3.0, 3.2])
    near, far = clusters_of(places, speeds, np.array([0, 1, 0, 2, 1]))
    assert near.place_m == pytest.approx([10.2, 0.0])
    assert near.speed_mps == pytest.approx(-1.2)
    assert (near.count, near.fresh) == (3, 2)
    assert near.toward == pytest.approx([1, 0], abs=0.01)
    assert far.speed_mps == pytest.approx(3.1)
    assert (far.count, far.fresh) == (2, 0)


def test_what_is_in_one_sweep_only_is_no_cluster() -> None:
    places = np.array([[10.0, 0.0], [10.1, 0.0], [10.2, 0.0]])
    assert clusters_of(places, np.ones(3), np.zeros(3, np.int64)) == []


def test_side_by_side_but_in_other_directions_are_two_things() -> None:
    places = np.array([[10.0, 0.0], [10.0, 0.5], [10.1, 0.1], [10.1, 0.6]])
    found = clusters_of(places, np.array([-3.0, 3.0, -3.0, 3.0]), np.array([0, 0, 1, 1]))
    assert sorted(one.speed_mps for one in found) == [-3.0, 3.0]


def test_of_too_many_points_the_strongest_are_clustered() -> None:
    count = POINTS_MAX + 500
    places = np.column_stack([np.linspace(1, 2, count), np.zeros(count)])
    strengths = np.zeros(count)
    strengths[:POINTS_MAX] = 1
    (one,) = clusters_of(places, np.ones(count), np.arange(count) % 2, strengths)
    assert one.count == POINTS_MAX


def test_no_points_give_no_clusters() -> None:
    assert clusters_of(np.zeros((0, 2)), np.zeros(0), np.zeros(0, np.int64)) == []
