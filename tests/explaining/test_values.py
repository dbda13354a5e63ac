from __future__ import annotations

import random
import warnings
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from small_network import people, small_lstm, small_mlp

import auditkit
from auditkit import InputError, shapley_cost, shapley_values
from auditkit.encoding import SequenceEncoder
from auditkit.errors import ModelError
from auditkit.explaining.values import game_of
from auditkit.methods.shapley_output import Output
from auditkit.models.module import ModuleModel
from auditkit.models.sklearn import SklearnModel
from auditkit.roles import Task

Array = npt.NDArray[np.float64]
FEATURES = ["age", "income", "sex", "job", "debt"]
ROWS, BACKGROUND = people(6, 1), people(12, 2)
FEW = auditkit.Training(epochs=2, batch_size=64)
seeds = st.integers(0, 1_000)


def fitted(estimator: Any, y: Any, **settings: Any) -> SklearnModel:
    """A scikit-learn pipeline over raw columns, two of which are texts."""
    texts = make_column_transformer((OneHotEncoder(), ["sex", "job"]), remainder="passthrough")
    return SklearnModel.from_estimator(
        make_pipeline(texts, estimator).fit(people(200)[FEATURES], y), **settings
    )


@pytest.fixture(scope="module")
def binary() -> SklearnModel:
    rows = people(200)
    y = (rows.income + rows.age * (rows.job == "x") > 1).astype(int)
    return fitted(RandomForestClassifier(5, max_depth=4, random_state=0), y)


@pytest.fixture(scope="module")
def classes() -> SklearnModel:
    rows = people(200)
    y = np.select([rows.income < 0, rows.age < 1], ["low", "mid"], "high")
    return fitted(LogisticRegression(C=0.5, max_iter=500), y, task="multiclass")


def brute_force(scores: Any, rows: pd.DataFrame, background: pd.DataFrame) -> Array:
    """The definition over raw columns, in loops: every subset, every background row."""
    columns = list(rows.columns)
    g = len(columns)

    def worth(i: int, subset: tuple[str, ...]) -> Any:
        mixed = background.copy()
        for name in subset:
            mixed[name] = np.repeat(rows[name].iloc[i : i + 1].to_numpy(), len(mixed))
        return scores(mixed).mean(axis=0)

    found = []
    for i in range(len(rows)):
        for name in columns:
            others = [other for other in columns if other != name]
            found.append(
                sum(
                    factorial(s) * factorial(g - s - 1) / factorial(g)
                    * (worth(i, (*subset, name)) - worth(i, subset))
                    for s in range(g) for subset in combinations(others, s)
                )
            )  # fmt: skip
    return np.reshape(found, (len(rows), g, *np.shape(found)[1:]))


def shap_values(explainer: str, model: SklearnModel, **settings: Any) -> Any:
    """What shap makes of the same game over numbered raw values."""
    from auditkit.explaining.frames import CodedRows

    coded = CodedRows.of(ROWS, BACKGROUND, FEATURES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap warns of what its own dependencies deprecate
        import shap

        masker = shap.maskers.Independent(coded.background, max_samples=len(BACKGROUND))
        explain = getattr(shap.explainers, explainer)(
            lambda codes: model.scores(coded.frame(codes)), masker
        )
        return explain(coded.rows, **settings)


def test_values_of_a_scikit_learn_model_equal_shaps_exact_explainer(binary: SklearnModel) -> None:
    ours = shapley_values(binary, ROWS, BACKGROUND, estimator="exact")
    theirs = shap_values("Exact", binary)
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-6)
    np.testing.assert_allclose(ours.base_value, theirs.base_values[0], atol=1e-6)
    assert ours.names == tuple(FEATURES)


