"""What a user says about where and on what a model runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from auditkit.errors import Problem, quote
from auditkit.evidence import Basis
from auditkit.methods.grids import Grid, grids, unknown

#: The first year that an intensity may be of.
FIRST_YEAR = 1990
#: Setting to the least and the most it may be (inclusive only where said), and that in words.
_ABOVE_0 = (0.0, False, math.inf, "a number above 0")
_RANGES: dict[str, tuple[float, bool, float, str]] = {
    "intensity": (0.0, False, math.inf, "a number above 0, in g of CO2 equivalent a kWh"),
    "pue": (1.0, True, math.inf, "a number from 1: energy of the site over that of its computers"),
    "reserved_watts": (0.0, True, math.inf, "a number from 0, in W"),
    "embodied_kg": _ABOVE_0,
    "lifespan_years": _ABOVE_0,
    "development_kwh": _ABOVE_0,
    "share_reserved": (0.0, False, 1.0, "a number above 0 and at most 1"),
}


@dataclass(frozen=True)
class CarbonSettings:
    """Where and on what a model runs; nothing of it is guessed, and nothing is looked up.

    Attributes:
        region: Whose grid the electricity comes from: a country by ISO 3166-1 alpha-3 ("FRA"), or
            a part of one ("USA-CA", "CHN-GD"); without it, and without `intensity`, no carbon.
        intensity: What another grid emits, instead of `region`; unit: g of CO2 equivalent a kWh.
        intensity_year: The year that `intensity` is of.
        intensity_source: Who says so.
        pue: Power usage effectiveness of the site: all its energy over that of its computers.
        reserved_watts: What hardware that is reserved draws beyond what was metered: idle cores,
            memory, disks; unit: W.
        embodied_kg: What making and disposing of the machine emits; unit: kg of CO2 equivalent.
        lifespan_years: How long the machine is used.
        share_reserved: Share of the machine that is reserved for this model while it runs.
        development_kwh: Energy of earlier runs and of tuning, as somebody says; unit: kWh.
    """

    region: str | None = None
    intensity: float | None = None
    intensity_year: int | None = None
    intensity_source: str | None = None
    pue: float = 1.0
    reserved_watts: float | None = None
    embodied_kg: float | None = None
    lifespan_years: float | None = None
    share_reserved: float = 1.0
    development_kwh: float | None = None

    @property
    def grid(self) -> Grid | None:
        """The grid that was named or described; None where neither was."""
        if self.region is not None:
            return grids()[self.region]
        if self.intensity is None or self.intensity_year is None:
            return None
        return Grid(
            region="",
            name="grid that the user describes",
            g_per_kwh=self.intensity,
            year=self.intensity_year,
            covers="as its source counts",
            source=self.intensity_source or "",
            licence="",
            basis="declared",
        )

    @property
    def site_basis(self) -> Basis:
        """Weakest basis of what was said about the site; "measured" where nothing was."""
        said = self.pue != 1 or bool(self.reserved_watts)
        return "declared" if said else "measured"

    def embodied_g(self, seconds: float) -> float | None:
        """Embodied carbon of using the machine for a time; None where it was not given.

        Args:
            seconds: Wall time that the machine is reserved for; unit: s.

        Returns:
            M = TE x (TiR / EL) x (RR / ToR) of the SCI; unit: g of CO2 equivalent.

        Source:
            Green Software Foundation, SCI specification 1.1.0; a year has 365 days there.

        Example:
            >>> held = CarbonSettings(embodied_kg=1000, lifespan_years=4)
            >>> round(held.embodied_g(3600) / 1000, 4)
            0.0285
        """
        if self.embodied_kg is None or self.lifespan_years is None:
            return None
        used = seconds / (self.lifespan_years * 365 * 24 * 3600)
        return self.embodied_kg * 1000 * used * self.share_reserved

    def problems(self, where: str, this_year: int | None = None) -> list[Problem]:
        """Find what is wrong with the settings.

        Args:
            where: What holds them, for a message.
            this_year: No intensity is of a later year; None takes the clock's.

        Returns:
            All problems; empty where there is none.

        Example:
            >>> [str(one)[:40] for one in CarbonSettings(pue=0.5).problems("[audits.energy]")]
            ["[audits.energy] pue: found '0.5', expect"]
        """
        latest = datetime.now(tz=UTC).year if this_year is None else this_year
        return [
            Problem(f"{where} {name}", found, expected)
            if isinstance(expected, str)
            else unknown(found, f"{where} {name}")
            for name, found, expected in self._wrong(latest)
        ]

    def _wrong(self, latest: int) -> Iterator[tuple[str, str, str | None]]:
        """Setting, what was found, and what is expected; None where it names no region."""
        for name, (least, inclusive, most, expected) in _RANGES.items():
            given = getattr(self, name)
            if given is None:
                continue
            inside = least <= given <= most if inclusive else least < given <= most
            if not inside or not math.isfinite(given):
                yield name, quote(given), expected
        if self.region is not None and self.region not in grids():
            yield "region", self.region, None
        if self.region is not None and self.intensity is not None:
            yield "intensity", quote(self.intensity), "none beside a region: name one of the two"
        for name in ("intensity_year", "intensity_source"):
            if (self.intensity is None) != (getattr(self, name) in {None, ""}):
                told = "nothing" if self.intensity is not None else quote(getattr(self, name))
                yield name, told, "the year and the source of intensity, where that is given"
        if self.intensity_year is not None and not FIRST_YEAR <= self.intensity_year <= latest:
            expected = f"a year from {FIRST_YEAR} to {latest}, not one to come"
            yield "intensity_year", quote(self.intensity_year), expected
        if (self.embodied_kg is None) != (self.lifespan_years is None):
            name = "lifespan_years" if self.lifespan_years is None else "embodied_kg"
            yield name, "nothing", "embodied_kg and lifespan_years together"
