from __future__ import annotations

import json
from typing import Any

from valid import SARIF

from auditkit.export import EXPORTS
from auditkit.report import Report


def run_of(report: Report) -> Any:
    (run,) = json.loads(EXPORTS["sarif"].write(report))["runs"]
    return run


def results(report: Report) -> dict[str, Any]:
    return {result["ruleId"]: result for result in run_of(report)["results"]}


def test_it_is_valid_against_the_schema_of_oasis(loans: Report) -> None:
    SARIF.validate(json.loads(EXPORTS["sarif"].write(loans)))


def test_each_criterion_is_a_rule_that_its_results_point_at(loans: Report) -> None:
    run = run_of(loans)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules[:2]] == ["P1", "F1"]
    assert rules[1]["shortDescription"]["text"] == "demographic_parity_ratio at least 0.8"
    assert rules[1]["help"]["text"] == "Train again."
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_kind_and_level_follow_verdict_and_severity(loans: Report) -> None:
    found = {key: (one["kind"], one["level"]) for key, one in results(loans).items()}
    assert found == {
        "P1": ("pass", "none"), "F1": ("fail", "error"), "F2": ("open", "none"),
        "F3": ("fail", "note"), "F4": ("open", "none"), "V1": ("review", "none"),
        "V2": ("review", "none"), "E1": ("fail", "note"), "N1": ("notApplicable", "none"),
    }  # fmt: skip


def test_undecided_is_a_failure_where_the_policy_says_so(record: dict[str, Any]) -> None:
    record["policy"]["on_inconclusive"] = "fail"
    result = results(Report.model_validate(record))["F2"]
    assert (result["kind"], result["level"]) == ("fail", "error")


def test_a_waiver_that_holds_suppresses_and_one_that_ended_does_not(loans: Report) -> None:
    found = results(loans)
    assert found["F4"]["suppressions"] == []
    (suppression,) = found["F3"]["suppressions"]
    assert suppression["status"] == "accepted"
    assert "R. Ahmed until 2027-03-01" in suppression["justification"]


def test_fingerprints_stay_with_other_values_and_another_audit(
    record: dict[str, Any], loans: Report
) -> None:
    before = {key: one["fingerprints"] for key, one in results(loans).items()}
    record["audit_id"], record["created"] = "other", "2027-01-01T00:00:00Z"
    record["findings"].reverse()
    for measurement in record["measurements"]:
        measurement.update(value=0.5, interval=None, reason="exact", n=3)
    after = {
        key: one["fingerprints"] for key, one in results(Report.model_validate(record)).items()
    }
    assert after == before
    assert len({json.dumps(one) for one in before.values()}) == len(before)


def test_a_broken_audit_is_said_with_its_reason(loans: Report) -> None:
    (invocation,) = run_of(loans)["invocations"]
    assert invocation["executionSuccessful"] is False
    texts = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
    assert "privacy error: ValueError: no noise" in texts


def test_the_measurement_stands_beside_the_result_in_full(loans: Report) -> None:
    held = results(loans)["F1"]["properties"]
    assert held["value"] == 0.33
    assert held["interval"] == {"low": 0.3, "high": 0.37, "level": 0.95, "method": "Newcombe"}
    assert held["n"] == 1000


def test_a_message_holds_no_link_and_no_placeholder(record: dict[str, Any]) -> None:
    record["findings"][1]["text"] = "see [this](http://evil.example) \\[x](y) {0}"
    text = results(Report.model_validate(record))["F1"]["message"]["text"]
    assert text == "see \\[this\\](http://evil.example) \\\\\\[x\\](y) {{0}}"
