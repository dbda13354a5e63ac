"""`auditkit seal` and `open`: a bundle for the eyes of named recipients only."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.commands.results import PASS
from auditkit.commands.review import BUNDLE

OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="What to make.")


@click.command()
@BUNDLE
@click.option("--to", multiple=True, required=True, help="Public key, age1...; may be repeated.")
@OUT
def seal(bundle: Path, to: tuple[str, ...], out: Path) -> int:
    """Encrypt BUNDLE into one file that only its recipients can open, if it is as it was written.

    It hides the bundle; it does not say who sealed it: `auditkit sign` does.
    """
    from auditkit.filing import sealing
    from auditkit.filing.checking import check
    from auditkit.filing.files import write_new

    checked = check(str(bundle))
    checked.whole()
    write_new(out, sealing.seal(checked.files, to))
    click.echo(str(out))
    return PASS


@click.command("open")
@click.argument("sealed", type=click.Path(path_type=Path))
@click.option(
    "--identity",
    type=click.Path(path_type=Path),
    required=True,
    help="File with your secret key, as `auditkit keys --for sealing` or age-keygen makes it.",
)
@OUT
def open_(sealed: Path, identity: Path, out: Path) -> int:
    """Decrypt SEALED into a new folder, whole or not at all."""
    from auditkit.bundle import occupied, write_whole
    from auditkit.errors import InputError
    from auditkit.filing.files import read_file
    from auditkit.filing.sealing import MOST_SEALED, unseal

    problems = occupied(out)
    if problems:
        raise InputError(problems)
    secret = read_file(identity, "--identity")
    content = read_file(sealed, "SEALED", MOST_SEALED)
    write_whole(out, unseal(content, secret, sealed.name))
    click.echo(str(out))
    click.echo(f"Check it: auditkit verify {out}", err=True)
    return PASS
