from __future__ import annotations

from datetime import date

import pytest

from auditkit.audit import known_metrics
from auditkit.changed import Verdict
from auditkit.errors import InputError
from auditkit.judging import Held, judge, overall, rejudge
from auditkit.policy import load_policy, parse_policy, ready_policies, slice_problems
from auditkit.report import (
    CriterionRecord,
    FindingRecord,
    IntervalRecord,
    MeasurementRecord,
    Overall,
    PolicyRecord,
    Report,
    Severity,
    WaiverRecord,
)


def criterion(**changes: object) -> CriterionRecord:
    facts: dict[str, object] = {
        "id": "A", "metric": "gap", "at_most": 0.1, "severity": "high", "source": "own policy",
    }  # fmt: skip
    return CriterionRecord(**(facts | changes))  # type: ignore[arg-type]


def policy(*criteria: CriterionRecord, on_inconclusive: str = "review") -> PolicyRecord:
    return PolicyRecord(
        name="p", sha256="0", criteria=list(criteria) or [criterion()],
        on_inconclusive=on_inconclusive,  # type: ignore[arg-type]
    )  # fmt: skip


def measured(
    value: float | None, low: float | None = None, high: float | None = None, **changes: object
) -> MeasurementRecord:
    interval = None
    if low is not None and high is not None:
        interval = IntervalRecord(low=low, high=high, level=0.95, method="Wilson")
    facts: dict[str, object] = {
        "id": "fairness.gap", "audit": "fairness", "metric": "gap", "value": value, "unit": "rate",
        "n": 100, "interval": interval, "basis": "measured", "better": "lower", "source": "test",
        "reason": None if interval else "a reason",
    }  # fmt: skip
    return MeasurementRecord(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        (measured(0.05, 0.01, 0.09), "pass"),
        (measured(0.05, 0.01, 0.1), "pass"),
        (measured(0.2, 0.11, 0.3), "fail"),
        (measured(0.2, 0.1, 0.3), "inconclusive"),
        (measured(0.05, 0.01, 0.11), "inconclusive"),
        (measured(None), "not_measured"),
        (measured(0.05), "inconclusive"),
        (measured(0.05, exact=True), "pass"),
        (measured(0.2, exact=True), "fail"),
    ],
)
def test_the_interval_decides(held: MeasurementRecord, verdict: Verdict) -> None:
    (finding,) = judge(policy(), [held])
    assert finding.verdict == verdict


def test_a_point_policy_says_so_and_decides_by_the_value() -> None:
    (finding,) = judge(policy(on_inconclusive="point"), [measured(0.05, 0.01, 0.2)])
    assert finding.verdict == "pass"


def test_an_undecided_finding_says_how_many_rows_would_decide() -> None:
    (finding,) = judge(policy(), [measured(0.05, 0.0, 0.15)])
    assert finding.n_needed == 400  # the arm is twice the distance, so four times the rows
    assert "About 400 rows" in finding.text
    (on_the_limit,) = judge(policy(), [measured(0.1, 0.0, 0.2)])
    assert on_the_limit.n_needed is None


def test_both_limits_hold() -> None:
    both = criterion(at_least=-0.1, at_most=0.1)
    assert judge(policy(both), [measured(0, -0.05, 0.05)])[0].verdict == "pass"
    assert judge(policy(both), [measured(-0.2, -0.3, -0.15)])[0].verdict == "fail"


def test_a_slice_of_columns_judges_every_group_and_a_slice_of_groups_one() -> None:
    women = measured(0.05, 0.01, 0.09, slice={"sex": "F"}, id="a")
    men = measured(0.2, 0.11, 0.3, slice={"sex": "M"}, id="b")
    every = judge(policy(criterion(slice=["sex"])), [women, men, measured(0.5, 0.4, 0.6)])
    assert [(f.id, f.verdict) for f in every] == [("A.1", "pass"), ("A.2", "fail")]
    one = judge(policy(criterion(slice={"sex": "M"})), [women, men])
    assert [(f.id, f.measurement) for f in one] == [("A", "b")]


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    (finding,) = judge(policy(), [], lambda _: ("error", "the audit broke"))
    assert (finding.verdict, finding.measurement) == ("error", None)
    assert "the audit broke" in finding.text
    assert judge(policy(), [])[0].verdict == "not_measured"


