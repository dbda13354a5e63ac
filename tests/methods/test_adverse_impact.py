"""Impact ratios: hand-computed tables, published counts, and whether the intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods import gaps, intervals
from auditkit.methods.adverse_impact import (
    BY_DEFINITION,
    Categories,
    categorise,
    compare_to_highest,
    lowest,
)
from auditkit.methods.cells import count_cells
from auditkit.methods.crossing import cross


def categories(counts: list[tuple[int, int]], unknown: tuple[int, int] = (0, 0)) -> Categories:
    """Categories of one column from (selected, rows) of each."""
    rows = [(code, i < won) for code, (won, n) in enumerate(counts) for i in range(n)]
    rows += [(-1, i < unknown[0]) for i in range(unknown[1])]
    codes = np.array([code for code, _ in rows], dtype=np.int64)
    chosen = np.array([won for _, won in rows], dtype=np.int64)
    cells = count_cells({"g": codes}, {"g": len(counts)}, chosen, chosen)
    names = [*(f"g{i}" for i in range(len(counts))), "unknown"]
    return categorise(cross(cells, {"g": names}, ["g"]), 0.02)


def test_a_table_computed_by_hand() -> None:
    white, black = compare_to_highest([48, 12], [80, 48])
    assert (white.ratio.value, white.ratio.reason) == (1.0, BY_DEFINITION)
    assert black.ratio.value == pytest.approx(0.25 / 0.6)
    assert black.shortfall.value == pytest.approx(48 * 0.6 - 12)
    assert black.shortfall_pooled == pytest.approx(48 * 60 / 128 - 12)
    assert black.p_value == pytest.approx(
        stats.chi2_contingency([[48, 32], [12, 36]], correction=False).pvalue
    )


def test_the_census_figures_of_women_and_men() -> None:
    women, _ = compare_to_highest([1769, 9918], [16192, 32650])
    assert women.ratio.value is not None
    assert round(women.ratio.value, 6) == 0.359655  # AIF360's disparate impact


@pytest.mark.parametrize(
    ("won", "rows", "reading"),
    [
        (40, 100, "not below 0.8"),  # exactly four fifths of 50 in 100
        (39, 100, "below 0.8, not significant"),
        (390, 1000, "below 0.8 and significant"),
        (450, 1000, "not below 0.8, yet significant"),
    ],
)
def test_the_four_fifths_line_is_read_together_with_significance(
    won: int, rows: int, reading: str
) -> None:
    assert compare_to_highest([won, rows // 2], [rows, rows])[0].reading == reading


def test_a_small_table_is_tested_by_fisher() -> None:
    low, _ = compare_to_highest([1, 7], [10, 10])
    assert low.test == "Fisher exact"
    assert low.p_value == pytest.approx(stats.fisher_exact([[1, 9], [7, 3]]).pvalue)
    assert low.reading == "below 0.8 and significant"


def test_the_same_data_beside_more_categories_are_less_sure() -> None:
    few, many = compare_to_highest([1, 7], [10, 10]), compare_to_highest([1, 7, 6, 6], [10] * 4)
    assert few[0].p_value == many[0].p_value
    assert few[0].p_adjusted is not None
    assert many[0].p_adjusted == pytest.approx(6 * few[0].p_adjusted)
    assert many[0].reading == "below 0.8, not significant"


def test_an_interval_is_that_of_the_least_pair() -> None:
    s, n = np.array([20, 50, 55]), np.array([100, 100, 100])
    each = gaps.pair_level(0.95, 3)
    bounds = [
        intervals.ratio(20, 100, other, 100, each, limits=intervals.clopper_pearson)
        for other in (50, 55)
    ]
    found = compare_to_highest(s, n)[0].ratio.interval
    assert found is not None
    assert found.low == pytest.approx(min(low for low, _ in bounds))
    assert found.high == pytest.approx(min(high for _, high in bounds))


@pytest.mark.parametrize("counts", [([0, 0], [9, 9]), ([3], [9]), ([], [])])
def test_what_cannot_be_divided_is_not_estimable(counts: tuple[list[int], list[int]]) -> None:
    for impact in compare_to_highest(*counts):
        assert impact.ratio.value is None
        assert impact.ratio.reason in {gaps.ALL_ZERO, gaps.TOO_FEW}
        assert impact.reading == "not estimable"


def test_equal_rates_have_a_ratio_of_1_with_a_width() -> None:
    first, second = compare_to_highest([5, 10], [10, 20])
    assert first.ratio.reason == BY_DEFINITION
    assert second.ratio.value == 1
    assert second.ratio.interval is not None
    assert second.ratio.interval.low < 1 == second.ratio.interval.high
    assert second.shortfall.value == 0


def test_a_rate_of_0_keeps_a_width() -> None:
    none, _ = compare_to_highest([0, 2], [3, 3])
    assert none.ratio.value == 0
    assert none.ratio.interval is not None
    assert none.ratio.interval.high > 0


def test_the_intervals_of_a_table_cover_together_whichever_rate_is_truly_highest() -> None:
    rng, rates, n = np.random.default_rng(0), np.array([0.5, 0.5, 0.45, 0.3]), 120
    held = 0
    for won in rng.binomial(n, rates, size=(400, 4)):
        found = compare_to_highest(won, [n] * 4)
        true = zip(rates / 0.5, (0.5 - rates) * n, found, strict=True)
        held += all(
            f.ratio.interval is None
            or f.shortfall.interval is None
            or (
                f.ratio.interval.low <= ratio <= f.ratio.interval.high
                and f.shortfall.interval.low <= lacks <= f.shortfall.interval.high
            )
            for ratio, lacks, f in true
        )
    assert held / 400 >= 0.94


def test_a_category_of_exactly_2_percent_is_compared_and_a_smaller_one_is_left_out() -> None:
    held = categories([(10, 49), (30, 49), (1, 2)])
    assert held.standing(2) == "compared"
    held = categories([(10, 49), (30, 50), (1, 2)])
    assert held.standing(2) == "left out"
    assert held.share(2) == (1, 0.5)
    assert 2 not in held.impacts


def test_rows_of_unknown_category_count_towards_the_2_percent() -> None:
    assert categories([(10, 45), (30, 45), (1, 2)]).standing(2) == "compared"
    assert categories([(10, 45), (30, 45), (1, 2)], unknown=(5, 20)).standing(2) == "left out"


def test_a_small_category_is_never_the_reference() -> None:
    held = categories([(10, 100), (30, 100), (2, 2)])
    assert held.top == 1
    assert lowest(held).value == pytest.approx(1 / 3)


def test_an_unknown_category_has_a_rate_and_no_ratio() -> None:
    held = categories([(10, 50), (30, 50)], unknown=(9, 10))
    assert held.standing(2) == "unknown"
    assert held.share(2) == (9, 0.9)
    assert set(held.impacts) == {0, 1}


def test_one_row_is_never_compared_and_its_outcome_is_not_shown() -> None:
    held = categories([(1, 1), (3, 9), (5, 9), (0, 0)])
    assert (held.standing(0), held.share(0)) == ("one row", None)
    assert (held.standing(3), held.share(3)) == ("no rows", None)
    assert held.top == 2


def test_the_lowest_ratio_says_why_there_is_none() -> None:
    assert lowest(categories([(3, 9)])).reason == gaps.TOO_FEW
    assert lowest(categories([(0, 9), (0, 9)])).reason == gaps.ALL_ZERO
    assert lowest(categories([])).reason == gaps.TOO_FEW
