"""Shapley values of the tokens of each text."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import pandas as pd

from auditkit.encoding.raw import demand
from auditkit.encoding.text import column_texts, token_spans
from auditkit.errors import InputError, Problem, quote
from auditkit.explaining.parallel import each_in
from auditkit.explaining.values import Cost, is_network
from auditkit.methods.shapley_game import Asked, Batched, Floats, Rows, one_thread
from auditkit.methods.shapley_model import EncodedModel, look_inside
from auditkit.methods.shapley_output import Output, Reading
from auditkit.methods.shapley_text import (
    EXACT_TOKENS,
    FIRST_ORDERS,
    TokenValues,
    cost,
    token_values,
)
from auditkit.models import Model

#: Texts that the model is given at once.
_CHUNK = 8192
#: Texts that a process is given at once.
_TOGETHER = 16
#: Texts about which the model is asked twice.
_REPEATED = 16


@dataclass(frozen=True, slots=True, eq=False)
class TextAttribution:
    """Shapley values of the tokens of texts.

    Where the model gives k numbers a row, every array of numbers has one more axis, of length k.

    Attributes:
        tokens: The tokens of each text that the model reads, in their order.
        values: For each text the value of each token, shape (tokens,); unit: of what is explained.
            NaN in texts that the budget did not reach.
        standard_errors: Likewise: of the draw of orders alone, for there is no background that
            could have been another; 0 where values are exact.
        base_value: What is explained, for the empty text; shape (k,) of k outputs.
        outputs: Shape (m,): what is explained, for each text; its values and the base value add up
            to it.
        estimator: For each text "exact", "sampled" or "not reached".
        evaluations: Texts that the model was asked about.
        output_names: Name of each of k outputs, where there are several and they are known.
    """

    tokens: tuple[tuple[str, ...], ...]
    values: tuple[Floats, ...]
    standard_errors: tuple[Floats, ...]
    base_value: float | Floats
    outputs: Floats
    estimator: tuple[str, ...]
    evaluations: int
    output_names: tuple[str, ...] = ()

    @property
    def reached(self) -> int:
        """Texts that have values: the first ones."""
        return len(self.tokens) - self.estimator.count("not reached")

    @property
    def additivity_gap(self) -> float:
        """Largest difference of an output and the sum of its values and the base value."""
        rows = range(self.reached)
        sums = [self.values[i].sum(axis=0) + self.base_value for i in rows]
        return max((float(np.abs(sums[i] - self.outputs[i]).max()) for i in rows), default=0.0)


def text_shapley_values(
    model: Model | EncodedModel,
    rows: pd.DataFrame,
    *,
    column: str | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    standard_error: float = 0.01,
    orders: int = 400,
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
    problems = _setting_problems(standard_error, orders, budget)
    if problems:
        raise InputError(problems)
    with one_thread():
        texts = _texts_of(model, rows, column, output, threshold)
        asked = texts.asked()
        base, ends = texts.ends(asked)
        allowed = _allowed([len(line) for line in texts.tokens], orders, budget, asked.evaluations)
        calls = (
            (texts.part(span), base, ends[span], seed, standard_error, allowed[span])
            for span in (slice(i, i + _TOGETHER) for i in range(0, len(allowed), _TOGETHER))
        )
        found = [one for part in each(_explain, calls) for one in part]
    classes = tuple(map(str, getattr(model, "classes", ())))
    return _gathered(texts, base, ends, found, asked.evaluations, classes)


def text_shapley_cost(
    model: Model | EncodedModel,
    rows: pd.DataFrame,
    *,
    column: str | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    orders: int = 400,
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
        texts = _texts_of(model, rows, column, output, threshold)
        asked = texts.asked()
        sizes = [len(line) for line in texts.tokens]
        ends = 1 + len(sizes) + 2 * min(len(sizes), _REPEATED)
        allowed = _allowed(sizes, orders, budget, ends)
        total = ends + sum(cost(size, most) for size, most in zip(sizes, allowed, strict=False))
        part = texts.part(slice(0, min(_TOGETHER, len(allowed))))
        start = time.process_time()
        base, outputs = part.ends(asked)
        timed = _explain(part, base, outputs, 0, 0.0, [FIRST_ORDERS] * len(outputs))
        seconds = time.process_time() - start
    exact = sum(size <= EXACT_TOKENS for size in sizes[: len(allowed)]) / max(1, len(allowed))
    probed = asked.evaluations + sum(one.evaluations for one in timed)
    return Cost(total, exact, len(allowed), len(sizes), seconds * total / max(1, probed))


@runtime_checkable
class _Pieces(Protocol):
    """An encoder of text whose encoded rows hold a number for each token, then zeros."""

    def pieces(self, rows: pd.DataFrame) -> list[list[str]]: ...


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts as games.

    Attributes:
        tokens: The tokens of each text.
        codes: What stands for them: numbers of the encoder, or places in `pieces`.
        function: Takes codes (n, d) of some texts, 0 where a token is taken out.
        width: Outputs of a text.
    """

    tokens: Sequence[Sequence[str]]
    codes: Sequence[Rows]
    function: Batched
    width: int

    def part(self, span: slice) -> _Texts:
        return replace(self, tokens=self.tokens[span], codes=self.codes[span])

    def asked(self) -> Asked:
        return Asked(self.function, _CHUNK, self.width)

    def ends(self, asked: Asked) -> tuple[Floats, Floats]:
        """What is explained for the empty text, and for each whole text."""
        longest = max((len(line) for line in self.codes), default=0)
        whole = np.zeros((1 + len(self.codes), max(longest, 1)), dtype=np.float32)
        for line, numbers in zip(whole[1:], self.codes, strict=True):
            line[: len(numbers)] = numbers
        asked.check_repeats(whole[1 : 1 + _REPEATED])
        outputs = asked.in_chunks(whole)
        return outputs[0], outputs[1:]


