"""Counts of several places, written, read and added up, give what the pooled rows give."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit.audit import PROTECTED_ONLY, run
from auditkit.data.cells_file import CellsFile, digest, read_cells
from auditkit.data.counted import CellTable
from auditkit.data.merging import Place, merge
from auditkit.data.protecting import cells_file
from auditkit.errors import InputError
from auditkit.report import MeasurementRecord
from auditkit.sending import table_of
from auditkit.subject import Subject

AUDITS = ["performance", "fairness", "adverse-impact"]
#: Metrics that are made of scores, which counts do not hold.
OF_SCORES = {"roc_auc", "brier_score", "calibration_in_the_large", "standardized_mean_difference"}
WHEN = datetime(2026, 11, 22, tzinfo=UTC)


def people(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = scored(n, seed)
    rows.loc[rng.random(n) < 0.08, "sex"] = None
    rows["w"] = rng.uniform(0.5, 3.0, n).round(2)
    rows["age"] = rng.integers(18, 90, n)
    return rows


def subject(rows: pd.DataFrame, *, weighted: bool = False, **facts: Any) -> Subject:
    return Subject.from_scores(
        rows,
        label="y",
        score="score",
        threshold=0.4,
        sensitive=facts.pop("sensitive", ["sex", "race"]),
        weight="w" if weighted else None,
        **facts,
    )


def sent(rows: Subject | pd.DataFrame, **protection: Any) -> CellsFile:
    held = subject(rows) if isinstance(rows, pd.DataFrame) else rows
    return cells_file(table_of(held), "loans", created=WHEN, **(protection or {"least": 0}))


def place(file: CellsFile, name: str = "a.cells.json") -> Place:
    raw = file.to_bytes()
    return Place(name, digest(raw), read_cells(raw))


def numbers(subject: Subject) -> dict[str, MeasurementRecord]:
    report = run(subject, audits=[*AUDITS, "conditional"])
    assert {audit.status for audit in report.audits} == {"completed"}
    return {m.id: m for m in report.measurements if m.metric not in OF_SCORES}


def split(rows: pd.DataFrame, places: int, seed: int) -> list[pd.DataFrame]:
    """Rows at random over places; the group "c" of race lives in the first one only."""
    where = np.random.default_rng(1000 + seed).integers(0, places, len(rows))
    where[rows["race"] == "c"] = 0
    return [rows[where == i] for i in range(places)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("places", [2, 3, 5])
def test_merged_counts_are_audited_as_the_pooled_rows(places: int, *, weighted: bool) -> None:
    rows = people(seed=places)
    parts = split(rows, places, seed=places)
    files = [place(sent(subject(part, weighted=weighted)), f"{i}") for i, part in enumerate(parts)]
    expected = numbers(subject(rows, weighted=weighted))
    found = numbers(Subject.from_cells(merge(files)))
    assert list(found) == list(expected)
    for name, one in expected.items():
        other = found[name]
        assert (other.n, other.reason, other.exact) == (one.n, one.reason, one.exact), name
        if not weighted:
            assert other == one, name
        near = None if one.value is None else pytest.approx(one.value, rel=1e-9, abs=1e-12)
        assert other.value == near, name
        assert (other.interval is None) == (one.interval is None)
        if one.interval is not None and other.interval is not None:
            bounds = (one.interval.low, one.interval.high)
            assert (other.interval.low, other.interval.high) == pytest.approx(bounds, abs=1e-9)
            assert other.interval.method == one.interval.method


def test_equal_weights_in_every_place_count_as_none() -> None:
    rows = people()
    rows["w"] = 0.1
    files = [
        place(sent(subject(part, weighted=True)), f"{i}")
        for i, part in enumerate(split(rows, 2, 1))
    ]
    merged = merge(files)
    assert merged.cells.weights is None
    assert merged.weight == "w"


def test_weights_that_are_equal_within_each_place_but_not_between_count() -> None:
    rows = people()
    first, second = rows[:300].assign(w=1.0), rows[300:].assign(w=5.0)
    files = [
        place(sent(subject(part, weighted=True)), str(len(part))) for part in (first, second[:299])
    ]
    pooled = subject(pd.concat([first, second[:299]]), weighted=True)
    cells, expected = merge(files).cells, pooled.cells
    assert cells.weights == pytest.approx(expected.weights)
    assert cells.squares == pytest.approx(expected.squares)


def test_the_order_of_files_and_columns_changes_nothing() -> None:
    first, second = split(people(), 2, 3)
    other = subject(second, sensitive=["race", "sex"])
    a, b = place(sent(first), "a"), place(sent(other), "b")
    one, two = merge([a, b]), merge([b, a])
    assert one.cells.columns == two.cells.columns == ("race", "sex")
    assert one.source == two.source
    assert one.cells.n.tolist() == two.cells.n.tolist()
    assert one.notes == two.notes


def test_a_file_comes_back_as_it_went_and_the_same_counts_make_the_same_bytes() -> None:
    file = sent(people(), least=5)
    assert read_cells(file.to_bytes()) == file
    assert sent(people()[::-1], least=5).to_bytes() == file.to_bytes()


def test_bands_keep_their_order_and_must_be_the_same_everywhere() -> None:
    rows = people()

    def banded(edges: list[float]) -> Place:
        return place(sent(subject(rows, sensitive=["age"], bands={"age": edges})), str(edges))

    table = merge([banded([25, 65])])
    assert table.names["age"] == ("under 25", "25 to 64", "65 and over")
    with pytest.raises(InputError, match="the same bands in every place"):
        merge([banded([25, 65]), banded([30, 65])])


def changed(file: CellsFile, **fields: Any) -> CellsFile:
    return CellsFile.model_validate(file.model_dump() | fields)


def test_every_difference_in_meaning_is_told_at_once() -> None:
    file = sent(people())
    other = changed(
        file,
        outcome={"label": "paid", "positive": True},
        decision={"score": "score", "threshold": 0.5},
    )
    with pytest.raises(InputError) as caught:
        merge([place(file, "a"), place(other, "b")])
    assert [problem.where for problem in caught.value.problems] == [
        "b label",
        "b positive",
        "b threshold",
    ]


def test_the_same_file_twice_is_refused() -> None:
    file = sent(people())
    with pytest.raises(InputError, match="people count twice"):
        merge([place(file, "a"), place(file, "b")])


def protected(least: int | None, epsilon: float | None, seed: int) -> tuple[CellTable, Subject]:
    rows = people(3000, seed)
    draw = Random(seed).randrange
    kind = {"epsilon": epsilon, "below": draw} if epsilon else {"least": least}
    files = [place(sent(part, **kind), f"{i}") for i, part in enumerate(split(rows, 3, seed))]
    return merge(files), subject(rows)


@pytest.mark.parametrize(("least", "epsilon"), [(10, None), (None, 1.0)])
def test_intervals_of_protected_counts_hold_the_true_numbers(
    least: int | None, epsilon: float | None
) -> None:
    held, missed = 0, 0
    for seed in range(5):
        table, whole = protected(least, epsilon, seed)
        truth = {m.id: m.value for m in run(whole, audits=["performance", "fairness"]).measurements}
        report = run(Subject.from_cells(table), audits=["performance", "fairness"])
        for one in report.measurements:
            value = truth.get(one.id)
            if one.interval is None or value is None:
                continue
            inside = one.interval.low - 1e-9 <= value <= one.interval.high + 1e-9
            held, missed = held + inside, missed + (not inside)
    assert held > 500
    assert missed / (held + missed) < 0.01


@pytest.mark.parametrize(("least", "epsilon"), [(10, None), (None, 0.5)])
def test_nothing_about_protected_counts_is_called_exact(
    least: int | None, epsilon: float | None
) -> None:
    table, _ = protected(least, epsilon, 0)
    report = run(Subject.from_cells(table), audits=AUDITS)
    sizes = [m for m in report.measurements if m.metric in ("group_size", "unknown_share")]
    assert sizes
    for one in sizes:
        assert one.exact is (one.interval is None)
    assert any(m.interval is not None for m in sizes)
    assert all("protected" in m.source for m in report.measurements if m.metric == "accuracy")
    impact = report.audits[-1]
    assert (impact.name, impact.status, impact.reason) == (
        "adverse-impact",
        "skipped",
        PROTECTED_ONLY,
    )


def test_intervals_of_protected_counts_are_wider() -> None:
    table, whole = protected(10, None, 0)
    widths = []
    for one in (whole, Subject.from_cells(table)):
        report = run(one, audits=["fairness"])
        gap = next(m for m in report.measurements if m.metric == "demographic_parity_difference")
        assert gap.interval is not None
        widths.append(gap.interval.high - gap.interval.low)
    assert widths[1] > widths[0]


def test_a_protected_file_and_a_plain_one_are_added_up_and_the_notes_say_which_is_which() -> None:
    first, second = split(people(), 2, 1)
    table = merge([place(sent(first, least=10), "a"), place(sent(second), "b")])
    assert table.cells.doubt is not None
    text = " ".join(table.notes)
    assert "1 of 2 files are protected" in text
    assert "cells of fewer than 10 people withheld" in text
    assert "not protected" in text


def test_weighted_counts_can_be_withheld_and_the_true_rates_stay_inside() -> None:
    rows = people(2000)
    held = subject(rows, weighted=True)
    table = merge([place(sent(held, least=10))])
    assert table.cells.how == "weighted, counts protected"
    truth = {m.id: m.value for m in run(held, audits=["fairness"]).measurements}
    found = run(Subject.from_cells(table), audits=["fairness"]).measurements
    rates = [m for m in found if m.metric == "selection_rate" and m.interval is not None]
    assert len(rates) > 5
    for one in rates:
        value = truth[one.id]
        assert one.interval is not None
        assert value is not None
        assert one.interval.low <= value <= one.interval.high
