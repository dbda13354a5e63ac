"""Settings of the steps around training: cleaning, augmentation, weights. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditkit.errors import Problem, quote
from auditkit.training.limits import (
    NAMES,
    Limit,
    list_of,
    one_of,
    optional,
    real,
    setting,
    share,
    tupled,
    whole,
)


def _are_two_words(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(word, str) and word.strip() for word in value)
    )


_PAIR = Limit("two words", _are_two_words)


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What happens to the training rows before a network learns from them; part of `Training`.

    Attributes:
        duplicates: "keep" or "drop": of training rows that are equal in every column that plays a
            part, one is kept. How many there are is in the record either way.
        clip: Share of the numbers of each column at each end that is clipped to the quantiles of
            training, in training and in prediction; in [0, 0.5). Columns with two values are not.
        swaps: Pairs of words or phrases, for a network over text. Each training text that holds
            one gets a twin in which each is put in the place of the other. Whole tokens are
            swapped, upper case is kept, and so is the outcome.
        oversample: Columns; of the smaller of their groups, training rows are drawn again, with
            replacement, until all are as large as the largest. A missing value is a group.
        class_weight: "balanced" weighs each class as much as any other, as scikit-learn does; or
            None.
        group_weight: "balanced" weighs each group of `group_columns` as much as any other;
            "reweighing" weighs each group and class so that they are independent (Kamiran and
            Calders); or None.
        group_columns: Columns whose groups are weighed, all together; the model need not read
            them. A missing value is a group of its own.
        fairness_penalty: Strength of a penalty in the loss, from 0 (none): it is multiplied by the
            squared difference of the mean predicted probabilities of two groups in the batch (of
            more groups, by its mean over all pairs). Validation losses hold it too. Batches must
            be large enough to hold rows of every group.
        fairness_columns: Columns whose groups are held together by it, all together; the model
            need not read them. Rows with a missing value are left out of the penalty.
        fairness_constraint: "demographic_parity" compares groups over all rows,
            "equal_opportunity" over rows whose outcome is positive, "equalized_odds" over rows
            of each outcome.
        freeze: Layers of the network whose weights do not move, by name: "linear1" and on, "lstm",
            "vectors" or "mean" (over text), "output".
        unfreeze_after: Epochs after which they move too; None leaves them as they are.
        temperature: Where there is a teacher: what the logits of both are divided by, so that small
            probabilities teach too.
        teacher_share: Where there is a teacher: weight of its part of the loss, in [0, 1]; the
            outcomes have the rest.

    Example:
        >>> from auditkit.training import Training
        >>> Training(group_weight="reweighing")
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. Training.group_columns: found none, expected the columns of the groups to weigh.
    """

    duplicates: str = setting("keep", one_of("keep", "drop"))
    clip: float = setting(0.0, real(0, 0.5))
    swaps: Sequence[Sequence[str]] = setting((), list_of(_PAIR, 10_000))
    oversample: Sequence[str] = setting((), NAMES)
    class_weight: str | None = setting(None, optional(one_of("balanced")))
    group_weight: str | None = setting(None, optional(one_of("balanced", "reweighing")))
    group_columns: Sequence[str] = setting((), NAMES)
    fairness_penalty: float = setting(0.0, real(0, 1e6))
    fairness_columns: Sequence[str] = setting((), NAMES)
    fairness_constraint: str = setting(
        "demographic_parity", one_of("demographic_parity", "equal_opportunity", "equalized_odds")
    )
    freeze: Sequence[str] = setting((), NAMES)
    unfreeze_after: int | None = setting(None, optional(whole(1, 1_000_000)))
    temperature: float = setting(2.0, real(0.01, 1_000))
    teacher_share: float = setting(0.9, share())

    def put_in_order(self) -> None:
        """Put tuples in the place of lists, as TOML has them."""
        for name in ("oversample", "group_columns", "fairness_columns", "swaps", "freeze"):
            object.__setattr__(self, name, tupled(getattr(self, name)))
        if isinstance(self.swaps, tuple):
            object.__setattr__(self, "swaps", tuple(map(tupled, self.swaps)))

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Columns of the training rows that these settings name, each once."""
        penalised = self.fairness_columns if self.fairness_penalty else ()
        return tuple(dict.fromkeys([*self.oversample, *self.group_columns, *penalised]))

    def contradictions(self) -> list[Problem]:
        """Settings of which one makes no sense with or without another."""
        return list(self._contradictions())

    def _contradictions(self) -> Iterator[Problem]:
        if self.group_weight is not None and not self.group_columns:
            expected = "the columns of the groups to weigh"
            yield Problem("Training.group_columns", "none", expected)
        if self.group_weight is None and self.group_columns:
            found = f"{quote(self.group_columns)} without group_weight"
            yield Problem("Training.group_columns", found, "group_weight too")
        if self.fairness_penalty and not self.fairness_columns:
            expected = "the columns of the groups to hold together"
            yield Problem("Training.fairness_columns", "none", expected)
        if self.unfreeze_after is not None and not self.freeze:
            found = f"{quote(self.unfreeze_after)} without freeze"
            yield Problem("Training.unfreeze_after", found, "layers under freeze too")
        if not list_of(_PAIR, 10_000).holds(self.swaps):
            return  # which is told as such
        words = [word.casefold() for pair in self.swaps for word in pair]
        for word in sorted({word for word in words if words.count(word) > 1}):
            hint = "A word has one other that is put in its place, in both directions."
            yield Problem("Training.swaps", f"{quote(word)} twice", "each word once", hint)

    def not_private(self) -> list[Problem]:
        """Settings that private training cannot keep."""
        once = "private training, in which every row counts once, without it"
        alone = "private training, which looks at the loss of each row alone, without it"
        always = "private training, whose layers learn in every step or in none, without it"
        asked = (
            ("duplicates", self.duplicates == "drop", once),
            ("swaps", self.swaps, once),
            ("oversample", self.oversample, once),
            ("class_weight", self.class_weight, once),
            ("group_weight", self.group_weight, once),
            ("fairness_penalty", self.fairness_penalty, alone),
            ("unfreeze_after", self.unfreeze_after, always),
        )
        return [
            Problem(f"Training.{name}", "privacy too", expected)
            for name, is_asked, expected in asked
            if is_asked
        ]
