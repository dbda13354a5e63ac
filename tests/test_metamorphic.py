"""What must happen to a whole audit when its rows are changed in a way whose effect is known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit.audit import run
from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject

#: Audits of a scored table; not `subgroups`: which half of the rows it searches hangs on their
#: content, names of groups included.
AUDITS = ("performance", "fairness", "adverse-impact", "scores-by-group", "conditional")
#: Numbers whose test or search draws rows, group by group in the order of their names.
DRAWN = ("p_value",)
NAMES = {"F": "zeta", "M": "alpha"}
Slice = frozenset[tuple[str, str]]


def people() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = scored(1_200, seed=4)
    frame["score"] = np.round(np.clip(frame["score"] + 0.1 * (frame["sex"] == "M"), 0, 1), 3)
    frame["job"] = rng.choice(["clerk", "cook", "driver"], len(frame))
    return frame


def audit(frame: pd.DataFrame, **settings: Mapping[str, object]) -> Report:
    subject = Subject.from_scores(
        frame, label="y", score="score", threshold=0.4, sensitive=["sex", "race"]
    )
    return run(subject, audits=AUDITS, settings=settings)


@functools.cache
def before() -> Report:
    return audit(people())


def by_slice(
    report: Report, rename: Callable[[str], str] = str
) -> dict[tuple[str, Slice], MeasurementRecord]:
    return {
        (m.metric, frozenset((rename(k), rename(v)) for k, v in m.slice.items())): m
        for m in report.measurements
    }


def test_renamed_groups_rename_slices_and_nothing_else() -> None:
    frame = people()
    after = audit(frame.assign(sex=frame["sex"].map(NAMES)))
    old = by_slice(before(), lambda text: NAMES.get(text, text))
    new = by_slice(after)
    assert new.keys() == old.keys()
    for key, one in new.items():
        assert (one.n, one.unit, one.basis) == (old[key].n, old[key].unit, old[key].basis), key
        if any(part in key[0] for part in DRAWN):
            continue
        assert one.value == pytest.approx(old[key].value, abs=1e-9), key
        assert (one.interval is None) == (old[key].interval is None), key
        was = old[key].interval
        if one.interval is not None and was is not None:
            drawn = 0.02 if "bootstrap" in one.interval.method else 1e-6
            assert one.interval.low == pytest.approx(was.low, abs=drawn), key
            assert one.interval.high == pytest.approx(was.high, abs=drawn), key


def test_renamed_columns_rename_slices_and_nothing_else() -> None:
    frame = people().rename(columns={"sex": "zzz", "job": "aaa"})
    subject = Subject.from_scores(
        frame, label="y", score="score", threshold=0.4, sensitive=["zzz", "race"]
    )
    new = by_slice(run(subject, audits=["performance", "fairness"]))
    old = by_slice(before(), lambda text: {"sex": "zzz", "job": "aaa"}.get(text, text))
    assert {key: one.value for key, one in new.items()} == {key: old[key].value for key in new}


def test_rows_that_all_come_four_times_keep_rates_and_narrow_their_intervals() -> None:
    four = audit(pd.concat([people()] * 4, ignore_index=True))
    old, new = by_slice(before()), by_slice(four)
    rates = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
    narrowed = []
    for key, one in new.items():
        was = old[key]
        if key[0] not in rates or was.value is None:
            continue
        assert one.value == pytest.approx(was.value, abs=1e-12), key
        assert one.n == 4 * was.n
        if one.interval is not None and was.interval is not None:
            wide = was.interval.high - was.interval.low
            narrowed.append((one.interval.high - one.interval.low) / wide)
    assert len(narrowed) > 15
    assert 0.45 < np.median(narrowed) < 0.55  # half as wide: the square root of four
    assert max(narrowed) < 0.7


def test_labels_and_decisions_turned_together_swap_the_rates() -> None:
    frame = people().assign(decision=lambda f: (f["score"] >= 0.4).astype(int))
    turned = frame.assign(y=1 - frame["y"], decision=1 - frame["decision"])
    found = []
    for rows in (frame, turned):
        subject = Subject.from_scores(
            rows, label="y", prediction="decision", sensitive=["sex", "race"]
        )
        found.append(by_slice(run(subject, audits=["fairness", "performance"])))
    old, new = found
    swapped = {
        "true_positive_rate": "true_negative_rate",
        "false_positive_rate": "false_negative_rate",
        "accuracy": "accuracy",
        "equalized_odds_difference": "equalized_odds_difference",
        "demographic_parity_difference": "demographic_parity_difference",
    }
    compared = 0
    for (metric, where), one in old.items():
        other = new.get((swapped.get(metric, ""), where))
        if other is None:
            continue
        assert other.value == pytest.approx(one.value, abs=1e-12), (metric, where)
        compared += 1
        if metric == "true_positive_rate" and one.interval and other.interval:
            assert other.interval.low == pytest.approx(one.interval.low, abs=1e-9)
    assert compared > 30


def test_a_row_of_another_group_leaves_the_rates_of_the_others() -> None:
    frame = people()
    more = pd.concat([frame, frame[:1].assign(sex="X", race="z", y=1, score=0.9)])
    old, new = by_slice(before()), by_slice(audit(more))
    rates = ("selection_rate", "true_positive_rate", "false_positive_rate")
    for key, one in old.items():
        groups = {v for k, v in key[1] if k in ("sex", "race")}
        if key[0] in rates and groups and not groups & {ALL_GROUPS, WITHIN}:
            assert new[key].value == one.value
            assert new[key].n == one.n
    assert ("selection_rate", frozenset({("sex", "X")})) in new  # shown, whatever its size


def test_scores_scaled_in_order_keep_everything_that_depends_on_order_alone() -> None:
    frame = people()
    subject = Subject.from_scores(
        frame.assign(score=frame["score"] ** 3), label="y", score="score",
        threshold=0.4**3, sensitive=["sex", "race"],
    )  # fmt: skip
    new, old = by_slice(run(subject, audits=["performance", "fairness"])), by_slice(before())
    ranked = ("roc_auc", "average_precision", "selection_rate", "accuracy", "balanced_accuracy")
    compared = [key for key in new if key[0] in ranked and key in old]
    assert len(compared) > 10
    for key in compared:
        assert new[key].value == pytest.approx(old[key].value, abs=1e-12), key
