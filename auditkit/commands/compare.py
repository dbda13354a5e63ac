"""`auditkit diff`: two audits of one subject, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditkit.commands.results import FAIL, PASS

if TYPE_CHECKING:
    from auditkit.changed import ChangesRecord, FindingChange, MeasurementChange

Row = TypeVar("Row")
#: Lines of a kind that the text shows.
MOST = 25


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to this file.")
@click.option("--lang", default="en", show_default=True, help="Language of the page.")
@click.option("--fail-on-new", is_flag=True, help="Exit with 1 where a finding is new or worse.")
def diff(
    before: Path, after: Path, html: Path | None, lang: str, *, as_json: bool, fail_on_new: bool
) -> int:
    """Compare BEFORE with AFTER, two audit.json files or bundles of one subject.

    Says which measurements moved beyond their joint uncertainty, and which findings are new,
    worse, better or resolved.
    """
    from auditkit.comparing import compare
    from auditkit.render.html import render_changes
    from auditkit.report import Report

    newer = Report.load(after)
    changes = compare(Report.load(before), newer)
    if html is not None:
        html.write_text(render_changes(newer, changes, lang), encoding="utf-8", newline="\n")
    click.echo(changes.model_dump_json(indent=1) if as_json else _text(changes, html))
    new = any(finding.turn in ("new", "worse") for finding in changes.findings)
    return FAIL if fail_on_new and new else PASS


def _text(changes: ChangesRecord, page: Path | None) -> str:
    lines = [
        f"{changes.before} -> {changes.after}",
        f"verdict: {changes.before_verdict} -> {changes.after_verdict}",
        *_told("findings", [f for f in changes.findings if f.turn not in ("open", "met")], _found),
        *_told("measurements", [m for m in changes.measurements if m.move in _MOVED], _moved),
        f"{changes.compared:,} measurements compared; {changes.method}.",
    ]
    return "\n".join([*lines, *([str(page)] if page else [])])


_MOVED = ("moved", "changed", "beyond")


def _told(what: str, rows: Sequence[Row], line: Callable[[Row], str]) -> list[str]:
    if not rows:
        return [f"{what}: none changed"]
    more = [f"  ... and {len(rows) - MOST} more (--json)"] if len(rows) > MOST else []
    return [f"{what}:", *(f"  {line(row)}" for row in rows[:MOST]), *more]


def _found(change: FindingChange) -> str:
    verdicts = f"{change.before or '-'} -> {change.after or '-'}"
    return f"{change.turn:9} {change.id:8} {change.metric}{_over(change.slice)}: {verdicts}"


def _moved(change: MeasurementChange) -> str:
    numbers = f"{change.before:.4g} -> {change.after:.4g}"
    if change.low is not None and change.high is not None:
        numbers += f", {change.difference:+.3g} [{change.low:+.3g}, {change.high:+.3g}]"
    return f"{change.move:9} {change.metric}{_over(change.slice)}: {numbers}"


def _over(where: dict[str, str]) -> str:
    from auditkit.errors import quote

    parts = (f"{quote(column)} = {quote(group)}" for column, group in where.items())
    return f" ({', '.join(parts)})" if where else ""
