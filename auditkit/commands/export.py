"""`auditkit export`: the record in the format of another tool."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.commands.results import PASS


@click.command("export")
@click.argument("kind")
@click.argument("audit", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File, or folder in which it gets its usual name; stdout by default.",
)
def export(kind: str, audit: Path, out: Path | None) -> int:
    """Write AUDIT (an audit.json or its bundle) as KIND, one of `auditkit list exports`."""
    from auditkit.bundle import write_file
    from auditkit.errors import InputError, Problem
    from auditkit.export import EXPORTS
    from auditkit.report import Report

    if kind not in EXPORTS:
        raise InputError([Problem.unknown("export", kind, EXPORTS, "a kind of export")])
    content = EXPORTS[kind].write(Report.load(audit))
    if out is None:
        click.echo(content, nl=False)
        return PASS
    click.echo(str(write_file(out / EXPORTS[kind].file if out.is_dir() else out, content)))
    return PASS
