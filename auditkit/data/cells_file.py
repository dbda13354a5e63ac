"""`*.cells.json`: counts that leave the place where the rows lie, for a person to read first."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.errors import InputError, Problem, quote
from auditkit.methods.cells import Cells
from auditkit.methods.disclosure import MOST_CELLS, fill_suppressed, noised, product_size

FORMAT: Literal[1] = 1
#: Largest file that is read; unit: bytes.
MOST_BYTES = 50_000_000
#: Problems of one file that are listed; the others are counted.
MOST_PROBLEMS = 30
#: Largest count that is believed; unit: rows.
MOST_ROWS = 10**15
#: Largest sum of weights that is believed.
MOST_WEIGHT = 1e100

Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ColumnRecord(_Strict):
    """A sensitive column and its groups, in reading order."""

    name: Text
    groups: Annotated[list[Text], Field(max_length=MOST_CELLS)]


class ProtectionRecord(_Strict):
    """What was done so that no person can be found in the counts, and what they still tell."""

    kind: Literal["none", "suppressed", "noised"]
    least: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    epsilon: Annotated[Number, Field(gt=0, le=100)] | None = None
    highest_weight: Annotated[Number, Field(gt=0)] | None = None
    means: list[Text] = []

    @property
    def words(self) -> str:
        """What was done, for a sentence."""
        if self.kind == "suppressed":
            return f"cells of fewer than {self.least:,} people withheld"
        if self.kind == "noised":
            return f"noise in every cell, differentially private with epsilon {self.epsilon:g}"
        return "not protected"


class SourceRecord(_Strict):
    """Where the rows lie. Digest and number of rows would undo a protection, and are left out."""

    name: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    rows: Annotated[int, Field(ge=0, le=MOST_ROWS)] | None = None


class OutcomeRecord(_Strict):
    """Which value of the label is the positive outcome."""

    label: Text
    positive: str | bool | int | Number


class DecisionRecord(_Strict):
    """What selected a person: a column of decisions, or a score from a threshold on."""

    prediction: Text | None = None
    score: Text | None = None
    threshold: Number | None = None


class CellsFile(_Strict):
    """Counts by group, true outcome and decision, as the file holds them."""

    format: Literal[1] = FORMAT
    auditkit: Text
    name: Text
    created: Text
    source: SourceRecord
    protection: ProtectionRecord
    outcome: OutcomeRecord
    decision: DecisionRecord
    weight: Text | None = None
    notes: list[Text] = []
    columns: Annotated[list[ColumnRecord], Field(max_length=20)]
    cell: list[Text]
    cells: Annotated[list[list[Any]], Field(max_length=MOST_CELLS)]

    def to_bytes(self) -> bytes:
        """Write the file: UTF-8, one line a cell, the same bytes for the same content."""
        plain = self.model_dump(mode="json")
        lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in plain["cells"]]
        plain["cells"] = []
        text = json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False)
        rows = ",\n  ".join(lines)
        return (text.removesuffix("[]\n}") + f"[\n  {rows}\n ]\n}}\n").encode()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of groups of each column."""
        return tuple(len(column.groups) for column in self.columns)

    def counts(self) -> Cells:
        """The counts, with guesses for those that were withheld; weights as they were written."""
        width = len(self.columns)
        places = [{None: -1} | {g: i for i, g in enumerate(c.groups)} for c in self.columns]
        codes = [[place[row[i]] for i, place in enumerate(places)] for row in self.cells]
        numbers = np.array([row[width:] for row in self.cells], dtype=np.float64)
        numbers = numbers.reshape(len(self.cells), 5 if self.weight else 3)
        held = Cells(
            columns=tuple(column.name for column in self.columns),
            sizes=self.sizes,
            codes=np.array(codes, dtype=np.int64).reshape(len(codes), width),
            y_true=numbers[:, 0].astype(np.int64),
            y_pred=numbers[:, 1].astype(np.int64),
            n=numbers[:, 2],
            weights=numbers[:, 3] if self.weight else None,
            squares=numbers[:, 4] if self.weight else None,
        )
        if self.protection.kind == "suppressed" and self.protection.least is not None:
            return fill_suppressed(held, self.protection.least, self.protection.highest_weight)
        if self.protection.kind == "noised" and self.protection.epsilon is not None:
            return noised(held, self.protection.epsilon)
        return held


