"""Shapley values of the tokens of each text."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, quote
from auditkit.explaining.frames import Scorer
from auditkit.explaining.parallel import each_in
from auditkit.explaining.text_games import REPEATED, TextGames, text_games
from auditkit.explaining.values import Cost
from auditkit.methods.shapley_game import Floats, one_thread
from auditkit.methods.shapley_model import EncodedModel
from auditkit.methods.shapley_output import Output, output_names
from auditkit.methods.shapley_text import (
    EXACT_TOKENS,
    FIRST_ORDERS,
    TokenValues,
    cost,
    half_widths,
    token_values,
)

#: Texts that a process is given at once.
_TOGETHER = 16


@dataclass(frozen=True, slots=True, eq=False)
class TextAttribution:
    """Shapley values of the tokens of texts.

    Where the model gives k numbers a row, every array of numbers has one more axis, of length k.

    Attributes:
        tokens: The tokens of each text that the model reads, in their order.
        values: For each text the value of each token, shape (tokens,); unit: of what is explained.
            NaN in texts that the budget did not reach.
        standard_errors: Likewise: of the draw of orders alone, for there is no background that
            could have been another; 0 where values are exact. See `half_widths`.
        base_value: What is explained, for the empty text; shape (k,) of k outputs.
        outputs: Shape (m,): what is explained, for each text; its values and the base value add up
            to it.
        estimator: For each text "exact", "sampled" or "not reached".
        evaluations: Texts that the model was asked about.
        output_names: Name of each of k outputs, where there are several and they are known.
        orders: Orders of the tokens that were walked for each text; 0 where values are exact.
    """

    tokens: tuple[tuple[str, ...], ...]
    values: tuple[Floats, ...]
    standard_errors: tuple[Floats, ...]
    base_value: float | Floats
    outputs: Floats
    estimator: tuple[str, ...]
    evaluations: int
    output_names: tuple[str, ...] = ()
    orders: tuple[int, ...] = ()

    @property
    def reached(self) -> int:
        """Texts that have values: the first ones."""
        return len(self.tokens) - self.estimator.count("not reached")

    def shown(self) -> TextAttribution:
        """The same without the texts that the budget did not reach."""
        texts = slice(self.reached)
        return replace(
            self,
            tokens=self.tokens[texts],
            values=self.values[texts],
            standard_errors=self.standard_errors[texts],
            outputs=self.outputs[texts],
            estimator=self.estimator[texts],
            orders=self.orders[texts],
        )

    @property
    def additivity_gap(self) -> float:
        """Largest difference of an output and the sum of its values and the base value."""
        rows = range(self.reached)
        sums = [self.values[i].sum(axis=0) + self.base_value for i in rows]
        return max((float(np.abs(sums[i] - self.outputs[i]).max()) for i in rows), default=0.0)

    def half_widths(self, level: float = 0.95) -> tuple[Floats, ...]:
        """Half the width of each value's interval, by Student's t over the orders.

        Args:
            level: Two-sided confidence level, in (0, 1).

        Returns:
            Of the shapes of `values`: 0 where values are exact.
        """
        pairs = zip(self.standard_errors, self.orders, strict=True)
        return tuple(half_widths(errors, orders, level) for errors, orders in pairs)


def text_shapley_values(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    *,
    column: str | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    standard_error: float = 0.01,
    orders: int = 400,
    exact_tokens: int = EXACT_TOKENS,
    budget: int | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> TextAttribution:
    """Compute Shapley values of the tokens of each text.

    A token that is absent is taken out, and the text closes up: it is not replaced by "unknown".
    The base value is the model's output for the empty text, so that no background is needed. Texts
    of at most 12 tokens are exact, over all subsets; of longer ones random orders of the tokens
    are walked forth and back. The standard errors are those of this draw alone.

    Args:
        model: A network over text that auditkit trained or opened, whose own tokens are taken; or
            any model with `scores(rows)` that reads one column of text, which is asked about texts
            from which words are cut out.
        rows: Raw rows.
        column: The column of text; may be left out where the model names one feature.
        output: As in `auditkit.shapley_values`.
        threshold: As in `auditkit.shapley_values`.
        standard_error: Orders are drawn until no token of a text has a larger one; unit: of what
            is explained.
        orders: Most orders of one text.
        exact_tokens: Texts of at most so many tokens are exact, up to 12; fewer where many texts
            matter more than each of them.
        budget: Most texts that the model is asked about; None means as many as it takes. Each text
            gets its first orders before any gets more; texts that it does not reach are marked.
        seed: Seed of the orders. A text has the same values wherever it stands.
        jobs: Processes that share the texts; the values are the same for any number.

    Returns:
        The values.

    Raises:
        InputError: If the model reads no text, or more than the text, the column is missing or
            holds something else, or a setting is out of range.
        ValueError: As `auditkit.shapley_values`.

    Source:
        Lundberg and Lee (2017), NeurIPS; see `auditkit.methods.shapley.shapley`.

    Example:
        >>> class Praise:
        ...     features = ("review",)
        ...     def scores(self, rows):
        ...         return rows["review"].str.contains("good").to_numpy(float)
        >>> found = text_shapley_values(Praise(), pd.DataFrame({"review": ["A good one"]}))
        >>> found.tokens[0], found.values[0].round(9).tolist()
        (('A', 'good', 'one'), [0.0, 1.0, -0.0])
    """
    each = each_in(jobs)
    problems = _setting_problems(standard_error, orders, exact_tokens, budget)
    if problems:
        raise InputError(problems)
    with one_thread():
        texts = text_games(model, rows, column, output, threshold)
        sizes = [len(line) for line in texts.tokens]
        allowed = _allowed(sizes, orders, exact_tokens, budget)
        asked, reached = texts.asked(), texts.part(slice(len(allowed)))
        base, ends = reached.ends(asked)
        calls = (
            (
                *(reached.part(span), base, ends[span], seed),
                *(standard_error, allowed[span], exact_tokens),
            )
            for span in (slice(i, i + _TOGETHER) for i in range(0, len(allowed), _TOGETHER))
        )
        found = [one for part in each(_explain, calls) for one in part]
    names = output_names(getattr(model, "classes", ()), texts.width, output)
    return _gathered(texts, base, ends, found, asked.evaluations, names)


def text_shapley_cost(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    *,
    column: str | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    orders: int = 400,
    exact_tokens: int = EXACT_TOKENS,
    budget: int | None = None,
) -> Cost:
    """Tell what `text_shapley_values` costs at most with the same arguments, before it runs.

    Args:
        model: As in `text_shapley_values`, and so are all others.
        rows: Raw rows.
        column: The column of text.
        output: What is explained.
        threshold: Score from which on a binary model decides for the positive class.
        orders: Most orders of one text.
        exact_tokens: Texts of at most so many tokens are exact.
        budget: Most texts that the model is asked about.

    Returns:
        The cost: the most evaluations, which fewer orders than `orders` may undercut;
        `exact_share` is the share of the texts. The time is rough: the first texts are run.

    Raises:
        InputError: As `text_shapley_values`.
        ValueError: As `text_shapley_values`.

    Example:
        >>> class Praise:
        ...     features = ("review",)
        ...     def scores(self, rows):
        ...         return rows["review"].str.contains("good").to_numpy(float)
        >>> text_shapley_cost(Praise(), pd.DataFrame({"review": ["A good film"]})).evaluations
        12
    """
    with one_thread():
        texts = text_games(model, rows, column, output, threshold)
        asked = texts.asked()
        sizes = [len(line) for line in texts.tokens]
        allowed = _allowed(sizes, orders, exact_tokens, budget)
        costs = (cost(sizes[row], most, exact_tokens) for row, most in enumerate(allowed))
        total = 1 + sum(_least(row) + one for row, one in enumerate(costs))
        part = texts.part(slice(0, min(_TOGETHER, len(allowed))))
        start = time.process_time()
        base, outputs = part.ends(asked)
        timed = _explain(part, base, outputs, 0, 0.0, [FIRST_ORDERS] * len(outputs), exact_tokens)
        seconds = time.process_time() - start
    exact = sum(size <= exact_tokens for size in sizes[: len(allowed)]) / max(1, len(allowed))
    probed = asked.evaluations + sum(one.evaluations for one in timed)
    return Cost(total, exact, len(allowed), len(sizes), seconds * total / max(1, probed))


def _setting_problems(
    standard_error: float, orders: int, exact_tokens: int, budget: int | None
) -> list[Problem]:
    problems = []
    if not standard_error >= 0:
        problems.append(Problem("standard_error", quote(standard_error), "a number from 0"))
    if orders < FIRST_ORDERS:
        problems.append(Problem("orders", quote(orders), f"a whole number from {FIRST_ORDERS}"))
    if not 0 <= exact_tokens <= EXACT_TOKENS:
        expected = f"a whole number up to {EXACT_TOKENS}"
        problems.append(Problem("exact_tokens", quote(exact_tokens), expected))
    if budget is not None and budget < 1:
        problems.append(Problem("budget", quote(budget), "a whole number from 1, or None"))
    return problems


def _least(row: int) -> int:
    """Evaluations of a whole text: once, and of the first texts twice more."""
    return 3 if row < REPEATED else 1


def _allowed(sizes: Sequence[int], orders: int, exact_tokens: int, budget: int | None) -> list[int]:
    """Most orders of each text that is reached: the first of all, then equal parts of the rest.

    Raises:
        ValueError: If the budget does not reach the first text.
    """
    if budget is None:
        return [orders] * len(sizes)
    firsts = (cost(size, FIRST_ORDERS, exact_tokens) for size in sizes)
    costs = [_least(row) + one for row, one in enumerate(firsts)]
    least = 1 + np.cumsum(costs)
    reached = int(np.searchsorted(least, budget, side="right"))
    if sizes and not reached:
        raise ValueError(f"the first text costs {least[0]} evaluations; the budget is {budget}")
    one_more = sum(cost(size, 1, 0) for size in sizes[:reached] if size > exact_tokens)
    left = budget - int(least[reached - 1]) if reached else 0
    each = min(orders, FIRST_ORDERS + left // max(1, one_more))
    return [each] * reached


def _explain(
    texts: TextGames,
    base: Floats,
    outputs: Floats,
    seed: int,
    standard_error: float,
    orders: Sequence[int],
    exact_tokens: int,
) -> list[TokenValues]:
    """Explain some texts, perhaps in another process: those that may have orders."""
    size = len(orders)
    with one_thread():
        return token_values(
            texts.asked(),
            texts.codes[:size],
            base,
            outputs,
            rngs=[np.random.default_rng([seed, *_content(line)]) for line in texts.tokens[:size]],
            standard_error=standard_error,
            orders=orders,
            exact_tokens=exact_tokens,
        )


def _content(tokens: Sequence[str]) -> bytes:
    """What a text's random numbers follow from, so that they do not depend on its place."""
    return hashlib.sha256("\0".join(tokens).encode(errors="replace")).digest()[:8]


def _gathered(
    texts: TextGames,
    base: Floats,
    outputs: Floats,
    found: Sequence[TokenValues],
    evaluations: int,
    names: tuple[str, ...],
) -> TextAttribution:
    rest = list(_unreached(texts, base, len(found)))
    estimators = ["sampled" if one.orders else "exact" for one in found]
    return TextAttribution(
        tokens=tuple(tuple(line) for line in texts.tokens),
        values=(*(one.values for one in found), *rest),
        standard_errors=(*(one.standard_errors for one in found), *rest),
        base_value=float(base) if texts.width == 1 else base,
        outputs=np.concatenate([outputs, np.full((len(rest), *outputs.shape[1:]), np.nan)]),
        estimator=(*estimators, *["not reached"] * len(rest)),
        evaluations=evaluations + sum(one.evaluations for one in found),
        output_names=names,
        orders=(*(one.orders for one in found), *[0] * len(rest)),
    )


def _unreached(texts: TextGames, base: Floats, first: int) -> Iterator[Any]:
    for line in texts.tokens[first:]:
        yield np.full((len(line), *np.shape(base)), np.nan)
