from __future__ import annotations

from typing import Any

from valid import statement

from auditkit.report import Report


def test_its_own_package_reads_and_validates_it(loans: Report) -> None:
    plain = statement(loans)
    assert plain["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert plain["predicate"]["result"] == "FAILED"


def test_subjects_are_model_and_data_and_the_policy_is_configuration(loans: Report) -> None:
    plain = statement(loans)
    assert [one["digest"]["sha256"] for one in plain["subject"]] == [
        loans.subject.model.sha256,
        loans.subject.data.sha256,
    ]
    policy, plan = plain["predicate"]["configuration"]
    assert loans.policy is not None
    assert policy["digest"]["sha256"] == loans.policy.sha256
    assert plan["annotations"]["audit_id"] == loans.audit_id


def test_each_finding_is_passed_warned_or_failed(loans: Report) -> None:
    predicate = statement(loans)["predicate"]
    assert predicate["passedTests"] == ["P1 accuracy"]
    assert predicate["failedTests"] == ["F1 demographic_parity_ratio [sex=*]"]
    assert [name.split()[0] for name in predicate["warnedTests"]] == [
        *("F2", "F3", "F4", "V1", "V2", "E1")
    ]
    warned = predicate["configuration"][1]["annotations"]["warned"]
    assert warned["V1 epsilon"] == "error"
    assert "Waived by R. Ahmed" in warned["F3 group_size [race=Other]"]


def test_a_verdict_of_review_warns_and_pass_needs_every_audit(record: dict[str, Any]) -> None:
    results = {}
    for verdict in ("pass", "review"):
        report = Report.model_validate({**record, "verdict": verdict})
        whole = report.model_copy(update={"audits": report.audits[:4]})
        results[verdict] = [statement(one)["predicate"]["result"] for one in (report, whole)]
    assert results == {"pass": ["WARNED", "PASSED"], "review": ["WARNED", "WARNED"]}


def test_without_any_digest_the_record_itself_is_the_subject(record: dict[str, Any]) -> None:
    record["subject"]["model"]["sha256"] = None
    record["subject"]["data"]["sha256"] = ""
    (subject,) = statement(Report.model_validate(record))["subject"]
    assert subject["name"] == "audit.json"
