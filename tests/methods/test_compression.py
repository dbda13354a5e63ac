"""Versions held against the model as audited: losses, gaps, and which one would do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference
from sklearn.metrics import r2_score

from auditkit.methods.compression import Trial, Version
from auditkit.methods.compression_tables import Told
from auditkit.methods.decision_groups import CONSTANT
from auditkit.methods.paired import paired_accuracy

RNG = np.random.default_rng(0)
N = 2_000
CODES = RNG.integers(0, 2, N)
Y = (RNG.random(N) < 0.3 + 0.3 * CODES).astype(np.int8)
AUDITED = np.where(RNG.random(N) < 0.1, 1 - Y, Y).astype(np.int8)
SLIGHT = np.where(RNG.random(N) < 0.005, 1 - AUDITED, AUDITED).astype(np.int8)
UNFAIR = np.where((CODES == 0) & (RNG.random(N) < 0.3), 0, AUDITED).astype(np.int8)
PARITY, OPPORTUNITY = "demographic_parity_difference", "equal_opportunity_difference"


def trial(*given: np.ndarray | None, **settings: object) -> Trial:
    names = ("as audited", "slight", "unfair")
    sizes = (1000, 300, 100)
    versions = tuple(
        Version(name, y_pred=y_pred, reason="" if y_pred is not None else "not here", stored=size)
        for name, size, y_pred in zip(names, sizes, given, strict=False)
    )
    asked: dict[str, object] = {"task": "binary", "y_true": Y, "codes": {"sex": CODES}, **settings}
    return Trial(**asked, versions=versions)  # type: ignore[arg-type] # the settings above


def test_losses_are_paired_and_hold_together_over_the_versions() -> None:
    _, slight, unfair = trial(AUDITED, SLIGHT, UNFAIR).lines
    for line, given in ((slight, SLIGHT), (unfair, UNFAIR)):
        alone = paired_accuracy(AUDITED == Y, given == Y, 1 - 0.05 / 2).difference
        assert line.loss.value == pytest.approx((AUDITED == Y).mean() - (given == Y).mean())
        assert line.loss.interval is not None
        assert alone.interval is not None
        assert line.loss.interval.low == alone.interval.low
        assert line.loss.interval.level == 0.95
    assert slight.agreement.value == pytest.approx((SLIGHT == AUDITED).mean())


def test_gaps_are_those_of_fairlearn() -> None:
    for line, given in zip(trial(AUDITED, SLIGHT, UNFAIR).lines, (AUDITED, SLIGHT, UNFAIR),
                           strict=True):  # fmt: skip
        for gap, of in ((PARITY, demographic_parity_difference),
                        (OPPORTUNITY, equal_opportunity_difference)):  # fmt: skip
            found = line.gaps[gap, "sex"].second.value
            assert found == pytest.approx(of(Y, given, sensitive_features=CODES))


def test_a_gap_that_grows_is_told_and_one_that_does_not_is_not() -> None:
    held = trial(AUDITED, SLIGHT, UNFAIR)
    assert [bool(line.grows) for line in held.lines] == [False, False, True]
    worst = held.worst((PARITY, "sex"))
    assert worst is not None
    assert worst.version.name == "unfair"
    grown = held.increase((PARITY, "sex"))
    assert grown.value == worst.gaps[PARITY, "sex"].change.value


def test_the_smallest_version_within_the_tolerance_would_do() -> None:
    held = trial(AUDITED, SLIGHT, UNFAIR)
    chosen = held.smallest(0.02)
    assert chosen is not None
    assert chosen.version.name == "slight"  # the unfair one is smaller and loses too much
    assert held.smallest(0.0) is None
    assert held.unbeaten == [True, True, True]
    big = replace(held, versions=(*held.versions, replace(held.versions[2], stored=400)))
    assert big.unbeaten == [True, True, True, False]


def test_a_version_that_was_not_possible_keeps_its_reason_and_costs_no_level() -> None:
    held = trial(AUDITED, SLIGHT, None)
    assert held.lines[2].quality.reason == held.lines[2].loss.reason == "not here"
    assert held.tests == 1
    assert held.unbeaten[2] is False


def test_a_version_that_decides_all_alike_has_no_gap() -> None:
    line = trial(AUDITED, np.zeros(N, dtype=np.int8)).lines[1]
    assert line.gaps[PARITY, "sex"].change.reason == CONSTANT
    assert line.quality.value == pytest.approx((Y == 0).mean())


def test_numbers_lose_r_squared_and_have_gaps_in_error() -> None:
    y = RNG.normal(size=N)
    audited, rough = y + RNG.normal(0, 0.3, N), y + RNG.normal(0, 0.3 + 0.3 * CODES, N)
    held = trial(audited, rough, task="regression", y_true=y)
    line = held.lines[1]
    assert line.quality.value == pytest.approx(r2_score(y, rough))
    assert line.loss.value == pytest.approx(r2_score(y, audited) - r2_score(y, rough))
    bounds = line.loss.interval
    assert bounds is not None
    assert 0 < bounds.low < bounds.high
    found = line.gaps["mean_absolute_error_difference", "sex"]
    errors = [np.abs(rough - y)[g == CODES].mean() for g in (0, 1)]
    assert found.second.value == pytest.approx(errors[1] - errors[0])
    assert line.grows


def test_classes_have_gaps_in_accuracy() -> None:
    held = trial(AUDITED, UNFAIR, task="multiclass", y_true=Y)
    right = [(UNFAIR == Y)[g == CODES].mean() for g in (0, 1)]
    found = held.lines[1].gaps["accuracy_difference", "sex"].second.value
    assert found == pytest.approx(np.ptp(right))


def test_what_is_told_says_where_groups_were_not_compared() -> None:
    told = Told(trial(AUDITED, SLIGHT, codes={}), 0.01, "test rows", "", {"job": "30 groups"})
    found = [m for m in told.measurements() if m.reason == "30 groups"]
    assert [m.metric for m in found] == [
        "compression_demographic_parity_increase", "compression_equal_opportunity_increase",
    ]  # fmt: skip
    assert [table.name for table in told.tables()] == ["versions"]


def test_a_sensitive_column_called_version_does_not_collide() -> None:
    told = Told(trial(AUDITED, SLIGHT, codes={"version": CODES}), 0.01, "test rows", "version")
    keys = [(m.metric, *m.slice.items()) for m in told.measurements()]
    assert len(set(keys)) == len(keys)
    assert any(("(version)", "slight") in key for key in keys)
