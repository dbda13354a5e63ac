"""`guard.json`: what `auditkit.Guard` holds the rows and scores of a served model against."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from auditkit.errors import InputError, Problem
from auditkit.export.outcomes import identity
from auditkit.export.texts import name
from auditkit.report import Report, Scalar, TableRecord

_AUDIT = "oversight"
_BAND, _COLUMNS, _CATEGORIES = (
    f"{_AUDIT}.{table}" for table in ("guard", "guard-columns", "guard-categories")
)


def has_guard(report: Report) -> bool:
    """Whether the record holds what a guard needs: the audit oversight was completed.

    Example:
        >>> has_guard(Report.load("reports/sample/audit.json").model_copy(update={"tables": []}))
        False
    """
    done = any(one.name == _AUDIT and one.status == "completed" for one in report.audits)
    return done and {_BAND, _COLUMNS, _CATEGORIES} <= {table.id for table in report.tables}


def guard(report: Report) -> bytes:
    """Write the guard.

    Names of columns and categories stand in it as they are in the data, since rows are held
    against them; every character beyond ASCII is escaped.

    Args:
        report: The record.

    Returns:
        JSON in ASCII, which `auditkit.Guard.load` reads.

    Raises:
        InputError: If the record does not hold what a guard needs.
    """
    if not has_guard(report):
        hint = "Run the audit oversight; it needs outcomes and scores."
        expected = "a completed audit oversight with its tables"
        raise InputError([Problem("export guard", "none in the record", expected, hint)])
    tables = {table.id: _records(table) for table in report.tables if table.audit == _AUDIT}
    known: defaultdict[Scalar, list[Scalar]] = defaultdict(list)
    for row in tables[_CATEGORIES]:
        known[row["feature"]].append(row["category"])
    (band,) = tables[_BAND]
    plain = {
        "format": 1,
        "about": identity(report),
        "seen": name(str(band["seen"])),
        "rows": band["n"],
        "threshold": band["threshold"],
        "band": band["band"],
        "columns": [_column(row, known[row["feature"]]) for row in tables[_COLUMNS]],
    }
    return (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode()


def _records(table: TableRecord) -> list[dict[str, Scalar]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _column(row: Mapping[str, Scalar], known: list[Scalar]) -> dict[str, Any]:
    """A column; one of which too little was seen has no category, so that all of it is referred."""
    about = {"name": row["feature"], "missing": row["missing"]}
    if row["low"] is not None:
        return {**about, "kind": "number", "low": row["low"], "high": row["high"]}
    if row["longest"] is not None:
        return {**about, "kind": "text", "longest": row["longest"]}
    return {**about, "kind": "category", "categories": known}
