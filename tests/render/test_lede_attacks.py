"""The sentences that open the section about changes made to deceive."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.attacks import Attacks
from auditkit.render.html import render
from auditkit.subject import Subject


class Model:
    """Scores rows by one function of them."""

    kind, parameters, sha256 = "column", None, None

    def __init__(self, scores: Any) -> None:
        self._scores = scores

    def scores(self, rows: pd.DataFrame) -> Any:
        return np.asarray(self._scores(rows), dtype=float)


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n)})
    rows["sex"] = rng.choice(["F", "M"], n)
    rows["x"] *= np.where(rows["sex"] == "F", 0.2, 1.0)
    return rows.assign(y=(rows["x"] > 0).astype(int))


def page(scores: Any, lang: str = "en", rows: pd.DataFrame | None = None, **roles: Any) -> str:
    given: dict[str, Any] = {"features": ["x", "z"], "sensitive": ["sex"], **roles}
    subject = Subject.from_model(
        Model(scores), people() if rows is None else rows, label="y", **given
    )
    found = re.search(r'id="attacks".*', render(run(subject, audits=[Attacks()]), lang), re.DOTALL)
    assert found
    return found[0]


def logistic(rows: pd.DataFrame) -> Any:
    return 1 / (1 + np.exp(-rows["x"]))


def test_what_can_be_changed_is_told_with_chance_groups_and_checks() -> None:
    text = page(logistic)
    assert "by up to 0.1 of a standard deviation can change at least <b>0." in text
    assert "Accuracy is then 0." in text
    assert "Random changes of the same size change 0." in text
    assert "The share surely differs between groups of sex" in text
    assert "The attacks pass their checks" in text
    assert "Are the attacks sound?" not in text


def test_an_attack_that_never_succeeds_is_no_praise() -> None:
    text = page(lambda rows: np.full(len(rows), 0.9))
    assert "That does not make the model robust" in text
    assert "0.000" not in text


def test_nothing_to_attack_says_why() -> None:
    text = page(logistic, features=["x"], sensitive=["x"], bands={"x": [0.0]})
    assert "Nothing was attacked: no number that the model reads may change" in text


def test_a_broken_rule_is_told_and_listed() -> None:
    rng = np.random.default_rng(0)
    text = page(lambda rows: np.clip(logistic(rows) + rng.normal(0, 0.1, len(rows)), 0, 1))
    assert "<b>The attacks broke a rule that they must keep</b>" in text
    assert "Changes of size 0 change nothing" in text


def test_words_that_are_replaced_need_not_mean_the_same() -> None:
    rng = np.random.default_rng(0)
    nouns = rng.choice(["day", "trip", "meal", "room", "desk", "view"], (300, 3))
    told = rng.choice(["good", "bad"], 300)
    texts = [f"a {w} {a} with {b} and {c}" for w, (a, b, c) in zip(told, nouns, strict=True)]
    rows = pd.DataFrame({"text": texts, "y": (told == "good").astype(int)})
    text = page(
        lambda frame: [0.9 if "good" in one else 0.1 for one in frame["text"]],
        rows=rows, features=["text"], sensitive=[],
    )  # fmt: skip
    assert "replace up to 10% of the words of a text, or one" in text
    assert "need not mean the same" in text


@pytest.mark.parametrize("scores", [logistic, lambda rows: np.full(len(rows), 0.9)])
def test_nothing_is_left_in_english(scores: Any) -> None:
    assert '<span lang="en">' not in page(scores, "zh-Hans")
