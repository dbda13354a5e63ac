"""Reasons of decisions: stories add up, say no more than is shared, and count what is principal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from small_network import COLUMNS, people, small_mlp

from auditkit.audit import run
from auditkit.audits.reason_codes import NONE_AGAINST, NOT_READ, ReasonCodes
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.explaining.reasons import ColumnReasons
from auditkit.explaining.samples import draw
from auditkit.subject import Subject

WEIGHTS = {"a": 0.2, "b": -0.1, "c": 0.02}
START = 0.5


class Linear:
    """A model whose contributions are known: weight times distance from the background's mean."""

    kind = "linear"
    parameters = None
    sha256 = None
    features = tuple(WEIGHTS)

    def __init__(self, start: float = START) -> None:
        self.start = start

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        parts = [w * rows[name].to_numpy(dtype=np.float64) for name, w in WEIGHTS.items()]
        return np.asarray(self.start + np.sum(parts, axis=0))


class Classes(Linear):
    """Three classes; the chance of each is linear in one column."""

    classes = ("x", "y", "z")

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        a, b = (rows[name].to_numpy(dtype=np.float64) for name in "ab")
        return np.stack([0.4 + 0.1 * a, 0.3 + 0.1 * b, 0.3 - 0.1 * a - 0.1 * b], axis=1)


def table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({name: rng.uniform(-1, 1, n).round(3) for name in WEIGHTS})
    rows["y"] = rng.integers(0, 2, n)
    return rows.assign(sex=rng.choice(["F", "M"], n))


TRAIN = table(250, 1)


def subject(rows: pd.DataFrame | None = None, model: Any = None, **more: Any) -> Subject:
    more = {"label": "y", "sensitive": ["sex"], "train": TRAIN, "features": list(WEIGHTS)} | more
    rows = table() if rows is None else rows
    return Subject.from_model(model or Linear(), rows, **more)


def evidence(
    audit: ReasonCodes | None = None, of: Subject | None = None
) -> list[Measurement | Table]:
    held = subject() if of is None else of
    return list((audit or ReasonCodes()).run(held, np.random.default_rng(0)))


def measured(found: Sequence[Measurement | Table]) -> dict[tuple[str, ...], Measurement]:
    return {
        (m.metric, *(x for pair in m.slice.items() for x in pair)): m
        for m in found
        if isinstance(m, Measurement)
    }


def lines(found: Sequence[Measurement | Table], name: str) -> Any:
    (one,) = (t for t in found if isinstance(t, Table) and t.name == name)
    return pd.DataFrame(list(one.rows), columns=list(one.columns))


@pytest.fixture(scope="module")
def found() -> list[Measurement | Table]:
    return evidence()


def test_three_stories_are_told_and_each_adds_up(found: list[Measurement | Table]) -> None:
    told = lines(found, "stories")
    assert list(dict.fromkeys(told["case"])) == ["typical", "borderline", "clear"]
    for _, story in told.groupby("case"):
        parts = story["contribution"].to_numpy()
        assert parts[:-1].sum() == pytest.approx(parts[-1], abs=1e-9)


def test_contributions_are_those_in_closed_form(found: list[Measurement | Table]) -> None:
    told, held = lines(found, "stories"), subject()
    of_features = told[told["feature"].isin(WEIGHTS)]
    assert len(of_features) == 9
    for line in of_features.itertuples():
        column, weight = str(line.feature), WEIGHTS[str(line.feature)]
        here = held.rows[column].iloc[line.place - 1]
        assert line.contribution == pytest.approx(weight * (here - TRAIN[column].mean()), abs=1e-9)
        # Two-sided 95 % of Student's t with 249 degrees of freedom is 1.9695.
        arm = 1.9695 * abs(weight) * TRAIN[column].std() / np.sqrt(250)
        assert line.high - line.contribution == pytest.approx(arm, rel=1e-3)
        assert line.sign_certain == (abs(line.contribution) > arm)


