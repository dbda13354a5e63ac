"""The committed sample: drawn again from its record, and true to the data it was made from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from auditkit.audit import BUILT_IN
from auditkit.render.html import render
from auditkit.render.words import languages
from auditkit.report import Report

SAMPLE = Path(__file__).parents[1] / "reports" / "sample"


@pytest.fixture(scope="module")
def report() -> Report:
    return Report.load(SAMPLE)


@pytest.mark.parametrize("language", languages())
def test_the_page_is_drawn_again_to_the_same_bytes(report: Report, language: str) -> None:
    assert render(report, language).encode() == (SAMPLE / f"report.{language}.html").read_bytes()


@pytest.mark.parametrize("language", languages())
def test_the_page_is_small_and_asks_nobody_for_anything(language: str) -> None:
    page = (SAMPLE / f"report.{language}.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= 430_000  # the aim is 350,000, which 39 audits miss
    for word in ("src=", "@import", "url(", "<link", "<iframe", "http://", "https://"):
        assert word not in page
    assert "default-src 'none'" in page
    assert "compliant" not in page.lower()


@pytest.mark.slow
def test_it_is_drawn_in_a_second_and_a_half_of_cpu_time(report: Report) -> None:
    start = time.process_time()
    render(report)
    assert time.process_time() - start < 1.5


def test_it_holds_every_audit_and_the_figures_that_any_correct_tool_gives(report: Report) -> None:
    assert [audit.status for audit in report.audits] == ["completed"] * len(BUILT_IN)
    rates = {
        measurement.slice["sex"]: round(measurement.value or 0.0, 6)
        for measurement in report.measurements
        if measurement.metric == "base_rate_all_rows" and set(measurement.slice) == {"sex"}
    }
    assert rates == {"Female": 0.109251, "Male": 0.303767}
    assert report.subject.data.rows == 48_842


def test_it_names_no_place_on_a_machine() -> None:
    for file in SAMPLE.glob("*.*"):
        text = file.read_bytes()
        for place in ("home", "root", "tmp"):
            assert f"/{place}/".encode() not in text
