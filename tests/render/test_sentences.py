from __future__ import annotations

import numpy as np
import pandas as pd

from auditkit.audit import run
from auditkit.policy import parse_policy
from auditkit.render.html import render
from auditkit.subject import Subject

POLICY = parse_policy(
    b"""
name = "p"
[[criterion]]
metric = "demographic_parity_difference"
slice = ["race"]
at_most = 0.05
severity = "high"
source = "own policy"
"""
)


def page(selected: dict[str, tuple[int, int]]) -> str:
    """The page of a table in which of each group that many of that many people are selected."""
    groups = [name for name, (_, n) in selected.items() for _ in range(n)]
    chosen = [int(i < k) for k, n in selected.values() for i in range(n)]
    rows = pd.DataFrame({"race": groups, "d": chosen, "y": np.arange(len(groups)) % 2})
    subject = Subject.from_scores(rows, label="y", prediction="d", sensitive=["race"])
    return render(run(subject, POLICY, ["fairness"]))


def test_a_tiny_group_at_the_end_is_named_with_its_doubt_and_what_is_established() -> None:
    text = page({"tiny": (1, 12), "big": (300, 1500), "other": (600, 1500)})
    assert "Chance could explain that pair" in text
    assert "the data do establish a lower rate for big than for other" in text


def test_where_chance_explains_everything_no_group_is_accused() -> None:
    text = page({"a": (10, 30), "b": (12, 30), "c": (14, 30)})
    assert "the data tell no two of these groups apart" in text


def test_an_established_pair_is_named_without_doubt() -> None:
    text = page({"a": (300, 1500), "b": (600, 1500)})
    assert "Chance could" not in text
    assert "a are selected less often than b: 0.200 against 0.400" in text


def accuracy_page(right: dict[str, tuple[int, int]]) -> str:
    """The page of a policy on accuracy, of whose pairs the record holds only the number."""
    groups = [name for name, (_, n) in right.items() for _ in range(n)]
    hit = np.array([int(i < k) for k, n in right.values() for i in range(n)])
    y = np.arange(len(groups)) % 2
    rows = pd.DataFrame({"race": groups, "d": np.where(hit == 1, y, 1 - y), "y": y})
    subject = Subject.from_scores(rows, label="y", prediction="d", sensitive=["race"])
    policy = parse_policy(
        b'name = "p"\n[[criterion]]\nmetric = "accuracy_difference"\nslice = ["race"]\n'
        b'at_most = 0.05\nseverity = "high"\nsource = "own policy"\n'
    )
    return render(run(subject, policy, ["fairness"]))


def test_no_group_is_named_where_the_record_does_not_say_which_pairs_are_told_apart() -> None:
    unsure = accuracy_page({"tiny": (8, 12), "big": (1400, 1500), "other": (1300, 1500)})
    assert "Accuracy difference over race is 0.267" in unsure
    assert "for tiny" not in unsure
    sure = accuracy_page({"big": (1400, 1500), "other": (900, 1500)})
    assert "Accuracy by race: 0.600 for other, 0.933 for big" in sure


def rows_of_task(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], n)
    y = rng.choice(["deny", "grant", "wait"], n)
    hasty = (sex == "F") & (rng.random(n) < 0.4)
    return pd.DataFrame({"y": y, "d": np.where(hasty, "deny", y), "sex": sex})


def test_a_gap_between_classes_names_the_class_and_both_groups() -> None:
    rows = rows_of_task()
    subject = Subject.from_scores(
        rows, label="y", prediction="d", sensitive=["sex"], task="multiclass"
    )
    policy = parse_policy(
        b'name = "p"\n[[criterion]]\nmetric = "demographic_parity_difference"\nslice = ["sex"]\n'
        b'at_most = 0.1\nseverity = "high"\nsource = "own policy"\n'
    )
    text = render(run(subject, policy, ["fairness"]))
    share = (rows["d"] == "deny").groupby(rows["sex"]).mean()
    assert f"Selection rate of class deny by sex: {share['M']:.3f} for M" in text
    assert "Positive outcomes" not in text


def test_numbers_without_a_policy_open_with_the_surest_signed_error() -> None:
    rng = np.random.default_rng(0)
    sex = np.repeat(["F", "M"], 200)
    y = rng.normal(50, 5, 400)
    rows = pd.DataFrame({"y": y, "d": y + np.where(sex == "F", -3, 0), "sex": sex})
    rows["d"] += rng.normal(size=400)
    subject = Subject.from_scores(
        rows, label="y", prediction="d", sensitive=["sex"], task="regression"
    )
    assert "Mean error by sex: " in render(run(subject, None, ["fairness"]))
