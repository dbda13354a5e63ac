"""Bands cut where their quantiles are, at edges that are nobody's number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods.bands import quantile_edges, round_edges

NUMBERS = st.lists(
    st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e9, 1e9, allow_subnormal=False)),
    min_size=2,
    max_size=60,
)


@given(NUMBERS, st.integers(2, 8))
def test_round_edges_cut_where_the_numbers_themselves_would(
    numbers: list[float], bands: int
) -> None:
    held = np.array(numbers, dtype=np.float64)
    exact = np.unique(np.quantile(held, np.arange(1, bands) / bands, method="higher"))
    exact = exact[exact > held.min()]
    rounded = round_edges(held, exact.tolist())
    assert rounded == sorted(set(rounded))
    here, there = (np.searchsorted(edges, held, side="right") for edges in (exact, rounded))
    assert here.tolist() == there.tolist()


def test_no_edge_is_a_number_of_the_data_where_there_is_room() -> None:
    held = np.round(31_337 + 71.73 * np.arange(400) + np.sqrt(np.arange(400)), 4)
    edges = quantile_edges(held, 5)
    assert edges == [37_080.0, 42_800.0, 48_500.0, 54_300.0]
    assert not set(edges) & set(held.tolist())
