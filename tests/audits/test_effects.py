"""The audit of effects: curves equal scikit-learn's, texts have none, and questions are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import partial_dependence

from auditkit.audits.effects import NO_PAIR, NO_VALUES, TEXT, Effects
from auditkit.errors import InputError
from auditkit.evidence import Cell, Measurement, Table
from auditkit.subject import Subject, Task


class Model:
    """A function of the rows, which counts what it is asked."""

    kind, parameters, sha256 = "function", None, None
    classes = ("a", "b", "c")

    def __init__(self, function: Callable[[pd.DataFrame], Any]) -> None:
        self.function, self.asked = function, 0

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        self.asked += len(rows)
        return np.asarray(self.function(rows), dtype=float)


def people(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rare = np.where(np.arange(n) < 5, "rare", rng.choice(["x", "y", "z"], n))
    return pd.DataFrame(
        {
            "a": rng.random(n),
            "b": rng.random(n),
            "years": rng.integers(5, 17, n).astype("int8"),
            "job": rare,
            "flag": rng.integers(0, 2, n),
            "note": [f"word{i} and more words" for i in range(n)],
            "y": rng.integers(0, 2, n),
        }
    )


FEATURES = ["a", "b", "years", "job", "flag"]


def subject_of(
    function: Callable[[pd.DataFrame], Any],
    rows: pd.DataFrame | None = None,
    features: list[str] | None = None,
    task: Task = "binary",
) -> Subject:
    rows = people() if rows is None else rows
    names = features or FEATURES
    return Subject.from_model(Model(function), rows, label="y", features=names, task=task)


def found(
    subject: Subject, audit: Effects | None = None
) -> tuple[dict[tuple[str, ...], Measurement], dict[str, list[dict[str, Cell]]]]:
    """Measurements by metric and slice, and the points of each feature."""
    items = list((audit or Effects()).run(subject, np.random.default_rng(0)))
    measured = {(m.metric, *m.slice.values()): m for m in items if isinstance(m, Measurement)}
    points: dict[str, list[dict[str, Cell]]] = {}
    for table in items:
        if isinstance(table, Table) and table.name == "curves":
            for row in table.rows:
                line = dict(zip(table.columns, row, strict=True))
                points.setdefault(str(line["feature"]), []).append(line)
    return measured, points


def column(points: list[dict[str, Cell]], name: str) -> np.ndarray:
    return np.array([point[name] for point in points], dtype=float)


def weigh(rows: pd.DataFrame) -> pd.Series:
    return 0.5 * rows["a"] + 0.02 * rows["years"] + 0.1 * (rows["job"] == "x")


def test_partial_dependence_is_that_of_scikit_learn() -> None:
    rows = people(180)
    numeric = rows[["a", "years", "flag"]].astype(float)
    forest = RandomForestClassifier(10, random_state=0).fit(numeric, rows["y"])
    subject = subject_of(
        lambda given: forest.predict_proba(given[["a", "years", "flag"]].astype(float))[:, 1],
        rows,
        ["a", "years", "flag"],
    )
    _, points = found(subject)
    for name, drawn in (("a", "dependence"), ("years", "dependence"), ("flag", "effect")):
        at = column(points[name], "at")
        theirs = partial_dependence(
            forest, numeric, [name], custom_values={name: at}, method="brute"
        )["average"][0]
        ours = column(points[name], drawn)
        assert ours - ours[0] == pytest.approx(theirs - theirs[0], abs=1e-6)


def test_a_linear_score_has_its_slope_as_effect_and_keeps_its_direction() -> None:
    measured, points = found(subject_of(weigh))
    at, effect = column(points["years"], "at"), column(points["years"], "effect")
    assert np.diff(effect) == pytest.approx(0.02 * np.diff(at))
    assert measured["effect_range", "years"].value == pytest.approx(0.02 * np.ptp(at))
    assert measured["effect_against_direction", "a"].value == 0
    assert ("effect_against_direction", "job") not in measured


def test_features_come_in_the_order_of_how_far_they_move_the_score() -> None:
    _, points = found(subject_of(weigh), Effects(features=2))
    assert list(points) == ["a", "years"]


def test_columns_that_are_named_are_looked_at() -> None:
    measured, points = found(subject_of(weigh), Effects(columns=["flag", "job"]))
    assert list(points) == ["job", "flag"]
    assert measured["effect_range", "flag"].value == pytest.approx(0)


def test_a_category_that_few_rows_share_is_not_shown() -> None:
    _, points = found(subject_of(weigh))
    assert {point["at"] for point in points["job"]} == {"x", "y", "z"}
    best = max(points["job"], key=lambda point: float(point["effect"] or 0))
    assert best["at"] == "x"


def test_no_point_is_the_value_of_one_row() -> None:
    rows = people()
    _, points = found(subject_of(weigh, rows))
    assert not set(column(points["a"], "at")) & set(rows["a"])


def test_a_product_interacts_and_a_sum_does_not() -> None:
    product, _ = found(subject_of(lambda rows: rows["a"] * rows["b"] + rows["flag"] / 10))
    one = product["interaction_size", "a", "b"]
    assert one.interval is not None
    assert one.interval.low <= 1 / 9 <= one.interval.high  # E |x - z| is 1/3 for each of the two
    assert product["interaction_size", "a", "flag"].value == 0
    total, _ = found(subject_of(weigh))
    assert {m.value for (metric, *_), m in total.items() if metric == "interaction_size"} == {0.0}


def test_a_turning_effect_goes_against_itself() -> None:
    measured, _ = found(subject_of(lambda rows: 4 * (rows["a"] - 0.5) ** 2))
    against = measured["effect_against_direction", "a"]
    assert against.value == pytest.approx(0.5, abs=0.05)


def test_texts_have_no_curve_and_say_so() -> None:
    measured, points = found(subject_of(lambda rows: rows["note"].str.len() / 99, None, ["note"]))
    assert measured["effect_range", "note"].reason == TEXT
    assert measured["interaction_size",].reason == NO_PAIR
    assert not points


def test_a_column_without_shared_values_is_undefined() -> None:
    rows = people(60).assign(job=lambda f: [f"job{i}" for i in range(len(f))])
    measured, points = found(subject_of(lambda f: f["a"], rows, ["a", "job"]))
    assert measured["effect_range", "job"].reason == NO_VALUES
    assert list(points) == ["a"]


def test_rows_without_a_value_are_counted_and_left_out() -> None:
    rows = people().assign(a=lambda f: f["a"].where(f["flag"] == 1))
    measured, _ = found(subject_of(lambda f: f["a"].fillna(0.5), rows, ["a", "b"]))
    missing = int(rows["a"].isna().sum())
    assert measured["effect_range", "a"].n == len(rows) - missing
    assert f"{missing:,} assessed rows without a value" in measured["effect_range", "a"].source


def test_of_classes_the_one_that_varies_most_is_looked_at_or_the_one_that_is_named() -> None:
    rows = people().assign(y=lambda f: np.array(["a", "b", "c"])[f.index % 3])

    def function(given: pd.DataFrame) -> np.ndarray:
        a = given["a"] / 2
        return np.column_stack([0.2 * a, a, 1 - 1.2 * a])

    subject = subject_of(function, rows, ["a", "b"], "multiclass")
    measured, points = found(subject)
    assert "score of class 'c'" in measured["effect_range", "a"].source
    assert column(points["a"], "effect")[0] > 0
    named, _ = found(subject, Effects(of_class="a"))
    assert "score of class 'a'" in named["effect_range", "a"].source


def test_numbers_have_effects_in_their_own_unit() -> None:
    rows = people().assign(y=lambda f: 100 * f["a"])
    measured, points = found(subject_of(lambda f: 100 * f["a"] * f["b"], rows, None, "regression"))
    assert measured["effect_range", "a"].value == pytest.approx(
        50 * np.ptp(column(points["a"], "at")), rel=0.1
    )
    sizes = [m.value for (metric, *_), m in measured.items() if metric == "interaction_size"]
    assert sizes[0] == pytest.approx(100 / 9, rel=0.2)
    assert sizes[1:] == [0.0] * 4


def test_a_model_that_never_changes_has_flat_curves() -> None:
    measured, _ = found(subject_of(lambda rows: np.full(len(rows), 0.3)))
    reach = measured["effect_range", "a"]
    assert (reach.value, reach.interval) == (0.0, None)
    assert measured["effect_against_direction", "a"].value is None


@pytest.mark.parametrize("most", [1_000, 5_000])
def test_no_more_rows_are_asked_about_than_allowed(most: int) -> None:
    subject = subject_of(weigh)
    subject.y_score  # noqa: B018 - the assessed rows are asked about once, by whichever audit
    model: Any = subject.model
    model.asked = 0
    found(subject, Effects(max_asked=most))
    assert 0 < model.asked <= most


def test_every_wrong_setting_is_told() -> None:
    with pytest.raises(InputError) as told:
        found(subject_of(weigh), Effects(columns=["agee"], of_class="d"))
    assert len(told.value.problems) == 2
