"""The browser of these tests, and the pages that it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
from hostile import poisoned
from render.conftest import census_record

from auditkit.comparing import compare
from auditkit.render.html import render, render_changes
from auditkit.report import Report

ROOT = Path(__file__).parents[2]
Draw = Callable[..., Path]


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    if chromium.found() is None:
        pytest.skip("needs Chromium: Debian's package is chromium")
    with chromium.started() as started:
        yield started


def _record() -> dict[str, Any]:
    """The census record with a section for every audit that has a table."""
    record = census_record()
    ran = {audit["name"] for audit in record["audits"]}
    for name in sorted({table["audit"] for table in record["tables"]} - ran):
        record["audits"].append({**record["audits"][0], "name": name})
    return record


def _changed() -> Report:
    """The census report of a year before, with other numbers and findings."""
    record = _record()
    record["audit_id"] = "20251122T090500Z-0001"
    for measurement in record["measurements"]:
        if measurement["interval"]:
            measurement["value"] *= 0.8
            measurement["interval"]["low"] *= 0.8
            measurement["interval"]["high"] *= 0.8
    for finding in record["findings"][:3]:
        finding["verdict"] = "pass"
    return Report.model_validate(record)


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Write a page to a file: "census", "sample", "changes", each with hostile names if asked."""
    folder = tmp_path_factory.mktemp("pages")

    def drawn(kind: str, language: str = "en", word: str = "") -> Path:
        file = folder / f"{kind}.{language}.{abs(hash(word))}.html"
        record: dict[str, Any] = poisoned(_record(), word) if word else _record()
        report = Report.model_validate(record)
        if kind == "sample":
            report = Report.load(ROOT / "reports" / "sample")
        since = compare(_changed(), report) if not word else compare(report, report)
        page = render(report.model_copy(update={"since": since}), language)
        if kind == "changes":
            page = render_changes(report, since, language)
        file.write_text(page, encoding="utf-8")
        return file

    return drawn
