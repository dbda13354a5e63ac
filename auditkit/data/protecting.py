"""Counts put into the shape of a file, protected so that no person can be found in them."""

from __future__ import annotations

import math
import secrets
from datetime import UTC, datetime

from auditkit import __version__
from auditkit.data.cells_file import (
    CellsFile,
    ColumnRecord,
    DecisionRecord,
    OutcomeRecord,
    ProtectionRecord,
    SourceRecord,
    cell_words,
)
from auditkit.data.counted import CellTable
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.cells import Cells
from auditkit.methods.disclosure import MOST_CELLS, Below, add_noise, product_size, suppress

#: Fewest people of a cell that is written, unless told otherwise.
LEAST = 10
_NAMES = (
    "The names of the columns and of their groups are written: look whether one names a person."
)
_NONE = "Every count is exact, those of single people too."
_SUPPRESSED = (
    "Cells that are not here hold from 0 to {most} people each; nobody can tell how many, nor "
    "whether there is one. The other counts are exact. Neither totals nor a digest of the data are "
    "here, since they could be subtracted from."
)
_SEVERAL = (
    "Another table of the same people, in other groups or without protection, could be compared "
    "with this one: send one table, once."
)
_NOISED = (
    "Every cell that there can be is here with noise of its own, so that the presence or absence "
    "of one person changes the chance of any content by at most a factor of exp({epsilon:g}). "
    "Counts may be below 0. Losses of several tables of the same people add up. Neither totals nor "
    "a digest of the data are here."
)


def cells_file(
    table: CellTable,
    name: str,
    *,
    least: int | None = None,
    epsilon: float | None = None,
    below: Below = secrets.randbelow,
    created: datetime | None = None,
) -> CellsFile:
    """Protect counts and put them into the shape of a file.

    Args:
        table: The true counts.
        name: Name of the subject.
        least: Fewest people of a cell that is written; `LEAST` if nothing else protects, 0 for no
            protection.
        epsilon: Privacy loss of the noise, instead.
        below: Draws whole numbers for the noise; anything but the default is for tests.
        created: When; now by default.

    Returns:
        The file. With protection, neither the total nor the digest of the data is in it.

    Raises:
        InputError: If these counts cannot be protected so.
    """
    if epsilon is not None:
        protection = ProtectionRecord(kind="noised", epsilon=float(epsilon))
    elif least == 0:
        protection = ProtectionRecord(kind="none")
    else:
        highest = None if table.weight is None else _rounded_up(table.highest_weight)
        withheld = LEAST if least is None else least
        protection = ProtectionRecord(kind="suppressed", least=withheld, highest_weight=highest)
    _check(table, protection)
    protection = protection.model_copy(update={"means": _means(protection)})
    plain = protection.kind == "none"
    source, scored = table.source, table.prediction is None
    return CellsFile(
        auditkit=__version__,
        name=name,
        created=(created or datetime.now(tz=UTC)).isoformat(timespec="seconds"),
        source=SourceRecord(
            name=source.name,
            sha256=source.sha256 if plain else None,
            rows=source.rows if plain else None,
        ),
        protection=protection,
        outcome=OutcomeRecord.model_validate(
            {"label": table.label, "positive": _plain(table.positive)}
        ),
        decision=DecisionRecord(
            prediction=table.prediction,
            score=table.score if scored else None,
            threshold=table.threshold if scored else None,
        ),
        weight=table.weight,
        notes=list(table.notes) if plain else [],
        columns=[
            ColumnRecord(name=column, groups=list(table.names[column]))
            for column in table.cells.columns
        ],
        cell=cell_words(table.cells.columns, weighted=table.weight is not None),
        cells=_rows(table, _protected(table, protection, below)),
    )


def _plain(value: object) -> object:
    """A value of numpy as Python's own."""
    return value.item() if hasattr(value, "item") else value


def _rounded_up(value: float | None) -> float | None:
    """The number with 2 digits, never below it, so that it is nobody's own."""
    if value is None:
        return None
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step) * step:.6g}")


def _check(table: CellTable, protection: ProtectionRecord) -> None:
    problems = []
    if protection.kind == "noised" and table.weight is not None:
        hint = "Leave the weight out, or withhold small cells instead."
        found = f"weights ({quote(table.weight)}), of which one may be of any size"
        problems.append(Problem("--epsilon", found, "rows that count the same", hint))
    if protection.kind == "suppressed" and table.weight and protection.highest_weight is None:
        problems.append(Problem("--least", "no highest weight", "counts that name it"))
    count = product_size(table.cells.sizes)
    if protection.kind != "none" and count > MOST_CELLS:
        hint = "Name fewer sensitive columns, or join their groups."
        found = f"{count:,} cells that there can be"
        problems.append(Problem("sensitive columns", found, f"at most {MOST_CELLS:,}", hint))
    if problems:
        raise InputError(problems)


def _means(protection: ProtectionRecord) -> list[str]:
    if protection.kind == "noised":
        return [_NOISED.format(epsilon=protection.epsilon), _NAMES]
    if protection.kind == "none":
        return [_NONE, _NAMES]
    highest = protection.highest_weight
    weighed = [] if highest is None else [f"No weight is above {highest:g}, rounded up."]
    return [_SUPPRESSED.format(most=(protection.least or 1) - 1), *weighed, _SEVERAL, _NAMES]


def _protected(table: CellTable, protection: ProtectionRecord, below: Below) -> Cells:
    if protection.epsilon is not None:
        return add_noise(table.cells, protection.epsilon, below)
    return suppress(table.cells, protection.least or 1)


def _rows(table: CellTable, held: Cells) -> list[list[object]]:
    names = [(*table.names[column], None) for column in held.columns]
    counts = zip(
        held.codes.tolist(), held.y_true.tolist(), held.y_pred.tolist(), held.n.tolist(),
        strict=True,
    )  # fmt: skip
    weights = _weights(table, held)
    return [
        [*(known[code] for known, code in zip(names, codes, strict=True)), *rest, *weighed]
        for (codes, *rest), weighed in zip(counts, weights, strict=True)
    ]


def _weights(table: CellTable, held: Cells) -> list[tuple[float, ...]]:
    """Sums of weights as the column has them: only those can be added up over places."""
    if table.weight is None:
        return [()] * len(held.n)
    mean = table.mean_weight or 1.0
    weights = held.n.astype(float) if held.weights is None else held.weights
    squares = held.n.astype(float) if held.squares is None else held.squares
    return list(zip((weights * mean).tolist(), (squares * mean**2).tolist(), strict=True))
