"""The census example from its configuration to its figures, against fairlearn and scikit-learn."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from auditkit import Subject, load_subject, run
from auditkit.evidence import ALL_GROUPS
from auditkit.report import Report

CONFIG = Path(__file__).parents[1] / "examples" / "census_income" / "auditkit.toml"


@pytest.fixture(scope="module")
def subject() -> Subject:
    return load_subject(CONFIG)


@pytest.fixture(scope="module")
def report(subject: Subject) -> Report:
    return run(subject, None, ["performance", "fairness"])


def value(report: Report, metric: str, **where: str) -> float:
    (found,) = [m.value for m in report.measurements if m.metric == metric and m.slice == where]
    assert found is not None
    return found


@pytest.mark.parametrize("column", ["sex", "race", "age"])
def test_fairness_equals_fairlearn_on_the_test_split(
    subject: Subject, report: Report, column: str
) -> None:
    import fairlearn.metrics as fl
    import numpy as np

    groups = subject.groups[column]
    names = np.array(groups.names)[groups.codes]
    rates = {
        name: getattr(fl, name)
        for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fl.MetricFrame(
            metrics=rates, y_true=subject.y_true, y_pred=subject.y_pred, sensitive_features=names
        )
        theirs = {
            gap: getattr(fl, gap)(subject.y_true, subject.y_pred, sensitive_features=names)
            for gap in ("demographic_parity_difference", "demographic_parity_ratio",
                        "equalized_odds_difference", "equalized_odds_ratio")
        }  # fmt: skip
    for rate in rates:
        for group in groups.names:
            ours = value(report, rate, **{column: group})
            assert ours == pytest.approx(frame.by_group.loc[group, rate], abs=1e-12)
    for gap, expected in theirs.items():
        assert value(report, gap, **{column: ALL_GROUPS}) == pytest.approx(expected, abs=1e-12)


def test_performance_equals_scikit_learn_and_the_model_has_learnt(
    subject: Subject, report: Report
) -> None:
    from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

    assert subject.y_score is not None
    expected = {
        "accuracy": accuracy_score(subject.y_true, subject.y_pred),
        "roc_auc": roc_auc_score(subject.y_true, subject.y_score),
        "brier_score": brier_score_loss(subject.y_true, subject.y_score),
    }
    for metric, theirs in expected.items():
        assert value(report, metric) == pytest.approx(theirs, abs=1e-12)
    assert expected["roc_auc"] > 0.9


def test_training_rows_and_test_rows_are_apart(subject: Subject) -> None:
    assert subject.train is not None
    assert subject.population is not None
    assert len(subject) == 14_653
    assert len(subject.train) + len(subject) < len(subject.population) == 48_842


def test_the_same_seed_trains_the_same_model(subject: Subject) -> None:
    again = load_subject(CONFIG)
    assert again.model is not None
    assert subject.model is not None
    assert again.model.sha256 == subject.model.sha256
