"""Drawings of the reasons of decisions: a story a case, and how often each is a principal one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import axis, grid, scale_row
from auditkit.render.charts_explain import positions, step, total
from auditkit.render.charts_rows import LOW, Record, bars
from auditkit.render.figures import (
    NOTHING,
    Block,
    Figure,
    Row,
    RowChart,
    bounded,
    heads,
    largest,
    source_note,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import TableRecord

#: What stands in a story beside the features, and what it is called.
STARTS = {"(average score)": "stories.average", "(empty text)": "stories.empty"}
REST, SCORE = "(all others)", "(score)"
#: Cases that have a caption of their own; the others were chosen.
CASES = ("typical", "borderline", "clear")
#: Stories that are drawn; the table of the record holds them all.
MOST = 6
#: Features whose bars are drawn; the measurements hold them all.
BARS = 6


def stories(page: Page, table: TableRecord) -> list[Figure]:
    """Draw why single decisions were made, from the average score to the score of each."""
    rows = records(table)
    cases = dict.fromkeys(string(row, "case") for row in rows)
    told = [[row for row in rows if string(row, "case") == case] for case in cases]
    whole = [story for story in told if _ends(story) is not None]
    figures = [_story(page, story) for story in whole[:MOST]]
    if figures:
        how = page.words("stories.how")
        caption = join([figures[0].caption, Markup(" "), how])
        figures[0] = replace(figures[0], caption=caption, note=source_note(page, table))
    return figures


def _ends(rows: Sequence[Record]) -> tuple[float, float] | None:
    start, score = (number(row, "contribution") for row in (rows[0], rows[-1]))
    named = string(rows[0], "feature") in STARTS and string(rows[-1], "feature") == SCORE
    return (start, score) if named and start is not None and score is not None else None


def _story(page: Page, rows: Sequence[Record]) -> Figure:
    start, score = _ends(rows) or (0.0, 0.0)
    terms, size = rows[1:-1], largest(rows[1:-1], "contribution")
    scale = axis(positions(terms, start, score))
    held = scale, grid(page, scale, LOW)
    first = page.words(STARTS[string(rows[0], "feature")])
    body, here = [total(first, start, held)], start
    for row in terms:
        body.append(Row(_label(page, row), step(row, here, held), _says(page, row, size)))
        here += number(row, "contribution") or 0.0
    body.append(total(page.words("stories.score"), score, held, _limits(page)))
    heads = page.words("stories.feature"), page.words("stories.effect"), NOTHING
    chart = RowChart((Block(tuple(body)),), heads, scale_row(*held), kind="wf", widths=(34, 36, 30))
    case = string(rows[0], "case")
    kind = case if case in CASES else "chosen"
    place = number(rows[0], "place") or 0
    caption = page.words(f"stories.{kind}_caption", place=numbers.count(round(place)))
    return Figure(_title(page, rows, kind, start, score), caption, chart)


def _title(page: Page, rows: Sequence[Record], kind: str, start: float, score: float) -> Markup:
    most = rows[1] if len(rows) > 2 else {}
    change = number(most, "contribution") or 0.0
    shown = numbers.show(score, beside=start, limits=_limits(page)).text
    case, decision = page.words(f"stories.{kind}"), page.said(string(rows[0], "decision"))
    if string(most, "feature") in ("", REST):
        return page.words("stories.plain", case=case, decision=decision, score=shown)
    return page.words(
        "stories.title_raises" if change > 0 else "stories.title_lowers",
        case=case,
        decision=decision,
        score=shown,
        feature=page.said(string(most, "feature")),
    )


def _limits(page: Page) -> list[float]:
    """The score at which the decision turns, which no rounded score may touch or cross."""
    subject = page.report.subject
    at = subject.roles.threshold if subject.task == "binary" else None
    return [] if at is None else [at]


def _label(page: Page, row: Record) -> Markup:
    if string(row, "feature") == REST:
        return page.words("stories.rest", n=int(string(row, "value") or 0))
    label = page.said(string(row, "feature"))
    if not string(row, "value"):
        return label
    return join([label, Markup(" "), el("i", page.said(string(row, "value")), cls="by")])


def _says(page: Page, row: Record, beside: float) -> Markup:
    """What a feature does to the score, in words."""
    change = number(row, "contribution") or 0.0
    low, high = number(row, "low"), number(row, "high")
    if low is not None and high is not None and low <= 0 <= high:
        shown = bounded(row, "contribution", beside=beside, signed=True)
        return page.words("stories.unsure", value=_between(page, shown))
    size = numbers.show(abs(change), beside=beside)
    if low is not None and high is not None:
        size = numbers.show(abs(change), *sorted((abs(low), abs(high))), beside=beside)
    key = "stories.raises" if change > 0 else "stories.lowers"
    return page.words(key, value=_between(page, size))


def _between(page: Page, shown: numbers.Shown | None) -> Markup:
    if shown is None:
        return NOTHING
    value = el("b", shown.text)
    if shown.low is None:
        return value
    bounds = page.words("stories.bounds", low=shown.low, high=shown.high)
    return join([value, Markup(" "), el("i", bounds)])


def principal_reasons(page: Page, table: TableRecord) -> list[Figure]:
    """Draw how often each feature is a principal reason, the most frequent ones."""
    few = table.model_copy(update={"rows": table.rows[:BARS]})
    headings = heads(page.words, "bars.feature", "reasons.share")
    row = next(iter(records(few)), {})
    size = number(row, "principal_reason_share")
    title = page.words(
        "reasons.title",
        reason=name(string(row, "reason")),
        value="" if size is None else numbers.show(size, unit="rate").text,
    )
    caption = page.words("reasons.caption", drawn=len(few.rows), n=len(table.rows))
    return [
        replace(
            figure,
            title=title,
            caption=caption,
            body=replace(figure.body, heads=headings),
            data=None,
        )
        for figure in bars(page, few)
        if isinstance(figure.body, RowChart)
    ]
