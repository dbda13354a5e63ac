"""The audit of anonymity: who stands alone in what others may know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.anonymity import (
    ITSELF,
    NO_ATTRIBUTE,
    NO_COLUMN,
    NOT_ASKED,
    WITHHELD,
    Anonymity,
)
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject
from auditkit.training import MLP, Recipe, Training


def frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "birthYear": rng.integers(1950, 1960, n),
            "zip_code": pd.Series(["10", "11", None])[rng.integers(0, 3, n)].to_numpy(),
            "salary": rng.normal(size=n).round(1),
            "score": rng.random(n),
        }
    )
    return rows.assign(y=(rows["salary"] + rng.normal(size=n) > 0).astype(int))


def report(rows: pd.DataFrame, label: str | None = "y", **settings: Any) -> Report:
    subject = Subject.from_model(
        Reader(), rows, label=label, features=["birthYear", "zip_code", "salary"], sensitive=["sex"]
    )
    return run(subject, None, [Anonymity(**settings)])


class Reader:
    """Reads a number."""

    kind, parameters, sha256 = "reader", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return (rows["salary"].to_numpy() > 0).astype(float)


def one(found: Report, metric: str, **where: str) -> MeasurementRecord:
    return next(m for m in found.measurements if m.metric == metric and m.slice == where)


def sizes(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    return rows.groupby(columns, dropna=False)["y"].transform("size")


QUASI = ["sex", "birthYear", "zip_code"]


def test_unique_and_small_classes_are_those_of_a_group_by_with_missing_values() -> None:
    rows = frame()
    found, size = report(rows), sizes(frame(), QUASI)
    assert one(found, "k_anonymity").value == size.min()
    assert one(found, "unique_share").value == pytest.approx((size == 1).mean())
    assert one(found, "rows_below_k_share").value == pytest.approx((size < 5).mean())
    women = rows["sex"] == "F"
    assert one(found, "unique_share", sex="F").value == pytest.approx((size[women] == 1).mean())
    table = next(t for t in found.tables if t.id == "anonymity.class-sizes")
    assert [row[1] for row in table.rows] == [(size < k).sum() for k in (2, 5, 10)]


def test_columns_are_guessed_from_names_and_the_report_says_so() -> None:
    source = one(report(frame()), "k_anonymity").source
    assert "guessed from names): 'sex', 'birthYear', 'zip_code'" in source
    named = one(report(frame(), quasi_identifiers=("salary",)), "k_anonymity").source
    assert "quasi-identifiers (as named): 'salary'" in named


def test_diversity_and_closeness_are_those_of_the_label() -> None:
    rows = frame()
    groups = rows.groupby(QUASI, dropna=False)["y"]
    found = report(rows)
    assert one(found, "l_diversity").value == groups.nunique().min()
    far = (groups.mean() - rows["y"].mean()).abs().max()
    assert one(found, "t_closeness").value == pytest.approx(far)
    assert "total variation distance" in one(found, "t_closeness").source


def test_a_number_as_sensitive_attribute_is_compared_in_its_order() -> None:
    found = report(frame(), sensitive_attribute="salary")
    assert "earth mover's distance, ordered" in one(found, "t_closeness").source
    assert 0 < (one(found, "t_closeness").value or 0) <= 1


def test_the_table_says_what_each_column_adds() -> None:
    rows = frame()
    table = next(t for t in report(rows).tables if t.id == "anonymity.quasi-identifiers")
    by_column = {row[0]: row for row in table.rows}
    assert set(by_column) == set(QUASI)
    without = (sizes(rows, ["sex", "zip_code"]) == 1).mean()
    assert by_column["birthYear"][3] == pytest.approx(without)
    adds = [float(row[2] or 0) for row in table.rows]
    assert adds == sorted(adds, reverse=True)


def test_a_group_of_one_row_is_withheld() -> None:
    rows = frame()
    rows.loc[0, "sex"] = "X"
    alone = one(report(rows), "unique_share", sex="X")
    assert alone.value is None
    assert alone.reason == WITHHELD


def test_what_cannot_be_said_has_its_reason() -> None:
    assert one(report(frame(), None), "l_diversity").reason == NO_ATTRIBUTE
    assert one(report(frame(), sensitive_attribute="sex", quasi_identifiers=("sex",)),
               "t_closeness").reason == ITSELF  # fmt: skip
    bare = Subject.from_scores(frame(), label="y", score="score")
    found = run(bare, None, ["anonymity"])
    assert {m.reason for m in found.measurements} == {NO_COLUMN}


def test_a_column_that_is_not_there_breaks_the_audit_with_the_nearest_name() -> None:
    (record,) = report(frame(), quasi_identifiers=("birthyear",)).audits
    assert record.status == "error"
    assert "Did you mean 'birthYear'" in str(record.reason)


def trained(rows: pd.DataFrame) -> Subject:
    recipe = Recipe(
        MLP(hidden=(8,)), "y", Training(epochs=3, batch_size=64),
        features=("birthYear", "zip_code", "salary"), validation=rows[:100],
    )  # fmt: skip
    train = rows[100:600].reset_index(drop=True)
    model, record = recipe.fit(train)
    return Subject.from_model(
        model, rows[600:], label="y", features=["birthYear", "zip_code", "salary"],
        sensitive=["sex"], train=train, record=record, recipe=recipe,
    )  # fmt: skip


def test_a_model_trained_on_anonymised_rows_is_compared_when_asked_for() -> None:
    subject = trained(frame(1_000))
    asked = Anonymity(quasi_identifiers=("birthYear", "salary"), k=400, retrain=True)
    found = run(subject, None, [asked])
    cost, accuracy = one(found, "anonymised_accuracy_cost"), one(found, "anonymised_accuracy")
    right = (subject.y_pred == subject.y_true).mean()
    assert cost.value == pytest.approx(right - (accuracy.value or 0))
    assert cost.interval is not None
    assert cost.interval.low > 0  # two classes of 400 hide most of what tells the outcome
    assert 0.1 < (one(found, "anonymised_information_loss").value or 0) < 1
    assert one(run(subject, None, ["anonymity"]), "anonymised_accuracy").reason == NOT_ASKED


def test_nothing_is_anonymised_below_k_rows_and_the_reason_is_given() -> None:
    audit = Anonymity(k=5_000, retrain=True)
    reason = one(run(trained(frame(1_000)), None, [audit]), "anonymised_accuracy").reason
    assert "at most the 1,000 rows" in str(reason)