def test_sampled_values_lie_about_as_near_as_those_of_shaps_permutation_explainer(
    binary: SklearnModel,
) -> None:
    exact = shapley_values(binary, ROWS, BACKGROUND, estimator="exact")
    ours = shapley_values(binary, ROWS, BACKGROUND, estimator="sampled")
    theirs = shap_values("Permutation", binary, max_evals=2 * 5 + 1)  # one order, as ours
    assert ours.additivity_gap < 1e-9
    error = np.sqrt(np.mean((ours.values - exact.values) ** 2))
    assert 0 < error < np.sqrt(np.mean((theirs.values - exact.values) ** 2))


@pytest.mark.parametrize("output", ["probability", "logit", "prediction"])
def test_values_of_classes_equal_the_definition(classes: SklearnModel, output: Any) -> None:
    def read(frame: pd.DataFrame) -> Array:
        p = classes.scores(frame)
        if output == "logit":
            return np.asarray(np.log(p / (1 - p)))
        return p if output == "probability" else np.eye(3)[p.argmax(axis=1)]

    rows, background = ROWS[FEATURES][:3], BACKGROUND[FEATURES]
    found = shapley_values(classes, rows, background, output=output)
    np.testing.assert_allclose(found.values, brute_force(read, rows, background), atol=1e-6)
    assert found.output_names == ("high", "low", "mid")
    np.testing.assert_allclose(found.outputs, read(rows), atol=1e-9)
    np.testing.assert_allclose(found.base_value, read(background).mean(axis=0), atol=1e-9)
    assert found.additivity_gap < 1e-9


def test_one_class_of_several_is_explained_as_if_it_were_alone(classes: SklearnModel) -> None:
    class Alone:
        features = FEATURES

        def scores(self, rows: pd.DataFrame) -> Array:
            return classes.scores(rows)[:, 1]

    for estimator in ("exact", "sampled"):
        settings: Any = {"estimator": estimator}
        one = shapley_values(classes, ROWS, BACKGROUND, **settings).of_output("low")
        alone = shapley_values(Alone(), ROWS, BACKGROUND, **settings)
        np.testing.assert_allclose(one.values, alone.values, atol=1e-12)
        np.testing.assert_allclose(one.standard_errors, alone.standard_errors, atol=1e-12)
        np.testing.assert_allclose(one.block_values, alone.block_values, atol=1e-12)
        assert one.base_value == pytest.approx(alone.base_value)
    with pytest.raises(ValueError, match="no output 'lo'; there is high, low, mid"):
        shapley_values(classes, ROWS, BACKGROUND).of_output("lo")
    with pytest.raises(ValueError, match="there is one output only"):
        alone.of_output(0)


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_any_model_with_scores_equals_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(3, 4))

    class Table:
        """A function of raw columns with missing values, texts and dates."""

        features = ("a", "kind", "day")

        def scores(self, rows: pd.DataFrame) -> Array:
            a = rows["a"].fillna(5.0).to_numpy()
            kind = rows["kind"].map({"x": 0.0, "y": 1.0}).fillna(2.0).to_numpy(float)
            day = rows["day"].dt.day.to_numpy(float)
            columns = np.stack([a, kind, day], axis=1)
            return np.asarray(np.tanh(columns @ weights).prod(axis=1))

    def drawn(n: int) -> pd.DataFrame:
        days = pd.to_datetime("2026-01-01") + pd.to_timedelta(rng.integers(0, 3, n), unit="D")
        kinds = rng.choice(np.array(["x", "y", None], dtype=object), n)
        return pd.DataFrame(
            {"a": rng.choice([0.5, 1.0, np.nan], n), "kind": pd.Series(kinds), "day": days}
        )

    rows, background = drawn(3), drawn(5)
    found = shapley_values(Table(), rows, background)
    expected = brute_force(Table().scores, rows, background)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_equal_raw_values_cost_nothing_and_get_nothing() -> None:
    asked = []

    class Counting:
        features = ("a", "b")

        def scores(self, rows: pd.DataFrame) -> Array:
            asked.append(len(rows))
            return np.asarray(rows["a"] + rows["b"])

    rows = pd.DataFrame({"a": [1.0], "b": [2.0]})
    found = shapley_values(Counting(), rows, rows.assign(a=0.0))
    assert found.values.tolist() == [[1.0, 0.0]]
    assert found.evaluations == 1 + 2 + 1
    assert sum(asked) == found.evaluations + 1  # and once to see what it gives