def test_the_cases_are_those_that_are_defined(found: list[Measurement | Table]) -> None:
    told = lines(found, "stories").drop_duplicates("case").set_index("case")
    scores = np.asarray(subject().y_score)
    at = {case: int(place) - 1 for case, place in told["place"].items()}
    against = np.sort(scores[scores < 0.5])
    assert scores[at["typical"]] == against[(len(against) - 1) // 2]
    assert at["borderline"] == np.abs(scores - 0.5).argmin()
    assert at["clear"] == scores.argmax()
    assert told["decision"]["typical"] == "not selected (against)"
    assert told["decision"]["clear"] == "selected (in favour)"


def test_principal_reasons_are_counted_as_by_hand(found: list[Measurement | Table]) -> None:
    held = subject()
    values = (held.rows[list(WEIGHTS)] - TRAIN[list(WEIGHTS)].mean()) * pd.Series(WEIGHTS)
    against = values[np.asarray(held.y_score) < 0.5]
    by = measured(found)
    assert by["certain_reason_share",].n == len(against) <= 200
    for feature in WEIGHTS:
        share = by["principal_reason_share", "feature", feature]
        assert share.value == pytest.approx((against[feature] < 0).mean())
        assert share.interval is not None
        assert share.interval.low < (share.value or 0.0) < share.interval.high


def test_no_more_than_so_many_reasons_are_principal() -> None:
    one = measured(evidence(ReasonCodes(reasons=1)))
    shares = [one["principal_reason_share", "feature", feature].value for feature in WEIGHTS]
    assert sum(share or 0.0 for share in shares) == pytest.approx(1.0)


def test_being_selected_may_be_unfavourable() -> None:
    found = evidence(ReasonCodes(favourable=False))
    told = lines(found, "stories").drop_duplicates("case").set_index("case")
    assert told["decision"]["typical"] == "selected (against)"
    scores = np.asarray(subject().y_score)
    assert told["place"]["clear"] - 1 == scores.argmin()
    share = measured(found)["principal_reason_share", "feature", "a"]
    assert share.value is not None
    assert share.value > 0.8
    assert "being selected is unfavourable" in share.source


def test_the_order_of_rows_changes_no_story() -> None:
    shuffled = subject(table().sample(frac=1, random_state=3))
    assert lines(evidence(of=shuffled), "stories").equals(lines(evidence(), "stories"))


def test_equal_scores_are_told_by_the_first_row() -> None:
    rows = table(100).assign(a=[-1.0, 1.0] * 50, b=0.0, c=0.0)
    told = lines(evidence(of=subject(rows)), "stories").drop_duplicates("case")
    again = lines(evidence(of=subject(rows[::-1])), "stories").drop_duplicates("case")
    assert told["place"].tolist() == again["place"].tolist()
    borderline, typical = told.set_index("case").loc[["borderline", "typical"], "place"]
    refused = np.asarray(subject(rows).y_pred) == 0
    assert (borderline, typical) == (1, 1 + int(np.argmax(refused)))


def test_a_row_may_be_chosen_by_its_place_or_by_what_it_holds() -> None:
    held = subject()
    row = held.rows.iloc[41]
    cases: list[Any] = [42, {"a": float(row["a"]), "b": float(row["b"])}, {"sex": "F"}]
    told = lines(evidence(ReasonCodes(cases=cases)), "stories").drop_duplicates("case")
    chosen = told[told["case"].str.startswith("chosen")]["place"].tolist()
    assert chosen[:2] == [42, 42]
    women = np.flatnonzero((held.rows["sex"] == "F").to_numpy())
    scores = np.asarray(held.y_score)
    assert scores[chosen[2] - 1] == np.sort(scores[women])[(len(women) - 1) // 2]


def test_every_case_that_is_not_there_is_listed() -> None:
    cases: list[Any] = [0, 301, {"agee": 3}, {"sex": "X"}]
    with pytest.raises(InputError) as error:
        evidence(ReasonCodes(cases=cases))
    assert [p.where for p in error.value.problems] == [
        f"[audits.reason-codes] cases {i}" for i in (1, 2, 3, 4)
    ]


def test_settings_that_mean_nothing_are_listed() -> None:
    with pytest.raises(InputError) as error:
        ReasonCodes(rows=0, background=1, reasons=0, min_group=1, level=2, max_asked=1)
    assert len(error.value.problems) == 6
    with pytest.raises(InputError, match="adverse_class"):
        evidence(ReasonCodes(adverse_class="w"))


class Planted:
    """A model of two categories, one value of which is rare."""

    kind = "planted"
    parameters = None
    sha256 = None
    features = ("town", "income")

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        rare = (rows["town"] == "Zzyzx").to_numpy(dtype=np.float64)
        return np.asarray(0.3 + 0.6 * rare + rows["income"].to_numpy() / 1e6)


def test_no_rare_value_is_in_the_record() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"town": ["Zzyzx"] * 3 + ["Baker"] * 197, "y": rng.integers(0, 2, 200)})
    rows["income"] = rng.uniform(10_000, 90_000, 200).round(2)
    rows.loc[0, "income"] = 31_415.92
    held = subject(rows, Planted(), features=["town", "income"], sensitive=[], train=rows)
    text = run(held, None, [ReasonCodes()]).to_json()
    assert "Zzyzx" not in text
    assert not any(repr(float(income)) in text for income in rows["income"])
    told = pd.DataFrame(json.loads(text)["tables"][0]["rows"])
    clear = told[told[0] == "clear"]
    assert clear[clear[3] == "town"][4].tolist() == ["a rare value"]


