"""Prediction sets keep what they promise, and the audit says where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.conformal import Conformal
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.subject import Subject


def people(n: int, seed: int, *, hard: bool = False) -> pd.DataFrame:
    """Scores that come true; where asked, those of group b know nothing."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.6, 0.6, n)
    y = (rng.random(n) < score).astype(int)
    group = rng.choice(["a", "b"], n, p=[0.8, 0.2])
    if hard:
        y = np.where(group == "b", rng.integers(0, 2, n), y)
    return pd.DataFrame({"y": y, "score": score, "group": group})


def run(
    frame: pd.DataFrame, audit: Conformal | None = None, seed: int = 0, **changes: Any
) -> tuple[dict[tuple[str, ...], Measurement], list[Table]]:
    facts: dict[str, Any] = {"label": "y", "score": "score", "sensitive": ["group"]}
    subject = Subject.from_scores(frame, **(facts | changes))
    found = list((audit or Conformal()).run(subject, np.random.default_rng(seed)))
    numbers = {(m.metric, *m.slice.values()): m for m in found if isinstance(m, Measurement)}
    return numbers, [t for t in found if isinstance(t, Table)]


def value(numbers: dict[tuple[str, ...], Measurement], *key: str) -> float:
    found = numbers[key].value
    assert found is not None
    return found


def test_sets_hold_the_truth_as_often_as_chosen() -> None:
    numbers, tables = run(people(4_000, 0))
    assert abs(value(numbers, "conformal_coverage") - 0.9) < 0.03
    assert value(numbers, "conformal_coverage_p_value") > 0.01
    shares = [value(numbers, f"conformal_{k}_share") for k in ("single", "empty", "full")]
    assert sum(shares) == pytest.approx(1)
    assert [row[0] for row in tables[0].rows[:2]] == ["outcome negative", "outcome positive"]


def test_the_sets_are_those_of_a_sorted_list() -> None:
    """Against a computation by hand: sets hold the classes whose score is at most the limit."""
    frame = people(400, 3)
    numbers, _ = run(frame, Conformal(risk=0.2))
    subject = Subject.from_scores(frame, label="y", score="score", sensitive=["group"])
    rows = np.zeros(400, dtype=bool)
    rows[np.random.default_rng(0).permutation(400)[:200]] = True
    score, y = subject.rows["score"].to_numpy(), subject.rows["y"].to_numpy()
    stranger = np.where(y == 1, 1 - score, score)
    limit = np.sort(stranger[rows])[int(np.ceil(201 * 0.8)) - 1]
    assert value(numbers, "conformal_coverage") == (stranger[~rows] <= limit).mean()


@pytest.mark.slow
def test_correct_sets_are_rejected_in_one_of_twenty_and_shifted_ones_found() -> None:
    wrong = found = 0
    for seed in range(400):
        numbers, _ = run(people(1_000, seed), seed=seed)
        wrong += value(numbers, "conformal_coverage_p_value") < 0.05
        frame = people(1_000, seed)
        numbers, _ = run(frame.assign(score=0.5 + 0.5 * (frame["score"] - 0.5)), seed=seed)
        found += abs(value(numbers, "conformal_coverage") - 0.9) < 0.06
    assert 0.02 < wrong / 400 < 0.09
    assert found / 400 > 0.95  # squeezed scores keep their coverage: that is the guarantee


def test_a_group_that_the_model_knows_nothing_of_is_covered_less_and_its_own_rows_mend_it() -> None:
    for seed in range(20):
        numbers, _ = run(people(6_000, seed, hard=True), seed=seed)
        assert value(numbers, "conformal_coverage", "b") < 0.85
        assert value(numbers, "conformal_coverage_calibrated_by_group", "b") > 0.86
        gap = numbers["conformal_coverage_difference", "*"].interval
        assert gap is not None
        assert gap.low > 0


def test_of_a_fair_model_a_gap_is_said_as_seldom_as_the_level_allows() -> None:
    said = 0
    for seed in range(100):
        numbers, _ = run(people(2_000, seed), seed=seed)
        gap = numbers["conformal_coverage_difference", "*"].interval
        assert gap is not None
        said += gap.low > 0
    assert said <= 10  # five are expected; more than ten have a chance of 1 %


def test_numbers_get_intervals() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"pay": rng.normal(100, 10, 2_000), "group": rng.choice(["a", "b"], 2_000)}
    )
    frame["said"] = frame["pay"] + rng.normal(0, 5, 2_000)
    numbers, tables = run(frame, task="regression", label="pay", score=None, prediction="said")
    assert abs(value(numbers, "conformal_coverage") - 0.9) < 0.04
    assert value(numbers, "conformal_interval_width") == pytest.approx(2 * 1.645 * 5, rel=0.1)
    assert numbers["conformal_single_share",].value is None
    assert tables == []


def test_too_few_rows_say_so() -> None:
    numbers, _ = run(people(12, 0))
    assert "every set holds every answer" in str(numbers["conformal_coverage",].reason)


def test_scores_that_are_no_probabilities_and_decisions_say_so() -> None:
    frame = people(200, 0)
    numbers, _ = run(frame.assign(score=frame["score"] * 10), threshold=5.0)
    assert numbers["conformal_coverage",].value is None
    decisions = frame.assign(said=(frame["score"] > 0.5).astype(int))
    numbers, _ = run(decisions, score=None, prediction="said")
    assert "need scores" in str(numbers["conformal_coverage",].reason)


def test_every_wrong_setting_is_told() -> None:
    with pytest.raises(InputError) as caught:
        Conformal(risk=0, calibration=1.0, min_group=1, level=2)
    assert len(caught.value.problems) == 4