def test_a_regression_is_explained_in_its_own_unit() -> None:
    rows = people(200)
    y = 100 * rows.income + 7
    linear = fitted(LinearRegression(), y, task="regression")
    forest = fitted(RandomForestRegressor(3, random_state=0), y, task="regression")
    regression_outputs: tuple[Output, ...] = ("probability", "prediction")
    for output in regression_outputs:
        found = shapley_values(linear, ROWS, BACKGROUND, output=output)
        expected = 100 * (ROWS.income - BACKGROUND.income.mean())
        np.testing.assert_allclose(found.values[:, 1], expected, atol=1e-6)
    assert shapley_values(forest, ROWS, BACKGROUND).additivity_gap < 1e-9
    with pytest.raises(ValueError, match="a regression has no logit"):
        shapley_values(linear, ROWS, BACKGROUND, output="logit")


def test_trained_networks_of_every_task_take_the_shortcut_and_keep_the_definition() -> None:
    rows = people(300)
    tasks: dict[Task, str] = {"binary": "y", "multiclass": "race", "regression": "debt"}
    every: list[Output] = ["probability", "logit", "prediction"]
    for task, label in tasks.items():
        features = [name for name in FEATURES if name != label]
        model, _ = auditkit.fit(
            auditkit.MLP(hidden=(6,)), rows[[*features, label]], label=label, task=task,
            training=FEW,
        )  # fmt: skip
        few, others = rows[features][:3], rows[features][100:110]
        for output in every[2:] if task == "regression" else every:
            game = game_of(model, few, others, None, output)
            assert game.first_layer is not None
            found = shapley_values(model, few, others, output=output)

            def read(frame: pd.DataFrame, model: Any = model, output: str = output) -> Array:
                p = model.scores(frame)
                if output == "logit":
                    return np.asarray(special.logit(p))
                if output == "prediction" and p.ndim == 2:
                    return np.asarray(np.eye(p.shape[1])[p.argmax(axis=1)])
                return np.asarray((p >= 0.5).astype(float) if output == "prediction" else p)

            scores = model.scores if task == "regression" else read
            expected = brute_force(scores, few, others)
            np.testing.assert_allclose(found.values, expected, atol=2e-5)


def test_decisions_follow_the_threshold(binary: SklearnModel) -> None:
    for threshold in (0.2, 0.6):
        found = shapley_values(binary, ROWS, BACKGROUND, output="prediction", threshold=threshold)
        np.testing.assert_array_equal(found.outputs, binary.scores(ROWS) >= threshold)
        assert found.base_value == np.mean(binary.scores(BACKGROUND) >= threshold)


def test_groups_of_raw_columns_are_single_players(binary: SklearnModel) -> None:
    groups = {"person": ["sex", "age"], "money": ["income", "debt", "job"]}
    found = shapley_values(binary, ROWS, BACKGROUND, groups=groups)
    assert found.names == ("person", "money")
    assert found.additivity_gap < 1e-9
    with pytest.raises(InputError, match="'income' in 0 groups"):
        shapley_values(binary, ROWS, BACKGROUND, groups={"person": ["sex", "age", "job", "debt"]})
    with pytest.raises(InputError, match="'sex' in 2 groups"):
        shapley_values(binary, ROWS, BACKGROUND, groups=groups | {"more": ["sex"]})


