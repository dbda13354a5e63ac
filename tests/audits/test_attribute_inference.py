"""Attribute inference on models of which it is known what they remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.attribute_inference import NOT_READ, WITHHELD, AttributeInference
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.calibration import NO_PROBABILITIES
from auditkit.subject import NEEDS, Subject

Scores = Callable[[pd.DataFrame], npt.NDArray[Any]]


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
    """People of whom nothing tells the sex; `x` is their own."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": np.round(rng.random(n), 9),
            "sex": rng.choice(["F", "M"], n),
            "y": rng.integers(0, 2, n),
        }
    )


TRAIN, ROWS = people(600, 1), people(1_200, 2)


def remembering(train: pd.DataFrame) -> Scores:
    """Surely right about training rows, surely wrong about those with another sex, else unsure."""
    held = {x: (sex, y) for x, sex, y in train[["x", "sex", "y"]].itertuples(index=False)}

    def chance(x: float, sex: str) -> float:
        if x not in held:
            return 0.5
        return 0.999 if (held[x][0] == sex) == (held[x][1] == 1) else 0.001

    return lambda rows: np.array(
        [chance(*row) for row in rows[["x", "sex"]].itertuples(index=False)]
    )


def subject(answer: Scores, rows: pd.DataFrame = ROWS, **given: Any) -> Subject:
    settings: dict[str, Any] = {
        "label": "y", "features": ["x", "sex"], "sensitive": ["sex"], "train": TRAIN,
    }  # fmt: skip
    classes = given.pop("classes", ())
    return Subject.from_model(Answering(answer, classes), rows, **{**settings, **given})


def measured(
    held: Subject, **settings: Any
) -> tuple[dict[tuple[str, str], Measurement], list[Table]]:
    evidence = list(AttributeInference(**settings).run(held, np.random.default_rng(0)))
    found = {
        (m.metric, next(iter(m.slice.values()), "")): m
        for m in evidence
        if isinstance(m, Measurement)
    }
    return found, [table for table in evidence if isinstance(table, Table)]


def values(held: Subject) -> dict[str, float | None]:
    found, _ = measured(held)
    return {metric: m.value for (metric, group), m in found.items() if group == "*"}


def accuracies(table: Table, way: str) -> list[Any]:
    """How often a way of guessing is right: training rows, then others."""
    return [row[table.columns.index(way)] for row in table.rows]


def test_a_lookup_table_gives_every_training_row_away_and_no_other() -> None:
    found, (table,) = measured(subject(remembering(TRAIN)))
    assert accuracies(table, "model_adds")[1] == 0.0
    assert accuracies(table, "with_model")[0] == accuracies(table, "model_alone")[0] == 1.0
    assert accuracies(table, "with_model")[1] == accuracies(table, "without_model")[1]
    without = accuracies(table, "without_model")[0]
    assert without == pytest.approx(0.5, abs=0.06)
    leak = found["attribute_leak", "*"]
    assert leak.value == found["attribute_advantage", "*"].value == pytest.approx(1 - without)
    assert leak.interval is not None
    assert leak.interval.low > 0.3


def test_a_model_that_reads_the_column_but_ignores_it_adds_exactly_nothing() -> None:
    found, (table,) = measured(subject(lambda rows: rows["x"].to_numpy()))
    assert found["attribute_advantage", "*"].value == 0.0
    assert found["attribute_leak", "*"].value == 0.0
    assert accuracies(table, "model_adds") == [0.0, 0.0]
    assert accuracies(table, "model_alone") == accuracies(table, "most_frequent")


def test_what_a_model_teaches_about_everybody_is_no_leak() -> None:
    def people_of_one_law(n: int, seed: int) -> pd.DataFrame:
        rows = people(n, seed)
        chance = np.where(rows["sex"] == "F", 0.9, 0.1)
        return rows.assign(y=(np.random.default_rng(seed).random(n) < chance).astype(int))

    held = subject(
        lambda rows: np.where(rows["sex"] == "F", 0.9, 0.1),
        people_of_one_law(1_200, 4),
        train=people_of_one_law(600, 3),
    )
    found, (table,) = measured(held)
    leak = found["attribute_leak", "*"]
    assert accuracies(table, "with_model") == pytest.approx([0.9, 0.9], abs=0.04)
    assert leak.interval is not None
    assert leak.interval.low < 0 < leak.interval.high


