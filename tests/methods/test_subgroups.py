"""Searching subgroups: which are searched, in what order, and on which rows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from auditkit.methods.subgroups import (
    Column,
    Halves,
    Number,
    best,
    search,
    space,
    worst_calibrated,
)

N = 4_000


def columns(n: int = N, seed: int = 0) -> list[Column]:
    rng = np.random.default_rng(seed)
    return [
        Column(name, tuple(f"{name}{i}" for i in range(k)), rng.integers(-1, k, n))
        for name, k in (("a", 2), ("b", 3), ("c", 4))
    ]


def halves(n: int = N, min_group: int = 30, *, weighted: bool = False) -> Halves:
    rng = np.random.default_rng(1)
    weights = rng.lognormal(size=n) if weighted else None
    return Halves(rng.random(n) < 0.5, min_group, weights)


def everyone(values: np.ndarray, worse: int = 0) -> Number:
    return Number(values.astype(float), np.ones(values.size, dtype=bool), worse)


def test_every_intersection_with_enough_rows_in_both_halves_is_searched_once() -> None:
    given, split = columns(), halves(min_group=60)
    found = space(given, split, 3, 10_000)
    titles = {one.subgroup(k).title for one in found.crossed for k in range(one.count)}
    expected = set()
    for size in (1, 2, 3):
        for chosen in combinations(given, size):
            for place in np.ndindex(*(len(column.groups) for column in chosen)):
                inside = np.all([c.codes == k for c, k in zip(chosen, place, strict=True)], axis=0)
                if min((inside & split.searched).sum(), (inside & ~split.searched).sum()) >= 60:
                    names = zip(chosen, place, strict=True)
                    expected.add(", ".join(f"{c.name} = {c.groups[k]}" for c, k in names))
    assert titles == expected
    assert len(titles) == found.count


def test_rows_of_a_subgroup_are_those_of_all_its_groups_and_never_the_unknown() -> None:
    given = columns()
    found = space(given, halves(), 2, 10_000)
    one = found.crossed[-1].subgroup(1)
    by_name = {column.name: column for column in given}
    inside = [
        by_name[name].codes == by_name[name].groups.index(group)
        for name, group in zip(one.columns, one.groups, strict=True)
    ]
    assert np.array_equal(one.rows, np.all(inside, axis=0))


def test_columns_made_of_the_values_of_one_column_are_not_crossed() -> None:
    codes = np.random.default_rng(0).integers(0, 2, N)
    given = [
        Column("job: x", ("no", "yes"), codes, "job"),
        Column("job: y", ("no", "yes"), codes, "job"),
        *(Column(name, ("no", "yes"), codes) for name in ("job", "sex")),
    ]
    pairs = {
        tuple(column.name for column in one.columns)
        for one in space(given, halves(), 2, 99).crossed
        if len(one.columns) == 2
    }
    assert pairs == {("job: x", "sex"), ("job: y", "sex"), ("job", "sex")}


def test_what_would_bring_too_many_subgroups_is_left_out_and_counted() -> None:
    found = space(columns(), halves(), 3, 12)
    assert found.count == 9
    assert found.left_out == 4
    assert [len(one.columns) for one in found.crossed] == [1, 1, 1]


@pytest.mark.parametrize("weighted", [False, True])
def test_differences_are_of_the_means_inside_and_outside_on_the_rows_to_search(
    weighted: bool,  # noqa: FBT001 - of the parametrisation
) -> None:
    given, split = columns(), halves(weighted=weighted)
    values = np.random.default_rng(2).random(N)
    held, number = space(given, split, 2, 999), everyone(values)
    found = search(held, number, split)
    assert len(found.place) == held.count
    for (i, code), difference in zip(found.place, found.difference, strict=True):
        rows = held.crossed[i].subgroup(code).rows
        ins, out = rows & split.searched, ~rows & split.searched
        w = np.ones(N) if split.weights is None else split.weights
        expected = np.average(values[ins], weights=w[ins])
        expected -= np.average(values[out], weights=w[out])
        assert difference == pytest.approx(expected, abs=1e-12)


def test_the_standard_error_is_that_of_a_pooled_z_test() -> None:
    given, split = columns(), halves()
    won = np.random.default_rng(2).integers(0, 2, N)
    held = space(given, split, 1, 999)
    found = search(held, everyone(won), split)
    rows = held.crossed[0].subgroup(0).rows
    n = (rows & split.searched).sum(), (~rows & split.searched).sum()
    p = won[split.searched].mean()
    expected = np.sqrt(p * (1 - p) * (1 / n[0] + 1 / n[1]))
    assert found.error[0] == pytest.approx(expected, rel=1e-12)


def test_a_planted_subgroup_comes_first_before_larger_ones_that_differ_less() -> None:
    given, split = columns(), halves(min_group=10)
    inside = (given[0].codes == 1) & (given[1].codes == 2) & (given[2].codes == 0)
    chance = np.where(inside, 0.1, 0.5)
    won = np.random.default_rng(3).random(N) < chance
    (first,) = best(space(given, split, 3, 999), everyone(won), split, 1)
    assert first.title == "a = a1, b = b2, c = c0"


def test_values_in_the_half_to_test_do_not_move_the_search() -> None:
    given, split = columns(), halves()
    won = np.random.default_rng(3).integers(0, 2, N)
    changed = np.where(split.searched, won, 1 - won)
    held = space(given, split, 2, 999)
    one, other = (search(held, everyone(values), split) for values in (won, changed))
    assert np.array_equal(one.difference, other.difference)


def test_a_better_subgroup_is_not_named_where_one_side_is_worse() -> None:
    given, split = columns(), halves()
    won = np.random.default_rng(4).random(N) < np.where(given[1].codes == 0, 0.9, 0.5)
    held = space(given, split, 1, 999)
    (either,) = best(held, everyone(won), split, 1)
    assert either.title == "b = b0"
    assert "b = b0" not in {one.title for one in best(held, everyone(won, -1), split, 99)}


def test_a_subgroup_and_everyone_else_are_named_once() -> None:
    codes = np.random.default_rng(0).integers(0, 2, N)
    given = [Column("sex", ("F", "M"), codes), Column("same", ("x", "y"), 1 - codes)]
    found = best(space(given, halves(), 2, 99), everyone(codes), halves(), 5)
    assert [one.title for one in found] == ["sex = F"]


def test_only_rows_that_count_decide_how_large_a_subgroup_is() -> None:
    given, split = columns(), halves()
    among = given[0].codes != 1
    number = Number(np.random.default_rng(0).random(N), among)
    held = space(given, split, 1, 99)
    found = search(held, number, split)
    names = {held.crossed[i].subgroup(code).title for i, code in found.place}
    assert "a = a1" not in names
    assert "a = a0" in names


def test_nothing_is_found_where_all_rows_are_alike_or_none_count() -> None:
    given, split = columns(), halves()
    held = space(given, split, 2, 99)
    assert best(held, everyone(np.ones(N)), split, 3) == []
    assert best(held, Number(np.linspace(0, 1, N), np.zeros(N, dtype=bool)), split, 3) == []


def test_the_worst_calibrated_cell_is_the_one_whose_residuals_add_up_to_most() -> None:
    given, split = columns(), halves()
    bins = Column("score", ("low", "high"), np.random.default_rng(5).integers(0, 2, N))
    inside = (given[1].codes == 1) & (bins.codes == 1)
    residual = np.random.default_rng(6).normal(size=N) * 0.1 - 0.5 * inside
    first = worst_calibrated(space(given, split, 2, 999), bins, residual, split, 1)[0]
    assert first.title == "b = b1, score = high"
