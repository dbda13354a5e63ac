"""Weights in the evidence of a binary task, against scikit-learn, fairlearn and plain counts."""

from __future__ import annotations

import warnings
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from support import scored

from auditkit.audit import run
from auditkit.audits.fairness import Fairness
from auditkit.evidence import ALL_GROUPS
from auditkit.methods.decision_groups import WITHHELD
from auditkit.methods.weighting import kish
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject

AUDITS = ["performance", "fairness"]


def people(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """People whose weights go with their outcome and their group; some groups are awkward."""
    rng = np.random.default_rng(seed)
    frame = scored(n, seed)
    frame["w"] = np.exp(rng.normal(0.5 * frame["y"] + 0.3 * (frame["sex"] == "F"), 0.8))
    frame["some"] = pd.Series(["p", "q", None])[rng.integers(0, 3, n)].to_numpy()
    frame["few"] = np.where(np.arange(n) == 0, "alone", "many")
    return frame


def subject(frame: pd.DataFrame, weight: str | None = "w", **facts: Any) -> Subject:
    sensitive = ["sex", "race", "some", "few"]
    given: dict[str, Any] = {"score": "score", "threshold": 0.4, "sensitive": sensitive} | facts
    return Subject.from_scores(frame, label="y", weight=weight, **given)


def report(frame: pd.DataFrame, weight: str | None = "w", **facts: Any) -> Report:
    return run(subject(frame, weight, **facts), None, AUDITS)


def by_id(found: Report) -> dict[str, MeasurementRecord]:
    return {m.id: m for m in found.measurements}


def numbers(found: Report) -> dict[str, float]:
    """Every value and bound of the measurements and tables."""
    held: dict[str, float] = {}
    for m in found.measurements:
        bounds = (m.interval.low, m.interval.high) if m.interval else (None, None)
        for end, value in zip(("", "low", "high"), (m.value, *bounds), strict=True):
            held |= {} if value is None else {f"{m.id} {end}": value}
    for table in found.tables:
        for i, row in enumerate(table.rows):
            for j, cell in enumerate(row):
                held |= {f"{table.id} {i} {j}": cell} if isinstance(cell, float) else {}
    return held


@pytest.fixture(scope="module")
def weighted() -> Report:
    return report(people())


def test_performance_equals_scikit_learn_with_sample_weight(weighted: Report) -> None:
    of = subject(people())
    assert of.weights is not None
    assert of.y_score is not None
    both, w = (of.y_true, of.y_pred), {"sample_weight": of.weights}
    expected = {
        "accuracy": metrics.accuracy_score(*both, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(*both, **w),
        "f1": metrics.f1_score(*both, **w),
        "mcc": metrics.matthews_corrcoef(*both, **w),
        "precision": metrics.precision_score(*both, **w),
        "true_positive_rate": metrics.recall_score(*both, **w),
        "selection_rate": np.average(of.y_pred, weights=of.weights),
        "base_rate": np.average(of.y_true, weights=of.weights),
        "majority_accuracy": np.average(of.y_true, weights=of.weights),
        "roc_auc": metrics.roc_auc_score(of.y_true, of.y_score, **w),
        "brier_score": metrics.brier_score_loss(of.y_true, of.y_score, **w),
        "calibration_in_the_large": np.average(of.y_true - of.y_score, weights=of.weights),
    }
    found = {m.metric: m.value for m in weighted.measurements if m.audit == "performance"}
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("column", ["sex", "race"])
def test_fairness_equals_fairlearn_with_sample_params(weighted: Report, column: str) -> None:
    of = subject(people())
    groups = of.groups[column]
    names = np.array(groups.names)[groups.codes]
    rates = {
        rate: getattr(fl, rate)
        for rate in ("selection_rate", "true_positive_rate", "false_positive_rate")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fl.MetricFrame(
            metrics=rates, y_true=of.y_true, y_pred=of.y_pred, sensitive_features=names,
            sample_params={rate: {"sample_weight": of.weights} for rate in rates},
        )  # fmt: skip
        gaps = {
            gap: getattr(fl, gap)(
                of.y_true, of.y_pred, sensitive_features=names, sample_weight=of.weights
            )
            for gap in ("demographic_parity_difference", "demographic_parity_ratio",
                        "equalized_odds_difference", "equalized_odds_ratio")
        }  # fmt: skip
    found = by_id(weighted)
    for rate in rates:
        for group in groups.names:
            ours = found[f"fairness.{rate}[{column}={group}]"].value
            assert ours == pytest.approx(frame.by_group.loc[group, rate], abs=1e-12)
    for gap, theirs in gaps.items():
        ours = found[f"fairness.{gap}[{column}={ALL_GROUPS}]"].value
        assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("weight", [1, 0.1, 7])
def test_equal_weights_give_exactly_the_evidence_without_weights(weight: float) -> None:
    frame = people()
    same, plain = report(frame.assign(w=weight)), report(frame, None)
    assert same.tables == plain.tables
    assert same.measurements == plain.measurements
    assert "have the same weight ('w')" in same.subject.data.notes[-1]


@pytest.mark.parametrize("times", [0.25, 1e-3, 12345.678, 1e300])
def test_a_constant_over_all_weights_changes_nothing(weighted: Report, times: float) -> None:
    frame = people()
    again = report(frame.assign(w=frame["w"] * times))
    assert numbers(again) == pytest.approx(numbers(weighted), rel=1e-9, abs=1e-12)


def test_whole_weights_have_the_values_of_repeated_rows() -> None:
    frame = people(200)
    frame["w"] = np.random.default_rng(1).integers(1, 5, 200)
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    sensitive = ["sex", "race"]
    ours, theirs = (
        by_id(run(held, None, ["performance", Fairness(min_group=1)]))  # the same groups in both
        for held in (
            subject(frame, sensitive=sensitive),
            subject(repeated, None, sensitive=sensitive),
        )
    )
    counted = {"group_size", "group_count", "unknown_share"}
    for key, found in theirs.items():
        if found.metric not in counted and ours[key].value is not None:
            assert ours[key].value == pytest.approx(found.value, abs=1e-12), key
        if found.interval and found.metric not in counted:  # fewer rows are less certain
            held = ours[key].interval
            assert held is not None
            assert held.high - held.low > found.interval.high - found.interval.low, key


def test_n_stays_rows_and_the_source_gives_the_effective_n(weighted: Report) -> None:
    plain, found = by_id(report(people(), None)), by_id(weighted)
    assert {key: m.n for key, m in found.items()} == {key: m.n for key, m in plain.items()}
    of = subject(people())
    assert of.weights is not None
    for m in weighted.measurements:
        if m.value is not None and not m.exact:
            assert ", weighted: effective n " in m.source, m.id
        if m.value is None:
            assert str(plain[m.id].reason).split(" (")[0] == str(m.reason).split(" (")[0]
    area = found["performance.roc_auc"]
    assert area.source.endswith(f"effective n {kish(of.weights):,.1f}")
    rate = found["fairness.selection_rate[sex=F]"]
    assert rate.source.startswith(plain[rate.id].source)
    assert rate.interval is not None
    assert rate.interval.method == "Clopper-Pearson, effective n"
    gap = found[f"fairness.demographic_parity_difference[race={ALL_GROUPS}]"].interval
    assert gap is not None
    assert gap.method.startswith("Newcombe")
    assert gap.method.endswith(", Bonferroni over 3 pairs, effective n")


def test_every_interval_has_a_width_and_holds_its_value(weighted: Report) -> None:
    for m in weighted.measurements:
        if m.interval is not None and m.value is not None:
            assert m.interval.low < m.interval.high
            assert m.interval.low - 1e-9 <= m.value <= m.interval.high + 1e-9


def test_a_person_alone_is_withheld_whatever_the_weight(weighted: Report) -> None:
    alone = by_id(weighted)["fairness.selection_rate[few=alone]"]
    assert (alone.value, alone.reason, alone.n, alone.source) == (None, WITHHELD, 1, "1 row")


def test_a_small_group_stays_out_of_the_gaps_however_heavy_it_is() -> None:
    frame = people().assign(few=lambda f: np.where(f.index < 5, "five", "many"))
    frame.loc[:4, "w"] *= 1000
    gap = by_id(report(frame))[f"fairness.demographic_parity_difference[few={ALL_GROUPS}]"]
    assert gap.value is None
    assert "without those of fewer than 10 rows: 'five' (5 rows)" in str(gap.reason)


def test_rows_of_unknown_group_bound_the_weighted_gap(weighted: Report) -> None:
    frame, found = people(), by_id(weighted)
    chosen = frame["w"] * (frame["score"] >= 0.4)
    w, s = (held.groupby(frame["some"]).sum() for held in (frame["w"], chosen))
    unknown = frame["some"].isna()
    won, lost = chosen[unknown].sum(), (frame["w"] - chosen)[unknown].sum()
    up, down = (s + won) / (w + won), s / (w + lost)
    widest = max(up["p"] - down["q"], up["q"] - down["p"])
    high = found[f"fairness.demographic_parity_difference_upper_bound[some={ALL_GROUPS}]"]
    assert high.value == pytest.approx(widest, abs=1e-12)
    assert "not weighted" in found[f"fairness.unknown_share[some={ALL_GROUPS}]"].source


def test_calibration_bins_and_curve_are_weighted(weighted: Report) -> None:
    of, tables = subject(people()), {table.id: table for table in weighted.tables}
    assert of.weights is not None
    assert of.y_score is not None
    last = tables["performance.calibration"].rows[-1]
    top = np.argsort(of.y_score)[-int(str(last[1])) :]
    expected = [np.average(held[top], weights=of.weights[top]) for held in (of.y_score, of.y_true)]
    assert last[2:4] == pytest.approx(expected)
    fpr, tpr, _ = metrics.roc_curve(
        of.y_true, of.y_score, sample_weight=of.weights, drop_intermediate=False
    )
    theirs = np.column_stack([fpr, tpr])
    for point in tables["performance.roc"].rows:
        assert np.abs(theirs - np.array(point[:2], dtype=float)).sum(axis=1).min() < 1e-12


def test_the_pairs_are_tested_on_effective_counts(weighted: Report) -> None:
    (pairs,) = [table for table in weighted.tables if table.id == "fairness.pairs"]
    assert "pooled z test on effective counts" in pairs.source
    gap = by_id(weighted)[f"fairness.demographic_parity_difference[sex={ALL_GROUPS}]"]
    row = next(row for row in pairs.rows if row[:2] == ["sex", "selection_rate"])
    assert gap.interval is not None
    assert row[4] == pytest.approx(gap.value, abs=1e-12)
    assert row[6] == pytest.approx(gap.interval.high, abs=1e-12)


def test_the_base_rate_of_all_rows_is_weighted_and_without_rows_of_no_weight() -> None:
    everyone = people(400)
    everyone.loc[300:320, "w"] = 0

    class Model:
        kind, parameters, sha256 = "scores", 0, None

        def scores(self, rows: pd.DataFrame) -> np.ndarray:
            return rows["score"].to_numpy()

    of = Subject.from_model(
        Model(), everyone[:250], label="y", features=["score"], sensitive=["sex"], weight="w",
        population=everyone,
    )  # fmt: skip
    assert of.data_notes == (
        "Left out 21 of 400 labelled rows whose weight ('w') is 0: they stand for nobody.",
    )
    found = by_id(run(of, None, ["fairness"]))["fairness.base_rate_all_rows[sex=F]"]
    women = everyone[(everyone["sex"] == "F") & (everyone["w"] > 0)]
    assert found.value == pytest.approx(np.average(women["y"], weights=women["w"]), abs=1e-12)
    assert found.n == len(women)


def test_the_order_of_rows_does_not_matter(weighted: Report) -> None:
    assert report(people().sample(frac=1, random_state=1)).measurements == weighted.measurements


def test_the_plan_records_which_audits_used_the_weights() -> None:
    frame = people(100)
    used = {a.name: a.weighted for a in run(subject(frame)).plan.audits}
    by_weight = {name for name, by in used.items() if by}
    assert by_weight == {
        *("performance", "fairness", "subgroups", "scores-by-group", "conditional"),
        *("impact", "scaling", "energy"),
    }
    assert not any(a.weighted for a in run(subject(frame, None)).plan.audits)
