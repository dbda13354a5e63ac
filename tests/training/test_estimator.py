"""The scikit-learn face of the training core: scikit-learn's own checks, and what uses it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient, GridSearch
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import auditkit
from auditkit import MLP, PooledEmbedding, Subject, TorchClassifier, TorchRegressor
from auditkit.errors import InputError
from auditkit.models.sklearn import SklearnModel

QUICK: dict[str, Any] = {"hidden": (8,), "epochs": 8, "learning_rate": 0.02}


@parametrize_with_checks([TorchClassifier(), TorchRegressor()])  # type: ignore[untyped-decorator]
def test_scikit_learn_checks_it(estimator: Any, check: Any) -> None:
    check(estimator)


def loans(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Men earn more and repay more often."""
    rng = np.random.default_rng(seed)
    man = rng.random(n) < 0.5
    income = rng.normal(30, 5, n) + 8 * man
    job = rng.choice(["cook", "clerk"], n)
    repaid = income + 3 * (job == "clerk") + rng.normal(0, 4, n) > 35
    sex = np.where(man, "M", "F")
    return pd.DataFrame({"income": income, "job": job, "sex": sex, "repaid": repaid.astype(int)})


def encoded(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["income"]].assign(man=rows.sex == "M", clerk=rows.job == "clerk")


def test_its_parameters_are_plain_and_can_be_cloned_and_set() -> None:
    estimator = TorchClassifier(hidden=(5,), learning_rate=0.1)
    copy = clone(estimator).set_params(epochs=3)
    assert copy.get_params() == estimator.get_params() | {"epochs": 3}
    assert repr(copy) == "TorchClassifier(epochs=3, hidden=(5,), learning_rate=0.1)"


def test_it_stands_in_a_pipeline_and_a_search_over_arrays_of_settings() -> None:
    rows = loans()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["income"]),
            ("categories", OneHotEncoder(sparse_output=False), ["job", "sex"]),
        ]
    )
    pipeline = Pipeline([("columns", columns), ("network", TorchClassifier(**QUICK))])
    grid = {"network__epochs": np.array([1, 10]), "network__learning_rate": np.array([1e-6, 0.02])}
    search = GridSearchCV(pipeline, grid, cv=3, scoring="roc_auc")
    search.fit(rows, rows.repaid)
    assert search.best_params_ == {"network__epochs": 10, "network__learning_rate": 0.02}
    assert search.best_score_ > 0.85


def test_a_regressor_stands_in_a_cross_validation() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    scores = cross_val_score(TorchRegressor(**QUICK | {"epochs": 40}), x, 100 + x @ [5, -3, 0])
    assert scores.min() > 0.9


# The reductions of fairlearn 0.15 set values in ways that pandas 4 will give up.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("reduction", [ExponentiatedGradient, GridSearch])
def test_reductions_of_fairlearn_make_the_gap_smaller(reduction: Any) -> None:
    rows, new = loans(), loans(seed=1)
    estimator = TorchClassifier(**QUICK)
    size = {"max_iter": 6} if reduction is ExponentiatedGradient else {"grid_size": 9}
    reduced = reduction(estimator, DemographicParity(), **size)
    reduced.fit(encoded(rows), rows.repaid, sensitive_features=rows.sex)
    plain = estimator.fit(encoded(rows), rows.repaid)
    seeded = {"random_state": 0} if reduction is ExponentiatedGradient else {}
    before, after = (
        demographic_parity_difference(new.repaid, given, sensitive_features=new.sex)
        for given in (plain.predict(encoded(new)), reduced.predict(encoded(new), **seeded))
    )
    assert before > 0.3
    assert after < before / 2


def test_thresholds_of_fairlearn_are_found_on_its_probabilities() -> None:
    rows, new = loans(), loans(seed=1)
    estimator = TorchClassifier(**QUICK)
    optimizer = ThresholdOptimizer(estimator=estimator, predict_method="predict_proba")
    optimizer.fit(encoded(rows), rows.repaid, sensitive_features=rows.sex)
    given = optimizer.predict(encoded(new), sensitive_features=new.sex, random_state=0)
    assert demographic_parity_difference(new.repaid, given, sensitive_features=new.sex) < 0.15


def test_what_was_fitted_can_be_audited_from_within_and_as_any_estimator() -> None:
    rows = loans()
    table = encoded(rows).astype(float).assign(sex=rows.sex, repaid=rows.repaid)
    names = ["income", "man", "clerk"]
    fitted = TorchClassifier(**QUICK).fit(table[names], table.repaid)
    facts: dict[str, Any] = {"label": "repaid", "features": names, "sensitive": ["sex"]}
    inside = Subject.from_model(fitted.model_, table, record=fitted.record_, **facts)
    report = auditkit.run(inside, audits=["performance", "fairness", "explainability", "energy"])
    assert {audit.status for audit in report.audits} == {"completed"}
    outside = Subject.from_model(SklearnModel.from_estimator(fitted, positive=1), table, **facts)
    assert inside.y_score is not None
    assert outside.y_score is not None
    np.testing.assert_allclose(inside.y_score, outside.y_score, atol=1e-6)
    assert fitted.record_.rows == len(rows)


@pytest.mark.parametrize(
    "classes", [(-1, 1), ("no", "yes"), (False, True), (2, 10, 1), ("b", "a", "c"), (0.0, 5.0, 3.0)]
)
def test_any_classes_come_back_in_the_order_of_scikit_learn(classes: tuple[Any, ...]) -> None:
    codes = np.arange(120) % len(classes)
    x, y = codes[:, None] + np.linspace(-0.2, 0.2, 120)[:, None], np.array(classes)[codes]
    fitted = TorchClassifier(epochs=60).fit(x, y)
    assert fitted.classes_.tolist() == sorted(classes)
    assert fitted.predict(x).tolist() == y.tolist()
    chosen = fitted.predict_proba(x).argmax(axis=1)
    assert fitted.classes_[chosen].tolist() == y.tolist()


