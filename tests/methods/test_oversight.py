"""Bands by hand: ties averaged, narrowest band for a target."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.oversight import Band, band_for, band_of, kept_against_referred


@pytest.mark.parametrize("capacity", [0.0, 0.1, 0.37, 1.0])
def test_a_band_refers_its_capacity_whatever_is_tied(capacity: float) -> None:
    d = np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4])
    assert band_of(d, capacity).referred(d).sum() == pytest.approx(capacity * 7)


def test_the_narrowest_band_that_meets_a_target() -> None:
    d, wrong = [0.4, 0.1, 0.2, 0.3], [False, True, False, True]
    assert band_for(d, wrong, 0.5) == Band(-1.0, 0.0)
    assert band_for(d, wrong, 0.34) == Band(0.1, 1.0)
    assert band_for(d, wrong, 0.0) == Band(0.3, 1.0)
    assert band_for(d, [True] * 4, 0.1) is None
    assert band_for([], [], 0.1) is None


def test_kept_minus_referred_by_hand() -> None:
    wrong, referred = np.repeat([1, 0, 1, 0], [5, 15, 2, 18]), np.repeat([0.0, 1.0], 20)
    assert kept_against_referred(wrong, referred, 0.95, 10).value == pytest.approx(0.15)
    assert kept_against_referred(wrong, referred, 0.95, 21).value is None
