"""Accuracy of two models on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.methods.intervals import clopper_pearson, paired_difference
from auditkit.methods.paired import paired_accuracy

RIGHT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None)
@given(RIGHT)
def test_values_lie_in_their_intervals_and_swapping_the_models_turns_the_sign(
    right: list[tuple[bool, bool]],
) -> None:
    a, b = np.array(right).T
    there, back = paired_accuracy(a, b), paired_accuracy(b, a)
    assert there.first == back.second
    assert there.difference.value == pytest.approx(a.mean() - b.mean())
    one, other = there.difference.interval, back.difference.interval
    assert one is not None
    assert other is not None
    assert one.low <= a.mean() - b.mean() <= one.high
    assert one.low == pytest.approx(-other.high)


def test_the_intervals_are_the_exact_and_the_paired_one() -> None:
    a = np.array([True] * 12 + [False] * 3 + [True] * 50 + [False] * 35)
    b = np.array([False] * 12 + [True] * 3 + [True] * 50 + [False] * 35)
    paired = paired_accuracy(a, b, 0.9)
    assert paired.first.interval is not None
    assert paired.difference.interval is not None
    alone = [paired.first.interval.low, paired.first.interval.high]
    assert alone == pytest.approx([float(x) for x in clopper_pearson(62, 100, 0.9)])
    bounds = [paired.difference.interval.low, paired.difference.interval.high]
    assert bounds == pytest.approx([float(x) for x in paired_difference(12, 3, 100, 0.9)])


def test_no_rows_is_undefined_and_unequal_rows_are_refused() -> None:
    assert paired_accuracy([], []).difference.value is None
    with pytest.raises(ValueError, match="same rows"):
        paired_accuracy([True], [True, False])
