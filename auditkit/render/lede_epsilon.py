"""The sentence that opens the section of the lower bound on epsilon."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.report import Scalar


def epsilon_bounds(page: Page, pillar: Pillar) -> Markup:
    """Say of each training what was shown, claims first; nothing where nothing was attacked."""
    table = page.table(pillar.name, "bounds")
    rows = [] if table is None else records(table)
    rows = [row for row in rows if number(row, "bound") is not None]
    rows.sort(key=lambda row: number(row, "claim") is None)
    return Markup(" ").join(_said(page, row) for row in rows)


def _said(page: Page, row: dict[str, Scalar]) -> Markup:
    bound, cap, n = (number(row, column) or 0.0 for column in ("bound", "bound_cap", "canaries"))
    facts = {
        "model": page.said(string(row, "model")),
        "bound": numbers.show(bound).text,
        "cap": numbers.show(cap).text,
        "n": round(n),
    }
    claim = number(row, "claim")
    if claim is None:
        return page.words("lede.epsilon_shown" if bound > 0 else "lede.epsilon_none", **facts)
    facts["claim"] = numbers.show(claim).text
    if bound > claim:
        return page.words("lede.epsilon_refuted", **facts)
    return page.words("lede.epsilon_open" if cap > claim else "lede.epsilon_short", **facts)
