"""Text as a number for each word, held against scikit-learn's own vectorisers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from auditkit.encoding import WordEncoder, encoder_from_dict
from auditkit.encoding.words import MOST_PLAYERS
from auditkit.errors import InputError
from auditkit.methods.tokens import tokens

TRAIN = [
    "A good, good film",
    "a bad film; not good",
    "好书, a good BOOK",
    "差书 not good",
    "",
    "alone",
]
NEW = ["not a good film", "good good 好 unknown", "", "all strange words"]


def texts(*values: object) -> pd.DataFrame:
    return pd.DataFrame({"t": pd.Series(values, dtype=object)})


def cut(text: str) -> list[str]:
    return list(tokens(text))


@pytest.mark.parametrize("ngrams", [1, 2])
@pytest.mark.parametrize("weighting", ["counts", "binary", "tf-idf"])
def test_it_gives_what_scikit_learn_gives(weighting: Any, ngrams: int) -> None:
    settings: dict[str, Any] = {
        "tokenizer": cut, "token_pattern": None, "ngram_range": (1, ngrams), "min_df": 2,
    }  # fmt: skip
    if weighting == "tf-idf":
        reference = TfidfVectorizer(**settings)
    else:
        reference = CountVectorizer(binary=weighting == "binary", **settings)
    reference.fit(TRAIN)
    encoder = WordEncoder.fit(texts(*TRAIN), "t", weighting=weighting, ngrams=ngrams)
    assert sorted(encoder.words) == list(reference.get_feature_names_out())
    places = [reference.vocabulary_[word] for word in encoder.words]
    for rows in (TRAIN, NEW):
        wanted = reference.transform(rows).toarray()[:, places].astype(np.float32)
        np.testing.assert_array_equal(encoder.encode(texts(*rows)), wanted)


def test_the_words_of_the_most_rows_are_kept_and_one_row_is_not_enough() -> None:
    encoder = WordEncoder.fit(texts(*TRAIN), "t")
    assert encoder.words == ("good", "a", "film", "not", "书")
    assert WordEncoder.fit(texts(*TRAIN), "t", vocabulary=2).words == ("good", "a")
    pairs = WordEncoder.fit(texts(*TRAIN), "t", ngrams=2).words
    assert set(pairs) - set(encoder.words) == {"a good", "not good"}


def test_it_does_not_depend_on_the_order_of_the_rows() -> None:
    assert WordEncoder.fit(texts(*TRAIN[::-1]), "t") == WordEncoder.fit(texts(*TRAIN), "t")


def test_it_is_read_back_from_json_and_gives_the_same_bit_by_bit() -> None:
    encoder = WordEncoder.fit(texts(*TRAIN), "t", ngrams=2)
    again = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    np.testing.assert_array_equal(again.encode(texts(*NEW)), encoder.encode(texts(*NEW)))


TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a word twice": (lambda d: d["words"].__setitem__(0, "a"), "each word once"),
    "a word less": (lambda d: d["words"].pop(), "expected 4"),
    "no word": (lambda d: d.update(words=[], idf=[]), "encoder.words"),
    "an endless word": (lambda d: d["words"].__setitem__(0, "a" * 200), "encoder.words.0"),
    "no weights": (lambda d: d.pop("idf"), "found 0 numbers, expected 5"),
    "a weight of nothing": (lambda d: d["idf"].__setitem__(0, 0), "encoder.idf.0"),
    "an endless weight": (lambda d: d["idf"].__setitem__(0, float("inf")), "encoder.idf.0"),
    "text for a weight": (lambda d: d["idf"].__setitem__(0, "1"), "encoder.idf.0"),
    "weights of counts": (lambda d: d.update(weighting="counts"), "expected 0"),
    "another weighting": (lambda d: d.update(weighting="bm25"), "encoder.weighting"),
    "triples": (lambda d: d.update(ngrams=3), "encoder.ngrams"),
    "a key more": (lambda d: d.update(code="x"), "encoder.code"),
}


@pytest.mark.parametrize(("tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_changed_encoder_is_refused(
    tamper: Callable[[dict[str, Any]], object], said: str
) -> None:
    values = WordEncoder.fit(texts(*TRAIN), "t").to_dict()
    tamper(values)
    with pytest.raises(InputError) as error:
        encoder_from_dict(values)
    assert said in str(error.value)


def test_what_is_no_text_is_refused() -> None:
    encoder = WordEncoder.fit(texts(*TRAIN), "t")
    for call in (encoder.encode, encoder.unseen, lambda rows: WordEncoder.fit(rows, "t")):
        with pytest.raises(InputError, match="column 't': found '3' and the like in 1 rows"):
            call(texts("good", 3))
        with pytest.raises(InputError, match="Did you mean 'tt'"):
            call(texts("good").rename(columns={"t": "tt"}))
    for rows in (texts("one", "two"), texts(None, "!"), texts()):
        with pytest.raises(InputError, match="no word that stands in 2 training rows"):
            WordEncoder.fit(rows, "t")


def test_texts_without_a_known_word_are_counted_and_empty_ones_are_not() -> None:
    encoder = WordEncoder.fit(texts(*TRAIN), "t")
    assert encoder.unseen(texts(*NEW, None, "...")) == {"t": 1}
    assert not encoder.encode(texts(None, "strange")).any()
    assert encoder.encode(texts()).shape == (0, 5)


def test_each_frequent_word_is_a_player_and_all_rarer_ones_are_one() -> None:
    encoder = WordEncoder.fit(texts(*TRAIN), "t")
    assert list(encoder.players) == ["t: good", "t: a", "t: film", "t: not", "t: 书"]
    count = MOST_PLAYERS + 1_500
    many = WordEncoder("t", tuple(f"w{number}" for number in range(count)), "counts")
    assert len(many.players) == MOST_PLAYERS + 1
    assert len(many.players["t: 1,500 rarer words"]) == 1_500
    assert np.concatenate(list(many.players.values())).tolist() == list(range(count))
