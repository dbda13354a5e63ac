from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.starting.guessing import Guess, guess
from auditkit.starting.naming import is_sensitive

N = 60
RNG = np.random.default_rng(0)
Y = np.arange(N) % 2


def table(**columns: Any) -> Guess:
    rows = {"x": np.round(RNG.random(N), 2), "y": Y} | columns
    return guess(pd.DataFrame(rows), "t")


@pytest.mark.parametrize(
    "name",
    [
        *("sex", "SEX", "Gender", "applicant_sex", "ethnicGroup", "race", "age", "Age_Group"),
        *("maritalStatus", "native_country", "CountryOfBirth", "foreign_worker", "disability"),
        *("性别", "客户年龄", "民族", "婚姻状况", "宗教信仰", "国籍", "是否残疾"),
    ],
)
def test_sensitive_columns_are_known_by_their_names(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [*("page", "average", "mortgage", "Essex", "trace", "vehicle_age", "wage", "country", "年份")],
)
def test_other_columns_are_not_taken_for_sensitive(name: str) -> None:
    assert not is_sensitive(name)


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        ({"y": Y, "flag": Y}, "y"),
        ({"flag": Y, "y": 1.5, "approved_loan": Y}, "approved_loan"),
        ({"a": Y, "y": 1.5, "b": Y}, "b"),
        ({"target": Y, "y": 1.5, "default": Y}, "target"),
        ({"sex": Y, "y": Y}, "y"),
        ({"y": np.where(Y, 1.0, np.nan), "late": Y}, "late"),
        ({"y": Y * 2.5, "decision": Y}, "y"),
        ({"y": 1.5, "decision": Y}, "decision"),
        ({"y": 1.5, "是否违约": Y}, "是否违约"),
        ({"y": 1.5, "sex": Y}, None),
        ({"y": np.where(Y, np.inf, 0)}, None),
    ],
)
def test_the_label_is_a_column_of_two_values_by_name_or_the_last(
    columns: dict[str, Any], label: str | None
) -> None:
    assert table(**columns).label == label


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0, 1], 1),
        ([1.0, 2.0], 2),
        ([0.5, 1.5], 1.5),
        ([False, True], True),
        (["no", "yes"], "yes"),
        (["N", "Y"], "Y"),
        (["<=50K", ">50K"], ">50K"),
        (["否", "是"], "是"),
        (["0", "1"], "1"),
        (["good", "bad", "good"], "bad"),
    ],
)
def test_the_positive_value_is_the_higher_one_a_yes_or_the_rarer(
    values: list[Any], positive: Any
) -> None:
    held = (values * N)[:N]
    found = table(y=held)
    assert found.positive == positive
    assert type(found.positive) is type(positive)
    assert (pd.Series(held) == found.positive).any()


@pytest.mark.parametrize(
    ("columns", "score", "prediction"),
    [
        ({"score": np.linspace(0, 1, N)}, "score", None),
        ({"违约概率": np.linspace(0, 1, N)}, "违约概率", None),
        ({"predicted_probability": np.linspace(0, 1, N), "y_pred": Y}, "predicted_probability",
         "y_pred"),
        ({"credit_score": np.arange(N) + 300.5}, None, None),
        ({"score": np.where(Y, 0.5, np.nan)}, None, None),
        ({"risk": Y}, None, None),
        ({"decision": Y}, None, "decision"),
        ({"decision": np.zeros(N, int)}, None, "decision"),
        ({"decision": np.where(Y, "yes", "no")}, None, None),
        ({"decision": Y == 1}, None, "decision"),
    ],
)  # fmt: skip
def test_scores_and_predictions_have_telling_names_and_fitting_values(
    columns: dict[str, Any], score: str | None, prediction: str | None
) -> None:
    found = table(**columns)
    assert (found.score, found.prediction) == (score, prediction)
    assert found.trains == (score is None and prediction is None)


def test_sensitive_columns_are_banded_split_or_left_out_with_the_reason() -> None:
    found = table(
        sex=["F", "M"] * 30,
        age=np.arange(N) + 20,
        ethnicity=["a;b", "b"] * 30,
        race=[["a"], ["a", "b"]] * 30,
        nationality=[f"n{i}" for i in range(N)],
        religion=[None] * N,
        birthplace=[date(2024, 1, 1)] * N,
        caste=np.where(Y, np.inf, 1),
    )
    assert found.sensitive == ("sex", "age", "ethnicity", "race")
    assert found.bands == {"age": [35, 50, 65]}
    assert found.multi == {"ethnicity": ";", "race": ""}
    assert found.left_out["nationality"].endswith("60 groups are too many to compare")
    assert found.left_out["religion"].endswith("every value is missing")
    assert set(found.left_out) == {"nationality", "religion", "birthplace", "caste"}
    assert "age" not in found.features


