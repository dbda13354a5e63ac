"""What opens the sections of effects and of rules: the widest, the closest, and for whom not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.render.html import render
from auditkit.subject import Subject, Task


class Model:
    """A function of the rows."""

    kind, parameters, sha256 = "function", None, None

    def __init__(self, function: Callable[[pd.DataFrame], Any]) -> None:
        self.function = function

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.function(rows), dtype=float)


def page(
    audit: str,
    function: Callable[[pd.DataFrame], Any],
    features: tuple[str, ...] = ("age", "pay"),
    task: Task = "binary",
) -> str:
    rng, n = np.random.default_rng(0), 800
    rows = pd.DataFrame({"age": rng.integers(20, 60, n), "pay": rng.random(n)})
    rows["sex"] = rng.choice(["F", "M"], n)
    rows["note"] = [f"note {i} is a text" for i in range(n)]
    rows["y"] = rng.integers(0, 2, n)
    subject = Subject.from_model(
        Model(function), rows, label="y", features=features, sensitive=["sex"], task=task
    )
    return render(run(subject, None, [audit]))


def noisy(rows: pd.DataFrame) -> np.ndarray:
    """A decision of which age tells some, and the last digits of pay the rest."""
    return np.asarray(rows["pay"] * 1e6 % 10 < np.where(rows["age"] >= 40, 7, 2))


def test_the_widest_effect_and_the_strongest_interaction_open_the_section() -> None:
    text = page("effects", lambda rows: rows["pay"] * (rows["age"] - 20) / 40)
    assert "Of the features that move the score most, " in text
    assert "moves it furthest: it raises it by 0." in text
    assert "What a feature does depends on the others: most of all, the change that " in text


def test_effects_that_add_up_are_said_to() -> None:
    text = page("effects", lambda rows: rows["pay"] / 2 + rows["age"] / 200)
    assert "No two features were found whose effects depend on each other." in text


def test_a_model_of_texts_is_said_to_have_no_curve() -> None:
    text = page("effects", lambda rows: rows["note"].str.len() / 99, ("note",))
    assert "No feature has a curve to show: it is a text, whose words have no order" in text


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda rows: rows["age"] >= 40, "The 2 rules below decide as the model does for a share"),
        (noisy, "describe the model roughly, and for a share of 0.2"),
        (noisy, "That is little: take them as a hint"),
        (lambda rows: rows["pay"] * 1e6 % 10 < 1, "these rules do not describe the model"),
        (
            lambda rows: (rows["age"] >= 40) & (rows["sex"].eq("M") | (rows["pay"] * 1e6 % 2 < 1)),
            "They describe it less well for some: by sex, fidelity differs by 0.",
        ),
    ],
)
def test_how_close_rules_come_is_said(
    function: Callable[[pd.DataFrame], Any], sentence: str
) -> None:
    assert sentence in page("surrogate", function)


def test_rules_of_numbers_account_for_a_share_of_the_spread() -> None:
    text = page("surrogate", lambda rows: rows["pay"], task="regression")
    assert "The 8 rules below account for a share of <b>0.98" in text
    assert "Mean of what the model" not in text
    assert "Dot with interval: mean of what the model itself gives these rows." in text