class Praise:
    """A model of texts that looks for two words."""

    kind = "praise"
    parameters = None
    sha256 = None
    features = ("text",)

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        good = rows["text"].str.contains("good").to_numpy(dtype=np.float64)
        named = rows["text"].str.contains("Lovelace").to_numpy(dtype=np.float64)
        return np.asarray(0.3 + 0.4 * good - 0.2 * named)


def texts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [f"a {word} day number {i}" for i, word in enumerate(rng.choice(["good", "bad"], 120))]
    rows[5] = "Lovelace had a good day Lovelace"
    return pd.DataFrame({"text": rows, "y": rng.integers(0, 2, 120), "sex": "F"})


def test_texts_are_told_in_words_that_many_hold() -> None:
    held = subject(texts(), Praise(), features=["text"], train=None)
    audit = ReasonCodes(cases=[{"text": "Lovelace had a good day Lovelace"}], rows=40)
    found = evidence(audit, held)
    told = lines(found, "stories")
    clear = told[told["case"] == "clear"].set_index("feature")["contribution"]
    assert clear["(empty text)"] == pytest.approx(0.3)
    assert clear["good"] == pytest.approx(0.4)
    chosen = told[told["case"] == "chosen 1"].set_index("feature")["contribution"]
    assert chosen["(rare words)"] == pytest.approx(-0.2)
    assert "lovelace" not in repr(found).casefold()


def test_reasons_for_a_class_are_what_speaks_for_it() -> None:
    rows = table().assign(y=np.random.default_rng(5).choice(["x", "y", "z"], 300))
    held = subject(rows, Classes(), task="multiclass")
    found = evidence(ReasonCodes(adverse_class="y"), held)
    told = lines(found, "stories")
    for line in told[told["feature"] == "b"].itertuples():
        here = held.rows["b"].iloc[line.place - 1] - TRAIN["b"].mean()
        weight = {"class x": 0.0, "class y": 0.1, "class z": -0.1}[str(line.decision)]
        assert line.contribution == pytest.approx(weight * here, abs=1e-9)
    by = measured(found)
    chosen = np.asarray(held.y_pred) == 1
    assert by["certain_reason_share",].n == chosen.sum()
    assert by["principal_reason_share", "feature", "b"].value == pytest.approx(
        (held.rows["b"][chosen] > TRAIN["b"].mean()).mean()
    )
    assert by["principal_reason_share", "feature", "a"].value == 0


def test_numbers_below_their_median_need_reasons() -> None:
    held = subject(task="regression")
    found = evidence(of=held)
    told = lines(found, "stories").drop_duplicates("case").set_index("case")
    assert told["decision"]["typical"] == "below the median (against)"
    below = int((held.y_pred < np.median(held.y_pred)).sum())
    assert f"of {below:,} decisions against" in measured(found)["certain_reason_share",].source


