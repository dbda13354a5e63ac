"""Settings of the steps around training: cleaning, augmentation, weights. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditkit.errors import Problem, quote
from auditkit.training.limits import NAMES, one_of, optional, setting, tupled


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What happens to the training rows before a network learns from them; part of `Training`.

    Attributes:
        class_weight: "balanced" weighs each class as much as any other, as scikit-learn does; or
            None.
        group_weight: "balanced" weighs each group of `group_columns` as much as any other;
            "reweighing" weighs each group and class so that they are independent (Kamiran and
            Calders); or None.
        group_columns: Columns whose groups are weighed, all together; the model need not read
            them. A missing value is a group of its own.

    Example:
        >>> from auditkit.training import Training
        >>> Training(group_weight="reweighing")
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. Training.group_columns: found none, expected the columns of the groups to weigh.
    """

    class_weight: str | None = setting(None, optional(one_of("balanced")))
    group_weight: str | None = setting(None, optional(one_of("balanced", "reweighing")))
    group_columns: Sequence[str] = setting((), NAMES)

    def put_in_order(self) -> None:
        """Put tuples in the place of lists, as TOML has them."""
        object.__setattr__(self, "group_columns", tupled(self.group_columns))

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Columns of the training rows that these settings name, each once."""
        return tuple(dict.fromkeys(self.group_columns))

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

    def not_private(self) -> list[Problem]:
        """Settings that private training cannot keep: each lets a row count more than once."""
        asked = {
            "class_weight": self.class_weight is not None,
            "group_weight": self.group_weight is not None,
        }
        expected = "private training, in which every row counts once, without it"
        return [
            Problem(f"Training.{name}", "privacy too", expected) for name in asked if asked[name]
        ]
