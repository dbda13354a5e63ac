"""Weights in the evidence of classes, numbers and texts, against scikit-learn and fairlearn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn import metrics

from auditkit.audit import run
from auditkit.audits.fairness import Fairness
from auditkit.audits.performance import Performance
from auditkit.evidence import ALL_GROUPS
from auditkit.methods.weighting import kish
from auditkit.report import MeasurementRecord, Report
from auditkit.roles import TASKS
from auditkit.subject import Subject, Task

KINDS: tuple[Task, ...] = ("multiclass", "regression", "sequence-to-sequence")
CLASSES = ("a", "b", "c")
COUNTED = {"group_size", "group_count", "unknown_share"}


class Scores:
    """Gives the probabilities that stand in the rows."""

    kind, parameters, sha256, classes = "scores", 0, None, CLASSES

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return rows[[f"p_{name}" for name in CLASSES]].to_numpy()


def people(task: Task, n: int = 600, seed: int = 0) -> pd.DataFrame:
    """People with weights that go with their outcome and their group; some groups are awkward."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sex": rng.choice(["F", "M"], n), "race": rng.choice(list("uvw"), n)})
    frame["some"] = pd.Series(["p", "q", None])[rng.integers(0, 3, n)].to_numpy()
    frame["few"] = np.where(np.arange(n) == 0, "alone", "many")
    z = rng.normal(size=n) + (frame["sex"] == "F")
    frame["w"] = np.exp(rng.normal(0.4 * z, 0.7))
    if task == "regression":
        return frame.assign(y=100 + 10 * z, d=100 + 8 * z + rng.normal(0, 5, n))
    if task == "sequence-to-sequence":
        words = np.array(["x y z", "x y", "", "z z x y"])
        place = rng.integers(0, 4, n)
        wrong = rng.random(n) < 0.2 + 0.2 * (frame["sex"] == "F")
        return frame.assign(y=words[place], d=words[np.where(wrong, (place + 1) % 4, place)])
    odds = np.exp(rng.normal(size=(n, 3)) + np.outer(z, [1, 0, -1]))
    share = odds / odds.sum(axis=1, keepdims=True)
    frame[[f"p_{name}" for name in CLASSES]] = share
    drawn = (rng.random((n, 1)) > np.cumsum(share, axis=1)[:, :2]).sum(axis=1)
    return frame.assign(y=np.array(CLASSES)[drawn])


def subject(task: Task, frame: pd.DataFrame, weight: str | None = "w", **facts: Any) -> Subject:
    given = {"label": "y", "weight": weight, "task": task} | facts
    given.setdefault("sensitive", ["sex", "race", "some", "few"])
    if task != "multiclass":
        return Subject.from_scores(frame, prediction="d", **given)
    return Subject.from_model(Scores(), frame, features=[f"p_{name}" for name in CLASSES], **given)


def report(task: Task, frame: pd.DataFrame, weight: str | None = "w", **facts: Any) -> Report:
    return run(subject(task, frame, weight, **facts), None, ["performance", "fairness"])


def by_id(found: Report) -> dict[str, MeasurementRecord]:
    assert {audit.status for audit in found.audits} == {"completed"}
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


@pytest.fixture(scope="module", params=KINDS)
def task(request: pytest.FixtureRequest) -> Task:
    return request.param  # type: ignore[no-any-return]  # one of KINDS


@pytest.fixture(scope="module")
def weighted(task: Task) -> Report:
    return report(task, people(task))


def test_every_task_is_weighted() -> None:
    assert Performance.weighted == Fairness.weighted == frozenset(TASKS)


def test_classes_are_measured_as_scikit_learn_does_with_sample_weight() -> None:
    of = subject("multiclass", people("multiclass"))
    y, d, w, score = of.y_true, of.y_pred, of.weights, of.y_score
    assert w is not None
    assert score is not None
    by = {"sample_weight": w}
    came = np.eye(3)[y]
    recalls = metrics.recall_score(y, d, average=None, **by)
    expected = {
        "accuracy": metrics.accuracy_score(y, d, **by),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, d, **by),
        "macro_f1": metrics.f1_score(y, d, average="macro", **by),
        "worst_class_recall": min(recalls),
        "majority_accuracy": max(came.T @ w) / w.sum(),
        "log_loss": metrics.log_loss(y, score, **by),
        "macro_roc_auc": metrics.roc_auc_score(
            y, score, multi_class="ovr", average="macro", **by
        ),
        "multiclass_brier_score": np.average(((score - came) ** 2).sum(axis=1), weights=w),
        "top_label_calibration": np.average((y == d) - score.max(axis=1), weights=w),
    }  # fmt: skip
    found = report("multiclass", people("multiclass"))
    ours = {m.metric: m.value for m in found.measurements if m.audit == "performance"}
    assert ours == pytest.approx(expected, abs=1e-12)
    (classes,) = [table for table in found.tables if table.id == "performance.classes"]
    theirs = metrics.precision_recall_fscore_support(y, d, average=None, **by)
    for i, row in enumerate(classes.rows):
        assert [row[6], row[3], row[9]] == pytest.approx([held[i] for held in theirs[:3]])
    (confusion,) = [table for table in found.tables if table.id == "performance.confusion"]
    shares = metrics.confusion_matrix(y, d, normalize="true", **by)
    for actual, predicted, n, share in confusion.rows:
        a, b = CLASSES.index(str(actual)), CLASSES.index(str(predicted))
        assert share == pytest.approx(shares[a, b], abs=1e-12)
        assert n == int(((y == a) & (d == b)).sum())


