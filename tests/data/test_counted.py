"""Counts instead of rows: every number that is made of counts is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit.audit import COUNTS_ONLY, run
from auditkit.data.counted import CellTable
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject

#: Metrics that are made of scores, which counts do not hold.
OF_SCORES = {"roc_auc", "brier_score", "calibration_in_the_large", "standardized_mean_difference"}


def rows_subject(*, weighted: bool) -> Subject:
    rng = np.random.default_rng(3)
    rows = scored(500)
    rows.loc[rng.integers(0, 500, 40), "sex"] = None
    rows["w"] = rng.uniform(0.5, 3.0, 500)
    return Subject.from_scores(
        rows,
        label="y",
        score="score",
        threshold=0.4,
        sensitive=["sex", "race"],
        weight="w" if weighted else None,
    )


def counted(subject: Subject) -> Subject:
    names = {name: groups.names for name, groups in subject.groups.items()}
    table = CellTable(
        subject.cells, names, subject.source, "y", score="score", threshold=0.4,
        weight=subject.weight,
    )  # fmt: skip
    return Subject.from_cells(table, name=subject.name)


def numbers(report: Report, audit: str) -> dict[str, MeasurementRecord]:
    return {m.id: m for m in report.measurements if m.audit == audit and m.metric not in OF_SCORES}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("audit", ["performance", "fairness", "adverse-impact", "conditional"])
def test_counts_give_the_numbers_that_the_rows_give(audit: str, *, weighted: bool) -> None:
    of_rows = rows_subject(weighted=weighted)
    expected = numbers(run(of_rows, audits=[audit]), audit)
    found = numbers(run(counted(of_rows), audits=[audit]), audit)
    assert found == expected
    assert len(found) > 5


def test_audits_of_rows_are_skipped_and_say_why() -> None:
    report = run(counted(rows_subject(weighted=False)), audits=["subgroups", "proxies"])
    assert [(audit.status, audit.reason) for audit in report.audits] == [
        ("skipped", COUNTS_ONLY)
    ] * 2


def test_the_record_says_that_there_were_counts_and_how_many_people_they_hold() -> None:
    of_rows = rows_subject(weighted=False)
    record = run(counted(of_rows), audits=["fairness"]).subject
    assert record.model.kind == "table of counts"
    assert (record.data.assessed, record.roles.threshold) == (500, 0.4)
    assert record.groups == run(of_rows, audits=["fairness"]).subject.groups


def test_the_same_decision_for_everyone_is_found_in_counts() -> None:
    rows = pd.DataFrame({"y": [0, 1] * 20, "d": 1, "sex": ["F", "M"] * 20})
    of_rows = Subject.from_scores(rows, label="y", prediction="d", sensitive=["sex"])
    table = CellTable(of_rows.cells, {"sex": ("F", "M")}, of_rows.source, "y", prediction="d")
    report = run(Subject.from_cells(table), audits=["fairness"])
    assert report.subject.constant_decision
    gap = next(m for m in report.measurements if m.metric == "demographic_parity_difference")
    assert gap.value is None
