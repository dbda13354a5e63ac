"""Findings in plain words: whose limit, which groups, how sure, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.render import sentences, summary
from auditkit.render.page import Judged, Page
from auditkit.render.words import Words
from auditkit.report import Report


def page_of(record: dict[str, Any]) -> Page:
    return Page(Report.model_validate(record), Words("en"))


def finding(page: Page, name: str) -> Judged:
    return next(judged for judged in page.judged if judged.finding.id == name)


@pytest.mark.parametrize(
    ("source", "by", "expected"),
    [
        ("29 CFR 1607.4(D)", "source", "29 CFR 1607.4(D)"),
        ("own policy", "policy", "own policy"),
        ("", "policy", "own policy"),
        ("ISO 42001", "policy", "own policy, after ISO 42001"),
        ("own policy; no law covers age", "policy", "own policy; no law covers age"),
    ],
)
def test_a_limit_says_whose_it_is(
    record: dict[str, Any], source: str, by: str, expected: str
) -> None:
    record["policy"]["criteria"][0].update(source=source, limit_set_by=by)
    page = page_of(record)
    assert sentences.whose(page, page.criteria["F1"]).striptags() == expected


def test_the_groups_of_an_odds_gap_are_those_of_the_rate_that_makes_it(
    record: dict[str, Any],
) -> None:
    page = page_of(record)
    judged = finding(page, "F3")
    assert judged.measurement is not None
    gap = sentences.find_gap(page, judged.measurement)
    assert gap is not None
    assert (gap.rate, gap.low[0], gap.high[0]) == ("true_positive_rate", "Female", "Male")
    assert gap.value == judged.measurement.value


def test_a_number_of_one_group_has_no_gap(record: dict[str, Any]) -> None:
    page = page_of(record)
    judged = finding(page, "F4")
    assert judged.measurement is not None
    assert sentences.find_gap(page, judged.measurement) is None
    assert sentences.headline(page, judged) == (
        "Selection rate for sex = Male is 0.260 (0.251 to 0.269)."
    )


def test_advice_is_the_policys_or_says_what_would_meet_the_limit(record: dict[str, Any]) -> None:
    page = page_of(record)
    assert sentences.advice(page, finding(page, "F1")) == "Retrain without sex, then measure again."
    assert sentences.advice(page, finding(page, "F2")) == (
        "Change the model or its use until demographic parity ratio, race is at least 0.8."
    )
    assert sentences.advice(page, finding(page, "V2")) == (
        "Collect evidence on members found at 0.1 %. "
        "About 8,100 rows would decide it; 4,000 were there."
    )
    assert "the audit privacy broke" in sentences.advice(page, finding(page, "V1"))


def test_the_same_advice_is_given_once_for_all_that_it_settles(record: dict[str, Any]) -> None:
    for criterion in record["policy"]["criteria"]:
        criterion["advice"] = "Hold the release."
    actions = summary.actions(page_of(record))
    assert [action.text for action in actions] == ["Hold the release."]
    assert actions[0].settles.striptags() == "Settles F1, F2, V1, V2, F3 and P2."


def test_a_failure_by_the_point_alone_is_not_called_sure(record: dict[str, Any]) -> None:
    for measurement in record["measurements"]:
        if measurement["id"] == "fairness.demographic_parity_ratio[race=*]":
            measurement["interval"]["high"] = 0.85
    assert "Sure of 1 of the 2 failures" in summary.how_sure(page_of(record)).striptags()


@pytest.mark.parametrize(
    ("kept", "wrong", "do"),
    [
        (("pass",), "No criterion fails, and none is open.", "Nothing has to be done"),
        (("inconclusive",), "No criterion fails. Members found at 0.1 %", "Collect evidence"),
        ((), "Nothing was judged, so nothing is called wrong.", "Write a policy"),
    ],
)
def test_what_is_wrong_and_what_to_do_follow_the_findings(
    record: dict[str, Any], kept: tuple[str, ...], wrong: str, do: str
) -> None:
    record["findings"] = [f for f in record["findings"] if f["verdict"] in kept]
    page = page_of(record)
    assert summary.what_is_wrong(page).striptags().startswith(wrong)
    assert summary.what_to_do(page).striptags().startswith(do)


def test_an_estimate_is_called_one_wherever_its_value_stands(record: dict[str, Any]) -> None:
    page = page_of(record)
    sentence = sentences.headline(page, finding(page, "E1"))
    assert sentence.striptags() == "Energy of training is 41.9 J (18.6 to 88.4), estimated."
    assert 'class="bas est"' in sentence


def test_findings_stand_by_urgency_then_severity_then_policy(record: dict[str, Any]) -> None:
    order = [judged.finding.id for judged in page_of(record).judged]
    assert order == ["F1", "F2", "V1", "V2", "F3", "P2", "D1", "P1", "F4", "E1", "N1"]


def test_a_finding_of_a_criterion_that_is_not_there_is_still_shown(record: dict[str, Any]) -> None:
    record["findings"][0]["criterion"] = "gone"
    page = page_of(record)
    assert sentences.limit(page, finding(page, "F1")) == "no limit"
