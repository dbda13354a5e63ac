"""The encoding of text: tokens, vocabulary, what is refused, and who is a player."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.encoding import TextEncoder, encoder_from_dict
from auditkit.encoding.text import PAD, UNK
from auditkit.errors import InputError
from auditkit.methods.tokens import LONGEST_TOKEN, tokens


def texts(*values: object, dtype: str | None = None) -> pd.DataFrame:
    return pd.DataFrame({"t": pd.Series(list(values), dtype=dtype)})


TRAIN = texts("good good book", "a good film", "a bad film", "the end")
ENCODER = TextEncoder.fit(TRAIN, "t", length=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don\u2019t, DON'T 'quote'", ["don't", "don't", "quote"]),
        ("2nd_try x-ray", ["2nd", "try", "x", "ray"]),
        ("质量 not bad很好", ["质", "量", "not", "bad", "很", "好"]),
        ("\uff37\uff4f\uff52\uff44 e\u0301t\u00e9", ["word", "\u00e9t\u00e9"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 글", ["한국어", "글"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("?! ... \U0001f600 __", []),
        ("", []),
    ],
)
def test_words_are_lower_case_and_scripts_without_spaces_are_read_by_character(
    text: str, expected: list[str]
) -> None:
    assert list(tokens(text)) == expected


def test_a_word_without_end_is_cut() -> None:
    assert [len(token) for token in tokens("a" * 100_000)] == [64]


@pytest.mark.parametrize(
    "text",
    [
        "a" * (LONGEST_TOKEN - 1) + "'" + "b" * 9,  # would be cut behind the apostrophe
        "\u03aa\u0301",  # composes in lower case only
        "\u1fbc\u0301\u0307",
    ],
)
def test_a_vocabulary_of_awkward_tokens_is_read_back(text: str) -> None:
    encoder = TextEncoder.fit(texts(text, text), "t")
    (word,) = encoder.words
    assert list(tokens(word)) == [word]
    assert encoder_from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


def test_the_vocabulary_is_the_words_of_the_most_rows_then_by_alphabet() -> None:
    # Rows with each: a 2, film 2, good 2 (though it stands there 3 times); the others 1.
    assert ENCODER.words == ("a", "film", "good")
    assert TextEncoder.fit(texts("b a", "b a", "b"), "t").words == ("b", "a")
    assert TextEncoder.fit(TRAIN, "t", vocabulary=1).words == ("a",)


def test_the_vocabulary_does_not_depend_on_the_order_of_the_rows() -> None:
    assert TextEncoder.fit(TRAIN[::-1], "t", length=4) == ENCODER


def test_a_word_of_one_row_alone_is_never_published_in_the_vocabulary() -> None:
    encoder = TextEncoder.fit(texts("secret secret of me", "of me"), "t")
    assert "secret" not in json.dumps(encoder.to_dict())


def test_a_word_counts_only_where_it_is_read() -> None:
    rows = texts("a b c late", "a b c late")
    assert TextEncoder.fit(rows, "t", length=3).words == ("a", "b", "c")


def test_texts_are_numbers_then_zeros_and_long_ones_are_cut() -> None:
    encoded = ENCODER.encode(texts("a good play", "good good film a bad"))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[2, 4, UNK, PAD], [4, 4, 3, 2]]


@pytest.mark.parametrize("dtype", [None, "str", "category", "object"])
def test_a_missing_text_is_an_empty_one(dtype: str | None) -> None:
    encoded = ENCODER.encode(texts("good", None, dtype=dtype))
    assert encoded.tolist() == [[4, 0, 0, 0], [0, 0, 0, 0]]
    assert ENCODER.encode(texts(None, None)).sum() == 0
    assert ENCODER.encode(texts("", float("nan"), pd.NA)).sum() == 0


def test_the_share_of_unknown_tokens_is_counted_over_what_is_read() -> None:
    rows = texts("a good play", "play play play play play", None)
    assert ENCODER.unknown_share(rows) == pytest.approx(5 / 7)
    assert ENCODER.unknown_share(texts("", None)) is None
    assert ENCODER.unseen(rows) == {"t": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (texts(1.5, 2.0), "column 't': found '1.5' and the like in 2 rows, expected text"),
        (texts("good", ["a", "list"]), "in 1 rows, expected text"),
        (texts("good", b"bytes"), "expected text"),
        (pd.DataFrame({"u": ["good"]}), "Known: 'u'"),
        (pd.DataFrame([["good", "bad"]], columns=["t", "t"]), "2 columns named 't'"),
    ],
)
def test_what_is_no_text_is_refused(rows: pd.DataFrame, said: str) -> None:
    for call in (ENCODER.encode, lambda rows: TextEncoder.fit(rows, "t")):
        with pytest.raises(InputError) as error:
            call(rows)
        assert said in str(error.value)


def test_texts_that_share_no_word_cannot_be_learnt_from() -> None:
    with pytest.raises(InputError, match="no word that stands in 2 training rows"):
        TextEncoder.fit(texts("one", "two", None), "t")


def test_every_place_is_a_player() -> None:
    players = {name: places.tolist() for name, places in ENCODER.players.items()}
    assert players == {f"t token {place + 1}": [place] for place in range(4)}
    assert (ENCODER.features, ENCODER.shape, ENCODER.tokens) == (("t",), (4,), 5)


def test_a_saved_encoder_reads_as_the_same() -> None:
    saved = json.loads(json.dumps(ENCODER.to_dict()))
    assert encoder_from_dict(saved) == ENCODER


@given(st.lists(st.text(max_size=30) | st.none(), max_size=6))
def test_any_text_is_encoded_within_the_vocabulary_and_survives_saving(
    values: list[str | None],
) -> None:
    rows = texts(*values, *values, "again", "again", dtype="object")
    encoder = TextEncoder.fit(rows, "t", length=8)
    again = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    encoded = again.encode(rows)
    np.testing.assert_array_equal(encoded, encoder.encode(rows))
    assert ((encoded >= 0) & (encoded < encoder.tokens)).all()
    # Every text stands there twice, so no token is unknown; the rest of a row is padding.
    assert encoder.unknown_share(rows) == 0
    assert (np.diff((encoded != PAD).astype(int), axis=1) <= 0).all()


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a word twice": (lambda e: e["words"].append("good"), "'good' twice"),
    "an empty word": (lambda e: e["words"].append(""), "encoder.words.3"),
    "an endless word": (lambda e: e["words"].append("a" * 65), "encoder.words.3"),
    "a number for a word": (lambda e: e["words"].append(1), "encoder.words.3"),
    "words that are text": (lambda e: e.update(words="good"), "encoder.words"),
    "no length": (lambda e: e.update(length=0), "encoder.length"),
    "an enormous length": (lambda e: e.update(length=10**9), "encoder.length"),
    "a length in words": (lambda e: e.update(length="4"), "encoder.length"),
    "a key more": (lambda e: e.update(code="print()"), "encoder.code"),
    "a key less": (lambda e: e.pop("column"), "encoder.column"),
    "another kind": (lambda e: e.update(kind="texts"), "Did you mean 'text'?"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_a_changed_encoder_is_refused(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    saved = ENCODER.to_dict()
    change(saved)
    with pytest.raises(InputError) as error:
        encoder_from_dict(saved)
    assert said in str(error.value)


def test_words_are_what_stands_between_white_space_and_characters_are_all_of_them() -> None:
    rows = texts("AH0  B\tah0", "AH0 B ah0 B")
    words = TextEncoder.fit(rows, "t", length=4, split="words")
    assert words.words == ("AH0", "B", "ah0")
    assert words.encode(texts("ah0 b AH0")).tolist() == [[4, UNK, 2, PAD]]
    characters = TextEncoder.fit(texts("aA -", "-aA "), "t", length=3, split="characters")
    assert characters.words == ("A", "a")  # of the others each is read in one text only


def test_a_word_that_no_text_of_its_split_has_is_refused() -> None:
    saved = TextEncoder.fit(texts("a b", "a b"), "t", split="words").to_dict()
    for split, word in (("words", "a b"), ("characters", "ab"), ("tokens", "A")):
        with pytest.raises(InputError, match=f"one token of a text that is cut into {split}"):
            encoder_from_dict({**saved, "split": split, "words": [word]})


def test_a_word_that_is_too_long_or_cannot_be_stored_is_an_unknown_one() -> None:
    long, half = "x" * 65, "\ud800"
    rows = texts(*[f"{long} a {half}"] * 2, dtype="object")
    encoder = TextEncoder.fit(rows, "t", split="words")
    assert encoder.words == ("a",)
    assert encoder.encode(texts(long))[0, 0] == UNK
