"""Counts instead of rows: of a table that an engine counted, or of the files of several places."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from auditkit.config import Config
from auditkit.data.cells_file import load_cells
from auditkit.data.counted import CellTable
from auditkit.data.intake import Attempts
from auditkit.data.merging import Place, merge
from auditkit.errors import InputError, Problem, quote
from auditkit.meter import Sources
from auditkit.subject import Subject


@dataclass(frozen=True)
class PreparedCells:
    """A configuration of counts, which were taken and found right.

    Attributes:
        config: What the file says.
        text: The bytes of the file.
        table: The counts, of all places together.
        sources: Where the energy of the audits comes from, or None where nothing is said.
    """

    config: Config
    text: bytes
    table: CellTable
    sources: Sources | None = None

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Columns whose groups are compared."""
        return self.table.cells.columns

    def subject(self, *, progress: bool = False) -> Subject:
        """Make the subject; see `Prepared.subject`."""
        del progress
        says = self.config.subject
        made = Subject.from_cells(
            self.table, name=says.name, version=says.version, description=says.description
        )
        return made.declaring(self.config.context)


def gather(config: Config, folder: Path, where: str) -> CellTable:
    """Read the files of counts that a configuration names, and add them up.

    Args:
        config: What the file says; `cells` are names or patterns.
        folder: Where the file lies; names start here.
        where: Name of the file, for messages.

    Returns:
        The counts of all places together.

    Raises:
        InputError: If a file is not there or wrong, or they do not fit together.
    """
    problems: list[Problem] = []
    place = f"{where} [subject] cells"
    attempt, places = Attempts(problems), []
    for name in config.subject.cells:
        found = sorted(glob.glob(name, root_dir=folder)) if glob.has_magic(name) else [name]  # noqa: PTH207 - has root_dir
        if not found:
            problems.append(Problem(place, f"no file like {quote(name)}", "files of counts"))
        for one in found:
            read = attempt(load_cells, folder / one, quote(Path(one).name)[1:-1])
            if read is not None:
                places.append(Place(quote(Path(one).name)[1:-1], read[1], read[0]))
    if problems:
        raise InputError(problems)
    return merge(places)
