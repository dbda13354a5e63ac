"""Strange rows are noticed, and the alarm is false as often as it is set to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.out_of_distribution import OutOfDistribution
from auditkit.errors import InputError
from auditkit.evidence import Measurement
from auditkit.explaining.strangeness import Familiar, altered
from auditkit.methods.out_of_distribution import alarm_at
from auditkit.subject import Subject


class Scorer:
    kind, sha256, parameters = "stub", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        scores: np.ndarray = 1 / (1 + np.exp(-rows["a"].to_numpy(dtype=float)))
        return scores


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return pd.DataFrame(
        {
            "a": a,
            "b": a + 0.3 * rng.normal(size=n),
            "job": rng.choice(["x", "y", "z"], n),
            "sex": rng.choice(["F", "M"], n),
            "y": (rng.random(n) < 1 / (1 + np.exp(-a))).astype(int),
        }
    )


def run(
    rows: pd.DataFrame, train: pd.DataFrame, audit: OutOfDistribution | None = None, seed: int = 0,
    **changes: Any,
) -> dict[tuple[str, ...], Measurement]:  # fmt: skip
    facts: dict[str, Any] = {"label": "y", "features": ["a", "b", "job"], "sensitive": ["sex"]}
    subject = Subject.from_model(Scorer(), rows, train=train, **(facts | changes))
    found = (audit or OutOfDistribution()).run(subject, np.random.default_rng(seed))
    return {(m.metric, *m.slice.values()): m for m in found if isinstance(m, Measurement)}


def test_values_that_no_training_row_has_are_counted() -> None:
    train, rows = people(2_000, 0), people(1_000, 1)
    rows["a"], rows["b"] = rows["a"].clip(-2, 2), rows["b"].clip(-2, 2)
    rows.loc[:19, "job"] = "astronaut"
    rows.loc[20:29, "a"] = 99.0
    found = run(rows, train)["outside_training_share",]
    assert found.value == 0.03


def test_the_alarm_is_false_as_often_as_it_is_set_to() -> None:
    rates = []
    for seed in range(30):
        found = run(people(800, seed), people(1_000, 100 + seed), seed=seed)
        rates.append(found["ood_false_alarm_rate",].value or 0.0)
    assert 0.035 < np.mean(rates) < 0.06


def test_strange_rows_are_noticed_in_every_seed() -> None:
    for seed in range(20):
        found = run(people(1_000, seed), people(1_000, 100 + seed), seed=seed)
        for what in ("columns shuffled", "a number moved"):
            area = found["ood_roc_auc", what].interval
            assert area is not None
            assert area.low > 0.6


def test_a_model_that_is_surer_of_what_it_does_not_know_is_caught() -> None:
    found = run(people(2_000, 0), people(1_000, 1))["ood_confidence_roc_auc", "a number moved"]
    assert found.interval is not None
    assert found.interval.high < 0.5  # three deviations up are far from one half


def test_categories_that_few_share_and_texts_are_left_out_and_said() -> None:
    train, rows = people(500, 0), people(500, 1)
    for frame in (train, rows):
        frame["note"] = [f"text {i}" for i in range(len(frame))]
    found = run(rows, train, features=["a", "note"])["ood_false_alarm_rate",]
    assert "not 'note': texts" in found.source


def test_without_a_column_there_is_no_number() -> None:
    train, rows = people(500, 0), people(500, 1)
    for frame in (train, rows):
        frame["a"] = frame["a"].astype(str)
    found = run(rows, train, features=["a"])
    assert {m.value for m in found.values()} == {None}


def test_too_few_rows_set_no_alarm() -> None:
    found = run(people(30, 0), people(100, 1))
    assert "too few rows to set an alarm" in str(found["ood_false_alarm_rate",].reason)
    assert alarm_at(np.arange(18.0), 0.05) is None


def test_moving_and_shuffling_keep_what_they_should() -> None:
    rows = people(400, 0)
    known = Familiar.learn(rows, ["a", "b", "job"], np.random.default_rng(0))
    made = altered(rows, known, np.random.default_rng(0))
    shuffled, moved = made["columns shuffled"], made["a number moved"]
    assert shuffled is not None
    assert moved is not None
    assert sorted(shuffled["a"]) == sorted(rows["a"])
    assert abs(np.corrcoef(shuffled["a"], shuffled["b"])[0, 1]) < 0.2
    assert ((moved["a"] != rows["a"]) ^ (moved["b"] != rows["b"])).all()


def test_every_wrong_setting_is_told() -> None:
    with pytest.raises(InputError) as caught:
        OutOfDistribution(rate=0, rows=1, min_group=1, level=2)
    assert len(caught.value.problems) == 4
