"""Counts against plain loops, rates against scikit-learn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from auditkit.methods.cells import RATES, Cells, count_cells

ROW = st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.integers(0, 1), st.integers(0, 1))
SIZES = {"race": 3, "sex": 2}


def counted(rows: list[tuple[int, int, int, int]]) -> Cells:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return count_cells({"race": columns[0], "sex": columns[1]}, SIZES, columns[2], columns[3])


@settings(deadline=None)
@given(st.lists(ROW, max_size=60))
def test_cells_are_what_a_loop_counts(rows: list[tuple[int, int, int, int]]) -> None:
    cells = counted(rows)
    keys = [*zip(*cells.codes.T, cells.y_true, cells.y_pred, strict=True)]
    assert dict(zip(keys, cells.n, strict=True)) == Counter(rows)


@settings(deadline=None)
@given(st.lists(ROW, max_size=60))
def test_tables_add_up_over_the_columns_left_out(rows: list[tuple[int, int, int, int]]) -> None:
    cells = counted(rows)
    both = cells.table("race", "sex")
    assert both.shape == (4, 3, 2, 2)
    for (race, sex, y, yhat), n in Counter(rows).items():
        assert both[race, sex, y, yhat] == n  # -1 is the last entry: the unknown
    assert (both.sum(axis=1) == cells.table("race")).all()
    assert (both.sum(axis=0) == cells.table("sex")).all()
    assert (both.sum(axis=(0, 1)) == cells.table()).all()
    assert (both.swapaxes(0, 1) == cells.table("sex", "race")).all()
    assert both.sum() == len(rows)


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=60), st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, int, int, int]], random: np.random.Generator
) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    a, b = counted(rows), counted(mixed)
    assert (a.codes == b.codes).all()
    assert (a.n == b.n).all()


def test_many_columns_with_many_groups_are_counted_in_little_memory() -> None:
    rng = np.random.default_rng(0)
    sizes = {f"c{i}": 5000 for i in range(6)}  # 1.6e22 combinations
    codes = {name: rng.integers(-1, 5000, 500) for name in sizes}
    y = rng.integers(0, 2, 500)
    cells = count_cells(codes, sizes, y, y)
    assert cells.n.sum() == 500
    table = cells.table("c3")
    assert (
        table[:-1].sum(axis=(1, 2)).tolist()
        == np.bincount(codes["c3"][codes["c3"] >= 0], minlength=5000).tolist()
    )
    assert table[-1].sum() == (codes["c3"] < 0).sum()


def test_rates_equal_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y, yhat = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    table = count_cells({}, {}, y, yhat).table()
    rates = {name: float(np.divide(*rate.of(table))) for name, rate in RATES.items()}
    assert rates == pytest.approx(
        {
            "base_rate": y.mean(),
            "selection_rate": yhat.mean(),
            "true_positive_rate": metrics.recall_score(y, yhat),
            "false_positive_rate": 1 - metrics.recall_score(y, yhat, pos_label=0),
            "false_negative_rate": 1 - metrics.recall_score(y, yhat),
            "true_negative_rate": metrics.recall_score(y, yhat, pos_label=0),
            "precision": metrics.precision_score(y, yhat),
            "negative_predictive_value": metrics.precision_score(y, yhat, pos_label=0),
            "accuracy": metrics.accuracy_score(y, yhat),
        },
        abs=1e-12,
    )


def test_a_rate_keeps_the_counts_that_it_is_made_of() -> None:
    # fairlearn's documented example, group a: 1 true and 2 false positives, 1 false negative.
    table = np.array([[[0, 2], [1, 1]]])
    assert [int(c[0]) for c in RATES["true_positive_rate"].of(table)] == [1, 2]
    assert [int(c[0]) for c in RATES["false_positive_rate"].of(table)] == [2, 2]
    assert [int(c[0]) for c in RATES["selection_rate"].of(table)] == [3, 4]


@pytest.mark.parametrize(
    ("codes", "y_true", "y_pred", "says"),
    [
        ([0, 2], [0, 1], [0, 1], "sex: .* -1..1"),
        ([0, -2], [0, 1], [0, 1], "sex"),
        ([0, 1], [0, 2], [0, 1], "y_true: .* 0..1"),
        ([0, 1], [0, 1], [0, 0.7], "y_pred"),
        ([0, 1, 1], [0, 1], [0, 1], "one entry a row"),
        ([0, 1], [0, 1], [0], "one entry a row"),
    ],
)
def test_codes_that_mean_nothing_are_refused(
    codes: list[int], y_true: list[int], y_pred: list[float], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        count_cells({"sex": codes}, {"sex": 2}, y_true, y_pred)


def test_a_column_that_was_not_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        counted([]).table("age")


def test_no_rows_give_zeros() -> None:
    assert counted([]).table("sex").tolist() == np.zeros((3, 2, 2)).tolist()


def test_weights_and_their_squares_are_added_up_by_cell() -> None:
    codes, y, yhat = [0, 1, 0, -1], [1, 0, 1, 1], [1, 1, 1, 0]
    cells = count_cells({"sex": codes}, {"sex": 2}, y, yhat, [2.0, 3.0, 4.0, 5.0])
    sums = cells.sums("sex")
    assert sums is not None
    assert sums.weights[0].tolist() == [[0, 0], [0, 6]]
    assert sums.squares[0].tolist() == [[0, 0], [0, 20]]
    assert sums[2].weights.tolist() == [[0, 0], [5, 0]]
    whole = cells.sums()
    assert whole is not None
    assert whole.weights.tolist() == [[0, 3], [5, 6]]
    assert count_cells({}, {}, y, yhat).sums() is None
    with pytest.raises(ValueError, match="one entry a row"):
        count_cells({}, {}, y, yhat, [1.0])
