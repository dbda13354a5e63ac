from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.data import sampling
from auditkit.data.sampling import Hashes, draw, row_hashes


def hashes(*values: int) -> Hashes:
    return np.array(values, dtype=np.uint64)


def batch(**columns: Any) -> Any:
    return pa.record_batch(columns)


def drawn(content: Hashes, size: int, seed: int = 0) -> dict[int, int]:
    found = draw([content], len(content), size, seed)
    return dict(zip(found.contents.tolist(), found.counts.tolist(), strict=True))


contents = st.lists(st.integers(0, 6), min_size=1, max_size=40)


@given(contents, st.data())
def test_the_sample_is_part_of_the_rows_and_of_the_right_size(
    values: list[int], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(values)))
    found, there = drawn(hashes(*values), size), Counter(values)
    assert sum(found.values()) == size
    assert all(1 <= count <= there[value] for value, count in found.items())


@given(contents, st.randoms(), st.integers(1, 10))
def test_neither_order_nor_cuts_change_the_sample(
    values: list[int], random: Any, cuts: int
) -> None:
    size = max(1, len(values) // 3)
    moved = list(values)
    random.shuffle(moved)
    parts = [part.astype(np.uint64) for part in np.array_split(np.array(moved), cuts)]
    found = draw(parts, len(values), size, seed=3)
    assert dict(zip(found.contents.tolist(), found.counts.tolist(), strict=True)) == drawn(
        hashes(*values), size, seed=3
    )


@given(contents)
def test_as_many_rows_are_taken_as_were_drawn_of_each_content(values: list[int]) -> None:
    content, size = hashes(*values), max(1, len(values) // 2)
    found = draw([content], len(content), size, seed=1)
    parts = np.array_split(content, 3)
    taken = np.concatenate([found.take(part) for part in parts])
    assert Counter(content[taken].tolist()) == drawn(content, size, seed=1)


def test_every_row_has_the_same_chance_be_it_alone_or_one_of_many() -> None:
    # 30 equal rows, 30 single ones; 20 are drawn. Of the equal ones that is hypergeometric:
    # mean 20 * 30/60 = 10, variance 20 * 1/2 * 1/2 * 40/59 = 3.39.
    content = hashes(*[99] * 30, *range(30))
    draws = [drawn(content, 20, seed) for seed in range(600)]
    equal = np.array([found.get(99, 0) for found in draws])
    assert abs(equal.mean() - 10) < 5 * np.sqrt(3.39 / 600)
    assert equal.var() == pytest.approx(3.39, rel=0.3)
    single = np.array([sum(value in found for found in draws) for value in range(30)])
    expected, spread = 600 / 3, np.sqrt(600 * 1 / 3 * 2 / 3)
    assert np.abs(single - expected).max() < 4.5 * spread
    assert ((single - expected) ** 2 / spread**2).sum() < 60  # chi-square of 30, 99.9 % is 59.7


def test_another_seed_draws_other_rows() -> None:
    content = hashes(*range(1000))
    first, other = drawn(content, 100, 0), drawn(content, 100, 1)
    assert 0 < len(set(first) & set(other)) < 40


def test_the_work_is_cut_into_pieces_without_changing_the_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = hashes(*np.random.default_rng(0).integers(0, 300, 2000).tolist())
    whole = drawn(content, 150)
    monkeypatch.setattr(sampling, "PART_ROWS", 100)
    monkeypatch.setattr(sampling, "BLOCK", 64)
    assert drawn(content, 150) == whole


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], pa.int8()),
        ([1, 2, None], pa.uint64()),
        ([0.5, float("inf"), None], pa.float32()),
        ([True, False, None], pa.bool_()),
        (["", "é", None], pa.string()),
        (["", "é", None], pa.large_string()),
        ([b"", b"\xff", None], pa.binary()),
        ([date(2024, 1, 1), date(1960, 1, 1), None], pa.date32()),
        ([0, -5, None], pa.timestamp("us")),
        ([0, 5, None], pa.time32("s")),
        ([0, 5, None], pa.duration("ms")),
        ([Decimal("1.5"), Decimal("-2.5"), None], pa.decimal128(5, 1)),
        ([["a"], ["a", "b"], None], pa.list_(pa.string())),
        ([{"a": 1}, {"a": 2}, None], pa.struct([("a", pa.int64())])),
        ([None, None, None], pa.null()),
    ],
)
def test_rows_of_every_type_are_told_apart(values: list[Any], kind: Any) -> None:
    column = pa.array(values, kind)
    found = row_hashes(batch(x=column))
    assert len(set(found.tolist())) == len({repr(value) for value in values})
    alone = row_hashes(batch(x=column.slice(1, 1)))
    assert alone[0] == found[1]


def test_a_code_hashes_as_what_it_stands_for() -> None:
    plain: Any = pa.array(["b", "a", None, "b"])
    assert same(row_hashes(batch(x=plain)), row_hashes(batch(x=plain.dictionary_encode())))


def test_zero_has_one_hash_and_so_has_nan() -> None:
    found = row_hashes(batch(x=[0.0, -0.0, float("nan"), -float("nan"), None]))
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found.tolist())) == 3


def test_moving_a_value_to_another_column_is_another_row() -> None:
    found = row_hashes(batch(x=["p", "q"], y=["q", "p"]))
    assert found[0] != found[1]


def same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return bool(np.array_equal(a, b))