def roll(verdict: Verdict, severity: Severity = "high", *, required: bool = True) -> str:
    held = policy(criterion(required=required))
    (finding,) = judge(held, [measured(0.05, 0.01, 0.09)])
    changed = finding.model_copy(update={"verdict": verdict, "severity": severity})
    return overall([changed], held)


def test_nothing_unmeasured_or_broken_rolls_up_to_a_pass() -> None:
    assert roll("pass") == "pass"
    assert roll("fail") == "fail"
    for verdict in ("inconclusive", "not_measured", "error"):
        assert roll(verdict) == "review"
        assert roll(verdict, required=False) == "pass"
    assert roll("fail", required=False) == "fail"
    assert roll("fail", "info") == "review"


def test_without_a_policy_or_with_one_decision_for_everyone_nothing_passes() -> None:
    held = policy()
    findings = judge(held, [measured(0.05, 0.01, 0.09)])
    assert overall([], None) == "review"
    assert overall(findings, held, constant=True) == "review"


def test_an_undecided_finding_fails_where_the_policy_says_so() -> None:
    held = policy(on_inconclusive="fail")
    assert overall(judge(held, [measured(0.05, 0.0, 0.2)]), held) == "fail"


GOOD = b"""
name = "p"
[[criterion]]
metric = "accuracy"
at_least = 0.8
severity = "low"
source = "own policy"
"""


def test_a_policy_is_read_with_its_digest() -> None:
    read = parse_policy(GOOD)
    assert read.criteria[0].limit_set_by == "policy"
    assert len(read.sha256) == 64


def test_every_fault_of_a_policy_is_listed_at_once() -> None:
    text = b"""
    nam = "p"
    on_inconclusive = "maybe"
    [[criterion]]
    metric = "acuracy"
    at_leest = 0.8
    severity = "bad"
    source = "s"
    [[criterion]]
    metric = "accuracy"
    severity = "low"
    source = "s"
    [[criterion]]
    metric = "accuracy"
    at_least = 0.9
    at_most = 0.1
    severity = "low"
    source = "s"
    """
    with pytest.raises(InputError) as caught:
        parse_policy(text, "policy.toml", {"accuracy"})
    said = str(caught.value)
    for word in ("'nam'", "Did you mean 'name'?", "on_inconclusive", "Did you mean 'accuracy'?",
                 "'at_leest'", "Did you mean 'at_least'?", "severity", "no limit",
                 "at_least 0.9 above at_most 0.1"):  # fmt: skip
        assert word in said


@pytest.mark.parametrize("text", [b"= x", b"\xff", b"name = 'p'", b"name='p'\ncriterion=3"])
def test_what_is_no_policy_is_refused(text: bytes) -> None:
    with pytest.raises(InputError):
        parse_policy(text)


def test_ids_are_unique() -> None:
    twice = GOOD + GOOD.split(b"\n", 2)[2]
    twice = twice.replace(b"metric", b"id = 'X'\nmetric")
    with pytest.raises(InputError, match="'X' twice"):
        parse_policy(twice)


def test_a_slice_must_be_sensitive() -> None:
    (problem,) = slice_problems(policy(criterion(slice=["sexx"])), ["sex"], "policy.toml")
    assert "Did you mean 'sex'?" in str(problem)


def waiver(**changes: object) -> WaiverRecord:
    facts: dict[str, object] = {
        "criterion": "A", "owner": "J. Doe", "reason": "small use", "expires": date(2026, 12, 31),
    }  # fmt: skip
    return WaiverRecord(**(facts | changes))  # type: ignore[arg-type]


def waived(*waivers: WaiverRecord, on: date, **slices: str) -> tuple[FindingRecord, Overall]:
    held = policy(criterion(slice=list(slices))).model_copy(update={"waivers": list(waivers)})
    (finding,) = judge(held, [measured(0.2, 0.15, 0.3, slice=slices)], None, Held(on=on))
    return finding, overall([finding], held)


def test_a_waived_finding_stays_what_it_is_and_does_not_count() -> None:
    finding, verdict = waived(waiver(), on=date(2026, 12, 31))
    assert (finding.verdict, finding.waiver, verdict) == ("fail", "holds", "review")