def test_numbers_are_measured_as_scikit_learn_does_with_sample_weight() -> None:
    of = subject("regression", people("regression"))
    y, d, w = of.y_true, of.y_pred, of.weights
    assert w is not None
    mean = np.full(len(y), np.average(y, weights=w))
    expected = {
        "mean_absolute_error": metrics.mean_absolute_error(y, d, sample_weight=w),
        "root_mean_squared_error": metrics.root_mean_squared_error(y, d, sample_weight=w),
        "median_absolute_error": metrics.median_absolute_error(y, d, sample_weight=w),
        "mean_error": np.average(d - y, weights=w),
        "r2_score": metrics.r2_score(y, d, sample_weight=w),
        "trivial_mean_absolute_error": metrics.mean_absolute_error(y, mean, sample_weight=w),
        "trivial_root_mean_squared_error": metrics.root_mean_squared_error(
            y, mean, sample_weight=w
        ),
    }
    ours = report("regression", people("regression")).measurements
    found = {m.metric: m.value for m in ours if m.audit == "performance"}
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_rates_of_texts_are_ratios_of_weighted_sums() -> None:
    frame = people("sequence-to-sequence")
    found, w = by_id(report("sequence-to-sequence", frame)), frame["w"]
    right = np.average(frame["y"] == frame["d"], weights=w)
    assert found["performance.exact_match"].value == pytest.approx(right, abs=1e-12)
    true, written = ([text.split() for text in frame[column]] for column in ("y", "d"))
    edits = [distance(one, other) for one, other in zip(true, written, strict=True)]
    rate = (w * edits).sum() / (w * [len(one) for one in true]).sum()
    assert found["performance.token_error_rate"].value == pytest.approx(rate, abs=1e-12)


def distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's distance, by the table of all prefixes."""
    table = np.add.outer(np.arange(len(one) + 1), np.arange(len(other) + 1))
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            swap = table[i - 1, j - 1] + (a != b)
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, swap)
    return int(table[-1, -1])


def test_groups_equal_those_of_fairlearn_with_sample_params() -> None:
    of = subject("regression", people("regression"))
    by: dict[str, Any] = {
        "mean_absolute_error": metrics.mean_absolute_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "r2_score": metrics.r2_score,
    }
    names = np.array(of.groups["race"].names)[of.groups["race"].codes]
    frame = MetricFrame(
        metrics=by,
        y_true=of.y_true,
        y_pred=of.y_pred,
        sensitive_features=names,
        sample_params={name: {"sample_weight": of.weights} for name in by},
    )
    found = by_id(report("regression", people("regression")))
    for name in by:
        for group in "uvw":
            ours = found[f"fairness.{name}[race={group}]"].value
            assert ours == pytest.approx(frame.by_group.loc[group, name])
    gap = found[f"fairness.mean_absolute_error_difference[race={ALL_GROUPS}]"].value
    assert gap == pytest.approx(frame.difference()["mean_absolute_error"])


def test_gaps_of_classes_are_those_of_weighted_rates() -> None:
    frame = people("multiclass")
    of = subject("multiclass", frame)
    w, names = of.weights, np.array(of.groups["sex"].names)[of.groups["sex"].codes]
    assert w is not None

    def rates(given: npt.NDArray[Any], among: npt.NDArray[np.bool_]) -> list[float]:
        kept = [among & (names == group) for group in ("F", "M")]
        return [float(np.average(given[rows], weights=w[rows])) for rows in kept]

    everyone = np.ones(len(w), dtype=bool)
    given = [rates(of.y_pred == c, everyone) for c in range(3)]
    got = [rates(of.y_pred == c, of.y_true == c) for c in range(3)]
    right = rates(of.y_pred == of.y_true, everyone)
    expected = {
        "accuracy_difference": np.ptp(right),
        "demographic_parity_difference": max(np.ptp(one) for one in given),
        "demographic_parity_ratio": min(min(one) / max(one) for one in given),
        "equal_opportunity_difference": max(np.ptp(one) for one in got),
    }
    found = by_id(report("multiclass", frame))
    for name, value in expected.items():
        gap = found[f"fairness.{name}[sex={ALL_GROUPS}]"]
        assert gap.value == pytest.approx(value, abs=1e-12)
        assert gap.interval is not None
        assert gap.interval.method.endswith("effective n")


