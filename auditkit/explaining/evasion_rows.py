"""Attacks on rows of numbers: what may change, the model, its gradient, and all sizes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import AuditkitError
from auditkit.explaining.categories import is_number
from auditkit.explaining.evasion import Effort, Found, closeness, decisions, same
from auditkit.explaining.values import is_network
from auditkit.methods.attacks import (
    Answer,
    BoolArray,
    Ranges,
    by_chance,
    many_steps,
    one_step,
    questions,
    search,
)
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.flips import Asked, asked, flipped
from auditkit.models.answers import checked_answers
from auditkit.subject import Subject

#: Numbers of all boxes together, so that memory is not used up.
MOST_NUMBERS = 20_000_000
#: Fewest rows that are attacked at all.
FEWEST = 10
#: Rows that a gradient is taken of at once.
_CHUNK = 4_096
#: Why there is nothing to attack.
NOTHING_MOVES = (
    "no number that the model reads may change: all that it reads are categories, texts, sensitive "
    "or immutable columns, or columns of one or two values"
)


def attack_rows(
    subject: Subject,
    order: IntArray,
    fixed: Sequence[str],
    sizes: Sequence[float],
    effort: Effort,
    rng: np.random.Generator,
) -> Found | str:
    """Attack rows by changes of their numbers.

    Args:
        subject: What is audited.
        order: Places of the rows to attack, the first ones first.
        fixed: Columns that never change.
        sizes: Sizes of change, rising; unit: standard deviations of each number.
        effort: How much is tried.
        rng: Draws starts and random changes.

    Returns:
        What was found; or why nothing could be.
    """
    reference = subject.rows if subject.train is None else subject.train
    names = movable(reference, [f for f in subject.features if f not in fixed])
    if not names:
        return NOTHING_MOVES
    each = questions(len(names), effort.steps) + effort.draws
    room = min(effort.questions // each, MOST_NUMBERS // len(names)) // (len(sizes) + 1)
    if room < min(FEWEST, len(order)):
        return f"max_asked = {effort.questions:,} questions are too few for {FEWEST} rows"
    places = np.sort(order[:room])
    rows = subject.rows.iloc[places].reset_index(drop=True)
    ranges = Ranges.of(_numbers(reference, names))
    held = Rows(subject, rows, tuple(names), ranges)
    return _attack(held, places, (0.0, *sizes), effort, rng)


def _attack(
    held: Rows, places: IntArray, sizes: tuple[float, ...], effort: Effort, rng: np.random.Generator
) -> Found:
    """Attack with and without a gradient; the first size is 0, a check of the attacks."""
    box = held.ranges.box(held.values, np.array(sizes))
    shape = (len(sizes), len(places))
    why = held.no_gradient
    if why is None:
        found = {
            "fgsm": one_step(box, held.slope, held.ask),
            "pgd": many_steps(box, held.slope, held.ask, effort.steps, rng),
        }
        kind = (
            f"the gradient of the network: FGSM, and PGD of {effort.steps} steps of a quarter of "
            "the size from one random start"
        )
    else:
        found = {"search": search(box, held.ask, effort.steps, rng)}
        kind = (
            f"asking only, as {why}: a search of our own over raw columns (both ends of each, then "
            f"{effort.steps} random blocks)"
        )
    found["chance"] = by_chance(box, held.ask, effort.draws, rng)
    changed = {name: one.reshape(shape) for name, one in found.items()}
    first = box.settle(box.start)[: len(places)]
    still = same(held.before, held.answers(first, np.arange(len(places), dtype=np.int64)))
    still &= not any(one[0].any() for one in changed.values())
    moves = box.moves.reshape(*shape, -1).any(axis=1).sum(axis=1)
    total = len(held.subject)
    words = (
        f"{len(places):,} of {total:,} assessed rows"
        f"{' drawn at random' if len(places) < total else ''}; {len(held.names):,} of "
        f"{len(held.subject.features):,} columns may change, by {kind}; whole numbers stay whole, "
        "ranges seen in the data are kept, categories, sensitive and immutable columns are fixed"
    )
    return Found(places, sizes[1:], {k: v[1:] for k, v in changed.items()}, moves[1:], still, words)


def movable(reference: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The columns of numbers that differ, those of two values (codes, mostly) left out.

    Example:
        >>> rows = pd.DataFrame({"age": [20, 30, 40], "sex": [0, 1, 1], "job": ["a", "b", "c"]})
        >>> movable(rows, ["age", "sex", "job"])
        ['age']
    """
    few = 2
    return [n for n in names if is_number(reference[n]) and reference[n].nunique() > few]


