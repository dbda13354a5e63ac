"""What any model may give back, how rows reach it, and how files are looked into."""

from __future__ import annotations

import gzip
import io
import pickle
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import InputError, ModelError
from auditkit.models import archives
from auditkit.models.archives import check_zip, compression, is_pickle, pickles_in, read_model_file
from auditkit.models.inputs import matrix, settle_features, text_column
from auditkit.models.outputs import Reading, class_index, reading, settle_output, told
from auditkit.roles import Task

LOGITS = st.lists(st.floats(-30, 30), min_size=1, max_size=20)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_probability_a_row_is_taken_flat_or_as_a_column(shape: tuple[int, ...]) -> None:
    given_numbers = np.array([0.0, 0.5, 1.0]).reshape(shape)
    assert Reading("binary").scores(given_numbers, 3, "m").tolist() == [0, 0.5, 1]


def test_of_two_columns_the_positive_one_is_taken() -> None:
    table = [[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]]
    assert Reading("binary", positive=1).scores(table, 3, "m").tolist() == [0.25, 0.5, 0.875]
    assert Reading("binary", positive=0).scores(table, 3, "m").tolist() == [0.75, 0.5, 0.125]


def test_a_single_column_of_the_other_class_is_turned_round() -> None:
    assert Reading("binary", positive=0).scores([0.25], 1, "m").tolist() == [0.75]


def test_two_columns_of_unknown_order_are_refused() -> None:
    with pytest.raises(ModelError, match="nothing says which is the positive class"):
        Reading("binary", positive=None).scores([[0.75, 0.25]], 1, "m")


@given(LOGITS)
def test_logits_become_probabilities_whether_single_or_in_two_columns(logits: list[float]) -> None:
    n = len(logits)
    single = Reading("binary", "logit").scores(logits, n, "m")
    double = Reading("binary", "logit").scores([[0.0, one] for one in logits], n, "m")
    expected = [1 / (1 + np.exp(-one)) for one in logits]
    np.testing.assert_allclose(single, expected, rtol=1e-12)
    np.testing.assert_allclose(double, expected, rtol=1e-9)


def test_many_classes_keep_their_columns() -> None:
    how = Reading("multiclass", "logit", ("a", "b", "c"))
    expected = np.exp([1.0, 2.0, 3.0]) / np.exp([1.0, 2.0, 3.0]).sum()
    np.testing.assert_allclose(how.scores([[1, 2, 3]], 1, "m"), [expected], rtol=1e-12)


def test_a_regression_gives_plain_numbers() -> None:
    assert Reading("regression").scores([[-3.0], [1e6]], 2, "m").tolist() == [-3.0, 1e6]


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        ("binary", (4,)),
        ("binary", (6,)),
        ("binary", (5, 3)),
        ("binary", (5, 0)),
        ("binary", (5, 1, 1)),
        ("binary", ()),
        ("multiclass", (5,)),
        ("multiclass", (5, 2)),
        ("regression", (5, 2)),
    ],
)
def test_another_shape_is_refused_and_said(task: Task, shape: tuple[int, ...]) -> None:
    classes = ("a", "b", "c") if task == "multiclass" else ()
    with pytest.raises(ModelError, match=r"m\.onnx gave numbers of shape .* for 5 rows, expected"):
        Reading(task, classes=classes).scores(np.full(shape, 0.5), 5, "m.onnx")


def test_nan_and_infinity_are_counted() -> None:
    with pytest.raises(ModelError, match="NaN for 2 of 3 rows"):
        Reading("binary").scores([np.nan, 0.5, np.nan], 3, "m")
    with pytest.raises(ModelError, match="infinity for 1 of 2 rows"):
        Reading("regression").scores([np.inf, 0.5], 2, "m")
    with pytest.raises(ModelError, match="NaN for 1 of 2 rows"):
        Reading("binary").scores([[np.nan, np.nan], [0.5, 0.5]], 2, "m")


def test_what_is_no_probability_is_refused_with_the_likely_reason() -> None:
    with pytest.raises(ModelError, match=r"no probability for 2 of 3 rows.*-1\.5.*logit"):
        Reading("binary").scores([0.5, -1.5, 1.2], 3, "m")
    with pytest.raises(ModelError, match=r"do not sum to 1 for 1 of 2 rows, for example 0\.9"):
        Reading("multiclass", classes=("a", "b")).scores([[0.5, 0.5], [0.5, 0.4]], 2, "m")


def test_rounding_is_no_mistake() -> None:
    scores = Reading("binary").scores(np.array([1.0000001, -1e-7]), 2, "m")
    assert scores.tolist() == [1.0, 0.0]
    halves = np.array([[0.1, 0.9003]], dtype=np.float16)
    assert Reading("binary").scores(halves, 1, "m")[0] == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("nothing", [None, "text", [["a"]], [[1], [1, 2]], {}, [1j], [10**400]])
