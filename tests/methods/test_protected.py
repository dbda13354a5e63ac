"""Intervals of protected counts hold what noise and withholding hide, in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.evidence import Measurement, Table
from auditkit.methods.cells import RATES, Cells
from auditkit.methods.count_metrics import JACCARD
from auditkit.methods.crossing import cross
from auditkit.methods.decision_groups import DecisionsByGroup
from auditkit.methods.disclosure import noise_variance
from auditkit.methods.estimates import FloatArray
from auditkit.methods.group_sizes import group_size, unknown_share
from auditkit.methods.groupwise import Settings
from auditkit.methods.intervals import clopper_pearson, f1, newcombe, normal_quantile
from auditkit.methods.protected import NO_PARTS, NO_REPLICATES, TOO_UNCERTAIN, protected_counts
from auditkit.methods.sums import Doubt

Shares = tuple[FloatArray, FloatArray]
DRAWS = 4000
#: Three standard errors of a share of 95 % in so many draws.
ERROR = 0.0105


def laplace(rng: np.random.Generator, epsilon: float, cells: int) -> FloatArray:
    rise = 1 - np.exp(-epsilon)
    shape = (DRAWS, cells)
    noise = rng.geometric(rise, shape) - rng.geometric(rise, shape)
    return np.asarray(noise.sum(axis=1), dtype=np.float64)


def with_noise(rng: np.random.Generator, p: float, n: int, epsilon: float, cells: int) -> Shares:
    won = rng.binomial(n, p, DRAWS)
    a, b = (np.maximum(held + laplace(rng, epsilon, cells), 0) for held in (won, n - won))
    variance, none = np.full(DRAWS, cells * noise_variance(epsilon)), np.zeros(DRAWS)
    return protected_counts((a, b), a + b, (variance, variance), (none, none))


def with_gaps(rng: np.random.Generator, won: list[float], lost: list[float]) -> Shares:
    """Cells of these means, those under 10 withheld."""
    counts, bounds = [], []
    for means in (won, lost):
        drawn = rng.poisson(means, (DRAWS, len(means)))
        counts.append(np.where(drawn < 10, 4.5, drawn).sum(axis=1))
        bounds.append(4.5 * (drawn < 10).sum(axis=1))
    none, (a, b) = np.zeros(DRAWS), counts
    return protected_counts((a, b), a + b, (none, none), (bounds[0], bounds[1]))


def coverage(found: Shares, p: float) -> float:
    """Share of the draws with limits that hold p, or without limits."""
    (won, rows), known = found, found[1] > 0
    low, high = clopper_pearson(won[known], rows[known])
    return float(1 - ((p < low) | (p > high)).sum() / DRAWS)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("n", [20, 50, 200, 2000])
@pytest.mark.parametrize("cells", [2, 12])
@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_limits_of_noised_counts_cover(epsilon: float, cells: int, n: int, p: float) -> None:
    found = with_noise(np.random.default_rng(1), p, n, epsilon, cells)
    assert coverage(found, p) > 0.95 - ERROR
    if n >= 200 and epsilon == 1:
        assert np.all(found[1] > 0)  # there are limits


@pytest.mark.parametrize(
    ("won", "lost"),
    [
        ([30, 5, 20, 4], [60, 8, 40, 3]),
        ([0.3] * 4, [50] * 4),
        ([7] * 4, [50] * 4),
        ([7] * 40, [100] * 40),
        ([0.3] * 40, [100] * 40),
        ([200, *[1] * 20], [200, *[8] * 20]),
        ([9.5] * 10, [*[9.5] * 10, 200]),
        ([50], [90]),
    ],
)
def test_limits_of_counts_of_which_some_are_withheld_cover(
    won: list[float], lost: list[float]
) -> None:
    found = with_gaps(np.random.default_rng(2), won, lost)
    assert coverage(found, sum(won) / (sum(won) + sum(lost))) > 0.95 - ERROR


@pytest.mark.parametrize(("mine", "others"), [(7.0, 0.3), (0.3, 7.0), (7.0, 7.0), (40.0, 3.0)])
def test_a_difference_covers_where_what_is_withheld_pulls_both_ways(
    mine: float, others: float
) -> None:
    rng = np.random.default_rng(3)
    first, second = with_gaps(rng, [mine] * 4, [50] * 4), with_gaps(rng, [others] * 4, [50] * 4)
    low, high = newcombe(*first, *second, limits=clopper_pearson)
    apart = mine / (mine + 50) - others / (others + 50)
    assert np.mean((low <= apart) & (apart <= high)) > 0.95 - ERROR


@pytest.mark.parametrize("sizes", [(200, 200), (200, 2000), (50, 2000)])
@pytest.mark.parametrize("p", [0.1, 0.3])
def test_a_difference_of_noised_shares_covers(p: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    first, second = (with_noise(rng, p, n, 1.0, 6) for n in sizes)
    known = (first[1] > 0) & (second[1] > 0)
    low, high = newcombe(
        first[0][known], first[1][known], second[0][known], second[1][known],
        limits=clopper_pearson,
    )  # fmt: skip
    assert known.mean() > 0.9
    assert np.mean((low <= 0) & (high >= 0)) > 0.95 - ERROR


def test_a_bias_is_covered_by_its_square_added_to_the_variance() -> None:
    from scipy.special import ndtr

    bias = np.linspace(0, 30, 3001)
    for level in (0.92, 0.95, 0.975, 0.99, 0.999, 0.9999):
        arm = normal_quantile(level) * np.sqrt(1 + bias**2)
        assert np.all(ndtr(arm - bias) - ndtr(-arm - bias) > level - 1e-9)


def test_without_protection_the_counts_are_what_they_are() -> None:
    won, lost, none = np.array([0.0, 3.0, 10.0]), np.array([10.0, 7.0, 0.0]), np.zeros(3)
    successes, rows = protected_counts((won, lost), won + lost, (none, none), (none, none))
    assert successes == pytest.approx(won)
    assert rows == pytest.approx([10.0] * 3)


def cells_of(n: list[float], variance: float, bounds: list[float]) -> Cells:
    """Two groups and the unknown, of one cell for each outcome, all selected."""
    codes = np.repeat([0, 1, -1], 2)[:, None]
    outcome, selected = np.tile([0, 1], 3), np.ones(6, dtype=np.int64)
    doubt = Doubt(np.full(6, variance), np.array(bounds))
    return Cells(("sex",), (2,), codes, outcome, selected, np.array(n), doubt=doubt)


LABELS = {"sex": ("F", "M", "unknown")}


def test_a_group_size_reaches_as_far_as_what_was_withheld() -> None:
    cells = cells_of([4.5, 30, 20, 20, 4.5, 4.5], 0.0, [4.5, 0, 0, 0, 4.5, 4.5])
    crossing = cross(cells, LABELS, ["sex"])
    found = group_size(crossing, 0)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (30.0, 39.0)
    assert not found.exact
    assert group_size(crossing, 1).exact
    share = unknown_share(crossing)
    assert share.interval is not None
    assert share.interval.low == 0.0
    assert share.interval.high == pytest.approx(18 / (18 + 70))


def test_a_group_size_below_0_is_shown_as_0_with_what_it_may_be() -> None:
    found = group_size(cross(cells_of([-9, 2, 50, 50, 0, 0], 10.0, [0] * 6), LABELS, ["sex"]), 0)
    assert (found.value, found.n) == (0, 0)
    assert found.interval is not None
    assert 0 == found.interval.low < found.interval.high


def test_a_share_that_protection_hides_is_undefined() -> None:
    crossing = cross(cells_of([-9, 2, 50, 50, 0, 0], 10.0, [0] * 6), LABELS, ["sex"])
    assert crossing.sums is not None
    rows = RATES["base_rate"].effective(crossing.sums)[1]
    assert rows[0] == 0
    assert 0 < rows[1] < 100
    held = crossing.compare(RATES["base_rate"], 1)
    assert held.names == ("M",)


def test_counts_that_may_hold_one_decision_only_count_as_constant() -> None:
    assert cells_of([50.0] * 6, 1.0, [0] * 6).constant
    both = cells_of([50.0] * 6, 1.0, [0] * 6)
    both.y_pred[::2] = 0
    assert not both.constant


def four_cells(variance: float) -> Cells:
    """Two groups of true and false positives and negatives, by group, outcome, decision.

    Noise has moved the false negatives of the first group below 0.
    """
    n = np.array([60.0, 20, -2, 30, 50, 25, 15, 40, 0, 0, 0, 0])
    codes = np.repeat([0, 1, -1], 4)[:, None]
    outcome, decision = np.tile([0, 0, 1, 1], 3), np.tile([0, 1, 0, 1], 3)
    doubt = Doubt(np.full(12, variance), np.zeros(12))
    return Cells(("sex",), (2,), codes, outcome, decision, n, doubt=doubt)


def measured(variance: float) -> tuple[dict[str, Measurement], dict[str, Table]]:
    by_group = DecisionsByGroup(four_cells(variance), LABELS, Settings())
    crossing = by_group.cross(["sex"])
    found = {m.metric: m for m in (*by_group.of_group(crossing, 0), *by_group.between(crossing))}
    return found, {table.name: table for table in by_group.tables()}


def test_numbers_of_protected_counts_are_made_of_shares_on_effective_counts() -> None:
    found, _ = measured(1.8)
    crossing = cross(four_cells(1.8), LABELS, ["sex"])
    assert crossing.sums is not None
    won, rows = (float(count) for count in JACCARD.effective(crossing.sums[0]))
    interval = found["f1"].interval
    assert interval is not None
    assert found["f1"].value == pytest.approx(2 * won / (rows + won))
    assert (interval.low, interval.high) == pytest.approx(f1(won, rows - won))
    assert interval.method == "Clopper-Pearson of the Jaccard index, effective n"
    for name in ("balanced_accuracy", "treatment_ratio", "f1_difference"):
        held = found[name]
        assert held.interval is not None
        assert held.value is not None
        assert held.interval.low <= held.value <= held.interval.high
        assert "counts protected" in held.source


def test_what_needs_the_rows_of_protected_counts_is_undefined() -> None:
    found, tables = measured(1.8)
    assert found["mcc"].reason == NO_REPLICATES
    for name, reason in (
        ("mcc_difference", NO_REPLICATES),
        ("demographic_parity_difference_to_overall", NO_PARTS),
        ("accuracy_ratio_to_overall", NO_PARTS),
    ):
        assert found[name].value is None
        assert reason in str(found[name].reason)
    assert {row[tables["tests"].columns.index("p_value")] for row in tables["tests"].rows} == {None}
    assert NO_REPLICATES in tables["tests"].source


def test_numbers_that_noise_hides_are_undefined() -> None:
    found, _ = measured(2e4)
    for name in ("f1", "balanced_accuracy", "treatment_ratio"):
        assert (found[name].value, found[name].reason) == (None, TOO_UNCERTAIN)