def test_the_seed_decides_and_no_random_state_is_touched(binary: SklearnModel) -> None:
    before = np.random.get_state(), torch.get_rng_state(), random.getstate()  # noqa: NPY002 - the global ones are what is watched
    values = [
        shapley_values(binary, ROWS, BACKGROUND, estimator="sampled", seed=seed).values
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])
    after = np.random.get_state(), torch.get_rng_state(), random.getstate()  # noqa: NPY002 - as above
    assert str(before) == str(after)


@pytest.mark.parametrize("estimator", ["exact", "sampled", "auto"])
def test_the_cost_is_told_before_the_run_and_the_budget_holds(
    binary: SklearnModel, estimator: Any
) -> None:
    told = shapley_cost(binary, ROWS, BACKGROUND, estimator=estimator)
    assert (
        told.evaluations
        == shapley_values(binary, ROWS, BACKGROUND, estimator=estimator).evaluations
    )
    assert told.rows == told.reached == len(ROWS)
    assert told.exact_share == (0 if estimator == "sampled" else 1)
    assert told.cpu_seconds > 0
    short = {"estimator": "sampled", "budget": 300}
    cost = shapley_cost(binary, ROWS, BACKGROUND, **short)  # type: ignore[arg-type]
    found = shapley_values(binary, ROWS, BACKGROUND, **short)  # type: ignore[arg-type]
    assert 0 < found.reached == cost.reached < len(ROWS)
    assert found.evaluations == cost.evaluations <= 300
    assert np.isnan(found.values[found.reached :]).all()


@pytest.mark.parametrize("what", ["features", "steps"])
def test_a_sequence_has_players_by_feature_or_by_step(what: Any) -> None:
    rng = np.random.default_rng(0)
    names = {"bill": ["b3", "b2", "b1"], "paid": ["p3", "p2", "p1"]}
    rows = pd.DataFrame(rng.normal(size=(80, 6)), columns=names["bill"] + names["paid"])
    rows = rows.assign(limit=rng.normal(size=80), y=rng.integers(0, 2, 80))
    model, _ = auditkit.fit(
        auditkit.LSTM(hidden=4, sequence=names, static=["limit"]), rows, label="y", training=FEW
    )
    groups = names if what == "features" else {
        f"step {k + 1}": [names["bill"][k], names["paid"][k]] for k in range(3)
    }  # fmt: skip
    named = groups | {"limit": ["limit"]}
    few, others = rows[:4], rows[40:50]
    found = shapley_values(model, few, others, groups=what)
    same = shapley_values(model, few, others, groups=named)
    assert found.names == tuple(named)
    np.testing.assert_allclose(found.values, same.values, atol=1e-12)
    assert found.additivity_gap < 1e-6


def test_steps_that_one_row_lacks_are_absent_or_hold_the_mean() -> None:
    rng = np.random.default_rng(0)
    long = pd.DataFrame(
        {
            "a1": rng.normal(size=60),
            "a2": rng.normal(size=60),
            "b1": rng.normal(size=60),
            "b2": rng.normal(size=60),
        }
    )
    rows = long.assign(y=rng.integers(0, 2, 60))
    rows.loc[30:, ["a2", "b2"]] = np.nan
    architecture = auditkit.LSTM(
        hidden=4, sequence={"a": ["a1", "a2"], "b": ["b1", "b2"]}, varying=True
    )
    model, _ = auditkit.fit(architecture, rows, label="y", training=FEW)
    whole, cut = rows[:1], rows[30:31]
    by_step = shapley_values(model, whole, cut, groups="steps")
    assert by_step.names == ("step 1", "step 2")
    first = whole.assign(a2=np.nan, b2=np.nan)
    second = cut.assign(a2=whole.a2.iloc[0], b2=whole.b2.iloc[0])
    f = {key: float(model.scores(rows)[0]) for key, rows in {
        "cut": cut, "whole": whole, "first": first, "second": second}.items()}  # fmt: skip
    step = (f["first"] - f["cut"] + f["whole"] - f["second"]) / 2
    assert by_step.values[0, 0] == pytest.approx(step, abs=1e-6)

    by_feature = shapley_values(model, whole, cut, groups="features")
    assert by_feature.names == ("a", "b", "number of steps")
    # Without marks of its own a longer row adds nothing at the second step ...
    mixed = model.encode(cut).copy()
    mixed[0, :, 1:] = model.encode(whole)[0, :, 1:]
    np.testing.assert_allclose(model.scores_of(mixed), f["first"], atol=1e-6)
    # ... and marks without values are a step of zeros, the mean in training.
    longer = model.encode(cut).copy()
    longer[0, 1, 0] = 1
    assert isinstance(model.encoder, SequenceEncoder)
    means = cut.assign(**{c.columns[1]: c.scale.mean for c in model.encoder.channels})
    np.testing.assert_allclose(model.scores_of(longer), model.scores(means), atol=1e-6)
    assert by_feature.additivity_gap < 1e-6


