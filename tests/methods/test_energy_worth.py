"""What energy buys, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from auditkit.evidence import Interval, Measurement, Metric
from auditkit.methods.energy_worth import (
    ACCURACY_PER_KWH,
    BALANCED_PER_KWH,
    PER_KWH,
    of_decisions,
    per_kwh,
    privacy_ratio,
)
from auditkit.methods.estimates import Estimate

JOULES = Metric("training_energy", "Energy", "Energy.", "J")
GOOD = Estimate(0.8, Interval(0.7, 0.9, 0.95, "Clopper-Pearson"))


def spent(joules: float = 3.6e6, *, counted: bool = False) -> Measurement:
    if counted:
        return JOULES.measure(joules, n=1, reason="one reading of a counter", source="RAPL")
    interval = Interval(joules / 2, joules * 2, 0.95, "model")
    return JOULES.measure(joules, n=1, interval=interval, basis="estimated", source="record")


def test_decisions_are_as_right_as_scikit_learn_says() -> None:
    y, yhat = np.array([0, 0, 0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 1, 0, 2, 2, 2])
    confusion = np.zeros((3, 3), dtype=np.int64)
    np.add.at(confusion, (y, yhat), 1)
    found = of_decisions(confusion, None)
    assert found[ACCURACY_PER_KWH].value == pytest.approx(accuracy_score(y, yhat))
    assert found[BALANCED_PER_KWH].value == pytest.approx(balanced_accuracy_score(y, yhat))


def test_the_interval_pairs_the_least_with_the_most_and_its_level_is_bonferroni() -> None:
    told = next(per_kwh({ACCURACY_PER_KWH: GOOD}, 60, spent(), "", "rows"))
    assert told.interval is not None
    assert (told.interval.low, told.interval.high) == pytest.approx((0.35, 1.8))
    assert told.interval.level == pytest.approx(0.90)
    assert (told.n, told.basis, told.unit) == (60, "estimated", "per kWh")


def test_without_an_interval_of_the_energy_there_is_none() -> None:
    told = next(per_kwh({ACCURACY_PER_KWH: GOOD}, 60, spent(counted=True), "", "rows"))
    assert told.value == pytest.approx(0.8)
    assert (told.interval, told.reason) == (None, "one reading of a counter")


def test_what_this_task_does_not_have_gets_the_reason() -> None:
    told = list(per_kwh({}, 60, spent(), "no accuracy of numbers", "rows"))
    assert len(told) == len(PER_KWH)
    assert {(one.value, one.reason) for one in told} == {(None, "no accuracy of numbers")}


def test_unknown_energy_gives_its_own_reason() -> None:
    unknown = JOULES.measure(None, n=0, reason="nothing was metered", source="record")
    told = next(per_kwh({ACCURACY_PER_KWH: GOOD}, 60, unknown, "", "rows"))
    assert (told.value, told.reason) == (None, "nothing was metered")


def test_a_measured_and_an_estimated_energy_are_not_compared() -> None:
    told = privacy_ratio(spent(counted=True), spent(), "records", "nothing")
    assert told.value is None
    assert "one was measured and the other estimated" in str(told.reason)


def test_the_ratio_of_two_energies_of_one_kind_has_their_basis() -> None:
    told = privacy_ratio(spent(2e6), spent(6e6), "records", "nothing")
    assert told.value == pytest.approx(3.0)
    assert (told.basis, told.n) == ("estimated", 2)
