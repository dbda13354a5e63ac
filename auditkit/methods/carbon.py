"""What energy emits, and the software carbon intensity (SCI) of training and of predictions."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from auditkit.evidence import Basis, Cell, Interval, Measurement, Metric, Table, weakest
from auditkit.methods.carbon_settings import CarbonSettings
from auditkit.methods.grids import EXAMPLES, Grid, grids

_emitted = functools.partial(Metric, unit="g CO2e", better="lower", low=0.0)

TRAINING_CARBON = _emitted(
    "training_carbon",
    "Carbon of training",
    "Emissions of the electricity that training used, by the yearly average of the named grid.",
)
PREDICTION_CARBON = _emitted(
    "carbon_per_1000_predictions",
    "Carbon of 1,000 predictions",
    "Emissions of the electricity that 1,000 predictions used, by the yearly average of the named "
    "grid.",
)
SCI_TRAINING = _emitted(
    "software_carbon_intensity_training",
    "Software carbon intensity of a training run",
    "(E x I + M) per training run (ISO/IEC 21031): its electricity times what the grid emits, and "
    "its part of making the machine. Only with all parts.",
)
SCI_PREDICTIONS = _emitted(
    "software_carbon_intensity_predictions",
    "Software carbon intensity of 1,000 predictions",
    "(E x I + M) per 1,000 predictions (ISO/IEC 21031): their electricity times what the grid "
    "emits, and their part of making the machine. Only with all parts.",
)
GRID_INTENSITY = Metric(
    "grid_carbon_intensity",
    "Carbon intensity of the grid",
    "Yearly average of what a kilowatt-hour of the named grid emits.",
    "g CO2e/kWh",
    better="lower",
    low=0.0,
)
GRID_AGE = Metric(
    "grid_carbon_intensity_age",
    "Age of the figure for the grid",
    "Years between the year that the carbon intensity is of and the year of the audit.",
    "years",
    better="lower",
    low=0.0,
)
METRICS = (
    *(TRAINING_CARBON, PREDICTION_CARBON, SCI_TRAINING, SCI_PREDICTIONS),
    *(GRID_INTENSITY, GRID_AGE),
)

JOULES = 3.6e6
NO_REGION = "no region is named: set region, or intensity, under [audits.energy]"
_OFFSETS = "location-based; offsets never reduce it"
_CARRIED = "range of the energy carried through; the intensity of the grid taken as given"


@dataclass(frozen=True)
class Use:
    """What one functional unit took.

    Attributes:
        unit: The functional unit, in words.
        energy: Its metered energy; unit: J.
        seconds: Wall time that it took, or None where there is none; unit: s.
    """

    unit: str
    energy: Measurement
    seconds: float | None

    def scaled(self, factor: float, added: float = 0.0) -> tuple[Cell, Cell, Cell]:
        """Energy times a factor, and something added: the number and its bounds, or None."""
        held = self.energy.interval
        ends = (None, None) if held is None else (held.low, held.high)
        given = (self.energy.value, *ends)
        value, low, high = (None if end is None else end * factor + added for end in given)
        return value, low, high

    def measure(
        self, metric: Metric, factor: float, added: float, basis: Basis, source: str
    ) -> Measurement:
        """Make a measurement of this energy times a factor, with something added to it."""
        value, *_ = self.scaled(factor, added)
        held = self.energy.interval
        interval = held and Interval(
            held.low * factor + added,
            held.high * factor + added,
            held.level,
            f"{held.method}; {_CARRIED}",
        )
        return metric.measure(
            None if value is None else float(value),
            n=self.energy.n,
            interval=interval,
            reason=self.energy.reason,
            basis=weakest(self.energy.basis, basis),
            source=source,
        )


@dataclass(frozen=True)
class _Site:
    """A grid and what else was said about where the model runs."""

    held: CarbonSettings
    grid: Grid

    def kwh(self, use: Use) -> tuple[float, float]:
        """Kilowatt-hours of the site for a joule that was metered, and those beyond them."""
        beyond = (self.held.reserved_watts or 0.0) * (use.seconds or 0.0)
        return self.held.pue / JOULES, self.held.pue / JOULES * beyond

    def carbon(self, metric: Metric, use: Use, this_year: int) -> Measurement:
        """What the electricity of one functional unit emitted."""
        factor, beyond = (part * self.grid.g_per_kwh for part in self.kwh(use))
        source = f"{use.energy.metric} x {_pue(self.held)} x {self.grid.g_per_kwh:g} g/kWh"
        source = f"{source}{self._reserved}; {self.grid.words(this_year)}; {use.energy.source}"
        return use.measure(metric, factor, beyond, self.basis, source)

    @property
    def _reserved(self) -> str:
        watts = self.held.reserved_watts
        return "" if watts is None else f", {watts:g} W of reserved hardware counted with it"

    @property
    def basis(self) -> Basis:
        """Weakest basis of what energy is multiplied with."""
        return weakest(self.grid.basis, self.held.site_basis)

    def sci(self, metric: Metric, use: Use) -> Measurement:
        """The SCI of one functional unit; none where a part of it is missing."""
        label, embodied = sci_label(self.held), self.held.embodied_g(use.seconds or 0.0)
        source = f"(E x I + M) per {use.unit}; {_OFFSETS}; see the table of its parts"
        if embodied is None or self.held.reserved_watts is None:
            return metric.measure(None, n=0, reason=label, source=source)
        factor, beyond = (part * self.grid.g_per_kwh for part in self.kwh(use))
        return use.measure(metric, factor, beyond + embodied, "declared", source)

    def parts(self, use: Use) -> tuple[Cell, ...]:
        """A row of the table of the parts of the SCI."""
        factor, beyond = self.kwh(use)
        embodied = self.held.embodied_g(use.seconds or 0.0)
        emitted = (factor * self.grid.g_per_kwh, beyond * self.grid.g_per_kwh + (embodied or 0.0))
        return (
            use.unit,
            *use.scaled(factor, beyond),
            self.grid.dated,
            self.grid.g_per_kwh,
            embodied,
            *use.scaled(*emitted),
            sci_label(self.held),
        )


def _pue(held: CarbonSettings) -> str:
    return f"PUE {held.pue:g}" if held.pue != 1 else "PUE 1 (none given)"


def sci_label(held: CarbonSettings) -> str:
    """Say which mandatory parts an SCI made of these settings lacks.

    Args:
        held: The settings.

    Returns:
        What to call the number.

    Source:
        Green Software Foundation, SCI specification 1.1.0 (ISO/IEC 21031:2024): embodied emissions
        shall be included; energy is that of all reserved hardware.

    Example:
        >>> sci_label(CarbonSettings(reserved_watts=3.0))
        'SCI without M: not a conforming SCI'
    """
    lacking = []
    if held.embodied_kg is None:
        lacking.append("without M")
    if held.reserved_watts is None:
        lacking.append("without idle reserved hardware in E")
    if lacking:
        return f"SCI {' and '.join(lacking)}: not a conforming SCI"
    return "SCI with all its parts, within the stated boundary"


def emissions(
    held: CarbonSettings, training: Use, predictions: Use, this_year: int
) -> Iterator[Measurement | Table]:
    """Tell what training and predictions emitted.

    Args:
        held: Where the model runs.
        training: One training run.
        predictions: So many predictions as their carbon is told for.
        this_year: The year of the audit.

    Yields:
        Each of `METRICS`; then the table `sci`, or where no grid is named the table
        `other-grids`, which says what carbon would be on three of them.
    """
    grid = held.grid
    if grid is None:
        for metric in METRICS:
            yield metric.measure(None, n=0, reason=NO_REGION, source="grid that the user names")
        yield _elsewhere(held, training, predictions)
        return
    site = _Site(held, grid)
    yield site.carbon(TRAINING_CARBON, training, this_year)
    yield site.carbon(PREDICTION_CARBON, predictions, this_year)
    yield site.sci(SCI_TRAINING, training)
    yield site.sci(SCI_PREDICTIONS, predictions)
    yield GRID_INTENSITY.measure(
        grid.g_per_kwh,
        n=1,
        reason="published without an interval",
        basis=grid.basis,
        source=grid.words(this_year),
    )
    age = f"{this_year} minus {grid.year}; {grid.words(this_year)}"
    years = this_year - grid.year
    yield GRID_AGE.measure(years, n=1, reason="a difference of years", exact=True, source=age)
    yield _sci_table(site, training, predictions, this_year)


def _sci_table(site: _Site, training: Use, predictions: Use, this_year: int) -> Table:
    """The parts of the SCI, with what the specification asks to disclose."""
    held, energy = site.held, training.energy
    how = "measurement" if energy.basis == "measured" else "calculation"
    making = "not given" if held.embodied_kg is None else (
        f"calculation from {held.embodied_kg:g} kg over {held.lifespan_years:g} years, "
        f"{held.share_reserved:.0%} of the machine reserved, as declared"
    )  # fmt: skip
    more = (
        "idle reserved hardware left out"
        if held.reserved_watts is None
        else f"and {held.reserved_watts:g} W of reserved hardware, as declared"
    )
    return Table(
        name="sci",
        title="What training and predictions emit, part by part",
        columns=(
            *("functional_unit", "energy_kwh", "energy_kwh_low", "energy_kwh_high"),
            *("grid", "g_per_kwh", "embodied_g", "sci_g", "sci_g_low", "sci_g_high"),
            "what_it_is",
        ),
        rows=tuple(site.parts(use) for use in (training, predictions)),
        source=f"SCI = (E x I + M) per R, SCI specification 1.1.0 (ISO/IEC 21031:2024). Boundary: "
        f"the processor while it trains or predicts, {more}; no network, storage or devices of "
        f"users. E: {how}, times {_pue(held)}. I: {site.grid.words(this_year)}; "
        f"calculation, {_OFFSETS}. M: {making}. Bounds: {_CARRIED}",
        chart="sci",
        basis=weakest(energy.basis, predictions.energy.basis, site.basis),
    )


def _elsewhere(held: CarbonSettings, training: Use, predictions: Use) -> Table:
    """What carbon would be on three grids, where none is named."""
    rows = []
    for grid in (grids()[code] for code in EXAMPLES):
        site = _Site(held, grid)
        emitted = [
            use.scaled(*(part * grid.g_per_kwh for part in site.kwh(use)))
            for use in (training, predictions)
        ]
        rows.append((grid.dated, grid.g_per_kwh, *emitted[0], *emitted[1]))
    return Table(
        name="other-grids",
        title="What carbon would be: no region was named",
        columns=(
            *("grid", "g_per_kwh", "training_g", "training_g_low", "training_g_high"),
            *("predictions_g", "predictions_g_low", "predictions_g_high"),
        ),
        rows=tuple(rows),
        source=f"energy times {_pue(held)} times the yearly average of three grids chosen as "
        f"examples of few, some and many emissions; none of them is that of this model. "
        f"{grids()[EXAMPLES[0]].source}, {grids()[EXAMPLES[0]].licence}. Bounds: {_CARRIED}",
        chart="other-grids",
        basis=weakest(training.energy.basis, "estimated", held.site_basis),
    )
