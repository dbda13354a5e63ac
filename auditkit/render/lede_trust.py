"""The sentence that opens the section on whether the explanation can be trusted."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from auditkit.render.page import Page, Pillar, records, string

#: What a line of the table `trust` begins with where it has something to be held against.
ANSWERS = ("within", "outside", "undecided")


def trust(page: Page, pillar: Pillar) -> Markup:
    """Count the answers, and say whether the model leans on the features that are named."""
    table = page.table(pillar.name, "trust")
    said = [string(row, "meaning").partition(":")[0] for row in records(table)] if table else []
    counts = Counter(answer for answer in said if answer in ANSWERS)
    if not counts:
        return Markup("")
    numbers = {answer: counts[answer] for answer in ANSWERS}
    first = page.words("lede.trust", n=counts.total(), **numbers)
    return Markup(" ").join(part for part in (first, _leans(page, pillar)) if part)


def _leans(page: Page, pillar: Pillar) -> Markup:
    by = {m.metric: m for m in pillar.measurements if m.value is not None}
    gap, lead = (by.get(f"prediction_gap_important{end}") for end in ("", "_lead"))
    if gap is None or lead is None or lead.interval is None:
        return Markup("")
    if lead.interval.low > 0:
        both = {"value": page.measured(gap), "lead": page.measured(lead)}
        return page.words("lede.trust_better", **both)
    worse = lead.interval.high < 0
    return page.words("lede.trust_worse" if worse else "lede.trust_undecided")
