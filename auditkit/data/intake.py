"""The data of `[subject]`: read, joined with the second table, its sensitive columns made ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from auditkit.config import Config, JoinConfig, SubjectConfig
from auditkit.data.reading import MOST_ROWS, Read, read
from auditkit.data.sensitive import edges_of, join, split_values
from auditkit.errors import InputError, Problem, quote
from auditkit.roles import origin
from auditkit.rows import DataSource

T = TypeVar("T")


class Attempts:
    """Calls that may find problems; what they find is collected, so that all are told at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def __call__(self, call: Callable[..., T], *arguments: object, **named: object) -> T | None:
        """Call with these arguments; None where that found problems."""
        try:
            return call(*arguments, **named)
        except InputError as error:
            self.problems += error.problems
            return None


@dataclass(frozen=True)
class Intake:
    """What came in.

    Attributes:
        rows: All columns that were read, joined or made.
        name: What to call the data in a message.
        source: Where the rows came from.
        columns: Columns that a model may read.
        hidden: Columns that it may not: the key of a join and what was joined.
        sensitive: Sensitive columns, those of single values included; without those that are
            known to be nowhere.
        bands: Sensitive column to its edges.
        combined: Multi-valued columns whose text was put in order.
        notes: What was done, in whole sentences.
    """

    rows: pd.DataFrame
    name: str
    source: DataSource
    columns: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    combined: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def problems(self, features: Sequence[str], where: str, *, learns: bool) -> list[Problem]:
        """Find the features that a model must not or cannot read.

        Args:
            features: Columns that the model reads.
            where: What to call them in a message.
            learns: Whether the model is still to be trained, on the rows as they are now.

        Returns:
            All problems; empty where there is none.
        """
        found = []
        for name in features:
            if name in self.hidden:
                expected = "columns of the data other than the key"
                hint = "A joined column and the key of the join are never passed to the model."
                found.append(Problem(f"{where} features", quote(name), expected, hint))
            elif name in self.combined and not learns:
                what = f"{quote(name)}, which the model reads as it stands in the data"
                hint = "Name a copy of the column under sensitive and multi."
                expected = "a column that the model does not read"
                found.append(Problem(f"{where} multi", what, expected, hint))
        return found


def take_in(config: Config, folder: Path, where: str, attempt: Attempts) -> Intake | None:
    """Read the data of a configuration and make its sensitive columns ready.

    Args:
        config: What the file says.
        folder: Where the file lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong.

    Returns:
        What came in, or None where the data cannot be read.
    """
    says = config.subject
    intake = _taken(config, says.data, says.table, folder, where, attempt)
    return None if intake is None else _cut(intake, says, where, attempt)


def take_training(
    config: Config, data: Intake, folder: Path, where: str, attempt: Attempts
) -> Intake | None:
    """Read the rows that a model from elsewhere was trained on, and make them ready likewise.

    Args:
        config: What the file says; it names the rows.
        data: The rows to assess, as they came in.
        folder: Where the file lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong, but for what was found with the data already.

    Returns:
        What came in, or None where it cannot be read. It has every sensitive column of the data.
    """
    says = config.subject
    taken = _beside(config, str(says.train_data), says.train_table, folder, where, attempt)
    if taken is None:
        return None
    if taken.source.sha256 == data.source.sha256:
        hint = "Rows that it was trained on say nothing of others: assess it on rows apart."
        found = f"the rows of data ({quote(data.name)})"
        problem = Problem(f"{where} [subject] train_data", found, "other rows", hint)
        attempt.problems.append(problem)
    rows = _with_all(taken.rows, data, says.sensitive)
    source = taken.source
    notes = (
        f"Took {source.rows:,} rows of {taken.name} (sha256 {source.sha256}) for those that the "
        "model was trained on, as declared.",
        *(f"Training rows: {note}" for note in taken.notes),
    )
    return replace(taken, rows=rows, notes=notes)


def take_newer(
    config: Config, data: Intake, folder: Path, where: str, attempt: Attempts
) -> Intake | None:
    """Read newer rows than the assessed ones, and make them ready likewise.

    Args:
        config: What the file says; it names the rows.
        data: The rows to assess, as they came in.
        folder: Where the file lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong, but for what was found with the data already.

    Returns:
        What came in, or None where it cannot be read.
    """
    says = config.subject
    taken = _beside(config, str(says.newer_data), says.newer_table, folder, where, attempt)
    if taken is None:
        return None
    if taken.source.sha256 == data.source.sha256:
        found = f"the rows of data ({quote(data.name)})"
        problem = Problem(f"{where} [subject] newer_data", found, "other, newer rows")
        attempt.problems.append(problem)
    source = taken.source
    notes = (
        f"Took {source.rows:,} rows of {taken.name} (sha256 {source.sha256}) for newer ones, as "
        "declared.",
        *(f"Newer rows: {note}" for note in taken.notes),
    )
    return replace(taken, rows=_with_all(taken.rows, data, says.sensitive), notes=notes)


def _beside(
    config: Config, source: str, table: str | None, folder: Path, where: str, attempt: Attempts
) -> Intake | None:
    """Read a further table; what was found wrong with the data already is not told again."""
    own = Attempts([])
    taken = _taken(config, source, table, folder, where, own)
    attempt.problems += [problem for problem in own.problems if problem not in attempt.problems]
    return taken


