"""People who were counted where their rows lie: all that an audit of counts is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.methods.cells import Cells
from auditkit.roles import Groups
from auditkit.rows import DataSource


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

    @property
    def groups(self) -> dict[str, Groups]:
        """The groups of each column; codes are those of the cells."""
        held = self.cells
        return {
            name: Groups(name, self.names[name], held.codes[:, i], held.n)
            for i, name in enumerate(held.columns)
        }
