from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_network import people

import auditkit
from auditkit import InputError, shapley_values, text_shapley_values

ROWS, BACKGROUND = people(30, 1), people(40, 2)


pytestmark = pytest.mark.slow


def test_values_are_the_same_for_any_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    from auditkit.methods import shapley

    features = ["age", "income", "sex", "job", "debt"]
    model, _ = auditkit.fit(
        auditkit.MLP(hidden=(4,)), people(80)[[*features, "y"]], label="y",
        training=auditkit.Training(epochs=1),
    )  # fmt: skip
    # Several blocks of rows, not one.
    monkeypatch.setitem(shapley.shapley.__kwdefaults__ or {}, "chunk", 400)
    for estimator in ("exact", "sampled"):
        settings: Any = {"estimator": estimator}
        one = shapley_values(model, ROWS, BACKGROUND, **settings)
        two = shapley_values(model, ROWS, BACKGROUND, jobs=2, **settings)
        np.testing.assert_array_equal(one.values, two.values)
        np.testing.assert_array_equal(one.standard_errors, two.standard_errors)
        np.testing.assert_array_equal(one.block_values, two.block_values)
        assert one.evaluations == two.evaluations


def test_texts_are_shared_too() -> None:
    rows = pd.DataFrame(
        {"text": [f"a good film {'and ' * k}more" for k in range(20)], "y": [0, 1] * 10}
    )
    settings = auditkit.TextLSTM("text", embedding=3, hidden=3, length=32)
    model, _ = auditkit.fit(settings, rows, label="y", training=auditkit.Training(epochs=1))
    one, two = (text_shapley_values(model, rows, orders=20, jobs=jobs) for jobs in (1, 2))
    for a, b in zip(one.values, two.values, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.evaluations == two.evaluations


def test_a_model_that_cannot_be_sent_is_refused_in_words() -> None:
    class Connected:
        features = ("age",)

        def __init__(self) -> None:
            self.lock = threading.Lock()

        def scores(self, rows: pd.DataFrame) -> Any:
            return rows["age"].to_numpy()

    with pytest.raises(InputError, match="cannot be sent to another process"):
        shapley_values(Connected(), ROWS, BACKGROUND, jobs=2)


def test_an_error_in_another_process_is_the_same_error() -> None:
    class Failing:
        features = ("age", "debt", "income")

        def scores(self, rows: pd.DataFrame) -> Any:
            mixed = ~rows["debt"].isin(ROWS["debt"]) & rows["age"].isin(ROWS["age"])
            return np.where(mixed & rows["income"].isin(ROWS["income"]), np.nan, 0.0)

    with pytest.raises(ValueError, match="NaN or infinity"):
        shapley_values(Failing(), ROWS, BACKGROUND, jobs=2)
