"""The sentences that open the sections about the data: what is personal in it, who stands out."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name

#: From here on, what one column tells of the outcome is looked at: our own line, no law's.
LEAK = 0.95
MISSING, WRONG = "rows_with_missing_share", "wrong_labels_share"
#: Columns that a sentence names.
NAMED = 6


def personal_data(page: Page, pillar: Pillar) -> Markup:
    """Name the column that holds most personal data, or say that none was found."""
    table = page.table(pillar.name, "personal-data")
    rows = [] if table is None else records(table)
    whole = pillar.whole("personal_data_share")
    if whole is None:
        return Markup("")
    if not rows:
        return page.words("lede.personal_none", n=whole.n)
    most = rows[0]
    ends = (number(most, c) for c in ("low", "high"))
    columns = list(dict.fromkeys(string(row, "column") for row in rows))
    return page.words(
        "lede.personal",
        n=len(columns),
        kind=page.said(string(most, "kind")),
        column=name(string(most, "column")),
        share=numbers.show(number(most, "share") or 0.0, *ends, unit="rate").text,
        whole=page.measured(whole),
    )


def data_quality(page: Page, pillar: Pillar) -> Markup:
    """Say what is most wrong with the rows: leaks first, then doubles, gaps and who is missing."""
    seen, leak, missing, wrong = (
        pillar.whole(metric)
        for metric in ("rows_seen_in_training_excess", "strongest_column_auc", MISSING, WRONG)
    )
    parts = []
    if seen is not None and seen.interval is not None:
        key = "lede.data_seen" if seen.interval.low > 0 else "lede.data_unseen"
        share = pillar.whole("rows_seen_in_training_share") or seen
        parts.append(page.words(key, share=page.measured(share), excess=page.measured(seen)))
    if leak is not None and leak.value is not None:
        key = "lede.data_leak" if leak.value >= LEAK else "lede.data_no_leak"
        column = leak.source.split("'")[1] if leak.source.startswith("column '") else ""
        parts.append(page.words(key, column=name(column), area=page.measured(leak)))
    if missing is not None and missing.value is not None:
        parts.append(page.words("lede.data_missing", share=page.measured(missing)))
    if wrong is not None and wrong.value is not None:
        parts.append(page.words("lede.data_wrong", share=page.measured(wrong)))
    return Markup(" ").join(parts)


def anonymity(page: Page, pillar: Pillar) -> Markup:
    """Say how many rows are unique, in what, and which column makes them so most."""
    unique, below = (pillar.whole(m) for m in ("unique_share", "rows_below_k_share"))
    table = page.table(pillar.name, "quasi-identifiers")
    if unique is None or below is None or table is None:
        return Markup("")
    rows, settings = records(table), _settings(page, pillar)
    columns = [name(string(row, "column")) for row in rows]
    shown = columns[:NAMED] + [Markup("…")] * bool(columns[NAMED:])
    parts = [
        page.words(
            "lede.anonymity",
            unique=page.measured(unique),
            rows=unique.n,
            columns=page.words.listing(shown),
            below=page.measured(below),
            k=str(settings.get("k", "")),
        )
    ]
    if (number(rows[0], "adds") or 0.0) > 0:
        adds = numbers.show(number(rows[0], "unique_without") or 0.0, unit="rate").text
        parts.append(page.words("lede.anonymity_most", column=columns[0], without=adds))
    if not settings.get("quasi_identifiers"):
        parts.append(page.words("lede.anonymity_guess"))
    return Markup(" ").join(parts)


def _settings(page: Page, pillar: Pillar) -> dict[str, object]:
    planned = (audit for audit in page.report.plan.audits if audit.name == pillar.name)
    return next((dict(audit.defaults) for audit in planned), {})
