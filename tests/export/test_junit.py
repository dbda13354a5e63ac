from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from valid import JUNIT

from auditkit.export import EXPORTS
from auditkit.judging import overall
from auditkit.report import FindingRecord, Report


def suite(report: Report) -> ET.Element:
    return ET.fromstring(EXPORTS["junit"].write(report))  # noqa: S314 - our own output


def outcomes(report: Report) -> dict[str, tuple[str, str]]:
    """Name of each test to its element and message; a passed one has neither."""
    found = {}
    for case in suite(report).iter("testcase"):
        child = next((one for one in case if one.tag != "system-out"), None)
        said = ("", "") if child is None else (child.tag, child.get("message", ""))
        found[case.get("name", "")] = said
    return found


def test_it_is_valid_against_the_schema_of_jenkins(loans: Report) -> None:
    JUNIT.validate(EXPORTS["junit"].write(loans).decode())


def test_each_verdict_becomes_what_a_pipeline_understands(loans: Report) -> None:
    found = {name.split()[0]: said for name, said in outcomes(loans).items()}
    assert found["P1"] == ("", "")
    assert found["F1"] == ("failure", "demographic_parity_ratio is fail.")
    assert found["F2"] == ("skipped", "equalized_odds_difference is inconclusive.")
    assert found["V1"][0] == "error"
    assert found["V2"][0] == "skipped"  # not measured, and not required
    assert found["E1"][0] == "skipped"  # only informational
    assert found["N1"][0] == "skipped"
    assert found["privacy"] == ("error", "ValueError: no noise")
    assert found["explainability"] == ("skipped", "there are only scores")


def test_what_is_waived_names_who_answers_and_until_when(loans: Report) -> None:
    found = {name.split()[0]: said for name, said in outcomes(loans).items()}
    assert found["F3"][0] == "skipped"
    assert found["F3"][1].startswith("Waived by R. Ahmed until 2027-03-01: The group is surveyed")
    assert found["F4"][1].startswith("No longer waived: by R. Ahmed until 2026-01-01")


def test_undecided_is_a_failure_where_the_policy_says_so(record: dict[str, Any]) -> None:
    record["policy"]["on_inconclusive"] = "fail"
    found = outcomes(Report.model_validate(record))
    assert found["F2 equalized_odds_difference [race=*]"][0] == "failure"


def test_what_is_required_and_not_measured_is_an_error(record: dict[str, Any]) -> None:
    record["policy"]["criteria"][6]["required"] = True
    assert outcomes(Report.model_validate(record))["V2 membership_auc"][0] == "error"


def test_counts_are_those_of_the_tests(loans: Report) -> None:
    root = suite(loans)
    counts = {"tests": "11", "failures": "1", "errors": "2"}
    assert {key: root[0].get(key) for key in counts} == counts
    assert {key: root.get(key) for key in counts} == counts
    assert root[0].get("skipped") == "7"


def test_an_audit_without_policy_or_with_one_decision_for_all_is_not_all_green(
    record: dict[str, Any],
) -> None:
    constant = {**record, "subject": {**record["subject"], "constant_decision": True}}
    assert outcomes(Report.model_validate({**constant, "verdict": "review"}))["review"]
    record.update(policy=None, findings=[], verdict="review")
    kind, message = outcomes(Report.model_validate(record))["review"]
    assert (kind, message) == ("skipped", "There is no policy: nothing was judged.")


VERDICTS = ["pass", "fail", "inconclusive", "not_measured", "not_applicable", "error"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(VERDICTS),
            st.sampled_from(["critical", "low", "info"]),
            st.sampled_from([None, "holds", "expired"]),
            st.booleans(),
        ),
        max_size=5,
    ),
    st.sampled_from(["review", "fail", "point"]),
)
def test_there_are_failures_exactly_where_the_verdict_is_fail(
    loans: Report, lines: list[tuple[Any, ...]], on_inconclusive: Any
) -> None:
    assert loans.policy is not None
    first = loans.policy.criteria[0]
    criteria = [
        first.model_copy(update={"id": str(i), "required": line[3]}) for i, line in enumerate(lines)
    ]
    policy = loans.policy.model_copy(
        update={"criteria": criteria, "on_inconclusive": on_inconclusive}
    )
    findings = [
        FindingRecord(
            id=str(i), criterion=str(i), measurement=None, verdict=verdict, severity=severity,
            text="", waiver=waiver,
        )
        for i, (verdict, severity, waiver, _) in enumerate(lines)
    ]  # fmt: skip
    verdict = overall(findings, policy)
    changed = {"policy": policy, "findings": findings, "audits": [], "verdict": verdict}
    root = suite(loans.model_copy(update=changed))
    assert (root.get("failures") != "0") == (verdict == "fail")
    if root.get("errors") != "0":
        assert verdict != "pass" or any(
            line[0] == "error" and not line[3] for line in lines
        )  # an error is one, even where nobody requires it


@pytest.mark.parametrize("changed", [{"value": 0.9}, {"n": 7}])
def test_names_of_tests_stay_when_numbers_change(
    record: dict[str, Any], loans: Report, changed: dict[str, Any]
) -> None:
    for measurement in record["measurements"]:
        measurement.update(changed, interval=None, reason="exact")
    assert list(outcomes(Report.model_validate(record))) == list(outcomes(loans))