def cell_words(columns: Sequence[str], *, weighted: bool) -> list[str]:
    """What each entry of a cell is, in order.

    Example:
        >>> cell_words(["sex"], weighted=False)
        ['group of sex', 'outcome', 'decision', 'people']
    """
    more = ["sum of weights", "sum of squared weights"] if weighted else []
    return [*(f"group of {name}" for name in columns), "outcome", "decision", "people", *more]


def digest(raw: bytes) -> str:
    """Digest of a file: sha256, hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def load_cells(path: Path, where: str) -> tuple[CellsFile, str]:
    """Read a file of counts that nobody vouches for.

    Args:
        path: The file.
        where: What to call it in a message.

    Returns:
        What it holds, and the digest of its bytes.

    Raises:
        InputError: If it cannot be read or is none; every problem is listed.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        found = error.strerror or "no file"
        raise InputError([Problem(where, found, "a file of `auditkit cells`")]) from None
    return read_cells(raw, where), digest(raw)


def read_cells(raw: bytes, where: str = "cells.json") -> CellsFile:
    """Read counts from bytes that nobody vouches for.

    Args:
        raw: The bytes of a `*.cells.json`.
        where: What to call it in a message.

    Returns:
        What it holds.

    Raises:
        InputError: If it is no such file, or what it says cannot be; every problem is listed.

    Example:
        >>> read_cells(b"[]")
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. cells.json: found a list, expected a file of `auditkit cells`.
    """
    expected = "a file of `auditkit cells`"
    if len(raw) > MOST_BYTES:
        raise InputError([Problem(where, f"more than {MOST_BYTES:,} bytes", expected)])
    try:
        plain = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        found = f"no JSON text ({quote(str(error) or type(error).__name__)})"
        raise InputError([Problem(where, found, expected)]) from None
    if not isinstance(plain, dict):
        found = "a list" if isinstance(plain, list) else quote(plain)
        raise InputError([Problem(where, found, expected)])
    if type(plain.get("format")) is not int or plain["format"] != FORMAT:
        hint = "It was made by a newer auditkit, or is something else."
        found = f"format {quote(plain.get('format'))}"
        raise InputError([Problem(where, found, f"format {FORMAT}", hint)])
    try:
        file = CellsFile.model_validate(plain)
    except ValidationError as error:
        raise InputError(_first(_shape_problems(error, where), where)) from None
    problems = _first(_content_problems(file, where), where)
    if problems:
        raise InputError(problems)
    return file


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _first(problems: Iterator[Problem], where: str) -> list[Problem]:
    shown = list(islice(problems, MOST_PROBLEMS))
    more = sum(1 for _ in problems)
    if more:
        shown.append(Problem(where, f"{more:,} more problems", "none"))
    return shown


def _shape_problems(error: ValidationError, where: str) -> Iterator[Problem]:
    for item in error.errors():
        path = ".".join(quote(p)[1:-1] if isinstance(p, str) else str(p) for p in item["loc"])
        found = "nothing" if item["type"] == "missing" else quote(item.get("input"))
        yield Problem(f"{where} {path}", found, item["msg"].lower())


def _content_problems(file: CellsFile, where: str) -> Iterator[Problem]:
    """What cannot be, although each part has the right shape."""
    names = [column.name for column in file.columns]
    yield from _repeated(names, f"{where} columns")
    for column in file.columns:
        yield from _repeated(column.groups, f"{where} groups of {quote(column.name)}")
    expected = cell_words(names, weighted=file.weight is not None)
    if file.cell != expected:
        yield Problem(f"{where} cell", quote(file.cell), quote(expected, 300))
    if not file.cells:
        yield Problem(f"{where} cells", "no cell", "at least one")
    decision = file.decision
    if (decision.prediction is None) == (decision.score is None):
        yield Problem(f"{where} decision", "not one rule", "either a prediction or a score")
    if (decision.score is None) != (decision.threshold is None):
        yield Problem(f"{where} decision", "a score or a threshold alone", "both or neither")
    protection = list(_protection_problems(file, where))
    yield from protection
    rows = list(_row_problems(file, where))
    yield from rows
    if not rows and not protection:
        yield from _whole_problems(file, where)


