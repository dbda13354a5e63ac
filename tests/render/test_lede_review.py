"""The sentences that open the section about people who look at unsure decisions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.oversight import Oversight
from auditkit.render.html import render
from auditkit.subject import Subject


def page(language: str = "en", accuracy: float | None = None) -> str:
    rng, n = np.random.default_rng(0), 4_000
    score, sex = rng.random(n), rng.choice(["F", "<M>"], n)
    y = np.where((sex == "<M>") & (rng.random(n) < 0.3), rng.random(n) < 0.5, rng.random(n) < score)
    rows = pd.DataFrame({"y": y.astype(int), "score": score, "sex": sex})
    subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
    text = render(
        run(subject, None, [Oversight(capacity=0.2, reviewer_accuracy=accuracy)]), language
    )
    return text.replace("<bdi>", "").replace("</bdi>", "")


def test_what_is_left_is_said_beside_what_was_and_that_it_rests_on_a_declaration() -> None:
    text = page(accuracy=0.9)
    assert "People look at <b>0." in text
    assert "if they are as right as was declared, the error is 0." in text
    assert "The error stays highest for sex = &lt;M&gt;: 0." in text
    assert "was not declared" not in text[text.index("People look at") :][:600]


def test_without_a_declaration_only_the_kept_error_is_said() -> None:
    text = page()
    assert "How often people are right was not declared" in text
    assert "in what it decides alone the error is 0." in text


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_no_table_for_the_guard_is_on_the_page(language: str) -> None:
    text = page(language)
    assert "guard.json" in text
    assert "guard-columns" not in text