def test_an_expired_waiver_covers_nothing_and_is_shown() -> None:
    finding, verdict = waived(waiver(), on=date(2027, 1, 1))
    assert (finding.verdict, finding.waiver, verdict) == ("fail", "expired", "fail")


def test_a_waiver_of_one_group_covers_no_other() -> None:
    men = waiver(slice={"sex": "Male"})
    assert waived(men, on=date(2026, 1, 1), sex="Male")[0].waiver == "holds"
    assert waived(men, on=date(2026, 1, 1), sex="Female")[0].waiver is None


def test_a_finding_that_passes_is_not_waived() -> None:
    held = policy().model_copy(update={"waivers": [waiver()]})
    (finding,) = judge(held, [measured(0.05, 0.01, 0.09)], None, Held(on=date(2026, 1, 1)))
    assert finding.waiver is None


def test_waivers_are_read_and_every_fault_is_listed() -> None:
    text = b"""
        name = "p"
        [[criterion]]
        id = "A"
        metric = "gap"
        at_most = 0.1
        severity = "high"
        source = "own policy"
        [[waiver]]
        criterion = "A"
        owner = "J. Doe"
        reason = "small use"
        expires = 2026-12-31
    """
    (one,) = parse_policy(text).waivers
    assert (one.owner, one.expires) == ("J. Doe", date(2026, 12, 31))
    wrong = text.replace(b'criterion = "A"', b'criterion = "B"').replace(b"J. Doe", b"")
    with pytest.raises(InputError) as caught:
        parse_policy(wrong + b'until = "ever"\n')
    assert len(caught.value.problems) == 2
    wrong = text.replace(b'criterion = "A"', b'criterion = "B"') + b'until = "ever"\n'
    with pytest.raises(InputError) as caught:
        parse_policy(wrong)
    assert [problem.where for problem in caught.value.problems] == [
        "policy.toml waiver 1", "policy.toml waiver 1 criterion",
    ]  # fmt: skip


def test_a_criterion_of_each_sensitive_column_has_a_finding_a_column() -> None:
    gaps = [measured(0.05, 0.01, 0.09, id=f"g.{c}", slice={c: "*"}) for c in ("sex", "race")]
    other = measured(0.05, 0.01, 0.09, id="g.x", slice={"feature": "*"})
    both = Held(sensitive=("sex", "race"))
    findings = judge(policy(criterion(slice=["*"])), [*gaps, other], None, both)
    assert [finding.measurement for finding in findings] == ["g.sex", "g.race"]
    (none,) = judge(policy(criterion(slice=["*"])), [other])
    assert "names no sensitive column" in none.text


def test_a_criterion_of_other_tasks_is_not_applicable_and_never_a_pass() -> None:
    held = policy(criterion(tasks=["regression"]))
    (finding,) = judge(held, [measured(0.05, 0.01, 0.09)], None, Held(task="binary"))
    assert finding.verdict == "not_applicable"
    assert overall([finding], held) == "review"


@pytest.mark.parametrize("name", ready_policies())
def test_a_ready_policy_names_known_metrics_its_sources_and_who_sets_limits(name: str) -> None:
    ready = load_policy(name, known_metrics())
    assert len(ready.criteria) >= 9
    for one in ready.criteria:
        assert one.advice
        if one.limit_set_by == "policy":
            assert "policy" in one.source, one.id


def test_only_the_four_fifths_line_is_a_number_that_a_source_sets() -> None:
    named = [c for name in ready_policies() for c in load_policy(name).criteria]
    by_source = [c for c in named if c.limit_set_by == "source"]
    assert {(c.at_least, c.source[:17]) for c in by_source} == {(0.8, "29 CFR 1607.4(D),")}


@pytest.mark.parametrize("name", ready_policies())
def test_a_ready_policy_judges_the_sample_without_a_gap(name: str) -> None:
    judged = rejudge(Report.load("reports/sample/audit.json"), name, date(2026, 11, 25))
    assert judged.policy is not None
    assert judged.policy.name == name
    unmeasured = {f.criterion for f in judged.findings if f.verdict in ("not_measured", "error")}
    assert not unmeasured


def test_an_unknown_name_of_a_policy_offers_the_nearest() -> None:
    with pytest.raises(InputError, match="starter"):
        load_policy("startr")
