"""Drawings stay inside their frame, say what the numbers say, and leave nothing out."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.render.charts import Axis, axis, curve, mark, nice, pct
from auditkit.render.charts_groups import GroupChart
from auditkit.render.charts_limit import Held, against_limit
from auditkit.render.draw import CHARTS, figures
from auditkit.render.figures import ROWS, Panels, Plot, RowChart, data_table
from auditkit.render.html import render
from auditkit.render.page import STATES, Page
from auditkit.render.words import Words
from auditkit.report import Report, Scalar, TableRecord

anything = st.floats(allow_nan=False, allow_infinity=False)


def percentages(markup: str) -> list[float]:
    places = re.findall(r" (?:x|x1|x2|cx|width)=([-0-9.]+)%", markup)
    return [float(place) for place in places]


def page_of(record: dict[str, Any]) -> Page:
    return Page(Report.model_validate(record), Words("en"))


@given(st.floats())
def test_a_percentage_is_between_0_and_100(share: float) -> None:
    assert 0 <= float(pct(share).rstrip("%")) <= 100


@given(st.lists(anything, min_size=1, max_size=6), st.booleans())
def test_an_axis_holds_what_it_is_made_for(values: list[float], zero: bool) -> None:  # noqa: FBT001
    made = axis(values, zero=zero)
    assert math.isfinite(made.low)
    assert made.low < made.high
    assert 1 <= len(made.ticks()) <= 16
    for value in values:
        assert abs(value) > 1e100 or -1e-6 <= made.share(value) <= 1 + 1e-6


@given(st.floats(min_value=1e-100, max_value=1e100))
def test_a_step_is_round_and_not_smaller_than_asked(rough: float) -> None:
    step = nice(rough)
    assert rough * (1 - 1e-6) <= step <= 10 * rough
    assert f"{step:e}"[0] in "125"


@given(*([anything] * 3), st.none() | anything, st.none() | anything, st.sampled_from(STATES))
def test_nothing_is_drawn_outside_whatever_is_held_against_whatever(
    value: float, a: float, b: float, low: float | None, high: float | None, state: Any
) -> None:
    held = Held(value, min(a, b), max(a, b), low, high, (0.0, None))
    drawn = against_limit(held, state, ("1", "2"))
    assert all(0 <= place <= 100 for place in percentages(drawn))
    assert "nan" not in drawn


def test_the_part_of_an_interval_that_is_beyond_is_drawn_thick() -> None:
    held = Held(0.85, 0.80, 0.90, 0.82, None)
    drawn = against_limit(held, "inconclusive", ("0.82",))
    spans = re.findall(r'<line class="?(iv(?: x)?)"? x1=([0-9.]+)% y1=12 x2=([0-9.]+)%', drawn)
    kinds = [kind for kind, _, _ in spans]
    assert kinds == ["iv x", "iv"]
    assert spans[0][2] == spans[1][1]
    # domain: 0.80 - 0.03 to 0.90 + 0.03, so the limit stands at 0.05 / 0.16
    assert float(spans[0][2]) == pytest.approx(100 * 0.05 / 0.16, abs=0.06)
    assert 'd="M5 0H0V24H5"' in drawn  # opens to the right: more is allowed


def test_without_a_value_there_is_a_dashed_line_and_no_mark() -> None:
    assert against_limit(None, "not_measured").count("<line") == 1
    assert "mk" not in against_limit(None, "not_measured")


def test_the_shape_of_a_mark_tells_the_verdict_without_its_colour() -> None:
    shapes = {state: str(mark(state, "5%", 12)) for state in ("fail", "inconclusive", "pass")}
    assert len({re.sub('class=("[^"]*"|[a-z]+)', "", shape) for shape in shapes.values()}) == 3


def test_a_share_of_an_axis_is_where_the_number_stands() -> None:
    scale = Axis(-0.2, 0.6, 0.2)
    assert [scale.at(v) for v in (-0.2, 0.0, 0.6, 9.0)] == ["0%", "25%", "100%", "100%"]
    assert scale.width(0.0, 0.2) == "25%"
    assert [text for _, text in scale.ticks()] == ["−0.2", "0.0", "0.2", "0.4", "0.6"]  # noqa: RUF001


def test_every_kind_of_the_census_is_drawn(record: dict[str, Any]) -> None:
    page = page_of(record)
    kinds = {table.chart: type(figures(page, table)[0].body) for table in page.report.tables}
    assert kinds.pop("spiral") is type(None)
    assert set(kinds) == set(CHARTS)
    assert kinds.pop("claims") is type(None)  # a table is its drawing
    assert set(kinds.values()) == {RowChart, Plot, GroupChart, Panels}


def test_every_percentage_of_the_page_is_bounded(census: Report) -> None:
    drawn = percentages(render(census))
    assert len(drawn) > 500
    assert all(0 <= place <= 100 for place in drawn)


def test_the_terms_of_a_waterfall_end_where_the_other_group_begins(record: dict[str, Any]) -> None:
    page = page_of(record)
    table = page.table("explainability", "gap")
    assert table is not None
    chart = figures(page, table)[0].body
    assert isinstance(chart, RowChart)
    rows = chart.blocks[0].rows
    last_bar = re.search(r"<rect class=bar x=([0-9.]+)% [^>]*width=([0-9.]+)%", rows[-2].drawing)
    total = re.search(r"<line class=tot x1=([0-9.]+)%", rows[-1].drawing)
    assert last_bar
    assert total
    end = float(last_bar[1]) + float(last_bar[2])
    assert end == pytest.approx(float(total[1]), abs=0.11)
    assert rows[-2].label == "7 other features"


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ("mean score", "mean score"),
        ("mean prediction", "mean prediction"),
        ("selection rate", "selection rate"),
        ("share predicted", "share predicted of neutral"),
    ],
)
def test_a_waterfall_says_what_is_compared_and_the_sum_of_the_rest_stands_last(
    record: dict[str, Any], end: str, what: str
) -> None:
    of = ["neutral"] if "neutral" in what else []
    lines: list[list[Scalar]] = [
        [f"({end} a)", 0.6], [f"({end} b)", 0.2], ["age", 0.1], ["(3 others)", 0.3],
    ]  # fmt: skip
    columns = ["attribute", "a", "b", "feature", "contribution", *(["class"] if of else [])]
    table = TableRecord(
        id="gap", audit="explainability", title="Gap", columns=columns,
        rows=[["sex", "M", "F", *line, *of] for line in lines], source="test", chart="waterfall",
        basis="measured",
    )  # fmt: skip
    (figure,) = figures(page_of(record), table)
    assert f"of the gap of +0.400 in {what} between M and F" in re.sub("<[^>]+>", "", figure.title)
    assert isinstance(figure.body, RowChart)
    labels = [re.sub("<[^>]+>", "", row.label) for row in figure.body.blocks[0].rows]
    assert labels == [f"F, {what}", "age", "(3 others)", f"M, {what}"]


def test_all_other_words_stand_last_however_long_their_bar(record: dict[str, Any]) -> None:
    lines: list[list[Scalar]] = [["good", 0.1, None, None], ["(all other words)", 0.4, None, None]]
    table = TableRecord(
        id="importance", audit="explainability", title="What moves the scores",
        columns=["feature", "mean_abs", "low", "high"], rows=lines, source="test", chart="bars",
        basis="measured",
    )  # fmt: skip
    (figure,) = figures(page_of(record), table)
    assert isinstance(figure.body, RowChart)
    assert [row.label for row in figure.body.blocks[0].rows] == ["good", "(all other words)"]
    assert "good moves scores most" in figure.title


def test_a_phase_without_energy_is_called_not_measured(record: dict[str, Any]) -> None:
    page = page_of(record)
    table = page.table("energy", "phases")
    assert table is not None
    chart = figures(page, table)[0].body
    assert isinstance(chart, RowChart)
    assert "Not measured" in chart.blocks[0].rows[-1].value


@pytest.mark.parametrize("kind", sorted(CHARTS))
@pytest.mark.parametrize("columns", [["a"], ["a", "b"], ["attribute", "group", "difference"]])
def test_a_table_that_lacks_what_its_kind_needs_is_shown_as_a_table(
    record: dict[str, Any], kind: str, columns: list[str]
) -> None:
    rows: list[list[Scalar]] = [[cell] * len(columns) for cell in ("x", None, True)]
    table = TableRecord(
        id="t.t", audit="t", title="T", columns=columns, rows=rows, chart=kind, source=""
    )
    (figure,) = figures(page_of(record), table)
    assert figure.data is not None
    assert len(figure.data.rows) == 3


@pytest.mark.parametrize("kind", sorted(CHARTS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_numbers_break_a_drawing(census: Report, kind: str, data: st.DataObject) -> None:
    """Any number, or none, in any column of the tables that are drawn."""
    table = next(t for t in census.tables if t.chart == kind)
    cell = st.one_of(anything, st.none(), st.integers(-5, 5), st.just("x"))
    rows = [[data.draw(cell) if type(c) is float else c for c in row] for row in table.rows[:3]]
    changed = table.model_copy(update={"rows": rows})
    for figure in figures(Page(census, Words("en")), changed):
        drawn = str(figure.body)
        assert all(0 <= place <= 100 for place in percentages(drawn))
        assert "nan" not in drawn.replace("nance", "")


def test_a_long_table_says_how_much_of_it_is_left_out(record: dict[str, Any]) -> None:
    table = TableRecord(
        id="t.t",
        audit="t",
        title="T",
        columns=["i"],
        rows=[[i] for i in range(ROWS + 7)],
        source="",
    )
    shown = data_table(page_of(record), table)
    assert len(shown.rows) == ROWS
    assert shown.left_out == 7


def test_bounds_stand_with_the_number_that_they_bound(record: dict[str, Any]) -> None:
    columns = ["group", "rate", "rate_low", "rate_high", "n"]
    table = TableRecord(
        id="t.t", audit="t", title="T", columns=columns, rows=[["F", 0.5, 0.4, 0.6, 9]], source=""
    )
    shown = data_table(page_of(record), table)
    assert [cell.striptags() for cell in shown.rows[0]] == ["F", "0.500 [0.400, 0.600]", "9"]
    assert len(shown.heads) == 3


def test_a_curve_without_points_is_not_drawn() -> None:
    assert curve([], "ln") == ""
