"""The encoders: what they learn, what they refuse, and who is a player."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.encoding import Encoder, SequenceEncoder, TabularEncoder, encoder_from_dict
from auditkit.errors import InputError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [20.0, 40.0, None, 60.0],
            "work": ["a", "b", None, "a"],
            "paid": [True, False, True, True],
            "hours": [1, 2, 3, 6],
        }
    )


def sequences() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "b2": [0.0, 2.0, None],
            "b1": [2.0, 4.0, 6.0],
            "p2": [1, 1, 1],
            "p1": [3, 3, 3],
            "limit": [10.0, 20.0, 30.0],
            "kind": ["x", "y", "x"],
        }
    )


SEQUENCE = {"bill": ["b2", "b1"], "paid": ["p2", "p1"]}


def names(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows.columns]


def problems_of(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


def test_numbers_are_imputed_with_the_median_and_standardised_by_hand_computed_moments() -> None:
    encoder = TabularEncoder.fit(table(), ["age"])
    filled = np.array([20.0, 40.0, 40.0, 60.0])
    expected = (filled - 40.0) / np.sqrt(200.0)
    encoded = encoder.encode(table())
    np.testing.assert_allclose(encoded[:, 0], expected, rtol=1e-6)
    assert encoded[:, 1].tolist() == [0, 0, 1, 0]


def test_an_indicator_is_added_only_where_training_had_missing_numbers() -> None:
    encoder = TabularEncoder.fit(table(), ["hours"])
    assert encoder.width == 1
    gap = pd.DataFrame({"hours": [None]}, dtype=float)
    assert encoder.encode(gap)[0, 0] == pytest.approx((2.5 - 3.0) / np.std([1, 2, 3, 6]))
    assert encoder.unseen(gap) == {"hours": 1}


def test_categories_become_one_hot_with_missing_as_a_category_of_its_own() -> None:
    encoder = TabularEncoder.fit(table(), ["work", "paid"])
    assert encoder.encode(table()).tolist() == [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 0, 1],
    ]


def test_a_new_category_is_all_zeros_and_counted() -> None:
    encoder = TabularEncoder.fit(table(), ["work", "paid"])
    new = pd.DataFrame({"work": ["c", "c", "a"], "paid": [True, None, False]})
    assert encoder.encode(new)[:2].tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert encoder.unseen(new) == {"work": 2, "paid": 1}


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", None], dtype="category"),
        pd.Series(["a", "b", None], dtype=object),
        pd.Series(["a", "b", None], dtype="str"),
        pd.Series([1, 2, None], dtype="category"),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_every_type_of_category_is_one_hot(column: pd.Series[Any]) -> None:
    encoder = TabularEncoder.fit(column.to_frame("c"), ["c"])
    assert encoder.encode(column.to_frame("c")).sum(axis=1).tolist() == [1, 1, 1]
    assert encoder.width == 3


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32", "Int64", "Float64"])
def test_every_type_of_number_is_standardised(dtype: str) -> None:
    rows = pd.DataFrame({"x": pd.Series([0, 2], dtype=dtype)})
    assert TabularEncoder.fit(rows, ["x"]).encode(rows).tolist() == [[-1], [1]]


def test_a_column_that_is_missing_throughout_is_zeros_and_an_indicator() -> None:
    rows = pd.DataFrame({"x": [np.nan, np.nan]})
    assert TabularEncoder.fit(rows, ["x"]).encode(rows).tolist() == [[0, 1], [0, 1]]


@given(st.floats(-1e30, 1e30), st.integers(1, 5))
def test_a_constant_column_is_zeros_whatever_the_rounding(value: float, n: int) -> None:
    rows = pd.DataFrame({"x": [value] * n})
    assert not TabularEncoder.fit(rows, ["x"]).encode(rows).any()


def test_numbers_as_text_are_read_and_other_text_is_refused() -> None:
    encoder = TabularEncoder.fit(table(), ["hours"])
    assert encoder.encode(pd.DataFrame({"hours": ["3"]})).tolist() == [[0]]
    with pytest.raises(InputError, match="'many' and the like in 1 rows"):
        encoder.encode(pd.DataFrame({"hours": ["3", "many"]}))


def test_a_column_learnt_as_numbers_takes_numbers_of_any_type_and_nothing_else() -> None:
    encoder = TabularEncoder.fit(table(), ["hours"])
    as_category = pd.DataFrame({"hours": pd.Series([3, 3], dtype="category")})
    assert encoder.encode(as_category).tolist() == [[0], [0]]
    with pytest.raises(InputError, match="type datetime64"):
        encoder.encode(pd.DataFrame({"hours": pd.to_datetime(["2020-01-01"])}))


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pd.Series([np.inf, 1.0]), "infinity in 1 rows"),
        (pd.Series([1.7e308, -1.7e308]), "numbers near 1e308"),
        (pd.Series([1 + 2j, 3j]), "complex numbers"),
        (pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"])), "datetime64"),
        (pd.Series([[1], [2]]), "lists"),
        (pd.Series([f"id{i}" for i in range(1001)]), "1001 categories"),
    ],
    ids=lambda value: value if isinstance(value, str) else "column",
)
def test_what_cannot_be_encoded_is_refused(column: pd.Series[Any], found: str) -> None:
    with pytest.raises(InputError) as error:
        TabularEncoder.fit(column.to_frame("odd"), ["odd"])
    assert found in problems_of(error)
    assert "'odd'" in problems_of(error)


def test_a_number_too_far_away_to_encode_is_refused_instead_of_becoming_infinite() -> None:
    encoder = TabularEncoder.fit(pd.DataFrame({"x": [0.0, 1e-30]}), ["x"])
    with pytest.raises(InputError, match="too large to encode"):
        encoder.encode(pd.DataFrame({"x": [1e30]}))


def test_every_unfit_column_is_named_in_one_error() -> None:
    rows = pd.DataFrame({"a": [np.inf, 1.0], "b": [[1], [2]], "c": [1, 2]})
    with pytest.raises(InputError) as error:
        TabularEncoder.fit(rows, ["a", "b", "c"])
    assert [problem.where for problem in error.value.problems] == ["column 'a'", "column 'b'"]


def test_missing_columns_are_named_with_the_nearest() -> None:
    encoder = TabularEncoder.fit(table(), ["age", "work"])
    with pytest.raises(InputError) as error:
        encoder.encode(pd.DataFrame({"agee": [1], "hours": [1]}))
    assert len(error.value.problems) == 2
    assert "Did you mean 'agee'?" in problems_of(error)


def test_a_column_that_is_there_twice_is_refused() -> None:
    rows = pd.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(InputError, match="2 columns named 'x'"):
        TabularEncoder.fit(rows, ["x"])
    with pytest.raises(InputError, match="'hours' twice"):
        TabularEncoder.fit(table(), ["hours", "hours"])


def test_a_sequence_has_standardised_channels_and_static_features_at_every_step() -> None:
    encoder = SequenceEncoder.fit(sequences(), SEQUENCE, ["limit", "kind"])
    encoded = encoder.encode(sequences())
    assert encoder.shape == encoded.shape[1:] == (2, 6)
    bills = np.array([[0.0, 2.0], [2.0, 4.0], [2.0, 6.0]])  # median of 0 2 2 4 6 is 2
    deviation = bills.std()
    np.testing.assert_allclose(encoded[:, :, 0], (bills - bills.mean()) / deviation, rtol=1e-6)
    assert encoded[:, :, 1].tolist() == [[0, 0], [0, 0], [1, 0]]
    assert encoded[:, :, 2].tolist() == [[-1, 1]] * 3
    limits = TabularEncoder.fit(sequences(), ["limit", "kind"]).encode(sequences())
    for step in range(2):
        assert (encoded[:, step, 3:] == limits).all()


def test_a_sequence_counts_unseen_values_of_each_column() -> None:
    encoder = SequenceEncoder.fit(sequences(), SEQUENCE, ["kind"])
    new = sequences().assign(p1=[np.nan, 1.0, np.nan], kind=["z", "x", "x"])
    expected = {"b2": 0, "b1": 0, "p2": 0, "p1": 2, "kind": 1}
    assert encoder.unseen(new) == expected


@pytest.mark.parametrize(
    "sequence", [{}, {"a": []}, {"a": ["b1"], "b": ["p1", "p2"]}], ids=["none", "empty", "unequal"]
)
def test_channels_of_no_or_unequal_length_are_refused(sequence: dict[str, list[str]]) -> None:
    with pytest.raises(InputError, match="equally long channels"):
        SequenceEncoder.fit(sequences(), sequence)


def test_text_in_a_channel_and_an_unfit_static_column_are_told_together() -> None:
    rows = sequences().assign(limit=[np.inf, 1.0, 2.0])
    with pytest.raises(InputError) as error:
        SequenceEncoder.fit(rows, {"kind": ["kind"]}, ["limit"])
    assert len(error.value.problems) == 2


def encoders() -> list[Encoder]:
    return [
        TabularEncoder.fit(table(), names(table())),
        TabularEncoder(()),
        SequenceEncoder.fit(sequences(), SEQUENCE, ["limit", "kind"]),
        SequenceEncoder.fit(sequences(), {"paid": ["p2", "p1"]}),
    ]


@pytest.mark.parametrize("encoder", encoders(), ids=lambda e: f"{e.kind}-{len(e.features)}")
def test_players_cover_every_position_once_and_move_only_their_own(encoder: Encoder) -> None:
    positions = np.concatenate([*encoder.players.values(), np.empty(0, dtype=np.int64)])
    assert sorted(positions) == list(range(int(np.prod(encoder.shape))))
    assert tuple(encoder.players) == encoder.features
    rows = sequences() if isinstance(encoder, SequenceEncoder) else table()
    base = encoder.encode(rows).reshape(len(rows), -1)
    for name, own in encoder.players.items():
        moved = rows.assign(**{name: rows[name].to_numpy()[::-1]})
        changed = (encoder.encode(moved).reshape(len(rows), -1) != base).any(axis=0)
        assert set(np.flatnonzero(changed)) <= set(own)


@pytest.mark.parametrize("encoder", encoders(), ids=lambda e: f"{e.kind}-{len(e.features)}")
def test_an_encoder_survives_json_to_the_bit(encoder: Encoder) -> None:
    again = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    rows = sequences() if isinstance(encoder, SequenceEncoder) else table()
    assert (again.encode(rows) == encoder.encode(rows)).all()


def changed(path: list[Any], value: object) -> dict[str, Any]:
    saved = TabularEncoder.fit(table(), names(table())).to_dict()
    place: Any = saved
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return saved


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["kind"], "other"),
        (["kind"], ["tabular"]),
        (["more"], 1),
        (["columns"], None),
        (["columns", 0], "age"),
        (["columns", 0, "kind"], "text"),
        (["columns", 0, "name"], 3),
        (["columns", 0, "name"], "work"),
        (["columns", 0, "scale", "median"], "1"),
        (["columns", 0, "scale", "median"], float("nan")),
        (["columns", 0, "scale", "deviation"], 0),
        (["columns", 0, "scale", "deviation"], float("inf")),
        (["columns", 0, "scale", "missing"], 1),
        (["columns", 1, "categories"], ["a", "a"]),
        (["columns", 1, "categories"], "ab"),
        (["columns", 1, "categories"], {1, 2}),
    ],
)
def test_a_tampered_encoder_is_refused(path: list[Any], value: object) -> None:
    with pytest.raises(InputError):
        encoder_from_dict(changed(path, value))


def test_a_tampered_sequence_encoder_is_refused() -> None:
    saved = SequenceEncoder.fit(sequences(), SEQUENCE, ["limit"]).to_dict()
    for columns in ([], ["b2"], ["b2", "b2"], ["b2", "limit"]):
        saved["channels"][0]["columns"] = columns
        with pytest.raises(InputError):
            encoder_from_dict(saved)
    with pytest.raises(InputError):
        encoder_from_dict(saved | {"channels": []})


def test_a_tampered_encoder_lists_all_that_is_wrong() -> None:
    saved = changed(["columns", 0, "scale", "median"], "1")
    saved["columns"][1]["missing"] = "no"
    with pytest.raises(InputError) as error:
        encoder_from_dict(saved)
    assert len(error.value.problems) == 2


def test_hostile_names_and_values_are_data() -> None:
    text = '<script>alert("1")</script>=1+1\u202e' + "x" * 10_000
    rows = pd.DataFrame({text: [text, "b"]})
    encoder = TabularEncoder.fit(rows, [text])
    assert encoder_from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder
    with pytest.raises(InputError) as error:
        encoder.encode(pd.DataFrame({"x": [1]}))
    assert len(problems_of(error)) < 1_000


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.one_of(st.none(), st.text(max_size=3)),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_training_rows_encode_to_finite_numbers_with_one_category_each(
    rows: list[tuple[float | None, str | None]],
) -> None:
    frame = pd.DataFrame(rows, columns=["x", "c"]).astype({"x": float, "c": object})
    encoder = TabularEncoder.fit(frame, ["x", "c"])
    encoded: npt.NDArray[np.float32] = encoder.encode(frame)
    assert np.isfinite(encoded).all()
    assert (encoded[:, encoder.players["c"]].sum(axis=1) == 1).all()
    assert set(encoder.unseen(frame).values()) == {0}


def test_row_order_changes_nothing_that_is_learnt() -> None:
    assert TabularEncoder.fit(table()[::-1], ["work", "paid", "hours"]) == TabularEncoder.fit(
        table(), ["work", "paid", "hours"]
    )


@pytest.mark.slow
def test_fifty_thousand_rows_encode_in_half_a_second_of_cpu() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {f"n{i}": rng.normal(size=50_000) for i in range(6)}
        | {f"c{i}": rng.choice([f"value {k}" for k in range(12)], 50_000) for i in range(8)}
    )
    encoder = TabularEncoder.fit(rows, names(rows))
    began = time.process_time()
    encoder.encode(rows)
    assert time.process_time() - began < 0.5
