"""The public summary of a bias audit that NYC Local Law 144 asks for, as one rectangular CSV file.

What the rule wants and no audit can know stands there empty, to be filled in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from auditkit.errors import InputError, Problem
from auditkit.export.outcomes import identity
from auditkit.export.texts import cell
from auditkit.report import Report, Scalar, TableRecord

COLUMNS = (
    *("table", "item", "applicants", "favoured", "rate", "rate_kind", "impact_ratio"),
    *("standing", "note"),
)
NO_FLOOR = (
    "Local Law 144 sets no floor for an impact ratio. Four fifths (0.8) is a line of 29 CFR "
    "1607.4(D), not of this law."
)
TO_FILL = "to be filled in"
_AUDIT = "adverse-impact"
_NAMED = ("category", "applicants", "impact_ratio", "standing", "justification")

Row = Sequence[Scalar]


def ll144(report: Report) -> bytes:
    """Write the tables of impact ratios with what has to stand beside them.

    Args:
        report: The record.

    Returns:
        CSV in UTF-8 with a mark of the byte order, so that spreadsheets read the names right.
        Rows of the table "about" say one fact each; the others are one category each.

    Raises:
        InputError: If the record holds no table of impact ratios.
    """
    tables = [table for table in report.tables if _is_summary(table)]
    if not tables:
        found = _why(report)
        hint = "Run the audit adverse-impact with sex and race named."
        raise InputError([Problem("export ll144", found, "tables of impact ratios", hint)])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in [*_about(report), *(row for table in tables for row in _categories(table))]:
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def _is_summary(table: TableRecord) -> bool:
    return (
        table.audit == _AUDIT
        and table.id.startswith(f"{_AUDIT}.impact-ratios-")
        and len(table.columns) == 7
        and all(column in table.columns for column in _NAMED)
    )


def _why(report: Report) -> str:
    for audit in report.audits:
        if audit.name == _AUDIT and audit.status != "completed":
            return f"the audit {audit.status}: {(audit.reason or '')[:200]}"
    return "none in the record"


def _about(report: Report) -> Iterator[Row]:
    data = report.subject.data
    facts: list[tuple[str, Scalar, str]] = [
        ("audit date", None, report.created[:10]),
        ("distribution date of the tool", None, TO_FILL),
        ("tool", None, f"{report.subject.name} {report.subject.version}".strip()),
        ("source of the data", data.assessed, f"{data.source} (sha256 {data.sha256})"),
        ("historical or test data, and why", None, TO_FILL),
        ("independent auditor", None, (report.context and report.context.auditor) or TO_FILL),
    ]
    facts += [
        (f"unknown: {group.column}", group.unknown, "applicants of unknown category")
        for group in report.subject.groups
    ]
    facts.append(("no floor", None, NO_FLOOR))
    # A verdict is about the policy; beside the words of this law it would be read as the law's.
    told = {**identity(report), "verdict": "", "created": ""}
    facts += [(key, None, value) for key, value in told.items() if value]
    for item, applicants, note in facts:
        yield ("about", item, applicants, None, None, None, None, None, note)


def _categories(table: TableRecord) -> Iterator[Row]:
    """Rows of one table; its third and fourth column are named for what is counted."""
    at = {column: i for i, column in enumerate(table.columns)}
    counted, rate = 2, 3
    for row in table.rows:
        yield (
            table.title,
            row[at["category"]],
            row[at["applicants"]],
            row[counted],
            row[rate],
            table.columns[rate],
            row[at["impact_ratio"]],
            row[at["standing"]],
            row[at["justification"]],
        )
    yield (table.title, "how", None, None, None, None, None, None, table.source)
