"""Consistency of neighbours: by hand, against the definition, and its intervals in simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial import cKDTree

from auditkit.methods.consistency import (
    WITHHELD,
    Likeness,
    by_group,
    distance_from_neighbors,
    measure_groups,
    same_decision,
)
from auditkit.methods.estimates import FloatArray, IntArray


def nearest(points: FloatArray, count: int) -> IntArray:
    """Places of the nearest other rows."""
    return np.asarray(cKDTree(points).query(points, k=count + 1)[1][:, 1:], dtype=np.int64)


def rows(n: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    return points, (points[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(np.int64)


def test_it_is_the_formula_of_zemel() -> None:
    points, decisions = rows(200)
    near = nearest(points, 6)
    expected = 1 - np.abs(decisions - decisions[near[:, :5]].mean(axis=1)).mean()
    assert same_decision(decisions, near).values.mean() == pytest.approx(expected)


def test_it_is_that_of_aif360_without_the_row_among_its_own_neighbours() -> None:
    from sklearn.neighbors import NearestNeighbors

    points, decisions = rows(200)
    _, with_itself = (
        NearestNeighbors(n_neighbors=6, algorithm="ball_tree").fit(points).kneighbors(points)
    )
    theirs = 1 - np.abs(decisions - decisions[with_itself].mean(axis=1)).mean()
    ours = same_decision(decisions, nearest(points, 6)).values.mean()
    assert 1 - theirs == pytest.approx(5 / 6 * (1 - ours))


@pytest.mark.parametrize("compare", [same_decision, distance_from_neighbors])
@pytest.mark.parametrize("group", [0, 1])
def test_leaving_a_row_out_is_computing_everything_again_without_it(
    compare: Callable[[npt.ArrayLike, IntArray], Likeness], group: int
) -> None:
    points, decisions = rows(40)
    groups = np.arange(40) % 3 % 2
    found = by_group(compare(decisions, nearest(points, 4)), groups, 2)
    for gone in range(40):
        kept = np.arange(40) != gone
        again = compare(decisions[kept], nearest(points[kept], 4)).values
        expected = again[groups[kept] == group].mean()
        assert found.left_out[gone, group] == pytest.approx(expected)


def test_a_row_of_no_group_counts_as_a_neighbour_only() -> None:
    near = np.array([[1, 2], [0, 2], [1, 0]])
    found = by_group(same_decision([1, 0, 0], near), [0, -1, 0], 1)
    assert found.n.tolist() == [2]
    assert found.mean.tolist() == [0.5]  # the first differs from its neighbour, the last does not


def test_where_all_agree_the_interval_is_that_of_fewer_rows() -> None:
    points, _ = rows(120)
    found = by_group(same_decision(np.zeros(120), nearest(points, 6)), np.zeros(120), 1)
    estimate = found.estimate(0)
    assert estimate.interval is not None
    assert estimate.value == estimate.interval.high == 1
    assert estimate.interval.low == pytest.approx(20 / (20 + 1.959964**2))  # Wilson, 20 of 20


def test_distances_without_spread_have_no_interval() -> None:
    points, _ = rows(50)
    found = by_group(distance_from_neighbors(np.ones(50), nearest(points, 6)), np.arange(50) % 2, 2)
    assert (found.estimate(0).value, found.estimate(0).interval) == (0, None)
    assert (found.difference().value, found.difference().interval) == (0, None)


def test_the_gap_is_the_largest_minus_the_smallest_and_holds_zero_where_there_is_none() -> None:
    points, decisions = rows(300)
    held = by_group(same_decision(decisions, nearest(points, 6)), np.arange(300) % 3, 3)
    gap = held.difference()
    assert gap.value == pytest.approx(np.ptp(held.mean))
    assert gap.interval is not None
    assert gap.interval.low == 0
    assert "Bonferroni over 3 pairs" in gap.interval.method
    assert held.take(np.array([1])).difference().value is None


def test_a_gap_that_was_planted_is_told() -> None:
    points, decisions = rows(400)
    groups = (points[:, 1] > 0).astype(np.int64)
    decisions = np.where(
        groups == 1, np.random.default_rng(1).integers(0, 2, 400), points[:, 0] > 0
    )
    gap = by_group(same_decision(decisions, nearest(points, 6)), groups, 2).difference()
    assert gap.interval is not None
    assert gap.interval.low > 0.1


def test_groups_are_all_counted_and_a_single_row_is_not_given_away() -> None:
    points, decisions = rows(80)
    codes = np.array([0] * 40 + [1] * 37 + [2] + [-1] * 2)
    labels = ("a", "b", "alone", "nobody", "unknown")
    likeness = same_decision(decisions, nearest(points, 6))
    found = list(measure_groups(likeness, ("g", labels, codes), 30, 0.95, "rows"))
    by = {m.slice["g"]: m for m in found}
    assert {group: m.n for group, m in by.items()} == {
        "a": 40, "b": 37, "alone": 1, "nobody": 0, "unknown": 2, "*": 77,
    }  # fmt: skip
    assert (by["alone"].value, by["alone"].reason) == (None, WITHHELD)
    assert by["nobody"].reason == "no rows"


@pytest.mark.parametrize("kind", ["random", "smooth"])
def test_the_interval_covers_where_that_of_independent_rows_does_not(kind: str) -> None:
    from auditkit.methods.intervals import bounded_mean

    rng = np.random.default_rng(0)
    values, ours, plain, gaps = [], [], [], 0
    for _ in range(300):
        points = rng.normal(size=(150, 2))
        smooth = points.sum(axis=1) > 0
        likeness = same_decision(
            smooth if kind == "smooth" else rng.random(150) < 0.1, nearest(points, 6)
        )
        held = by_group(likeness, np.zeros(150), 1).estimate(0)
        naive = bounded_mean(likeness.values)
        gap = by_group(likeness, rng.integers(0, 2, 150), 2).difference()
        assert held.value is not None
        assert held.interval is not None
        assert naive.interval is not None
        assert gap.interval is not None
        values.append(held.value)
        ours.append((held.interval.low, held.interval.high))
        plain.append((naive.interval.low, naive.interval.high))
        gaps += gap.interval.low == 0
    low, high = np.transpose(ours)
    truth = float(np.mean(values))
    covered = float(((low <= truth) & (truth <= high)).mean())
    low, high = np.transpose(plain)
    assert covered >= 0.93
    assert float(((low <= truth) & (truth <= high)).mean()) < covered - 0.04
    assert gaps >= 0.93 * 300