def test_a_sensitive_column_that_is_a_reason_is_shown_by_group() -> None:
    held = Subject.from_model(
        small_mlp(), people(400), label="y", features=list(COLUMNS),
        sensitive=["sex", "race"], train=people(300, 7),
    )  # fmt: skip
    found = evidence(ReasonCodes(rows=120), held)
    by = measured(found)
    whole = by["sensitive_principal_reason_share", "sex", "*"]
    assert whole.value == by["principal_reason_share", "feature", "sex"].value
    groups = [m for m in by.values() if m.metric == whole.metric and "sex" in m.slice]
    parts = [(m.value or 0.0) * m.n for m in groups if m is not whole]
    assert sum(parts) == pytest.approx((whole.value or 0.0) * whole.n)


def test_differences_between_groups_are_found_and_hold_together() -> None:
    rows = table(400)
    rows["a"] = np.where(rows["sex"] == "F", -0.9, 0.9)
    rows["b"] = np.where(rows["sex"] == "F", -0.9, 0.9)
    found = evidence(of=subject(rows, Linear(0.4)))
    apart = lines(found, "reasons-by-group").set_index("reason")
    assert apart["established"].tolist()[:1] == [True]
    assert (apart["low"] <= apart["difference"]).all()
    assert measured(found)["sensitive_principal_reason_share", "sex", "*"].reason == NOT_READ


def test_nobody_decided_against_leaves_every_number_undefined() -> None:
    found = evidence(of=subject(model=Linear(2.0)))
    by = measured(found)
    assert {m.value for m in by.values()} == {None}
    assert by["certain_reason_share",].reason == NONE_AGAINST
    told = lines(found, "stories")
    assert list(dict.fromkeys(told["case"])) == ["borderline", "clear"]


class Broken(Linear):
    """A model that answers differently each time."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return super().scores(rows) + 0.1 * self.rng.random(len(rows))


def test_a_model_that_cannot_be_explained_gives_the_reason() -> None:
    by = measured(evidence(of=subject(model=Broken())))
    assert "not deterministic" in str(by["certain_reason_share",].reason)
    assert by["principal_reason_share", "feature", "a"].value is None


def test_no_more_questions_are_asked_than_allowed() -> None:
    asked = 0

    class Counted(Linear):
        def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
            nonlocal asked
            asked += len(rows)
            return super().scores(rows)

    held = subject(model=Counted())
    assert held.y_pred is not None
    asked = 0
    found = measured(evidence(ReasonCodes(max_asked=3000), held))
    assert 3000 < asked <= 6002  # twice so many, and one each to see how many numbers there are
    assert 0 < found["certain_reason_share",].n < 150


def test_without_training_rows_nobody_is_compared_with_himself() -> None:
    held = subject(table(30), train=None)
    told = lines(evidence(of=held), "stories")
    drawn = draw(held, np.random.default_rng(0), 30, 400)
    others = drawn.background.drop(index=told["place"] - 1, errors="ignore")
    starts = told.loc[told["feature"] == "(average score)", "contribution"].tolist()
    assert len(drawn.background) == 10
    assert starts == pytest.approx([Linear().scores(others).mean()] * 3)


def test_a_step_of_a_sequence_has_no_value_to_tell() -> None:
    held = subject()
    teller = ColumnReasons(held, TRAIN, "training", None, 0)
    assert teller.told("step 2 (a, b)", 0) == ""
    assert teller.told("a", 0).endswith("fifth")


@pytest.mark.parametrize("questions", [30_000, 3_000])
def test_samples_are_cut_until_they_fit(questions: int) -> None:
    teller = ColumnReasons(subject(), TRAIN, "training", questions, 0)
    found = teller.of(np.arange(200), None, exact=False)
    cut = int(found.how.split(" against ")[1].split()[0])
    assert 20 <= len(found.reasons) < 200
    assert 20 <= cut < 250
    few = teller.of(np.arange(3), None, exact=True)
    assert len(few.reasons) == 3  # the background alone was cut
