"""Small drawings of effects, and the sentences that tell what they show."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditkit.render.charts_effects import by_feature, effects, tell
from auditkit.render.charts_rules import rules
from auditkit.render.figures import Panels, RowChart
from auditkit.render.page import Page, records
from auditkit.render.words import Words
from auditkit.report import Report, Scalar, TableRecord

COLUMNS = ["feature", "kind", "at", "effect", "low", "high", "dependence", "share"]


@pytest.fixture
def page(record: dict[str, Any]) -> Page:
    return Page(Report.model_validate(record), Words("en"))


def points(at: list[Scalar], values: list[float], kind: str = "number") -> TableRecord:
    rows: list[list[Scalar]] = [
        ["f", kind, a, v, v - 0.01, v + 0.01, None, 0.2] for a, v in zip(at, values, strict=True)
    ]
    return TableRecord(
        id="effects.curves", audit="effects", title="T", columns=COLUMNS, rows=rows, source="s"
    )


def told(page: Page, table: TableRecord) -> str:
    ((feature, rows),) = by_feature(table).items()
    return tell(page, feature, rows).sentence.striptags()


STEPS: list[Scalar] = [0.0, 10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.0, 0.1, 0.2, 0.3, 0.4], "raises it by 0.400 from 0 to 40"),
        ([0.0, 0.0, 0.05, 0.1, 0.4], "raises it by 0.400 from 0 to 40, most of that above 30"),
        ([0.4, 0.1, 0.05, 0.0, 0.0], "lowers it by 0.400 from 0 to 40, most of that below 10"),
        ([0.0, 0.0, 0.3, 0.4, 0.4], "raises it by 0.400 from 0 to 40, most of that between 10 and"),
        ([0.0, 0.2, 0.4, 0.2, 0.1], "moves it both ways: 0.400 from the lowest, at 0, to the high"),
        ([0.0, 0.0, 0.0, 0.0, 0.0], "does not move it"),
    ],
)
def test_a_curve_is_told_in_a_sentence(page: Page, values: list[float], sentence: str) -> None:
    assert told(page, points(STEPS, values)).startswith(sentence)


def test_of_categories_the_lowest_and_the_highest_are_named(page: Page) -> None:
    table = points(["a", "<b>", "c"], [0.1, -0.2, 0.0], "category")
    assert told(page, table) == "0.300 from the lowest, <b>, to the highest, a"


def test_an_effect_that_chance_could_explain_says_so(record: dict[str, Any]) -> None:
    record["measurements"].append(
        {
            **record["measurements"][0],
            "id": "effects.effect_range/feature=f",
            "audit": "effects",
            "metric": "effect_range",
            "slice": {"feature": "f"},
            "value": 0.4,
            "interval": {"low": 0.0, "high": 0.9, "level": 0.95, "method": "t"},
        }
    )
    page = Page(Report.model_validate(record), Words("en"))
    assert told(page, points(STEPS[:2], [0.0, 0.4])).endswith("; it could be chance")


def test_every_feature_has_a_panel_on_one_scale(page: Page) -> None:
    table = page.table("effects", "curves")
    assert table is not None
    (figure,) = effects(page, table)
    assert isinstance(figure.body, Panels)
    age, job = figure.body.panels
    assert age.parts.count("<polyline") == 2
    assert age.parts.count("<polygon") == 1
    assert job.parts.count("<circle") == 2
    assert "&lt;1%" in job.parts
    assert figure.data is not None
    assert [row[0] for row in figure.data.rows] == ["age", "job"]


def test_the_highest_point_of_a_curve_is_drawn_highest(page: Page) -> None:
    (figure,) = effects(page, points(STEPS, [0.0, 0.1, 0.5, 0.2, 0.1]))
    assert isinstance(figure.body, Panels)
    drawn = re.findall(r'<polyline points="([^"]*)"', figure.body.panels[0].parts)
    heights = [float(point.split(",")[1]) for point in drawn[0].split()]
    assert heights.index(min(heights)) == 2


def test_rules_are_set_in_and_end_in_what_they_say(page: Page) -> None:
    table = page.table("surrogate", "rules")
    assert table is not None
    (figure,) = rules(page, table)
    assert isinstance(figure.body, RowChart)
    first, second, third = figure.body.blocks[0].rows
    assert first.label == "<span>All rows</span>"
    assert "class=i1" in second.label
    assert second.word == "<b>selected</b>, 99.4% of rows"
    assert first.value.striptags().startswith("0.200")
    assert third.value == "–"  # noqa: RUF001 - a dash, no number
    assert figure.title == "2 rules that imitate the model"
    assert len(records(table)) == 3
