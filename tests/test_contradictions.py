"""What is declared, held against measurements: contradicted, open, agreed or not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import subject

from auditkit.audit import run
from auditkit.changed import Verdict
from auditkit.claims import ClaimsRecord
from auditkit.config import read_config
from auditkit.contradictions import CHECKS, NO_CLAIM, NOTHING_HELD, hold
from auditkit.evidence import Measurement, Table
from auditkit.judging import judge, rejudge
from auditkit.render.html import render
from auditkit.report import (
    ContextRecord,
    CriterionRecord,
    IntervalRecord,
    MeasurementRecord,
    PolicyRecord,
    Report,
    RolesRecord,
)


def measurement(
    metric: str,
    value: float | None,
    ends: tuple[float, float] | None = None,
    *,
    exact: bool = False,
    column: str = "",
) -> MeasurementRecord:
    interval = None
    if ends is not None:
        interval = IntervalRecord(low=ends[0], high=ends[1], level=0.95, method="test")
    return MeasurementRecord(
        id=f"some.{metric}", audit="some", metric=metric, value=value, unit="rate", n=100,
        reason=None if interval else "a reason", interval=interval, basis="measured",
        better="lower", exact=exact, source="test", slice={column: "*"} if column else {},
    )  # fmt: skip


def absent(metric: str) -> tuple[Verdict, str]:
    return "not_measured", f"nobody measured {metric}"


def held(
    *measurements: MeasurementRecord,
    roles: RolesRecord | None = None,
    training: dict[str, Any] | None = None,
    **claims: Any,
) -> tuple[dict[str, dict[str, Any]], dict[str, Measurement]]:
    context = ContextRecord(claims=ClaimsRecord(**claims))
    found = list(hold(context, roles or RolesRecord(), training, measurements, absent))
    tables = [one for one in found if isinstance(one, Table)]
    rows = [dict(zip(t.columns, row, strict=True)) for t in tables for row in t.rows]
    counts = {one.metric: one for one in found if isinstance(one, Measurement)}
    return {str(row["claim"]): row for row in rows}, counts


@pytest.mark.parametrize(
    ("claim", "value", "found", "result"),
    [
        ("no_personal_data", True, ("personal_data_share", 0.01, (0.005, 0.02)), "contradicts"),
        ("no_personal_data", True, ("personal_data_share", 0.0, (0.0, 0.02)), "open"),
        ("complete_data", True, ("rows_with_missing_share", 0.1, (0.05, 0.2)), "contradicts"),
        ("human_reviews_all", True, ("beyond_capacity_share", 0.3, (0.2, 0.4)), "contradicts"),
        ("explanation_given", True, ("certain_reason_share", 0.95, (0.92, 0.97)), "agrees"),
        ("explanation_given", True, ("certain_reason_share", 0.5, (0.4, 0.6)), "contradicts"),
        ("accuracy_at_least", 0.9, ("accuracy", 0.8, (0.75, 0.85)), "contradicts"),
        ("accuracy_at_least", 0.8, ("accuracy", 0.82, (0.78, 0.86)), "open"),
        ("accuracy_at_least", 0.7, ("accuracy", 0.8, (0.75, 0.85)), "agrees"),
        (
            *("no_training_data_memorised", True),
            *(("reference_attack_auc", 0.7, (0.6, 0.8)), "contradicts"),
        ),
        (
            "unseen_test_rows",
            True,
            ("rows_seen_in_training_excess", 0.2, (0.1, 0.3)),
            "contradicts",
        ),
        ("unseen_test_rows", True, ("rows_seen_in_training_excess", 0.0, (-0.01, 0.009)), "agrees"),
    ],
)
def test_the_whole_interval_decides(
    claim: str, value: Any, found: tuple[Any, ...], result: str
) -> None:
    rows, counts = held(measurement(*found), **{claim: value})
    assert rows[claim]["result"] == result
    assert rows[claim]["measured"] == found[1]
    assert counts["contradictions"].value == (result == "contradicts")
    assert counts["claims_undecided"].value == (result == "open")


def test_of_several_attributes_the_worst_is_shown() -> None:
    ratios = [
        measurement("demographic_parity_ratio", 0.95, (0.9, 1.0), column="age"),
        measurement("demographic_parity_ratio", 0.5, (0.4, 0.6), column="sex"),
    ]
    rows, _ = held(*ratios, equal_selection=True)
    assert rows["equal_selection"]["result"] == "contradicts"
    assert rows["equal_selection"]["measured"] == 0.5


def test_a_sensitive_column_contradicts_by_being_read_or_by_being_recovered() -> None:
    reads = RolesRecord(sensitive=["sex"], features=["sex", "pay"])
    clean = RolesRecord(sensitive=["sex"], features=["pay"])
    claim: dict[str, Any] = {"no_sensitive_attribute_used": True}
    rows, _ = held(roles=reads, **claim)
    assert rows["no_sensitive_attribute_used"]["note"] == "the model reads 'sex'"
    assert rows["no_sensitive_attribute_used"]["result"] == "contradicts"
    recovered = measurement("proxy_auc", 0.8, (0.75, 0.85), column="sex")
    chance = measurement("proxy_auc", 0.52, (0.48, 0.56), column="sex")
    one_value = RolesRecord(sensitive=["race: a"], features=["race", "pay"])
    for roles, found, result in (
        (clean, (recovered,), "contradicts"),
        (clean, (chance,), "agrees"),
        (one_value, (chance,), "contradicts"),
        (RolesRecord(sensitive=["sex"]), (), "not measured"),
    ):
        rows, _ = held(*found, roles=roles, **claim)
        assert rows["no_sensitive_attribute_used"]["result"] == result


@pytest.mark.parametrize(
    ("training", "bound", "result"),
    [
        (None, None, "not measured"),
        (None, 0.5, "open"),
        (None, 4.0, "contradicts"),
        ({"privacy": None}, 0.5, "contradicts"),
        ({"privacy": {"epsilon": 2.9}}, 0.5, "agrees"),
        ({"privacy": {"epsilon": 2.9}}, 4.0, "contradicts"),
        ({"privacy": {"epsilon": 8.0}}, 0.5, "contradicts"),
    ],
)
def test_epsilon_is_held_against_the_record_and_the_attack(
    training: dict[str, Any] | None, bound: float | None, result: str
) -> None:
    found = [] if bound is None else [measurement("epsilon_lower_bound", bound)]
    rows, _ = held(*found, training=training, epsilon_at_most=3.0)
    assert rows["epsilon_at_most"]["result"] == result


def test_what_was_not_measured_contradicts_nothing_and_passes_nothing() -> None:
    rows, counts = held(human_reviews_all=True, not_used_for=["hiring"])
    assert rows["human_reviews_all"]["note"] == "nobody measured beyond_capacity_share"
    assert rows["not_used_for"]["declared"] == "hiring"
    assert counts["contradictions"].value is None
    assert counts["contradictions"].reason == NOTHING_HELD
    assert counts["claims_undecided"].value == 2


def test_no_claim_gives_a_reason_and_no_table() -> None:
    for context in (None, ContextRecord(), ContextRecord(claims=ClaimsRecord())):
        found = list(hold(context, RolesRecord(), None, [], absent))
        assert [m.value for m in found if isinstance(m, Measurement)] == [None, None]
        assert all(m.reason == NO_CLAIM for m in found if isinstance(m, Measurement))
        assert len(found) == 2


def test_a_claim_that_is_false_is_not_made() -> None:
    rows, _ = held(no_personal_data=False, complete_data=True)
    assert list(rows) == ["complete_data"]


def test_every_claim_has_something_that_is_held_against_it_and_a_name_on_the_page() -> None:
    from auditkit.audit import known_metrics
    from auditkit.render.words import Words

    fields = set(ClaimsRecord.model_fields)
    assert fields == {*CHECKS, "epsilon_at_most", "accuracy_at_least"}
    known = set(known_metrics())
    assert {check.metric for checks in CHECKS.values() for check in checks} <= known
    for language in ("en", "zh-Hans"):
        assert all(Words(language).has(f"claim.{name}") for name in fields)


def claiming(**claims: Any) -> Report:
    context = ContextRecord(claims=ClaimsRecord(**claims), deployment_population=2_000)
    return run(subject().declaring(context), None, ["performance", "fairness", "impact"])


def test_they_stand_in_the_record_and_a_policy_holds_them() -> None:
    criterion = CriterionRecord(
        id="C", metric="contradictions", at_most=0, severity="high", source="own policy"
    )
    policy = PolicyRecord(name="own", sha256="0" * 64, criteria=[criterion])
    for least, verdict in ((0.99, "fail"), (0.1, "pass")):
        report = claiming(accuracy_at_least=least)
        assert report == Report.from_json(report.to_json())
        (finding,) = judge(policy, report.measurements)
        assert finding.verdict == verdict
        assert rejudge(report, policy).verdict == verdict
        assert [audit.name for audit in report.audits].count("impact") == 1


def test_without_the_audit_impact_nothing_is_held() -> None:
    context = ContextRecord(claims=ClaimsRecord(accuracy_at_least=0.99))
    report = run(subject().declaring(context), None, ["performance"])
    assert not any(m.metric == "contradictions" for m in report.measurements)


def test_the_page_shows_each_claim_beside_its_measurement_and_links_to_it() -> None:
    report = claiming(accuracy_at_least=0.99, not_used_for=["<b>hiring</b>"])
    page = render(report)
    assert "Accuracy is at least 0.99" in page
    assert '<a href="#performance">Accuracy</a>' in page.replace(
        "href=#performance", 'href="#performance"'
    )
    assert "&lt;b&gt;hiring" in page
    assert "<b>hiring" not in page
    assert "2,000" in page


BAD = """
[subject]
name = "x"
data = "x.csv"
label = "y"
[subject.model]
score = "s"
[context]
porpose = "a typo"
deployment_population = 0
[context.claims]
no_personel_data = true
anonymous_data = "yes"
accuracy_at_least = 1.5
"""


def test_every_problem_of_the_context_is_listed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "auditkit.toml"
    file.write_text(BAD, encoding="utf-8")
    _, problems, _ = read_config(file)
    told = "\n".join(map(str, problems))
    assert len(problems) == 5
    for word in ("porpose", "no_personel_data", "deployment_population", "anonymous_data"):
        assert word in told
    assert "Did you mean 'no_personal_data'" in told
    assert "accuracy_at_least" in told


def test_a_claim_of_which_only_a_part_was_measured_is_open_and_says_what_was_not() -> None:
    clean = RolesRecord(sensitive=["sex"], features=["pay"])
    rows, counts = held(roles=clean, no_sensitive_attribute_used=True)
    line = rows["no_sensitive_attribute_used"]
    assert line["result"] == "open"
    assert str(line["note"]).startswith("what was measured agrees; the rest was not measured; ")
    assert counts["contradictions"].value == 0
    assert counts["claims_undecided"].value == 1
