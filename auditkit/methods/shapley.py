"""Interventional Shapley values of grouped features, with standard errors.

The game of an explained row x and a background row b: a coalition of players takes their values
from x and the other players' from b. Players with equal values in x and b get nothing, so that
only those that differ are asked about: all their subsets where that is affordable, otherwise one
antithetic permutation drawn afresh for each pair. The value of a row is the mean over the
background, and its standard error covers the draw of the background as well as of permutations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.methods.shapley_game import (
    Asked,
    Batched,
    Floats,
    Positions,
    Rows,
    checked,
    one_thread,
    parts,
    value_codes,
)
from auditkit.methods.shapley_pairs import FirstLayer, Game
from auditkit.methods.shapley_plan import AFFORDABLE, Estimator, Plan, make_plan

#: Rows given to the network at once: their hidden layer stays within the processor's cache.
_CHUNK = 8192
#: Calls a function with each tuple of arguments and gives what it returned, in order.
Each = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """Shapley values of rows, with what is needed to say how sure they are.

    Where the function gives k numbers a row, as a multiclass model does, every array of numbers has
    one more axis at its end, of length k; `of_output` takes one of them out.

    Attributes:
        values: Shape (m, g): the value of each player of each row; unit: of the function. NaN in
            rows that the budget did not reach.
        standard_errors: Shape (m, g): standard deviation over the background by the root of its
            size. NaN where the background is a single row. For intervals see
            `auditkit.methods.shapley_noise.value_bounds`.
        base_value: Mean of the function over the background; shape (k,) of k outputs.
        outputs: Shape (m,): the function of the rows, which `values` and `base_value` add up to.
        estimator: For each row "exact", "sampled" or "not reached"; "shap" where shap computed it.
            An exact row has a standard error too: of the background, which is itself a sample.
        block_values: Shape (m, k, g): the values against each of k disjoint random parts of the
            background, for jackknife intervals of anything computed from them.
        block_sizes: Shape (k,): background rows in each part.
        evaluations: Rows that the function was asked about.
        plan: What was planned.
        names: Name of each player, where they are known.
        output_names: Name of each of k outputs, where there are several and they are known.
        notes: What a reader should know about the background, in words.
        differing: Shape (m, g): background rows that differ from a row in a player; None where
            unknown.
    """

    values: Floats
    standard_errors: Floats
    base_value: float | Floats
    outputs: Floats
    estimator: tuple[str, ...]
    block_values: Floats
    block_sizes: Positions
    evaluations: int
    plan: Plan
    names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    differing: Positions | None = None

    @property
    def reached(self) -> int:
        """Rows that have values: the first ones."""
        return self.plan.reached

    @property
    def additivity_gap(self) -> float:
        """Largest difference of an output and the sum of its values and the base value."""
        rows = slice(self.reached)
        sums = self.values[rows].sum(axis=1) + self.base_value
        return float(np.abs(sums - self.outputs[rows]).max(initial=0.0))

    def shown(self) -> Attribution:
        """The same without the rows that the budget did not reach."""
        rows = slice(self.reached)
        return replace(
            self,
            values=self.values[rows],
            standard_errors=self.standard_errors[rows],
            outputs=self.outputs[rows],
            estimator=self.estimator[rows],
            block_values=self.block_values[rows],
            differing=None if self.differing is None else self.differing[rows],
        )

    def of_output(self, output: int | str) -> Attribution:
        """Take one of several outputs: the attribution of one class.

        Args:
            output: Its position, or its name in `output_names`.

        Returns:
            The values of this output alone, as those of a function that gives one number.

        Raises:
            ValueError: If there is one output only, or none of that name or position.
        """
        count = self.values.shape[2] if self.values.ndim == 3 else 0
        known = self.output_names if isinstance(output, str) else range(count)
        if output not in known:
            have = ", ".join(map(str, self.output_names or range(count))) or "one output only"
            raise ValueError(f"no output {output!r}; there is {have}")
        place = self.output_names.index(output) if isinstance(output, str) else output
        return replace(self._at(place), base_value=float(np.asarray(self.base_value)[place]))

    def of_outputs(self, outputs: range) -> Attribution:
        """Take some of several outputs, such as the scores of classes without the decisions.

        Args:
            outputs: Their positions, one after the other.

        Returns:
            The values of these outputs; of a single one as those of a function that gives one.
        """
        if len(outputs) == 1:
            return self.of_output(outputs[0])
        some = slice(outputs.start, outputs.stop)
        return replace(self._at(some), base_value=np.asarray(self.base_value)[some])

    def of_each(self, outputs: Positions) -> Attribution:
        """Take one output of each row, such as the class that the model gives it.

        Args:
            outputs: Shape (m,): a position for each row.

        Returns:
            As those of a function that gives one number. The base value is the mean over the rows.
        """
        one = np.arange(len(outputs))
        return replace(
            self,
            values=self.values[one, :, outputs],
            standard_errors=self.standard_errors[one, :, outputs],
            base_value=float(np.asarray(self.base_value)[outputs].mean()),
            outputs=self.outputs[one, outputs],
            block_values=self.block_values[one, :, :, outputs],
            output_names=(),
        )

    def _at(self, place: int | slice) -> Attribution:
        return replace(
            self,
            values=self.values[..., place],
            standard_errors=self.standard_errors[..., place],
            outputs=self.outputs[..., place],
            block_values=self.block_values[..., place],
            output_names=self.output_names[place] if isinstance(place, slice) else (),
        )


def shapley(
    function: Batched,
    rows: Rows,
    background: Rows,
    players: Sequence[npt.NDArray[np.integer]],
    *,
    rng: np.random.Generator,
    first_layer: tuple[Rows, Rows] | None = None,
    rest: Batched | None = None,
    estimator: Estimator = "auto",
    budget: int | None = None,
    affordable: int = AFFORDABLE,
    orders: int = 1,
    blocks: int = 20,
    chunk: int = _CHUNK,
    outputs: int = 1,
    each: Each = itertools.starmap,
) -> Attribution:
    """Compute interventional Shapley values of a batched function.

    Args:
        function: Takes encoded rows (n, p), float32, and gives one number a row, (n,), or `outputs`
            numbers, (n, outputs).
        rows: Shape (m, p): the rows to explain.
        background: Shape (b, p): the rows that stand for "not known".
        players: Positions of each of g players; each of the p positions belongs to one.
        rng: Orders of the players and parts of the background are drawn from it. The results do
            not depend on `chunk` but for rounding.
        first_layer: Weight (h, p) and bias (h,) of a linear layer that the function starts with;
            it saves most of the work. Needs `rest`.
        rest: The function from that layer's output (n, h) on.
        estimator: "exact" enumerates every pair; "sampled" walks one antithetic permutation a
            pair; "auto" is exact where all of it fits into the budget (or into `affordable`),
            else enumerates only the pairs for which that is about as cheap as sampling.
        budget: Most evaluations; None means as many as it takes. Where it does not reach, the
            last rows stay NaN and are marked.
        affordable: What "auto" spends on exactness where there is no budget; unit: evaluations.
        orders: Antithetic permutations of each sampled pair. A larger background lowers the error
            more for the same cost, unless this very background is meant.
        blocks: Parts of the background that `Attribution.block_values` are kept for.
        chunk: Evaluations at once.
        outputs: Numbers that the function gives for a row.
        each: Explains block after block of rows; one that does so in several processes gives the
            same, bit by bit.

    Returns:
        The values, their standard errors and their cost. Values and base value add up to the
        output of each row but for rounding, with either estimator.

    Raises:
        ValueError: If shapes do not fit, a position has no player or two, the budget is too small
            for one row, or the function is not deterministic, not finite or not so many numbers a
            row.

    Source:
        Strumbelj and Kononenko (2014), Knowl. Inf. Syst. 41:647; Lundberg and Lee (2017), NeurIPS.

    Example:
        >>> found = shapley(lambda z: z[:, 0] * z[:, 1], np.array([[2, 3]], np.float32),
        ...                 np.zeros((4, 2), np.float32), [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> found.values
        array([[3., 3.]])
        >>> found.base_value, found.estimator
        (0.0, ('exact',))
    """
    if (first_layer is None) != (rest is None):
        raise ValueError("a first layer and the rest of the function are given together")
    rows, background = checked(rows, background, players)
    codes, others = value_codes(rows, background, players)
    plan = make_plan(
        codes, others, estimator=estimator, budget=budget, affordable=affordable, orders=orders
    )
    entropy = rng.integers(2**63, size=2)
    pieces = np.array_split(rng.permutation(len(background)), min(blocks, len(background)))
    with one_thread():
        asked = Asked(function, chunk, outputs)
        asked.check_repeats(background)
        given = asked.in_chunks(rows[: plan.reached])
        game = Game(
            background=background,
            players=players,
            asked=asked if rest is None else Asked(rest, chunk, outputs),
            first_layer=_first_layer(first_layer, background, players),
            background_codes=others,
            background_outputs=asked.in_chunks(background),
            exact_players=plan.exact_players,
            orders=orders,
            entropy=(int(entropy[0]), int(entropy[1])),
        )
        before = asked.evaluations
        values, errors, block_values, inner = _explain(game, rows, codes, given, pieces, each)
    base = game.background_outputs.mean(axis=0)
    return Attribution(
        values=values,
        standard_errors=errors,
        base_value=float(base) if outputs == 1 else base,
        outputs=_padded(given, len(rows)),
        estimator=_estimators(plan),
        block_values=block_values,
        block_sizes=np.array([len(piece) for piece in pieces]),
        evaluations=before + inner,
        plan=plan,
        differing=np.array([(others != code).sum(axis=0) for code in codes]).reshape(codes.shape),
    )


def _first_layer(
    layer: tuple[Rows, Rows] | None,
    background: Rows,
    players: Sequence[npt.NDArray[np.integer]],
) -> FirstLayer | None:
    if layer is None:
        return None
    weight, bias = (np.array(part, dtype=np.float32) for part in layer)
    if weight.shape != (len(bias), background.shape[1]):
        shape = f"({len(bias)}, {background.shape[1]})"
        raise ValueError(f"the first layer's weight has shape {shape}; got {weight.shape}")
    return FirstLayer(weight, bias, parts(background, weight, players))


def _explain(
    game: Game,
    rows: Rows,
    codes: npt.NDArray[np.int32],
    outputs: Floats,
    pieces: Sequence[Positions],
    each: Each,
) -> tuple[Floats, Floats, Floats, int]:
    """Explain the rows that have outputs: values, errors, block values, evaluations."""
    m, g = codes.shape
    values, errors = np.full((2, m, g, *game.tail), np.nan)
    blocks = np.full((m, len(pieces), g, *game.tail), np.nan)
    step = max(1, game.asked.chunk // (2 * len(game.background) * math.prod(game.tail)))
    starts = range(0, len(outputs), step)
    spans = [slice(start, min(start + step, len(outputs))) for start in starts]
    calls = ((game, rows[s], codes[s], outputs[s], s.start, pieces) for s in spans)
    evaluations = 0
    for span, found in zip(spans, each(_explain_block, calls), strict=True):
        values[span], errors[span], blocks[span], count = found
        evaluations += count
    return values, errors, blocks, evaluations


def _explain_block(
    game: Game,
    rows: Rows,
    codes: npt.NDArray[np.int32],
    outputs: Floats,
    first: int,
    pieces: Sequence[Positions],
) -> tuple[Floats, Floats | float, Floats, int]:
    """Explain a block of rows, perhaps in another process; see `_explain`."""
    before = game.asked.evaluations
    with one_thread():
        pairs = game.pair_values(rows, codes, outputs, first)
    b = pairs.shape[1]
    errors = pairs.std(axis=1, ddof=1) / np.sqrt(b) if b > 1 else np.nan
    blocks = np.stack([pairs[:, piece].mean(axis=1) for piece in pieces], axis=1)
    return pairs.mean(axis=1), errors, blocks, game.asked.evaluations - before


def _padded(outputs: Floats, size: int) -> Floats:
    missing = (size - len(outputs), *outputs.shape[1:])
    return np.concatenate([outputs, np.full(missing, np.nan)])


def _estimators(plan: Plan) -> tuple[str, ...]:
    names = np.where(plan.row_is_exact, "exact", "sampled").astype("<U11")
    names[plan.reached :] = "not reached"
    return tuple(str(name) for name in names)
