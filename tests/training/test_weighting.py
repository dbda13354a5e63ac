"""Weights of classes and groups: against scikit-learn, by hand, and what they do to a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight
from small_training import people

from auditkit.errors import InputError
from auditkit.roles import Roles
from auditkit.training import MLP, Privacy, Recipe, Training, fit
from auditkit.training.weighting import Weighing

BALANCED = Training(class_weight="balanced")
REWEIGHING = Training(group_weight="reweighing", group_columns=["sex"])


def unequal(n: int = 400) -> pd.DataFrame:
    """Rows of whom few are positive, the fewer the less where the sex is unknown."""
    rng = np.random.default_rng(3)
    sex = rng.choice(np.array(["F", "M", None], dtype=object), n, p=[0.3, 0.6, 0.1])
    chance = np.where(sex == "M", 0.4, 0.15)
    return people(n).assign(sex=sex, y=(rng.random(n) < chance).astype(int))


def weighted(rows: pd.DataFrame, training: Training, weight: str | None = None) -> Any:
    weights = Weighing.fit(rows, Roles("y"), weight, training).of(rows)
    assert weights is not None
    return weights


def test_balanced_classes_weigh_as_in_scikit_learn() -> None:
    rows = unequal()
    expected = compute_sample_weight("balanced", rows["y"])
    np.testing.assert_allclose(weighted(rows, BALANCED), expected, rtol=1e-12)
    three = rows.assign(y=np.where(rows["age"] > 1, "top", rows["y"].astype(str)))
    roles = Roles("y", task="multiclass")
    found: Any = Weighing.fit(three, roles, None, BALANCED).of(three)
    np.testing.assert_allclose(found, compute_sample_weight("balanced", three["y"]), rtol=1e-12)


def test_reweighing_closes_the_gap_of_the_tutorial_of_aif360() -> None:
    # German credit, 700 rows: good credit have 427 of 587 from 25 years on, 63 of 113 under it.
    counts = {("M", 1): 427, ("M", 0): 160, ("F", 1): 63, ("F", 0): 50}
    rows = pd.DataFrame([held for held, n in counts.items() for _ in range(n)])
    rows.columns = pd.Index(["sex", "y"])
    plain = rows.groupby("sex")["y"].mean()
    assert round(plain["F"] - plain["M"], 6) == -0.169905
    weights = pd.Series(weighted(rows, REWEIGHING))
    rates = (weights * rows["y"]).groupby(rows["sex"]).sum() / weights.groupby(rows["sex"]).sum()
    assert abs(rates["F"] - rates["M"]) < 1e-12


@given(st.lists(st.tuples(st.sampled_from(["F", "M", None]), st.booleans()), min_size=1))
def test_reweighing_leaves_no_gap_between_groups_that_have_both_outcomes(
    people_drawn: list[tuple[str | None, bool]],
) -> None:
    cells = [(sex, y) for sex in ("F", "M", None) for y in (False, True)]
    rows = pd.DataFrame([*people_drawn, *cells], columns=["sex", "y"]).astype({"y": int})
    for training in (REWEIGHING, Training(**both())):
        weights = weighted(rows, training)
        sex, y = rows["sex"].fillna("unknown"), rows["y"]
        rates = (weights * y).groupby(sex).sum() / pd.Series(weights).groupby(sex).sum()
        assert rates.max() - rates.min() < 1e-12
        assert weights.sum() == pytest.approx(len(rows))


def both() -> dict[str, Any]:
    return {"class_weight": "balanced", "group_weight": "reweighing", "group_columns": ["sex"]}


def test_reweighing_is_the_formula_of_its_authors() -> None:
    rows = pd.DataFrame({"sex": ["F", "F", "F", "M"], "y": [0, 0, 1, 1]})
    # P(F) P(0) / P(F, 0) = 3/4 * 2/4 / (2/4), and so on; nobody is M and 0.
    np.testing.assert_allclose(weighted(rows, REWEIGHING), [0.75, 0.75, 1.5, 0.5])


def test_classes_stay_balanced_under_reweighing_and_rows_count_by_their_own_weights() -> None:
    rows = unequal().assign(w=lambda held: 1 + held["age"].abs())
    weights = pd.Series(weighted(rows, Training(**both()), "w"))
    by_class = weights.groupby(rows["y"]).sum()
    assert by_class[0] == pytest.approx(by_class[1])
    assert weights.sum() == pytest.approx(rows["w"].sum())


def test_balanced_groups_count_the_same_and_a_missing_value_is_a_group() -> None:
    rows = unequal().assign(job=lambda held: held["job"].where(held["job"] != "c", "b"))
    training = Training(group_weight="balanced", group_columns=["sex", "job"])
    weights = pd.Series(weighted(rows, training))
    sums = weights.groupby([rows["sex"].fillna("unknown"), rows["job"]]).sum()
    np.testing.assert_allclose(sums, len(rows) / 6)


def test_weights_change_the_model_and_stand_in_the_record() -> None:
    rows = unequal()
    settings: dict[str, Any] = {"label": "y", "features": ["age", "job"]}
    few: dict[str, Any] = {"epochs": 30, "learning_rate": 0.02, "batch_size": 64}
    plain, record = fit(MLP(hidden=()), rows, training=Training(**few), **settings)
    assert "class_weights" not in record.preparation
    training = Training(**few, **both())
    model, record = fit(MLP(hidden=()), rows, training=training, **settings)
    assert plain.scores(rows).mean() == pytest.approx(rows["y"].mean(), abs=0.1)
    assert model.scores(rows).mean() == pytest.approx(0.5, abs=0.05)
    assert record.loss.endswith("rows count by their weights")
    said = record.to_dict()["preparation"]
    assert set(said["class_weights"]) == {"negative", "positive"}
    assert [line["group"] for line in said["group_weights"][::2]] == ["F", "M", "unknown"]


def test_the_recipe_makes_another_model_with_weights() -> None:
    recipe = Recipe(MLP(hidden=()), "y", Training(epochs=1), features=("age", "job"))
    plain = recipe.fit(unequal())[0]
    changed = recipe.fit(unequal(), group_weight="reweighing", group_columns=("sex",))[0]
    assert plain.sha256 != changed.sha256
    assert recipe.fit(unequal(), group_weight="reweighing", group_columns=["sex"])[0] is changed


def test_validation_rows_are_weighed_by_what_the_training_rows_taught() -> None:
    rows = pd.DataFrame({"sex": ["F", "M"] * 2, "y": [0, 0, 0, 1]})
    held = pd.DataFrame({"sex": ["F", "X"], "y": [1, 1]})
    for training, expected in ((BALANCED, [2.0, 2.0]), (REWEIGHING, [1.0, 1.0])):  # no such cell
        found: Any = Weighing.fit(rows, Roles("y"), None, training).of(held)
        np.testing.assert_allclose(found, expected)


def test_what_cannot_be_weighed_is_told_all_at_once() -> None:
    with pytest.raises(InputError) as error:
        Training(class_weight="equal", group_weight="balanced")
    assert len(error.value.problems) == 2
    with pytest.raises(InputError, match="group_weight too"):
        Training(group_columns=["sex"])
    rows = unequal()
    training = Training(group_weight="reweighing", group_columns=["sexx", "age"],
                        class_weight="balanced")  # fmt: skip
    with pytest.raises(InputError) as error:
        fit(MLP(), rows, label="age", task="regression", training=training)
    told = str(error.value)
    assert len(error.value.problems) == 4
    assert "Did you mean 'sex'?" in told
    assert "400 different numbers" in told
    with pytest.raises(InputError, match=r"class_weight: found privacy too"):
        fit(MLP(), rows, label="y", features=["age"], training=BALANCED, privacy=Privacy())
