"""Model inversion on models of which it is known what they tell, and of whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.model_inversion import NOT_SHARED, TEXT, TOO_FEW, ModelInversion
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.calibration import NO_PROBABILITIES
from auditkit.methods.paired import WITHHELD
from auditkit.subject import Subject

Scores = Callable[[pd.DataFrame], npt.NDArray[Any]]
FEATURES = ["town", "job", "pet", "car"]
#: A row with values that many others have too, though not most, and one with values that few have.
COMMON, RARE = (dict.fromkeys(FEATURES, value) for value in "bd")


@dataclass(frozen=True)
class Answering:
    """Answers as it is told."""

    answer: Scores
    classes: tuple[str, ...] = ()
    kind: str = "answering"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        return self.answer(rows)


def people(n: int, seed: int) -> pd.DataFrame:
    """People whose features go with nothing; half of them have the outcome 1."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.choice(list("abcd"), n, p=[0.4, 0.3, 0.2, 0.1]) for name in FEATURES}
    return pd.DataFrame({**drawn, "sex": rng.choice(["F", "M"], n), "y": rng.permutation(n) % 2})


def of_one_law(n: int, seed: int) -> pd.DataFrame:
    """People whose outcome goes with the town, and with the job less."""
    rows = people(n, seed)
    return rows.assign(y=(np.random.default_rng(-seed % 2**32).random(n) < law(rows)).astype(int))