def test_a_background_that_does_not_vary_is_told(binary: SklearnModel) -> None:
    assert shapley_values(binary, ROWS, BACKGROUND).notes == ()
    found = shapley_values(binary, ROWS, BACKGROUND.assign(sex="F", debt=1.0))
    assert found.notes[0].startswith("one value in the whole background: 'sex', 'debt'; a row")
    network = shapley_values(small_mlp(), ROWS, BACKGROUND.assign(sex="F"))
    assert network.notes[0].startswith("one value in the whole background: 'sex';")


class Given:
    """A model that gives what it is told to."""

    features = tuple(FEATURES)

    def __init__(self, give: Any) -> None:
        self.scores = give


NOISE = np.random.default_rng(0)
BAD_MODELS: dict[str, tuple[Any, str]] = {
    "NaN": (lambda rows: rows["age"].to_numpy() * np.nan, "NaN or infinity for"),
    "an extra dimension": (lambda rows: np.zeros((len(rows), 2, 1)), "one number a row"),
    "one number for all": (lambda _: np.zeros(3), "one number a row"),
    "noise": (lambda rows: NOISE.random(len(rows)), "not deterministic"),
}


@pytest.mark.parametrize("bad", BAD_MODELS)
def test_a_model_that_gives_no_usable_answer_is_refused(bad: str) -> None:
    give, message = BAD_MODELS[bad]
    with pytest.raises(ValueError, match=message):
        shapley_values(Given(give), ROWS, BACKGROUND)


