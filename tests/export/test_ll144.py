from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from auditkit.errors import InputError
from auditkit.export import EXPORTS
from auditkit.report import Report


def rows_of(report: Report) -> list[dict[str, str]]:
    text = EXPORTS["ll144"].write(report).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_categories_have_applicants_rate_and_impact_ratio_in_full(loans: Report) -> None:
    rows = {row["item"]: row for row in rows_of(loans) if row["table"].startswith("Impact")}
    women = rows["Female"]
    assert [women[key] for key in ("applicants", "favoured", "rate", "impact_ratio")] == [
        *("400", "50", "0.125", "0.5")
    ]
    assert women["rate_kind"] == "selection_rate"
    assert (rows["Other"]["impact_ratio"], rows["Other"]["note"]) == ("", "none given")
    assert rows["unknown"]["standing"] == "unknown"


def test_what_the_rule_asks_for_beside_the_tables_is_there_or_to_be_filled_in(
    loans: Report,
) -> None:
    about = {row["item"]: row for row in rows_of(loans) if row["table"] == "about"}
    assert about["audit date"]["note"] == "2026-11-22"
    assert about["source of the data"]["note"].startswith("loans.parquet (sha256 ")
    assert about["unknown: sex"]["applicants"] == "8"
    assert about["distribution date of the tool"]["note"] == "to be filled in"
    assert "sets no floor" in about["no floor"]["note"]
    assert about["policy_sha256"]["note"] == (loans.policy.sha256 if loans.policy else "")
    assert "verdict" not in about


def test_a_record_without_the_tables_is_refused_with_the_reason(record: dict[str, Any]) -> None:
    record["tables"] = []
    with pytest.raises(InputError, match="none in the record"):
        EXPORTS["ll144"].write(Report.model_validate(record))
    record["audits"][2].update(status="skipped", reason="no sensitive column")
    with pytest.raises(InputError, match="skipped: no sensitive column"):
        EXPORTS["ll144"].write(Report.model_validate(record))
