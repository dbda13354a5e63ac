from __future__ import annotations

import pytest

from auditkit.errors import InputError
from auditkit.policy import judge, overall, parse_policy, slice_problems
from auditkit.report import (
    CriterionRecord,
    IntervalRecord,
    MeasurementRecord,
    PolicyRecord,
    Severity,
    Verdict,
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
