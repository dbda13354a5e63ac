"""`auditkit train`: train the model of a configuration and keep it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.commands.results import PASS, Said

if TYPE_CHECKING:
    from auditkit.loading import Trained


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to make; nothing is overwritten.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed; by default the one of CONFIG.")
def train(config: Path, out: Path, seed: int | None) -> int:
    """Train the model that CONFIG (an auditkit.toml) describes, and save it.

    The rows are split as `auditkit run` splits them, so the test rows stay unseen. In several
    processes: torchrun --nproc-per-node 2 -m auditkit train CONFIG --out FOLDER
    """
    from auditkit.training.parallel import processes

    with processes() as here:
        return _train(config, out, seed, speaks=here.first)


def _train(config: Path, out: Path, seed: int | None, *, speaks: bool) -> int:
    from auditkit.bundle import occupied, write_whole
    from auditkit.errors import InputError, Problem
    from auditkit.gathering import PreparedCells
    from auditkit.loading import Prepared, prepare

    said = Said(speaks=speaks)
    said(f"reading {config}")
    prepared, problems = prepare(config)
    problems += occupied(out)
    if isinstance(prepared, PreparedCells) or (prepared and prepared.architecture is None):
        expected = 'train = "mlp" or another network'
        problems.append(Problem(f"{config.name} [subject.model]", "nothing to train", expected))
    if not isinstance(prepared, Prepared) or problems:
        raise InputError(problems)
    said(f"training the {prepared.config.subject.model['train']}")
    trained = prepared.train(seed=seed, progress=sys.stderr.isatty())
    if speaks:
        write_whole(out, _files_of(trained))
        _say_trained(trained, out)
    return PASS


def _files_of(trained: Trained) -> dict[str, bytes]:
    """The files of a saved model, and the record of its training."""
    with tempfile.TemporaryDirectory() as draft:
        trained.model.save(draft)
        files = {file.name: file.read_bytes() for file in Path(draft).iterdir()}
    record = json.dumps(trained.record.to_dict(), indent=1, ensure_ascii=False)
    return files | {"training.json": f"{record}\n".encode()}


def _say_trained(trained: Trained, out: Path) -> None:
    record = trained.record
    loss = record.epochs[record.best_epoch - 1].validation_loss
    held = "no validation rows" if loss is None else f"validation loss {loss:.4f} ({record.loss})"
    click.echo(
        f"{trained.model.kind}: {record.parameters:,} parameters, {record.rows:,} rows, "
        f"{len(record.epochs)} epochs, {held}: {out}"
    )