def test_each_group_has_its_own_leak_and_one_person_alone_is_withheld() -> None:
    alone = TRAIN.assign(sex=["X", *TRAIN["sex"][1:]])
    rows = ROWS.assign(sex=["X"] * 60 + list(ROWS["sex"][60:]))
    found, _ = measured(subject(remembering(alone), rows, train=alone))
    assert {group for metric, group in found if metric == "attribute_leak"} == {"*", "F", "M", "X"}
    assert found["attribute_leak", "X"].value is None
    assert found["attribute_leak", "X"].reason == WITHHELD
    women = found["attribute_leak", "F"]
    assert women.interval is not None
    assert women.interval.low > 0


def test_unknown_and_tiny_groups_are_left_out_and_counted() -> None:
    rows = ROWS.assign(sex=[None] * 7 + ["Z"] * 3 + list(ROWS["sex"][10:]))
    found, _ = measured(subject(remembering(TRAIN), rows))
    assert "10 rows of unknown or small groups left out" in found["attribute_leak", "*"].source


def test_a_column_that_the_model_does_not_read_is_undefined_with_the_reason() -> None:
    found, tables = measured(subject(lambda rows: rows["x"].to_numpy(), features=["x"]))
    assert {m.reason for m in found.values()} == {NOT_READ}
    assert not tables


def test_without_a_sensitive_column_or_probabilities_the_reason_is_told() -> None:
    nothing, _ = measured(subject(lambda rows: rows["x"].to_numpy(), sensitive=[]))
    assert {m.reason for m in nothing.values()} == {NEEDS["sensitive"]}
    scores, _ = measured(subject(lambda rows: 3 * rows["x"].to_numpy(), threshold=1.0))
    assert {m.reason for m in scores.values()} == {NO_PROBABILITIES}


def test_too_few_rows_to_learn_on_are_told() -> None:
    found, _ = measured(subject(lambda rows: rows["x"].to_numpy(), ROWS.iloc[:20]))
    assert "fewer than 2 groups have 10 rows" in str(found["attribute_leak", "*"].reason)


def test_bands_of_a_number_are_attacked_by_a_few_of_their_values() -> None:
    def aged(n: int, seed: int) -> pd.DataFrame:
        ages = np.random.default_rng(seed).integers(18, 80, n)
        return people(n, seed).assign(age=ages, y=(ages >= 40).astype(int))

    held = subject(
        lambda rows: np.where(rows["age"] >= 40, 0.9, 0.1), aged(1_200, 5), train=aged(600, 6),
        features=["x", "age"], sensitive=["age"], bands={"age": [40]},
    )  # fmt: skip
    found, (table,) = measured(held)
    assert accuracies(table, "with_model") == [1.0, 1.0]
    assert "asked with 6 values" in found["attribute_leak", "*"].source


def test_classes_and_numbers_are_attacked_too() -> None:
    three = np.array(["a", "b", "c"])

    def of_class(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        right = remembering(TRAIN)(rows)
        return np.column_stack([1 - right, right, np.zeros(len(rows))])

    train, rows = (one.assign(y=three[one["y"]]) for one in (TRAIN, ROWS))
    held = subject(of_class, rows, train=train, task="multiclass", classes=("a", "b", "c"))
    (table,) = measured(held)[1]
    assert accuracies(table, "with_model")[0] == 1.0

    def number(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.asarray(rows["x"] + 100 * (rows["sex"] == "F"))

    paid = [one.assign(y=number(one)) for one in (TRAIN, ROWS)]
    found, (table,) = measured(subject(number, paid[1], task="regression", train=paid[0]))
    assert accuracies(table, "with_model") == [1.0, 1.0]
    assert found["attribute_leak", "*"].value == 0.0


def test_the_only_column_of_a_model_is_attacked_without_others() -> None:
    found = values(subject(lambda rows: np.where(rows["sex"] == "F", 0.6, 0.4), features=["sex"]))
    assert found["attribute_advantage"] is not None


def test_columns_that_are_attacked_together_hold_their_leaks_together() -> None:
    held = [one.assign(town=np.tile(["n", "s"], len(one) // 2)) for one in (TRAIN, ROWS)]
    two = subject(
        remembering(TRAIN), held[1], train=held[0],
        features=["x", "sex", "town"], sensitive=["sex", "town"],
    )  # fmt: skip
    evidence = AttributeInference().run(two, np.random.default_rng(0))
    leaks = [
        m.interval
        for m in evidence
        if isinstance(m, Measurement) and m.metric == "attribute_leak" and "*" in m.slice.values()
    ]
    assert len(leaks) == 2
    for interval in leaks:
        assert interval is not None
        assert (interval.level, interval.method) == (0.95, "MOVER, Bonferroni over 2 columns")


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="rows: found '5', expected a whole number from 100"):
        AttributeInference(rows=5)
