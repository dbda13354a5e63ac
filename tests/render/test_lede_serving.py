"""The sentence that opens the section of speed and size."""

from __future__ import annotations

import re

import pandas as pd

from auditkit.audit import run
from auditkit.audits.serving import DRIFT, LATENCY, LATENCY_95, LATENCY_99, THROUGHPUT
from auditkit.evidence import Interval, Measurement, Metric
from auditkit.records import measurement_record
from auditkit.render import lede
from auditkit.render.page import Page
from auditkit.render.words import Words
from auditkit.report import AuditRecord, TableRecord
from auditkit.subject import Subject


def measured(metric: Metric, value: float | None, low: float = 0.9) -> Measurement:
    if value is None:
        return metric.measure(None, n=5, source="test", reason="too few calls")
    interval = Interval(low * value, 1.1 * value, 0.95, "test")
    return metric.measure(value, n=400, source="test", interval=interval)


def said(*measurements: Measurement) -> str:
    """What opens the section with such evidence, without tags."""
    rows = pd.DataFrame({"y": [0, 1], "p": [0.2, 0.9]})
    bare = run(Subject.from_scores(rows, label="y", score="p"), None, ["performance"])
    batches = TableRecord(
        id="serving.throughput", audit="serving", title="Rows", source="test", chart="bars",
        columns=["batch", "rows_per_second", "low", "high"],
        rows=[[1, 90.0, 80.0, 99.0], [4096, 50_000.0, 45_000.0, 55_000.0]],
    )  # fmt: skip
    report = bare.model_copy(
        update={
            "audits": [AuditRecord(name="serving", status="completed")],
            "measurements": [measurement_record("serving", one) for one in measurements],
            "tables": [batches],
        }
    )
    page = Page(report, Words("en"))
    pillar = next(pillar for pillar in page.pillars if pillar.name == "serving")
    found = re.sub(r"<[^>]+>", "", lede.shows(page, pillar))
    return found.replace("\N{NO-BREAK SPACE}", " ")


def test_it_gives_the_median_the_slow_calls_and_the_rows_a_second() -> None:
    text = said(
        measured(LATENCY, 0.002), measured(LATENCY_95, 0.004), measured(LATENCY_99, 0.01),
        measured(THROUGHPUT, 50_000.0), measured(DRIFT, 1.0),
    )  # fmt: skip
    assert text == (
        "Half of all single predictions end within 2.00 ms (1.80 to 2.20) and 99 of 100 end within "
        "10.0 ms (9.0 to 11.0). In batches of 4,096, the model scores 50,000 rows/s (45,000 to "
        "55,000)."
    )


def test_it_speaks_of_95_of_100_where_nobody_knows_of_99() -> None:
    text = said(measured(LATENCY, 0.002), measured(LATENCY_95, 0.004), measured(LATENCY_99, None))
    assert "and 95 of 100 end within 4.00 ms" in text
    alone = said(measured(LATENCY, 0.002), measured(LATENCY_95, None))
    assert alone == "Half of all single predictions end within 2.00 ms (1.80 to 2.20)."


def test_it_names_a_drift_that_is_sure_and_not_small() -> None:
    def drift(value: float) -> str:
        return said(measured(LATENCY, 0.002), measured(DRIFT, value))

    assert "took 1.50 (1.35 to 1.65) times as long" in drift(1.5)
    assert "took 0.500 (0.450 to 0.550) times as long" in drift(0.5)
    assert "later half" not in drift(1.2)


def test_without_a_median_it_leaves_the_word_to_others() -> None:
    assert "Half of all" not in said(measured(LATENCY, None))
