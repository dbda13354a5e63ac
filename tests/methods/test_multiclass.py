"""Predictions among classes: scikit-learn for values, simulation for intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from auditkit.evidence import Measurement, Table
from auditkit.methods import class_performance, class_scores, multiclass
from auditkit.methods.class_performance import Classified
from auditkit.methods.estimates import Estimate

CLASSES = ("a", "b", "c", "d")


def drawn(n: int = 500, seed: int = 0) -> Classified:
    """Rows whose scores know the class a little; class d never occurs."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), y] += 1.5
    score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Classified(y, score.argmax(axis=1), score, CLASSES)


def evidence(rows: Classified) -> tuple[dict[str, Measurement], dict[str, Table]]:
    items = list(class_performance.measure_classes(rows, "no scores"))
    found = {item.metric: item for item in items if isinstance(item, Measurement)}
    return found, {item.name: item for item in items if isinstance(item, Table)}


def test_values_equal_those_of_scikit_learn() -> None:
    rows, known = drawn(), [0, 1, 2]
    assert rows.y_score is not None
    found, _ = evidence(rows)
    y, yhat, score = rows.y_true, rows.y_pred, rows.y_score
    areas = [metrics.roc_auc_score(y == c, score[:, c]) for c in known]
    came = np.eye(4)[y]
    expected = {
        "accuracy": metrics.accuracy_score(y, yhat),
        "majority_accuracy": np.mean(y == 0),
        "balanced_accuracy": metrics.recall_score(y, yhat, labels=known, average="macro"),
        "macro_f1": metrics.f1_score(y, yhat, average="macro"),
        "worst_class_recall": min(metrics.recall_score(y, yhat, labels=known, average=None)),
        "log_loss": metrics.log_loss(y, score, labels=range(4)),
        "multiclass_brier_score": np.mean(((score - came) ** 2).sum(axis=1)),
        "macro_roc_auc": np.mean(areas),
        "top_label_calibration": np.mean(y == yhat) - score.max(axis=1).mean(),
    }
    assert {name: m.value for name, m in found.items()} == pytest.approx(expected, abs=1e-12)
    assert all(m.interval is not None for m in found.values())


def test_every_class_has_its_recall_precision_and_f1_with_intervals() -> None:
    rows = drawn()
    _, tables = evidence(rows)
    table = tables["classes"]
    held = {line[0]: dict(zip(table.columns, line, strict=True)) for line in table.rows}
    labels = [0, 1, 2]
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        rows.y_true, rows.y_pred, labels=labels
    )
    for c in labels:
        line = held[CLASSES[c]]
        assert line["support"] == support[c]
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            assert line[name] == pytest.approx(value[c])
            assert float(line[f"{name}_low"] or 0) < value[c] < float(line[f"{name}_high"] or 0)
    assert (held["d"]["support"], held["d"]["recall"]) == (0, None)
    confusion = metrics.confusion_matrix(rows.y_true, rows.y_pred)
    counts = {(line[0], line[1]): line[2] for line in tables["confusion"].rows}
    assert counts["a", "b"] == confusion[0, 1]
    assert sum(int(n or 0) for n in counts.values()) == 500
    assert tables["calibration"].chart == "reliability"


def test_without_scores_their_metrics_say_why() -> None:
    rows = drawn()
    found, tables = evidence(Classified(rows.y_true, rows.y_pred, None, CLASSES))
    assert found["log_loss"].reason == "no scores"
    assert "calibration" not in tables


def test_scores_that_are_no_probabilities_still_rank() -> None:
    rows = drawn()
    assert rows.y_score is not None
    found, _ = evidence(Classified(rows.y_true, rows.y_pred, 3 * rows.y_score, CLASSES))
    assert found["log_loss"].value is None
    assert found["top_label_calibration"].value is None
    assert found["macro_roc_auc"].value is not None


def test_a_true_class_that_was_ruled_out_makes_the_loss_infinite_and_says_so() -> None:
    found = class_scores.log_loss([0, 1], [[0.0, 1.0], [0.5, 0.5]])
    assert found == Estimate.undefined("infinite: the true class of 1 row has a score of 0")


def test_the_worst_class_is_named_and_small_ones_are_left_out() -> None:
    confusion = np.array([[40, 10, 0], [5, 15, 0], [2, 1, 0]])
    found, worst = multiclass.worst_recall(confusion)
    assert (found.value, worst) == (0.75, 1)
    assert found.interval is not None
    assert found.interval.method == "Clopper-Pearson, Bonferroni over 2 classes"
    assert multiclass.worst_recall([[3, 0], [1, 2]])[1] is None


def test_perfect_ranking_keeps_a_width() -> None:
    y = np.repeat([0, 1, 2], 20)
    found = class_scores.macro_roc_auc(y, np.eye(3)[y])
    assert found.value == 1
    assert found.interval is not None
    assert 0.7 < found.interval.low < 1
    assert "Bonferroni over 3 classes" in found.interval.method


def test_one_class_only_has_no_balanced_accuracy_and_no_area() -> None:
    assert multiclass.balanced_accuracy([[5, 1], [0, 0]]).value is None
    assert class_scores.macro_roc_auc([0, 0], [[0.5, 0.5], [0.9, 0.1]]).value is None


def test_a_class_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="a class is a whole number"):
        multiclass.count_classes({}, {}, [-1], [0], 2)
    with pytest.raises(ValueError, match="one predicted class a row"):
        multiclass.count_classes({}, {}, [0, 1], [0], 2)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    truth, _ = evidence(drawn(400_000, seed=9))
    names = ("accuracy", "balanced_accuracy", "macro_f1", "macro_roc_auc", "worst_class_recall",
             "log_loss", "multiclass_brier_score", "top_label_calibration")  # fmt: skip
    held = dict.fromkeys(names, 0)
    draws = 400
    for seed in range(draws):
        found, _ = evidence(drawn(300, seed=1000 + seed))
        for name in names:
            interval, value = found[name].interval, truth[name].value
            assert interval is not None
            assert value is not None
            held[name] += interval.low <= value <= interval.high
    # 0.95 less 3 Monte-Carlo errors of 400 draws.
    assert {name: n / draws for name, n in held.items() if n / draws < 0.917} == {}
