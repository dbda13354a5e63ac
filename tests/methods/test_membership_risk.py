"""What attacks find: shares, differences between groups, and the records that stand out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.membership import tpr_at_zero
from auditkit.methods.membership_risk import Found, GroupRisk, Shift, apart


def found(n: int = 400, gain: float = 1.0, seed: int = 0) -> Found:
    rng = np.random.default_rng(seed)
    return Found(rng.normal(size=n) + gain, rng.normal(size=n))


def test_the_share_above_all_others_has_the_binomial_interval_and_its_threshold_a_bound() -> None:
    share, bound = tpr_at_zero([1.0, 2.0, 3.0, 4.0], [0.0, 2.0], 0.9)
    assert share.value == 0.5
    assert share.interval is not None
    assert (share.interval.low, share.interval.high) == pytest.approx(clopper_pearson(2, 4, 0.9))
    assert (1 - bound) ** 2 == pytest.approx(0.1)


def test_ties_with_the_highest_of_the_others_are_not_found() -> None:
    assert tpr_at_zero([1.0, 1.0], [1.0, 0.0])[0].value == 0


def test_the_share_above_all_others_holds_the_truth_as_often_as_it_says() -> None:
    """Uniform scores: the share of members above a threshold t is 1 - t."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        members, others = rng.random(60), rng.random(40)
        share, bound = tpr_at_zero(members, others)
        truth = 1 - others.max()
        assert share.interval is not None
        held += (share.interval.low <= truth <= share.interval.high) and truth <= bound
    assert held >= 0.9 * 400


@pytest.mark.parametrize(("members", "others"), [([], [1.0]), ([1.0], [])])
def test_without_rows_of_a_kind_there_is_no_share(
    members: list[float], others: list[float]
) -> None:
    assert tpr_at_zero(members, others)[0].value is None
    assert Found(np.array(members), np.array(others)).auc(0.95).value is None


def test_the_area_is_that_of_scikit_learn() -> None:
    one = found()
    scores = np.concatenate([one.members, one.others])
    expected = roc_auc_score(np.repeat([1, 0], 400), scores)
    assert one.auc(0.95).value == pytest.approx(expected)


def test_chance_is_seldom_taken_for_a_finding() -> None:
    wrong = sum(found(200, 0.0, seed).established(0.95) for seed in range(300))
    assert wrong <= 0.05 * 300 + 3 * np.sqrt(300 * 0.05 * 0.95)
    assert found(gain=0.5).established(0.95)


def test_few_members_found_for_sure_are_a_finding_though_the_area_is_chance() -> None:
    rng = np.random.default_rng(0)
    members = np.where(np.arange(1_000) < 60, 9.0, rng.normal(size=1_000) - 0.1)
    one = Found(members, rng.normal(size=1_000))
    area = one.auc(0.95).interval
    assert area is not None
    assert area.low < 0.5
    assert one.established(0.95)


def test_a_group_is_held_against_everyone_else() -> None:
    leaky, rest = found(300, 1.5), found(900, 0.0, 1)
    one = Found(np.append(leaky.members, rest.members), np.append(leaky.others, rest.others))
    mask = np.arange(1_200) < 300
    risk = GroupRisk(one.of(mask, mask), one.of(~mask, ~mask), 0.95, 0.99)
    gap = risk.auc_gap
    assert risk.auc == leaky.auc(0.95)
    assert gap.value == pytest.approx((leaky.auc(0.9).value or 0) - (rest.auc(0.9).value or 0))
    assert gap.interval is not None
    assert gap.interval.low > 0
    assert gap.interval.level == 0.99
    assert risk.tpr_gap.value is not None
    few = GroupRisk(one.of(mask, mask), rest, 0.95, 0.99, "too few")
    assert (few.auc.reason, few.tpr_gap.reason) == ("too few", "too few")


def test_differences_of_numbers_without_interval_have_the_reason() -> None:
    whole = Estimate(0.5, Interval(0.4, 0.6, 0.95, "x"))
    assert apart(whole, Estimate.undefined("no rows")).reason == "no rows"


def test_a_shift_is_seen_and_none_is_not() -> None:
    rng = np.random.default_rng(0)
    same = rng.normal(size=(2, 500))
    assert not Shift.of(same[0], same[1], 0.95).found
    assert Shift.of(same[0] + 0.5, same[1], 0.95).found
