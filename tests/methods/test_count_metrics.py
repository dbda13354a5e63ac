"""Numbers of four counts against scikit-learn, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from auditkit.evidence import Interval
from auditkit.methods.count_metrics import COUNT_METRICS, Counted, matthews, treatment_ratio
from auditkit.methods.estimates import Estimate
from auditkit.methods.sums import Sums

THEIRS = {
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "mcc": metrics.matthews_corrcoef,
}


def of(tn: int, fp: int, fn: int, tp: int) -> Counted:
    return Counted(np.array([[tn, fp], [fn, tp]]))


def estimate(name: str, held: Counted, level: float = 0.95) -> Estimate:
    return COUNT_METRICS[name].estimate(held, np.random.default_rng(0), level)


def interval(found: Estimate) -> Interval:
    assert found.interval is not None
    return found.interval


@pytest.mark.parametrize("name", THEIRS)
def test_values_equal_scikit_learns(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = rng.integers(1, 20, 4)
        y, yhat = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
        found = float(COUNT_METRICS[name].value(counts.reshape(2, 2).astype(float)))
        assert found == pytest.approx(THEIRS[name](y, yhat), abs=1e-12)


@pytest.mark.parametrize("counts", [(5, 0, 5, 0), (0, 5, 0, 5), (5, 5, 0, 0), (0, 0, 5, 5)])
def test_a_correlation_with_what_never_varies_is_undefined_not_0(
    counts: tuple[int, int, int, int],
) -> None:
    found = estimate("mcc", of(*counts))
    assert (found.value, found.interval) == (None, None)
    assert found.reason == "all true outcomes or all decisions are the same"


def test_f1_without_positives_or_selected_and_balanced_accuracy_of_one_outcome_have_reasons() -> (
    None
):
    assert estimate("f1", of(9, 0, 0, 0)).reason == "no row is positive or selected"
    assert estimate("balanced_accuracy", of(9, 3, 0, 0)).reason == "all true outcomes are the same"


def test_false_negatives_for_each_false_positive_by_hand() -> None:
    found = treatment_ratio(of(50, 10, 5, 35))
    assert found.value == 0.5
    # Clopper-Pearson of 5 of 15, s / (1 - s).
    assert interval(found).low == pytest.approx(0.11824 / (1 - 0.11824), abs=1e-4)
    assert interval(found).high == pytest.approx(0.61620 / (1 - 0.61620), abs=1e-4)
    assert treatment_ratio(of(50, 0, 5, 35)).reason == "no false positives to divide by"
    assert treatment_ratio(of(50, 3, 0, 35)).value == 0


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("counts", [(12, 0, 0, 9), (0, 12, 9, 0), (900, 0, 0, 5)])
def test_extreme_groups_have_intervals_with_a_width(
    name: str, counts: tuple[int, int, int, int]
) -> None:
    found = estimate(name, of(*counts))
    assert interval(found).low < interval(found).high


@pytest.mark.parametrize("name", THEIRS)
def test_limits_to_compare_by_are_wider_the_more_groups_there_are(name: str) -> None:
    made, held = COUNT_METRICS[name], of(40, 10, 8, 20)
    widths = [
        float(np.subtract(*made.wide_limits(held, np.random.default_rng(0), level)[::-1]))
        for level in (0.9, 0.95, 0.99, 0.9999)
    ]
    assert sorted(set(widths)) == widths
    low, high = made.wide_limits(of(30, 0, 0, 30), np.random.default_rng(0), 0.9999)
    assert low < 0.9
    assert high == pytest.approx(1)


@pytest.mark.parametrize("name", THEIRS)
def test_equal_weights_are_worth_their_rows(name: str) -> None:
    table = np.array([[40, 10], [8, 20]])
    plain, weighed = (
        estimate(name, held)
        for held in (Counted(table), Counted(table, Sums(3.0 * table, 9.0 * table)))
    )
    assert plain.value == pytest.approx(weighed.value)
    assert interval(weighed).method.endswith(", effective n")
    assert interval(weighed).low == pytest.approx(interval(plain).low, abs=1e-9)


def test_uneven_weights_make_a_correlation_less_certain() -> None:
    table = np.array([[40, 10], [8, 20]])
    uneven = Counted(table, Sums(1.0 * table, 4.0 * table))  # worth a quarter of the rows
    assert COUNT_METRICS["mcc"].worth(uneven) == pytest.approx((78 / 4,))
    plain, weighed = estimate("mcc", Counted(table)), estimate("mcc", uneven)
    assert interval(weighed).high - interval(weighed).low > 1.5 * (
        interval(plain).high - interval(plain).low
    )


def test_one_heavy_row_leaves_the_correlation_open() -> None:
    table, w = np.array([[5, 5], [5, 5]]), np.array([[1e6, 5.0], [5.0, 5.0]])
    heavy = Counted(table, Sums(w, np.array([[1e12, 5.0], [5.0, 5.0]])))
    found = estimate("mcc", heavy)
    assert found.value == pytest.approx(float(matthews(w)))
    low, high = COUNT_METRICS["mcc"].wide_limits(heavy, np.random.default_rng(0), 0.95)
    assert float(high) - float(low) > 1
