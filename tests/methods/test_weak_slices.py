"""The search of weak slices against a search that looks at every slice by itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.significance import fisher_less
from auditkit.methods.subgroups import Column, Halves, Number
from auditkit.methods.weak_slices import try_slices, weak_slices

N = 600


def columns(rng: np.random.Generator) -> list[Column]:
    return [
        Column("a", ("x", "y", "z"), rng.integers(0, 3, N)),
        Column("b", ("p", "q"), rng.integers(-1, 2, N)),
        Column("c", ("k", "l", "m"), rng.integers(0, 3, N)),
    ]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_slice_is_held_against_everyone_else(weighted: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(0)
    held, values = columns(rng), rng.random(N)
    w = rng.random(N) + 0.5 if weighted else np.ones(N)
    halves = Halves(np.arange(N) % 2 == 0, 20, w if weighted else None)
    number = Number(values, np.ones(N, dtype=bool), 1)
    found = weak_slices(held, number, halves, least=0.05, most=999)
    assert len(found.place) == 8 + 6 + 9 + 6
    searched = halves.searched
    mean = np.average(values[searched], weights=w[searched])
    spread = np.average((values[searched] - mean) ** 2, weights=w[searched])
    for row in range(len(found.place)):
        inside = found.slice(row).rows
        assert inside.sum() >= 0.05 * N
        parts = inside & searched, ~inside & searched
        means = [np.average(values[part], weights=w[part]) for part in parts]
        sizes = [w[part].sum() ** 2 / (w[part] ** 2).sum() for part in parts]
        assert found.search.difference[row] == pytest.approx(means[0] - means[1])
        error = np.sqrt(spread * sum(1 / size for size in sizes))
        assert found.search.error[row] == pytest.approx(error)


def test_small_slices_and_those_small_in_one_half_are_left_out() -> None:
    codes = np.zeros(N, dtype=np.int64)
    codes[: N // 20 - 1] = 1
    rare = Column("a", ("x", "y"), codes)
    number = Number(np.arange(N) % 3 / 1.0, np.ones(N, dtype=bool), 1)
    halves = Halves(np.arange(N) % 2 == 0, 2)
    assert weak_slices([rare], number, halves, least=0.05, most=99).place.tolist() == [[0, 0]]
    assert len(weak_slices([rare], number, halves, least=0.04, most=99).place) == 2
    one_side = Halves(np.arange(N) < N // 2, 2)
    assert not len(weak_slices([rare], number, one_side, least=0.04, most=99).place)


def test_slices_that_share_most_rows_are_tested_once() -> None:
    rng = np.random.default_rng(1)
    first = Column("a", ("x", "y"), rng.integers(0, 2, N))
    twin = Column("b", ("x", "y"), first.codes.copy())
    values = (rng.random(N) < np.where(first.codes == 0, 0.4, 0.9)).astype(float)
    halves = Halves(np.arange(N) % 2 == 0, 20)
    number = Number(values, np.ones(N, dtype=bool), -1)
    found = weak_slices([first, twin], number, halves, least=0.05, most=99)
    (only,) = try_slices(found, number, halves, 3, 0.95, share=True)
    assert only.held.subgroup.title == "a = x"
    assert only.held.established
    assert only.p_value < 1e-6


def test_fishers_one_sided_p_is_that_of_the_hypergeometric() -> None:
    for first, n, second, m in [(3, 10, 20, 30), (0, 5, 0, 5), (10, 10, 3, 9), (40, 60, 300, 340)]:
        expected = stats.hypergeom.cdf(first, n + m, first + second, n)
        assert fisher_less(first, n, second, m) == pytest.approx(expected)
