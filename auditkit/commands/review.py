"""`auditkit note` and `auditkit sign-off`: what people say of an audit, kept with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit.commands.results import PASS

if TYPE_CHECKING:
    from auditkit.filing.notes import Decision, Note

BUNDLE = click.argument("bundle", type=click.Path(path_type=Path))
_SAID: tuple[Any, ...] = (
    click.option("--author", required=True, help="Who says it."),
    click.option("--role", required=True, help="As what, for example 'head of compliance'."),
    click.option("--text", required=True, help="What is said."),
    click.option("--finding", help="Id of the finding that it is about."),
)


def said(command: Any) -> Any:  # noqa: ANN401 - a function that click wraps
    """Give a command the bundle and the options of a note."""
    for option in reversed((BUNDLE, *_SAID)):
        command = option(command)
    return command


@click.command()
@said
def note(bundle: Path, author: str, role: str, text: str, finding: str | None) -> int:
    """Append a note to the record of BUNDLE; its pages show it. Earlier notes stay."""
    from auditkit.filing.notes import Note

    return _append(bundle, Note(author, role, text, finding=finding))


@click.command("sign-off")
@said
@click.option(
    "--decision",
    type=click.Choice(["accept", "accept-with-conditions", "reject"]),
    required=True,
    help="What is decided.",
)
def sign_off(
    bundle: Path, author: str, role: str, text: str, finding: str | None, decision: Decision
) -> int:
    """Append a decision to the record of BUNDLE; its pages show it. Earlier ones stay."""
    from auditkit.filing.notes import Note

    return _append(bundle, Note(author, role, text, decision, finding))


def _append(bundle: Path, made: Note) -> int:
    from auditkit.errors import quote
    from auditkit.filing.notes import append_note

    noted = append_note(bundle, made)
    what = made.decision or "note"
    name = quote(noted.report.subject.name)
    click.echo(f"{what}  {name}: note {len(noted.report.notes)}")
    click.echo(f"manifest.json sha256 {noted.manifest_sha256}")
    click.echo(str(bundle))
    if noted.earlier is not None:
        said = "The signature is over the record without this note"
        click.echo(f"{said}; it is kept as {noted.earlier}. Sign again.", err=True)
    return PASS
