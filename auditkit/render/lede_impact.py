"""The sentences that open the section about people and about what is declared of the model."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts_claims import claim_title
from auditkit.render.page import Page, Pillar, records, string

#: Claims that a sentence names.
NAMED = 4


def people(page: Page, pillar: Pillar) -> Markup:
    """Say how many people are decided about wrongly, and which claims are contradicted."""
    return Markup(" ").join(part for part in (_people(page, pillar), _claims(page, pillar)) if part)


def _people(page: Page, pillar: Pillar) -> Markup:
    context = page.report.context
    population = None if context is None else context.deployment_population
    stem = "people_{}" if population else "{}_per_1000"
    refused, granted, wrong = (
        pillar.whole(stem.format(name))
        for name in ("wrongly_refused", "wrongly_granted", "wrongly_decided")
    )
    shown = numbers.count(population or 1_000)
    end = "" if population else "_1000"
    if refused is not None and granted is not None:
        both = {"refused": page.measured(refused), "granted": page.measured(granted)}
        return page.words(f"lede.people{end}", people=shown, **both)
    if wrong is not None:
        return page.words(f"lede.people_wrong{end}", people=shown, wrong=page.measured(wrong))
    return Markup("")


def _claims(page: Page, pillar: Pillar) -> Markup:
    table = page.table(pillar.name, "claims")
    if table is None:
        return page.words("lede.claims_none")
    rows = records(table)
    against = [row for row in rows if string(row, "result") == "contradicts"]
    open_ = sum(string(row, "result") in ("open", "not measured") for row in rows)
    if against:
        named = [
            claim_title(page, string(row, "claim"), string(row, "declared"))
            for row in against[:NAMED]
        ]
        listed = page.words("list.semicolon").join(named)
        first = page.words(
            "lede.claims_false", n=len(against), of=numbers.count(len(rows)), claims=listed
        )
    else:
        first = page.words("lede.claims_true", n=len(rows))
    parts = [first, page.words("lede.claims_open", n=open_) if open_ else Markup("")]
    return Markup(" ").join(part for part in parts if part)
