"""`auditkit cells`: counts written where the data live, protected, to be audited elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.errors import InputError, Problem, quote

if TYPE_CHECKING:
    from auditkit.data.cells_file import CellsFile
    from auditkit.data.counted import CellTable
    from auditkit.subject import Subject

#: What decides where a model is asked and no column holds its score.
MODEL_SCORE = "score of the model"


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write, for example north.cells.json; nothing is overwritten.",
)
@click.option(
    "--least",
    type=click.IntRange(min=0),
    help="Withhold cells of fewer people; 10 by default, 0 withholds none.",
)
@click.option(
    "--epsilon",
    type=click.FloatRange(min=0.001, max=100),
    help="Add noise to every cell instead: differential privacy with this loss.",
)
def cells(config: Path, out: Path, least: int | None, epsilon: float | None) -> int:
    """Count what CONFIG (an auditkit.toml) describes, and write a small table of counts.

    No row leaves the place. Read the file before you send it; whoever gets it names it under
    `[subject] cells` and runs `auditkit run`, alone or with those of other places.
    """
    problems = _in_the_way(out)
    if least is not None and epsilon is not None:
        problems.append(Problem("--least and --epsilon", "both", "one kind of protection"))
    if least == 1:
        hint = "A cell of 1 person is a person; 0 withholds none."
        problems.append(Problem("--least", "1", "0, or from 2 on", hint))
    from auditkit.data.protecting import cells_file

    name, table = count_config(config, problems)
    file = cells_file(table, name, least=least, epsilon=epsilon)
    _write(out, file.to_bytes())
    _say(file)
    click.echo(str(out))
    return 0


def count_config(config: Path, problems: list[Problem] | None = None) -> tuple[str, CellTable]:
    """Count what a configuration describes. All counting for a file of counts goes through here.

    Args:
        config: An `auditkit.toml`.
        problems: What was found wrong before; told together with what is wrong here.

    Returns:
        The name of the subject, and the counts.

    Raises:
        InputError: If anything is wrong; every problem is listed.
    """
    from auditkit.gathering import PreparedCells
    from auditkit.loading import prepare

    prepared, found = prepare(config)
    found = [*(problems or []), *found]
    where = f"{config.name} [subject]"
    says = None if prepared is None else prepared.config.subject
    if says is not None and says.cells:
        found.append(Problem(f"{where} cells", "counts", "data whose rows can be counted"))
    elif says is not None:
        if says.task != "binary":
            found.append(Problem(f"{where} task", quote(says.task), '"binary" to count'))
        if says.label is None:
            found.append(Problem(where, "no label", "a label to count by"))
    if found or prepared is None:
        raise InputError(found)
    if isinstance(prepared, PreparedCells):  # the engine that holds the rows was told to count
        return prepared.config.subject.name, prepared.table
    return prepared.config.subject.name, table_of(prepared.subject())


def table_of(subject: Subject) -> CellTable:
    """Count the assessed rows of a subject, of binary decisions and with a label.

    Args:
        subject: The subject, with rows.

    Returns:
        The counts, with what the file needs to know of the weights.
    """
    from auditkit.data.counted import CellTable

    weights = None if subject.weight is None else subject.rows[subject.weight]
    scored = subject.prediction is None
    return CellTable(
        cells=subject.cells,
        names={name: held.names for name, held in subject.groups.items()},
        source=subject.source,
        label=str(subject.label),
        prediction=subject.prediction,
        score=(subject.score or MODEL_SCORE) if scored else None,
        threshold=subject.threshold,
        positive=subject.positive,
        weight=subject.weight,
        notes=subject.data_notes,
        mean_weight=None if weights is None else float(weights.mean()),
        highest_weight=None if weights is None else float(weights.max()),
    )


def _in_the_way(out: Path) -> list[Problem]:
    if not out.exists():
        return []
    hint = "Choose another name; nothing is ever overwritten."
    return [Problem(str(out), "something is there already", "no file", hint)]


def _write(out: Path, raw: bytes) -> None:
    """Write a new file, whole or not at all."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("xb"):  # the name is taken, so that nothing is overwritten
            pass
        draft = out.with_name(f".{out.name[:100]}.{os.getpid()}")
        try:
            draft.write_bytes(raw)
            draft.replace(out)
        except BaseException:
            draft.unlink(missing_ok=True)
            out.unlink(missing_ok=True)
            raise
    except OSError as error:
        found = error.strerror or "an error"
        raise InputError([Problem(str(out), found, "a new file that can be written")]) from None


def _say(file: CellsFile) -> None:
    columns = ", ".join(quote(column.name) for column in file.columns) or "no column"
    said = [
        f"{len(file.cells):,} cells by outcome, decision and {columns}: {file.protection.words}.",
        *file.protection.means,
        "Read the file before you send it.",
    ]
    for line in said:
        click.echo(line, err=True)
