"""What an attribution will cost, and which pairs of rows will be exact, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.methods import shapley_exact, shapley_sampled
from auditkit.methods.shapley_game import REPEATED, Positions, Rows, checked, value_codes

Estimator = Literal["auto", "exact", "sampled"]

#: Evaluations that are spent on exactness where no budget is given.
AFFORDABLE = 2**26
#: A pair is enumerated, although not all can be, where that costs at most this many times a walk.
_CHEAP = 4


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What an attribution costs.

    Attributes:
        evaluations: Rows that the function is asked about.
        exact_players: Pairs that differ in at most this many players are enumerated.
        reached: Explained rows that the budget reaches, the first ones.
        exact_share: Share of the reached rows' pairs whose values are exact.
        row_is_exact: Shape (m,): whether all pairs of a row are exact.
    """

    evaluations: int
    exact_players: int
    reached: int
    exact_share: float
    row_is_exact: npt.NDArray[np.bool_]


def plan(
    rows: Rows,
    background: Rows,
    players: Sequence[npt.NDArray[np.integer]],
    *,
    estimator: Estimator = "auto",
    budget: int | None = None,
    affordable: int = AFFORDABLE,
    orders: int = 1,
) -> Plan:
    """Tell what `shapley` costs with the same arguments, without asking the function.

    Args:
        rows: Shape (m, p): the rows to explain.
        background: Shape (b, p): the background rows.
        players: Positions of each of g players.
        estimator: As in `shapley`.
        budget: As in `shapley`.
        affordable: As in `shapley`.
        orders: As in `shapley`.

    Returns:
        The plan.

    Raises:
        ValueError: As `shapley`, as far as it concerns shapes and budget.

    Example:
        >>> plan(np.ones((1, 3), np.float32), np.zeros((2, 3), np.float32),
        ...      [np.array([0]), np.array([1]), np.array([2])], estimator="sampled").evaluations
        15
    """
    rows, background = checked(rows, background, players)
    codes = value_codes(rows, background, players)
    return make_plan(
        *codes, estimator=estimator, budget=budget, affordable=affordable, orders=orders
    )


def make_plan(
    codes: npt.NDArray[np.int32],
    others: npt.NDArray[np.int32],
    *,
    estimator: Estimator,
    budget: int | None,
    affordable: int,
    orders: int = 1,
) -> Plan:
    """Plan from the numbered values of the players; see `plan` and `value_codes`."""
    if orders < 1:
        raise ValueError(f"a pair is walked in one order or more; got {orders}")
    pairs = _pairs_by_difference(codes, others)
    ends = len(others) + 2 * min(len(others), REPEATED)
    left = (affordable if budget is None else budget) - ends - len(codes)
    limit = _exact_players(pairs, estimator, left, orders)
    spent = ends + np.cumsum(pairs @ _costs(pairs.shape[1], limit, orders) + 1)
    reached = len(codes) if budget is None else int(np.searchsorted(spent, budget, side="right"))
    if len(codes) and not reached:
        raise ValueError(f"one row costs {spent[0]} evaluations; the budget is {budget}")
    certain = max(limit, shapley_sampled.EXACT_PLAYERS) + 1
    done = pairs[:reached]
    return Plan(
        evaluations=int(spent[reached - 1]) if reached else ends,
        exact_players=limit,
        reached=reached,
        exact_share=float(done[:, :certain].sum() / max(done.sum(), 1)),
        row_is_exact=pairs[:, certain:].sum(axis=1) == 0,
    )


def _pairs_by_difference(codes: npt.NDArray[np.int32], others: npt.NDArray[np.int32]) -> Positions:
    """Count for each row the background rows that differ from it in 0, 1, ..., g players."""
    g = codes.shape[1]
    counts = np.zeros((len(codes), g + 1), dtype=np.int64)
    for i, code in enumerate(codes):
        counts[i] = np.bincount((others != code).sum(axis=1), minlength=g + 1)
    return counts


def _costs(size: int, exact_players: int, orders: int) -> Positions:
    """Evaluations of a pair that differs in 0, 1, ..., size - 1 players."""
    few = shapley_sampled.EXACT_PLAYERS
    costs = [shapley_sampled.cost(d) * (orders if d > few else 1) for d in range(size)]
    for d in range(shapley_sampled.EXACT_PLAYERS + 1, min(exact_players, size - 1) + 1):
        costs[d] = shapley_exact.cost(d)
    return np.array(costs, dtype=np.int64)


def _exact_players(pairs: Positions, estimator: Estimator, limit: int, orders: int) -> int:
    """Choose up to how many differing players pairs are enumerated."""
    most = int(np.flatnonzero(pairs.sum(axis=0)).max(initial=0))
    if estimator == "sampled" or most <= shapley_sampled.EXACT_PLAYERS:
        return 0
    if estimator == "exact" and most > shapley_exact.MOST_PLAYERS:
        raise ValueError(
            f"exact values enumerate at most {shapley_exact.MOST_PLAYERS} differing players; "
            f"a pair of these rows differs in {most}; use the sampled estimator"
        )
    if estimator == "exact":
        return most
    cheap = (
        d
        for d in range(min(most, shapley_exact.MOST_PLAYERS), shapley_sampled.EXACT_PLAYERS, -1)
        if d == most or shapley_exact.cost(d) <= _CHEAP * orders * shapley_sampled.cost(d)
    )
    size = pairs.shape[1]
    fitting = (d for d in cheap if int((pairs @ _costs(size, d, orders)).sum()) <= limit)
    return next(fitting, 0)
