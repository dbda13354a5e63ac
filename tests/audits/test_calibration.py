"""The audit of calibration and abstention, with faults that were planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from auditkit.audit import run
from auditkit.audits.calibration import Calibration
from auditkit.errors import InputError
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject


def people(n: int, seed: int, fault: str = "") -> pd.DataFrame:
    """Scores that come true, unless a fault is planted."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 3, n)
    sex = rng.choice(["F", "M"], n)
    y = (rng.random(n) < p).astype(int)
    score = p
    if fault == "extreme":
        score = special.expit(2 * special.logit(p))
    if fault == "group":
        score = np.where(sex == "F", np.clip(p - 0.15, 0.01, 1), p)
    if fault == "blind":  # the outcomes of one group do not follow the scores
        y = np.where(sex == "F", (rng.random(n) < 0.4).astype(int), y)
    return pd.DataFrame({"y": y, "score": score, "sex": sex})


def report(frame: pd.DataFrame, **settings: object) -> Report:
    subject = Subject.from_scores(frame, label="y", score="score", sensitive=["sex"])
    return run(subject, None, [Calibration(**settings)])  # type: ignore[arg-type]


def of(found: Report, metric: str, **where: str) -> MeasurementRecord:
    (one,) = (m for m in found.measurements if m.metric == metric and m.slice == where)
    return one


def p_of(found: Report, **where: str) -> float:
    value = of(found, "miscalibration_p_value", **where).value
    assert value is not None
    return value


def test_right_scores_pass_and_planted_faults_are_found() -> None:
    assert p_of(report(people(3000, 0))) > 0.05
    extreme = report(people(3000, 0, "extreme"))
    assert p_of(extreme) < 0.05
    slope = of(extreme, "miscalibration_slope").interval
    assert slope is not None
    assert slope.high < 1
    grouped = report(people(3000, 0, "group"))
    assert p_of(grouped, sex="F") < 0.001
    assert p_of(grouped, sex="M") > 0.05
    table = next(t for t in grouped.tables if t.id == "calibration.groups")
    assert table.rows[0][1] == "F"


@pytest.mark.slow
def test_faults_are_found_in_twenty_samples_and_right_scores_hardly_ever_blamed() -> None:
    clean = [report(people(2000, seed)) for seed in range(20)]
    assert sum(p_of(one) < 0.05 for one in clean) <= 3
    assert sum(min(p_of(one, sex="F"), p_of(one, sex="M")) < 0.05 for one in clean) <= 3
    for fault in ("extreme", "group"):
        found = [report(people(2000, seed, fault)) for seed in range(20)]
        assert sum(p_of(one) < 0.05 for one in found) >= 19


def test_too_extreme_scores_are_surely_helped_by_a_map() -> None:
    table = next(
        t for t in report(people(4000, 1, "extreme")).tables if t.id == "calibration.recalibration"
    )
    assert [row[table.columns.index("helps")] for row in table.rows] == [True, True]


def test_the_target_is_kept_and_its_owner_is_named() -> None:
    own = report(people(4000, 2), target_risk=0.15)
    target = of(own, "abstention_target_risk")
    assert (target.value, target.basis) == (0.15, "declared")
    risk = of(own, "abstention_risk")
    assert risk.interval is not None
    assert risk.interval.low < 0.15
    assert "surely at most" in risk.source
    ours = of(report(people(4000, 2)), "abstention_target_risk")
    assert (ours.reason or "").startswith("auditkit's own choice")


def test_shares_of_rows_and_of_those_left_add_up() -> None:
    found = report(people(4000, 2))
    decided, left = (of(found, m).value for m in ("coverage_at_target_risk", "abstention_share"))
    assert decided is not None
    assert left is not None
    assert decided + left == pytest.approx(1)
    groups = [of(found, "abstention_share", sex=sex) for sex in "FM"]
    gap = of(found, "abstention_share_difference", sex="*")
    assert gap.value == pytest.approx(abs((groups[0].value or 0) - (groups[1].value or 0)))


