"""People who look at unsure decisions: planted and clean, declared and not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.oversight import NOT_DECLARED, Oversight
from auditkit.claims import ClaimsRecord
from auditkit.errors import InputError
from auditkit.report import ContextRecord, MeasurementRecord
from auditkit.subject import Subject

Found = dict[tuple[str, ...], MeasurementRecord]


def people(seed: int = 0, n: int = 10_000, *, planted: bool = False) -> pd.DataFrame:
    """Calibrated scores; planted: those of F are surest where they are wrong."""
    rng = np.random.default_rng(seed)
    score, sex = rng.random(n), rng.choice(["F", "M"], n)
    y = (rng.random(n) < score).astype(np.int64)
    if planted:
        sure = np.abs(score - 0.5) > 0.25
        backwards = (sex == "F") & sure & (rng.random(n) < 0.8)
        y = np.where(backwards, (score < 0.5).astype(np.int64), y)
    return pd.DataFrame({"y": y, "score": score, "sex": sex})


def audited(rows: pd.DataFrame, seed: int = 0, **settings: object) -> Found:
    subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
    report = run(subject, None, [Oversight(**settings)], seed=seed)  # type: ignore[arg-type]
    assert report.audits[0].status == "completed", report.audits[0].reason
    return {
        (m.metric.removeprefix("oversight_"), *m.slice.values()): m for m in report.measurements
    }


def test_people_who_are_never_wrong_leave_the_error_of_kept_decisions() -> None:
    found = audited(people(), capacity=0.2, reviewer_accuracy=1.0, target_risk=0.2)
    kept, sent = found["kept_error",].value, found["referred_share",].value
    assert kept is not None
    assert sent is not None
    assert sent == pytest.approx(0.2, abs=0.02)
    assert found["total_error",].value == pytest.approx(kept * (1 - sent))
    assert found["total_error",].basis == "declared"
    assert found["kept_error",].basis == "measured"
    assert kept == pytest.approx(0.2, abs=0.02)  # mean of min(s, 1 - s) over |s - 0.5| > 0.1
    assert found["beyond_capacity_share",].value == pytest.approx(0.0, abs=0.06)


def test_what_was_not_declared_is_not_measured() -> None:
    found = audited(people(n=1_000))
    for name in ("reviewer_error", "total_error", "random_review_error"):
        assert found[name,].value is None
        assert found[name,].reason == NOT_DECLARED
    assert found["beyond_capacity_share",].value is None


def test_settings_are_checked_together() -> None:
    with pytest.raises(InputError, match="3 problems"):
        Oversight(capacity=-1, target_risk=3, reviewer_accuracy={"positive": 0.9})


@pytest.mark.parametrize(
    ("capacity", "target", "result"),
    [(0.1, 0.05, "contradicts"), (1.0, 0.05, "agrees"), (0.1, None, "not measured")],
)
def test_the_claim_that_people_review_all_is_held_against_it(
    capacity: float, target: float | None, result: str
) -> None:
    subject = Subject.from_scores(people(), label="y", score="score")
    context = ContextRecord(claims=ClaimsRecord(human_reviews_all=True))
    report = run(
        subject.declaring(context), None, [Oversight(capacity, target_risk=target), "impact"]
    )
    (table,) = (table for table in report.tables if table.id == "impact.claims")
    (claim,) = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert claim["result"] == result
    assert claim["measurement"] == "oversight.beyond_capacity_share"


def test_numbers_of_a_group_of_which_few_are_referred_are_withheld() -> None:
    rows = people(n=2_000)
    sure = pd.DataFrame({"y": [0, 1] * 50, "score": [0.01, 0.99] * 50, "sex": "sure"})
    found = audited(pd.concat([rows, sure]), capacity=0.2, reviewer_accuracy=0.9)
    assert found["kept_error", "sure"].value == 0.0
    for name in ("total_error", "kept_minus_referred"):
        assert found[name, "sure"].value is None
        assert found[name, "sure"].reason == "fewer than 10 rows are kept, or referred"
    assert ("reviewer_error", "F") not in found  # as declared, the same for all


def test_an_accuracy_by_outcome_gives_reviewers_of_each_group_an_error() -> None:
    both = {"positive": 0.9, "negative": 0.7}
    found = audited(people(), capacity=0.2, reviewer_accuracy=both)
    value = found["reviewer_error", "F"].value
    assert value == pytest.approx(0.2, abs=0.02)  # near the threshold half are positive


@pytest.mark.slow
def test_a_rising_error_is_found_and_none_is_invented() -> None:
    alarms = {True: 0, False: 0}
    for planted in alarms:
        for seed in range(20):
            found = audited(people(seed, planted=planted), seed, capacity=0.2)
            women, men = (found["kept_minus_referred", sex].interval for sex in ("F", "M"))
            assert women is not None
            assert men is not None
            alarms[planted] += women.low > 0 and (not planted or men.high < 0)
            alarms[planted] += not planted and men.low > 0
    assert alarms == {True: 20, False: 0}
