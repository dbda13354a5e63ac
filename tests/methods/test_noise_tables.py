"""Which change stands for its kind, and what the tables hold."""

from __future__ import annotations

import numpy as np

from auditkit.evidence import Table
from auditkit.methods.noise_tables import (
    UNCHANGED,
    Kind,
    Line,
    changes_table,
    curve_table,
)
from auditkit.methods.perturbing import Outcome

N = 60
GROUPS = {"sex": (("F", "M", "unknown"), np.repeat([0, 1, -1], [20, 35, 5]))}


def outcome(flips: int, changed: int = N, *, at: int = 0) -> Outcome:
    places = np.arange(N)
    flipped = ((places >= at) & (places < at + flips)).astype(float)
    return Outcome((places < changed).astype(float), flipped, flipped)


def line(kind: str, what: str, came: Outcome | str) -> Line:
    return Line(kind, what, came, GROUPS)


def kinds() -> list[Kind]:
    noise = [line("small noise", f"{i}", outcome(i)) for i in (0, 1, 2)]
    errors = [
        line("wrong unit", "'a'", outcome(3)),
        line("wrong unit", "'b'", outcome(12)),
        line("wrong unit", "'c'", "the model refuses such rows: ValueError"),
        line("wrong unit", "'d'", outcome(0, 0)),
    ]
    return [Kind("small noise", tuple(noise)), Kind("wrong unit", tuple(errors))]


def cells(table: Table | None, column: str) -> list[object]:
    assert table is not None
    return [row[table.columns.index(column)] for row in table.rows]


def test_the_mean_of_small_changes_and_the_worst_error_stand_for_their_kinds() -> None:
    noise, units = kinds()
    assert isinstance(noise.outcome, Outcome)
    assert noise.outcome.rate == 1 / N
    assert (units.first.what, units.tried) == ("'b'", 2)
    assert units.outcome is units.first.outcome


def test_a_kind_that_changes_nothing_or_is_refused_says_why() -> None:
    assert Kind("wrong unit", (line("wrong unit", "'a'", outcome(0, 0)),)).outcome == UNCHANGED
    refused = line("small noise", "x", "the model refuses such rows: ValueError")
    both = Kind("small noise", (refused, line("small noise", "y", outcome(1))))
    assert both.outcome == refused.outcome


def test_small_changes_stand_first_then_the_worst_of_each_kind() -> None:
    table = changes_table(kinds(), 0.95)
    groups = cells(table, "group")
    altered = [name for name, one in zip(cells(table, "altered"), groups, strict=True) if not one]
    assert altered == [
        *("small noise: 0", "small noise: 1", "small noise: 2"),
        *("wrong unit: 'b'", "wrong unit: 'a'"),
        *("wrong unit: 'c', refused by the model", "wrong unit: 'd'"),
    ]
    assert groups[:4] == [None] * 4
    assert cells(table, "answers_changed")[3] == 0.2
    assert cells(table, "answers_changed")[-3:] == [0.05, None, None]
    assert cells(table, "share_changed")[-2:] == [None, 0.0]
    assert changes_table([Kind("x", (line("x", "", "nothing"),))], 0.95) is None


def test_groups_are_sorted_by_how_surely_they_change_and_tiny_ones_are_withheld() -> None:
    table = changes_table(kinds(), 0.95)
    assert cells(table, "group")[4:8] == ["sex: F", "sex: F", "sex: M", "sex: M"]
    assert "sex: unknown" not in cells(table, "group")
    first = dict(zip(table.columns, table.rows[4], strict=True)) if table else {}
    assert (first["altered"], first["answers_changed"], first["n"]) == ("wrong unit: 'b'", 0.6, 20)
    assert (first["to_worse"], first["to_better"]) == (0.0, 0.6)


def test_the_curve_names_the_worst_group_of_each_size() -> None:
    points = [(0.1, outcome(2)), (0.5, outcome(30, at=25))]
    table = curve_table(points, GROUPS, 10, 0.95)
    assert cells(table, "worst_group") == ["sex: F", "sex: M"]
    assert cells(table, "worst_answers_changed") == [0.1, 30 / 35]
    assert curve_table([(0.1, outcome(0, 0))], GROUPS, 10, 0.95) is None
    assert cells(curve_table(points, {}, 10, 0.95), "worst_group") == [None, None]
