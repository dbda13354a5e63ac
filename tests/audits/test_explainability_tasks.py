"""The audit of models that it does not look into: numbers by hand for small linear ones."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from auditkit.audits.explainability import NOT_READ, ONE_TEXT, Explainability
from auditkit.evidence import ALL_GROUPS, Measurement, Table
from auditkit.explaining.text_study import OTHER_WORDS
from auditkit.methods.shapley_metrics import OF_TASK
from auditkit.models.sklearn import SklearnModel
from auditkit.subject import Subject, Task

EVERY = Explainability(rows=400, background=400, max_asked=10**6)


class Given:
    """A model that a function of raw rows is; counts what it is asked."""

    kind = "given"
    parameters = None
    sha256 = None

    def __init__(
        self, function: Any, features: tuple[str, ...], classes: tuple[str, ...] = ()
    ) -> None:
        self.function, self.features, self.classes, self.asked = function, features, classes, 0

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        self.asked += len(rows)
        return np.asarray(self.function(rows), dtype=float)


def evidence(
    model: Any, rows: pd.DataFrame, audit: Explainability = EVERY, task: Task = "binary",
    train: pd.DataFrame | None = None, **roles: Any,
) -> list[Measurement | Table]:  # fmt: skip
    roles = {"label": None, "sensitive": ["sex"], "features": list(model.features), **roles}
    of = Subject.from_model(model, rows, task=task, train=train, **roles)
    return list(audit.run(of, np.random.default_rng(0)))


def value(found: list[Measurement | Table], metric: str, **slice_: str) -> Measurement:
    (one,) = (m for m in found if isinstance(m, Measurement)
              if m.metric == metric and dict(m.slice) == slice_)  # fmt: skip
    return one


def table(found: list[Measurement | Table], name: str) -> pd.DataFrame:
    (one,) = (t for t in found if isinstance(t, Table) and t.name == name)
    return pd.DataFrame(list(one.rows), columns=list(one.columns))


def people(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6])
    income = np.round(rng.normal(size=n) + (sex == "M"), 2)
    return pd.DataFrame({"sex": sex, "income": income, "age": rng.integers(20, 60, n)})


def test_a_linear_regression_is_taken_apart_as_by_hand() -> None:
    rows, train = people(), people(300).iloc[200:]
    model = Given(lambda r: 2000 * r["income"] - 30 * r["age"], ("income", "age"))
    found = evidence(model, rows, task="regression", train=train)
    for name, weight in (("income", 2000), ("age", -30)):
        one = value(found, "mean_abs_shapley_in_units", feature=name)
        assert one.value == pytest.approx(abs(weight * (rows[name] - train[name].mean())).mean())
        assert one.unit == "outcome units"
        assert one.interval is not None
        assert one.interval.high > (one.value or 0)
    lines = table(found, "gap").set_index("feature")["contribution"]
    means = rows.groupby("sex")[["income", "age"]].mean()
    assert lines["income"] == pytest.approx(2000 * (means["income"]["M"] - means["income"]["F"]))
    assert lines["age"] == pytest.approx(-30 * (means["age"]["M"] - means["age"]["F"]))
    assert lines["(mean prediction a)"] > 1  # no bound of a probability
    assert value(found, "predicted_gap_contribution", sex=ALL_GROUPS).reason == NOT_READ
    assert not any(isinstance(x, Table) and x.name == "selection-gap" for x in found)


def four(n: int = 40) -> pd.DataFrame:
    """Rows (m, r): of m = 1 three quarters have r = 1, of m = 0 one quarter."""
    cells = [(1, 1)] * 3 + [(1, 0)] + [(0, 1)] + [(0, 0)] * 3
    frame = pd.DataFrame(cells * n, columns=["m", "r"])
    return frame.assign(sex=np.where(frame["m"] == 1, "M", "F"))


def test_a_gap_in_selection_is_taken_apart_as_by_hand() -> None:
    # Selected where m and r are 1; against a background of all four combinations m is worth
    # +-(1/8 + r/4), so that it makes 1/4 + (3/4 + 1/4) / 4 = 1/2 of the gap of 3/4.
    train = pd.DataFrame(list(itertools.product([0, 1], [0, 1])) * 25, columns=["m", "r"])
    train["sex"] = np.where(train["m"] == 1, "M", "F")
    model = Given(lambda r: 0.1 + 0.4 * r["m"] + 0.4 * r["r"], ("m", "r"))
    found = evidence(
        model, four(), train=train, threshold=0.7, sensitive=["sex", "m"], bands={"m": [0.5]}
    )
    lines = table(found, "selection-gap").query("attribute == 'sex'").set_index("feature")
    ends = lines["contribution"]
    apart = ends["(selection rate a)"] - ends["(selection rate b)"]
    assert abs(apart) == pytest.approx(0.75)
    assert abs(ends["m"]) == pytest.approx(0.5)
    assert abs(ends["r"]) == pytest.approx(0.25)
    scores = table(found, "gap").query("attribute == 'sex'").set_index("feature")["contribution"]
    assert abs(scores["m"]) == pytest.approx(0.4)
    assert abs(scores["r"]) == pytest.approx(0.4 * 0.5)
    own = value(found, "selection_gap_contribution", m=ALL_GROUPS)
    assert abs(own.value or 0) == pytest.approx(0.5)
    assert own.interval is not None


def classes_of(rows: pd.DataFrame) -> np.ndarray:
    x = (rows["sex"] == "M").to_numpy(float)
    return np.stack([0.3 - 0.2 * x, 0.2 + 0.5 * x, 0.5 - 0.3 * x], axis=1)


def test_classes_count_half_the_sum_of_what_they_gain_and_lose() -> None:
    # 0.5 goes to "b" from "a" and "c" together; half of the rows of the background are of the
    # other sex, so that the value of a row is +-0.25 at an equal share.
    rows = pd.DataFrame({"sex": ["F", "M"] * 50, "n": range(100)})
    model = Given(classes_of, ("sex", "n"), ("a", "b", "c"))
    found = evidence(model, rows.assign(y=list("abca") * 25), task="multiclass", train=rows)
    assert value(found, "mean_abs_shapley", feature="sex").value == pytest.approx(0.25)
    assert value(found, "mean_abs_shapley", feature="n").value == 0
    assert value(found, "sensitive_reliance", sex=ALL_GROUPS).value == pytest.approx(1)
    # Every F is given "c" and every M "b": "b", named first, stands for the gap.
    own = value(found, "selection_gap_contribution", sex=ALL_GROUPS)
    assert abs(own.value or 0) == pytest.approx(1)
    assert "of class 'b', whose share of predictions differs most" in own.source
    assert abs(value(found, "score_gap_contribution", sex=ALL_GROUPS).value or 0) == pytest.approx(
        0.5
    )
    lines = table(found, "selection-gap").set_index("feature")
    assert set(lines["class"]) == {"b"}
    assert set(lines["contribution"].loc[["(share predicted a)", "(share predicted b)"]]) == {0, 1}
    assert set(table(found, "strips")["class"]) == {"b"}


def fitted(task: Task) -> tuple[SklearnModel, pd.DataFrame]:
    rows = people(300).assign(debt=lambda f: (f["age"] * 7) % 11 / 5)
    if task == "regression":
        rows["y"] = rows["income"] * 3 - rows["debt"] + rows["age"] / 10
        made: Any = LinearRegression()
    else:
        kinds = np.digitize(rows["income"] - rows["debt"], [-1.5, 0.0])
        rows["y"] = kinds if task == "multiclass" else (kinds > 0).astype(int)
        rows["y"] = rows["y"].map(str) if task == "multiclass" else rows["y"]
        made = LogisticRegression(max_iter=2000)
    made.fit(rows[["income", "age", "debt"]], rows["y"])
    return SklearnModel.from_estimator(made, task=task, positive=1), rows


TASKS: list[Task] = ["binary", "multiclass", "regression"]


@pytest.mark.parametrize("task", TASKS)
def test_a_model_of_scikit_learn_gets_every_number_of_its_task(task: Task) -> None:
    model, rows = fitted(task)
    audit = dataclasses.replace(EVERY, rows=60, background=30)
    found = evidence(model, rows, audit, task, train=rows, label="y")
    metrics = OF_TASK[task]
    told = {m.metric for m in found if isinstance(m, Measurement)}
    assert told == {m.id for m in (*metrics.trust, *metrics.by_column, metrics.size)}
    assert (value(found, metrics.additivity.id).value or 0) < 1e-6
    for m in found:
        if isinstance(m, Measurement) and m.value is not None:
            assert m.interval is not None or m.reason
    for name in ("gap", *(["selection-gap"] if task != "regression" else [])):
        lines = table(found, name).set_index("feature")["contribution"]
        ends, parts = lines.iloc[:2], lines.iloc[2:]
        assert parts.sum() == pytest.approx(ends.iloc[0] - ends.iloc[1], abs=1e-6)


def test_importance_with_its_interval_holds_what_all_rows_and_all_background_give() -> None:
    model, rows = fitted("regression")
    truth = {
        name: float((abs(weight) * np.abs(rows[name] - rows[name].mean())).mean())
        for name, weight in zip(model.features, model.estimator.coef_, strict=True)
    }
    held = []
    for seed in range(20):
        of = Subject.from_model(
            model, rows, label="y", features=list(model.features), task="regression", train=rows
        )
        audit = dataclasses.replace(EVERY, rows=80, background=40)
        found = list(audit.run(of, np.random.default_rng(seed)))
        for name, size in truth.items():
            one = value(found, "mean_abs_shapley_in_units", feature=name).interval
            assert one is not None
            held.append(one.low <= size <= one.high)
    assert np.mean(held) > 0.9


def test_a_model_of_unknown_cost_is_asked_sparingly_and_one_of_this_process_more() -> None:
    rows = people(400)
    model = Given(lambda r: 1 / (1 + np.exp(-r["income"] + r["age"] / 40)), ("income", "age"))
    of = Subject.from_model(model, rows, label=None, features=["income", "age"], train=rows)
    assert of.y_pred.any()
    model.asked = 0
    found = list(Explainability(max_asked=3_000).run(of, np.random.default_rng(0)))
    assert 1_500 < model.asked <= 3_001  # one more finds out what it gives
    assert value(found, "mean_abs_shapley", feature="income").interval is not None
    sklearn, rows = fitted("binary")
    more = evidence(sklearn, rows, Explainability(max_asked=3_000), train=rows)
    spent = int(value(more, "additivity_gap").source.split("; ")[-1].split()[0].replace(",", ""))
    assert 15_000 < spent <= 30_000


def random_scores(rows: pd.DataFrame) -> np.ndarray:
    return np.random.default_rng().random(len(rows))


BROKEN = {
    "not deterministic": random_scores,
    "NaN": lambda r: np.where(r["income"] > 0, np.nan, 0.5),
    "no probabilit": lambda r: 3 + r["income"],
    "one number a row": lambda r: np.zeros((len(r), 2, 2)),
}


@pytest.mark.parametrize("reason", BROKEN)
@pytest.mark.parametrize("sensitive", [["sex"], []])
def test_a_model_that_cannot_be_explained_gives_reasons(reason: str, sensitive: list[str]) -> None:
    found = evidence(Given(BROKEN[reason], ("income",)), people(), sensitive=sensitive)
    assert found
    for m in found:
        assert isinstance(m, Measurement)
        assert m.value is None
        if reason != "one number a row":
            assert reason in str(m.reason)


def test_a_budget_too_small_for_one_row_is_a_reason() -> None:
    audit = dataclasses.replace(EVERY, budget=20)
    found = evidence(Given(lambda r: r["age"] / 100, ("age",)), people(), audit)
    assert all("the budget is 20" in str(m.reason) for m in found if isinstance(m, Measurement))


def reviews(n: int = 120) -> pd.DataFrame:
    """Texts of filler words; "good" stands in half of those of F and in a quarter of the others."""
    at = np.arange(n)
    sex = np.where(at % 2 == 0, "F", "M")
    good = np.where(sex == "F", at % 4 == 0, at % 8 == 1)
    texts = [f"word{i} seen {'good' if g else 'plain'} word{i + 1}" for i, g in enumerate(good)]
    return pd.DataFrame({"text": texts, "sex": sex})


def praise(rows: pd.DataFrame) -> np.ndarray:
    return 0.4 + 0.3 * rows["text"].str.contains("good").to_numpy(float)


def test_texts_are_explained_by_their_words_as_by_hand() -> None:
    rows = reviews()
    found = evidence(Given(praise, ("text",)), rows)
    holding = rows["text"].str.contains("good")
    one = value(found, "mean_abs_shapley", feature="good")
    assert one.value == pytest.approx(0.3 * holding.mean())
    assert one.interval is not None
    assert one.interval.low < (one.value or 0) < one.interval.high
    assert value(found, "mean_abs_shapley", feature="seen").value == 0
    shown = table(found, "importance")["feature"]
    assert set(shown) == {"good", "plain", "seen", OTHER_WORDS}
    assert shown.iloc[-1] == OTHER_WORDS
    source = next(t.source for t in found if isinstance(t, Table) and t.name == "importance")
    assert "3 words named, of 3 that at least 10 explained texts hold; the 121 others" in source
    shares = holding.groupby(rows["sex"]).mean()
    for name, worth in (("gap", 0.3), ("selection-gap", 1.0)):
        lines = table(found, name).set_index("feature")["contribution"]
        apart = worth * (shares["F"] - shares["M"])
        first = table(found, name)["a"].iloc[0]
        assert lines["good"] == pytest.approx(apart if first == "F" else -apart)
        assert OTHER_WORDS in lines.index
        assert lines.iloc[2:].sum() == pytest.approx(lines.iloc[0] - lines.iloc[1])
    assert set(table(found, "strips").query("feature == 'good'")["count"]) == {int(holding.sum())}


def test_texts_say_what_cannot_be_said_of_them() -> None:
    found = evidence(Given(praise, ("text",)), reviews())
    assert "no background" in str(value(found, "top_reason_agreement").reason)
    assert value(found, "sensitive_reliance", sex=ALL_GROUPS).reason == NOT_READ
    assert value(found, "proxy_reliance", sex=ALL_GROUPS).reason == ONE_TEXT


def test_a_word_is_no_sensitive_column_though_it_is_spelt_like_one() -> None:
    rows = reviews().assign(text=lambda f: f["text"] + " sex")
    found = evidence(Given(praise, ("text",)), rows)
    assert "sex" in set(table(found, "importance")["feature"])
    assert value(found, "sensitive_reliance", sex=ALL_GROUPS).reason == NOT_READ


def test_few_words_are_named_where_few_are_wanted() -> None:
    audit = dataclasses.replace(EVERY, words=1)
    shown = table(evidence(Given(praise, ("text",)), reviews(), audit), "importance")["feature"]
    assert list(shown) == ["good", OTHER_WORDS]


def test_a_text_model_is_asked_sparingly_too() -> None:
    model = Given(praise, ("text",))
    of = Subject.from_model(model, reviews(400), label=None, features=["text"])
    assert of.y_pred.any()
    model.asked = 0
    found = list(Explainability(max_asked=2_000).run(of, np.random.default_rng(0)))
    assert model.asked <= 2_001
    assert value(found, "mean_abs_shapley", feature="good").n < 400


def test_classes_of_texts_count_half_the_sum_too() -> None:
    def kinds(rows: pd.DataFrame) -> np.ndarray:
        good = rows["text"].str.contains("good").to_numpy(float)
        return np.stack([0.2 + 0.4 * good, 0.5 - 0.3 * good, 0.3 - 0.1 * good], axis=1)

    rows = reviews().assign(y=list("abc") * 40)
    model = Given(kinds, ("text",), ("a", "b", "c"))
    found = evidence(model, rows, task="multiclass", label="y")
    share = rows["text"].str.contains("good").mean()
    assert value(found, "mean_abs_shapley", feature="good").value == pytest.approx(0.4 * share)
    lines = table(found, "selection-gap").set_index("feature")
    assert set(lines["class"]) == {"a"}
    shares = rows["text"].str.contains("good").groupby(rows["sex"]).mean()
    assert abs(lines["contribution"]["good"]) == pytest.approx(shares["F"] - shares["M"])


def test_texts_that_leave_nothing_to_say_still_end_well() -> None:
    rows = reviews().assign(text="")
    found = evidence(Given(praise, ("text",)), rows)
    assert found
    few = evidence(Given(praise, ("text",)), reviews(60).iloc[:3])
    assert all(m.value is not None or m.reason for m in few if isinstance(m, Measurement))
