"""The section on calibration and abstention: its sentences, its tables and its drawing."""

from __future__ import annotations

import functools
import re

import numpy as np
import pandas as pd
from scipy import special

from auditkit import run
from auditkit.audits.calibration import Calibration
from auditkit.render.html import render
from auditkit.subject import Subject


@functools.cache
def page(fault: str = "", target: float | None = None, lang: str = "en") -> str:
    """The text of the section, without tags but bold."""
    rng = np.random.default_rng(0)
    p = rng.beta(1.5, 3, 3000)
    sex = rng.choice(["F", "M"], 3000)
    y = (rng.random(3000) < p).astype(int)
    p = special.expit(2 * special.logit(p)) if fault == "extreme" else p
    if fault == "blind":
        y = np.where(sex == "F", (rng.random(3000) < 0.4).astype(int), y)
    rows = pd.DataFrame({"y": y, "p": p, "sex": sex})
    subject = Subject.from_scores(rows, label="y", score="p", sensitive=["sex"])
    text = render(run(subject, None, [Calibration(target_risk=target)]), lang)
    text = text[text.index('id="calibration"') :]
    return re.sub(r"</?bdi[^>]*>", "", text[: text.index("</section>")])


def test_right_scores_are_said_to_come_true() -> None:
    text = page()
    assert "The scores come true about as often as they say" in text
    assert "Mapping them anew would not surely help." in text
    assert "surely at most" in text


def test_scores_that_are_off_are_said_to_be_and_the_map_that_helps_is_named() -> None:
    text = page("extreme")
    assert "<b>The scores do not come true as often as they say:</b>" in text
    assert re.search(r"Mapping them anew \((logistic \(Platt\)|isotonic)\) would surely help", text)


def test_groups_that_are_off_are_counted_and_the_surest_is_named() -> None:
    assert "most surely of F (sex)." in page("blind")


def test_where_no_threshold_is_proven_it_is_said() -> None:
    text = page("", 0.001)
    assert "No threshold is proven to keep wrong decisions to 0.00100" in text
    assert "left the others to a person" not in text


def test_the_curve_is_drawn_with_a_line_for_the_worst_group() -> None:
    text = page()
    assert text.count("<path class=ln") + text.count('<path class="ln two"') == 2
    assert "highest group" in text
    assert "are decided wrongly; of all" in text


def test_the_section_is_short_and_says_it_all_in_chinese() -> None:
    assert len(page().encode()) < 7_000
    assert 'lang="en"' not in page(lang="zh-Hans")
    assert 'lang="en"' not in page("", 0.001, "zh-Hans")
