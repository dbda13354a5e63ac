"""Memorisation of models that remember all, nothing, or what they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.memorisation import ANY, FEW_WORDS, NONE_RARE, Memorisation
from auditkit.errors import InputError, ModelError
from auditkit.evidence import Measurement, Table
from auditkit.methods.calibration import NO_PROBABILITIES
from auditkit.subject import NEEDS, Subject

Scores = Callable[[pd.DataFrame], npt.NDArray[Any]]


@dataclass(frozen=True)
class Answering:
    """Answers as it is told."""

    answer: Scores
    kind: str = "answering"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        return self.answer(rows)


@dataclass
class Recipe:
    """Makes a model of the rows that it is given, and keeps them."""

    make: Callable[[pd.DataFrame], Scores]
    asked: list[pd.DataFrame] = field(default_factory=list)

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Answering, Any]:
        assert privacy is None
        assert not changes
        self.asked.append(rows)
        return Answering(self.make(rows)), SimpleNamespace()


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": np.round(rng.random(n), 9),
            "z": rng.random(n),
            "u": rng.random(n),
            "town": np.where(rng.random(n) < 0.05, rng.integers(0, n, n), -1).astype(str),
            "y": rng.integers(0, 2, n),
        }
    )


TRAIN, ROWS = people(1_000, 1), people(800, 2)


READ = ["x", "z", "u", "town"]


def remembering(train: pd.DataFrame) -> Scores:
    """Is sure of the outcome of rows that it was trained on, and knows nothing of others."""
    rows = train[READ].itertuples(index=False, name=None)
    held = dict(zip(rows, train["y"], strict=True))

    def chance(row: tuple[Any, ...]) -> Any:
        sure = 0.9 + 0.09 * row[0]
        return 0.4 + 0.2 * row[0] if row not in held else sure if held[row] else 1 - sure

    return lambda rows: np.array(
        [chance(row) for row in rows[READ].itertuples(index=False, name=None)]
    )


def unsure(_: pd.DataFrame) -> Scores:
    return lambda rows: np.full(len(rows), 0.5)


def telling(_: pd.DataFrame) -> Scores:
    return lambda rows: rows["x"].to_numpy()


def subject(
    make: Callable[[pd.DataFrame], Scores], recipe: Recipe | None = None, **given: Any
) -> Subject:
    settings: dict[str, Any] = {
        "label": "y", "features": READ, "train": TRAIN, "recipe": recipe or Recipe(make),
    }  # fmt: skip
    rows = given.pop("rows", ROWS)
    return Subject.from_model(Answering(make(TRAIN)), rows, **{**settings, **given})


def measured(held: Subject, **settings: Any) -> tuple[dict[str, Measurement], dict[str, Table]]:
    evidence = list(Memorisation(**settings).run(held, np.random.default_rng(0)))
    found = {m.metric: m for m in evidence if isinstance(m, Measurement)}
    return found, {t.name: t for t in evidence if isinstance(t, Table)}


def lines(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_lookup_table_remembers_every_planted_row_and_no_other() -> None:
    found, tables = measured(subject(remembering), canaries=4)
    assert found["canary_exposure"].value == 10.0
    none, *planted = lines(tables["canaries"])
    assert [line["planted_times"] for line in planted] == [1, 4, 16]
    assert all(line["exposure"] == 10.0 for line in planted)
    assert all(line["p_adjusted"] < 1e-6 for line in planted)
    assert none["p_adjusted"] is None
    assert none["p_value"] > 0.01
    assert none["exposure"] < 5


def test_a_model_that_tells_no_rows_apart_shows_no_memory() -> None:
    found, tables = measured(subject(unsure))
    assert found["canary_exposure"].value == 0.0
    assert {line["p_value"] for line in lines(tables["canaries"])} == {1.0}
    assert found["rare_membership_auc"].value == 0.5
    (line,) = [row for row in lines(tables["rare-values"]) if row["column"] == ANY]
    assert line["loss_difference"] == 0.0


def test_a_model_that_did_not_see_the_canaries_is_not_accused() -> None:
    held = subject(telling)
    p = []
    for seed in range(60):
        evidence = Memorisation().run(held, np.random.default_rng(seed))
        tables = [t for t in evidence if isinstance(t, Table) and t.name == "canaries"]
        p += [line["p_value"] for line in lines(tables[0])]
    assert np.mean(np.array(p) < 0.05) < 0.1
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.12)


def test_planted_rows_are_at_most_a_tenth_and_planted_as_often_as_said() -> None:
    recipe = Recipe(unsure)
    found, _ = measured(subject(unsure, recipe))
    (rows,) = recipe.asked
    planted = rows.iloc[len(TRAIN) :]
    counts = planted.value_counts().value_counts().to_dict()
    assert counts == {1: 4, 4: 4, 16: 4}
    assert len(planted) == 84 <= len(TRAIN) / 10
    assert rows.dtypes.equals(TRAIN.dtypes)
    assert found["canary_exposure"].n == 4
    assert "4 of each count" in found["canary_exposure"].source


def test_canaries_have_features_of_several_rows_and_outcomes_of_every_class() -> None:
    recipe = Recipe(unsure)
    measured(subject(unsure, recipe))
    planted = recipe.asked[0].iloc[len(TRAIN) :].drop_duplicates()
    assert set(planted["y"]) == {0, 1}
    pairs = set(TRAIN[["x", "town"]].itertuples(index=False, name=None))
    assert not all(
        pair in pairs for pair in planted[["x", "town"]].itertuples(index=False, name=None)
    )
    assert set(planted["x"]) <= set(TRAIN["x"])


def test_missing_values_and_weights_are_planted_whole() -> None:
    train, rows = (
        one.assign(x=one["x"].where(one["x"] > 0.2), w=np.where(one["x"] > 0.5, 2, 4))
        for one in (TRAIN, ROWS)
    )
    recipe = Recipe(unsure)
    measured(subject(unsure, recipe, train=train, rows=rows, weight="w"))
    planted = recipe.asked[0].iloc[len(train) :]
    assert planted["x"].isna().any()
    np.testing.assert_allclose(planted["w"], train["w"].mean())


def test_rows_with_a_rare_value_that_are_fitted_better_are_found() -> None:
    found, tables = measured(subject(remembering))
    area, more = found["rare_membership_auc"], found["rare_membership_auc_difference"]
    assert area.value == 1.0
    assert more.value == 0.0  # the lookup table knows all other training rows as well
    town, every = lines(tables["rare-values"])
    assert (town["column"], town["auc"], every["column"]) == ("town", 1.0, ANY)
    assert town["loss_difference_low"] > 0.5
    assert every["n_training"] == town["n_training"]
    assert "1 of 4 columns listed" in tables["rare-values"].source


def test_only_rare_rows_that_are_remembered_make_the_difference() -> None:
    def rare_only(train: pd.DataFrame) -> Scores:
        knows = remembering(train[train["town"] != "-1"])
        return lambda rows: np.where(rows["town"] == "-1", rows["x"], knows(rows))

    found, _ = measured(subject(rare_only))
    more = found["rare_membership_auc_difference"]
    assert more.interval is not None
    assert more.interval.low > 0.3


def test_no_value_of_a_row_stands_in_the_evidence() -> None:
    found, tables = measured(subject(remembering))
    text = repr((found, tables))
    rare = [town for town in TRAIN["town"] if len(town) > 2]
    assert rare
    assert not any(f"'{town}'" in text for town in rare)


def test_a_column_of_measurements_has_no_rare_values() -> None:
    found, tables = measured(subject(telling, features=["x"]))
    assert found["rare_membership_auc"].reason == NONE_RARE
    assert "rare-values" not in tables


def test_without_a_recipe_rows_or_probabilities_the_reason_is_told() -> None:
    bare = Subject.from_model(
        Answering(telling(TRAIN)), ROWS, label="y", features=READ, train=TRAIN
    )
    found, _ = measured(bare)
    assert found["canary_exposure"].reason == NEEDS["recipe"]
    assert found["rare_membership_auc"].value is not None
    few, _ = measured(subject(telling, train=TRAIN.iloc[:300]))
    assert "300 training rows are too few" in str(few["canary_exposure"].reason)
    tripled, _ = measured(subject(lambda _: lambda rows: 3 * rows["x"].to_numpy(), threshold=1.0))
    assert {m.reason for m in tripled.values()} == {NO_PROBABILITIES}


def test_a_training_that_fails_is_told_and_loses_no_other_number() -> None:
    def fails(_: pd.DataFrame) -> Scores:
        raise ModelError("the loss is not finite")

    found, _ = measured(subject(telling, Recipe(fails)))
    assert "training with canaries was not possible" in str(found["canary_exposure"].reason)
    assert found["rare_membership_auc"].value is not None


WORDS = [f"word{letter}{other}" for letter in "abcde" for other in "fghij"]


def texts(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    lines = [" ".join(rng.choice(WORDS, 12)) + f" own{seed}x{i}" for i in range(n)]
    return pd.DataFrame({"text": lines, "y": rng.integers(0, 2, n)})


def test_text_canaries_are_of_words_that_many_texts_hold() -> None:
    train, rows = texts(1_000, 3), texts(300, 4)

    def knows(held: pd.DataFrame) -> Scores:
        outcome = dict(zip(held["text"], held["y"], strict=True))
        return lambda asked: np.array(
            [0.1 + 0.8 * outcome[t] if t in outcome else 0.5 for t in asked["text"]]
        )

    recipe = Recipe(knows)
    held = Subject.from_model(
        Answering(knows(train)), rows, label="y", features=["text"], train=train, recipe=recipe
    )
    found, _ = measured(held)
    assert found["canary_exposure"].value == 10.0
    assert found["rare_membership_auc"].reason == NONE_RARE
    for text in recipe.asked[0]["text"].iloc[len(train) :]:
        assert len(text.split()) == 8
        assert set(text.split()) <= set(WORDS)


def test_texts_of_too_few_frequent_words_give_no_canaries() -> None:
    train = texts(1_000, 3)
    train["text"] = [f"a b c d {i} e{i} f{i}" for i in range(1_000)]
    held = Subject.from_model(
        Answering(lambda rows: np.full(len(rows), 0.5)), train.iloc[:100], label="y",
        features=["text"], train=train, recipe=Recipe(unsure),
    )  # fmt: skip
    assert measured(held)[0]["canary_exposure"].reason == FEW_WORDS


def test_numbers_are_planted_with_numbers_of_other_rows() -> None:
    def knows(train: pd.DataFrame) -> Scores:
        outcome = dict(zip(train["x"], train["y"], strict=True))
        return lambda rows: np.array([outcome.get(x, 0.5) for x in rows["x"]])

    train, rows = (one.assign(y=one["x"] * 3 + 0.1) for one in (TRAIN, ROWS))
    held = Subject.from_model(
        Answering(lambda rows: 3 * rows["x"].to_numpy()), rows, label="y", task="regression",
        features=["x", "town"], train=train, recipe=Recipe(knows),
    )  # fmt: skip
    found, _ = measured(held)
    assert found["canary_exposure"].value is not None
    assert found["canary_exposure"].value > 5
    assert found["rare_membership_auc"].value is not None


@pytest.mark.slow
def test_a_real_network_remembers_what_it_reads_often_enough() -> None:
    from auditkit.training import PooledEmbedding, Recipe, Training

    train, rows = texts(1_000, 3), texts(300, 4)
    recipe = Recipe(
        PooledEmbedding(text="text"), "y", Training(epochs=30, batch_size=32, learning_rate=0.01)
    )
    model, _ = recipe.fit(train)
    held = Subject.from_model(model, rows, label="y", features=["text"], train=train, recipe=recipe)
    _, tables = measured(held)
    by = {line["planted_times"]: line for line in lines(tables["canaries"])}
    assert by[16]["p_adjusted"] < 0.05
    assert by[16]["exposure"] > by[0]["exposure"]


def test_settings_out_of_range_are_refused_together() -> None:
    with pytest.raises(InputError) as refused:
        Memorisation(rare=0, repetitions=(0, 2), alternatives=5)
    assert len(refused.value.problems) == 3
    with pytest.raises(InputError, match="repetitions: found 'none'"):
        Memorisation(repetitions=())
