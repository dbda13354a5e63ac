"""Training rows on their way to the network: cleaned, held back, augmented, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from auditkit.roles import Roles
from auditkit.training.augmenting import augmented, cleaned
from auditkit.training.settings import AnyArchitecture, Training
from auditkit.training.splitting import split
from auditkit.training.weighting import Weighing

#: Share of the training rows that early stopping holds back where no validation rows are given.
HELD_BACK = 0.1


@dataclass(frozen=True)
class Lessons:
    """Rows as a network learns from them.

    Attributes:
        rows: Training rows.
        read: Rows that the encoding is learnt on.
        validation: Validation rows, or None.
        weighing: How much each row counts.
        said: What was done, as plain JSON values.
    """

    rows: pd.DataFrame
    read: pd.DataFrame
    validation: pd.DataFrame | None
    weighing: Weighing
    said: dict[str, Any]


def prepared(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    *,
    roles: Roles,
    names: Sequence[str],
    weight: str | None,
    training: Training,
    seed: int,
    private: bool,
) -> Lessons:
    """Prepare rows as the settings say.

    Args:
        architecture: The network.
        rows: Training rows.
        validation: Validation rows; they are weighed and else left alone.
        roles: Label and task.
        names: Columns that the network reads.
        weight: Column of the weights of the rows, or None.
        training: Settings.
        seed: Seed.
        private: Whether training is private, and so takes all rows as they are.

    Returns:
        The rows. Equal rows are dropped before any are held back, so that none is on both sides.
    """
    said: dict[str, Any] = {}
    if not private:
        parts = [*names, roles.label, weight, *training.row_columns]
        rows, said = cleaned(rows, parts, training)
        rows, validation = _held_back(rows, validation, roles, training, seed)
    more = augmented(rows, architecture, training, seed)
    weighing = Weighing.fit(more.rows, roles, weight, training)
    said = {**said, **more.said, **weighing.to_dict()}
    return Lessons(more.rows, more.read, validation, weighing, said)


def _held_back(
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    roles: Roles,
    training: Training,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Hold rows back for early stopping where it is asked for and none were given."""
    if (validation is not None and len(validation)) or not training.patience:
        return rows, validation
    label, task = str(roles.label), roles.task
    kept, held, _ = split(rows, label=label, task=task, test=0.0, validation=HELD_BACK, seed=seed)
    return kept, held
