"""The section on what privacy costs: its sentence and its drawing."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from auditkit import run
from auditkit.render.html import render
from auditkit.report import AuditRecord, Scalar, TableRecord
from auditkit.subject import Subject

COLUMNS = ["epsilon", "noise_multiplier", "accuracy", "low", "high", "cost", "cost_low",
           "cost_high"]  # fmt: skip
PLAIN: list[Scalar] = [None, None, 0.855, 0.849, 0.861, None, None, None]


def page(*twins: list[Scalar]) -> str:
    """The text of a page whose frontier has these twins, without tags but bold."""
    rows = pd.DataFrame({"y": [0, 1], "p": [0.2, 0.9]})
    bare = run(Subject.from_scores(rows, label="y", score="p"), None, ["performance"])
    table = TableRecord(
        id="privacy-frontier.frontier", audit="privacy-frontier", title="Frontier",
        columns=COLUMNS, rows=[PLAIN, *twins], chart="privacy-frontier", source="test",
    )  # fmt: skip
    done = AuditRecord(name="privacy-frontier", status="completed")
    report = bare.model_copy(update={"tables": [table], "audits": [*bare.audits, done]})
    return re.sub(r"</?bdi[^>]*>|\s+(?=\s)", "", render(report))


COSTLY: list[Scalar] = [0.5, 7.5, 0.848, 0.842, 0.854, 0.007, 0.004, 0.01]
FREE: list[Scalar] = [1.0, 4.0, 0.853, 0.847, 0.859, 0.002, -0.001, 0.005]


def test_what_the_strongest_privacy_costs_is_said_and_from_where_on_it_is_free() -> None:
    text = page(FREE, COSTLY)
    assert (
        "epsilon 0.5, the model is right for a share of <b>0.848</b> of rows instead of 0.855; "
        in text
    )
    assert "the difference lies between 0.00400 and 0.01000" in text
    assert "From epsilon 1 on, no loss is established." in text
    assert "Privacy of epsilon 0.5 costs 0.700 points of accuracy" in text


def test_where_no_loss_is_established_none_is_named() -> None:
    text = page(FREE)
    assert "instead of 0.855: no loss is established." in text
    assert "From epsilon" not in text
    assert "costs no accuracy that is established" in text


def test_a_gain_is_not_called_a_loss() -> None:
    assert "accuracy is 0.700 points higher" in page(
        [0.5, 7.5, 0.862, 0.85, 0.87, -0.007, -0.01, -0.004]
    )


@pytest.mark.parametrize(
    "twins", [[], [[1.0, *[None] * 7]], [["x", *[None] * 7]], [[-1.0, 1.0, 0.5, *[None] * 5]]]
)
def test_without_a_twin_there_is_a_table_and_no_drawing(twins: list[list[Scalar]]) -> None:
    text = page(*twins)
    assert "on a logarithmic axis" not in text
    assert "Frontier" in text


def test_stronger_privacy_stands_further_left() -> None:
    text = page(FREE, COSTLY)
    section = text[text.index('id="privacy-frontier"') :]
    marks = re.findall(r'<circle class="mk ev" cx=([\d.]+)% cy=([\d.]+)', section)
    (x1, y1), (x2, y2) = ((float(x), float(y)) for x, y in marks)
    assert x1 < x2
    assert y1 > y2  # less accurate, so further down
