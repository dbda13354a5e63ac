"""The sentence that opens the explanation of the scores."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts_rows import OTHER_WORDS
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name


def explainability(page: Page, pillar: Pillar) -> Markup:
    """Say which features, or words, move the scores most, and which least."""
    table = page.table(pillar.name, "importance")
    rows = [] if table is None else records(table)
    rows = [row for row in rows if number(row, "mean_abs") is not None]
    named = [row for row in rows if string(row, "feature") != OTHER_WORDS]
    key = "lede.explainability" if len(named) == len(rows) else "lede.words"
    rows = named
    rows.sort(key=lambda row: -(number(row, "mean_abs") or 0.0))
    if len(rows) < 2:
        return Markup("")
    sizes = [numbers.show(number(row, "mean_abs") or 0.0).text for row in rows[:2]]
    return page.words(
        key,
        first=name(string(rows[0], "feature")),
        first_size=sizes[0],
        second=name(string(rows[1], "feature")),
        second_size=sizes[1],
        last=name(string(rows[-1], "feature")),
    )
