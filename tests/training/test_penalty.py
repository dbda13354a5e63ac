"""The fairness penalty: by hand, what it does to a gap, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from auditkit.errors import InputError
from auditkit.roles import Roles
from auditkit.training import MLP, Privacy, Recipe, Training, fit
from auditkit.training.loop import Examples
from auditkit.training.penalty import Penalised
from auditkit.training.settings import training_from
from auditkit.training.target import Target

PENALTY: dict[str, Any] = {"fairness_penalty": 5.0, "fairness_columns": ["sex"]}


def unequal(n: int = 2_000) -> pd.DataFrame:
    """Rows whose outcome hangs on a number that is higher for men."""
    rng = np.random.default_rng(5)
    sex = rng.choice(np.array(["F", "M", None], dtype=object), n, p=[0.4, 0.5, 0.1])
    x = rng.normal(size=n) + np.where(sex == "M", 1.0, -0.5)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * x))).astype(int)
    return pd.DataFrame({"x": x, "noise": rng.normal(size=n), "sex": sex, "y": y})


def trained(rows: pd.DataFrame, **settings: Any) -> tuple[Any, Any]:
    training = Training(epochs=6, batch_size=128, learning_rate=0.01, patience=0, **settings)
    return fit(MLP(hidden=[8]), rows, label="y", features=["x", "noise"], training=training)


def gap(rows: pd.DataFrame, **settings: Any) -> float:
    model, _ = trained(rows, **settings)
    means = pd.Series(model.scores(rows)).groupby(rows["sex"].to_numpy()).mean()
    return float(means["M"] - means["F"])


def penalty(
    probabilities: list[float], sex: list[str | None], y: list[int], constraint: str
) -> float:
    """The penalty alone of one batch, with strength 1."""
    rows = pd.DataFrame({"sex": pd.Series(sex, dtype=object), "y": y})
    settings = Training(
        fairness_penalty=1.0, fairness_columns=["sex"], fairness_constraint=constraint
    )
    learns = Penalised.of(Target(), rows, Roles("y"), settings)
    logits = torch.logit(torch.tensor(probabilities, dtype=torch.float64)).float()[:, None]
    outcomes = torch.tensor([float(value) for value in y])
    held = learns.examples(Examples(logits, outcomes), rows)
    plain = Target().objective(nn.Flatten(0), logits, outcomes)
    added: torch.Tensor = learns.objective(nn.Flatten(0), held.x, held.y) - plain
    assert torch.allclose(added, added[0])
    return float(added[0])


def test_of_two_groups_it_is_the_squared_difference_of_their_means() -> None:
    found = penalty([0.2, 0.4, 0.9, 0.5], ["F", "F", "M", None], [0, 1, 1, 0], "demographic_parity")
    assert found == pytest.approx((0.9 - 0.3) ** 2, abs=1e-5)


def test_of_three_groups_it_is_the_mean_over_the_pairs() -> None:
    found = penalty([0.1, 0.4, 0.8], ["a", "b", "c"], [0, 1, 0], "demographic_parity")
    assert found == pytest.approx((0.3**2 + 0.7**2 + 0.4**2) / 3, abs=1e-5)


def test_opportunity_is_compared_among_positives_and_odds_among_both() -> None:
    given: Any = {"probabilities": [0.2, 0.4, 0.9, 0.5], "sex": ["F", "F", "M", "M"]}
    given["y"] = [1, 0, 1, 0]
    assert penalty(**given, constraint="equal_opportunity") == pytest.approx(0.7**2, abs=1e-5)
    assert penalty(**given, constraint="equalized_odds") == pytest.approx(0.7**2 + 0.1**2, abs=1e-5)


def test_a_batch_with_one_group_has_no_penalty() -> None:
    rows = unequal(40)
    learns = Penalised.of(Target(), rows, Roles("y"), Training(**PENALTY))
    men = rows[rows["sex"] == "M"]
    x, y = torch.zeros(len(men), 1), torch.from_numpy(men["y"].to_numpy(dtype=np.float32))
    held = learns.examples(Examples(x, y), men)
    plain = Target().objective(nn.Flatten(0), x, y)
    assert torch.equal(learns.objective(nn.Flatten(0), held.x, held.y), plain)


def test_rows_count_by_their_weights_in_the_means() -> None:
    rows = pd.DataFrame({"sex": ["F", "F", "M"], "y": [0, 1, 0]})
    learns = Penalised.of(Target(), rows, Roles("y"), Training(**PENALTY | {"fairness_penalty": 1}))
    logits = torch.logit(torch.tensor([[0.2], [0.8], [0.5]]))
    outcomes = torch.tensor([0.0, 1.0, 0.0])
    held = learns.examples(Examples(logits, outcomes, torch.tensor([3.0, 1.0, 1.0])), rows)
    added = learns.objective(nn.Flatten(0), held.x, held.y)
    added = added - Target().objective(nn.Flatten(0), logits, outcomes)
    assert float(added[0]) == pytest.approx((0.5 - (3 * 0.2 + 0.8) / 4) ** 2, abs=1e-5)


def test_the_gap_falls_with_the_strength() -> None:
    rows = unequal()
    gaps = [gap(rows, fairness_penalty=s, fairness_columns=["sex"]) for s in (0.0, 1.0, 10.0)]
    assert gaps[0] > gaps[1] + 0.05
    assert gaps[1] > gaps[2] + 0.05


def test_strength_0_is_training_without_it_bit_for_bit() -> None:
    rows = unequal(400)
    without, record = trained(rows)
    none, _ = trained(rows, fairness_penalty=0.0, fairness_columns=["sex"])
    with_it, _ = trained(rows, **PENALTY)
    for name, weights in without.network.state_dict().items():
        assert torch.equal(weights, none.network.state_dict()[name])
    scores = without.scores(rows)
    assert not np.array_equal(with_it.scores(rows), scores)
    assert "fairness_penalty" not in record.preparation


def test_the_record_says_what_was_penalised() -> None:
    rows = unequal(400)
    _, record = trained(rows, **PENALTY)
    said = record.to_dict()["preparation"]["fairness_penalty"]
    sizes = rows["sex"].value_counts()
    assert said == {
        "strength": 5.0,
        "constraint": "demographic_parity",
        "columns": ["sex"],
        "groups": [{"group": name, "rows": int(sizes[name])} for name in ("F", "M")],
        "rows_of_unknown_group": int(rows["sex"].isna().sum()),
    }
    assert "5 times the fairness penalty of its batch (demographic parity by sex)" in record.loss


def test_the_validation_loss_holds_the_penalty_so_that_early_stopping_sees_it() -> None:
    rows, held = unequal(600), unequal(300)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": 64, "patience": 1}
    recipe = Recipe(
        MLP(hidden=[4]), "y", Training(**settings), features=["x", "noise"], validation=held
    )
    _, plain = recipe.fit(rows)
    _, strong = recipe.fit(rows, fairness_penalty=1e-9, fairness_columns=["sex"])
    _, stronger = recipe.fit(rows, fairness_penalty=1_000.0, fairness_columns=["sex"])
    losses = [record.epochs[0].validation_loss or 0.0 for record in (plain, strong, stronger)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    assert losses[2] > losses[0] + 1


def test_a_teacher_and_a_penalty_go_together() -> None:
    rows = unequal(600)
    teacher, _ = trained(rows)
    training = Training(epochs=6, batch_size=64, learning_rate=0.01, **PENALTY)
    held: dict[str, Any] = {"label": "y", "features": ["x", "noise"], "teacher": teacher}
    model, record = fit(MLP(hidden=[8]), rows, training=training, **held)
    means = pd.Series(model.scores(rows)).groupby(rows["sex"].to_numpy()).mean()
    assert means["M"] - means["F"] < 0.8 * gap(rows)
    assert "divergence from the teacher" in record.loss


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"fairness_penalty": 1.0}, "Training.fairness_columns: found none"),
        ({**PENALTY, "fairness_penalty": -1.0}, "Training.fairness_penalty: found '-1.0'"),
        ({**PENALTY, "fairness_constraint": "parity"}, "Training.fairness_constraint"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        Training(**settings)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sex": "F"}, "found 1 known group, expected 2 to 100 groups"),
        ({"sex": None}, "found 0 known groups"),
        ({"sex": np.arange(400.0)}, "400 different numbers"),
        ({"sex": [f"g{i}" for i in range(400)]}, "found 400 known groups"),
    ],
)
def test_groups_that_cannot_be_held_together_are_refused(
    change: dict[str, Any], expected: str
) -> None:
    rows = unequal(400).assign(**change)
    with pytest.raises(InputError, match=expected):
        trained(rows, **PENALTY)


def test_a_group_without_positives_cannot_have_the_same_opportunity() -> None:
    rows = unequal(400)
    rows.loc[rows["sex"] == "F", "y"] = 0
    with pytest.raises(InputError, match="1 known group with a row whose outcome is positive"):
        trained(rows, **PENALTY, fairness_constraint="equal_opportunity")


def test_a_missing_column_and_another_task_are_told() -> None:
    rows = unequal(400)
    with pytest.raises(InputError, match=r"Training\.fairness_columns: found 'sex'"):
        fit(MLP(), rows.drop(columns="sex"), label="y", training=Training(**PENALTY))
    with pytest.raises(InputError, match="for a regression task, expected a binary task"):
        fit(MLP(), rows, label="x", task="regression", training=Training(**PENALTY))


def test_private_training_refuses_it() -> None:
    with pytest.raises(InputError, match=r"Training\.fairness_penalty: found privacy too"):
        fit(MLP(), unequal(200), label="y", training=Training(**PENALTY), privacy=Privacy())


def test_a_configuration_file_asks_for_it() -> None:
    asked = {"fairness_penalty": 2, "fairness_columns": ["sex"]}
    training = training_from(asked, "auditkit.toml [subject.training]")
    assert training.fairness_columns == ("sex",)
    assert training.row_columns == ("sex",)
    with pytest.raises(InputError, match=r"auditkit.toml \[subject.training\] fairness_columns"):
        training_from({"fairness_penalty": 2}, "auditkit.toml [subject.training]")