def test_a_network_over_columns_reads_a_table_as_it_stands() -> None:
    rows = loans()
    fitted = TorchClassifier(architecture=MLP(hidden=(8,)), epochs=8, learning_rate=0.02)
    fitted.fit(rows[["income", "job"]], rows.repaid)
    assert fitted.model_.features == ("income", "job")
    assert fitted.feature_names_in_.tolist() == ["income", "job"]
    assert fitted.score(rows[["income", "job"]], rows.repaid) > 0.7
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(rows[["job", "income"]])
    with pytest.raises(InputError, match="a pandas DataFrame for this architecture"):
        fitted.fit(rows[["income"]].to_numpy(), rows.repaid)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.fit(rows[["income"]], rows.repaid[1:])


def test_a_search_goes_over_texts() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    words = np.where(y == 1, "a good film", "a bad film")
    estimator = TorchClassifier(architecture=PooledEmbedding("review"), learning_rate=0.02)
    search = GridSearchCV(estimator, {"epochs": [1, 6]}, cv=2).fit(
        pd.DataFrame({"review": words}), y
    )
    assert search.best_score_ == 1.0


def test_columns_may_have_the_names_of_outcomes_and_weights() -> None:
    table = pd.DataFrame({"y": np.arange(40.0), "weight": np.ones(40), "y_": np.ones(40)})
    fitted = TorchRegressor(**QUICK).fit(table, table.y, np.linspace(0.1, 1, 40))
    assert fitted.model_.features == ("y", "weight", "y_")


def test_the_order_of_the_rows_changes_nothing_and_another_seed_does() -> None:
    rows = loans(150)
    x, y = encoded(rows).to_numpy(float), rows.repaid.to_numpy()
    estimator = TorchClassifier(**QUICK)
    digest = estimator.fit(x, y).model_.sha256
    order = np.random.default_rng(1).permutation(len(y))
    assert estimator.fit(x[order], y[order]).model_.sha256 == digest
    assert estimator.set_params(random_state=1).fit(x, y).model_.sha256 != digest


def test_nothing_is_drawn_from_numpy_unless_the_seed_is_none() -> None:
    rows = loans(60)
    seeds = []
    states: tuple[Any, ...] = (0, None, np.random.RandomState(0), np.int64(7))
    for state in states:
        before = cast("tuple[Any, ...]", np.random.get_state())[2]  # noqa: NPY002 - the global one
        fitted = TorchClassifier(random_state=state, epochs=1).fit(encoded(rows), rows.repaid)
        after = cast("tuple[Any, ...]", np.random.get_state())[2]  # noqa: NPY002 - likewise
        assert (before != after) == (state is None)
        seeds.append(fitted.record_.seed)
    assert (seeds[0], seeds[3]) == (0, 7)


def test_whole_weights_repeat_rows_and_others_scale_losses() -> None:
    x = np.array([[0.0], [0.0], [1.0], [1.0]] * 30)
    y, weights = np.array([0, 1, 0, 1] * 30), np.array([3, 1, 1, 3] * 30)
    estimator = TorchClassifier(hidden=(), epochs=60, learning_rate=0.1)
    for factor, rows in ((1, 240), (0.5, 120), (1_000, 120)):
        fitted = estimator.fit(x, y, weights * factor)
        assert fitted.record_.rows == rows
        given = fitted.predict_proba([[0.0], [1.0]])[:, 1]
        np.testing.assert_allclose(given, [0.25, 0.75], atol=0.05)


def test_a_row_of_weight_0_is_not_even_seen_by_the_encoding() -> None:
    x, y = np.array([[0.0], [1.0], [1e6]] * 20), np.array([0, 1, 2] * 20)
    weights = np.array([0.5, 1.5, 0] * 20)
    fitted = TorchClassifier(**QUICK).fit(x, y, weights)
    alone = TorchClassifier(**QUICK).fit(x[weights > 0], y[weights > 0], weights[weights > 0])
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.model_.sha256 == alone.model_.sha256


def test_missing_numbers_are_imputed() -> None:
    rows = loans(200)
    x = encoded(rows).astype(float)
    x.loc[::5, "income"] = np.nan
    fitted = TorchClassifier(**QUICK).fit(x, rows.repaid)
    assert np.isfinite(fitted.predict_proba(x)).all()
    assert fitted.score(x, rows.repaid) > 0.7


def test_what_does_not_fit_is_refused() -> None:
    x, y = np.arange(20.0).reshape(-1, 1), np.array([0, 1] * 10)
    with pytest.raises(TypeError, match="dense data is required"):
        TorchClassifier().fit(sparse.csr_array(x), y)
    with pytest.raises(InputError, match="1 class, expected 2 classes or more"):
        TorchClassifier().fit(x, y * 0)
    with pytest.raises(InputError, match=r"MLP\.hidden: found '\(0,\)'"):
        TorchClassifier(hidden=(0,)).fit(x, y)
    with pytest.raises(InputError, match=r"(?s)Training\.epochs.*Training\.optimizer"):
        TorchRegressor(epochs=0, optimizer="sdg").fit(x, y)
    with pytest.raises(ValueError, match="Unknown label type"):
        TorchClassifier().fit(x, y + 0.5)
