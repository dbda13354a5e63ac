"""How near an answer is to another decision, columns that move, and texts cut into words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from auditkit.explaining.evasion import closeness, same
from auditkit.explaining.evasion_rows import _put, movable
from auditkit.explaining.evasion_texts import Line
from auditkit.methods.flips import asked


def test_closeness_is_above_zero_where_a_class_is_beaten() -> None:
    old = asked(np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]]), "multiclass", 0.5)
    new = asked(np.array([[0.5, 0.4, 0.1], [0.2, 0.1, 0.7]]), "multiclass", 0.5)
    assert closeness(old, new, 0.5).round(2).tolist() == [-0.1, 0.5]


def test_rounding_is_the_same_and_a_moved_score_is_not() -> None:
    old = asked(np.array([0.6]), "binary", 0.5)
    assert same(old, asked(np.array([0.6 + 1e-7]), "binary", 0.5))
    assert not same(old, asked(np.array([0.61]), "binary", 0.5))


def test_codes_truth_values_constants_and_words_do_not_move() -> None:
    rows = pd.DataFrame(
        {"a": [1, 2, 3], "b": [0, 1, 1], "c": [True, False, True], "d": [5, 5, 5], "e": list("xyz")}
    )
    assert movable(rows, list(map(str, rows))) == ["a"]


def test_a_column_keeps_its_type_and_takes_fractions_only_on_the_way() -> None:
    moved = np.array([True, False])
    for kind in ("int64", "Int64", "int8", "float32", "Float64"):
        column = pd.Series([1, 2], dtype=kind)
        whole = _put(column, np.array([3.0, 9.0]), moved)
        assert whole.dtype == column.dtype
        assert whole.tolist() == [3, 2]
        assert column.tolist() == [1, 2]
        assert _put(column, np.array([1.5, 9.0]), moved).tolist() == [1.5, 2]


def test_words_are_put_where_they_stood() -> None:
    text = "  It's a GOOD day \u2014 really, good!"
    line = Line.of(text)
    assert line.text == text
    assert line.put({2: "bad", 5: "bad"}) == "  It's a bad day \u2014 really, bad!"
    assert Line.of("").put({}) == ""
    assert [line.most(share) for share in (0.05, 0.4, 1.0)] == [1, 2, 6]
