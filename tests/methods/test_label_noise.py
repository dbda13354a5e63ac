"""The share of wrong labels is what the surest rows say, class by class."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.label_noise import FEWEST, label_noise


def sure(wrong: tuple[int, int], n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of which the model is sure, with labels changed among the surest."""
    shares = np.repeat([[0.99, 0.01], [0.01, 0.99]], n, axis=0)
    labels = np.repeat([0, 1], n)
    labels[: wrong[0]] = 1
    labels[n : n + wrong[1]] = 0
    return labels, shares


def test_it_is_the_mean_of_both_classes_by_hand() -> None:
    labels, shares = sure((20, 10))
    found = label_noise(labels, shares, 0.95)
    part = np.array([190, 210]) / 400
    assert found.share.value == pytest.approx(part @ [20 / 200, 10 / 200])
    assert (found.looked_at, found.contradicted) == (400, 30)
    low, high = clopper_pearson(np.array([20, 10]), np.array([200, 200]), 0.975)
    assert found.share.interval is not None
    assert found.share.interval.low == pytest.approx(part @ low)
    assert found.share.interval.high == pytest.approx(part @ high)


def test_clean_labels_have_a_wide_enough_interval_and_no_wrong_one() -> None:
    found = label_noise(*sure((0, 0)), 0.95).share
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.low == 0
    assert found.interval.high > 0


def test_it_says_nothing_of_one_class_few_rows_or_what_the_columns_do_not_tell() -> None:
    one = label_noise(np.zeros(50, dtype=np.int64), np.ones((50, 1)), 0.95)
    few = label_noise(np.repeat([0, 1], [100, FEWEST - 1]), np.full((119, 2), 0.5), 0.95)
    hard = label_noise(np.repeat([0, 1], 100), np.full((200, 2), 0.5), 0.95)
    reasons = [found.share.reason or "" for found in (one, few, hard)]
    for reason, said in zip(reasons, ("one class", "fewer than 20", "hard to tell"), strict=True):
        assert said in reason
