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