def test_what_is_no_table_of_numbers_is_refused(nothing: Any) -> None:
    with pytest.raises(ModelError):
        Reading("binary").scores(nothing, 2, "m")


@given(st.lists(st.floats(), max_size=8), st.integers(0, 8))
def test_scores_of_anything_are_probabilities_or_an_error(values: list[float], n: int) -> None:
    try:
        scores = Reading("binary").scores(values, n, "m")
    except ModelError:
        return
    assert scores.shape == (n,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_reading_follows_from_what_a_user_wrote() -> None:
    assert reading("binary", "logit", None, 1, "w") == Reading("binary", "logit", (), 1)
    assert reading("binary", "logit", None, "yes", "w").positive is None
    assert reading("binary", "logit", ["yes", "no"], "yes", "w").positive == 0
    assert reading("multiclass", "logit", [1.0, 2.0], 1, "w").classes == ("1", "2")


@pytest.mark.parametrize(
    ("task", "classes", "positive", "what"),
    [
        ("binary", None, 0, "a model mostly gives the probability of 1"),
        ("binary", None, False, "a model mostly gives the probability of 1"),
        ("binary", ["no", "yes"], "yess", "Did you mean 'yes'"),
        ("binary", ["a", "b", "c"], "a", "2 classes"),
        ("multiclass", None, 1, "the names of the classes"),
        ("multiclass", ["a", "a"], 1, "a class twice"),
        ("multiclass", ["a"], 1, "2 classes or more"),
        ("regression", ["a", "b"], 1, "none for a regression"),
        ("ranking", None, 1, "one of binary, multiclass, regression"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    task: str, classes: list[object] | None, positive: object, what: str
) -> None:
    with pytest.raises(InputError, match=what):
        reading(task, "logit", classes, positive, "auditkit.toml [subject.model]")


def test_whether_numbers_are_probabilities_is_never_guessed() -> None:
    assert settle_output("binary", None, "probabilities", "w") == "probability"
    assert settle_output("binary", "logit", "output_0", "w") == "logit"
    with pytest.raises(InputError, match="'probability' or 'logit'"):
        settle_output("multiclass", None, "output_0", "w")
    with pytest.raises(InputError, match="a regression gives plain numbers"):
        settle_output("regression", "logit", "output_0", "w")


@pytest.mark.parametrize(
    ("classes", "wanted", "index"),
    [
        ([0, 1], True, 1),
        ([False, True], 1, 1),
        ([0.0, 1.0], 1, 1),
        (["0", "1"], 1, 1),
        ([0, 1], "1", 1),
        (["yes", "no"], "yes", 0),
        (["yes", "no"], "maybe", None),
        (["1", "1"], 1, None),
    ],
)
def test_a_class_is_found_by_value_or_name(
    classes: Sequence[object], wanted: object, index: int | None
) -> None:
    assert class_index(classes, wanted) == index


def test_what_an_outside_program_says_is_shown_on_one_line_and_cut() -> None:
    assert told("a\x1b[31mb") == "a\\u001b[31mb"
    assert len(told("x" * 5_000)) < 400
    assert told("") == ""
    assert told("Traceback\n  in f\nKeyError: 3\n\n") == "Traceback ... KeyError: 3"


# how rows reach a model


def test_columns_are_found_by_name_whatever_their_order() -> None:
    rows = pd.DataFrame({"b": [1, 2], "other": ["x", "y"], "a": [True, False]})
    assert matrix(rows, ["a", "b"]).tolist() == [[1, 1], [0, 2]]


def test_every_feature_that_cannot_be_a_number_is_listed() -> None:
    rows = pd.DataFrame({"agee": [1], "sex": ["F"], "day": pd.to_datetime(["2020-01-01"])})
    with pytest.raises(InputError, match="Did you mean 'agee'"):
        matrix(rows, ["age", "sex"])
    with pytest.raises(InputError) as caught:
        matrix(rows, ["sex", "day"])
    assert [problem.where for problem in caught.value.problems] == ["column 'sex'", "column 'day'"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1e39], np.float32), ([1e6], np.float16), ([None, 1.0], np.int64), ([2.0], np.bool_),
     ([0.5], np.int64), ([np.inf], np.float64)],
)  # fmt: skip
def test_a_number_that_the_model_cannot_hold_is_refused(values: list[Any], dtype: Any) -> None:
    with pytest.raises(InputError, match="column 'x'"):
        matrix(pd.DataFrame({"x": values}), ["x"], dtype)


def test_missing_text_is_none_and_dates_are_no_text() -> None:
    rows = pd.DataFrame({"s": ["a", None], "c": pd.Categorical(["u", None])})
    assert text_column(rows, "s").tolist() == ["a", None]
    assert text_column(rows, "c").tolist() == ["u", None]


