"""`auditkit history`: all audits of a folder on one page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from auditkit.commands.results import PASS


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="HTML file; FOLDER/index.html by default."
)
@click.option("--lang", default="en", show_default=True, help="Language of the page.")
def history(folder: Path, out: Path | None, lang: str) -> int:
    """Draw all audits below FOLDER on one page: the index, and the trends of each subject.

    What cannot be read is listed with the reason; links are not followed. A page that
    auditkit wrote there before is replaced, nothing else is.
    """
    from auditkit.bundle import write_file
    from auditkit.history import read_history
    from auditkit.render.html import render_history

    page = out or folder / "index.html"
    _refuse(folder, page, own_place=out is None)
    found = read_history(folder, lang)
    prefix = os.path.relpath(folder, page.parent)
    prefix = "" if prefix == "." else f"{prefix.replace(os.sep, '/')}/"
    write_file(page, render_history(found, lang, prefix).encode())
    counts = (_count(len(found.audits), "audit"), _count(len(found.courses), "subject"))
    missed_too = f", {len(found.missed):,} not read" if found.missed else ""
    click.echo(f"{' of '.join(counts)}{missed_too}")
    for missed in found.missed:
        click.echo(f"{_plainly(missed.path)}: {missed.reason}", err=True)
    click.echo(str(page))
    return PASS


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _plainly(path: str) -> str:
    from auditkit.errors import quote

    return quote(path)


def _refuse(folder: Path, page: Path, *, own_place: bool) -> None:
    """Raise an `InputError` where the page would change a bundle or replace a file of others."""
    from auditkit.errors import InputError, Problem
    from auditkit.render.html import GENERATOR

    if own_place and (folder / "audit.json").exists():
        hint = "Name the folder above it, or a file by --out; a bundle is never changed."
        raise InputError([Problem(str(folder), "a bundle itself", "a folder of bundles", hint)])
    if not page.exists():
        return
    written = f'<meta name="generator" content="{GENERATOR}">'.encode()
    if not page.is_file() or written not in page.read_bytes()[:2000]:
        hint = "Name another file by --out."
        found = "something that auditkit history did not write"
        raise InputError([Problem(str(page), found, "no file, or its own", hint)])
