"""The search for the smallest change: closed forms, brute force, and what must always hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.methods.counterfactual import Ask, Changes, Effort, search
from auditkit.methods.counterfactual_columns import BoolArray, Column, Data, distances
from auditkit.methods.counterfactual_goal import Goal
from auditkit.methods.estimates import FloatArray, IntArray


def linear(weights: list[float], cut: float) -> Ask:
    """Wanted from a weighted sum of `cut` on."""

    def ask(rows: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        del owner
        merit = rows @ np.array(weights) - cut
        return merit, merit >= 0

    return ask


def grid(n: int = 40, d: int = 3, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n, d))


def numbers(rows: FloatArray, per_unit: list[float]) -> list[Column]:
    shares = np.linspace(0.0, 1.0, 9)
    return [
        Column(np.unique(np.quantile(rows[:, j], shares)) * 3, unit)
        for j, unit in enumerate(per_unit)
    ]


def test_one_linear_change_is_as_small_as_the_formula_says() -> None:
    rows, weights, per_unit = grid(), [1.0, -2.0, 0.5], [1.0, 3.0, 0.1]
    found = search(rows, numbers(rows, per_unit), linear(weights, 1.0), Effort(most=1, kept=3))
    gap = 1.0 - rows @ np.array(weights)
    way = gap[:, None] / np.array(weights)
    reach = [abs(3 * rows[:, j]).max() for j in range(3)]
    ends = np.array([[3 * rows[:, j].min(), 3 * rows[:, j].max()] for j in range(3)])
    inside = (rows + way >= ends[:, 0]) & (rows + way <= ends[:, 1])
    cost = np.where(inside, np.abs(way) * per_unit, np.inf).min(axis=1)
    short = gap > 0
    assert short.sum() > 20
    assert found.found[short & np.isfinite(cost)].all()
    both = short & np.isfinite(cost)
    assert found.distance[both] == pytest.approx(cost[both], abs=max(reach) / 100)
    assert (found.distance[both] >= cost[both] - 1e-9).all()


def test_a_whole_number_is_moved_to_the_first_whole_number_that_is_enough() -> None:
    columns = [Column(np.array([80.0]), 0.1, whole=True)]
    found = search(np.array([[20.0], [40.0]]), columns, linear([1.0], 47.3))
    assert found.after.tolist() == [[48.0], [48.0]]
    assert found.distance.tolist() == pytest.approx([2.8, 0.8])


def test_a_number_of_few_values_takes_none_that_was_not_seen() -> None:
    levels = np.array([9.0, 10.0, 13.0, 16.0])
    columns = [Column(np.array([16.0]), 1.0, whole=True, levels=levels)]
    assert search(np.array([[9.0]]), columns, linear([1.0], 10.5)).after.tolist() == [[13.0]]


def test_what_is_missing_stays_missing() -> None:
    rows = np.array([[np.nan, 0.0]])
    columns = [Column(np.array([9.0]), 1.0), Column(np.array([1.0]))]

    def ask(changed: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        del owner
        return changed[:, 1], changed[:, 1] >= 1

    found = search(rows, columns, ask)
    assert np.isnan(found.after[0, 0])
    assert found.after[0, 1] == 1
    assert found.count.tolist() == [1]


def test_fewer_columns_are_preferred_to_a_shorter_way() -> None:
    rows = np.zeros((1, 3))
    columns = [Column(np.array([1.0]), 0.1), Column(np.array([1.0]), 0.1), Column(np.array([2.0]))]
    found = search(rows, columns, linear([1.0, 1.0, 1.0], 2.0))
    assert found.after.tolist() == [[0.0, 0.0, 2.0]]


def test_a_change_near_the_data_is_preferred_to_fewer_columns() -> None:
    rows = np.zeros((1, 2))
    columns = [Column(np.array([1.0, 2.0]), 1.0), Column(np.array([1.0]), 1.0)]
    known = np.array([[0.0, 0.0], [1.0, 1.0]])
    ask = linear([1.0, 1.0], 2.0)
    near = search(rows, columns, ask, data=Data(known, columns, reach=0.5))
    assert near.after.tolist() == [[1.0, 1.0]]
    assert near.near.tolist() == [True]
    alone = search(rows, columns, ask, data=Data(known[:1], columns, reach=0.5))
    assert alone.after.tolist() == [[2.0, 0.0]]
    assert alone.found.tolist() == [True]
    assert alone.near.tolist() == [False]


def test_nobody_is_found_where_nothing_may_change() -> None:
    found = search(np.zeros((3, 1)), [Column(np.empty(0))], linear([1.0], 1.0))
    assert not found.found.any()
    assert (found.after == found.before).all()


def test_rows_are_searched_alike_in_any_order() -> None:
    rows = grid(60)
    columns, ask = numbers(rows, [1.0, 1.0, 1.0]), linear([1.0, -2.0, 0.5], 18.0)
    order = np.random.default_rng(1).permutation(60)
    straight, shuffled = search(rows, columns, ask), search(rows[order], columns, ask)
    assert straight.count.max() > 1
    assert straight.after[order] == pytest.approx(shuffled.after)


def table_of(values: list[int]) -> Ask:
    """Three categories of three values each, every combination wanted or not."""

    def ask(rows: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        del owner
        place = (rows @ np.array([9, 3, 1])).astype(int)
        merit = np.array(values)[place].astype(np.float64)
        return merit, merit > 0

    return ask


CATEGORIES = [Column(np.arange(3.0))] * 3
ROWS = np.array(list(product(range(3), repeat=3)), dtype=np.float64)


def fewest(values: list[int], row: FloatArray, most: int) -> int:
    """Least number of changes of a row by trying all combinations; 0 where there are none."""
    wanted = ROWS[np.array(values) > 0]
    counts = (wanted != row).sum(axis=1)
    counts = counts[(counts > 0) & (counts <= most)]
    return int(counts.min()) if counts.size else 0


@given(st.lists(st.integers(-3, 1), min_size=27, max_size=27), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_wide_search_is_as_good_as_brute_force(values: list[int], most: int) -> None:
    start = ROWS[np.array(values) <= 0]
    found = search(start, CATEGORIES, table_of(values), Effort(most, beam=1000, kept=8))
    assert found.count.tolist() == [fewest(values, row, most) for row in start]


def test_the_usual_search_seldom_misses_what_brute_force_finds() -> None:
    rng, missed, total = np.random.default_rng(0), 0, 0
    for _ in range(40):
        values = rng.choice([-3, -2, -1, 1], 27, p=[0.4, 0.3, 0.2, 0.1]).tolist()
        start = ROWS[np.array(values) <= 0]
        found = search(start, CATEGORIES, table_of(values)).found
        best = np.array([fewest(values, row, 3) > 0 for row in start])
        assert not (found & ~best).any()
        missed, total = missed + int((best & ~found).sum()), total + int(best.sum())
    assert missed <= 0.02 * total


@st.composite
def problems(draw: st.DrawFn) -> tuple[FloatArray, list[Column], list[float], float]:
    """Rows, columns with any rules, and a linear rule."""
    d = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows = np.round(rng.normal(size=(12, d)) * 5)
    columns = []
    for j in range(d):
        kind = draw(st.sampled_from(["fixed", "category", "number", "whole", "levels"]))
        values = np.unique(rows[:, j])
        low = draw(st.sampled_from([-np.inf, -3.0]))
        high = draw(st.sampled_from([np.inf, 4.0]))
        direction = draw(st.sampled_from([-1, 0, 1]))
        inside = values[(values >= low) & (values <= high)]
        if kind == "fixed":
            columns.append(Column(np.empty(0), 1.0))
        elif kind == "category":
            columns.append(Column(values))
        else:
            levels = inside if kind == "levels" else None
            columns.append(
                Column(inside, 0.5, direction, low, high, whole=kind == "whole", levels=levels)
            )
    weights = rng.normal(size=d).round(2).tolist()
    return rows, columns, weights, float(draw(st.integers(-5, 10)))


@given(problems())
@settings(max_examples=150, deadline=None)
def test_every_rule_is_kept_and_no_change_can_be_dropped(
    problem: tuple[FloatArray, list[Column], list[float], float],
) -> None:
    rows, columns, weights, cut = problem
    ask = linear(weights, cut)
    start = rows[~ask(rows, np.arange(len(rows)))[1]]
    found = search(start, columns, ask)
    assert (ask(found.after, np.arange(len(start)))[1] == found.found).all()
    for j, column in enumerate(columns):
        moved = found.changed[:, j]
        before, after = start[moved, j], found.after[moved, j]
        assert not moved.any() or column.values.size
        assert ((column.low <= after) & (after <= column.high)).all()
        assert (column.direction * (after - before) >= 0).all()
        if column.per_unit is None or column.levels is not None:
            assert np.isin(after, column.values).all()
        if column.whole:
            assert (after == np.floor(after)).all()
    assert found.count.max(initial=0) <= 3
    for row, j in np.argwhere(found.changed & (found.count > 1)[:, None]):
        without = found.after[[row]].copy()
        without[0, j] = start[row, j]
        assert not ask(without, np.array([row]))[1][0]


def test_no_more_is_asked_than_was_planned() -> None:
    rows, asked = grid(30, 4), [0]
    columns, rule = numbers(rows, [1.0] * 4), linear([1.0, -2.0, 0.5, 1.0], 12.0)

    def ask(changed: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        asked[0] += len(changed)
        return rule(changed, owner)

    for effort in (Effort(), Effort(2, 3, 2), Effort(1, 1, 1)):
        asked[0] = 0
        search(rows, columns, ask, effort)
        moves = sum(column.values.size for column in columns)
        assert 0 < asked[0] <= len(rows) * effort.questions(moves)


def test_distance_counts_numbers_by_unit_and_categories_as_one() -> None:
    columns = [Column(np.empty(0), 0.5), Column(np.empty(0)), Column(np.empty(0), 2.0)]
    before, after = np.array([[2.0, 1.0, np.nan]]), np.array([[6.0, 2.0, 3.0]])
    assert distances(before, after, columns).tolist() == [[2.0, 1.0, 1.0]]
    assert distances(before, before, columns).tolist() == [[0.0, 0.0, 0.0]]


def test_the_nearest_row_is_found_over_numbers_and_categories() -> None:
    columns = [Column(np.empty(0), 0.5), Column(np.empty(0))]
    known = np.array([[0.0, 0.0], [10.0, 1.0]])
    rows = np.array([[4.0, 0.0], [9.0, 0.0], [10.0, np.nan]])
    owner = np.arange(3)
    near = Data(known, columns).from_nearest(rows, owner)
    assert near.tolist() == pytest.approx([2.0, 1.5, 1.0])
    others = Data(known, columns, own=np.array([0, -1, -1])).from_nearest(rows, owner)
    assert others.tolist() == pytest.approx([4.0, 1.5, 1.0])


def test_a_class_is_reached_when_it_is_decided_for() -> None:
    answers = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
    other = Goal().read(answers, np.array([0, 0]))
    assert other[1].tolist() == [False, True]
    assert other[0].tolist() == pytest.approx([-0.2, 0.3])
    wanted = Goal(wanted=1).read(answers, np.array([0, 0]))
    assert wanted[1].tolist() == [False, True]
    assert wanted[0].tolist() == pytest.approx([-0.2, 0.2])


def test_changes_tell_what_was_changed() -> None:
    before, after = np.array([[1.0, np.nan]]), np.array([[2.0, np.nan]])
    held = Changes(before, after, np.array([True]), np.array([1.0]), np.array([True]))
    assert held.changed.tolist() == [[True, False]]