def _texts_of(
    model: Model | EncodedModel,
    rows: pd.DataFrame,
    column: str | None,
    output: Output,
    threshold: float,
) -> _Texts:
    encoder = getattr(model, "encoder", None)
    if is_network(model) and isinstance(encoder, _Pieces):
        if column not in (None, *getattr(encoder, "features", ())):
            raise InputError([Problem("column", quote(column), "the column that the model reads")])
        return _encoded_texts(cast("EncodedModel", model), encoder, rows, output, threshold)
    return _written_texts(cast("Model", model), rows, column, output, threshold)


def _encoded_texts(
    model: EncodedModel, encoder: _Pieces, rows: pd.DataFrame, output: Output, threshold: float
) -> _Texts:
    tokens, encoded = encoder.pieces(rows), model.encode(rows)
    nothing = np.zeros((1, *encoded.shape[1:]), dtype=np.float32)
    inside = look_inside(model, encoded, nothing, output, threshold)
    codes = [line[: len(pieces)] for line, pieces in zip(encoded, tokens, strict=True)]
    return _Texts(tokens, codes, _Padded(inside.function, encoded.shape[1]), inside.width)


@dataclass(frozen=True)
class _Padded:
    """A function of whole encoded rows, given as many columns as some texts need."""

    function: Batched
    length: int

    def __call__(self, codes: Rows) -> Floats:
        whole = np.zeros((len(codes), self.length), dtype=np.float32)
        whole[:, : codes.shape[1]] = codes[:, : self.length]
        return np.asarray(self.function(whole), dtype=np.float64)


def _written_texts(
    model: Model, rows: pd.DataFrame, column: str | None, output: Output, threshold: float
) -> _Texts:
    features = list(getattr(model, "features", None) or ([column] if column else rows.columns))
    if len(features) != 1 or column not in (None, features[0]):
        found = f"a model that reads {', '.join(map(quote, features[:5]))}; column {quote(column)}"
        raise InputError([Problem("column", found, "a model that reads one column of text alone")])
    demand(rows, features)
    cut = [_cut(text) for text in column_texts(rows[features[0]])]
    number_of = {"": 0}
    for piece in (piece for line in cut for _, piece in line):
        number_of.setdefault(piece, len(number_of))
    codes = [np.array([number_of[piece] for _, piece in line], np.float32) for line in cut]
    read = Reading(output, threshold, regression=getattr(model, "task", None) == "regression")
    function = _Written(model, features[0], tuple(number_of), read)
    given = function(np.zeros((1, 1), np.float32))
    width = given.shape[1] if given.ndim == 2 else 1
    return _Texts([[token for token, _ in line] for line in cut], codes, function, width)


