from __future__ import annotations

import re
from typing import Any

import pytest

from auditkit.export import EXPORTS
from auditkit.export.annex_iv import TO_FILL
from auditkit.regimes.crosswalk import rows
from auditkit.report import Report

#: What the points of the annex are, by number.
POINTS = [
    *(f"(1)({letter})" for letter in "abcdefgh"),
    *(f"(2)({letter})" for letter in "abcdefgh"),
    *(f"({number})" for number in "3456789"),
]


def annex(report: Report) -> dict[str, str]:
    """Number of each point to its text; "†" marks what was not checked against the law."""
    _, *found = EXPORTS["annex-iv"].write(report).decode().split("\n### ")
    return {text.split("\n")[0]: text for text in found}


def test_each_point_of_the_annex_is_there_and_left_to_the_provider(loans: Report) -> None:
    points = annex(loans)
    assert [title.removesuffix(" †") for title in points] == POINTS
    assert all(TO_FILL in text for text in points.values())


def test_a_point_is_called_checked_only_where_the_crosswalk_says_so(loans: Report) -> None:
    checked = " ".join(
        row.id for row in rows() if row.verified and row.id.startswith("Annex IV")
    ).replace("Annex IV", "")
    for title in annex(loans):
        assert title.endswith("†") or title in checked


def test_evidence_stands_at_its_point_by_id(loans: Report) -> None:
    points = annex(loans)
    tests = points["(2)(g)"]
    assert "audit 20261122T090500Z-7f3a" in tests
    assert "fairness: 4 numbers; findings: fail: F1" in tests
    assert r"fairness.demographic\_parity\_ratio\[sex=\*\] = 0.330 \[0.300, 0.370\] (95%)" in tests
    assert (
        "tables: adverse-impact.impact-ratios-sex"
        in EXPORTS["annex-iv"]
        .write(loans.model_copy(update={"measurements": [*loans.measurements, _impact(loans)]}))
        .decode()
    )
    assert "not measured (error: ValueError\\: no noise)".replace("\\", "") in points["(2)(h)"]
    assert "explainability: not measured (skipped" in points["(2)(b)"]
    assert "V1 epsilon: error" in points["(3)"]


def _impact(loans: Report) -> Any:
    return loans.measurements[0].model_copy(
        update={"id": "adverse-impact.x", "audit": "adverse-impact"}
    )


def chinese(report: Report) -> str:
    return EXPORTS["algorithm-self-assessment"].write(report).decode()


def test_the_chinese_skeleton_has_its_parts_in_order_and_what_to_fill_in(loans: Report) -> None:
    text = chinese(loans)
    parts = re.findall(r"^## (.)、", text, flags=re.MULTILINE)
    assert "".join(parts) == "一二三四五六七八九十"
    assert "应用领域：待填写" in text
    assert "审计编号：20261122T090500Z-7f3a" in text
    assert "申诉渠道：By letter.（提供者声明，未经测量）" in text


def test_the_chinese_findings_have_verdict_number_and_who_answers(loans: Report) -> None:
    text = chinese(loans)
    assert (
        r"F1 demographic\_parity\_ratio \[sex=\*\]：不通过，严重程度 严重，0.330 \[0.300, 0.370\]"
        in text
    )
    assert "由 R. Ahmed 豁免至 2027-03-01" in text
    assert "privacy：审计出错；原因（原文）：ValueError: no noise" in text


def test_an_audit_that_no_part_is_about_is_not_left_out(record: dict[str, Any]) -> None:
    record["audits"].append({"name": "plugged-in", "status": "error", "reason": "it broke"})
    text = chinese(Report.model_validate(record))
    assert "### 6. 其他\n\n- plugged-in：未测量（审计出错；原因（原文）：it broke）" in text


def test_no_english_sentence_of_auditkit_is_left_in_the_chinese_one(loans: Report) -> None:
    """Names, ids and what people wrote stay; what auditkit itself says is Chinese."""
    bare = loans.model_copy(
        update={"findings": [], "policy": None, "measurements": [], "audits": [], "context": None}
    )
    words = re.findall(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}", chinese(bare))
    assert words == []


@pytest.mark.parametrize("kind", ["annex-iv", "algorithm-self-assessment"])
def test_a_record_with_nothing_in_it_is_still_a_skeleton(record: dict[str, Any], kind: str) -> None:
    for key in ("audits", "measurements", "tables", "findings"):
        record[key] = []
    record.update(policy=None, context=None, metrics={}, verdict="review")
    assert EXPORTS[kind].write(Report.model_validate(record))
