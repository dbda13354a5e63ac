"""The audit of rules: a tree is imitated wholly, a coin not at all, and few rows stay hidden."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.surrogate import NOTHING, ONE_ANSWER, TOO_FEW, WITHHELD, Surrogate
from auditkit.evidence import Cell, Measurement, Table
from auditkit.methods.intervals import clopper_pearson
from auditkit.subject import Subject, Task


class Model:
    """A function of the rows."""

    kind, parameters, sha256 = "function", None, None
    classes = ("high", "low", "mid")

    def __init__(self, function: Callable[[pd.DataFrame], Any]) -> None:
        self.function = function

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.function(rows), dtype=float)


def people(n: int = 2_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "years": rng.integers(5, 17, n),
            "job": rng.choice(["nurse", "smith", "clerk"], n),
            "hours": rng.integers(1, 9, n) * 10,
            "pay": rng.random(n),
            "sex": np.where(np.arange(n) == 0, "X", rng.choice(["F", "M"], n)),
            "y": rng.integers(0, 2, n),
        }
    )


def tree(rows: pd.DataFrame) -> np.ndarray:
    """Two questions for smiths, two for the others."""
    smith = (rows["years"] >= 8) | (rows["hours"] >= 60)
    other = (rows["years"] >= 14) & (rows["hours"] < 40)
    return np.where(rows["job"] == "smith", smith, other) * 0.8 + 0.1


def coin(rows: pd.DataFrame) -> np.ndarray:
    """A decision that nothing tells, selecting a quarter."""
    return np.array([zlib.crc32(repr(pay).encode()) % 4 == 0 for pay in rows["pay"].tolist()])


def subject_of(
    function: Callable[[pd.DataFrame], Any], rows: pd.DataFrame | None = None, **facts: Any
) -> Subject:
    rows = people() if rows is None else rows
    task: Task = facts.pop("task", "binary")
    features = facts.pop("features", ["years", "job", "hours", "pay"])
    return Subject.from_model(
        Model(function), rows, label="y", features=features, sensitive=["sex"], task=task, **facts
    )


def found(
    subject: Subject, audit: Surrogate | None = None
) -> tuple[dict[tuple[str, ...], Measurement], list[dict[str, Cell]]]:
    """Measurements by metric and group, and the lines of the table."""
    items = list((audit or Surrogate()).run(subject, np.random.default_rng(0)))
    measured = {(m.metric, *m.slice.values()): m for m in items if isinstance(m, Measurement)}
    lines = [
        dict(zip(item.columns, row, strict=True))
        for item in items
        if isinstance(item, Table)
        for row in item.rows
    ]
    return measured, lines


def test_a_tree_is_imitated_wholly() -> None:
    measured, lines = found(subject_of(tree))
    fidelity = measured["surrogate_fidelity",]
    assert fidelity.value == 1
    assert fidelity.interval is not None
    low, high = clopper_pearson(1_000, 1_000)
    assert (fidelity.interval.low, fidelity.interval.high) == (float(low), float(high))
    rules = {line["rule"]: line["decision"] for line in lines if line["is_leaf"]}
    assert rules["job is smith and years at least 8"] == "selected"
    assert rules["job is smith and years under 8 and hours at least 60"] == "selected"
    assert len(rules) == 6


def test_a_coin_is_imitated_no_better_than_by_the_commonest_decision() -> None:
    measured, _ = found(subject_of(coin))
    constant = measured["surrogate_constant_fidelity",].value
    assert constant == pytest.approx(0.75, abs=0.05)
    assert measured["surrogate_fidelity",].value == pytest.approx(constant, abs=0.03)
    gain = measured["surrogate_gain",].interval
    assert gain is not None
    assert gain.low <= 0


def test_training_rows_make_the_rules_and_all_assessed_rows_measure_them() -> None:
    subject = subject_of(tree, train=people(seed=1))
    measured, lines = found(subject, Surrogate(rows=500))
    assert measured["surrogate_fidelity",].n == len(subject)
    assert "500 training rows" in measured["surrogate_fidelity",].source
    assert lines[0]["n"] == len(subject)


def test_without_training_rows_half_of_the_assessed_ones_is_left_out() -> None:
    measured, _ = found(subject_of(tree))
    assert measured["surrogate_fidelity",].n == 1_000


def test_who_is_described_less_well_is_told() -> None:
    def function(rows: pd.DataFrame) -> np.ndarray:
        return np.where(rows["sex"] == "F", coin(rows), rows["years"] >= 12)

    measured, _ = found(subject_of(function))
    women, men = (measured["surrogate_fidelity", sex].value or 0 for sex in ("F", "M"))
    gap = measured["surrogate_fidelity_difference", "*"]
    assert men > women
    assert gap.value == pytest.approx(men - women)
    assert gap.interval is not None
    assert gap.interval.low > 0


def test_a_group_of_one_row_is_withheld() -> None:
    measured, _ = found(subject_of(tree, train=people(seed=1)))
    lonely = measured["surrogate_fidelity", "X"]
    assert (lonely.value, lonely.n, lonely.reason) == (None, 1, WITHHELD)


def test_classes_are_imitated() -> None:
    rows = people().assign(y=lambda f: np.array(["high", "low", "mid"])[f.index % 3])

    def function(given: pd.DataFrame) -> np.ndarray:
        codes = np.select([given["years"] >= 13, given["years"] < 8], [0, 1], 2)
        return np.asarray(np.eye(3)[codes])

    measured, lines = found(subject_of(function, rows, task="multiclass"))
    assert measured["surrogate_fidelity",].value == 1
    ends = {line["rule"]: line["decision"] for line in lines if line["is_leaf"]}
    assert ends == {
        "years at least 13": "high",
        "years under 13 and years at least 8": "mid",
        "years under 8": "low",
    }


def test_numbers_are_imitated_by_means() -> None:
    rows = people().assign(y=lambda f: f["years"] * 10.0)
    steps, lines = found(subject_of(lambda f: (f["years"] >= 9) * 10.0, rows, task="regression"))
    assert steps["surrogate_r2_score",].value == 1
    assert [line["decision"] for line in lines if line["is_leaf"]] == [10, 0]
    slope, _ = found(subject_of(lambda f: f["pay"], rows, task="regression"))
    share = slope["surrogate_r2_score",]
    assert share.value == pytest.approx(1 - 1 / 64, abs=0.01)  # eight steps of a uniform number
    assert slope["surrogate_distance",].value == pytest.approx(1 / 32, abs=0.01)
    assert ("surrogate_distance_difference", "*") in slope


def test_what_the_model_gives_few_rows_is_not_shown_nor_told_by_those_beside_them() -> None:
    """Of the assessed rows a handful works 90 hours, of the training rows many."""
    train = people(seed=1).assign(hours=lambda f: np.where(f.index < 100, 90, f["hours"]))
    rows = people().assign(hours=lambda f: np.where(f.index < 5, 90, f["hours"]))
    _, lines = found(subject_of(lambda f: f["hours"] >= 90, rows, train=train))
    few, many = lines[1], lines[2]
    assert (few["n"], few["given"]) == (5, None)
    assert (many["n"], many["given"]) == (len(rows) - 5, None)
    assert lines[0]["given"] == pytest.approx(5 / len(rows))


def test_sides_that_say_the_same_are_one_rule() -> None:
    _, lines = found(subject_of(lambda rows: rows["years"] >= 12))
    assert [line["condition"] for line in lines] == ["", "years at least 12", "years under 12"]


def test_texts_get_rules_of_words() -> None:
    words = np.random.default_rng(0).choice(["good", "bad", "fine"], 900)
    rows = people(900).assign(note=[f"w{i} what a {word} day" for i, word in enumerate(words)])
    subject = subject_of(lambda f: f["note"].str.contains("good"), rows, features=["note"])
    measured, lines = found(subject)
    assert measured["surrogate_fidelity",].value == 1
    assert lines[1]["condition"] == "note holds “good”"


def test_one_answer_for_everyone_takes_no_rule() -> None:
    assert_none(subject_of(lambda rows: np.ones(len(rows))), ONE_ANSWER)


def test_a_few_rows_make_no_rules() -> None:
    assert_none(subject_of(tree, people(30)), TOO_FEW)


def test_where_no_rows_share_a_value_there_is_nothing_to_ask_about() -> None:
    rows = people().assign(job=lambda f: [f"j{i}" for i in f.index])
    subject = subject_of(lambda f: f["job"].str.len() > 4, rows, features=["job"])
    assert_none(subject, NOTHING)


def assert_none(subject: Subject, reason: str) -> None:
    """There is no table, and every number says why."""
    measured, lines = found(subject)
    assert {m.reason for m in measured.values()} == {reason}
    assert ("surrogate_fidelity",) in measured
    assert not lines