def test_a_network_with_strange_outputs_is_refused() -> None:
    def model(network: torch.nn.Module, **more: Any) -> ModuleModel:
        def encode(rows: pd.DataFrame) -> Any:
            return rows[["age", "debt"]].to_numpy(np.float32)

        return ModuleModel(network, encode, players={"age": [0], "debt": [1]}, **more)

    class Deep(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows[:, :, None, None]

    class Gone(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows[:, 0] * float("nan")

    for network, said in ((Deep(), "shape"), (Gone(), "no finite number|NaN")):
        with pytest.raises(ModelError, match=said):
            shapley_values(model(network.eval()), ROWS, BACKGROUND)


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "no such column": (
        {"background": BACKGROUND.drop(columns="sex")},
        "background, features: found 'sex'",
    ),
    "two frames": (
        {"rows": ROWS.drop(columns="age"), "background": BACKGROUND.drop(columns="sex")},
        "2 problems",
    ),
    "a column twice": ({"rows": pd.concat([ROWS, ROWS[["sex"]]], axis=1)}, "2 columns named 'sex'"),
    "an array": ({"rows": np.zeros((2, 5))}, "found a ndarray"),
    "no background": ({"background": BACKGROUND[:0]}, "background: found no row"),
    "lists": ({"rows": ROWS.assign(age=pd.Series([[1]] * 6))}, "cannot be compared"),
    "steps": ({"groups": "steps"}, "groups: found 'steps'"),
    "budget": ({"budget": 20}, "one row costs .* the budget is 20"),
    "output": ({"output": "score"}, "what is explained is 'probability'"),
    "jobs": ({"jobs": 0}, "jobs: found '0'"),
}


@pytest.mark.parametrize("bad", BAD_CALLS)
def test_what_does_not_fit_is_refused_in_words(binary: SklearnModel, bad: str) -> None:
    changes, message = BAD_CALLS[bad]
    arguments = {"rows": ROWS, "background": BACKGROUND} | changes
    with pytest.raises(ValueError, match=message):
        shapley_values(binary, **arguments)


def test_problems_of_a_networks_columns_name_the_frame() -> None:
    model, rows = small_lstm()
    with pytest.raises(InputError, match="'features' or 'steps' of an LSTM"):
        shapley_values(model, rows[:2], rows[2:4], groups="steps")
    mlp, _ = auditkit.fit(
        auditkit.MLP(hidden=(2,)), people(60)[["age", "job", "y"]], label="y", training=FEW
    )
    with pytest.raises(InputError) as caught:
        shapley_values(mlp, ROWS.drop(columns="age"), BACKGROUND.drop(columns="job"))
    assert "rows, features: found 'age'" in str(caught.value)
    assert "background, features: found 'job'" in str(caught.value)


def test_a_logit_needs_probabilities_that_have_one() -> None:
    certain = Given(lambda rows: (rows["age"] > 1).to_numpy(float))
    with pytest.raises(ValueError, match="are 0 or 1, whose logit is infinite"):
        shapley_values(certain, ROWS, BACKGROUND, output="logit")
    both: tuple[Output, ...] = ("logit", "prediction")
    for output in both:
        with pytest.raises(ValueError, match="is no probability"):
            shapley_values(
                Given(lambda rows: rows["age"].to_numpy() + 2),
                ROWS,
                BACKGROUND,
                output=output,
            )


def test_types_of_columns_reach_the_model_as_they_were() -> None:
    seen: set[Any] = set()

    def give(rows: pd.DataFrame) -> Array:
        seen.update(str(kind) for kind in rows.dtypes)
        return rows["age"].to_numpy(float)

    model = Given(give)
    typed = {"job": "category", "sex": "string", "age": "Int64"}
    rows, background = (
        pd.DataFrame(f.assign(age=[1] * len(f))).astype(typed) for f in (ROWS, BACKGROUND)
    )
    shapley_values(model, rows, background)
    assert {"category", "string", "Int64", "float64"} <= seen


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_scores_and_decisions_are_explained_at_once_for_the_work_of_one(
    request: pytest.FixtureRequest, kind: str
) -> None:
    model = request.getfixturevalue(kind)
    both, score, decision = (
        shapley_values(model, ROWS, BACKGROUND, output=output, threshold=0.4)
        for output in ("both", "probability", "prediction")
    )
    half = both.values.shape[2] // 2
    for part, alone in ((range(half), score), (range(half, 2 * half), decision)):
        np.testing.assert_allclose(both.of_outputs(part).values, alone.values, atol=1e-12)
        np.testing.assert_allclose(both.of_outputs(part).base_value, alone.base_value)
    assert both.evaluations == score.evaluations
    names = (
        ("score", "decision") if kind == "binary" else ("score: high", "score: low", "score: mid")
    )
    assert both.output_names[: len(names)] == names
    assert len(both.output_names) == 2 * half


def test_scores_and_decisions_of_a_network_are_explained_at_once() -> None:
    model = small_mlp()
    both, score, decision = (
        shapley_values(model, people(5), people(9, 3), output=output, threshold=0.7)
        for output in ("both", "probability", "prediction")
    )
    np.testing.assert_allclose(both.of_output("score").values, score.values, atol=1e-7)
    np.testing.assert_allclose(both.of_output("decision").values, decision.values, atol=1e-7)
    assert both.evaluations == score.evaluations