def test_a_target_out_of_reach_gives_no_threshold_and_says_so() -> None:
    found = report(people(400, 3), target_risk=0.001)
    for metric in ("coverage_at_target_risk", "abstention_share", "abstention_risk"):
        one = of(found, metric)
        assert one.value is None
        assert (one.reason or "").startswith("no threshold")
    assert of(found, "abstention_share", sex="F").value is None
    assert of(found, "abstention_aurc").value is not None


def test_abstention_saves_less_for_a_group_whose_scores_say_nothing() -> None:
    found = report(people(6000, 4, "blind"), target_risk=0.25)
    other, blind = (of(found, "abstention_risk_change", sex=sex).interval for sex in "MF")
    assert other is not None
    assert blind is not None
    assert other.high < 0
    assert other.high < blind.low


def test_scores_that_are_no_chances_can_still_be_ranked() -> None:
    frame = people(1000, 5).assign(score=lambda f: 10 * f["score"] - 5)
    subject = Subject.from_scores(frame, label="y", score="score", threshold=0.0, sensitive=["sex"])
    found = run(subject, None, ["calibration"])
    assert (of(found, "miscalibration_p_value").reason or "").startswith("the scores are no prob")
    assert of(found, "abstention_aurc").value is not None


def test_certain_scores_that_are_wrong_are_counted_and_break_nothing() -> None:
    frame = people(1000, 6)
    frame.loc[:4, ["y", "score"]] = [1, 0.0]
    found = report(frame)
    assert of(found, "miscalibration_certain_and_wrong").value == 5
    table = next(t for t in found.tables if t.id == "calibration.recalibration")
    assert len(table.rows) == 2
    logs = [m for m in found.measurements if m.metric == "recalibrated_log_loss_change"]
    assert all((m.reason or "").startswith("infinite") for m in logs)


def test_small_unknown_and_single_groups_are_shown_with_reasons() -> None:
    frame = people(600, 7).assign(
        few=np.where(np.arange(600) < 12, "few", "many"), one="all",
        gone=pd.Series(["a", None])[np.arange(600) % 2].to_numpy(),
    )  # fmt: skip
    subject = Subject.from_scores(frame, label="y", score="score", sensitive=["few", "one", "gone"])
    found = run(subject, None, ["calibration"])
    assert of(found, "miscalibration_error", few="few").reason == (
        "12 rows: fewer than min_group = 30"
    )
    assert of(found, "miscalibration_error", gone="unknown").n == 300
    assert of(found, "abstention_share_difference", one="*").value is None


def test_a_group_whose_outcomes_are_nearly_certain_has_no_p_value_but_a_reason() -> None:
    frame = people(600, 7)
    frame.loc[frame["sex"] == "F", "score"] = 0.01
    found = report(frame)
    assert (of(found, "miscalibration_p_value", sex="F").reason or "").startswith(
        "the scores leave"
    )
    assert of(found, "miscalibration_p_value", sex="M").value is not None


@pytest.mark.parametrize("y", [0, 1])
def test_one_outcome_and_no_error_still_end_well(y: int) -> None:
    frame = people(300, 8).assign(y=[1 - y] + 299 * [y], score=0.2 + 0.6 * y)
    found = report(frame)
    assert found.audits[0].status == "completed", found.audits[0].reason


def test_a_perfect_model_is_asked_for_a_target() -> None:
    frame = people(300, 9).assign(score=lambda f: 0.1 + 0.8 * f["y"])
    found = report(frame)
    reason = of(found, "coverage_at_target_risk").reason or ""
    assert reason.startswith("no decision was wrong where the target is set")


def test_bad_settings_are_all_listed() -> None:
    with pytest.raises(InputError) as error:
        Calibration(bins=1, draws=1, target_risk=0.0, min_group=5, level=1.0)
    assert len(error.value.problems) == 5
