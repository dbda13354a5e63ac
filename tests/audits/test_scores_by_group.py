"""Scores by group against hand counts, scikit-learn and scipy; small groups give nobody away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from auditkit.audit import run
from auditkit.audits.scores_by_group import ScoresByGroup
from auditkit.errors import InputError
from auditkit.evidence import ALL_GROUPS
from auditkit.methods.abroca import NO_NOISE
from auditkit.methods.score_parts import NOT_WEIGHTED
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject


def people(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """Calibrated scores, sharper for men; half as much promised to group c as comes true."""
    rng = np.random.default_rng(seed)
    sex, race = rng.choice(["F", "M"], n), rng.choice(["a", "b", "c"], n)
    sharpness = np.where(sex == "M", 0.4, 4.0)
    score = np.asarray(rng.beta(sharpness, sharpness))
    y = (rng.random(n) < score).astype(np.int64)
    score = np.where(race == "c", score / 2, score)
    return pd.DataFrame({"y": y, "score": score, "sex": sex, "race": race})


def audited(rows: pd.DataFrame, weight: str | None = None, **settings: object) -> Report:
    subject = Subject.from_scores(
        rows, label="y", score="score", sensitive=["sex", "race"], weight=weight, threshold=0.5
    )
    return run(subject, None, [ScoresByGroup(**settings)])  # type: ignore[arg-type]


def by_slice(report: Report) -> dict[tuple[str, ...], MeasurementRecord]:
    assert report.audits[0].status == "completed", report.audits[0].reason
    return {(m.metric, *m.slice.values()): m for m in report.measurements}


@pytest.fixture(scope="module")
def report() -> Report:
    return audited(people())


@pytest.fixture(scope="module")
def found(report: Report) -> dict[tuple[str, ...], MeasurementRecord]:
    return by_slice(report)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_numbers_of_a_group_are_those_of_the_references(
    found: dict[tuple[str, ...], MeasurementRecord], sex: str
) -> None:
    own = people().query("sex == @sex")
    y, score = own["y"].to_numpy(), own["score"].to_numpy()
    bins = np.minimum((score * 10).astype(int), 9)
    ece = sum(abs((y - score)[bins == part].sum()) for part in range(10)) / len(own)
    expected = {
        "mean_score": score.mean(),
        "roc_auc": roc_auc_score(y, score),
        "ks_statistic": ks_2samp(score[y == 1], score[y == 0]).statistic,
        "expected_calibration_error": ece,
        "calibration_in_the_large": y.mean() - score.mean(),
    }
    for metric, value in expected.items():
        assert found[metric, sex].value == pytest.approx(value, abs=1e-12), metric


def test_groups_that_are_ranked_unlike_are_told_apart(report: Report) -> None:
    gaps = {(m.metric, *m.slice): m for m in report.measurements if ALL_GROUPS in m.slice.values()}
    by_sex = gaps["roc_auc_difference", "sex"]
    assert by_sex.interval is not None
    assert by_sex.interval.low > 0.1
    area = gaps["abroca", "sex"]
    assert area.interval is not None
    assert area.interval.low > 0.1
    assert "exact, no binning" in area.source


def test_scores_that_promise_too_little_to_a_group_are_told(report: Report) -> None:
    (table,) = [t for t in report.tables if t.id == "scores-by-group.pairs"]
    pairs = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    own = [p for p in pairs if p["attribute"] == "race"]
    promised = {
        (p["a"], p["b"]) for p in own
        if p["metric"] == "calibration_in_the_large" and p["established"]
    }  # fmt: skip
    assert promised == {("c", "a"), ("c", "b")}


def test_equal_groups_are_seldom_told_apart() -> None:
    rng, gaps = np.random.default_rng(5), []
    for _ in range(12):
        rows = people(600)
        rows["sex"], rows["race"] = rng.permutation(rows["sex"]), rng.permutation(rows["race"])
        gaps += [m for m in audited(rows).measurements if ALL_GROUPS in m.slice.values()]
    assert len(gaps) == 12 * 3 * 6
    assert all(m.interval is not None for m in gaps)
    found = [m for m in gaps if m.interval is not None and m.interval.low > 0]
    assert len(found) / len(gaps) <= 0.08  # 5 %, and chance


def test_small_and_one_sided_groups_are_counted_and_give_nothing_away() -> None:
    rows = people()
    rows.loc[:8, "race"] = "nine"
    rows.loc[9:60, "race"], rows.loc[9:60, "y"] = "losers", 0
    rows.loc[61:63, "race"] = None
    report = audited(rows)
    found = by_slice(report)
    for metric in ("mean_score", "roc_auc", "expected_calibration_error"):
        assert found[metric, "nine"].value is None
        assert "outcome of one person" in str(found[metric, "nine"].reason)
    assert found["roc_auc", "losers"].reason == "no rows of the rarer outcome"
    assert found["mean_score", "losers"].value is not None
    assert found["mean_score", "unknown"].value is None
    (gap,) = [m for m in report.measurements if m.metric == "abroca" and list(m.slice) == ["race"]]
    assert "'losers' (52 rows)" in gap.source
    for table in report.tables:
        if table.id.endswith(("roc", "calibration")):
            assert {row[1] for row in table.rows} == {"F", "M", "a", "b", "c"}


def test_the_table_of_curves_is_short(report: Report) -> None:
    (curves,) = [t for t in report.tables if t.id == "scores-by-group.roc"]
    assert len(curves.rows) <= 12 * 5
    own = [row for row in curves.rows if row[1] == "F"]
    assert own[0][2:] == [0.0, 0.0]
    assert own[-1][2:] == [1.0, 1.0]


def test_scores_that_are_no_probabilities_are_ranked_but_not_held_against_outcomes() -> None:
    found = by_slice(audited(people().assign(score=lambda rows: 10 * rows["score"] - 3)))
    assert found["roc_auc", "F"].value == by_slice(audited(people()))["roc_auc", "F"].value
    for metric in ("expected_calibration_error", "calibration_in_the_large"):
        for group in ("F", ALL_GROUPS):
            assert found[metric if group == "F" else f"{metric}_difference", group].value is None
    assert found["mean_score", "F"].value is not None


def test_the_same_score_for_everyone_ranks_nobody_and_has_no_gap() -> None:
    found = by_slice(audited(people().assign(score=0.4)))
    assert found["roc_auc", "F"].value == 0.5
    assert "parity is vacuous" in str(found["mean_score_difference", ALL_GROUPS].reason)
    assert found["standardized_mean_score_difference", ALL_GROUPS].value is None
    area = found["abroca", ALL_GROUPS]
    assert (area.value, area.reason) == (0, NO_NOISE)


def test_equal_weights_change_no_number_and_uneven_ones_say_so() -> None:
    plain, doubled = (by_slice(audited(people().assign(w=2.0), weight)) for weight in (None, "w"))
    for key, m in plain.items():
        if m.value is not None and "standardized" not in m.metric:
            assert doubled[key].value == pytest.approx(m.value, abs=1e-9), key
    rows = people()
    rows["w"] = np.random.default_rng(1).uniform(0.5, 4, len(rows))
    own = rows.query("sex == 'F'")
    found = by_slice(audited(rows, "w"))
    expected = roc_auc_score(own["y"], own["score"], sample_weight=own["w"])
    assert found["roc_auc", "F"].value == pytest.approx(expected)
    assert "effective n" in found["roc_auc", "F"].source
    assert found["standardized_mean_score_difference", ALL_GROUPS].reason == NOT_WEIGHTED


def test_too_many_groups_are_not_compared_and_the_reason_is_told() -> None:
    report = audited(people(), max_groups=2, max_intersections=5)
    reasons = {m.reason for m in report.measurements if m.metric == "abroca" and m.value is None}
    assert {str(reason).split(";")[0] for reason in reasons} == {
        "3 groups, more than max_groups = 2",
        "6 groups, more than max_intersections = 5",
    }


def test_settings_out_of_range_are_all_told() -> None:
    with pytest.raises(InputError) as caught:
        ScoresByGroup(min_group=3, points=1, bins=1, max_pairs=0)
    assert len(caught.value.problems) == 4