def law(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    logit = np.where(rows["town"] == "b", 3.0, -1.0) + np.where(rows["job"] == "c", 1.0, 0.0)
    return np.asarray(1 / (1 + np.exp(-logit)))


def constant(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    return np.full(len(rows), 0.4)


def like(one: dict[str, str], rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Share of its values that rows have."""
    return np.asarray((rows[list(one)] == pd.Series(one)).mean(axis=1))


def subject(answer: Scores, train: pd.DataFrame, rows: pd.DataFrame, **given: Any) -> Subject:
    settings: dict[str, Any] = {
        "label": "y", "features": FEATURES, "sensitive": ["sex"], "train": train,
    }  # fmt: skip
    classes = given.pop("classes", ())
    return Subject.from_model(Answering(answer, classes), rows, **{**settings, **given})


def measured(
    held: Subject, seed: int = 0, **settings: Any
) -> tuple[dict[tuple[str, str], Measurement], dict[str, Table]]:
    evidence = list(ModelInversion(**settings).run(held, np.random.default_rng(seed)))
    found = {
        (m.metric, next(iter(m.slice.values()), "")): m
        for m in evidence
        if isinstance(m, Measurement)
    }
    return found, {table.name: table for table in evidence if isinstance(table, Table)}


def bounds(found: dict[tuple[str, str], Measurement], metric: str) -> tuple[float, float]:
    interval = found[metric, ""].interval
    assert interval is not None
    return interval.low, interval.high


def holds_zero(found: dict[tuple[str, str], Measurement], metric: str) -> bool:
    low, high = bounds(found, metric)
    return low <= 0 <= high


def cells(table: Table, column: str) -> list[Any]:
    return [row[table.columns.index(column)] for row in table.rows]


def test_a_model_that_tells_nothing_adds_and_betrays_nothing() -> None:
    for seed in range(20):
        found, tables = measured(subject(constant, people(400, seed), people(400, 50 + seed)), seed)
        assert {m.value for m in found.values()} == {0.0}
        assert all(holds_zero(found, metric) for metric, _ in found)
        assert set(tables) == {"inverted-outcomes"}


def test_a_model_of_everybody_tells_of_people_in_general_and_betrays_nobody() -> None:
    held = []
    for seed in range(20):
        trial = subject(law, of_one_law(400, seed), of_one_law(800, 50 + seed))
        found, _ = measured(trial, seed)
        held += [holds_zero(found, f"inversion_{one}") for one in ("leak", "surest_leak")]
    assert sum(held) >= 38


def test_values_that_the_model_tells_are_listed_with_what_is_typical() -> None:
    found, tables = measured(subject(law, of_one_law(2_000, 1), of_one_law(2_000, 2)))
    values, outcomes = tables["inverted-values"], tables["inverted-outcomes"]
    lines = [row[:5] for row in values.rows]
    assert ("y = 1", "town", "a", "b", "b") in lines
    assert set(cells(values, "known_outcome")) == {"y = 1"}
    train = of_one_law(2_000, 1)
    of_yes = train[train["y"] == 1]["town"]
    assert cells(values, "model_adds")[0] == pytest.approx(
        (of_yes == "b").mean() - (of_yes == "a").mean()
    )
    assert cells(outcomes, "known_outcome") == ["y = 0", "y = 1", "all"]
    assert cells(outcomes, "typical_with")[1] > cells(outcomes, "typical_without")[1]
    adds = found["inversion_advantage", ""].value
    assert bounds(found, "inversion_advantage")[0] > 0
    shares = [cells(outcomes, f"share_{one}")[-1] for one in ("with", "without")]
    assert cells(outcomes, "model_adds")[-1] == pytest.approx(adds)
    assert shares[0] - shares[1] == pytest.approx(adds)


@pytest.mark.parametrize("seed", range(3))
def test_a_class_of_which_one_training_row_is_known_by_heart_is_found(seed: int) -> None:
    train = people(400, seed)
    train.loc[train["y"] == 1, FEATURES] = list(COMMON.values())
    found, tables = measured(
        subject(lambda rows: 0.01 + 0.98 * like(COMMON, rows) ** 4, train, people(800, 9 + seed))
    )
    assert bounds(found, "inversion_leak")[0] > 0.2
    assert bounds(found, "inversion_surest_leak")[0] > 0.2
    assert set(cells(tables["inverted-values"], "value_with")) == {"b"}
    assert cells(tables["inverted-values"], "feature") == FEATURES
    assert cells(tables["inverted-outcomes"], "typical_with")[1] == 4


def test_the_surest_row_finds_what_is_too_rare_to_be_likely() -> None:
    train = people(400, 3)
    train.loc[train.index[:120], list(RARE)] = list(RARE.values())
    train.loc[train.index[:120], "y"] = 1
    found, tables = measured(
        subject(lambda rows: 0.5 + 0.4 * like(RARE, rows), train, people(800, 4))
    )
    assert holds_zero(found, "inversion_leak")
    assert "inverted-values" not in tables
    assert bounds(found, "inversion_surest_leak")[0] > 0.05


def test_each_group_has_its_own_leaks_and_one_person_alone_is_withheld() -> None:
    train, rows = people(400, 5), people(800, 6)
    train.loc[train["sex"] == "F", list(RARE)] = list(RARE.values())
    train.loc[0, "sex"], rows.loc[:60, "sex"] = "X", None
    found, _ = measured(subject(lambda given: 0.1 + 0.8 * like(RARE, given), train, rows))
    assert {group for _, group in found} == {"", "F", "M", "X", "unknown"}
    assert found["inversion_surest_leak", "X"].reason == WITHHELD
    assert found["inversion_surest_leak", "unknown"].reason == "no rows"
    women, men = (found["inversion_surest_leak", sex].interval for sex in "FM")
    assert women is not None
    assert men is not None
    assert women.low > 0.1
    assert men.low < 0


def test_classes_are_inverted_and_the_rarest_left_out_and_counted() -> None:
    rng = np.random.default_rng(8)
    names = np.array(["a", "b", "c", "z"])

    def answer(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        given = np.column_stack([(rows["town"] == name) + 0.1 for name in "cba"] + [rows.index * 0])
        return np.asarray(given / given.sum(axis=1, keepdims=True))

    train, rows = (
        people(600, seed).assign(y=rng.choice(names, 600, p=[0.4, 0.3, 0.29, 0.01]))
        for seed in (8, 9)
    )
    held = subject(answer, train, rows, task="multiclass", classes=("a", "b", "c", "z"))
    found, tables = measured(held)
    assert cells(tables["inverted-outcomes"], "known_outcome") == ["y = a", "y = b", "y = c", "all"]
    left = int((train["y"] == "z").sum())
    assert (
        f"{left} training rows with rarer outcomes left out" in found["inversion_leak", ""].source
    )
    lines = {row[0]: row[3] for row in tables["inverted-values"].rows}
    assert lines == {"y = a": "c", "y = b": "b"}
    _, fewer = measured(held, outcomes=2)
    assert cells(fewer["inverted-outcomes"], "known_outcome") == ["y = a", "y = b", "all"]


def test_a_number_is_inverted_by_bands() -> None:
    def pay(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.asarray(rows["town"].map({"a": 100.0, "b": 300.0, "c": 300.0, "d": 500.0}))

    train, rows = (
        given.assign(y=pay(given) + np.random.default_rng(1).normal(scale=30, size=len(given)))
        for given in (people(600, 10), people(900, 11))
    )
    found, tables = measured(subject(pay, train, rows, task="regression"))
    outcomes, values = tables["inverted-outcomes"], tables["inverted-values"]
    assert len(outcomes.rows) == 4
    assert cells(outcomes, "known_outcome")[0].startswith("y = under ")
    assert set(cells(values, "feature")) == {"town"}
    assert bounds(found, "inversion_advantage")[0] > 0
    same = subject(pay, *(given.assign(y=7.0) for given in (train, rows)), task="regression")
    assert cells(measured(same)[1]["inverted-outcomes"], "known_outcome") == ["y = 7", "all"]


def test_a_model_of_text_says_why_not() -> None:
    texts = [
        given.assign(text=[f"number {at} is one of my many good days" for at in range(len(given))])
        for given in (people(300, 1), people(300, 2))
    ]
    found, _ = measured(subject(constant, *texts, features=["text"]))
    assert {m.reason for m in found.values()} == {TEXT}


def test_scores_that_are_no_chances_and_columns_that_nobody_shares_are_told() -> None:
    train, rows = people(300, 1), people(300, 2)
    wide = subject(lambda given: 3 * constant(given), train, rows, threshold=1.0)
    assert {m.reason for m in measured(wide)[0].values()} == {NO_PROBABILITIES}
    alone = subject(
        constant, *(given.assign(town="a") for given in (train, rows)), features=["town"]
    )
    assert {m.reason for m in measured(alone)[0].values()} == {NOT_SHARED}


def test_outcomes_of_few_rows_are_not_inverted() -> None:
    rows = people(400, 2).assign(y=[1] * 12 + [0] * 388)
    train = people(300, 1).assign(y=[1] * 292 + [0] * 8)
    found, tables = measured(subject(constant, train, rows))
    assert {m.reason for m in found.values()} == {TOO_FEW}
    assert not tables


def test_a_column_of_names_is_asked_with_but_not_guessed() -> None:
    train, rows = (
        given.assign(name=[f"p{at}" for at in range(len(given))])
        for given in (of_one_law(600, 1), of_one_law(600, 2))
    )
    found, _ = measured(subject(law, train, rows, features=[*FEATURES, "name"]))
    assert "4 of 5 features guessed" in found["inversion_leak", ""].source


def test_settings_out_of_range_are_refused_together() -> None:
    with pytest.raises(InputError, match=r"2 problems:(.|\n)*outcomes(.|\n)*rows"):
        ModelInversion(outcomes=0, rows=5)
