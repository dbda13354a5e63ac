"""`auditkit list`: what is there to use."""

from __future__ import annotations

import click

from auditkit.commands.results import PASS


@click.command("list")
@click.argument("what", type=click.Choice(["audits", "metrics", "policies", "exports"]))
def list_(what: str) -> int:
    """List what is there to use."""
    if what == "policies":
        return _list_policies()
    if what == "exports":
        return _list_exports()
    from auditkit.audit import Broken, audit_classes, known_metrics

    if what == "metrics":
        for metric in sorted(known_metrics().values(), key=lambda m: m.id):
            click.echo(f"{metric.id:36} {metric.unit:12} {metric.definition}")
        return PASS
    for name, cls in audit_classes().items():
        if isinstance(cls, Broken):
            click.echo(f"{name:16} {cls.reason}")
            continue
        first = (cls.__doc__ or "").strip().splitlines()[0]
        click.echo(f"{name:16} {first} Needs: {', '.join(sorted(cls.needs)) or 'nothing'}.")
    return PASS


def _list_policies() -> int:
    """The ready policies, each with what its file says first."""
    from auditkit.policy import ready_policies

    for name, file in ready_policies().items():
        lines = file.read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
        click.echo(f"{name:28} {' '.join(line.removeprefix('# ') for line in lines)}")
    return PASS


def _list_exports() -> int:
    """What a record can be written as, with the usual name of the file."""
    from auditkit.export import EXPORTS

    for name, kind in EXPORTS.items():
        click.echo(f"{name:28} {kind.file:30} {kind.about}")
    return PASS
