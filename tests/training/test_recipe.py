"""The recipe: the same once, and changed on request."""

from __future__ import annotations

import pandas as pd
import pytest
from small_training import people

from auditkit.errors import InputError
from auditkit.subject import Recipe as RecipeProtocol
from auditkit.training import MLP, Privacy, Recipe, Training, fit

FEW = Training(epochs=2, batch_size=32)


def recipe() -> Recipe:
    return Recipe(MLP(hidden=(4,)), "y", FEW, features=("age", "job"), validation=people(40, 1))


def test_asking_twice_trains_once_and_anything_else_trains_anew() -> None:
    made, rows = recipe(), people()
    model, record = made.fit(rows)
    assert made.fit(rows.copy())[0] is model
    assert made.fit(rows, progress=False, seed=0)[1] is record
    others = [
        made.fit(rows[:-1])[0],
        made.fit(rows, seed=1)[0],
        made.fit(rows, epochs=1)[0],
        made.fit(rows, architecture=MLP(hidden=(5,)))[0],
        made.fit(rows, validation=None)[0],
        made.fit(rows, features=("job", "age"))[0],
        made.fit(rows, training=Training(epochs=1, batch_size=16))[0],
        made.fit(rows, privacy={"noise_multiplier": 2.0})[0],
    ]
    digests = {other.sha256 for other in others} | {model.sha256}
    assert len(digests) == 9


def test_a_recipe_makes_what_fit_makes() -> None:
    model, _ = recipe().fit(people())
    direct, _ = fit(
        MLP(hidden=(4,)), people(), label="y", features=("age", "job"), training=FEW,
        validation=people(40, 1),
    )  # fmt: skip
    assert model.sha256 == direct.sha256


def test_privacy_may_be_given_as_a_mapping() -> None:
    made = recipe()
    model, record = made.fit(people(), privacy={"noise_multiplier": 2.0, "max_grad_norm": 0.5})
    same = made.fit(people(), privacy=Privacy(noise_multiplier=2.0, max_grad_norm=0.5))
    assert same[0] is model
    assert record.privacy is not None
    assert record.privacy["max_grad_norm"] == 0.5


def test_unknown_changes_are_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'epochs'"):
        recipe().fit(people(), epoch=3)
    with pytest.raises(InputError, match="Did you mean 'epsilon'"):
        recipe().fit(people(), privacy={"epsilonn": 3})


def test_a_recipe_leaves_the_rows_alone_and_satisfies_the_protocol() -> None:
    rows = people()
    copy = rows.copy(deep=True)
    asked: RecipeProtocol = recipe()
    asked.fit(rows)
    pd.testing.assert_frame_equal(rows, copy)


def test_the_type_of_a_column_is_part_of_the_content() -> None:
    made, rows = recipe(), people()
    model, _ = made.fit(rows)
    as_category = rows.astype({"job": "category"})
    again, _ = made.fit(as_category)
    assert again is not model
    assert again.sha256 == model.sha256
