"""The crosswalk says what evidence there is, never that a duty is fulfilled."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from auditkit.audit import audit_classes
from auditkit.config import read_config
from auditkit.judging import Held, judge
from auditkit.regimes import crosswalk
from auditkit.regimes.crosswalk import POLICY, RECORD, declarable, regimes, rows, standings
from auditkit.render.html import render
from auditkit.report import ContextRecord, Report, WaiverRecord

SAMPLE = Report.load("reports/sample/audit.json")
UNDECLARED = SAMPLE.model_copy(update={"context": ContextRecord()})


def declared(**answers: bool | str) -> Report:
    named = {key.replace("_", "-"): answer for key, answer in answers.items()}
    return SAMPLE.model_copy(update={"context": ContextRecord(regimes=named)})


def of(report: Report, regime: str, start: str) -> crosswalk.Standing:
    return next(
        s for s in standings(report) if s.row.regime == regime and s.row.id.startswith(start)
    )


def test_ids_are_unique_within_a_text() -> None:
    keys = [(row.regime, row.id) for row in rows()]
    assert len(keys) == len(set(keys)) > 70


def test_every_row_belongs_to_a_text_and_names_known_audits() -> None:
    known = {*audit_classes(), POLICY, RECORD}
    for row in rows():
        assert row.regime in regimes()
        assert set(row.audits) <= known, row
        assert row.audits or row.person, row


def test_no_row_and_no_status_says_that_a_duty_is_fulfilled() -> None:
    texts = [*(row.gist + row.note for row in rows()), *crosswalk.STATUSES]
    for word in ("compliant", "certified", "meets"):
        assert not any(word in text.lower() for text in texts)


def test_a_month_stands_beside_the_rows() -> None:
    assert crosswalk.as_of() == "2026-11"


def test_without_an_answer_a_person_has_to_say_whether_a_text_applies() -> None:
    standing = of(UNDECLARED, "eu-ai-act", "Art. 13(3)(e)")
    assert (standing.status, standing.declared) == ("person", None)


def test_a_failed_finding_is_adverse_evidence_whatever_was_declared() -> None:
    for report in (UNDECLARED, declared(eu_ai_act=True)):
        standing = of(report, "eu-ai-act", "Art. 10(2)(f)")
        assert standing.status == "adverse"
        assert standing.adverse


def test_measurements_without_a_failure_are_evidence() -> None:
    assert of(declared(nist_ai_rmf=True), "nist-ai-rmf", "MEASURE 2.12").status == "evidence"


def test_a_row_that_a_person_has_to_judge_is_never_evidence_alone() -> None:
    assert of(declared(nist_ai_rmf=True), "nist-ai-rmf", "MEASURE 2.3").status == "person"


def test_what_no_audit_measured_is_not_measured() -> None:
    bare = declared(nist_ai_rmf=True).model_copy(update={"measurements": [], "findings": []})
    assert of(bare, "nist-ai-rmf", "MEASURE 2.12").status == "not_measured"


@pytest.mark.parametrize(("answer", "why"), [(False, ""), ("sold nowhere", "sold nowhere")])
def test_a_text_that_is_declared_not_to_apply_says_why(*, answer: bool | str, why: str) -> None:
    standing = of(declared(ll144=answer), "ll144", "6 RCNY 5-301(b)")
    assert (standing.status, standing.why) == ("not_applicable", why)


def test_a_row_about_some_systems_only_asks_about_them_too() -> None:
    assert of(declared(china=True), "china", "生成式").declared is None
    assert of(declared(china=True, generative=False), "china", "生成式").status == "not_applicable"
    assert "generative" in declarable()


def test_the_page_shows_what_was_declared_and_links_to_the_evidence() -> None:
    page = render(declared(nist_ai_rmf=True, ll144="hires nobody"))
    section = page[page.index('id="crosswalk"') :]
    assert "It was declared to apply." in section
    assert "hires nobody" in section
    assert section.index("NIST AI RMF") < section.index("EU AI Act")
    assert "<a href=#fairness>" in section
    assert "Against: " in section


def test_a_declared_purpose_is_shown_as_declared() -> None:
    report = SAMPLE.model_copy(update={"context": ContextRecord(purpose="<b>hiring</b>")})
    assert "&lt;b&gt;hiring&lt;/b&gt;" in render(report)


def test_a_configuration_with_an_unknown_text_or_key_is_told_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "auditkit.toml"
    file.write_text(
        '[subject]\nname = "x"\ndata = "x.csv"\n[subject.model]\nscore = "s"\n'
        '[context]\npurpos = "x"\n[context.regimes]\neu-ai-akt = true\n'
    )
    _, problems, _ = read_config(file)
    assert [problem.where for problem in problems] == [
        "auditkit.toml [context]", "auditkit.toml [context.regimes]",
    ]  # fmt: skip


def test_a_waived_finding_is_said_to_be_waived_in_register_policy_and_banner() -> None:
    assert SAMPLE.policy is not None
    waiver = WaiverRecord(criterion="F1", owner="J. Doe", reason="pilot", expires=date(2030, 1, 31))
    policy = SAMPLE.policy.model_copy(update={"waivers": [waiver]})
    findings = judge(policy, SAMPLE.measurements, None, Held.of(SAMPLE, date(2026, 1, 1)))
    page = render(SAMPLE.model_copy(update={"policy": policy, "findings": findings}))
    assert "J. Doe, until" in page
    assert "One criterion that is not met is waived" in page
    assert re.search(r'id="finding-\d+"[^\n]*waived', page)
