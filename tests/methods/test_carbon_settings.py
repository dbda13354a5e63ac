"""What may be said about where and on what a model runs."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.methods.carbon_settings import CarbonSettings

GIVEN: dict[str, Any] = {"intensity_year": 2025, "intensity_source": "supplier"}


def wrong(**settings: Any) -> list[str]:
    problems = CarbonSettings(**settings).problems("place", this_year=2026)
    return [problem.where.removeprefix("place ") for problem in problems]


@pytest.mark.parametrize("given", [0.0, -1.0, float("inf"), float("nan")])
def test_an_intensity_that_is_not_above_0_and_finite_is_refused(given: float) -> None:
    assert wrong(intensity=given, **GIVEN) == ["intensity"]


@pytest.mark.parametrize(("year", "found"), [(2026, []), (2027, ["intensity_year"])])
def test_an_intensity_of_a_year_to_come_is_refused(year: int, found: list[str]) -> None:
    assert wrong(intensity=56.0, intensity_year=year, intensity_source="supplier") == found


def test_an_intensity_needs_its_year_and_its_source_and_they_need_it() -> None:
    assert wrong(intensity=56.0) == ["intensity_year", "intensity_source"]
    assert wrong(**GIVEN) == ["intensity_year", "intensity_source"]
    assert wrong(intensity=56.0, intensity_year=2025, intensity_source="") == ["intensity_source"]


def test_a_region_and_an_intensity_contradict_each_other() -> None:
    assert wrong(region="FRA", intensity=56.0, **GIVEN) == ["intensity"]


def test_embodied_carbon_needs_a_lifespan() -> None:
    assert wrong(embodied_kg=300.0) == ["lifespan_years"]
    assert wrong(lifespan_years=4.0) == ["embodied_kg"]
    assert wrong(embodied_kg=300.0, lifespan_years=4.0, share_reserved=1.5) == ["share_reserved"]


def test_nothing_said_is_nothing_wrong_and_no_grid() -> None:
    assert wrong() == []
    assert CarbonSettings().grid is None


def test_the_grid_of_the_user_is_declared() -> None:
    grid = CarbonSettings(intensity=56.0, **GIVEN).grid
    assert grid is not None
    assert (grid.g_per_kwh, grid.year, grid.basis) == (56.0, 2025, "declared")


def test_embodied_carbon_of_an_hour_is_that_of_the_specification() -> None:
    # The SCI specification's own example: 1,000 kg over four years, an hour: around 28 g.
    held = CarbonSettings(embodied_kg=1000.0, lifespan_years=4.0)
    assert held.embodied_g(3600.0) == pytest.approx(28.5, abs=0.1)
