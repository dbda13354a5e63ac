"""The example of false claims: five of seven are found, and none after the correction."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditkit import load_subject, run
from auditkit.policy import load_policy
from auditkit.report import Report

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "contradictions"
AUDITS = ["performance", "fairness", "proxies", "data-quality", "personal-data", "anonymity"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("contradictions")
    for file in EXAMPLE.glob("*.toml"):
        shutil.copy(file, made)
    spec = importlib.util.spec_from_file_location("make_claims", EXAMPLE / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(made)
    return made


def audited(folder: Path, config: str) -> tuple[Report, dict[str, dict[str, Any]]]:
    from auditkit.loading import prepare

    prepared, problems = prepare(folder / config)
    assert problems == []
    assert prepared is not None
    settings = prepared.config.audits
    policy = load_policy(folder / "policy.toml")
    report = run(load_subject(folder / config), policy, [*AUDITS, "impact"], settings=settings)
    (table,) = [t for t in report.tables if t.id == "impact.claims"]
    return report, {str(row[0]): dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_five_of_seven_false_claims_are_found(folder: Path) -> None:
    report, claims = audited(folder, "auditkit.toml")
    results = {name: row["result"] for name, row in claims.items()}
    assert results == {
        "no_sensitive_attribute_used": "contradicts",
        "no_personal_data": "contradicts",
        "anonymous_data": "contradicts",
        "equal_selection": "contradicts",
        "accuracy_at_least": "contradicts",
        "complete_data": "open",
        "human_reviews_all": "not measured",
    }
    (count,) = [m for m in report.measurements if m.metric == "contradictions"]
    assert count.value == 5
    assert report.verdict == "fail"


def test_none_is_left_after_the_correction(folder: Path) -> None:
    report, claims = audited(folder, "corrected.toml")
    assert {row["result"] for row in claims.values()} <= {"agrees", "open"}
    (count,) = [m for m in report.measurements if m.metric == "contradictions"]
    assert count.value == 0
    assert report.verdict == "pass"
