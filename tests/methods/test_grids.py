"""The table of grids, and the names that are near a wrong one."""

from __future__ import annotations

import math

import pytest

from auditkit.methods.grids import EXAMPLES, OLD, grids, unknown


def test_every_grid_has_a_positive_intensity_a_year_a_source_and_a_licence() -> None:
    assert len(grids()) > 250
    for code, grid in grids().items():
        assert code == grid.region
        assert 0 < grid.g_per_kwh < 2000
        assert math.isfinite(grid.g_per_kwh)
        assert 2000 < grid.year < 2027
        assert grid.name
        assert grid.covers
        assert grid.source
        assert grid.licence


def test_a_country_has_three_letters_and_a_part_stands_behind_its_country() -> None:
    for code in grids():
        country, _, part = code.partition("-")
        assert len(country) == 3
        assert country in grids()
        assert code == country or len(part) == 2


def test_the_three_example_grids_rise() -> None:
    few, some, many = (grids()[code].g_per_kwh for code in EXAMPLES)
    assert few < some / 5
    assert some < many


def test_a_figure_is_called_old_only_from_the_third_year_on() -> None:
    grid = grids()["FRA"]
    assert "older" not in grid.words(grid.year + OLD)
    assert grid.words(grid.year + OLD + 1).endswith("older than 2 years")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("fra", "'FRA' (France)"), ("Frnace", "'FRA' (France)"), ("US-CA", "'USA-CA' (California)"),
        ("CAN-QC", "'CAN' (Canada)"), ("Taiwan", "'TWN' (Taiwan)"), ("guangdong", "'CHN-GD'"),
    ],
)  # fmt: skip
def test_an_unknown_region_offers_near_names(written: str, meant: str) -> None:
    problem = unknown(written, "[audits.energy] region")
    assert problem.hint.startswith("Did you mean ")
    assert meant in problem.hint
    assert problem.found == f"'{written}'"


def test_nonsense_offers_no_name_but_how_to_give_a_number() -> None:
    assert unknown("%%%%", "region").hint.startswith("Another grid: give intensity")
