"""Counts made in several places become one table, as if the rows had been pooled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.data.cells_file import CellsFile
from auditkit.data.counted import CellTable
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.cells import Cells
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.sums import Doubt
from auditkit.rows import DataSource


@dataclass(frozen=True)
class Place:
    """A file of counts.

    Attributes:
        name: What to call it.
        sha256: Digest of its bytes.
        file: What it holds.
    """

    name: str
    sha256: str
    file: CellsFile


def merge(places: Sequence[Place]) -> CellTable:
    """Add the counts of several places up.

    A column that one place has, all must have. A group that a place does not have has nobody
    there. Guesses for withheld cells add up, and so do their bounds and the variances of noise.

    Args:
        places: The files, at least one, in any order.

    Returns:
        The counts of all places: without protection those that the pooled rows would give.

    Raises:
        InputError: If the files do not mean the same, or one is there twice; every difference is
            listed.
    """
    ordered = sorted(places, key=lambda place: place.sha256)
    problems = [*_twice(ordered), *_differences(ordered)]
    names: dict[str, tuple[str, ...]] = {}
    if not problems:
        columns = sorted(column.name for column in ordered[0].file.columns)
        first = [column.name for column in ordered[0].file.columns]
        orders = {tuple(column.name for column in place.file.columns) for place in ordered}
        for column in first if len(orders) == 1 else columns:
            found = _united(column, ordered)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                names[column] = found
    if problems:
        raise InputError(problems)
    cells, mean = _of_mean_one(_added([_recoded(place.file, names) for place in ordered], names))
    said = ordered[0].file
    together = hashlib.sha256("".join(place.sha256 for place in ordered).encode()).hexdigest()
    by_name = sorted(ordered, key=lambda place: (place.name, place.sha256))
    return CellTable(
        cells=cells,
        names=names,
        source=DataSource(_named(by_name), together, cells.rows),
        label=said.outcome.label,
        prediction=said.decision.prediction,
        score=said.decision.score,
        threshold=0.5 if said.decision.threshold is None else said.decision.threshold,
        positive=said.outcome.positive,
        weight=said.weight,
        notes=tuple(_notes(by_name)),
        mean_weight=mean,
    )


def _named(places: Sequence[Place]) -> str:
    listed = ", ".join(place.name for place in places[:6])
    more = f" and {len(places) - 6} more" if len(places) > 6 else ""
    count = "1 file of counts" if len(places) == 1 else f"{len(places)} files of counts"
    return f"{count}: {listed}{more}"


def _notes(places: Sequence[Place]) -> Iterator[str]:
    if len(places) > 1:
        yield f"Counts of {len(places)} places were added up; no row left its place."
    protected = [place for place in places if place.file.protection.kind != "none"]
    if protected:
        yield (
            f"The counts of {len(protected)} of {len(places)} files are protected: numbers of rows "
            "are estimates, and intervals are widened to hold what the protection hides."
        )
    for place in places:
        held = place.file
        rows = "" if held.source.rows is None else f", {held.source.rows:,} rows"
        yield (
            f"{quote(place.name)} (sha256 {place.sha256[:12]}): counts of {quote(held.source.name)}"
            f"{rows}; {held.protection.words}."
        )
        yield from (f"{quote(place.name)} says: {quote(note, 500)[1:-1]}" for note in held.notes)


def _twice(places: Sequence[Place]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for place in places:
        if place.sha256 in seen:
            found = f"the content of {quote(seen[place.sha256])}"
            yield Problem(place.name, found, "each file once, or people count twice")
        seen[place.sha256] = place.name


def _differences(places: Sequence[Place]) -> Iterator[Problem]:
    """Whatever must mean the same in all files and does not."""
    facts: dict[str, Callable[[CellsFile], object]] = {
        "label": lambda file: file.outcome.label,
        "positive": lambda file: file.outcome.positive,
        "prediction": lambda file: file.decision.prediction,
        "score": lambda file: file.decision.score,
        "threshold": lambda file: file.decision.threshold,
        "weight": lambda file: file.weight,
        "columns": lambda file: sorted(column.name for column in file.columns),
    }
    first = min(places, key=lambda place: (place.name, place.sha256))
    for what, of in facts.items():
        expected = of(first.file)
        for place in sorted(places, key=lambda place: (place.name, place.sha256)):
            found = of(place.file)
            same = found == expected and isinstance(found, bool) == isinstance(expected, bool)
            if not same:
                text = f"{quote(expected)}, as in {quote(first.name)}"
                yield Problem(f"{place.name} {what}", quote(found), text)


def _united(column: str, places: Sequence[Place]) -> tuple[str, ...] | Problem:
    """The groups of a column in any place: as they stand where all are alike, else sorted."""
    held = [
        tuple(one.groups) for place in places for one in place.file.columns if one.name == column
    ]
    if len(set(held)) == 1:
        return held[0]
    if all(list(names) == sorted(names) for names in held):
        return tuple(sorted({name for names in held for name in names}))
    where, expected = f"groups of {quote(column)}", "the same bands in every place"
    hint = "Write the same edges under [subject.bands] there, not quantiles."
    return Problem(where, f"{len(set(held))} different lists that are not sorted", expected, hint)


def _recoded(file: CellsFile, names: dict[str, tuple[str, ...]]) -> Cells:
    """The counts of a file, coded by the groups of all."""
    cells = file.counts()
    codes = np.empty_like(cells.codes)
    for i, (column, united) in enumerate(names.items()):
        at = cells.columns.index(column)
        order = {name: code for code, name in enumerate(united)}
        place = np.array([order[name] for name in file.columns[at].groups] + [-1], dtype=np.int64)
        codes[:, i] = place[cells.codes[:, at]]
    return replace(cells, columns=tuple(names), codes=codes)


def _added(tables: Sequence[Cells], names: dict[str, tuple[str, ...]]) -> Cells:
    keys = np.concatenate(
        [np.column_stack([held.codes, held.y_true, held.y_pred]) for held in tables]
    )
    distinct, place = np.unique(keys, axis=0, return_inverse=True)
    place = place.reshape(-1)

    def total(parts: Sequence[npt.NDArray[np.float64] | IntArray]) -> FloatArray:
        held = np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])
        return np.bincount(place, weights=held, minlength=len(distinct)).astype(np.float64)

    weighted = [held for held in tables if held.weights is not None and held.squares is not None]
    n = total([held.n for held in tables])
    doubt = _doubt(tables, total)
    return Cells(
        columns=tuple(names),
        sizes=tuple(map(len, names.values())),
        codes=distinct[:, :-2],
        y_true=distinct[:, -2],
        y_pred=distinct[:, -1],
        n=n if doubt is not None else np.rint(n).astype(np.int64),
        weights=total([held.weights for held in weighted if held.weights is not None])
        if weighted
        else None,
        squares=total([held.squares for held in weighted if held.squares is not None])
        if weighted
        else None,
        doubt=doubt,
    )


def _doubt(
    tables: Sequence[Cells], total: Callable[[Sequence[FloatArray | IntArray]], FloatArray]
) -> Doubt | None:
    if all(held.doubt is None for held in tables):
        return None
    none = [np.zeros(len(held.n)) for held in tables]
    held = [
        Doubt(zero, zero, zero) if cells.doubt is None else cells.doubt
        for cells, zero in zip(tables, none, strict=True)
    ]
    weighed = [
        zero if d.weight_bounds is None else d.weight_bounds
        for d, zero in zip(held, none, strict=True)
    ]
    return Doubt(
        total([one.variances for one in held]),
        total([one.bounds for one in held]),
        total(weighed) if tables[0].weights is not None else None,
    )


def _of_mean_one(cells: Cells) -> tuple[Cells, float | None]:
    """Scale the weights to mean 1, and drop them where all are equal; and what their mean was."""
    if cells.weights is None or cells.squares is None:
        return cells, None
    total, rows = float(cells.weights.sum()), float(cells.n.sum())
    mean = total / rows
    doubt = cells.doubt
    if doubt is None and float(cells.squares.sum()) * rows <= total**2 * (1 + 1e-12):
        return replace(cells, weights=None, squares=None), mean
    if doubt is not None and doubt.weight_bounds is not None:
        doubt = replace(doubt, weight_bounds=doubt.weight_bounds / mean)
    return replace(
        cells, weights=cells.weights / mean, squares=cells.squares / mean**2, doubt=doubt
    ), mean