def test_what_cannot_be_a_feature_is_left_out_with_the_reason() -> None:
    found = table(
        customer_id=np.arange(N) % 7,
        编号=np.arange(N),
        row=np.arange(N),
        code=[f"c{i}" for i in range(N)],
        email=["a@b"] * N,
        same=1,
        none=np.full(N, np.nan),
        day=pd.date_range("2024-01-01", periods=N),
        tags=[["a"]] * N,
        endless=np.where(Y, np.inf, 0),
        income=np.arange(N) * 1000,
        ratio=np.linspace(0, 1, N),
        job=["a", "b", None] * 20,
        late=[True, None, False] * 20,
    )
    assert found.features == ("x", "income", "ratio", "job", "late")
    assert set(found.left_out) == {
        *("customer_id", "编号", "row", "code", "email", "same", "none", "day", "tags", "endless"),
    }
    assert found.left_out["row"] == "another value in every row, like an identifier"
    assert found.left_out["customer_id"] == "an identifier by its name"


def test_a_blank_name_is_left_out() -> None:
    assert table(**{" ": Y}).left_out == {" ": "its name is blank"}


values = st.one_of(
    st.integers(-5, 5), st.floats(), st.text(max_size=3), st.booleans(), st.none(),
    st.lists(st.text(max_size=2), max_size=2), st.dates(), st.binary(max_size=2),
)  # fmt: skip
tables = st.integers(1, 6).flatmap(
    lambda n: st.dictionaries(
        st.one_of(st.text(max_size=6), st.sampled_from(["sex", "age", "y", "score", "y_pred"])),
        st.lists(values, min_size=n, max_size=n),
        min_size=1,
        max_size=5,
    )
)


@given(tables)
def test_every_column_of_any_table_has_one_part_or_a_reason(columns: dict[str, list[Any]]) -> None:
    rows = pd.DataFrame({name: pd.Series(held, dtype=object) for name, held in columns.items()})
    found = guess(rows.infer_objects(), "t")
    single = [name for name in (found.label, found.score, found.prediction) if name is not None]
    parts = [*single, *found.sensitive, *found.features, *found.left_out]
    assert sorted(parts) == sorted(columns)
    assert all(found.why[name] for name in (*single, *found.sensitive))
    assert all(found.left_out.values())


@pytest.mark.parametrize(
    "name", ["fnlwgt", "sample_weight", "SurveyWeight", "finalWeight2", "wgt", "抽样权重"]
)
def test_a_weight_is_guessed_where_its_name_plainly_says_so(name: str) -> None:
    found = table(**{name: RNG.random(N) + 0.5})
    assert found.weight == name
    assert name not in found.features
    assert "a name like a sample weight" in found.why[name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("weight", RNG.random(N)),
        ("体重", RNG.random(N)),
        ("exposure", RNG.random(N)),
        ("fnlwgt", -RNG.random(N)),
        ("fnlwgt", np.where(Y, np.nan, 1.0)),
        ("fnlwgt", ["a", "b"] * (N // 2)),
        ("sample_weight", np.ones(N)),
    ],
)
def test_what_may_be_no_weight_is_not_guessed_to_be_one(name: str, values: Any) -> None:
    assert table(**{name: values}).weight is None


K = np.arange(N) % 3
AMOUNT = np.round(np.linspace(0, 1, N), 3) ** 2


@pytest.mark.parametrize(
    ("columns", "label", "task"),
    [
        ({"y": K}, "y", "multiclass"),
        ({"y": AMOUNT}, "y", "regression"),
        ({"y": 1, "late": Y, "target": K}, "target", "multiclass"),
        ({"y": 1, "late": Y, "income": AMOUNT}, "late", "binary"),
        ({"y": 1, "income": AMOUNT}, "income", "regression"),
        ({"y": 1, "charges": AMOUNT}, "charges", "regression"),
        ({"y": 1, "kind": np.array(["a", "b", "c"])[K]}, "kind", "multiclass"),
        ({"y": 1, "kind": K}, None, "binary"),
        ({"y": [str(i) for i in range(N)]}, None, "binary"),
        ({"y": np.where(Y, np.inf, K)}, None, "binary"),
    ],
)
def test_the_task_is_told_from_the_values_of_the_label(
    columns: dict[str, Any], label: str | None, task: str
) -> None:
    found = table(**columns)
    assert (found.label, found.task) == (label, task)


def test_a_label_that_somebody_names_is_taken_even_if_it_is_sensitive_by_its_name() -> None:
    rows = pd.DataFrame({"sex": ["F", "M"] * 30, "y": Y, "x": AMOUNT})
    found = guess(rows, "t", "sex")
    assert (found.label, found.task, found.sensitive) == ("sex", "binary", ())
    assert found.features == ("y", "x")


def test_deciles_are_scores_with_a_threshold_in_their_middle() -> None:
    found = table(decile_score=np.arange(N) % 10 + 1)
    assert (found.score, found.threshold, found.trains) == ("decile_score", 5, False)
    assert table(credit_score=np.arange(N) + 300).score is None
    assert table(decile_score=np.arange(N) % 12 + 1).score is None


@pytest.mark.parametrize(
    ("label", "values", "prediction"),
    [
        (K, K[::-1], "y_pred"),
        (K, K + 1, None),
        (AMOUNT, AMOUNT * 2, "y_pred"),
        (AMOUNT, np.where(Y, np.inf, 0), None),
    ],
)
def test_predictions_of_classes_hold_classes_and_those_of_numbers_numbers(
    label: Any, values: Any, prediction: str | None
) -> None:
    assert table(y=label, y_pred=values).prediction == prediction
