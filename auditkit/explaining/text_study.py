"""A sample of texts explained word by word: what the audit of explanations reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from auditkit.explaining.frames import Scorer
from auditkit.explaining.limits import EXPLAINED, WORK, Limits
from auditkit.explaining.row_study import Mask
from auditkit.explaining.text_games import is_encoded_text
from auditkit.explaining.texts import TextAttribution, text_shapley_values
from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley_game import Floats, Positions
from auditkit.methods.shapley_gap import Gap, gap_of_rows
from auditkit.methods.shapley_metrics import Quantity
from auditkit.methods.shapley_model import EncodedModel, look_inside
from auditkit.methods.shapley_summary import mean_within_bound
from auditkit.methods.shapley_words import WordValues, word_importance, word_values
from auditkit.subject import Subject

#: Orders of the tokens of each text, and tokens up to which a text is exact all the same: the
#: texts vary far more than the orders.
_ORDERS, _EXACT = 24, 8
#: Texts among which the longest is sought that tells what the network costs.
_SIZED = 256
#: Name of the player that holds all words that are not named; no token is written so.
OTHER_WORDS = "(all other words)"
#: Why reasons are not held against those of another background.
NO_BACKGROUND = "a word that is absent is cut out of the text, so there is no background to split"


@dataclass(frozen=True, eq=False)
class TextStudy:
    """Explained texts; has what `auditkit.explaining.row_study.RowStudy` has.

    Attributes:
        places: Shape (m,): which assessed rows were explained.
        found: The values of the tokens.
        by_word: The values of the words, scores first.
        classes: Scores of a row.
        bound: Greatest size that a value may have; infinite for numbers.
        source: What was computed from what, in words.
        listed: Which words are named, in words.
    """

    places: Positions
    found: TextAttribution
    by_word: WordValues
    classes: int
    bound: float
    source: str
    listed: str

    @property
    def names(self) -> tuple[str, ...]:
        """The words that are named, and last all others."""
        return (*self.by_word.words, OTHER_WORDS)

    @property
    def outputs(self) -> Floats:
        """Scores of the explained texts, shape (m,), or (m, k) of k classes."""
        return self._of("score", self.found.outputs)

    @property
    def additivity_gap(self) -> float:
        """Largest difference of a score and the sum of its values and the base value."""
        return self.found.additivity_gap

    def importance(self, level: float) -> list[Estimate]:
        """Mean size of the values of each word."""
        return word_importance(self.by_word, level, self.bound)

    def typical_error(self, level: float) -> Estimate:
        """Mean standard error of the largest value of a text, of its likeliest class."""
        pairs = zip(self.found.values, self.found.standard_errors, strict=True)
        foremost = self.outputs.argmax(axis=1) if self.classes > 1 else None
        largest = [
            _largest_error(*(_one(part, row, foremost) for part in pair))
            for row, pair in enumerate(pairs)
            if len(pair[0])
        ]
        if not largest:
            return Estimate.undefined("no explained text has a word")
        return mean_within_bound(np.array(largest), level, self.bound)

    def agreement(self, top: int, rng: np.random.Generator, level: float) -> tuple[Estimate, str]:  # noqa: ARG002 - as of rows
        """Nothing: there is no background whose halves could give other reasons."""
        return Estimate.undefined(NO_BACKGROUND), "no background"

    def gap(self, of: Quantity, output: int, a: Mask, b: Mask, level: float) -> Gap | str:
        """Take the difference of two groups apart by word; see `RowStudy.gap`."""
        values, outputs = self._of(of, self.by_word.values), self._of(of, self.found.outputs)
        if self.classes > 1:
            values, outputs = values[..., output], outputs[..., output]
        return gap_of_rows(values, outputs, a, b, level, self.bound) or "a group has one text only"

    def strip(self, player: int, output: int) -> tuple[Floats, None]:
        """Values of a word in the texts that hold it."""
        values = self._of("score", self.by_word.values)
        held = self.by_word.holds[:, player]
        return (values[held, player, output] if values.ndim == 3 else values[held, player]), None

    def _of(self, of: Quantity, numbers: Floats) -> Floats:
        """Scores or decisions of numbers (..., k), where both were explained."""
        if np.ndim(self.found.base_value) == 0:
            return numbers
        first = 0 if of == "score" else self.classes
        part = numbers[..., first : first + self.classes]
        return part if self.classes > 1 else part[..., 0]


def explain_texts(
    subject: Subject, rng: np.random.Generator, limits: Limits, *, decisions: bool
) -> TextStudy:
    """Draw a sample of the assessed texts and explain it; see `explain_rows`.

    Raises:
        ValueError: As `explain_rows`.
        ModelError: As `explain_rows`.
    """
    if len(subject) == 0:
        raise ValueError("there is no assessed row")
    places = rng.permutation(len(subject))[: limits.texts].astype(np.int64)
    rows = subject.rows.iloc[places]
    both = decisions and subject.task != "regression"
    found = text_shapley_values(
        cast("Scorer", subject.model),
        rows,
        output="both" if both else "probability",
        threshold=subject.threshold,
        standard_error=0.0,
        orders=_ORDERS,
        exact_tokens=_EXACT,
        budget=_budget(subject, limits, places),
        seed=int(rng.integers(2**63)),
    )
    m = found.reached
    width = 1 if np.ndim(found.base_value) == 0 else np.size(found.base_value)
    classes = width // 2 if both else width
    by_word = word_values(
        [[token.lower() for token in line] for line in found.tokens[:m]],
        found.values[:m],
        found.standard_errors[:m],
        scores=classes,
        least=limits.min_texts,
        most=limits.words,
    )
    bound = np.inf if subject.task == "regression" else 1.0
    source, listed = _source(subject, found), _listed(by_word, limits)
    return TextStudy(places[:m], found.shown(), by_word, classes, bound, source, listed)


def _budget(subject: Subject, limits: Limits, places: Positions) -> int:
    if limits.budget is not None:
        return limits.budget
    if not is_encoded_text(subject.model):
        return limits.asked(subject.model)
    model = cast("EncodedModel", subject.model)
    encoded = model.encode(subject.rows.iloc[places[:_SIZED]])
    # What is not there is 0, and a network may skip it: the longest text costs most.
    longest = np.count_nonzero(encoded.reshape(len(encoded), -1), axis=1).argmax()
    whole = encoded[longest : longest + 1]
    return look_inside(model, whole, whole, "probability").evaluations(WORK)


def _source(subject: Subject, found: TextAttribution) -> str:
    m = found.reached
    exact = found.estimator.count("exact") / max(1, m)
    others = "" if exact == 1 else f", the others by up to {_ORDERS} orders of their words"
    return (
        f"Shapley values of {EXPLAINED[subject.task]} for {m:,} of {len(subject):,} assessed "
        f"texts, absent words cut out; {exact:.0%} of texts exact{others}; "
        f"{found.evaluations:,} evaluations"
    )


def _listed(found: WordValues, limits: Limits) -> str:
    return (
        f"{len(found.words):,} words named, of {found.common:,} that at least "
        f"{limits.min_texts} explained texts hold; the {found.others:,} others together"
    )


def _one(part: Floats, row: int, foremost: Positions | None) -> Floats:
    """Numbers of one output (tokens,): the score, or that of the likeliest class."""
    if part.ndim == 1:
        return part
    return part[:, 0 if foremost is None else foremost[row]]


def _largest_error(values: Floats, errors: Floats) -> float:
    return float(errors[np.abs(values).argmax()])
