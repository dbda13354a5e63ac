"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import click

from auditkit import __version__
from auditkit.commands.compare import diff
from auditkit.commands.export import export
from auditkit.commands.history import history
from auditkit.commands.listing import list_
from auditkit.commands.record import gate, report, schema
from auditkit.commands.results import BROKE, PASS, USAGE
from auditkit.commands.review import note, sign_off
from auditkit.commands.run import run
from auditkit.commands.seal import open_, seal
from auditkit.commands.train import train
from auditkit.commands.verify import keys, sign, verify
from auditkit.sending import cells
from auditkit.starting.files import init

EXIT_STATUSES = """\b
Exit status: 0 pass, 1 fail, 2 usage or input error, 3 review needed,
4 an audit broke (whatever the others say, the evidence is incomplete)."""


@click.group(epilog=EXIT_STATUSES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditkit")
def cli() -> None:
    """Audit a trained model: measure, hold against a policy, and write it down."""


def main() -> None:
    """Run the command line; the exit status says how it went."""
    sys.exit(status_of(lambda: cli(standalone_mode=False)))


def status_of(command: Callable[[], Any]) -> int:
    """Run a command and turn whatever it does into an exit status.

    Args:
        command: The command; gives a status or None, or raises.

    Returns:
        Its status; 2 with the message on stderr for a mistake of the user, 4 for one of ours.
    """
    from auditkit.errors import AuditkitError, quote

    try:
        return int(command() or PASS)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("auditkit: stopped; nothing was written.", err=True)
        return 130
    except AuditkitError as error:
        click.echo(f"auditkit: {error}", err=True)
        return USAGE
    except OSError as error:  # a name that is too long, a disk that is full, ...
        file = "" if error.filename is None else f"{quote(str(error.filename))}: "
        click.echo(f"auditkit: {file}{error.strerror or error}", err=True)
        return USAGE
    except Exception:  # noqa: BLE001 - the last resort: say so, and keep status 1 for "fail"
        traceback.print_exc()
        click.echo("auditkit: this is a fault of auditkit, please report it.", err=True)
        return BROKE


for command in (
    init, train, run, report, gate, diff, history, export, cells, list_, schema,
    note, sign_off, verify, sign, keys, seal, open_,
):  # fmt: skip
    cli.add_command(command)
