"""Files of a plug meter: time stamps with watts or cumulative watt-hours, as CSV or JSON."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from auditkit.errors import InputError, Problem, quote

#: Units at the end of a column's name, as power (W) or cumulative energy (J).
UNITS: dict[str, tuple[Literal["power", "energy"], float]] = {
    "w": ("power", 1.0), "watt": ("power", 1.0), "watts": ("power", 1.0), "kw": ("power", 1e3),
    "wh": ("energy", 3.6e3), "kwh": ("energy", 3.6e6), "j": ("energy", 1.0),
    "joule": ("energy", 1.0), "joules": ("energy", 1.0), "kj": ("energy", 1e3),
}  # fmt: skip
_TIMES = ("time", "timestamp", "datetime", "ts", "unix")
_UNIT_HINT = (
    "Name the unit at the end of the column's name: w, kw (power) or wh, kwh, j (cumulative), as "
    "in watts or energy_kwh."
)
#: Problems of one kind that are listed.
_MOST = 3
#: Unix time from which it can only be milliseconds.
_TOO_LATE = 1e11


@dataclass(frozen=True)
class WallReading:
    """What a plug meter wrote down.

    Attributes:
        name: Name of the file.
        kind: "power" (W at each time) or "energy" (J since some moment, never falling).
        times: Unix times, rising; unit: s.
        values: The readings; unit: W or J.
        grain: The last digit that the file gives; unit: W or J.
    """

    name: str
    kind: Literal["power", "energy"]
    times: tuple[float, ...]
    values: tuple[float, ...]
    grain: float


def read_wall_file(path: str | Path) -> WallReading:
    r"""Read a file of a plug meter, and list everything that is wrong with it.

    A CSV file has a header; a JSON file is a list of objects. One column is the time (`time` or
    `timestamp`: ISO 8601 with its offset from UTC, or Unix seconds), one the reading, whose name
    ends in its unit. A last line that is still being written is left out.

    Args:
        path: The file.

    Returns:
        The reading.

    Raises:
        InputError: If it cannot be read, a unit is unknown, a time has no offset, times do not
            rise, a cumulative reading falls, a number is none or negative, or fewer than two
            readings are there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "plug.csv")
        ...     _ = file.write_text("time,watts\n1000,40.0\n1001,42.5\n")
        ...     read_wall_file(file).values
        (40.0, 42.5)
    """
    return WallFile(path).reading


class WallFile:
    """A file of a plug meter that may still be growing; of a CSV only what is new is read again.

    Args:
        path: The file.

    Attributes:
        reading: What it held when it was read last.

    Raises:
        InputError: As `read_wall_file`.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = Path(path)
        self._name = quote(self._file.name)[1:-1]
        self._is_json = self._file.suffix.lower() == ".json"
        self._head = self._last = b""
        self._end = self._lines = 0
        self._state = (0, 0)
        try:
            self.reading = self._whole()
        except OSError as error:
            problem = Problem(self._name, error.strerror or "no file", "a file of a plug meter")
            raise InputError([problem]) from error

    def read_on(self) -> None:
        """Read what was added meanwhile.

        Raises:
            InputError: If it is wrong.
            OSError: If the file cannot be read any more.
        """
        state = self._file.stat()
        if (state.st_mtime_ns, state.st_size) == self._state:
            return
        if self._is_json or state.st_size < self._end:
            self.reading = self._whole()
            return
        with self._file.open("rb") as file:
            file.seek(self._end)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        if new:
            raw = self._head + self._last + new
            again = _parsed(raw, self._name, skipped=self._lines - 2)
            self.reading = _joined(self.reading, again)
            self._keep(new)
        self._state = state.st_mtime_ns, state.st_size

    def _whole(self) -> WallReading:
        state = self._file.stat()
        self._state = state.st_mtime_ns, state.st_size
        raw = self._file.read_bytes()
        if self._is_json:
            return _parsed(raw, self._name, is_json=True)
        raw = raw[: raw.rfind(b"\n") + 1]
        reading = _parsed(raw, self._name)
        self._head, self._end, self._lines = raw[: raw.find(b"\n") + 1], 0, 0
        self._keep(raw)
        return reading

    def _keep(self, new: bytes) -> None:
        """Remember where to go on, and the last line, which what follows has to fit."""
        self._end += len(new)
        self._lines += new.count(b"\n")
        self._last = new[new.rfind(b"\n", 0, -1) + 1 :]


def _joined(first: WallReading, again: WallReading) -> WallReading:
    """Add a reading that begins with the last of the first."""
    return replace(
        first,
        times=first.times + again.times[1:],
        values=first.values + again.values[1:],
        grain=min(first.grain, again.grain),
    )


