"""Commands that need a record only: draw it again, judge it again, print its schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from auditkit.commands.results import PASS, say_result, status_of_record


@click.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="HTML file; stdout by default.")
@click.option("--lang", default="en", show_default=True, help="Language of the page.")
def report(audit: Path, out: Path | None, lang: str) -> int:
    """Draw the HTML page of AUDIT (an audit.json or its bundle) again."""
    from auditkit.render.html import render
    from auditkit.report import Report

    page = render(Report.load(audit), lang)
    if out is None:
        click.echo(page, nl=False)
    else:
        out.write_text(page, encoding="utf-8", newline="\n")
        click.echo(str(out))
    return PASS


@click.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="Policy file, or a name of `auditkit list policies`; by default that of the record.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def gate(audit: Path, policy: Path | None, *, as_json: bool) -> int:  # fmt: skip
    """Hold AUDIT (an audit.json or its bundle) against a policy; the status is the verdict."""
    from auditkit.judging import rejudge
    from auditkit.report import Report

    record = rejudge(Report.load(audit), policy)
    if as_json:
        plain = {
            "verdict": record.verdict,
            "findings": [finding.model_dump(mode="json") for finding in record.findings],
        }
        click.echo(json.dumps(plain, ensure_ascii=False))
        return status_of_record(record)
    for finding in record.findings:
        if finding.verdict != "pass":
            click.echo(f"{finding.verdict:13} {finding.severity:8} {finding.id}: {finding.text}")
    return say_result(record, audit, as_json=False)


@click.command()
def schema() -> int:
    """Print the JSON Schema of audit.json."""
    from auditkit.report import json_schema

    click.echo(json.dumps(json_schema(), indent=1))
    return PASS
