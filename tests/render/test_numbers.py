# ruff: noqa: RUF001 - the signs that the page prints
"""The number formatter tells no lie by rounding."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.render import numbers
from auditkit.render.numbers import MINUS, TIMES, show

NBSP = "\N{NO-BREAK SPACE}"
sizes = st.floats(min_value=1e-12, max_value=1e12)
numbers_of_any_size = st.one_of(sizes, sizes.map(lambda x: -x), st.just(0.0))
anything = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def bounded(draw: st.DrawFn) -> tuple[float, float, float]:
    """A value inside its interval, which has a width."""
    ends = sorted(draw(st.tuples(numbers_of_any_size, numbers_of_any_size)))
    low, high = ends if ends[0] < ends[1] else (ends[0], ends[0] + abs(ends[0]) + 1.0)
    value = draw(st.floats(min_value=0.0, max_value=1.0))
    return min(max(low + value * (high - low), low), high), low, high


def read(text: str) -> float:
    """The number that a reader sees."""
    plain = text.replace(",", "").replace(MINUS, "-").replace("+", "")
    raised = "\N{SUPERSCRIPT ZERO}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}"
    raised += "⁴⁵⁶⁷⁸⁹\N{SUPERSCRIPT MINUS}"
    head, _, power = plain.partition(f" {TIMES} 10")
    return float(head) * 10.0 ** int(power.translate(str.maketrans(raised, "0123456789-")) or 0)


def factor(unit: str) -> float:
    return read(f"1 {unit}") if unit.startswith(TIMES) else 1.0


@pytest.mark.parametrize(
    ("given_numbers", "unit", "expected"),
    [
        ((0.3141, 0.2899, 0.3301), "ratio", "0.314 [0.290, 0.330]"),
        ((0.0035, 0.0019, 0.0059), "rate", "0.00350 [0.00190, 0.00590]"),
        ((1.0, 0.985, 1.0), "rate", "1.000 [0.985, 1.000]"),
        ((0.0, 0.0, 0.215), "rate", "0.000 [0.000, 0.215]"),
        ((0.853, 0.8529, 0.8531), "rate", "0.8530 [0.8529, 0.8531]"),
        ((-0.0762, -0.1051, -0.0481), "difference", "−0.0762 [−0.1051, −0.0481]"),
        ((0.2, 1e-7, 0.5), "ratio", "0.200 [1 × 10⁻⁷, 0.500]"),
        ((21.04, 9.3, 44.3), "J", f"21.0{NBSP}J [9.3, 44.3]"),
        ((2310.0, 1200.0, 4600.0), "J", f"2.31{NBSP}kJ [1.20, 4.60]"),
        ((16192,), "rows", "16,192"),
        ((0.00031,), "s", f"310{NBSP}µs"),
        ((16800.0,), "s", f"4.67{NBSP}h"),
        ((0.25,), "J/row", f"250{NBSP}mJ/row"),
        ((518_000_000.0,), "bytes", f"518{NBSP}MB"),
        ((3e-7,), "", f"3.00{NBSP}× 10⁻⁷"),
        ((0.1171,), "squared difference", "0.117"),
        ((0.01234,), "nats", f"0.0123{NBSP}nats"),
    ],
)
def test_numbers_are_written_with_three_digits_and_a_fitting_unit(
    given_numbers: tuple[float, ...], unit: str, expected: str
) -> None:
    shown = show(*given_numbers, unit=unit)
    assert f"{shown.text} {shown.interval}".strip() == expected


def test_no_bound_is_rounded_onto_its_limit() -> None:
    shown = show(0.0762, 0.0481, 0.10004, limits=[0.1])
    assert shown.high == "0.10004"
    assert shown.limits == ("0.1",)


def test_limits_take_the_unit_of_the_value_but_not_its_power_of_ten() -> None:
    assert show(2310.0, unit="J", limits=[5000.0]).limits == (f"5{NBSP}kJ",)
    assert show(8.2e-9, limits=[0.0001]).limits == ("0.0001",)
    assert numbers.limit(5000.0, "J") == f"5,000{NBSP}J"


def test_a_column_shares_the_decimals_of_its_largest_number() -> None:
    assert show(0.00661, beside=0.0712).text == "0.0066"
    assert show(0.00001, beside=0.0712).text == "0.00001"


def test_plus_signs_are_written_only_where_asked_for() -> None:
    assert show(0.066, signed=True).text == "+0.0660"
    assert show(0.0, signed=True).text == "0"


@given(bounded(), st.lists(numbers_of_any_size, max_size=2))
def test_rounding_moves_no_number_across_or_onto_a_limit(
    numbers_given: tuple[float, float, float], limits: list[float]
) -> None:
    value, low, high = numbers_given
    shown = show(value, low, high, limits=limits)
    largest = max(map(abs, numbers_given))
    for exact, text in zip(numbers_given, (shown.value, shown.low, shown.high), strict=True):
        for limit in limits:
            if abs(exact) < largest * 1e-11 or math.isclose(exact, limit, rel_tol=1e-12):
                continue
            seen = read(text or "") * factor(shown.unit)
            assert math.isclose(seen, limit, rel_tol=1e-13) or (seen > limit) == (exact > limit)
            assert (exact > limit) or seen <= limit * (1 + math.copysign(1e-9, limit))


@given(bounded())
def test_an_interval_never_looks_closed(numbers_given: tuple[float, float, float]) -> None:
    shown = show(*numbers_given)
    largest = max(map(abs, numbers_given))
    if numbers_given[2] - numbers_given[1] > largest * 1e-11:
        assert shown.low != shown.high


@given(anything)
def test_what_is_not_zero_is_never_written_as_zero(number: float) -> None:
    shown = show(number)
    assert bool(re.search("[1-9]", shown.value)) == (number != 0)


@given(numbers_of_any_size)
def test_a_written_number_is_the_number_to_three_digits(number: float) -> None:
    shown = show(number)
    assert math.isclose(read(shown.value) * factor(shown.unit), number, rel_tol=0.006)


@given(anything, st.sampled_from(["", "rate", "J", "s", "bytes", "count", "furlong per moon"]))
def test_every_number_is_written_without_a_hyphen_or_an_exponent(number: float, unit: str) -> None:
    text = show(number, unit=unit).value
    assert "-" not in text
    assert "e" not in text.lower()
    assert text.isprintable()


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_counts_are_written_whole(number: int) -> None:
    assert read(show(number, unit="count").value) == number
    assert read(numbers.count(number)) == number


def test_ticks_levels_and_cells_are_written_by_the_same_hand() -> None:
    assert numbers.tick(-0.1, 1) == f"{MINUS}0.1"
    assert numbers.tick(-0.04, 1) == "0.0"
    assert numbers.percent(0.95) == "95%"
    assert [numbers.decimals(step) for step in (0.05, 20.0, 0.2)] == [2, 0, 1]


def test_a_number_that_rounds_up_to_a_power_of_ten_is_written_as_one() -> None:
    assert numbers.show(1 / 10_001).text == numbers.show(1e-4).text
    assert numbers.show(9.9996e-6).text == numbers.show(1e-5).text


def test_the_largest_and_the_smallest_float_stand_beside_each_other() -> None:
    shown = numbers.show(1.0, -1.7976931348623157e308, 5e-324)
    assert "1" in shown.text
