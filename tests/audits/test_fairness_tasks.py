"""The fairness audit of classes, numbers and texts: values by hand, and who is kept out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from sklearn import metrics

from auditkit.audits.fairness import Fairness
from auditkit.evidence import ALL_GROUPS, Measurement, Table
from auditkit.methods import gaps
from auditkit.methods.groupwise import CONSTANT
from auditkit.subject import Subject, Task

RNG = np.random.default_rng(0)
N = 900
SEX = RNG.choice(["F", "M"], N)
AREA = pd.Series(RNG.choice(["north", "south", "west"], N)).where(RNG.random(N) > 0.1, None)
GROUPS = {"sex": SEX, "area": AREA}


class Found:
    """What the audit yielded, by metric and slice."""

    def __init__(self, task: Task, rows: dict[str, Any], audit: Fairness | None = None) -> None:
        frame = pd.DataFrame(rows)
        columns = [name for name in frame.columns if name not in {"y", "d"}]
        self.subject = Subject.from_scores(
            frame, label="y", prediction="d", sensitive=columns, task=task
        )
        items = list((audit or Fairness()).run(self.subject, np.random.default_rng(0)))
        measured = [item for item in items if isinstance(item, Measurement)]
        self.tables = {item.name: item for item in items if isinstance(item, Table)}
        self.by = {(m.metric, *sorted(m.slice.items())): m for m in measured}
        assert len(self.by) == len(measured), "(metric, slice) is unique"
        assert {m.metric for m in measured} <= {m.id for m in Fairness.metrics}

    def of(self, metric: str, **where: str) -> Measurement:
        return self.by[metric, *sorted(where.items())]

    def value(self, metric: str, **where: str) -> float:
        found = self.of(metric, **where).value
        assert found is not None
        return found

    def records(self, table: str) -> list[dict[str, Any]]:
        held = self.tables[table]
        return [dict(zip(held.columns, row, strict=True)) for row in held.rows]


def numbers() -> Found:
    y = RNG.normal(100, 20, N)
    d = y + RNG.normal(0, 5, N) + np.where(SEX == "F", -4, 1)
    return Found("regression", {"y": y, "d": d, **GROUPS})


def test_errors_of_numbers_by_group_equal_those_of_fairlearn_and_scikit_learn() -> None:
    found = numbers()
    rows = found.subject.rows
    by = {
        "mean_prediction": mean_prediction,
        "mean_absolute_error": metrics.mean_absolute_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "r2_score": metrics.r2_score,
        "mean_error": lambda y, d: float(np.mean(d - y)),
        "mean_outcome": lambda y, _: float(np.mean(y)),
    }
    frame = MetricFrame(
        metrics=by, y_true=rows["y"], y_pred=rows["d"], sensitive_features=rows["sex"]
    )
    for name in by:
        for group in ("F", "M"):
            expected = frame.by_group.loc[group, name]
            assert found.value(name, sex=group) == pytest.approx(expected)
    for name in ("mean_prediction", "mean_absolute_error", "mean_error"):
        gap = found.value(f"{name}_difference", sex=ALL_GROUPS)
        assert gap == pytest.approx(frame.difference()[name])


def test_a_signed_error_that_differs_between_groups_is_told_apart() -> None:
    found = numbers()
    gap = found.of("mean_error_difference", sex=ALL_GROUPS)
    assert gap.interval is not None
    assert gap.interval.low > 3
    assert "mean error over 2 groups, 900 rows" in gap.source
    pairs = [row for row in found.records("pairs") if row["metric"] == "mean_error"]
    (apart,) = [row for row in pairs if row["attribute"] == "sex"]
    assert (apart["a"], apart["b"], apart["established"]) == ("M", "F", True)


def test_three_groups_have_simultaneous_intervals_and_unknown_rows_are_left_out() -> None:
    gap = numbers().of("mean_absolute_error_difference", area=ALL_GROUPS)
    assert gap.interval is not None
    assert "Bonferroni over 3 pairs" in gap.interval.method
    assert "rows of unknown group" in gap.source


def test_numbers_of_a_small_group_are_withheld_and_its_size_is_shown() -> None:
    y = np.arange(60.0)
    group = np.where(y < 2, "tiny", "many")
    found = Found("regression", {"y": y, "d": y[::-1].copy(), "g": group})
    assert found.value("group_size", g="tiny") == 2
    hidden = found.of("mean_outcome", g="tiny")
    assert hidden.value is None
    assert "could give the outcome of one person away" in str(hidden.reason)
    gap = found.of("mean_error_difference", g=ALL_GROUPS)
    assert gap.value is None
    assert "'tiny' (2 rows)" in str(gap.reason)


def test_the_same_number_for_everyone_makes_parity_vacuous_but_not_the_error() -> None:
    found = Found("regression", {"y": RNG.normal(size=N), "d": np.full(N, 2.0), "sex": SEX})
    assert CONSTANT in str(found.of("mean_prediction_difference", sex=ALL_GROUPS).reason)
    assert found.value("mean_absolute_error_difference", sex=ALL_GROUPS) >= 0


def classes() -> Found:
    y = RNG.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2])
    wrong = np.where(SEX == "F", "a", "b")
    d = np.where(RNG.random(N) < 0.75, y, wrong)
    return Found("multiclass", {"y": y, "d": d, **GROUPS})


def test_a_gap_between_classes_is_that_of_the_worst_class_which_is_named() -> None:
    found = classes()
    rows = found.subject.rows
    for metric, among in (
        ("demographic_parity_difference", dict.fromkeys("abc", slice(None))),
        ("equal_opportunity_difference", {c: rows["y"] == c for c in "abc"}),
    ):
        each = {
            c: float(np.ptp((held["d"] == c).groupby(held["sex"]).mean()))
            for c in "abc"
            for held in [rows[among[c]]]
        }
        worst = max(each, key=each.__getitem__)
        gap = found.of(metric, sex=ALL_GROUPS)
        assert gap.value == pytest.approx(each[worst])
        assert gap.source.startswith(f"class '{worst}', the widest apart of 3 classes")
        assert gap.interval is not None
        assert gap.interval.method.endswith("Bonferroni over 3 classes")


def test_every_class_has_its_gap_at_a_level_shared_by_all() -> None:
    found = classes()
    rows = found.subject.rows
    held = {(r["attribute"], r["metric"], r["class"]): r for r in found.records("class-gaps")}
    counts = [int(((rows["sex"] == s) & (rows["d"] == "b")).sum()) for s in ("F", "M")]
    totals = [int((rows["sex"] == s).sum()) for s in ("F", "M")]
    expected = gaps.difference(counts, totals, 1 - 0.05 / 3)
    line = held["sex", "selection_rate", "b"]
    assert expected.interval is not None
    assert (line["difference"], line["low"], line["high"]) == pytest.approx(
        (expected.value, expected.interval.low, expected.interval.high)
    )
    assert (line["highest"], line["lowest"], line["established"]) == ("M", "F", True)
    rates = {(r["group"], r["class"]): r for r in found.records("class-rates")}
    assert rates["F", "b"]["selection_rate"] == pytest.approx(counts[0] / totals[0])


def test_accuracy_by_group_and_its_gap_are_those_of_fairlearn() -> None:
    found = classes()
    rows = found.subject.rows
    frame = MetricFrame(
        metrics=metrics.accuracy_score,
        y_true=rows["y"],
        y_pred=rows["d"],
        sensitive_features=rows["sex"],
    )
    assert found.value("accuracy", sex="F") == pytest.approx(frame.by_group["F"])
    assert found.value("accuracy_difference", sex=ALL_GROUPS) == pytest.approx(frame.difference())


def test_unknown_rows_bound_the_parity_of_classes() -> None:
    found = classes()
    low = found.value("demographic_parity_difference_lower_bound", area=ALL_GROUPS)
    high = found.value("demographic_parity_difference_upper_bound", area=ALL_GROUPS)
    assert low <= found.value("demographic_parity_difference", area=ALL_GROUPS) <= high


def test_with_two_classes_parity_is_that_of_the_binary_task() -> None:
    y, d = RNG.integers(0, 2, N), RNG.integers(0, 2, N)
    rows = {"y": y, "d": d, "area": AREA}
    many = Found("multiclass", rows)
    two = Found("binary", rows)
    for metric in ("demographic_parity_difference", "accuracy", "unknown_share"):
        where = {"area": "north"} if metric == "accuracy" else {"area": ALL_GROUPS}
        assert many.value(metric, **where) == pytest.approx(two.value(metric, **where))
    for bound in ("lower", "upper"):
        name = f"demographic_parity_difference_{bound}_bound"
        assert many.value(name, area=ALL_GROUPS) == pytest.approx(two.value(name, area=ALL_GROUPS))


def test_one_class_for_everyone_makes_parity_vacuous_but_not_accuracy() -> None:
    y = RNG.choice(["a", "b"], N)
    found = Found("multiclass", {"y": y, "d": np.full(N, "a"), "sex": SEX})
    assert found.of("demographic_parity_difference", sex=ALL_GROUPS).reason == CONSTANT
    assert found.value("accuracy_difference", sex=ALL_GROUPS) >= 0


def test_the_class_of_a_lonely_row_is_not_told() -> None:
    y = np.array(["a", "b"] * 20)
    group = np.where(np.arange(40) == 0, "alone", "many")
    found = Found("multiclass", {"y": y, "d": y, "g": group, "h": np.array(["u", "v"] * 20)})
    lines = [r for r in found.records("class-rates") if "alone" in r["group"] and r["n"] == 1]
    assert lines
    assert all(line["class_rows"] is None for line in lines)
    assert found.of("accuracy", g="alone").value is None


def texts() -> Found:
    y = np.array([" ".join(RNG.choice(list("abcd"), 5)) for _ in range(N)], dtype=object)
    wrong = RNG.random(N) < np.where(SEX == "F", 0.5, 0.2)
    d = np.array([t[:-1] + "z" if w else t for t, w in zip(y, wrong, strict=True)], dtype=object)
    return Found("sequence-to-sequence", {"y": y, "d": d, **GROUPS})


def test_texts_have_exact_matches_and_token_errors_by_group() -> None:
    found = texts()
    rows = found.subject.rows
    exact = (rows["y"] == rows["d"]).groupby(rows["sex"]).mean()
    for sex in ("F", "M"):
        assert found.value("exact_match", sex=sex) == pytest.approx(exact[sex])
        assert found.value("token_error_rate", sex=sex) == pytest.approx((1 - exact[sex]) / 5)
    gap = found.of("token_error_rate_difference", sex=ALL_GROUPS)
    assert gap.value == pytest.approx(abs(exact["F"] - exact["M"]) / 5)
    assert gap.interval is not None
    assert gap.interval.low > 0
    assert found.value("exact_match_difference", sex=ALL_GROUPS) == pytest.approx(np.ptp(exact))


def test_columns_are_crossed_in_every_task() -> None:
    for found in (numbers(), classes(), texts()):
        names = {row["group"] for row in found.records("groups")}
        assert "F × north" in names or "north × F" in names  # noqa: RUF001 - the sign of a cross


def test_too_many_groups_are_counted_and_not_compared() -> None:
    rows = {"y": np.arange(60.0), "d": np.arange(60.0), "g": np.arange(60).astype(str)}
    found = Found("regression", rows, Fairness(max_groups=20))
    assert found.value("group_count", g=ALL_GROUPS) == 60
    assert "more than max_groups" in str(found.of("mean_error_difference", g=ALL_GROUPS).reason)
