"""Counts of a table that stays where it lies: no row is read but by the engine that holds it.

What an engine counts has one entry a cell. From there on the cells go the way of rows: the same
functions name the groups, code the outcomes and find what is wrong, so that counting differs from
reading in what it costs and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.config import Config, count_problems
from auditkit.data.cell_query import MOST_CELLS
from auditkit.data.cell_values import CellValues, Weights, cell_values
from auditkit.data.counted import CellTable, CountQuery, counts_digest
from auditkit.data.intake import Attempts
from auditkit.data.places import Place, place_of
from auditkit.data.warehouse import gave
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.estimates import FloatArray
from auditkit.methods.histogram import ScoreCells, gather_bins
from auditkit.outcomes import coded
from auditkit.roles import Groups, Roles, make_groups
from auditkit.rows import DataSource, weight_notes
from auditkit.scoring import THRESHOLD, disagreement, score_problems, threshold_problems

#: A column with more values than this is no set of groups to count by.
MOST_LEVELS = 5_000
#: How engines write their names.
_ENGINES = {
    "bigquery": "BigQuery", "databricks": "Databricks", "duckdb": "DuckDB", "mysql": "MySQL",
    "postgres": "PostgreSQL", "pyspark": "Spark", "snowflake": "Snowflake", "sqlite": "SQLite",
}  # fmt: skip


def count(
    source: str | Path,
    *,
    label: str,
    score: str | None = None,
    prediction: str | None = None,
    threshold: float | None = None,
    positive: object = 1,
    sensitive: Sequence[str] = (),
    bands: Mapping[str, Sequence[float]] | None = None,
    weight: str | None = None,
    table: str | None = None,
    folder: str | Path = "",
    bins: bool = True,
) -> CellTable:
    """Count binary decisions where the rows lie, all of them, in one pass.

    Files are counted by DuckDB within this process, in memory that does not grow with the rows; a
    database or Spark counts by itself. No row is kept, and none leaves the engine.

    Args:
        source: What `auditkit.data.read` takes: files, a folder of them, or a connection URL.
        label: Column of the true outcome.
        score: Column of scores; a row is selected where its score is at least `threshold`.
        prediction: Column of decisions, instead of or beside scores.
        threshold: Where a score selects; 0.5 unless given, which scores outside 0 to 1 need.
        positive: The value of label and prediction that counts as positive.
        sensitive: Columns whose groups are compared.
        bands: Inner edges for numeric sensitive columns.
        weight: Column of the weight of each row.
        table: Table to count, where the source is a URL.
        folder: Where a relative source starts.
        bins: Whether scores are counted by bin too, for audits of scores; it about doubles the work
            of the engine.

    Returns:
        The counts: those that reading every row would give. Scores from 0 to 1 of rows without
        weights are counted in 4,096 bins too. Sums of weights and scores are rounded to 12 digits,
        so that the order in which an engine adds them up does not matter.

    Raises:
        InputError: If the table cannot play these parts; every problem is listed.
        MissingExtraError: If Ibis is not installed.

    Example:
        >>> import tempfile
        >>> rows = pd.DataFrame({"y": [0, 1, 1], "d": [0, 1, 0], "sex": ["F", "M", "F"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows.to_parquet(Path(folder, "people.parquet"))
        ...     held = count(
        ...         "people.parquet", label="y", prediction="d", sensitive=["sex"], folder=folder
        ...     )
        >>> held.names["sex"], held.cells.n.tolist()
        (('F', 'M'), [1, 1, 1])
    """
    shown = tuple(sensitive)
    roles = Roles(label, positive, score, prediction, shown, (), bands or {}, "binary", weight)
    known = score_problems(roles, "count")
    at = Path(folder)
    told = ("count",) * 2
    return _count(source, roles, threshold, known, table=table, folder=at, where=told, bins=bins)


def take_counts(config: Config, folder: Path, where: str, attempt: Attempts) -> CellTable | None:
    """Count the data of a configuration.

    Args:
        config: What the file says.
        folder: Where the file lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong.

    Returns:
        The counts, or None where they cannot be had.
    """
    says = config.subject
    roles = Roles(
        label=says.label,
        positive=says.positive,
        score=says.column("score"),
        prediction=says.column("prediction"),
        sensitive=tuple(says.sensitive),
        # A name was told as a problem; an edge in its place keeps the column from being one too.
        bands={n: [0.0] if isinstance(band, str) else band for n, band in says.bands.items()},
        weight=says.weight,
    )
    attempt.problems += count_problems(says, where)
    cut, place = says.model.get("threshold"), {"table": says.table, "folder": folder}
    places = (f"{where} [subject]", f"{where} [subject.model]")
    return attempt(_count, says.data, roles, cut, (), where=places, **place)


def _count(
    source: str | Path,
    roles: Roles,
    threshold: float | None,
    known: Sequence[Problem],
    *,
    table: str | None,
    folder: Path,
    where: tuple[str, str],
    bins: bool = True,
) -> CellTable:
    """Count; raise with all problems, those that are known already first.

    `where` says what to call the roles in a message, and what to call the threshold.
    """
    problems = list(known)
    if roles.label is None:
        problems.append(Problem(f"{where[0]} label", "none", "a column of true outcomes"))
    with place_of(source, roles.columns, table=table, folder=folder) as place:
        problems += roles.absent(place.columns, where[0], place.name)
        there = _among(roles, place.columns)
        if not there.columns:
            raise InputError(problems)
        values = cell_values(place, there, threshold, bins=bins)
        if len(values.n) > MOST_CELLS:
            raise InputError([*problems, *_explosion(place, there, where[0])])
        engine = f"{_ENGINES.get(place.engine.name, place.engine.name)} {place.engine.version}"
        digest = None if place.files is None else place.files.digest
    problems += there.problems(values.frame, where[0], place.name, values.n)
    problems += [*values.problems, *_level_problems(values.frame, there, place.name)]
    if not problems:
        problems += threshold_problems(values.scores, roles, threshold, where[1])
    if problems or roles.score is roles.prediction is None:  # why there are no decisions was told
        raise InputError(problems)
    return _named(values, roles, threshold, engine, place.name, digest)


def _among(roles: Roles, columns: Sequence[str]) -> Roles:
    """The roles whose columns are there."""
    there = set(columns)
    sensitive = tuple(name for name in roles.sensitive if name in there)
    return replace(
        roles,
        label=roles.label if roles.label in there else None,
        score=roles.score if roles.score in there else None,
        prediction=roles.prediction if roles.prediction in there else None,
        weight=roles.weight if roles.weight in there else None,
        sensitive=sensitive,
        bands={name: edges for name, edges in roles.bands.items() if name in sensitive},
    )


def _explosion(place: Place, roles: Roles, where: str) -> list[Problem]:
    """Find the columns that make more cells than can be counted."""
    named = {"label": roles.label, "prediction": roles.prediction}
    columns = {name: role for role, name in named.items() if name is not None}
    columns |= {name: "sensitive" for name in roles.sensitive if name not in roles.bands}
    asked = {f"c{i}": place.table[place.called[name]].nunique() for i, name in enumerate(columns)}
    answer = gave(place.engine, place.table.aggregate(**asked))
    levels = dict(zip(columns, (int(held[0].as_py()) for held in answer.columns), strict=True))
    many = [
        _many(f"{place.name} column {quote(name)} ({columns[name]})", count)
        for name, count in levels.items()
        if count > MOST_LEVELS
    ]
    if many:
        return many
    shown = ", ".join(f"{quote(name)} ({count:,})" for name, count in levels.items())
    found = f"more than {MOST_CELLS:,} combinations of {shown}"
    hint = "Name fewer columns, or put their values into fewer groups first."
    return [Problem(f"{where} sensitive", found, f"at most {MOST_CELLS:,} to count", hint)]


def _level_problems(values: pd.DataFrame, roles: Roles, table: str) -> list[Problem]:
    return [
        _many(f"{table} column {quote(name)} (sensitive)", count)
        for name in roles.sensitive
        if name not in roles.bands
        and not _is_number(values[name])  # numbers have a lower limit
        and (count := values[name].nunique()) > MOST_LEVELS
    ]


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _many(where: str, count: int) -> Problem:
    hint = "Put its values into fewer groups first: of numbers by bands, of text by a new column."
    expected = f"at most {MOST_LEVELS:,} to count by"
    return Problem(where, f"{count:,} different values", expected, hint)


def _named(
    values: CellValues,
    roles: Roles,
    threshold: float | None,
    engine: str,
    name: str,
    digest: str | None,
) -> CellTable:
    """Name the groups, code the outcomes, and leave out those of no weight, as of rows."""
    frame, n = values.frame, values.n
    groups = {c: make_groups(frame[c], roles.bands.get(c)) for c in roles.sensitive}
    y_true = coded(frame[roles.label], "binary", roles.positive, ())
    y_pred = _decisions(frame, roles, threshold)
    kept, sums, notes = _weights(values.weights, n, roles.weight)
    mean, highest = _mean_and_highest(values.weights, n)
    cells = _cells(groups, y_true, y_pred, n, kept, sums)
    said = disagreement(frame, roles, threshold, n)
    names = {column: held.names for column, held in groups.items()}
    held = counts_digest(cells, names)
    counted = f"Counted in {engine}: {int(n.sum()):,} rows, {len(cells.n):,} cells; "
    scores, binned = _scores(values, groups, y_true)
    return CellTable(
        cells=cells,
        names=names,
        source=DataSource(name, digest or held, int(n.sum())),
        label=str(roles.label),
        prediction=roles.prediction,
        score=roles.score,
        threshold=THRESHOLD if threshold is None else threshold,
        positive=roles.positive,
        weight=roles.weight,
        notes=(f"{counted}{binned}no row left the engine.", *([said] if said else []), *notes),
        query=CountQuery(engine, values.sql, len(cells.n), held),
        mean_weight=mean,
        highest_weight=highest,
        scores=scores,
    )


def _scores(
    values: CellValues, groups: Mapping[str, Groups], y_true: npt.NDArray[np.int8]
) -> tuple[ScoreCells | None, str]:
    """The scores by bin where they were counted so, and words for a note."""
    held = values.bins
    if held is None:
        return None, ""
    if isinstance(held, str):
        return None, f"scores not by bin ({held}); "
    codes = {name: one.codes for name, one in groups.items()}
    sizes = {name: len(one.names) for name, one in groups.items()}
    extremes = held.low, held.high
    cells = gather_bins(codes, sizes, y_true, held.bin, values.n, held.sums, extremes)
    alone = int((cells.n == 1).sum())
    return cells, (
        f"scores and their sums in {cells.bins:,} bins, {len(cells.n):,} cells, {alone:,} of them "
        "of one person, whose score left the engine so; otherwise "
    )


def _decisions(frame: pd.DataFrame, roles: Roles, threshold: float | None) -> npt.NDArray[np.int8]:
    if roles.prediction is not None:
        decided: npt.NDArray[np.int8] = coded(frame[roles.prediction], "binary", roles.positive, ())
        return decided
    cut = THRESHOLD if threshold is None else threshold
    return (frame[roles.score].to_numpy(dtype=np.float64) >= cut).astype(np.int8)


def _weights(
    held: Weights | None, n: npt.NDArray[np.int64], weight: str | None
) -> tuple[npt.NDArray[np.bool_], tuple[FloatArray, FloatArray] | None, tuple[str, ...]]:
    """Which cells stand for somebody; sums of weights of mean 1 and of their squares; and notes."""
    if held is None or weight is None:
        return np.ones(len(n), dtype=np.bool_), None, ()
    kept = held.low > 0
    same = bool(held.low[kept].min() == held.high[kept].max())
    notes = weight_notes(weight, "assessed", int(n[~kept].sum()), int(n.sum()), same=same)
    mean = held.sums[kept].sum() / n[kept].sum()
    return kept, None if same else (held.sums / mean, held.squares / mean**2), notes


def _mean_and_highest(
    held: Weights | None, n: npt.NDArray[np.int64]
) -> tuple[float | None, float | None]:
    """Of the weights above 0, as the column has them; None without weights."""
    if held is None:
        return None, None
    kept = held.low > 0
    mean = held.sums[kept].sum() / n[kept].sum() * held.unit
    return float(mean), float(held.high[kept].max())


def _cells(
    groups: Mapping[str, Groups],
    y_true: npt.NDArray[np.int8],
    y_pred: npt.NDArray[np.int8],
    n: npt.NDArray[np.int64],
    kept: npt.NDArray[np.bool_],
    sums: tuple[FloatArray, FloatArray] | None,
) -> Cells:
    """Put values that mean the same together."""
    codes = {name: held.codes[kept] for name, held in groups.items()}
    sizes = {name: len(held.names) for name, held in groups.items()}

    def added(some: FloatArray | None) -> Cells:
        held = None if some is None else some[kept]
        return count_cells(codes, sizes, y_true[kept], y_pred[kept], held, each=n[kept])

    weights, squares = sums or (None, None)
    held = added(weights)
    return held if squares is None else replace(held, squares=added(squares).weights)