def test_unknown_rows_bound_the_weighted_gap_of_classes() -> None:
    frame = people("multiclass")
    of = subject("multiclass", frame)
    held, w = of.groups["some"].codes, of.weights
    assert w is not None
    widest = 0.0
    for c in range(3):
        given = w * (of.y_pred == c)
        n, s = (np.array([x[held == g].sum() for g in (0, 1, -1)]) for x in (w, given))
        won, lost = s[2], n[2] - s[2]
        up, down = (s + won) / (n + won), s / (n + lost)
        widest = max(widest, up[0] - down[1], up[1] - down[0])
    key = f"fairness.demographic_parity_difference_upper_bound[some={ALL_GROUPS}]"
    assert by_id(report("multiclass", frame))[key].value == pytest.approx(widest, abs=1e-12)


@pytest.mark.parametrize("weight", [1, 0.1, 7])
def test_equal_weights_give_exactly_the_evidence_without_weights(
    task: Task, weight: float
) -> None:  # fmt: skip
    frame = people(task, 300)
    same, plain = report(task, frame.assign(w=weight)), report(task, frame, None)
    assert same.tables == plain.tables
    assert same.measurements == plain.measurements


@pytest.mark.parametrize("times", [0.25, 12345.678, 1e300])
def test_a_constant_over_all_weights_changes_nothing(
    task: Task, weighted: Report, times: float
) -> None:
    frame = people(task)
    again = report(task, frame.assign(w=frame["w"] * times))
    assert numbers(again) == pytest.approx(numbers(weighted), rel=1e-9, abs=1e-12)


def test_whole_weights_have_the_values_of_repeated_rows(task: Task) -> None:
    frame = people(task, 200)
    frame["w"] = np.random.default_rng(1).integers(1, 5, 200)
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    ours = by_id(report(task, frame, sensitive=["sex"]))
    theirs = by_id(report(task, repeated, None, sensitive=["sex"]))
    for key, found in theirs.items():
        if found.metric in COUNTED or ours[key].value is None:
            continue
        assert ours[key].value == pytest.approx(found.value, abs=1e-9), key
        held = ours[key].interval
        if found.interval and held is not None:  # fewer rows are less certain
            assert held.high - held.low > found.interval.high - found.interval.low, key


def test_n_stays_rows_and_the_source_gives_the_effective_n(task: Task, weighted: Report) -> None:
    plain, found = by_id(report(task, people(task), None)), by_id(weighted)
    assert {key: m.n for key, m in found.items()} == {key: m.n for key, m in plain.items()}
    for m in weighted.measurements:
        if m.value is not None and not m.exact:
            assert ", weighted: effective n " in m.source, m.id
            assert m.interval is not None
            assert m.interval.method.endswith(", effective n"), m.id
        if m.value is None:
            assert str(plain[m.id].reason).split(" (")[0] == str(m.reason).split(" (")[0]
    for table in weighted.tables:
        assert "weighted" in table.source or "effective counts" in table.source, table.id


def test_every_interval_has_a_width_and_holds_its_value(weighted: Report) -> None:
    for m in weighted.measurements:
        if m.interval is not None and m.value is not None:
            assert m.interval.low < m.interval.high
            assert m.interval.low - 1e-9 <= m.value <= m.interval.high + 1e-9


def test_a_person_alone_is_withheld_whatever_the_weight(weighted: Report) -> None:
    alone = [m for m in weighted.measurements if m.slice == {"few": "alone"}]
    for m in alone:
        if m.metric != "group_size":
            assert (m.value, m.n) == (None, 1)
            assert "effective" not in m.source


def test_a_small_group_stays_out_of_the_gaps_however_heavy_it_is(task: Task) -> None:
    frame = people(task).assign(few=lambda f: np.where(f.index < 5, "five", "many"))
    frame.loc[:4, "w"] *= 1000
    found = report(task, frame).measurements
    gaps = [m for m in found if m.slice == {"few": ALL_GROUPS} and "difference" in m.metric]
    assert gaps
    assert all(m.value is None for m in gaps)


def test_the_order_of_rows_does_not_matter(task: Task, weighted: Report) -> None:
    shuffled = people(task).sample(frac=1, random_state=1)
    assert report(task, shuffled).measurements == weighted.measurements


def test_scores_that_are_all_alike_say_once_that_they_are_weighted() -> None:
    frame = people("multiclass").assign(p_a=1.0, p_b=0.0, p_c=0.0, y="a")
    frame.loc[0, "y"] = "b"
    frame.loc[0, ["p_a", "p_b"]] = [0.0, 1.0]
    brier = by_id(report("multiclass", frame))["performance.multiclass_brier_score"]
    assert brier.value == 0
    assert brier.interval is not None
    assert brier.interval.method == "Hoeffding, effective n"


def test_the_effective_n_of_scores_is_that_of_kish() -> None:
    of = subject("multiclass", people("multiclass"))
    assert of.weights is not None
    area = by_id(report("multiclass", people("multiclass")))["performance.macro_roc_auc"]
    assert area.source.endswith(f"effective n {kish(of.weights):,.1f}")
