"""People who were counted where their rows lie: all that an audit of counts is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.methods.cells import Cells
from auditkit.methods.histogram import ScoreCells
from auditkit.roles import Groups
from auditkit.rows import DataSource


@dataclass(frozen=True)
class CountQuery:
    """How rows were counted, so that anybody who has them can count them again.

    Attributes:
        engine: Name and version of the engine.
        sql: The statement, in the words of that engine.
        cells: Cells that were counted; unit: cells.
        sha256: Digest of the counts, hexadecimal; see `counts_digest`.
    """

    engine: str
    sql: str
    cells: int
    sha256: str


@dataclass(frozen=True, eq=False)
class CellTable:
    """Counts by group, true outcome and decision.

    Attributes:
        cells: The counts.
        names: Sensitive column to the names of its groups, in reading order, without the unknown.
        source: Where the rows that were counted lie.
        label: Column of the true outcome there.
        prediction: Column of the decision there, or None where a score decided.
        score: Column of the score there, or None.
        threshold: Where the score selects.
        positive: The value of `label` that counts as positive.
        weight: Column of the weight of each row there, or None.
        notes: What was done to the rows on the way, in whole sentences.
        query: How they were counted, or None where nobody says.
        mean_weight: Mean of the weights as the column has them, or None without weights; those of
            `cells`, if any, have mean 1.
        highest_weight: The highest of them, or None where nobody says.
        scores: Scores of the same rows, counted by bin, or None.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({"sex": [0, 1, 1]}, {"sex": 2}, [0, 1, 1], [0, 1, 0])
        >>> table = CellTable(cells, {"sex": ("F", "M")}, DataSource("people", "0", 3), "hired")
        >>> table.groups["sex"].counts
        (1, 2)
    """

    cells: Cells
    names: Mapping[str, tuple[str, ...]]
    source: DataSource
    label: str
    prediction: str | None = None
    score: str | None = None
    threshold: float = 0.5
    positive: object = 1
    weight: str | None = None
    notes: tuple[str, ...] = ()
    query: CountQuery | None = None
    mean_weight: float | None = None
    highest_weight: float | None = None
    scores: ScoreCells | None = None

    @property
    def groups(self) -> dict[str, Groups]:
        """The groups of each column; codes are those of the cells."""
        held = self.cells
        return {
            name: Groups(name, self.names[name], held.codes[:, i], held.n)
            for i, name in enumerate(held.columns)
        }


def counts_digest(cells: Cells, names: Mapping[str, tuple[str, ...]]) -> str:
    """Digest of counts: the same wherever equal rows were counted.

    Args:
        cells: The counts.
        names: Column to the names of its groups.

    Returns:
        The sha256, hexadecimal, of one JSON line a cell, in the order of the cells: the names of
        its groups (null where unknown), outcome, decision, rows. Weights do not enter.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({"sex": [0, 1]}, {"sex": 2}, [0, 1], [0, 1])
        >>> counts_digest(cells, {"sex": ("F", "M")})[:8]
        '4ed5c894'
    """
    labels = [(*names[column], None) for column in cells.columns]
    lines = hashlib.sha256()
    for codes, *rest in zip(
        cells.codes.tolist(), cells.y_true.tolist(), cells.y_pred.tolist(), cells.n.tolist(),
        strict=True,
    ):  # fmt: skip
        groups = [known[code] for known, code in zip(labels, codes, strict=True)]
        lines.update(json.dumps([*groups, *rest], ensure_ascii=False).encode() + b"\n")
    return lines.hexdigest()
