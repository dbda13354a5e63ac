"""The script that builds the table of grids can be trusted."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import build_grids
import pytest

HEAD = f"alpha-2,Year,Entity,Code,{build_grids.INTENSITY}\n"


def test_a_country_of_the_first_list_wins_and_a_grid_of_nothing_is_left_out() -> None:
    first = f"{HEAD}FR,2024,France,FRA,44.179085\nCF,2022,Central African Republic,CAF,0.0\n"
    more = {
        code: {"carbon_intensity": given, "country_name": name, "year": 2022}
        for code, name, given in (("FRA", "France", 56.0), ("NAM", "Namibia", 59.259))
    }
    rows = list(build_grids.countries(first, json.dumps(more)))
    assert [row[:4] for row in rows] == [
        ("FRA", "France", "44.2", "2024"), ("NAM", "Namibia", "59.3", "2022"),
    ]  # fmt: skip
    assert {row[-1] for row in rows} == {"CC BY 4.0"}


def states(unit: str) -> str:
    return json.dumps(
        {
            "_unit": {"emissions": unit}, "_source": {"year": 2023},
            "district of columbia": {"emissions": 395.011, "regionCode": "DC"},
            "usa": {"emissions": 700.0, "regionCode": "usa"},
        }
    )  # fmt: skip


def test_pounds_a_megawatt_hour_become_grams_a_kilowatt_hour() -> None:
    (row,) = build_grids.states(states("lbs/MWh"))
    assert row[:4] == ("USA-DC", "District of Columbia", "179.2", "2023")  # 395.011 x 0.45359237
    assert row[4:] == ("CO2e of burning fuel", "US EPA, eGRID2023, total output rate",
                       "public domain")  # fmt: skip


def test_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="lbs/MWh; got 'kg/MWh'"):
        list(build_grids.states(states("kg/MWh")))
    entry = {"emission_factor": 0.4, "unit": "kg/kWh", "description": "Beijing", "year": 2023}
    with pytest.raises(ValueError, match="gCO2/kWh; got 'kg/kWh'"):
        list(build_grids.provinces(json.dumps({"data": {"CN-BJ": entry}})))


def test_a_carrier_with_other_content_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "carbontracker-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(build_grids.COUNTRIES[0], HEAD)
    with pytest.raises(ValueError, match="expected de5a4e99"):
        build_grids.table({"carbontracker": wheel, "codecarbon": wheel})
