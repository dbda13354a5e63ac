"""Equal rows, extreme numbers, rows drawn again, words swapped: training rows only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_training import SMALL_LSTM, cards, people

from auditkit.encoding import TabularEncoder
from auditkit.errors import InputError
from auditkit.training import MLP, PooledEmbedding, Privacy, Recipe, Training, fit
from auditkit.training.augmenting import augmented

ONCE = Training(epochs=1, patience=0)


def once(**settings: Any) -> Training:
    return Training(epochs=1, patience=0, **settings)


def unequal(n: int = 60) -> pd.DataFrame:
    sex = np.array(["F"] * 10 + ["M"] * (n - 15) + [None] * 5, dtype=object)
    return people(n).assign(sex=sex)


def test_equal_rows_are_counted_and_dropped_only_where_asked() -> None:
    rows = people(100)
    twice = pd.concat([rows, rows[:30].assign(name="another")], ignore_index=True)
    features = ["age", "job"]
    _, kept = fit(MLP(hidden=()), twice, label="y", features=features, training=ONCE)
    assert kept.preparation["duplicates"] == {"found": 30, "dropped": 0}
    model, record = fit(
        MLP(hidden=()), twice, label="y", features=features, training=once(duplicates="drop")
    )
    assert record.preparation["duplicates"] == {"found": 30, "dropped": 30}
    assert (kept.rows, record.rows) == (130, 100)
    alone, _ = fit(MLP(hidden=()), rows, label="y", features=features, training=ONCE)
    assert model.sha256 == alone.sha256


def test_rows_that_differ_in_a_column_that_plays_a_part_are_no_duplicates() -> None:
    rows = pd.concat([unequal()[:10], unequal()[:10].assign(sex="M")], ignore_index=True)
    training = once(group_weight="balanced", group_columns=["sex"], duplicates="drop")
    _, record = fit(MLP(), rows, label="y", features=["age", "job"], training=training)
    assert record.preparation["duplicates"]["found"] == 0


def test_numbers_are_clipped_to_the_quantiles_of_training_in_prediction_too() -> None:
    rows = people().assign(flag=lambda held: (held["age"] > 2).astype(int))
    training = once(clip=0.05)
    model, _ = fit(MLP(hidden=()), rows, label="y", features=["age", "flag"], training=training)
    low, high = rows["age"].quantile([0.05, 0.95])
    ends = pd.DataFrame({"age": [-1e30, low, high, 1e300], "flag": [0, 0, 0, 0]})
    encoded = model.encode(ends)[:, 0]
    assert encoded[0] == encoded[1] < encoded[2] == encoded[3]
    clipped = rows["age"].clip(low, high)
    assert encoded[3] == pytest.approx((high - clipped.mean()) / clipped.std(ddof=0))
    # The flag is 1 in under 5 % of the rows, and that is what it is there for.
    assert (model.encode(ends.assign(flag=1))[:, 1] != model.encode(ends)[:, 1]).all()


def test_channels_of_sequences_are_clipped_and_a_clipped_encoder_survives_saving() -> None:
    model, _ = fit(SMALL_LSTM, cards(), label="y", training=once(clip=0.1))
    far = cards(2).assign(b1=[1e9, 2e9], limit=[1e9, 2e9])
    assert (model.encode(far)[0, -1, 0] == model.encode(far)[1, -1, 0]).all()
    encoder = TabularEncoder.fit(people(), ["age", "job"], clip=0.1)
    assert TabularEncoder.from_dict(encoder.to_dict()) == encoder


def test_small_groups_are_drawn_again_up_to_the_largest() -> None:
    rows = unequal()
    done = augmented(rows, MLP(), once(oversample=["sex"]), seed=0)
    assert done.rows["sex"].fillna("none").value_counts().to_dict() == dict.fromkeys(
        ["F", "M", "none"], 45
    )
    pd.testing.assert_frame_equal(done.rows[: len(rows)], rows)
    assert done.read is rows
    known = set(rows["age"])
    assert set(done.rows["age"]) == known
    groups = done.said["oversample"]["groups"]
    assert [(g["group"], g["before"], g["after"]) for g in groups] == [
        ("F", 10, 45), ("M", 45, 45), ("unknown", 5, 45),
    ]  # fmt: skip


def test_what_is_drawn_hangs_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    rows, training = unequal(), once(oversample=["sex", "job"])

    def drawn(some: pd.DataFrame, seed: int = 0) -> Counter[float]:
        return Counter(augmented(some, MLP(), training, seed).rows["age"])

    assert drawn(rows) == drawn(rows[::-1]) == drawn(rows.sample(frac=1, random_state=1))
    assert drawn(rows) != drawn(rows, seed=1)


def test_validation_rows_are_neither_drawn_again_nor_swapped() -> None:
    rows = unequal()
    settings: dict[str, Any] = {"label": "y", "features": ["age", "job"]}
    training = Training(epochs=1, oversample=["sex"])
    _, record = fit(MLP(), rows, validation=rows[:20], training=training, **settings)
    assert (record.rows, record.validation_rows) == (135, 20)
    _, record = fit(MLP(), rows, training=training, **settings)
    assert record.validation_rows == 6
    assert record.samples_seen == record.rows
    assert len({g["after"] for g in record.preparation["oversample"]["groups"]}) == 1


def reviews() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    mood = rng.choice(["fine", "awful"], 80)
    texts = [f"he was {word} {'unique' if i == 3 else ''}" for i, word in enumerate(mood)]
    texts[0] = "nobody was fine"
    return pd.DataFrame({"text": texts, "y": (mood == "fine").astype(int)})


def test_each_text_that_holds_a_word_gets_a_twin_and_the_vocabulary_its_words() -> None:
    training = Training(epochs=30, learning_rate=0.02, patience=0, swaps=[["he", "she"]])
    model, record = fit(PooledEmbedding(length=6), reviews(), label="y", training=training)
    assert record.rows == 80 + 79
    assert record.preparation["swaps"] == {
        "column": "text", "pairs": [["he", "she"]], "twins": 79,
    }  # fmt: skip
    words = model.encoder.to_dict()
    assert "she" in words["words"]
    assert "unique" not in words["words"]  # it stands in one text, its twin does not make it two
    his, hers = (model.scores(pd.DataFrame({"text": [f"{w} was fine"]})) for w in ("he", "she"))
    assert abs(float(his[0] - hers[0])) < 0.05


def test_what_cannot_be_augmented_is_told_all_at_once() -> None:
    with pytest.raises(InputError, match="'her' twice"):
        Training(swaps=[["his", "her"], ["him", "Her"]])
    with pytest.raises(InputError, match="each two words"):
        Training(swaps=[["his"]])
    training = once(swaps=[["!", "he"]], oversample=["se", "age"])
    with pytest.raises(InputError) as error:
        fit(MLP(), people(), label="y", training=training)
    assert len(error.value.problems) == 4
    privately = once(oversample=["y"], duplicates="drop", swaps=[["a", "b"]])
    with pytest.raises(InputError, match="every row counts once") as error:
        fit(PooledEmbedding(), reviews(), label="y", training=privately, privacy=Privacy())
    assert len(error.value.problems) == 3


def test_the_recipe_makes_another_model_from_other_rows() -> None:
    recipe = Recipe(MLP(hidden=()), "y", ONCE, features=("age", "job"))
    changes: list[dict[str, Any]] = [{}, {"clip": 0.1}, {"oversample": ("sex",)}]
    made = {recipe.fit(unequal(), **change)[0].sha256 for change in changes}
    assert len(made) == 3
