"""Scores in bins: order is kept, nothing is moved or lost, and engines agree to the row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from auditkit.methods.estimates import FloatArray
from auditkit.methods.histogram import (
    BINS,
    INFINITE,
    MANY_BINS,
    NOT_A_NUMBER,
    OUTSIDE,
    bin_of,
    bin_scores,
    edges_of,
    parts_of,
    place_of,
)

chance = st.floats(min_value=0, max_value=1)


def piled(n: int, rng: np.random.Generator) -> FloatArray:
    """Scores of which many lie close to 0 or 1, some at the ends, some equal."""
    logits = rng.normal(0, 8, n)
    scores = 1 / (1 + np.exp(-logits))
    scores[: n // 10] = rng.choice([0.0, 0.25, 0.5, 1.0], n // 10)
    return scores


@given(chance, chance, st.sampled_from([8, BINS, MANY_BINS]))
def test_a_higher_score_is_never_in_a_lower_bin(one: float, other: float, bins: int) -> None:
    low, high = bin_of(sorted([one, other]), bins)
    assert 0 <= low <= high < bins


@given(chance)
def test_a_score_lies_between_the_edges_of_its_bin(score: float) -> None:
    edges = edges_of(BINS)
    place = int(bin_of([score])[0])
    assert edges[place] <= score <= edges[place + 1]


def test_edges_rise_from_0_to_1_and_are_alike_from_both_ends() -> None:
    edges = np.array(edges_of(BINS))
    assert edges.size == BINS + 1
    assert (np.diff(edges) > 0).all()
    assert edges[[0, BINS // 2, BINS]].tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_allclose(edges + edges[::-1], 1, atol=1e-15)


def test_scores_piled_at_an_end_are_told_apart_and_the_middle_is_fine() -> None:
    edges = np.array(edges_of(BINS))
    assert edges[1] < 1e-10
    assert np.diff(edges).max() < 2 / BINS


def test_no_score_is_clamped_and_each_kind_is_counted() -> None:
    scores = [-0.1, 1.1, np.inf, -np.inf, np.nan, 0.5]
    cells = bin_scores({}, {}, [0, 1, 0, 1, 1, 1], scores)
    counts = [cells.without_place(kind) for kind in (OUTSIDE, INFINITE, NOT_A_NUMBER)]
    assert counts == [2, 2, 1]
    assert cells.histogram({}).rows == 1
    assert cells.score_sum.sum() == 0.5


def test_cells_counted_in_two_places_add_up_to_those_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    n = 5_000
    scores, y, sex = piled(n, rng), rng.integers(0, 2, n), rng.integers(-1, 2, n)
    scores[:3] = np.nan, 2.0, np.inf

    def cells(rows: slice) -> object:
        return bin_scores({"sex": sex[rows]}, {"sex": 2}, y[rows], scores[rows], BINS)

    whole = bin_scores({"sex": sex}, {"sex": 2}, y, scores, BINS)
    both = cells(slice(0, 1_700)) + cells(slice(1_700, n))  # type: ignore[operator]
    for held in ("codes", "y_true", "bin", "n"):
        np.testing.assert_array_equal(getattr(both, held), getattr(whole, held))
    np.testing.assert_allclose(both.score_sum, whole.score_sum, rtol=1e-12)
    assert whole.n.sum() == n


def test_a_group_has_its_own_rows_and_the_unknown_one_too() -> None:
    cells = bin_scores({"sex": [0, 1, -1, 1]}, {"sex": 2}, [1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    assert [cells.histogram({"sex": code}).rows for code in (0, 1, -1)] == [1, 2, 1]
    assert cells.histogram({"sex": 1}).mean_score == pytest.approx(0.3)
    assert cells.histogram({"sex": 1}).positives.sum() == 1


def test_a_group_of_over_a_million_rows_gets_finer_bins() -> None:
    n = 1_000_001
    cells = bin_scores({"a": np.zeros(n)}, {"a": 1}, np.zeros(n), np.full(n, 0.3))
    assert cells.bins == MANY_BINS
    assert cells.n.tolist() == [n]


def test_an_engine_counts_the_same_from_the_closed_form(tmp_path: Path) -> None:
    import duckdb
    import ibis

    rng = np.random.default_rng(3)
    scores = piled(20_000, rng)
    parquet.write_table(pa.table({"score": scores}), tmp_path / "scores.parquet")
    table = ibis.table({"score": "float64"}, name="scores")
    s = table["score"]
    low = s < 0.5
    place = place_of(ibis.ifelse(low, s, 1 - s), BINS).floor()
    steps = ibis.least(place, BINS // 2 - 1)
    query = table.mutate(bin=ibis.ifelse(low, steps, BINS - 1 - steps).cast("int64"))
    counted = query.group_by("bin").agg(n=query.count()).order_by("bin")
    with duckdb.connect() as engine:
        engine.read_parquet(str(tmp_path / "scores.parquet")).create_view("scores")
        found = engine.sql(ibis.to_sql(counted, dialect="duckdb")).fetchall()
    bins, n = np.unique(bin_of(scores), return_counts=True)
    assert found == list(zip(bins.tolist(), n.tolist(), strict=True))


def test_wider_bins_are_made_of_whole_narrow_ones() -> None:
    parts = parts_of(BINS, 10)
    edges = np.array(edges_of(BINS))
    assert np.unique(parts).tolist() == list(range(10))
    starts = edges[np.flatnonzero(np.diff(parts)) + 1]
    np.testing.assert_allclose(starts, np.arange(1, 10) / 10, atol=1 / BINS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (({"a": [2]}, {"a": 2}, [1], [0.5]), "a code is"),
        (({"a": [0, 1]}, {"a": 2}, [1], [0.5]), "one entry a row"),
        (({}, {}, [2], [0.5]), "outcomes are 0 or 1"),
        (({}, {}, [1], [0.5], 7), "an even number"),
    ],
)
def test_what_cannot_be_counted_is_refused(given: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bin_scores(*given)  # type: ignore[arg-type]


def test_cells_of_other_bins_are_not_added() -> None:
    with pytest.raises(ValueError, match="same columns, groups and bins"):
        _ = bin_scores({}, {}, [1], [0.5], 8) + bin_scores({}, {}, [1], [0.5], 16)
