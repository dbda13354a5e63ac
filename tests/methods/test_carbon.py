"""Carbon of one functional unit, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditkit.evidence import Interval, Measurement, Metric, Table
from auditkit.methods.carbon import METRICS, Use, emissions, sci_label
from auditkit.methods.carbon_settings import CarbonSettings

JOULES = Metric("training_energy", "Energy", "Energy.", "J")
RANGE = Interval(1.8e6, 7.2e6, 0.95, "model")
GIVEN: dict[str, Any] = {
    "intensity": 100.0, "intensity_year": 2025, "intensity_source": "supplier",
}  # fmt: skip
TRAINING = Use(
    "training run",
    JOULES.measure(3.6e6, n=1, interval=RANGE, basis="estimated", source="record"),
    3600.0,
)
COUNTED = replace(
    TRAINING, energy=JOULES.measure(3.6e6, n=1, reason="one reading", source="a counter")
)


def told(use: Use = TRAINING, **settings: Any) -> tuple[dict[str, Measurement], Table]:
    held = CarbonSettings(**settings)
    found = list(emissions(held, use, replace(use, unit="1,000 predictions"), 2026))
    numbers = {one.metric: one for one in found if isinstance(one, Measurement)}
    assert set(numbers) == {metric.id for metric in METRICS}
    (table,) = [one for one in found if isinstance(one, Table)]
    return numbers, table


def test_a_kilowatt_hour_emits_the_intensity_and_the_range_goes_with_it() -> None:
    carbon = told(**GIVEN)[0]["training_carbon"]
    assert carbon.value == pytest.approx(100.0)
    assert carbon.interval is not None
    assert (carbon.interval.low, carbon.interval.high) == pytest.approx((50.0, 200.0))
    assert carbon.interval.level == 0.95
    assert "intensity of the grid taken as given" in carbon.interval.method


def test_pue_multiplies_carbon_and_not_the_metered_energy() -> None:
    found, table = told(**GIVEN, pue=1.5)
    assert found["training_carbon"].value == pytest.approx(150.0)
    assert "PUE 1.5" in found["training_carbon"].source
    assert table.rows[0][1] == pytest.approx(1.5)
    assert TRAINING.energy.value == 3.6e6


def test_a_counter_without_an_interval_gives_none_for_carbon() -> None:
    carbon = told(COUNTED, region="FRA")[0]["training_carbon"]
    assert (carbon.interval, carbon.reason) == (None, "one reading")
    assert carbon.basis == "estimated"  # by the yearly average of the grid


def test_reserved_hardware_draws_power_over_the_wall_time() -> None:
    found, _ = told(**GIVEN, reserved_watts=500.0)
    assert found["training_carbon"].value == pytest.approx(100.0 * 1.5)


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({}, "SCI without M and without idle reserved hardware in E: not a conforming SCI"),
        ({"reserved_watts": 0.0}, "SCI without M: not a conforming SCI"),
        (
            {"embodied_kg": 9.0, "lifespan_years": 4.0},
            "SCI without idle reserved hardware in E: not a conforming SCI",
        ),
    ],
)
def test_an_sci_that_lacks_a_part_has_no_value_and_a_name_that_says_so(
    settings: dict[str, Any], lacking: str
) -> None:
    found, table = told(**GIVEN, **settings)
    for name in ("software_carbon_intensity_training", "software_carbon_intensity_predictions"):
        assert (found[name].value, found[name].reason) == (None, lacking)
    assert [row[-1] for row in table.rows] == [lacking, lacking]


def test_a_whole_sci_adds_the_making_of_the_machine() -> None:
    settings: dict[str, Any] = {"embodied_kg": 1000.0, "lifespan_years": 4.0, "reserved_watts": 0.0}
    found, table = told(**GIVEN, **settings)
    whole = 100.0 + 1e6 / (4 * 365 * 24)
    assert found["software_carbon_intensity_training"].value == pytest.approx(whole)
    assert table.rows[0][7] == pytest.approx(whole)
    assert "conforming" not in sci_label(CarbonSettings(**settings))


def test_an_old_figure_is_called_old_beside_every_number_made_of_it() -> None:
    old = {**GIVEN, "intensity_year": 2023}
    found, table = told(**old)
    assert found["grid_carbon_intensity_age"].value == 3
    assert found["grid_carbon_intensity_age"].exact
    for text in (found["training_carbon"].source, found["grid_carbon_intensity"].source):
        assert "older than 2 years" in text
    assert "older than 2 years" in table.source


def test_without_a_grid_the_table_is_marked_as_examples() -> None:
    found, table = told()
    assert all(one.value is None for one in found.values())
    assert table.name == "other-grids"
    assert table.rows[1][2] == pytest.approx(float(str(table.rows[1][1])))  # a kilowatt-hour
