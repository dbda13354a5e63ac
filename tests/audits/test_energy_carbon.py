"""What the energy audit makes of energy: carbon, accuracy for it, the price of privacy."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from metered import QUICK, cost, make, mlp, record, run

from auditkit import meter
from auditkit.audits.energy import Energy
from auditkit.errors import InputError
from auditkit.evidence import Table
from auditkit.subject import Subject

FRENCH = Energy(repeats=6, seconds=0.0, region="FRA")


def tables(subject: Subject, audit: Energy) -> dict[str, Table]:
    found = audit.run(subject, np.random.default_rng(0))
    return {table.name: table for table in found if isinstance(table, Table)}


def test_carbon_is_energy_times_what_the_named_grid_emits_with_the_range_of_the_energy() -> None:
    carbon = run(make(mlp()), FRENCH)[0]["training_carbon"]
    grid = FRENCH.grid
    assert grid is not None
    assert carbon.value == pytest.approx(40.0 / 3.6e6 * grid.g_per_kwh)
    assert carbon.interval is not None
    assert carbon.interval.low == pytest.approx(16.0 / 3.6e6 * grid.g_per_kwh)
    assert carbon.interval.high == pytest.approx(230.0 / 3.6e6 * grid.g_per_kwh)
    assert carbon.basis == "estimated"
    assert "France (FRA)" in carbon.source


def test_without_a_region_there_is_no_carbon_but_what_it_would_be_on_three_grids() -> None:
    found, _ = run(make(mlp()))
    for name in ("training_carbon", "carbon_per_1000_predictions", "grid_carbon_intensity"):
        assert found[name].value is None
        assert "no region is named" in str(found[name].reason)
    made = tables(make(mlp()), QUICK)
    assert "sci" not in made
    assert [row[0] for row in made["other-grids"].rows] == [
        "Norway (NOR), 2024", "United States (USA), 2024", "India (IND), 2024",
    ]  # fmt: skip
    assert "none of them is that of this model" in made["other-grids"].source


def test_a_named_grid_gives_the_parts_of_the_sci_and_says_what_is_missing() -> None:
    made = tables(make(mlp()), FRENCH)
    assert "other-grids" not in made
    labels = [row[-1] for row in made["sci"].rows]
    told = "SCI without M and without idle reserved hardware in E: not a conforming SCI"
    assert labels == [told, told]
    sci = run(make(mlp()), FRENCH)[0]["software_carbon_intensity_training"]
    assert (sci.value, sci.reason) == (None, told)


def test_the_sci_with_all_its_parts_is_that_of_the_formula() -> None:
    audit = Energy(
        repeats=6, seconds=0.0, intensity=100.0, intensity_year=2025, intensity_source="supplier",
        pue=1.5, reserved_watts=10.0, embodied_kg=1000.0, lifespan_years=4.0, share_reserved=0.5,
    )  # fmt: skip
    found, _ = run(make(mlp()), audit)
    sci = found["software_carbon_intensity_training"]
    energy = (40.0 + 10.0 * 6.0) * 1.5 / 3.6e6  # the training took 40 J and 6 s
    embodied = 1e6 * 6.0 / (4 * 365 * 24 * 3600) * 0.5
    assert sci.value == pytest.approx(energy * 100.0 + embodied)
    assert sci.interval is not None
    least = (16.0 + 60.0) * 1.5 / 3.6e6 * 100.0 + embodied
    assert sci.interval.low == pytest.approx(least)
    assert sci.basis == "declared"
    assert found["grid_carbon_intensity"].basis == "declared"
    assert "supplier" in found["grid_carbon_intensity"].source


def test_energy_that_is_unknown_emits_what_is_unknown() -> None:
    found, _ = run(make(mlp(), record=None), FRENCH)
    assert found["training_carbon"].value is None
    assert "without a training record" in str(found["training_carbon"].reason)
    assert found["carbon_per_1000_predictions"].value is not None


def test_accuracy_is_divided_by_the_kilowatt_hours_of_training() -> None:
    found, _ = run(make(mlp()))  # all scores are 0.5, so all 50 rows are selected: 25 are right
    assert found["accuracy_per_kwh"].value == pytest.approx(0.5 / (40.0 / 3.6e6))
    assert found["balanced_accuracy_per_kwh"].value == pytest.approx(0.5 / (40.0 / 3.6e6))
    assert found["roc_auc_per_kwh"].value == pytest.approx(0.5 / (40.0 / 3.6e6))
    assert found["accuracy_per_kwh"].n == 50
    interval = found["accuracy_per_kwh"].interval
    assert interval is not None
    assert interval.level == pytest.approx(0.9)


def test_rows_count_by_their_weights_in_the_accuracy() -> None:
    plain = make(mlp())
    heavy = plain.rows.assign(w=1.0 + 2.0 * plain.rows["y"])  # the 25 right rows count 3 each
    found, _ = run(replace(plain, rows=heavy, weight="w"))
    assert found["accuracy_per_kwh"].value == pytest.approx(0.75 / (40.0 / 3.6e6))
    assert "weighted: effective n 40" in found["accuracy_per_kwh"].source


def test_without_outcomes_there_is_no_accuracy_to_divide() -> None:
    found, _ = run(make(mlp(), label=None))
    assert found["accuracy_per_kwh"].value is None
    assert found["accuracy_per_kwh"].reason


def trained(epsilon: float | None, joules: float, **changes: Any) -> SimpleNamespace:
    spent = meter.Energy(joules, joules / 2, joules * 5, "estimated", "a model")
    stated = None if epsilon is None else {"epsilon": epsilon}
    facts = {"rows": 30, "architecture": {"hidden": [4]}, "privacy": stated}
    return record(cost=cost(energy=spent).to_dict(), **{**facts, **changes})


def test_privacy_costs_the_energy_of_the_strongest_twin_over_that_of_the_model() -> None:
    twins = (trained(8.0, 90.0), trained(3.0, 120.0), trained(1.0, 500.0, rows=9), trained(None, 7))
    recipe = SimpleNamespace(records=twins)
    ratio = run(make(mlp(), record=trained(None, 40.0), recipe=recipe))[0]
    assert ratio["private_training_energy_ratio"].value == pytest.approx(3.0)
    assert "epsilon 3" in ratio["private_training_energy_ratio"].source
    assert ratio["private_training_energy_ratio"].reason == "one training run of each"


def test_a_private_model_is_held_against_a_twin_without_privacy() -> None:
    recipe = SimpleNamespace(records=(trained(None, 40.0),))
    ratio = run(make(mlp(), record=trained(2.0, 100.0), recipe=recipe))[0]
    assert ratio["private_training_energy_ratio"].value == pytest.approx(2.5)


def test_without_a_twin_the_price_of_privacy_is_not_measured() -> None:
    ratio = run(make(mlp(), record=trained(None, 40.0)))[0]["private_training_energy_ratio"]
    assert ratio.value is None
    assert "run the audit privacy too" in str(ratio.reason)


def test_the_fields_on_computing_say_how_each_is_known_and_whom_it_binds() -> None:
    rows = {row[0]: row for row in tables(make(mlp()), QUICK)["compute-fields"].rows}
    energy = rows["training: energy"]
    assert energy[1:5] == (40.0, 16.0, 230.0, "J")
    assert energy[5:] == (
        "estimated",
        "Annex IV(2)(c); Annex XI s.1(2)(e)",
        "high-risk systems; general-purpose models",
    )
    assert str(rows["development: energy of earlier runs"][5]).startswith("missing: ")


def test_everything_wrong_about_the_place_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Energy(region="Frnace", pue=0.5, embodied_kg=-1.0, intensity=-5.0, intensity_year=2999)
    text = str(caught.value)
    assert "Did you mean 'FRA' (France)?" in text
    for word in ("pue", "embodied_kg", "intensity", "intensity_year", "lifespan_years"):
        assert f"[audits.energy] {word}:" in text