def _parsed(raw: bytes, name: str, *, is_json: bool = False, skipped: int = 0) -> WallReading:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(name, "bytes that are no text", "CSV or JSON in UTF-8")
        raise InputError([problem]) from error
    rows = _json_rows(text, name) if is_json else _csv_rows(text, name, skipped)
    columns = list(rows[0][1]) if rows else []
    time, value, problems = _columns(columns, name)
    if problems:
        raise InputError(problems)
    times, values, grain = _numbers(rows, (time, value), name, problems)
    kind, scale = UNITS[_unit(value)]
    if not problems:
        problems += _order(rows, times, values if kind == "energy" else [], (time, value), name)
    if len(rows) < 2:
        problems.append(Problem(name, f"{len(rows)} readings", "at least 2"))
    if problems:
        raise InputError(problems)
    return WallReading(name, kind, tuple(times), tuple(v * scale for v in values), grain * scale)


_Row = tuple[str, Mapping[str, object]]


def _csv_rows(text: str, name: str, skipped: int) -> list[_Row]:
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        return [
            (f"line {reader.line_num + skipped}", {str(k).strip(): v for k, v in row.items()})
            for row in reader
        ]
    except csv.Error as error:
        line = f"{name} line {reader.line_num + skipped}"
        raise InputError([Problem(line, str(error), "a row of CSV")]) from error


def _json_rows(text: str, name: str) -> list[_Row]:
    try:
        held = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError as error:
        raise InputError([Problem(name, "no JSON", "a list of objects")]) from error
    if not isinstance(held, list) or not all(isinstance(row, dict) for row in held):
        raise InputError([Problem(name, "something else", "a list of objects")])
    return [(f"reading {i}", row) for i, row in enumerate(held, 1)]


def _words(column: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", column.lower()) if word]


def _unit(column: str) -> str:
    """The last word of a name, in lower case, which is why there is no "mw" among the units."""
    return (_words(column) or [""])[-1]


def _columns(columns: list[str], name: str) -> tuple[str, str, list[Problem]]:
    """The column of times and the one of readings, or what is wrong with the header."""
    times = [column for column in columns if (_words(column) or [""])[0] in _TIMES]
    others = [column for column in columns if column not in times]
    values = [column for column in others if _unit(column) in UNITS]
    seen = ", ".join(quote(column) for column in columns[:12]) or "no column"
    problems = []
    if len(times) != 1:
        expected = "one column of times, named time or timestamp"
        problems.append(Problem(name, seen if not times else f"{len(times)} of times", expected))
    if len(values) != 1:
        found = f"no known unit among {seen}" if not values else f"{len(values)} with a unit"
        hint = _UNIT_HINT if not values else "Leave one of them out."
        problems.append(Problem(name, found, "one column of watts or watt-hours", hint))
    return (times or [""])[0], (values or [""])[0], problems


def _numbers(
    rows: Iterable[_Row], columns: tuple[str, str], name: str, problems: list[Problem]
) -> tuple[list[float], list[float], float]:
    times, values, grain, wrong = [], [], Decimal("Infinity"), 0
    for where, row in rows:
        found: list[Problem] = []
        time = _time(row.get(columns[0]), f"{name} {where}", found)
        value = _value(row.get(columns[1]), f"{name} {where}", found)
        if time is None or value is None:
            wrong += 1
            problems += found if wrong <= _MOST else []
            continue
        times.append(time)
        values.append(float(value))
        grain = min(grain, Decimal(1).scaleb(int(value.as_tuple().exponent)))
    if wrong > _MOST:
        problems.append(Problem(name, f"{wrong - _MOST} more such readings", "none"))
    return times, values, float(grain)


def _time(given: object, where: str, problems: list[Problem]) -> float | None:
    text = str(given).strip()
    expected = "Unix seconds, or ISO 8601 with its offset such as 2026-01-31T12:00:00+01:00"
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            problems.append(Problem(f"{where}, time", quote(text), expected))
            return None
        if moment.tzinfo is None:
            found = f"{quote(text)}, which says no offset from UTC"
            problems.append(Problem(f"{where}, time", found, expected))
            return None
        return moment.timestamp()
    if not 0 <= seconds < _TOO_LATE:
        problems.append(Problem(f"{where}, time", quote(text), expected))
        return None
    return seconds


def _value(given: object, where: str, problems: list[Problem]) -> Decimal | None:
    text = str(given).strip()
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(given, bool) or not value.is_finite() or value < 0:
        problems.append(Problem(f"{where}, reading", quote(text), "a number from 0"))
        return None
    return value


def _order(
    rows: list[_Row], times: list[float], sums: list[float], columns: tuple[str, str], name: str
) -> list[Problem]:
    """Times that do not rise, and cumulative readings that fall."""
    problems = []
    for held, column, expected, hint in (
        (times, columns[0], "a later time than the one before", ""),
        (sums, columns[1], "no less than the reading before", "Was the meter reset? Cut there."),
    ):
        pairs = enumerate(itertools.pairwise(held), 1)
        bad = [i for i, (a, b) in pairs if (b <= a if held is times else b < a)]
        problems += [
            Problem(f"{name} {rows[i][0]}", quote(rows[i][1][column]), expected, hint)
            for i in bad[:_MOST]
        ]
        if len(bad) > _MOST:
            problems.append(Problem(name, f"{len(bad) - _MOST} more such readings", "none"))
    return problems
