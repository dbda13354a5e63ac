"""Which rows are explained, and which stand for "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from auditkit.methods.shapley_game import Positions
from auditkit.subject import Subject


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows to explain and a background, drawn at random; disjoint, or of different tables.

    Attributes:
        places: Shape (m,): which assessed rows are explained.
        rows: Those rows, raw.
        background: Raw rows that stand for "not known".
        whose: Which rows the background was drawn from.
    """

    places: Positions
    rows: pd.DataFrame
    background: pd.DataFrame
    whose: Literal["training", "assessed"]

    def __len__(self) -> int:
        return len(self.places)


def draw(subject: Subject, rng: np.random.Generator, rows: int, background: int) -> Sample:
    """Draw assessed rows to explain, and a background from the training rows where they are known.

    Args:
        subject: What is audited.
        rng: Both draws are made with it.
        rows: Most rows to explain.
        background: Most rows of the background. Without training rows it is a third of the
            assessed ones at most, and none of those that are explained.

    Returns:
        The sample.

    Raises:
        ValueError: If there is no assessed row.

    Example:
        >>> table = pd.DataFrame({"y": [0, 1, 1, 0], "p": [0.2, 0.7, 0.4, 0.1]})
        >>> held = Subject.from_scores(table, label="y", score="p")
        >>> sample = draw(held, np.random.default_rng(0), rows=10, background=10)
        >>> len(sample), len(sample.background), sample.whose
        (3, 1, 'assessed')
    """
    if len(subject) == 0:
        raise ValueError("there is no assessed row")
    order = rng.permutation(len(subject)).astype(np.int64)
    train = subject.train
    if train is not None and len(train):
        drawn = rng.permutation(len(train))[:background]
        places = order[:rows]
        return Sample(places, subject.rows.iloc[places], train.iloc[drawn], "training")
    size = max(1, min(background, len(order) // 3))
    places = order[size : size + rows] if len(order) > 1 else order
    return Sample(places, subject.rows.iloc[places], subject.rows.iloc[order[:size]], "assessed")
