"""Texts that a network learns to write: their numbers, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditkit.encoding.text import PAD, UNK
from auditkit.errors import InputError
from auditkit.training import MLP, Seq2Seq
from auditkit.training.target import Target
from auditkit.training.text_target import TextTarget, target_for, target_from_dict

Split = Literal["words", "characters"]


def sounds(*values: object) -> pd.Series[Any]:
    return pd.Series(list(values), name="sound", dtype=object)


def learnt(outcomes: pd.Series[Any], length: int = 3, split: Split = "words") -> TextTarget:
    return TextTarget.fit(outcomes, Seq2Seq(target_length=length, target_tokens=split))


TARGET = learnt(sounds("AE1 T", "T AE1 T", "T  AE1 T"))


def test_a_text_ends_with_the_end_and_a_cut_one_does_not() -> None:
    assert (TARGET.text.words, TARGET.end, TARGET.outputs) == (("AE1", "T"), 4, 5)
    texts = sounds("T", "T T T", "T T T T", "", "T ae1", "T T T T T T")
    encoded = TARGET.encode(texts)
    assert encoded.dtype == torch.int64
    assert encoded.tolist() == [
        [3, 4, PAD, PAD],
        [3, 3, 3, 4],
        [3, 3, 3, PAD],
        [4, PAD, PAD, PAD],
        [3, UNK, 4, PAD],
        [3, 3, 3, PAD],
    ]
    assert TARGET.encode(texts[:0]).shape == (0, 4)


def test_numbers_are_written_down_up_to_the_end() -> None:
    numbers = torch.tensor([[3, 2, 4, 0], [4, 0, 0, 0], [2, 2, 2, 2], [2, 4, 3, 3]])
    texts = TARGET.read(numbers)
    assert texts.tolist() == ["T AE1", "", "AE1 AE1 AE1 AE1", "AE1"]
    assert TARGET.read(numbers[:0]).shape == (0,)


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=5)


@given(TEXTS, st.sampled_from(["words", "characters"]))
def test_any_known_text_survives_encoding_saving_and_writing_down(
    values: list[str], split: Split
) -> None:
    texts = sounds(*[*values, "Ab c"] * 2)
    target = target_from_dict(json.loads(json.dumps(learnt(texts, 20, split).to_dict())))
    assert isinstance(target, TextTarget)
    expected = [" ".join(text.split()) if split == "words" else text for text in texts]
    assert target.read(target.encode(texts)).tolist() == expected


def test_each_kind_of_target_goes_with_its_architecture_and_reads_as_the_same() -> None:
    number = target_for(MLP(), pd.Series([1.0, 3.0]), "regression")
    text = target_for(Seq2Seq(target_length=3), sounds("AE1 T", "T AE1"), "sequence-to-sequence")
    assert number == Target("regression", (), 2.0, 1.0)
    assert text == TARGET
    for target in (number, text):
        assert target_from_dict(json.loads(json.dumps(target.to_dict()))) == target


@pytest.mark.parametrize("value", [1.5, ["T"], b"T"])
def test_what_is_no_text_is_refused(value: object) -> None:
    for call in (TARGET.encode, learnt):
        with pytest.raises(InputError, match=r"column 'sound': .* expected text"):
            call(sounds("T", "T", value))


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a word twice": (
        lambda t: t["text"]["words"].append("T"),
        "words: found 'T' twice",
    ),
    "two words in one": (lambda t: t["text"]["words"].append("T T"), "target.text.words"),
    "words that are not kept": (lambda t: t["text"].update(split="tokens"), "put together again"),
    "an unknown split": (lambda t: t["text"].update(split="letters"), "target.text.split"),
    "an enormous length": (lambda t: t["text"].update(length=10**9), "target.text.length"),
    "no text": (lambda t: t.pop("text"), "target.text"),
    "a key more": (lambda t: t.update(code="print()"), "target.code"),
    "another task": (lambda t: t.update(task="binary"), "target.text"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_a_changed_target_is_refused(change: Callable[[dict[str, Any]], object], said: str) -> None:
    saved = TARGET.to_dict()
    change(saved)
    with pytest.raises(InputError) as error:
        target_from_dict(saved)
    assert said in str(error.value)
