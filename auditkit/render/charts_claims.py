"""What is declared beside what was measured: one line a claim, with a link to the evidence."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.figures import NOTHING, DataTable, Figure, source_note
from auditkit.render.page import Page, State, number, records, string
from auditkit.render.text import el, join
from auditkit.render.verdicts import CLASS, glyph
from auditkit.report import Scalar, TableRecord

#: Shape and colour of what became of a claim.
LOOKS: dict[str, State] = {
    "contradicts": "fail",
    "open": "inconclusive",
    "not measured": "not_measured",
    "agrees": "pass",
}
#: Longest note; unit: characters.
NOTE = 110

Record = dict[str, Scalar]


def claims(page: Page, table: TableRecord) -> list[Figure]:
    """Lay out the claims, those that are contradicted first."""
    lines = [row for row in records(table) if string(row, "result") in LOOKS]
    if not lines:
        return []
    named = ("claim.head", "claim.result", "claim.measured", "claim.limit")
    heads = tuple(page.words(key) for key in named)
    rows = tuple(
        (_claim(page, row), _result(page, row), _measured(page, row), _limit(row)) for row in lines
    )
    data = DataTable(heads, (False, False, False, True), rows)
    caption = page.words("table.claims")
    note = source_note(page, table)
    return [Figure(page.told(table.title, 80), caption, data=data, note=note, opened=True)]


def claim_title(page: Page, claim: str, declared: str = "") -> Markup:
    """A claim in words, or its key where this page does not know it."""
    key = f"claim.{claim}"
    if not page.words.has(key):
        return page.said(claim)
    return page.words(key, declared=page.said(declared, 120))


def _claim(page: Page, row: Record) -> Markup:
    return claim_title(page, string(row, "claim"), string(row, "declared"))


def _result(page: Page, row: Record) -> Markup:
    result = string(row, "result")
    state = LOOKS[result]
    text = join([glyph(state), page.words(f"claim.is_{result.replace(' ', '_')}")])
    return el("span", text, cls=f"vd {CLASS[state]}")


def _measured(page: Page, row: Record) -> Markup:
    wanted, note = string(row, "measurement"), string(row, "note")
    told = page.told(note, NOTE) if note else NOTHING
    found = next((m for m in page.report.measurements if m.id == wanted), None)
    value = number(row, "measured")
    if found is None:
        shown = NOTHING if value is None else el("b", numbers.show(value).text)
        return Markup(" ").join(part for part in (shown, told) if part)
    title = page.metric_title(found.metric)
    anchor = next((p.anchor for p in page.pillars if p.name == found.audit), None)
    link = el("a", title, href=f"#{anchor}") if anchor else title
    where = page.where(found.slice) if found.slice else NOTHING
    shown = page.measured(found) if value is not None else told
    return Markup(" ").join(part for part in (link, where, shown) if part)


def _limit(row: Record) -> Markup:
    limit = number(row, "limit")
    return join([numbers.DASH if limit is None else numbers.limit(limit)])
