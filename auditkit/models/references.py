"""Models like the audited one, trained on chosen rows and asked about others; kept if wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem
from auditkit.methods.intervals import share
from auditkit.models import Model, Recipe
from auditkit.models.answers import checked_answers
from auditkit.threads import one_thread


@dataclass(frozen=True)
class Reference:
    """What one reference model gave.

    Attributes:
        scores: Shape (n,), or (n, classes): its scores of the rows that it was asked about.
        cpu_seconds: CPU time of its training; 0 where it was kept from an earlier run.
    """

    scores: npt.NDArray[np.float64]
    cpu_seconds: float


@dataclass(frozen=True)
class Bench:
    """How reference models are made.

    Attributes:
        recipe: How the audited model was made.
        task: Kind of prediction.
        classes: Classes in the order of the scores; empty for a binary task.
        features: What the model reads.
        privacy: Settings of private training, as the audited model had, or None.
        keep: Folder where trained models are kept, or None.
    """

    recipe: Recipe
    task: str
    classes: Sequence[str]
    features: Sequence[str]
    privacy: Mapping[str, Any] | None = None
    keep: str | None = None

    def reference(self, rows: pd.DataFrame, asked: pd.DataFrame, seed: int) -> Reference:
        """Train on rows, or find what was trained on them, and score others.

        Args:
            rows: Training rows.
            asked: Rows to score.
            seed: Seed of the training.

        Returns:
            The scores.

        Raises:
            AuditkitError: As `fit` of the recipe; or if its model cannot be kept.
        """
        import torch  # noqa: F401 - before `one_thread`, which holds what is loaded

        with one_thread():
            model, cost = self._model(rows, seed)
            return Reference(checked_answers(model, self.task, asked, self.classes), cost)

    def _model(self, rows: pd.DataFrame, seed: int) -> tuple[Model, float]:
        how: dict[str, Any] = {
            "privacy": self.privacy,
            "features": tuple(self.features),
            "seed": seed,
        }
        folder = self._folder(rows, how)
        kept = None if folder is None else _kept(folder)
        if kept is not None:
            return kept, 0.0
        model, record = self.recipe.fit(rows, **how)
        if folder is not None:
            if not hasattr(model, "save"):
                raise cannot_keep()
            model.save(folder)
        cost = getattr(record, "cost", None) or {}
        return model, float(cost.get("cpu_seconds") or 0.0)

    def _folder(self, rows: pd.DataFrame, how: Mapping[str, Any]) -> Path | None:
        if self.keep is None:
            return None
        digest = getattr(self.recipe, "digest", None)
        named = None if digest is None else digest(rows, **how)
        if named is None:
            raise cannot_keep()
        return Path(self.keep) / str(named)


def alike(train: pd.DataFrame, others: pd.DataFrame) -> tuple[int, int]:
    """Count training rows that equal another training row, and others that equal a training row.

    Args:
        train: The training rows, by the columns that make a row what it is.
        others: Other rows, with the same columns.

    Returns:
        Both counts.

    Example:
        >>> rows = pd.DataFrame({"x": [1, 1, 2, 3]})
        >>> alike(rows[:3], rows[2:])
        (2, 1)
    """
    both = pd.concat([train, others], ignore_index=True)  # so that 1 and 1.0 are one
    hashes = pd.util.hash_pandas_object(both, index=False).to_numpy()
    known, asked = hashes[: len(train)], hashes[len(train) :]
    _, place, times = np.unique(known, return_inverse=True, return_counts=True)
    return int((times[place] > 1).sum()), int(np.isin(asked, known).sum())


def overlap(train: pd.DataFrame, others: pd.DataFrame, level: float) -> str:
    """Say where rows that are taken for others stand among the training rows, beyond chance.

    Rows of one population may be alike; then as many training rows are like another of them.

    Args:
        train: The training rows, by the columns that make a row what it is.
        others: Rows that the model is said not to have seen, with the same columns.
        level: Level of either interval.

    Returns:
        The reason, or "".

    Example:
        >>> rows = pd.DataFrame({"x": range(200)})
        >>> overlap(rows[:100], rows[100:], 0.99)
        ''
        >>> overlap(rows[:100], rows[50:], 0.99)[:49]
        '50 of 150 assessed rows stand among the training '
    """
    again, there = alike(train, others)
    chance, found = share(again, len(train), level).interval, share(there, len(others), level)
    if chance is None or found.interval is None or found.interval.low <= chance.high:
        return ""
    return (
        f"{there:,} of {len(others):,} assessed rows stand among the training rows, more than "
        "chance would have it, so they are no rows that the model has not seen"
    )


def _kept(folder: Path) -> Model | None:
    """A model that was kept; None where there is none, or it is not whole."""
    from auditkit.models.torch import TorchModel

    try:
        return TorchModel.load(folder) if folder.is_dir() else None
    except InputError:  # cut short, or changed: it is trained and written again
        return None


def cannot_keep() -> InputError:
    """Say that models of this recipe cannot be told apart by their content, or not be saved."""
    found = "a model that cannot be named by what it is made of"
    return InputError([Problem("keep", found, "a model that auditkit trains", "Leave keep out.")])
