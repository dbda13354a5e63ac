"""The plain sentences that open the sections about privacy."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records
from auditkit.report import Scalar


def privacy_frontier(page: Page, pillar: Pillar) -> Markup:
    """Say what the strongest privacy costs, and from where on no cost is established."""
    table = page.table(pillar.name, "frontier")
    twins = [row for row in ([] if table is None else records(table)) if _priced(row)]
    twins.sort(key=lambda row: number(row, "epsilon") or 0.0)
    if not twins:
        return Markup("")
    parts = [_strongest(page, twins[0])]
    free = _free_from(twins[1:])
    if free is not None and (number(twins[0], "cost_low") or 0.0) > 0:
        parts.append(page.words("lede.privacy_free", epsilon=free))
    return Markup(" ").join(parts)


def _priced(row: dict[str, Scalar]) -> bool:
    needed = ("epsilon", "accuracy", "cost", "cost_low", "cost_high")
    return all(number(row, column) is not None for column in needed)


def _strongest(page: Page, row: dict[str, Scalar]) -> Markup:
    epsilon = numbers.limit(number(row, "epsilon") or 0.0)
    accuracy = number(row, "accuracy") or 0.0
    cost, low, high = (number(row, column) or 0.0 for column in ("cost", "cost_low", "cost_high"))
    shown = numbers.show(cost, low, high)
    key = "lede.privacy_costs" if low > 0 or high < 0 else "lede.privacy_unsure"
    return page.words(
        key,
        epsilon=epsilon,
        before=numbers.show(accuracy + cost, unit="rate").text,
        after=numbers.show(accuracy, unit="rate").text,
        low=shown.low,
        high=shown.high,
    )


def _free_from(twins: Sequence[dict[str, Scalar]]) -> str | None:
    """The least epsilon from which on no cost is established, of those after the strongest."""
    free = None
    for row in reversed(twins):
        if (number(row, "cost_low") or 0.0) > 0:
            break
        free = number(row, "epsilon")
    return None if free is None else numbers.limit(free)
