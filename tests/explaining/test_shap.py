from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_network import people, small_mlp

from auditkit import InputError, from_shap, shapley_values, text_shapley_values, to_shap
from auditkit.methods.shapley_summary import importance, top_agreement

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap warns of what its own dependencies deprecate
    import shap

ROWS, BACKGROUND = people(6, 1), people(12, 2)


class Three:
    """Gives three classes of two columns."""

    features = ("age", "debt")
    classes = ("a", "b", "c")

    def scores(self, rows: pd.DataFrame) -> Any:
        a, b = rows["age"].to_numpy(), np.tanh(rows["debt"].to_numpy())
        return np.stack([a * b, b, 1 - b - a * b], axis=1)


@pytest.mark.parametrize("model", [small_mlp(), Three()])
def test_an_attribution_goes_to_shap_and_back(model: Any) -> None:
    found = shapley_values(model, ROWS, BACKGROUND)
    explanation = to_shap(found, ROWS)
    np.testing.assert_array_equal(explanation.values, found.values)
    np.testing.assert_array_equal(explanation.error_std, found.standard_errors)
    assert list(explanation.feature_names) == list(found.names)
    assert explanation.data[0, 0] == ROWS.age.iloc[0]
    sums = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(sums, found.outputs, atol=1e-6)
    back = from_shap(explanation)
    np.testing.assert_array_equal(back.values, found.values)
    np.testing.assert_allclose(back.outputs, found.outputs, atol=1e-6)
    np.testing.assert_allclose(back.base_value, found.base_value)
    assert back.names == found.names
    assert back.output_names == found.output_names
    assert back.estimator == ("shap",) * 6


def test_rows_that_were_not_reached_are_left_out() -> None:
    found = shapley_values(small_mlp(), ROWS, BACKGROUND, estimator="sampled", budget=300)
    assert 0 < found.reached < 6
    assert to_shap(found, ROWS).shape == (found.reached, 5)
    assert to_shap(found, ROWS[: found.reached]).data.shape == (found.reached, 5)


def test_one_class_of_an_explanation_is_one_of_the_attribution() -> None:
    found = shapley_values(Three(), ROWS, BACKGROUND)
    explanation = to_shap(found)
    np.testing.assert_array_equal(explanation[:, :, "b"].values, found.of_output("b").values)


def test_what_shap_computed_has_an_importance_but_no_error() -> None:
    explanation = shap.Explanation(
        np.array([[1.0, -2.0], [3.0, 0.0]]), base_values=np.array([0.5, 0.5]),
        feature_names=["x", "y"],
    )  # fmt: skip
    found = from_shap(explanation)
    estimates = importance(found, bound=5.0)
    assert [estimate.value for estimate in estimates] == [2, 1]
    assert top_agreement(found, 1, np.random.default_rng(0)).value is None
    assert found.outputs.tolist() == [-0.5, 3.5]
    assert found.additivity_gap == 0


def test_tokens_go_to_shap_beside_their_values() -> None:
    class Good:
        features = ("text",)

        def scores(self, rows: pd.DataFrame) -> Any:
            return rows["text"].str.contains("good").to_numpy(float)

    explanation = to_shap(
        text_shapley_values(Good(), pd.DataFrame({"text": ["a good film", "bad"]}))
    )
    assert explanation.data[0].tolist() == ["a", "good", "film"]
    np.testing.assert_allclose(explanation[0].values, [0, 1, 0], atol=1e-12)
    assert explanation[0].base_values == 0
    assert explanation[1].data.tolist() == ["bad"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": np.ones(3)}, "values of shape"),
        ({"values": np.full((2, 3), np.nan)}, "all finite: False"),
        ({"base_values": np.array([0.0, 1.0])}, "base values that differ"),
    ],
)
def test_an_explanation_that_is_no_attribution_is_refused(given: Any, message: str) -> None:
    whole = {"values": np.ones((2, 3)), "base_values": 0.5} | given
    with pytest.raises(InputError, match=message):
        from_shap(shap.Explanation(**whole))


def test_data_of_another_shape_is_refused() -> None:
    found = shapley_values(small_mlp(), ROWS, BACKGROUND)
    with pytest.raises(InputError, match=r"data: found shape \(6, 3\), expected \(6, 5\)"):
        to_shap(found, np.zeros((6, 3)))


@pytest.mark.filterwarnings("ignore")
def test_shaps_plots_take_it() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    explanation = to_shap(shapley_values(small_mlp(), ROWS, BACKGROUND), ROWS)
    for draw, what in (
        (shap.plots.beeswarm, explanation), (shap.plots.bar, explanation),
        (shap.plots.waterfall, explanation[0]),
    ):  # fmt: skip
        assert draw(what, show=False).get_title() is not None
