"""Scores that were counted by bin give what the rows give, within the bound that is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit import Subject, count, run
from auditkit.audit import Audit
from auditkit.audits.performance import Performance
from auditkit.audits.scores_by_group import ScoresByGroup
from auditkit.methods.score_parts import NOT_BINNED
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import NOT_BINNED as NO_BINS

pytest.importorskip("duckdb")
ROLES: dict[str, Any] = {
    "label": "y", "score": "s", "sensitive": ["sex", "age"], "bands": {"age": [25, 65]},
}  # fmt: skip
AUDITS: tuple[Audit, ...] = (Performance(), ScoresByGroup())
BOUND = re.compile(r"binning moves it by at most ([0-9.e-]+)")
SCORES: dict[str, Any] = {
    "spread": lambda rng, n: rng.beta(2, 3, n),
    "sure": lambda rng, n: rng.beta(0.05, 0.05, n),
    "crowded in a few bins": lambda rng, n: 0.3 + rng.beta(2, 3, n) / 500,
    "tied": lambda rng, n: rng.choice([0, 0.1, 0.3, 0.5, 0.7, 1], n),
    "all the same": lambda _, n: np.full(n, 0.3),
    "promising too much": lambda rng, n: rng.beta(2, 3, n) ** 0.5,
}


def people(kind: str, n: int = 2_000, seed: int = 0) -> pd.DataFrame:
    """Scores of a kind; groups that are unknown, of one row, and of one outcome."""
    rng = np.random.default_rng(seed)
    score = SCORES[kind](rng, n)
    rows = pd.DataFrame({"y": (rng.random(n) < score).astype(int), "s": score})
    rows["sex"] = pd.Series(rng.choice(["F", "M"], n)).mask(rng.random(n) < 0.03)
    rows.loc[0, "sex"] = "one row"
    rows.loc[1:30, "y"] = 1
    rows.loc[1:30, "sex"] = "one outcome"
    rows["age"] = rng.integers(18, 90, n)
    return rows


def counted(rows: pd.DataFrame, folder: Path, **more: Any) -> Subject:
    rows.to_parquet(folder / "rows.parquet")
    return Subject.from_cells(count("rows.parquet", folder=folder, **{**ROLES, **more}))


def by_id(report: Report) -> dict[str, MeasurementRecord]:
    assert [audit.status for audit in report.audits] == ["completed"] * len(report.audits)
    return {m.id: m for m in report.measurements}


def bound_of(found: MeasurementRecord) -> float:
    held = BOUND.search(found.source)
    return float(held[1]) if held else 0.0


@pytest.fixture(scope="module", params=list(SCORES))
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, Report]:
    """The report of rows, and that of counts of the same rows."""
    rows = people(request.param)
    subjects = Subject.from_scores(rows, **ROLES), counted(rows, tmp_path_factory.mktemp("rows"))
    first, second = (run(subject, None, AUDITS) for subject in subjects)
    return first, second


def test_every_number_is_that_of_the_rows_within_its_bound(both: tuple[Report, Report]) -> None:
    expected, found = map(by_id, both)
    assert found.keys() == expected.keys()
    for name, of_rows in expected.items():
        binned = found[name]
        assert binned.n == of_rows.n, name
        if binned.reason is not None and NOT_BINNED in binned.reason:
            assert "standardized" in name
            continue
        assert (binned.value is None) == (of_rows.value is None), name
        assert binned.reason == of_rows.reason, name
        if binned.value is not None:
            assert binned.value == pytest.approx(of_rows.value, abs=bound_of(binned) + 1e-9), name


def test_every_interval_holds_that_of_the_rows_and_is_little_wider(
    both: tuple[Report, Report],
) -> None:
    expected, found = map(by_id, both)
    for name, of_rows in expected.items():
        binned = found[name]
        if binned.interval is None or of_rows.interval is None or "abroca" in name:
            continue  # areas between curves are drawn, and not with the same draws
        bound = bound_of(binned)
        for end, sign in (("low", 1), ("high", -1)):
            apart = sign * (getattr(of_rows.interval, end) - getattr(binned.interval, end))
            assert -2e-4 - 0.1 * bound < apart < 2 * bound + 1e-3, (name, end)


def test_areas_between_curves_have_intervals_like_those_of_rows(
    both: tuple[Report, Report],
) -> None:
    expected, found = map(by_id, both)
    for attribute in ("sex", "age"):
        name = f"scores-by-group.abroca[{attribute}=*]"
        of_rows, binned = expected[name].interval, found[name].interval
        assert (of_rows is None) == (binned is None)
        if of_rows is not None and binned is not None:
            near = pytest.approx((of_rows.low, of_rows.high), abs=0.012 + bound_of(found[name]))
            assert (binned.low, binned.high) == near


def test_the_tables_are_those_of_rows_and_say_how_exact_they_are(
    both: tuple[Report, Report],
) -> None:
    expected, found = ({table.id: table for table in report.tables} for report in both)
    assert found.keys() == expected.keys() - {"scores-by-group.thresholds"}  # needs rows
    for name in ("scores-by-group.groups", "scores-by-group.calibration"):
        if name in expected:
            assert found[name].columns == expected[name].columns
    if "scores-by-group.roc" in found:
        assert "at the end of one of 4,096 bins" in found["scores-by-group.roc"].source


def test_scores_that_are_tied_are_counted_exactly(tmp_path: Path) -> None:
    found = by_id(run(counted(people("tied"), tmp_path), None, AUDITS))
    for metric in ("roc_auc", "ks_statistic", "expected_calibration_error"):
        assert "exact, no binning" in found[f"scores-by-group.{metric}[sex=F]"].source
    assert "exact, no binning" in found["performance.roc_auc"].source


def test_the_bound_of_spread_scores_is_printed_and_small(tmp_path: Path) -> None:
    found = by_id(run(counted(people("spread"), tmp_path), None, AUDITS))
    area = found["performance.roc_auc"]
    assert 0 < bound_of(area) < 5e-4
    assert area.interval is not None
    assert area.interval.method.endswith("widened by what bins hide at most")
    assert 0 < bound_of(found["performance.brier_score"]) < 1e-7
    assert 0 < bound_of(found["scores-by-group.abroca[sex=*]"]) < 2e-3


def test_a_group_of_one_row_shows_nothing_of_its_score(tmp_path: Path) -> None:
    found = by_id(run(counted(people("spread"), tmp_path), None, AUDITS))
    for metric in ("mean_score", "roc_auc", "expected_calibration_error"):
        alone = found[f"scores-by-group.{metric}[sex=one row]"]
        assert (alone.value, alone.interval, bound_of(alone)) == (None, None, 0)


@pytest.mark.parametrize("more", [{"weight": "w"}, {"score": None, "prediction": "y"}])
def test_without_bins_the_audit_is_skipped_with_a_reason(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    rows = people("spread").assign(w=lambda f: 1.0 + f["age"])
    report = run(counted(rows, tmp_path, **more), None, AUDITS)
    performance, skipped = report.audits
    assert (performance.status, skipped.status) == ("completed", "skipped")
    assert skipped.reason is not None
    reason = NO_BINS if "weight" in more else "no scores"
    assert reason in skipped.reason
    area = {m.id: m for m in report.measurements}["performance.roc_auc"]
    assert area.value is None
    assert reason in str(area.reason)
