"""The drawing of a power law: logarithmic axes, and what stands beyond the measured."""

from __future__ import annotations

import pytest

from auditkit.render.charts_scaling import _Logarithmic


def test_an_axis_of_several_decades_has_powers_of_ten() -> None:
    assert [text for _, text in _Logarithmic.of([0.2, 150.0]).ticks()] == ["1", "10", "100"]


def test_an_axis_of_less_than_a_decade_has_plain_numbers_that_lie_on_it() -> None:
    scale = _Logarithmic.of([0.267, 0.326])
    values = [value for value, _ in scale.ticks()]
    assert len(values) >= 2
    assert all(0 < scale.share(value) < 1 for value in values)


def test_a_band_that_falls_to_nothing_does_not_flatten_the_rest() -> None:
    scale = _Logarithmic.of([1e-200, 1.0, 10.0])
    assert scale.share(1.0) == pytest.approx(0.1 * 9 + 0.0, abs=0.1)
    assert scale.share(1e-200) == 0.0