def _repeated(names: Sequence[str], where: str) -> Iterator[Problem]:
    for name in sorted({name for name in names if names.count(name) > 1} if names else ()):
        yield Problem(where, f"{quote(name)} twice", "each name once")


def _protection_problems(file: CellsFile, where: str) -> Iterator[Problem]:
    held, place = file.protection, f"{where} protection"
    for key, kind in (("least", "suppressed"), ("epsilon", "noised")):
        if (getattr(held, key) is not None) != (held.kind == kind):
            found = f"{key} {quote(getattr(held, key))} with {quote(held.kind)}"
            yield Problem(place, found, f"{key} where counts are {kind}, and nowhere else")
    if (held.highest_weight is not None) != (held.kind == "suppressed" and file.weight is not None):
        expected = "where weighted counts are suppressed, and nowhere else"
        yield Problem(f"{place} highest_weight", quote(held.highest_weight), expected)
    if held.kind == "noised" and file.weight is not None:
        yield Problem(place, "noise in weighted counts", "noise in counts of people only")
    if held.kind != "none" and product_size(file.sizes) > MOST_CELLS:
        found = f"{product_size(file.sizes):,} cells that there can be"
        yield Problem(
            f"{where} columns", found, f"at most {MOST_CELLS:,} where counts are protected"
        )


def _row_problems(file: CellsFile, where: str) -> Iterator[Problem]:
    known = [{None, *column.groups} for column in file.columns]
    width = len(known) + (5 if file.weight else 3)
    lowest = {"none": 1, "noised": -MOST_ROWS}.get(file.protection.kind, file.protection.least or 1)
    seen: set[tuple[object, ...]] = set()
    for i, row in enumerate(file.cells):
        place = f"{where} cells.{i}"
        if len(row) != width:
            yield Problem(place, f"{len(row)} entries", f"{width}, as `cell` says")
            continue
        groups, (outcome, decision, n), weights = row[: len(known)], row[len(known) :][:3], row[-2:]
        for group, names, column in zip(groups, known, file.columns, strict=True):
            if not isinstance(group, str | None) or group not in names:
                yield Problem(place, quote(group), f"a group of {quote(column.name)}, or null")
        for name, value in (("outcome", outcome), ("decision", decision)):
            if type(value) is not int or value not in (0, 1):
                yield Problem(f"{place} {name}", quote(value), "0 or 1")
        if type(n) is not int or not lowest <= n <= MOST_ROWS:
            expected = "a whole number" + ("" if lowest < 0 else f" from {lowest:,} on")
            yield Problem(f"{place} people", quote(n), expected)
        elif file.weight and not _weigh(n, *weights):
            expected = "sums of positive weights of so many people, and of their squares"
            yield Problem(f"{place} weights", quote(weights), expected)
        key = (*map(repr, groups), repr(outcome), repr(decision))
        if key in seen:
            yield Problem(place, "a cell that stood there before", "each cell once")
        seen.add(key)


def _weigh(n: int, weights: object, squares: object) -> bool:
    """Whether n positive weights can add up to this, and their squares to that."""
    held = (weights, squares)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in held):
        return False
    w, w2 = (float(one) for one in held if isinstance(one, int | float))
    if not (math.isfinite(w) and math.isfinite(w2) and 0 < w < MOST_WEIGHT and w2 > 0):
        return False
    return w * w / n * (1 - 1e-9) <= w2 <= w * w * (1 + 1e-9)


def _whole_problems(file: CellsFile, where: str) -> Iterator[Problem]:
    product = product_size(file.sizes)
    if file.protection.kind == "noised" and len(file.cells) != product:
        found, expected = f"{len(file.cells):,} cells", f"all {product:,}, each with its noise"
        yield Problem(f"{where} cells", found, expected)
    rows, counted = file.source.rows, sum(row[len(file.columns) + 2] for row in file.cells)
    if file.protection.kind == "none" and rows is not None and counted > rows:
        found = f"{counted:,} people in {rows:,} rows"
        yield Problem(f"{where} cells", found, "no more people than rows")