def test_the_order_of_the_features_is_the_models() -> None:
    assert settle_features(["b", "a"], None, ["a", "b"], "w", "m") == ("b", "a")
    assert settle_features(None, 2, ["a", "b"], "w", "m") == ("a", "b")


@pytest.mark.parametrize(
    ("known", "count", "chosen", "what"),
    [
        (["age", "sex"], None, ["agee", "sex"], "Did you mean 'age'"),
        (["age", "sex"], None, ["age"], "found nothing, expected 'sex', a feature of m"),
        (None, 3, ["a"], "found 1 names, expected 3 features"),
        (None, None, None, "write its features in its own order"),
        (None, 2, ["a", "a"], "a name twice"),
    ],
)
def test_features_that_do_not_fit_the_model_are_refused(
    known: list[str] | None, count: int | None, chosen: list[str] | None, what: str
) -> None:
    with pytest.raises(InputError, match=what):
        settle_features(known, count, chosen, "w", "m")


# how files are looked into


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_known(protocol: int) -> None:
    for thing in ({"a": [1, 2.5, None]}, "text", np.arange(3)):
        assert is_pickle(pickle.dumps(thing, protocol=protocol))


@given(st.binary(max_size=200))
def test_nothing_makes_the_look_for_pickles_fail(content: bytes) -> None:
    assert is_pickle(content) in {True, False}
    assert compression(content) in {None, *archives.COMPRESSED.values()}


def test_text_and_safetensors_are_no_pickles() -> None:
    assert not is_pickle(b"a,b\n1,2\n")
    assert not is_pickle(b"This is a sentence.")
    assert not is_pickle((1152).to_bytes(8, "little") + b'{"a"')


def archive(members: dict[str, bytes], **how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **how) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


def test_a_whole_archive_gives_its_names() -> None:
    assert check_zip(archive({"a": b"1", "b/c": b"2"}), "m.zip") == ["a", "b/c"]


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file,
        file.open("a", "w") as member,
    ):
        for _ in range(110):
            member.write(bytes(1_000_000))
    assert len(out.getvalue()) < 200_000
    with pytest.raises(InputError, match=r"unpack to 110,000,000 bytes.*zip bomb"):
        check_zip(out.getvalue(), "m.zip")


def test_an_archive_that_lies_about_its_size_is_refused() -> None:
    honest = archive({"a": bytes(50_000)}, compression=zipfile.ZIP_DEFLATED)
    lying = honest.replace((50_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(InputError, match="no whole zip archive"):
        check_zip(lying, "m.zip")


def test_an_archive_that_is_damaged_or_ambiguous_is_refused() -> None:
    content = archive({"a": b"some content", "b": b"more"})
    with pytest.raises(InputError, match="no whole zip archive"):
        check_zip(content.replace(b"some content", b"some c0ntent"), "m.zip")
    with pytest.raises(InputError, match="no whole zip archive"):
        check_zip(content[:-30], "m.zip")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("a", b"2")
    with pytest.raises(InputError, match="two members of one name"):
        check_zip(out.getvalue(), "m.zip")


def test_a_damaged_archive_is_an_input_error_wherever_it_is_damaged() -> None:
    content = archive(
        {f"m{i}": bytes([i]) * 40 for i in range(4)}, compression=zipfile.ZIP_DEFLATED
    )
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        broken = bytearray(content)
        broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            check_zip(bytes(broken), "m.zip")
        except InputError:
            refused += 1
    assert refused > 100


def test_pickles_in_an_archive_are_found_by_name_and_by_content() -> None:
    content = archive({"x/data.pkl": b"?", "b": pickle.dumps({"a": 1}), "c": b"fine"})
    assert pickles_in(content, "m.zip") == ["x/data.pkl", "b"]


def test_a_model_file_is_read_whole_or_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.onnx"
    good.write_bytes(b"some bytes")
    assert read_model_file(good) == b"some bytes"
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "pickle.onnx").write_bytes(pickle.dumps([1, 2]))
    for name, what in (
        ("none.onnx", "no such file"),
        ("empty.onnx", "an empty file"),
        ("pickle.onnx", "a pickle, which can run any program"),
    ):
        with pytest.raises(InputError, match=what):
            read_model_file(tmp_path / name)


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST_FILE", 10)
    (tmp_path / "large.onnx").write_bytes(bytes(11))
    with pytest.raises(InputError, match="11 bytes, expected at most 10 bytes"):
        read_model_file(tmp_path / "large.onnx")


def test_compressed_pickles_are_known_by_their_compression() -> None:
    assert compression(gzip.compress(b"x")) == "gzip"
    assert compression(b"x") is None
