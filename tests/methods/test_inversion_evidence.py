"""The tables of model inversion, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auditkit.evidence import Table
from auditkit.methods.inversion_evidence import LINES, Inversion
from auditkit.methods.model_inversion import Known, told

#: Forty training rows and twenty others of two features; of the last outcome most values are rare.
INSIDE = Known(
    np.array([[0, 1]] * 12 + [[0, 0]] * 8 + [[1, 0]] * 11 + [[-1, 1]] * 9), np.repeat([0, 1], 20)
)
OUTSIDE = Known(np.array([[0, 1]] * 10 + [[1, 0]] * 10), np.repeat([0, 1], 10))
FOUND = Inversion(
    outcomes=("y = 0", "y = 1"),
    features=("town", "job"),
    labels=(("n", "s"), ("cook", "smith")),
    likely=np.array([[0, 1], [1, 0]]),
    sure=np.array([[0, 1], [0, 0]]),
    inside=INSIDE,
    outside=OUTSIDE,
    places=(np.arange(40), np.arange(20)),
    words="forty rows",
)


def tables(found: Inversion) -> list[Table]:
    return list(found.tables(0.95))


def of(table: Table, column: str) -> list[Any]:
    return [row[table.columns.index(column)] for row in table.rows]


def test_typical_values_and_shares_are_counted_by_outcome() -> None:
    table = tables(FOUND)[0]
    assert of(table, "known_outcome") == ["y = 0", "y = 1", "all"]
    assert of(table, "typical_without") == [1, 1, None]
    assert of(table, "typical_with") == [2, 2, None]
    assert of(table, "n_training") == [20, 20, 40]
    assert of(table, "share_without") == [(20 + 8) / 40, 11 / 40, 39 / 80]
    assert of(table, "share_with") == [(20 + 12) / 40, (11 + 11) / 40, 54 / 80]
    assert of(table, "model_adds") == pytest.approx([4 / 40, 11 / 40, 15 / 80])
    assert of(table, "inversion_leak") == pytest.approx([0.1 - 0.5, 0.275 - 0.5, 0.1875 - 0.5])
    assert of(table, "inversion_surest_leak") == pytest.approx([0.1 - 0.5, 0.0, 0.05 - 0.25])


def test_intervals_of_outcomes_and_guesses_hold_together() -> None:
    table = tables(FOUND)[0]
    first = INSIDE.outcome == 0, OUTSIDE.outcome == 0
    alone = told(*FOUND.added(FOUND.likely, first), 1 - 0.05 / 4).members.interval
    assert alone is not None
    assert of(table, "model_adds_low")[0] == pytest.approx(alone.low)
    everyone = told(*FOUND.added(FOUND.sure), 1 - 0.05 / 2).leak.interval
    assert everyone is not None
    assert of(table, "inversion_surest_leak_high")[-1] == pytest.approx(everyone.high)


def test_only_guesses_that_the_model_changes_are_listed_the_most_telling_first() -> None:
    table = tables(FOUND)[1]
    assert [row[:5] for row in table.rows] == [
        ("y = 1", "town", "n", "s", "s"),
        ("y = 0", "job", "cook", "smith", "smith"),
    ]
    assert of(table, "model_adds") == [11 / 20, 4 / 20]
    assert of(table, "inversion_leak") == pytest.approx([11 / 20 - 1, 4 / 20 - 1])
    assert len(tables(replace(FOUND, likely=np.zeros((2, 2), dtype=np.int64)))) == 1


def test_a_typical_value_that_few_rows_share_is_not_shown() -> None:
    outcome, first = np.repeat([0, 1], [10, 17]), [[0, 0]] * 10
    nine = [[1, 0]] * 9 + [[0, 0]] * 5 + [[-1, 0]] * 3
    rare = [[-1, 0]] * 12 + [[1, 0]] * 5
    for rows in (nine, rare):
        table = tables(replace(FOUND, inside=Known(np.array(first + rows), outcome)))[1]
        assert ("y = 1", "town", "n", "s", None) in [row[:5] for row in table.rows]


def test_the_list_of_changed_guesses_is_short_and_says_so() -> None:
    d = LINES + 3
    rows = np.tile(np.arange(2), (20, d))[:, :d]
    many = replace(
        FOUND,
        features=tuple(f"f{at}" for at in range(d)),
        labels=(("a", "b"),) * d,
        likely=np.ones((2, d), dtype=np.int64),
        sure=np.ones((2, d), dtype=np.int64),
        inside=Known(rows, np.repeat([0, 1], 10)),
        outside=Known(rows, np.repeat([0, 1], 10)),
    )
    table = tables(many)[1]
    assert len(table.rows) == LINES
    assert table.source.startswith(f"{LINES} of {2 * d} changed guesses listed, of {2 * d};")