def _numbers(rows: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    columns = [rows[n].to_numpy(dtype=np.float64, na_value=np.nan) for n in names]
    values = np.stack(columns, axis=1)
    return np.where(np.isfinite(values), values, np.nan)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows under attack.

    Attributes:
        subject: What is audited.
        rows: The n raw rows.
        names: The d columns that may change.
        ranges: How far.
    """

    subject: Subject
    rows: pd.DataFrame
    names: tuple[str, ...]
    ranges: Ranges

    @cached_property
    def values(self) -> FloatArray:
        """The numbers as they are, shape (n, d)."""
        return _numbers(self.rows, self.names)

    @cached_property
    def before(self) -> Asked:
        """What the model says of the rows as they are."""
        return self._asked(self.rows)

    def _asked(self, rows: pd.DataFrame) -> Asked:
        subject = self.subject
        given = checked_answers(subject.model, subject.task, rows, subject.classes)
        return asked(given, subject.task, subject.threshold)

    def frame(self, points: FloatArray, owner: IntArray) -> pd.DataFrame:
        """Points as raw rows; what was not changed is exactly what it was."""
        made = self.rows[list(self.subject.features)].take(owner).reset_index(drop=True)
        for j, name in enumerate(self.names):
            moved = (points[:, j] != self.values[owner, j]) & np.isfinite(points[:, j])
            if moved.any():
                made[name] = _put(made[name], points[:, j], moved)
        return made

    def answers(self, points: FloatArray, owner: IntArray) -> Asked:
        """What the model says of points."""
        return self._asked(self.frame(points, owner))

    def ask(self, points: FloatArray, owner: IntArray) -> Answer:
        """How near each point is to another decision, and whether it has one."""
        before, after = self.before.take(owner), self.answers(points, owner)
        return closeness(before, after, self.subject.threshold), flipped(before, after)

    @cached_property
    def no_gradient(self) -> str | None:
        """Why there is no gradient; None where there is one."""
        if not is_network(self.subject.model):
            return "the model gives no gradient"
        try:
            _, gradient = self.slope(self.values[:2], np.arange(len(self.values[:2])))
        except (RuntimeError, TypeError, AuditkitError):
            return "the gradient of the network cannot be taken"
        return None if np.isfinite(gradient).all() else "the gradient of the network is no number"

    def slope(self, points: FloatArray, owner: IntArray) -> tuple[FloatArray, FloatArray]:
        """How near each point is to another decision, by the logits, and the gradient of that."""
        encoded = self._model.encode(self.frame(points, owner))
        loss = np.empty(len(points))
        steep = np.empty((len(points), int(np.prod(encoded.shape[1:]))))
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            loss[part], steep[part] = self._steep(encoded[part], owner[part])
        return loss, self._by_column(steep, owner)

    @property
    def _model(self) -> Any:  # noqa: ANN401 - a network of any library
        return self.subject.model

    def _steep(self, encoded: Any, owner: IntArray) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
        """Loss and its gradient by the encoded row, flattened."""
        import torch

        rows = torch.from_numpy(np.ascontiguousarray(encoded)).requires_grad_()
        with torch.enable_grad():
            given = self._model.network(rows)
            own = torch.from_numpy(self._own[owner])
            if given.ndim == 1 or given.shape[1] == 1:
                loss = given.reshape(-1) * (1.0 - 2.0 * own)
            else:
                mine = torch.nn.functional.one_hot(own, given.shape[1]).bool()
                loss = given.masked_fill(mine, -torch.inf).amax(dim=1) - given[mine]
            (gradient,) = torch.autograd.grad(loss.sum(), rows)
        return loss.detach().double().numpy(), gradient.double().reshape(len(rows), -1).numpy()

    @cached_property
    def _own(self) -> IntArray:
        """The decision on each row; of classes its place among the network's outputs."""
        own = decisions(self.before)
        known = [str(name) for name in getattr(self._model, "classes", ())]
        if self.before.answers.ndim == 1 or not known:
            return own
        place = np.array([known.index(c) if c in known else 0 for c in self.subject.classes])
        return np.asarray(place[own], dtype=np.int64)

    def _by_column(self, steep: FloatArray, owner: IntArray) -> FloatArray:
        """The gradient by raw columns: how the encoding moves with each, by the chain rule."""
        found = np.zeros((len(steep), len(self.names)))
        for j, (places, moved) in enumerate(self._encoding):
            found[:, j] = (steep[:, places] * moved[owner]).sum(axis=1)
        return found

    @cached_property
    def _encoding(self) -> list[tuple[IntArray, FloatArray]]:
        """For each column the encoded numbers that move with it, and how much, by row.

        From one standard deviation below to one above: encodings are straight lines there, but for
        what they clip.
        """
        players = getattr(self._model, "players", {})
        if set(self.names) <= set(players):
            apart = self._apart(range(len(self.names)))
            return [(players[name], apart[:, players[name]]) for name in self.names]
        found = []
        for j in range(len(self.names)):
            apart = self._apart([j])
            places = np.flatnonzero(np.abs(apart).max(axis=0, initial=0.0) > 0)
            found.append((places, apart[:, places]))
        return found

    def _apart(self, columns: Sequence[int]) -> FloatArray:
        """How the encoded rows move with some columns, shape (n, p)."""
        everyone, ends = np.arange(len(self.rows), dtype=np.int64), []
        for side in (-1.0, 1.0):
            points = self.values.copy()
            for j in columns:
                step = float(self.ranges.spread[j])
                points[:, j] += side * (max(1.0, round(step)) if self.ranges.whole[j] else step)
            encoded = self._model.encode(self.frame(points, everyone))
            ends.append(encoded.reshape(len(points), -1).astype(np.float64))
        return np.asarray(ends[1] - ends[0])


def _put(column: pd.Series[Any], values: FloatArray, moved: BoolArray) -> pd.Series[Any]:
    """A column with some numbers changed, of the type that it had; of fractions where it must."""
    new = values[moved]
    if pd.api.types.is_integer_dtype(column.dtype) and (new != np.floor(new)).any():
        column = column.astype("float64" if isinstance(column.dtype, np.dtype) else "Float64")
    held = column.array.copy()
    held[moved] = new.astype(column.dtype.type if isinstance(column.dtype, np.dtype) else float)
    return pd.Series(held, dtype=column.dtype)
