"""Commands that need a record only: draw it again, judge it again, print its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.commands.results import PASS, say_pages, say_result, status_of_record

if TYPE_CHECKING:
    from auditkit.report import Report

if TYPE_CHECKING:
    from auditkit.gating import FailOn


@click.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="HTML file; stdout by default.")
@click.option("--pdf", type=click.Path(path_type=Path), help="PDF file instead (extra `pdf`).")
@click.option("--lang", default="en", show_default=True, help="Language of the page.")
def report(audit: Path, out: Path | None, pdf: Path | None, lang: str) -> int:
    """Draw the HTML page of AUDIT (an audit.json or its bundle) again, or print it as PDF."""
    from auditkit.render.html import render
    from auditkit.report import Report

    if pdf is not None and out is not None:
        raise click.UsageError("Give --out or --pdf, not both.")
    record = Report.load(audit)
    if pdf is not None:
        return _print(record, pdf, lang)
    page = render(record, lang)
    if out is None:
        click.echo(page, nl=False)
    else:
        out.write_text(page, encoding="utf-8", newline="\n")
        click.echo(str(out))
    return PASS


def _print(record: Report, file: Path, lang: str) -> int:
    from auditkit.bundle import write_file
    from auditkit.render.pdf import render_pdf

    printed = render_pdf(record, lang)
    write_file(file, printed.data)
    say_pages(printed)
    click.echo(str(file))
    return PASS


@click.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="Policy file, or a name of `auditkit list policies`; by default that of the record.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "review", "never"]),
    default="review",
    show_default=True,
    help="What closes the gate: a fail; also a review; nothing. An audit that broke (status 4) "
    "closes it but for never.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def gate(audit: Path, policy: Path | None, fail_on: FailOn, *, as_json: bool) -> int:
    """Hold AUDIT (an audit.json or its bundle) against a policy; the status is the verdict.

    Waivers hold until the day that they name, by today's date (UTC).
    """
    from auditkit.gating import passes, unmet_lines
    from auditkit.judging import rejudge
    from auditkit.report import Report

    record = rejudge(Report.load(audit), policy)
    through = passes(record, fail_on)
    if as_json:
        plain = {
            "verdict": record.verdict,
            "findings": [finding.model_dump(mode="json") for finding in record.findings],
        }
        click.echo(json.dumps(plain, ensure_ascii=False))
        return PASS if through else status_of_record(record)
    for line in unmet_lines(record):
        click.echo(line)
    status = say_result(record, audit, as_json=False)
    return PASS if through else status


@click.command()
def schema() -> int:
    """Print the JSON Schema of audit.json."""
    from auditkit.report import json_schema

    click.echo(json.dumps(json_schema(), indent=1))
    return PASS
