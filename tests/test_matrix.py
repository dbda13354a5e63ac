"""Every kind of prediction crossed with every way to bring a model."""

from __future__ import annotations

import matrix
import pytest


@pytest.mark.parametrize(("kind", "way"), matrix.CELLS)
def test_every_audit_measures_or_says_why_not(kind: str, way: str) -> None:
    report = matrix.audited(kind, way)
    assert {audit.name for audit in report.audits} >= set(matrix.LETTERS)
    for audit in report.audits:
        assert audit.status in ("completed", "skipped"), audit.reason
        assert audit.status == "completed" or audit.reason
    for measurement in report.measurements:
        assert measurement.value is not None or measurement.reason


@pytest.mark.parametrize(("kind", "way"), matrix.CELLS)
def test_how_good_and_how_fair_a_model_is_can_always_be_measured(kind: str, way: str) -> None:
    assert {"p", "f"} <= set(matrix.cell(kind, way))


def test_the_readme_shows_the_matrix() -> None:
    text = matrix.README.read_text("utf-8")
    assert matrix.BEGIN + matrix.table() + matrix.END in text
