"""Energy as a record: the model, sums, and shares."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metering import WATTS, burn

from auditkit import meter
from auditkit.meter import energy


def test_it_is_cpu_time_times_the_power_of_a_busy_core() -> None:
    with meter.phase("x", watts=WATTS, powercap=Path("nowhere")) as measured:
        burn(0.01)
    cost = measured.cost
    assert cost.energy.basis == "estimated"
    assert cost.energy.joules == pytest.approx(cost.cpu_seconds * 4.0)
    assert cost.energy.low == pytest.approx(cost.cpu_seconds * 2.0)
    assert cost.energy.high == pytest.approx(cost.cpu_seconds * 8.0)


def test_its_method_prints_the_coefficients_their_source_and_why_no_counter() -> None:
    method = energy.model(1.0, WATTS, because="no permission").method
    for word in ("4 W", "2 to 8 W", "a test", "no permission", "processor only"):
        assert word in method


def test_no_cpu_time_is_unknown_and_not_nothing() -> None:
    assert energy.model(0.0, WATTS, because="x").joules is None
    assert energy.model(0.0, WATTS, because="x").basis is None


@pytest.mark.parametrize("values", [(0, 1, 2), (3, 2, 4), (1, 2, 1.5), (1, 2, float("inf"))])
def test_coefficients_are_positive_and_in_order(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="0 < low <= central <= high"):
        meter.WattsPerCore(values[0], values[1], values[2], "x")


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8))
def test_a_sum_of_estimates_is_the_estimate_of_the_sum(seconds: list[float]) -> None:
    added = meter.total(energy.model(s, WATTS, because="x") for s in seconds)
    whole = energy.model(sum(seconds), WATTS, because="x")
    assert added.joules == pytest.approx(whole.joules)
    assert added.low == pytest.approx(whole.low)
    assert added.high == pytest.approx(whole.high)
    assert (added.basis, added.method) == (whole.basis, whole.method)


def test_a_sum_is_unknown_where_a_term_is() -> None:
    known = meter.Energy(1.0, None, None, "measured", "RAPL")
    unknown = meter.Energy(None, None, None, None, "nobody knows")
    assert meter.total([known, unknown]).joules is None
    assert meter.total([]).joules is None
    assert meter.total([known, known]) == meter.Energy(2.0, None, None, "measured", "RAPL")
    assert unknown.times(3.0) == unknown


def part(
    domain: str, joules: float, low: float, high: float, basis: energy.EnergyBasis = "measured"
) -> meter.DomainEnergy:
    return meter.DomainEnergy(domain, joules, low, high, basis, "RAPL")


def test_domains_add_up_to_the_figure_and_to_its_range() -> None:
    parts = [part("package-0", 4.0, 3.5, 4.5), part("GPU 0", 10.0, 9.0, 11.0)]
    whole = energy.of_domains(parts, "counters")
    assert (whole.joules, whole.low, whole.high, whole.basis) == (14.0, 12.5, 15.5, "measured")
    mixed = energy.of_domains([parts[0], part("memory", 1.0, 0.5, 2.0, "estimated")], "both")
    assert (mixed.basis, mixed.low, mixed.high) == ("estimated", 4.0, 6.5)


def test_a_domain_that_is_unknown_stays_listed_and_adds_nothing() -> None:
    unknown = meter.DomainEnergy("GPU", None, None, None, None, "no permission")
    whole = energy.of_domains([part("package-0", 4.0, 3.5, 4.5), unknown], "RAPL")
    assert whole.joules == 4.0
    assert whole.domains[1] == unknown
    assert energy.of_domains([unknown], "x").joules is None
    assert whole.times(2.0).domains[1] == unknown


def test_a_sum_adds_domains_of_one_name_and_source() -> None:
    first = energy.of_domains([part("package-0", 4.0, 3.5, 4.5)], "RAPL")
    second = energy.of_domains([part("package-0", 1.0, 0.5, 1.5), part("dram", 2.0, 1.0, 3.0)], "R")
    added = meter.total([first, second])
    assert added.domains == (part("package-0", 5.0, 4.0, 6.0), part("dram", 2.0, 1.0, 3.0))
    assert meter.total([first, meter.Energy(1.0, None, None, "measured", "old")]).domains == ()


def test_what_is_left_of_a_counter_is_less_sure_and_of_a_model_as_sure_as_before() -> None:
    whole = energy.of_domains([part("package-0", 4.0, 3.5, 4.5)], "RAPL")
    rest = energy.without(whole, [energy.of_domains([part("package-0", 1.0, 0.5, 1.5)], "RAPL")])
    assert rest is not None
    assert (rest.joules, rest.low, rest.high) == (3.0, 2.0, 4.0)
    long, short = (energy.model(s, WATTS, because="x") for s in (10.0, 4.0))
    left = energy.without(long, [short])
    assert left is not None
    assert (left.low, left.joules, left.high) == pytest.approx((12.0, 24.0, 48.0))


def test_nothing_is_taken_away_from_what_was_metered_otherwise() -> None:
    whole = energy.of_domains([part("package-0", 4.0, 3.5, 4.5)], "RAPL")
    assert energy.without(whole, [energy.model(0.1, WATTS, because="x")]) is None
    assert energy.without(whole, [whole]) is None
    assert energy.without(meter.Energy(4.0, None, None, "measured", "old"), []) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (meter.Energy(4.0, 3.0, 5.0, "measured", "x"), "resolution of the meter"),
        (meter.Energy(4.0, 3.0, 5.0, "estimated", "x"), "range of the CPU-time model"),
        (meter.Energy(4.0, None, None, "measured", "x"), "one reading of a counter"),
        (meter.Energy(4.0, None, None, "estimated", "x"), "given without a range"),
        (meter.Energy(None, None, None, None, "x"), "unknown"),
    ],
)
def test_a_range_says_what_it_is_about_or_why_there_is_none(found: meter.Energy, said: str) -> None:
    assert said in found.range_method
