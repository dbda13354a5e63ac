"""Drawings of the reasons of decisions, from tables made by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditkit.render.charts_stories import principal_reasons, stories
from auditkit.render.figures import Figure, RowChart
from auditkit.render.page import Page
from auditkit.render.words import Words
from auditkit.report import Report, TableRecord

COLUMNS = [
    *("case", "place", "decision", "feature", "value"),
    *("contribution", "low", "high", "sign_certain"),
]


def table(rows: list[list[Any]], columns: list[str] | None = None) -> TableRecord:
    return TableRecord(
        id="reason-codes.stories", audit="reason-codes", title="t", columns=columns or COLUMNS,
        rows=rows, source="how", chart="stories", basis="measured",
    )  # fmt: skip


@pytest.fixture
def page(record: dict[str, Any]) -> Page:
    return Page(Report.model_validate(record), Words("en"))


def story(page: Page, case: str = "typical", start: str = "(average score)") -> list[list[Any]]:
    """The story of the record, perhaps of another case."""
    told = page.table("reason-codes", "stories")
    assert told is not None
    rows = [[case, *row[1:]] for row in told.rows]
    rows[0][3] = start
    return rows


def body(figure: Figure) -> list[Any]:
    assert isinstance(figure.body, RowChart)
    return list(figure.body.blocks[0].rows)


def plain(text: object) -> str:
    return re.sub(r"<[^>]+>", "", str(text))


def test_a_story_goes_from_the_average_to_the_score(page: Page) -> None:
    (figure,) = stories(page, table(story(page)))
    rows = body(figure)
    assert [plain(row.label) for row in rows] == [
        "Average score", "&lt;age&gt; in the lowest fifth", "job Sales", "7 others together",
        "Score of this case",
    ]  # fmt: skip
    ends = [re.search(r"class=tot x1=([0-9.]+)%", rows[i].drawing) for i in (0, -1)]
    last = re.search(r"<rect class=bar x=([0-9.]+)%[^>]* width=([0-9.]+)%", rows[-2].drawing)
    assert all(ends)
    assert last
    assert ends[1]
    assert float(last[1]) + float(last[2]) == pytest.approx(float(ends[1][1]), abs=0.21)


def test_effects_are_said_in_words_with_their_interval(page: Page) -> None:
    rows = body(stories(page, table(story(page)))[0])
    assert plain(rows[1].value) == "lowers by 0.200 (0.150 to 0.250)"
    assert plain(rows[2].value).startswith("direction not certain: +0.01")
    assert plain(rows[3].value).startswith("raises by 0.090")


def test_a_score_below_the_threshold_is_never_rounded_to_it(page: Page) -> None:
    figure = stories(page, table(story(page)))[0]
    assert "0.49999" in plain(figure.title)
    assert plain(body(figure)[-1].value) == "0.49999"


def test_the_title_names_case_decision_and_the_strongest_reason(page: Page) -> None:
    title = plain(stories(page, table(story(page)))[0].title)
    assert title == (
        "A typical case, not selected (against): score 0.49999, lowered most by &lt;age&gt;"
    )
    chosen = plain(stories(page, table(story(page, "chosen 1")))[0].title)
    assert chosen.startswith("A chosen case")


def test_a_story_of_a_text_starts_from_the_empty_one(page: Page) -> None:
    rows = body(stories(page, table(story(page, start="(empty text)")))[0])
    assert plain(rows[0].label) == "Score of an empty text"


def test_how_to_read_is_said_once(page: Page) -> None:
    first, second = stories(page, table([*story(page), *story(page, "clear")]))
    assert "add up to the score" in plain(first.caption)
    assert "add up to the score" not in plain(second.caption)
    assert first.note
    assert not second.note


def test_rows_that_are_no_story_are_not_drawn(page: Page) -> None:
    assert stories(page, table(story(page)[1:])) == []
    assert stories(page, table([])) == []


def test_a_case_that_nothing_moves_is_told_all_the_same(page: Page) -> None:
    (figure,) = stories(page, table([story(page)[0], story(page)[-1]]))
    assert plain(figure.title) == "A typical case, not selected (against): score 0.49999"


def test_principal_reasons_are_bars_of_the_most_frequent(page: Page) -> None:
    rows = [[f"f{i}", 0.9 - i / 10, 0.8 - i / 10, 1.0 - i / 10] for i in range(8)]
    columns = ["reason", "principal_reason_share", "low", "high"]
    (figure,) = principal_reasons(page, table(rows, columns))
    assert len(body(figure)) == 6
    assert plain(figure.title) == "f0 is a principal reason most often, in a share of 0.900"
    assert "The 6 most frequent of 8" in plain(figure.caption)
