"""The performance audit against scikit-learn and by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn import metrics

from auditkit.audits.performance import Performance
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods import intervals
from auditkit.subject import NEEDS, DataSource, Subject, Task

RNG = np.random.default_rng(0)


def subject(y: npt.ArrayLike, score: npt.ArrayLike | None = None, **facts: Any) -> Subject:
    """A scored table; without scores its decisions are in the column `yhat` of `facts`."""
    rows = pd.DataFrame({"y": np.asarray(y)})
    if score is None:
        rows["yhat"] = np.asarray(facts.pop("yhat"))
    else:
        rows["score"] = np.asarray(score)
    return Subject(
        name="test",
        rows=rows,
        label="y",
        positive=1,
        sensitive=(),
        groups={},
        source=DataSource("test", "0", len(rows)),
        score=None if score is None else "score",
        prediction="yhat" if score is None else None,
        **facts,
    )


def audited(
    of: Subject, audit: Performance | None = None
) -> tuple[dict[str, Measurement], dict[str, Table]]:
    found = list((audit or Performance()).run(of, np.random.default_rng(0)))
    measured = {item.metric: item for item in found if isinstance(item, Measurement)}
    tables = {item.name: item for item in found if isinstance(item, Table)}
    assert len(measured) + len(tables) == len(found)
    return measured, tables


@pytest.fixture(scope="module")
def scored() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.3).astype(np.int64)
    return y, np.round(np.clip(rng.beta(2, 4, 500) + 0.25 * y, 0, 1), 2)


def test_values_equal_those_of_scikit_learn(
    scored: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
) -> None:
    y, score = scored
    yhat = (score >= 0.5).astype(int)
    found, _ = audited(subject(y, score))
    expected = {
        "accuracy": metrics.accuracy_score(y, yhat),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, yhat),
        "f1": metrics.f1_score(y, yhat),
        "mcc": metrics.matthews_corrcoef(y, yhat),
        "precision": metrics.precision_score(y, yhat),
        "true_positive_rate": metrics.recall_score(y, yhat),
        "selection_rate": yhat.mean(),
        "base_rate": y.mean(),
        "majority_accuracy": max(y.mean(), 1 - y.mean()),
        "roc_auc": metrics.roc_auc_score(y, score),
        "brier_score": metrics.brier_score_loss(y, score),
        "calibration_in_the_large": y.mean() - score.mean(),
    }
    assert {name: m.value for name, m in found.items()} == pytest.approx(expected, abs=1e-12)
    assert set(found) <= {metric.id for metric in Performance.metrics}


def test_every_number_has_an_interval_with_its_method_and_level(
    scored: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
) -> None:
    found, _ = audited(subject(*scored), Performance(level=0.9))
    methods = {name: m.interval.method for name, m in found.items() if m.interval}
    assert set(methods) == set(found)
    assert {m.interval.level for m in found.values() if m.interval} == {0.9}
    assert methods["accuracy"] == "Clopper-Pearson"
    assert methods["balanced_accuracy"] == "MOVER of Clopper-Pearson limits"
    assert methods["roc_auc"] == "DeLong, logit"


def test_a_rate_rests_on_the_rows_of_its_denominator() -> None:
    # 6 true positives, 1 false positive, 3 false negatives, 10 true negatives.
    y = [1] * 9 + [0] * 11
    yhat = [1] * 6 + [0] * 3 + [1] + [0] * 10
    found, _ = audited(subject(y, yhat=yhat))
    assert (found["precision"].value, found["precision"].n) == (6 / 7, 7)
    assert (found["true_positive_rate"].value, found["true_positive_rate"].n) == (6 / 9, 9)
    assert (found["f1"].value, found["f1"].n) == (12 / 16, 10)
    assert found["precision"].source == "6 positive of 7 selected rows"
    interval = found["accuracy"].interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(intervals.clopper_pearson(16, 20))


def test_a_model_that_is_always_right_is_not_certain_to_stay_so() -> None:
    y = np.tile([0, 1], 50)
    found, _ = audited(subject(y, y * 1.0))
    for name in ("accuracy", "balanced_accuracy", "f1", "roc_auc"):
        interval = found[name].interval
        assert found[name].value == 1.0
        assert interval is not None
        assert interval.low < 0.97
    assert found["brier_score"].value == 0.0


def test_without_scores_what_needs_them_says_so() -> None:
    found, tables = audited(subject([0, 1, 1], yhat=[0, 1, 0]))
    for name in ("roc_auc", "brier_score", "calibration_in_the_large"):
        assert found[name].value is None
        assert found[name].reason == NEEDS["scores"]
    assert tables == {}


def test_one_class_only_leaves_what_compares_classes_undefined() -> None:
    found, tables = audited(subject([0, 0, 0], [0.1, 0.7, 0.2]))
    for name in ("roc_auc", "balanced_accuracy", "true_positive_rate"):
        assert found[name].value is None
        assert found[name].reason
    assert found["roc_auc"].reason == "all true outcomes are the same"
    assert found["accuracy"].value == pytest.approx(2 / 3)
    assert set(tables) == {"calibration"}


def test_selecting_nobody_where_nobody_is_positive_has_no_f1_and_no_precision() -> None:
    found, _ = audited(subject([0, 0], yhat=[0, 0]))
    assert found["f1"].reason == "no row is positive or selected"
    assert found["precision"].value is None


def test_no_rows_give_reasons_and_no_numbers() -> None:
    found, _ = audited(subject([], []))
    assert all(m.value is None and m.reason for m in found.values())


def test_scores_that_are_no_probabilities_are_ranked_but_not_calibrated() -> None:
    found, tables = audited(subject([0, 1, 0, 1], [-3.0, 2.0, 0.1, 0.2]))
    assert found["roc_auc"].value == 1.0
    assert "no probabilities" in str(found["brier_score"].reason)
    assert set(tables) == {"roc"}


def test_the_calibration_table_has_bins_in_order_with_intervals(
    scored: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
) -> None:
    y, score = scored
    _, tables = audited(subject(y, score), Performance(bins=5))
    table = tables["calibration"]
    assert table.columns == ("bin", "n", "mean_score", "observed_rate", "low", "high")
    assert table.chart == "reliability"
    bins, n, means, observed, low, high = map(np.array, zip(*table.rows, strict=True))
    assert bins.tolist() == [1, 2, 3, 4, 5]
    assert n.sum() == 500
    assert (np.diff(means) > 0).all()
    assert ((low < high) & (low <= observed) & (observed <= high)).all()


def test_the_roc_table_has_few_points_and_no_score_in_full(
    scored: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
) -> None:
    y, _ = scored
    score = RNG.random(500)
    _, tables = audited(subject(y, score))
    table = tables["roc"]
    assert table.columns == ("false_positive_rate", "true_positive_rate", "threshold")
    assert table.chart == "roc"
    assert len(table.rows) <= 60
    assert table.rows[0] == (0.0, 0.0, None)
    assert table.rows[-1][:2] == (1.0, 1.0)
    assert not set(score) & {row[2] for row in table.rows}


@dataclass(frozen=True)
class Record:
    epochs: tuple[Mapping[str, float | None], ...]

    def to_dict(self) -> dict[str, Any]:
        return {"epochs": list(self.epochs), "seed": 0}


def test_the_loss_of_each_epoch_comes_from_the_training_record() -> None:
    epochs: tuple[Mapping[str, float | None], ...] = (
        {"epoch": 1, "train_loss": 0.7, "validation_loss": None, "learning_rate": 0.1},
        {"epoch": 2, "train_loss": float("nan"), "validation_loss": 0.6},
    )
    _, tables = audited(subject([0, 1], [0.2, 0.9], record=Record(epochs)))
    assert tables["loss"].columns == ("epoch", "train_loss", "validation_loss")
    assert tables["loss"].rows == ((1, 0.7, None), (2, None, 0.6))
    assert tables["loss"].chart == "line"


def test_without_epochs_there_is_no_loss_table() -> None:
    _, tables = audited(subject([0, 1], [0.2, 0.9], record=Record(())))
    assert "loss" not in tables


def test_the_order_of_rows_does_not_matter(
    scored: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
) -> None:
    y, score = scored
    mixed = np.random.default_rng(1).permutation(500)
    first, tables = audited(subject(y, score))
    second, mixed_tables = audited(subject(y[mixed], score[mixed]))
    for name, measurement in first.items():
        assert second[name].value == pytest.approx(measurement.value, abs=1e-12)
    assert mixed_tables["roc"] == tables["roc"]


@pytest.mark.parametrize("settings", [{"level": 0.0}, {"level": 95}, {"bins": 1}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        Performance(**settings)


def test_every_wrong_setting_is_listed() -> None:
    with pytest.raises(InputError, match="2 problems"):
        Performance(level=2, bins=0)


@pytest.mark.parametrize(
    ("task", "frame", "shown"),
    [
        ("multiclass", {"y": ["a", "b", "c"] * 20, "d": ["a", "b", "b"] * 20}, "macro_f1"),
        ("regression", {"y": range(60), "d": range(1, 61)}, "r2_score"),
        ("sequence-to-sequence", {"y": ["k t", "d"] * 30, "d": ["k", "d"] * 30}, "exact_match"),
    ],
)
def test_every_task_has_metrics_of_its_own(task: Task, frame: dict[str, Any], shown: str) -> None:
    rows = pd.DataFrame(frame)
    found, _ = audited(Subject.from_scores(rows, label="y", prediction="d", task=task))
    assert found[shown].value is not None
    assert set(found) <= {metric.id for metric in Performance.metrics}
    assert "roc_auc" not in found
