"""What a kilowatt-hour emits, by country and, where it is published, by state or province.

The table `grids.csv` is made by `examples/build_grids.py`. Countries: Ember, processed by Our World
in Data (CC BY 4.0). States of the USA: US EPA, eGRID. Provinces of China: Ministry of Ecology and
Environment. The three do not count the same; `Grid.covers` says what each does.
"""

from __future__ import annotations

import csv
import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from auditkit.errors import Problem, quote
from auditkit.evidence import Basis

#: Years after which what a grid emits is called old.
OLD = 2
#: Grids that stand for few, some and many emissions where no region is named.
EXAMPLES = ("NOR", "USA", "IND")


@dataclass(frozen=True, slots=True)
class Grid:
    """What the electricity of a grid emitted on average over a year.

    Attributes:
        region: Its code, "FRA" or "USA-CA"; empty where it was given without one.
        name: Its name.
        g_per_kwh: Emissions; unit: g of CO2 equivalent a kWh.
        year: The year.
        covers: What is counted.
        source: Who says so.
        licence: Terms of the figure.
        basis: "estimated" (a yearly average stands in for the time of use), or "declared".
    """

    region: str
    name: str
    g_per_kwh: float
    year: int
    covers: str
    source: str
    licence: str
    basis: Basis = "estimated"

    @property
    def place(self) -> str:
        """Its name and code, for a reader."""
        return f"{self.name} ({self.region})" if self.region else self.name

    @property
    def dated(self) -> str:
        """Its name and code, and the year of the figure."""
        return f"{self.place}, {self.year}"

    def words(self, this_year: int) -> str:
        """Where the figure comes from, and whether it is old.

        Args:
            this_year: The year of the audit.

        Returns:
            One phrase.

        Example:
            >>> grids()["FRA"].words(2030)[-29:]
            'CC BY 4.0; older than 2 years'
        """
        terms = f", {self.licence}" if self.licence else ""
        told = f"{self.place}, {self.covers}, {self.year}: {self.source}{terms}"
        return f"{told}; older than {OLD} years" if this_year - self.year > OLD else told


@functools.cache
def grids() -> Mapping[str, Grid]:
    """Read the table of grids.

    Returns:
        Code to grid; countries by ISO 3166-1 alpha-3, parts of them with their own code behind it.

    Example:
        >>> grids()["USA-CA"].name, "CHN-GD" in grids()
        ('California', True)
    """
    text = resources.files("auditkit.methods").joinpath("grids.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    made = (
        Grid(region, name, float(given), int(year), covers, source, licence)
        for region, name, given, year, covers, source, licence in rows
    )
    return MappingProxyType({grid.region: grid for grid in made})


def unknown(region: str, where: str) -> Problem:
    """Describe a region that is not in the table, with those that may be meant.

    Args:
        region: What was written.
        where: The file and key that hold it.

    Returns:
        The problem; its hint offers up to three near codes.

    Example:
        >>> unknown("Frnace", "region").hint[:32]
        "Did you mean 'FRA' (France)? Ano"
    """
    near = [grids()[code] for code in _near(region)]
    offered = " or ".join(f"{quote(grid.region)} ({grid.name})" for grid in near)
    hint = f"Did you mean {offered}? " if near else ""
    return Problem(
        where,
        quote(region),
        "the ISO 3166-1 alpha-3 code of a country, such as 'FRA', or one of its parts, such as "
        "'USA-CA' or 'CHN-GD'",
        f"{hint}Another grid: give intensity, intensity_year and intensity_source instead.",
    )


def _near(region: str) -> list[str]:
    """Codes that are like what was written, or whose names are; the whole of a missing part."""
    country, _, part = region.strip().upper().partition("-")
    if part and country in grids():
        return [country]
    by_name: dict[str, str] = {}
    for code, grid in grids().items():  # a country before a part of the same name
        by_name.setdefault(grid.name.upper(), code)
    words = {**by_name, **{code: code for code in grids()}}
    close = difflib.get_close_matches(region.strip().upper()[:200], words, n=3, cutoff=0.7)
    return list(dict.fromkeys(words[word] for word in close))