@dataclass(frozen=True)
class _Written:
    """What is explained of the scores of texts that are put together again from pieces."""

    model: Model
    column: str
    pieces: Sequence[str]
    read: Reading

    def __call__(self, codes: Rows) -> Floats:
        texts = ["".join([self.pieces[c] for c in line]) for line in codes.astype(int).tolist()]
        frame = pd.DataFrame({self.column: pd.Series(texts, dtype=object)})
        return self.read(self.model.scores(frame))


def _cut(text: str) -> list[tuple[str, str]]:
    """Tokens of a text, each with the piece that goes with it: all pieces are the text.

    What stands between two tokens goes with the first of them, and a text without tokens is one.
    """
    spans = list(token_spans(text))
    if not spans:
        return [(text, text)] if text else []
    starts = [0, *(start for start, _ in spans[1:]), len(text)]
    pieces = [text[a:b] for a, b in zip(starts, starts[1:], strict=False)]
    return [(text[a:b], piece) for (a, b), piece in zip(spans, pieces, strict=True)]


def _setting_problems(standard_error: float, orders: int, budget: int | None) -> list[Problem]:
    problems = []
    if not standard_error >= 0:
        problems.append(Problem("standard_error", quote(standard_error), "a number from 0"))
    if orders < FIRST_ORDERS:
        problems.append(Problem("orders", quote(orders), f"a whole number from {FIRST_ORDERS}"))
    if budget is not None and budget < 1:
        problems.append(Problem("budget", quote(budget), "a whole number from 1, or None"))
    return problems


def _allowed(sizes: Sequence[int], orders: int, budget: int | None, spent: int) -> list[int]:
    """Most orders of each text that is reached: the first of all, then equal parts of the rest.

    Raises:
        ValueError: If the budget does not reach the first text.
    """
    if budget is None:
        return [orders] * len(sizes)
    least = spent + np.cumsum([cost(size, FIRST_ORDERS) for size in sizes])
    reached = int(np.searchsorted(least, budget, side="right"))
    if sizes and not reached:
        raise ValueError(f"the first text costs {least[0]} evaluations; the budget is {budget}")
    one_more = sum(cost(size, 1) for size in sizes[:reached] if size > EXACT_TOKENS)
    left = budget - int(least[reached - 1]) if reached else 0
    each = min(orders, FIRST_ORDERS + left // max(1, one_more))
    return [each] * reached


def _explain(
    texts: _Texts,
    base: Floats,
    outputs: Floats,
    seed: int,
    standard_error: float,
    orders: Sequence[int],
) -> list[TokenValues]:
    """Explain some texts, perhaps in another process: those that may have orders."""
    asked = texts.asked()
    with one_thread():
        return [
            token_values(
                asked,
                codes,
                base,
                whole,
                rng=np.random.default_rng([seed, *_content(tokens)]),
                standard_error=standard_error,
                orders=most,
            )
            for tokens, codes, whole, most in zip(
                texts.tokens, texts.codes, outputs, orders, strict=False
            )
        ]


def _content(tokens: Sequence[str]) -> bytes:
    """What a text's random numbers follow from, so that they do not depend on its place."""
    return hashlib.sha256("\0".join(tokens).encode(errors="replace")).digest()[:8]


def _gathered(
    texts: _Texts,
    base: Floats,
    outputs: Floats,
    found: Sequence[TokenValues],
    evaluations: int,
    classes: tuple[str, ...],
) -> TextAttribution:
    rest = list(_unreached(texts, base, len(found)))
    names = ["sampled" if one.orders else "exact" for one in found]
    return TextAttribution(
        tokens=tuple(tuple(line) for line in texts.tokens),
        values=(*(one.values for one in found), *rest),
        standard_errors=(*(one.standard_errors for one in found), *rest),
        base_value=float(base) if texts.width == 1 else base,
        outputs=outputs,
        estimator=(*names, *["not reached"] * len(rest)),
        evaluations=evaluations + sum(one.evaluations for one in found),
        output_names=classes if len(classes) == texts.width > 1 else (),
    )


def _unreached(texts: _Texts, base: Floats, first: int) -> Iterator[Any]:
    for line in texts.tokens[first:]:
        yield np.full((len(line), *np.shape(base)), np.nan)
