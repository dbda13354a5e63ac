"""A record as a page in another language shows it: bands of a number and units in its words.

Bands such as "25 to 44" and units such as "standard deviations" are auditkit's own words, and they
stand everywhere: in tables, slices, findings and drawings. They are said once, in a copy of the
record, so that every part of the page calls a group the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from auditkit.render.phrases import PhraseBook
from auditkit.report import CriterionRecord, GroupRecord, Report, Scalar, TableRecord

#: Columns of tables whose entries may be bands of a number that is no group.
BANDED = frozenset({"stratum", "typical_value", "value_with", "value_without"})
_NUMBER = r"[-\d.,e+]*\d"
_QUOTED = re.compile("'[^']+'")
_BAND = re.compile(rf"under {_NUMBER}|{_NUMBER} to {_NUMBER}|{_NUMBER} and over")


def localised(report: Report, book: PhraseBook | None) -> Report:
    """Say the bands and the units of a record in another language.

    Args:
        report: The record.
        book: The phrase book of the language; None for that in which records are written.

    Returns:
        A copy, or the record itself where nothing is to be said.
    """
    if book is None:
        return report
    say = _bands(report, book)
    changes = {
        "measurements": [
            one.model_copy(update={"slice": _keys(one.slice, say), "unit": book.unit(one.unit)})
            for one in report.measurements
        ],
        "metrics": {
            key: one.model_copy(update={"unit": book.unit(one.unit)})
            for key, one in report.metrics.items()
        },
        "tables": [_table(table, say) for table in report.tables],
        "subject": report.subject.model_copy(
            update={"groups": [_group(group, say) for group in report.subject.groups]}
        ),
    }
    if report.policy is not None:
        criteria = [_criterion(one, say) for one in report.policy.criteria]
        changes["policy"] = report.policy.model_copy(update={"criteria": criteria})
    return report.model_copy(update=changes)


def _bands(report: Report, book: PhraseBook) -> Callable[[str], str]:
    """What replaces the names of bands in a text, alone, crossed or in a condition."""
    named = {name for group in report.subject.groups for name in group.names}
    named |= {
        str(row[place])
        for table in report.tables
        for place, column in enumerate(table.columns)
        if column in BANDED
        for row in table.rows
    }
    said = {name: book.band(name) for name in named if _BAND.fullmatch(name)}
    if not said:
        return str
    longest = sorted(said, key=lambda name: (-len(name), name))
    one = "|".join(map(re.escape, longest))
    pattern = re.compile(rf"(?<![\w.])(?:{one})(?![\w.])")
    return lambda text: pattern.sub(lambda match: said[match[0]], text)


def _keys(slice_: dict[str, str], say: Callable[[str], str]) -> dict[str, str]:
    return {column: say(group) for column, group in slice_.items()}


def _group(group: GroupRecord, say: Callable[[str], str]) -> GroupRecord:
    return group.model_copy(update={"names": [say(name) for name in group.names]})


def _criterion(criterion: CriterionRecord, say: Callable[[str], str]) -> CriterionRecord:
    if not isinstance(criterion.slice, dict):
        return criterion
    return criterion.model_copy(update={"slice": _keys(criterion.slice, say)})


def _table(table: TableRecord, say: Callable[[str], str]) -> TableRecord:
    def cell(given: Scalar) -> Scalar:
        return say(given) if isinstance(given, str) else given

    rows = [[cell(held) for held in row] for row in table.rows]
    source = _QUOTED.sub(lambda match: say(match[0]), table.source)
    return table.model_copy(update={"rows": rows, "source": source})
