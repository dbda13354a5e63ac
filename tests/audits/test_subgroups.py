"""The audit of subgroups: what is planted is found, what is chance is not named."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.subgroups import Subgroups
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.means import TOO_LARGE
from auditkit.subject import Subject, Task

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def people(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """People of three columns whose outcomes and scores have nothing to do with them."""
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "age": np.array(["young", "middle", "old", None])[rng.integers(0, 4, n)],
            "score": score,
            "y": (rng.random(n) < score).astype(int),
        }
    )


def subject_of(rows: pd.DataFrame, *, weight: str | None = None) -> Subject:
    return Subject.from_scores(
        rows, label="y", score="score", sensitive=["sex", "race", "age"], weight=weight
    )


def found(
    subject: Subject, audit: Subgroups | None = None, seed: int = 0
) -> tuple[dict[str, Measurement], dict[str, Table]]:
    items = list((audit or Subgroups()).run(subject, np.random.default_rng(seed)))
    measured = {item.metric: item for item in items if isinstance(item, Measurement)}
    return measured, {item.name: item for item in items if isinstance(item, Table)}


def planted(n: int = 3_000) -> pd.DataFrame:
    rows = people(n)
    inside = (rows["sex"] == "F") & (rows["race"] == "b") & (rows["age"] == "old")
    return rows.assign(score=np.where(inside, rows["score"] * 0.4, rows["score"]))


def test_a_planted_subgroup_is_named_with_its_size_gap_and_interval() -> None:
    measured, tables = found(subject_of(planted()))
    worst = measured["worst_subgroup_selection_rate_gap"]
    assert "sex = F, race = b, age = old" in worst.source
    assert worst.interval is not None
    assert worst.interval.low > 0.2
    assert worst.value == pytest.approx(0.5, abs=0.1)
    first = dict(zip(tables["subgroups"].columns, tables["subgroups"].rows[0], strict=True))
    assert first["established"] is True
    assert f"{first['n']:,} rows" in worst.source
    assert first["difference"] == pytest.approx(float(first["rate"]) - float(first["rest"]))  # type: ignore[arg-type] # numbers


def test_scores_that_promise_too_little_are_found_where_they_do() -> None:
    measured, tables = found(subject_of(planted(12_000)))
    assert "sex = F, race = b, age = old" in measured["multicalibration_error"].source
    interval = measured["multicalibration_error"].interval
    assert interval is not None
    assert interval.low > 0
    assert tables["calibration"].rows[0][-1] is True


def test_no_subgroup_is_named_where_there_is_only_chance() -> None:
    _, tables = found(subject_of(people()))
    assert not any(row[-1] for row in tables["subgroups"].rows)


def test_unequal_accuracy_is_named_only_where_it_is_worse() -> None:
    rows = people()
    right = (rows["score"] >= 0.5).astype(int)
    rows["y"] = np.where((rows["race"] == "a"), right, rows["y"])
    _, tables = found(subject_of(rows))
    named = [row for row in tables["subgroups"].rows if row[0] == "accuracy"]
    assert named
    assert all(row[5] < 0 for row in named if row[-1])  # type: ignore[operator] # a number


def test_no_small_subgroup_is_named() -> None:
    rows = people(300)
    _, tables = found(subject_of(rows), Subgroups(min_group=20))
    for row in tables["subgroups"].rows:
        assert isinstance(row[2], int)
        assert row[2] >= 20
    measured, tables = found(subject_of(rows), Subgroups(min_group=200))
    assert tables == {}
    assert measured["subgroups_searched"].value == 0
    for rate in RATES:
        gap = measured[f"worst_subgroup_{rate}_gap"]
        assert gap.value is None
        assert gap.reason == "no subgroup has 200 rows in each half"


def test_a_constant_model_has_a_reason_and_no_gap() -> None:
    measured, _ = found(subject_of(people().assign(score=0.7)))
    gap = measured["worst_subgroup_selection_rate_gap"]
    assert gap.value is None
    assert str(gap.reason).startswith("the same for all rows")


def test_numeric_features_are_cut_into_bands_and_crossed() -> None:
    rows = people()
    rng = np.random.default_rng(1)
    rows["income"] = rng.normal(50, 10, len(rows)).round(1)
    rows["y"] = np.where(rows["income"] > 57, 1 - (rows["score"] > 0.5), rows["y"])

    class Model:
        """Gives the score back."""

        kind, parameters, sha256 = "column", None, None

        def scores(self, some: pd.DataFrame) -> np.ndarray:
            return some["score"].to_numpy()

    subject = Subject.from_model(
        Model(), rows, label="y", features=["score", "income"], sensitive=["sex", "race"]
    )
    measured, _ = found(subject, Subgroups(features=("income",)))
    assert "income = 56" in measured["worst_subgroup_accuracy_gap"].source
    with pytest.raises(InputError, match=r"features: found 'nothing', expected a column that the"):
        found(subject, Subgroups(features=("nothing",)))


@pytest.mark.parametrize(
    ("task", "measure"),
    [
        ("regression", "absolute_error"),
        ("multiclass", "accuracy"),
        ("sequence-to-sequence", "exact_match"),
    ],
)
def test_other_tasks_have_a_worst_subgroup_too(task: Task, measure: str) -> None:
    rows = people()
    rng = np.random.default_rng(2)
    off = (rows["sex"] == "F") & (rows["race"] == "b")
    y = rng.choice(["k t", "d o", "a"], len(rows))
    if task == "regression":
        rows["y"] = rng.normal(size=len(rows))
        rows["p"] = rows["y"] + rng.normal(size=len(rows)) * np.where(off, 3.0, 1.0)
    else:
        rows["y"] = y
        wrong = rng.random(len(rows)) < np.where(off, 0.6, 0.2)
        rows["p"] = np.where(wrong, "z", y)
    subject = Subject.from_scores(
        rows, label="y", prediction="p", sensitive=["sex", "race", "age"], task=task
    )
    measured, tables = found(subject)
    worst = measured[f"worst_subgroup_{measure}_gap"]
    assert "sex = F, race = b" in worst.source
    assert worst.interval is not None
    assert worst.interval.low > 0
    assert {row[0] for row in tables["subgroups"].rows} == {measure}


def test_errors_without_a_square_are_not_compared() -> None:
    rows = people(500)
    rows["y"] = np.where(rows["y"] == 1, 1e308, -1e308)
    rows["p"] = -rows["y"]
    subject = Subject.from_scores(
        rows, label="y", prediction="p", sensitive=["sex"], task="regression"
    )
    measured, tables = found(subject)
    assert measured["worst_subgroup_absolute_error_gap"].reason == TOO_LARGE
    assert tables == {}


def test_weights_decide_what_is_worst() -> None:
    rows = people()
    light = (rows["sex"] == "F") & (rows["score"] > 0.5)
    rows["w"] = np.where(light, 0.1, 1.0)
    measured, _ = found(subject_of(rows, weight="w"))
    worst = measured["worst_subgroup_selection_rate_gap"]
    assert "sex = " in worst.source
    assert worst.interval is not None
    assert worst.interval.low > 0.2
    assert "effective n" in worst.interval.method


def test_settings_out_of_range_are_all_told() -> None:
    with pytest.raises(InputError) as caught:
        Subgroups(level=1, min_group=1, measures=("acuracy",))
    assert [problem.where for problem in caught.value.problems] == [
        "[audits.subgroups] min_group",
        "[audits.subgroups] level",
        "[audits.subgroups] measures",
    ]


def test_a_measure_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="expected one of selection_rate"):
        found(subject_of(people(200)), Subgroups(measures=("absolute_error",)))


@pytest.mark.slow
def test_four_columns_to_a_depth_of_three_take_under_2_cpu_seconds() -> None:
    rng = np.random.default_rng(0)
    rows = people(50_000).assign(job=rng.integers(0, 40, 50_000).astype(str))
    subject = Subject.from_scores(
        rows, label="y", score="score", sensitive=["sex", "race", "age", "job"]
    )
    start = time.process_time()
    measured, _ = found(subject)
    assert time.process_time() - start < 2
    assert (measured["subgroups_searched"].value or 0) > 500


@pytest.mark.slow
def test_chance_alone_names_a_subgroup_in_at_most_1_of_20_audits() -> None:
    named = 0
    for seed in range(400):
        _, tables = found(subject_of(people(1_000, seed)), seed=seed)
        named += any(row[-1] for table in tables.values() for row in table.rows)
    assert named <= 20
