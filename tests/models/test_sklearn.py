"""scikit-learn models through skops, held against the estimators themselves."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from auditkit.errors import InputError, ModelError
from auditkit.models import Model, NetworkModel
from auditkit.models.sklearn import SklearnModel, from_config

skops_io = pytest.importorskip("skops.io", reason="the extra [skops] is not installed")

FEATURES = ["age", "hours", "sex"]


def people(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "age": rng.normal(40, 9, n),
            "hours": rng.integers(10, 60, n),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    total = rows["age"] + rows["hours"] + rng.normal(0, 5, n)
    rows["income"] = total
    rows["rich"] = np.where(total > total.median(), "yes", "no")
    rows["band"] = pd.qcut(total, 3, labels=["low", "middle", "high"]).astype(str)
    return rows


def pipeline(last: Any) -> Any:
    encode = make_column_transformer(
        (StandardScaler(), ["age", "hours"]), (OneHotEncoder(sparse_output=False), ["sex"])
    )
    return make_pipeline(encode, last)


def saved(folder: Path, estimator: Any) -> dict[str, Any]:
    skops_io.dump(estimator, folder / "model.skops")
    return {"file": "model.skops"}


def opened(folder: Path, table: dict[str, Any], **changes: Any) -> SklearnModel:
    settings: dict[str, Any] = {"task": "binary", "positive": "yes", "features": None} | changes
    return from_config(table, folder, "auditkit.toml [subject.model]", **settings)


def test_a_binary_pipeline_gives_the_probability_of_the_positive_class(tmp_path: Path) -> None:
    rows = people()
    fitted = pipeline(LogisticRegression()).fit(rows[FEATURES], rows["rich"])
    model = opened(tmp_path, saved(tmp_path, fitted))
    expected = fitted.predict_proba(rows[FEATURES])
    np.testing.assert_array_equal(model.scores(rows), expected[:, 1])
    no = opened(tmp_path, {"file": "model.skops"}, positive="no")
    np.testing.assert_array_equal(no.scores(rows), expected[:, 0])
    assert model.sha256 == hashlib.sha256((tmp_path / "model.skops").read_bytes()).hexdigest()
    assert model.kind == "scikit-learn Pipeline ending in LogisticRegression"
    assert (model.features, model.task, model.classes) == (tuple(FEATURES), "binary", ())
    assert isinstance(model, Model)
    assert not isinstance(model, NetworkModel)


def test_columns_in_another_order_and_other_columns_change_nothing(tmp_path: Path) -> None:
    rows = people()
    fitted = pipeline(LogisticRegression()).fit(rows[FEATURES], rows["rich"])
    model = opened(tmp_path, saved(tmp_path, fitted), features=["sex", "hours", "age"])
    turned = rows[["sex", "rich", "hours", "age"]]
    np.testing.assert_array_equal(model.scores(turned), model.scores(rows))


def test_a_multiclass_model_keeps_the_order_of_its_classes(tmp_path: Path) -> None:
    rows = people()
    fitted = pipeline(LogisticRegression()).fit(rows[FEATURES], rows["band"])
    model = opened(tmp_path, saved(tmp_path, fitted), task="multiclass")
    assert model.classes == ("high", "low", "middle")
    np.testing.assert_array_equal(model.scores(rows), fitted.predict_proba(rows[FEATURES]))


def test_a_regression_gives_its_predictions(tmp_path: Path) -> None:
    rows = people()
    fitted = pipeline(LinearRegression()).fit(rows[FEATURES], rows["income"])
    model = opened(tmp_path, saved(tmp_path, fitted), task="regression")
    np.testing.assert_array_equal(model.scores(rows), fitted.predict(rows[FEATURES]))


def test_no_rows_give_no_scores() -> None:
    rows = people()
    fitted = LogisticRegression().fit(rows[["age"]], rows["band"])
    model = SklearnModel.from_estimator(fitted, task="multiclass")
    assert model.scores(rows[:0]).shape == (0, 3)


def test_an_estimator_without_names_needs_them_and_gets_no_frame() -> None:
    rows = people()
    fitted = LogisticRegression().fit(rows[["age", "hours"]].to_numpy(), rows["rich"])
    with pytest.raises(InputError, match="found 0 names, expected 2 features"):
        SklearnModel.from_estimator(fitted, positive="yes")
    model = SklearnModel.from_estimator(fitted, positive="yes", features=["age", "hours"])
    expected = fitted.predict_proba(rows[["age", "hours"]].to_numpy())[:, 1]
    np.testing.assert_array_equal(model.scores(rows), expected)  # a frame would warn


def test_a_missing_feature_is_named_with_the_nearest() -> None:
    rows = people()
    model = SklearnModel.from_estimator(
        LogisticRegression().fit(rows[["age", "hours"]], rows["rich"]), positive="yes"
    )
    with pytest.raises(InputError, match=r"found 'hours'.*Did you mean 'hour'"):
        model.scores(rows.rename(columns={"hours": "hour"}))


def test_a_new_category_is_a_model_error_and_no_traceback() -> None:
    rows = people()
    fitted = pipeline(LogisticRegression()).fit(rows[FEATURES], rows["rich"])
    model = SklearnModel.from_estimator(fitted, positive="yes")
    with pytest.raises(ModelError, match=r"raised in predict_proba: ValueError: .*\['X'\]"):
        model.scores(rows.assign(sex="X"))


def test_nan_outputs_are_counted() -> None:
    class Broken(DummyClassifier):  # type: ignore[misc]
        def predict_proba(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's own name
            return np.full((len(X), 2), np.nan)

    rows = people()
    model = SklearnModel.from_estimator(Broken().fit(rows[["age"]], rows["rich"]), positive="yes")
    with pytest.raises(ModelError, match="NaN for 60 of 60 rows"):
        model.scores(rows)


@pytest.mark.parametrize(
    ("estimator", "label", "task", "what"),
    [
        (LinearSVC(), "rich", "binary", r"without predict_proba \(decision_function only\)"),
        (LinearRegression(), "income", "binary", r"without predict_proba \(none\)"),
        (LogisticRegression(), "rich", "regression", "a task that the estimator"),
        (LogisticRegression(), "band", "binary", "and 3 classes in the estimator"),
        (LogisticRegression(), "rich", "ranking", "binary or multiclass"),
    ],
)
def test_an_estimator_that_cannot_do_the_task_is_refused(
    estimator: Any, label: str, task: str, what: str
) -> None:
    rows = people()
    fitted = estimator.fit(rows[["age"]], rows[label])
    with pytest.raises(InputError, match=what):
        SklearnModel.from_estimator(fitted, task=task, positive="yes")


def test_a_calibrated_classifier_takes_the_place_of_one_without_probabilities() -> None:
    rows = people()
    fitted = CalibratedClassifierCV(LinearSVC(), cv=3).fit(rows[["age"]], rows["rich"])
    model = SklearnModel.from_estimator(fitted, positive="yes")
    np.testing.assert_array_equal(model.scores(rows), fitted.predict_proba(rows[["age"]])[:, 1])


def test_an_unknown_positive_class_is_named_with_the_nearest(tmp_path: Path) -> None:
    rows = people()
    table = saved(tmp_path, LogisticRegression().fit(rows[["age"]], rows["rich"]))
    with pytest.raises(InputError, match=r"found 'yess'.*Did you mean 'yes'"):
        opened(tmp_path, table, positive="yess")
    model = opened(tmp_path, table | {"positive_class": "yes"}, positive=1)
    assert model.reading.positive == 1


def test_every_problem_is_told_at_once() -> None:
    rows = people()
    fitted = LogisticRegression().fit(rows[["age", "hours"]], rows["rich"])
    with pytest.raises(InputError) as caught:
        SklearnModel.from_estimator(fitted, positive="maybe", features=["agee", "hours"])
    assert len(caught.value.problems) == 3


def test_untrusted_types_are_listed_and_refused_until_they_are_named(tmp_path: Path) -> None:
    rows = people()
    forest = make_pipeline(
        FunctionTransformer(np.log1p), RandomForestClassifier(3, random_state=0)
    ).fit(rows[["age"]], rows["rich"])
    table = saved(tmp_path, forest)
    with pytest.raises(InputError, match=r'trust = \["sklearn.tree._tree.Tree"\]') as caught:
        opened(tmp_path, table)
    assert "A crafted file can crash" in str(caught.value)
    with pytest.raises(InputError, match=r"sklearn\.tree\._tree\.Tree"):
        opened(tmp_path, table | {"trust": ["sklearn.tree.Tree"]})
    model = opened(tmp_path, table | {"trust": ["sklearn.tree._tree.Tree"]})
    np.testing.assert_array_equal(model.scores(rows), forest.predict_proba(rows[["age"]])[:, 1])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    rows = people()
    fitted = LogisticRegression().fit(rows[["age"]], rows["rich"])
    skops_io.dump(fitted, path)
    whole = path.read_bytes()
    for content, what in (
        (whole[: len(whole) // 2], "no whole zip archive"),
        (pickle.dumps(fitted), "a pickle, which can run any program"),
        (b"hello", "no whole zip archive"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=what):
            opened(tmp_path, {"file": "model.skops"})
    skops_io.dump({"no": "estimator"}, path)
    with pytest.raises(InputError, match="without predict_proba"):
        opened(tmp_path, {"file": "model.skops"})


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"x.txt": b"x"}, "without schema.json"),
        ({"schema.json": b"{}", "x.pkl": b"x"}, "inside a zip archive"),
        ({"schema.json": b"{}"}, "nothing that skops can open"),
        ({"schema.json": b"not json"}, "nothing that skops can open"),
        ({"schema.json": b"[" * 100_000}, "nothing that skops can open"),
    ],
)
def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, members: dict[str, bytes], what: str
) -> None:
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(InputError, match=what):
        opened(tmp_path, {"file": "model.skops"})


def test_unknown_and_wrong_keys_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        opened(tmp_path, {"file": "model.skops", "trusts": [], "trust": True})
    assert "Did you mean 'trust'" in str(caught.value)
    assert len(caught.value.problems) == 2
