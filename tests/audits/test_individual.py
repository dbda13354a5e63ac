"""The audit of single rows: neighbours, the attribute changed, identity terms swapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.individual import (
    ALL_SENSITIVE,
    NO_DISTANCE,
    NO_TERM,
    NOT_KNOWN,
    ONE_ANSWER,
    Individual,
)
from auditkit.errors import InputError
from auditkit.evidence import Cell, Measurement, Table
from auditkit.subject import Subject

EVERYONE = ("sex", "*")


class Model:
    """Scores a row by a rule."""

    kind, parameters, sha256 = "rule", None, None
    classes = ("a", "b")

    def __init__(self, rule: Any) -> None:
        self.rule = rule

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.rule(rows), dtype=np.float64)


def people(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "race": rng.choice(["p", "q", "r"], n, p=[0.6, 0.3, 0.1]),
            "age": rng.integers(18, 90, n),
            "income": rng.normal(size=n).round(3),
            "job": np.array(["nurse", "smith", None])[rng.integers(0, 3, n)],
            "name": [f"person {i}" for i in range(n)],
            "y": rng.integers(0, 2, n),
        }
    )


def by_income(rows: pd.DataFrame) -> Any:
    return rows["income"] > 0


def kinder_to_men(rows: pd.DataFrame) -> Any:
    """Selects above 0, men from -0.5 on."""
    return rows["income"] > np.where(rows["sex"] == "M", -0.5, 0.0)


FEATURES = ("income", "job", "sex", "race")


def subject_of(
    rule: Any, rows: pd.DataFrame | None = None, features: tuple[str, ...] = FEATURES, **more: Any
) -> Subject:
    settings: dict[str, Any] = {"sensitive": ["sex", "race"], **more}
    held = people() if rows is None else rows
    return Subject.from_model(Model(rule), held, label="y", features=features, **settings)


Found = tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]


def found(subject: Subject, audit: Individual | None = None) -> Found:
    """Measurements by metric and slice, and tables by name."""
    items = list((audit or Individual()).run(subject, np.random.default_rng(0)))
    measured = {
        (item.metric, *(part for pair in item.slice.items() for part in pair)): item
        for item in items
        if isinstance(item, Measurement)
    }
    return measured, {item.name: item for item in items if isinstance(item, Table)}


def lines(table: Table, key: str) -> dict[str, dict[str, Cell]]:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {str(row[key]): row for row in rows}


def test_who_is_planted_to_flip_flips() -> None:
    rows = people()
    measured, tables = found(subject_of(kinder_to_men, rows))
    between = (rows["income"] > -0.5) & (rows["income"] <= 0)
    man = rows["sex"] == "M"
    assert measured["flip_rate", *EVERYONE].value == pytest.approx(between.mean())
    assert measured["flip_to_selected", *EVERYONE].value == pytest.approx((between & ~man).mean())
    assert measured["flip_from_selected", *EVERYONE].value == pytest.approx((between & man).mean())
    assert measured["flip_rate", "sex", "M"].value == pytest.approx(between[man].mean())
    assert measured["flip_rate", "sex", "M"].n == man.sum()
    assert measured["flip_score_change", *EVERYONE].value == pytest.approx(between.mean())
    line = lines(tables["flips"], "group")["M \N{RIGHTWARDS ARROW} F"]
    assert line["n"] == man.sum()
    assert line["difference"] == pytest.approx(-between[man].mean())
    assert line["share_flipped"] == pytest.approx(between[man].mean())


def test_what_is_read_and_moves_nothing_is_a_measured_nought_with_an_interval() -> None:
    measured, _ = found(subject_of(kinder_to_men))
    race = measured["flip_rate", "race", "*"]
    assert (race.value, race.exact) == (0, False)
    assert race.interval is not None
    assert race.interval.high > 0


def test_what_is_not_read_is_exactly_nought_and_says_why() -> None:
    measured, tables = found(subject_of(by_income, features=("income", "job")))
    sex = measured["flip_rate", *EVERYONE]
    assert (sex.value, sex.exact, sex.interval) == (0, True, None)
    assert "the model does not read 'sex', so changing it changes no answer" in str(sex.reason)
    assert "proxies" in str(sex.reason)
    assert "flips" not in tables


def test_a_model_that_reads_what_it_was_not_said_to_read_is_found_out() -> None:
    measured, _ = found(subject_of(kinder_to_men, features=("income",)))
    sex = measured["flip_rate", *EVERYONE]
    assert sex.value
    assert sex.interval is not None
    assert "was not said to read it, but does" in sex.source
    assert measured["flip_rate", "race", "*"].exact


def test_a_row_of_unknown_group_is_counted_and_not_changed() -> None:
    rows = people()
    rows.loc[:49, "sex"] = None
    measured, _ = found(subject_of(kinder_to_men, rows))
    unknown = measured["flip_rate", "sex", "unknown"]
    assert (unknown.value, unknown.n, unknown.reason) == (None, 50, NOT_KNOWN)
    assert measured["flip_rate", *EVERYONE].n == 550
    assert "50 of unknown group left out" in measured["flip_rate", *EVERYONE].source


def test_one_person_in_a_group_of_their_own_is_not_given_away() -> None:
    rows = people()
    rows.loc[0, "race"] = "only one"
    measured, tables = found(subject_of(kinder_to_men, rows))
    for metric in ("flip_rate", "consistency"):
        alone = measured[metric, "race", "only one"]
        assert (alone.value, alone.n) == (None, 1)
    assert not any("only one" in str(row[1]) for row in tables["flips"].rows)


def test_nobody_can_be_changed_where_no_other_group_is_large_enough() -> None:
    rows = people(100).assign(race="p")
    measured, _ = found(subject_of(by_income, rows))
    reason = "no other group has 30 rows, so there is none to change rows to"
    assert measured["flip_rate", "race", "*"].reason == reason


def test_a_band_of_ages_is_stood_for_by_its_middle_row() -> None:
    def rule(rows: pd.DataFrame) -> Any:
        return rows["age"] >= 60

    rows = people()
    more = {"sensitive": ["age"], "bands": {"age": [40]}}
    measured, tables = found(subject_of(rule, rows, ("age", "income"), **more))
    old = rows["age"][rows["age"] >= 40]
    middle = sorted(old)[(len(old) - 1) // 2]
    assert middle >= 60  # so that everyone under 40 would be selected
    assert measured["flip_rate", "age", "under 40"].value == 1
    line = lines(tables["flips"], "group")["40 and over \N{RIGHTWARDS ARROW} under 40"]
    assert line["share_flipped"] == pytest.approx((old >= 60).mean())


def test_a_column_made_of_another_is_not_changed_and_says_why() -> None:
    rows = people()
    rows["race: q"] = np.where(rows["race"] == "q", "yes", "no")
    measured, _ = found(subject_of(by_income, rows, sensitive=["race: q"]))
    assert "it was made of 'race'" in str(measured["flip_rate", "race: q", "*"].reason)


def test_neighbours_are_found_without_the_sensitive_columns() -> None:
    """Two clouds, the sensitive column at odds with the decision in each of them."""
    rows = people()
    rows["income"] = np.where(np.arange(len(rows)) % 2, 5.0, -5.0) + rows["income"] / 10
    measured, _ = found(subject_of(by_income, rows, ("income", "sex")))
    assert measured["consistency",].value == 1
    measured, _ = found(subject_of(lambda f: f["sex"] == "M", rows, ("income", "sex")))
    assert measured["consistency",].value == pytest.approx(0.5, abs=0.05)
    assert "by 1 columns that the model reads, none sensitive" in measured["consistency",].source


def test_consistency_is_that_of_the_definition() -> None:
    from sklearn.neighbors import NearestNeighbors

    rows = people()
    subject = subject_of(kinder_to_men, rows, ("income", "age", "sex"))
    measured, _ = found(subject)
    numbers = subject.rows[["income", "age"]]
    scaled = ((numbers - numbers.mean()) / numbers.std(ddof=0)).to_numpy()
    near = NearestNeighbors(n_neighbors=5).fit(scaled).kneighbors(return_distance=False)
    agree = 1 - np.abs(subject.y_pred - subject.y_pred[near].mean(axis=1))
    assert measured["consistency",].value == pytest.approx(agree.mean())
    women = subject.rows["sex"].to_numpy() == "F"
    assert measured["consistency", "sex", "F"].value == pytest.approx(agree[women].mean())
    gap = measured["consistency_difference", *EVERYONE]
    assert gap.value == pytest.approx(abs(agree[women].mean() - agree[~women].mean()))
    assert gap.interval is not None


def test_a_large_table_is_sampled_and_says_so() -> None:
    audit = Individual(max_rows=100, max_asked=200)
    measured, _ = found(subject_of(kinder_to_men), audit)
    assert measured["consistency",].n == 100
    assert "100 rows drawn at random" in measured["consistency",].source
    assert measured["flip_rate", "race", "*"].n == 100
    assert "100 of 600 rows drawn" in measured["flip_rate", "race", "*"].source


@pytest.mark.parametrize(
    ("rule", "features", "reason"),
    [
        (lambda rows: rows["y"], ("sex",), ALL_SENSITIVE),
        (lambda rows: rows["y"], ("name",), NO_DISTANCE),
        (lambda rows: np.ones(len(rows)), ("income",), ONE_ANSWER),
    ],
)
def test_neighbours_that_say_nothing_are_not_measured(
    rule: Any, features: tuple[str, ...], reason: str
) -> None:
    measured, _ = found(subject_of(rule, features=features))
    assert (measured["consistency",].value, measured["consistency",].reason) == (None, reason)


def test_names_are_left_out_and_named() -> None:
    measured, _ = found(subject_of(by_income, features=("income", "job", "name")))
    assert measured["consistency",].value is not None
    assert "without texts and names: 'name'" in measured["consistency",].source


def test_few_rows_have_too_few_neighbours() -> None:
    measured, _ = found(subject_of(lambda rows: rows["y"], people(6)))
    assert measured["consistency",].reason == "fewer than 7 rows"


def test_classes_flip_and_numbers_move() -> None:
    def classes(rows: pd.DataFrame) -> Any:
        chance = kinder_to_men(rows) * 0.8 + 0.1
        return np.column_stack([chance, 1 - chance])

    rows = people()
    between = ((rows["income"] > -0.5) & (rows["income"] <= 0)).mean()
    named = rows.assign(y=np.where(rows["y"] == 1, "a", "b"))
    measured, tables = found(subject_of(classes, named, task="multiclass"))
    assert measured["flip_rate", *EVERYONE].value == pytest.approx(between)
    assert measured["flip_score_change", *EVERYONE].value == pytest.approx(0.8 * between)
    assert ("flip_to_selected", *EVERYONE) not in measured
    assert "difference" not in tables["flips"].columns

    def pay(rows: pd.DataFrame) -> Any:
        return 10 * rows["income"] + 3 * (rows["sex"] == "M")

    measured, tables = found(subject_of(pay, rows.assign(y=rows["income"]), task="regression"))
    assert measured["flip_prediction_change", *EVERYONE].value == pytest.approx(3)
    assert measured["neighbor_prediction_distance",].value
    line = lines(tables["flips"], "group")["M \N{RIGHTWARDS ARROW} F"]
    assert line["difference"] == pytest.approx(-3)


def test_only_scores_are_skipped_with_the_reason() -> None:
    scored = people().assign(score=0.5)
    subject = Subject.from_scores(scored, label="y", score="score", sensitive=["sex"])
    (record,) = run(subject, None, ["individual"]).audits
    assert record.status == "skipped"
    assert "no model to ask" in str(record.reason)


TEXTS = ["he was good today", "she was good today", "nothing of note here", "其他人说她很好"]


def messages(n: int = 200) -> pd.DataFrame:
    texts = [TEXTS[i % 4] + f" {i}" for i in range(n)]
    return pd.DataFrame({"text": texts, "y": np.arange(n) % 2})


def about_men(rows: pd.DataFrame) -> Any:
    return [0.9 if " he " in f" {t}" or "他很好" in t else 0.2 for t in rows["text"].fillna("")]


def text_subject(rows: pd.DataFrame, rule: Any = about_men) -> Subject:
    return subject_of(rule, rows, ("text",), sensitive=[])


def test_texts_with_a_term_are_counted_and_their_decisions_flip() -> None:
    measured, tables = found(text_subject(messages()))
    assert measured["texts_with_identity_terms",].value == 0.75
    assert measured["texts_with_identity_terms",].n == 200
    assert measured["term_flip_rate",].value == 1  # he and she, and in Chinese
    assert measured["term_flip_rate",].n == 150
    assert measured["term_score_change",].value == pytest.approx(0.7)
    pairs = lines(tables["terms"], "pair")
    assert {pair: line["n"] for pair, line in pairs.items()} == {"he / she": 100, "他 / 她": 50}
    assert pairs["他 / 她"]["share_flipped"] == 1


def test_terms_can_be_given() -> None:
    audit = Individual(terms=[["good", "bad"]], texts=["text"])
    measured, tables = found(text_subject(messages()), audit)
    assert measured["term_flip_rate",].value == 0
    assert measured["term_flip_rate",].n == 100
    assert lines(tables["terms"], "pair").keys() == {"good / bad"}


def test_texts_without_any_term_and_missing_ones_are_counted() -> None:
    rows = messages()
    rows["text"] = [None if i < 5 else f"nothing of note {i}" for i in range(len(rows))]
    measured, tables = found(text_subject(rows))
    assert measured["texts_with_identity_terms",].value == 0
    assert measured["term_flip_rate",].reason == NO_TERM
    assert "terms" not in tables


def test_numbers_told_from_texts_move_with_their_terms() -> None:
    rows = messages().assign(y=np.arange(200.0))
    subject = subject_of(about_men, rows, ("text",), sensitive=[], task="regression")
    measured, tables = found(subject)
    assert measured["term_prediction_change",].value == pytest.approx(0.7)
    assert "share_flipped" not in tables["terms"].columns


def test_a_column_that_the_model_does_not_read_holds_no_texts() -> None:
    with pytest.raises(InputError, match="Did you mean 'text'"):
        found(text_subject(messages()), Individual(texts=["texts"]))


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as error:
        Individual(level=1, neighbors=0, max_rows=1, max_asked=1, min_group=1, max_listed=0,
                   terms=[["he"]])  # fmt: skip
    assert [problem.where for problem in error.value.problems] == [
        "[audits.individual] neighbors",
        "[audits.individual] max_rows",
        "[audits.individual] max_asked",
        "[audits.individual] min_group",
        "[audits.individual] max_listed",
        "[audits.individual] level",
        "[audits.individual] terms",
    ]


def test_rows_in_another_order_give_the_same_numbers() -> None:
    rows = people()
    audit = Individual(max_rows=300, max_asked=300)
    one, _ = found(subject_of(kinder_to_men, rows), audit)
    other, _ = found(subject_of(kinder_to_men, rows.sample(frac=1, random_state=1)), audit)
    assert one == other
