"""Association of columns against scipy, the choice of controls, and bands of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.bands import quantile_edges
from auditkit.methods.controls import association, choose_controls


def test_association_is_scipys_cramers_v_in_large_tables() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(-1, 3, 200_000)
    second = np.where(rng.random(200_000) < 0.3, first + 1, rng.integers(0, 4, 200_000))
    table = np.array([[((first == i) & (second == j)).sum() for j in range(4)]
                      for i in range(-1, 3)])  # fmt: skip
    expected = stats.contingency.association(table, method="cramer")
    assert association(first, second) == pytest.approx(expected, abs=1e-4)


def test_columns_of_chance_have_no_association_on_average_however_many_values() -> None:
    rng = np.random.default_rng(1)
    many, decision = rng.integers(0, 40, 1_000), rng.integers(0, 2, 1_000)
    assert association(many, decision) < 0.12  # uncorrected, about 0.2
    assert association(np.zeros(5, dtype=np.int64), np.arange(5)) == 0.0
    assert association(np.arange(0), np.arange(0)) == 0.0


def test_counts_have_the_association_of_the_rows_that_were_counted() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.integers(-1, 2, 300), rng.integers(0, 2, 300)
    cells, n = np.unique(np.stack([first, second]), axis=1, return_counts=True)
    counted = association(cells[0], cells[1], n)
    assert counted == pytest.approx(association(first, second))


def test_a_column_close_to_a_sensitive_one_or_to_a_chosen_one_is_passed_over() -> None:
    rng = np.random.default_rng(2)
    sex, job, school = (rng.integers(0, 2, 2_000) for _ in range(3))
    decision = (sex + job + school + rng.integers(0, 2, 2_000) > 2).astype(int)
    held = {"wife": 1 - sex, "school": school, "job": job, "job code": job + 5}
    chosen = choose_controls(held, decision, [sex], 3)
    assert sorted(chosen) == ["job", "school"]
    assert choose_controls(held, decision, [], 1) != []
    assert choose_controls(held, np.zeros(2_000, dtype=np.int64), [sex], 3) == []


def test_the_choice_does_not_depend_on_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(3)
    held = {name: rng.integers(0, 4, 500) for name in "abcd"}
    decision = (held["a"] + held["b"] > 3).astype(int)
    order = rng.permutation(500)
    turned = {name: codes[order] for name, codes in held.items()}
    assert choose_controls(held, decision, [], 3) == choose_controls(turned, decision[order], [], 3)


@pytest.mark.parametrize(
    ("numbers", "edges"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], [3.0, 5.0, 7.0]),
        ([0, 0, 0, 0, 0, 0, 0, 9], [9.0]),
        ([0, 0, 0, 0, 0, 5, 9], [5.0]),
        ([2, 2, 2], []),
        ([np.nan, np.inf], []),
        ([np.nan, 1, np.inf, 2], [2.0]),
    ],
)
def test_bands_hold_their_lower_edge_and_none_is_empty(
    numbers: list[float], edges: list[float]
) -> None:
    assert quantile_edges(numbers, 4) == edges