def _with_all(rows: pd.DataFrame, data: Intake, sensitive: Sequence[str]) -> pd.DataFrame:
    """Add the columns of single values that nobody among these rows has."""
    for name in data.sensitive:
        whole = origin(name, sensitive)
        if name not in rows and whole in rows:
            rows = rows.assign(**{name: rows[whole].where(rows[whole].isna(), "no")})
    return rows


def _taken(
    config: Config, source: str, table: str | None, folder: Path, where: str, attempt: Attempts
) -> Intake | None:
    """Read rows, join the second table to them, and take multi-valued columns apart."""
    says = config.subject
    most = MOST_ROWS if says.most_rows is None else says.most_rows
    data = attempt(read, source, table=table, most_rows=most, seed=config.seed, folder=folder)
    second = None if says.join is None else attempt(_second, says.join, says.sensitive, folder)
    if data is None:
        return None
    intake = Intake(
        rows=data.frame,
        name=data.name,
        source=DataSource(data.name, data.digest, data.rows_total),
        columns=data.columns,
        sensitive=tuple(says.sensitive),
        notes=(f"Read {data.note}.",) if data.sampled else (),
    )
    if says.join is not None:
        intake = _joined(intake, says.join, second, where, attempt)
    multi = {name: mark for name, mark in says.multi.items() if name not in says.bands}
    return _split(intake, multi, attempt)


def _second(says: JoinConfig, sensitive: Sequence[str], folder: Path) -> Read:
    columns = [says.key, *sensitive]
    return read(says.data, columns, table=says.table, most_rows=None, folder=folder)


def _joined(
    intake: Intake, says: JoinConfig, second: Read | None, where: str, attempt: Attempts
) -> Intake:
    key, inside = says.key, set(intake.rows.columns)
    columns = tuple(name for name in intake.columns if name != key)
    hidden = (key, *(name for name in intake.sensitive if name not in inside))
    intake = replace(intake, columns=columns, hidden=hidden)
    if second is None:  # what is wrong with it was told; its columns are not looked for
        known = tuple(name for name in intake.sensitive if name in inside)
        return replace(intake, sensitive=known)
    attempt.problems += _join_problems(intake, says, second, where)
    wanted = [name for name in hidden[1:] if name in second.columns]
    joined = None
    if wanted and key in inside and key in second.columns:
        joined = attempt(join, intake.rows, second.frame, key, wanted, second.name)
    rows = intake.rows if joined is None else joined.rows
    sensitive = tuple(name for name in intake.sensitive if name in rows)
    intake = replace(intake, rows=rows, sensitive=sensitive)
    if joined is None:
        return intake
    notes = [
        f"Joined {', '.join(map(quote, wanted))} from {second.name} (sha256 {second.digest}) by "
        f"{quote(key)}: {joined.unmatched:,} of {len(rows):,} rows have no partner there, so "
        "their groups are unknown."
    ]
    if joined.keyless:
        notes.append(f"Left out {joined.keyless:,} rows of {second.name} that have no key.")
    return replace(intake, notes=(*intake.notes, *notes))


def _join_problems(intake: Intake, says: JoinConfig, second: Read, where: str) -> list[Problem]:
    first = [str(name) for name in intake.rows.columns]
    place = f"{where} [subject] sensitive"
    problems = [
        Problem.unknown(f"{where} [subject.join] key", says.key, known, f"a column of {name}")
        for name, known in ((intake.name, first), (second.name, second.columns))
        if says.key not in known
    ]
    either = f"a column of {intake.name} or of {second.name}"
    for name in intake.sensitive:
        count = (name in first) + (name in second.columns)
        if not count:
            problems.append(Problem.unknown(place, name, [*first, *second.columns], either))
        elif count == 2 and name != says.key:
            hint = "Rename it in one of them, so that it is plain which is meant."
            problems.append(Problem(place, f"{quote(name)}, which both have", either, hint))
    if not problems and not set(intake.sensitive) - set(first):
        found = f"no column of {second.name} under sensitive"
        problems.append(Problem(f"{where} [subject.join]", found, "at least one"))
    return problems


def _split(intake: Intake, multi: Mapping[str, str], attempt: Attempts) -> Intake:
    """Take multi-valued columns apart; see `split_values`."""
    rows, sensitive, combined = intake.rows, list[str](), set[str]()
    for name in intake.sensitive:
        sensitive.append(name)
        if name not in multi or name not in rows:
            continue
        taken = [str(column) for column in rows.columns if column != name]
        parts = attempt(split_values, rows[name], multi[name], taken)
        if parts is None:
            continue
        before = rows[name].astype(object)
        if bool((before.notna() & (before != parts[name])).any()):
            combined.add(name)
        rows = pd.concat([rows.drop(columns=name), parts], axis=1)
        sensitive += [str(column) for column in parts if column != name]
    intake = replace(intake, rows=rows, combined=frozenset(combined))
    return replace(intake, sensitive=tuple(sensitive))


def _cut(intake: Intake, says: SubjectConfig, where: str, attempt: Attempts) -> Intake:
    """Find the edges of bands; see `edges_of`."""
    lost = set(says.sensitive) - set(intake.sensitive)  # why was told; the bands are not at fault
    bands = {name: band for name, band in says.bands.items() if name not in lost}
    edges, problems = edges_of(bands, intake.rows, f"{where} [subject.bands]")
    attempt.problems += problems
    notes = [
        f"Cut {quote(name)} into {band}, rounded: edges {', '.join(f'{e:g}' for e in edges[name])}."
        for name, band in bands.items()
        if isinstance(band, str)
    ]
    return replace(intake, bands=edges, notes=(*intake.notes, *notes))
