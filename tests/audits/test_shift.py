"""Columns that moved are found and named, clean tables left in peace, and effects come true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run as run_audits
from auditkit.audits.shift import NEWER, TRAINING, Shift
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.explaining.shifted_columns import compare
from auditkit.render.html import render
from auditkit.subject import Subject

SEEDS = range(20)
#: Quick: the model that tells tables apart is made of few rows.
QUICK = Shift(max_rows=100)


class Scorer:
    """A model that gives the true chances of the outcome; so its accuracy moves with age."""

    kind, sha256, parameters = "stub", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return chances(rows)


class Sorter(Scorer):
    """A model of three classes by age."""

    classes = ("a", "b", "c")

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        place = np.digitize(rows["age"], [35, 45])
        return np.asarray(np.eye(3)[place])


class Counter(Scorer):
    """A model that gives age back."""

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["age"].to_numpy(dtype=float)


def chances(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(rows["age"] - 40) / 10)))


def people(
    n: int, seed: int, older: float = 0.0, nurses: float = 1 / 3, gaps: float = 0.05
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rest = (1 - nurses) / 2
    rows = pd.DataFrame(
        {
            "age": rng.normal(40 + older, 10, n).round(1),
            "pay": np.where(rng.random(n) < gaps, np.nan, rng.normal(30, 8, n).round(1)),
            "children": rng.poisson(1.2, n),
            "job": rng.choice(["clerk", "nurse", "cook"], n, p=[rest, nurses, rest]),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    return rows.assign(y=(rng.random(n) < chances(rows)).astype(int))


def make(rows: pd.DataFrame, **changes: Any) -> Subject:
    facts: dict[str, Any] = {
        "label": "y",
        "features": ["age", "pay", "children", "job"],
        "sensitive": ["sex"],
    }
    model = changes.pop("model", Scorer())
    return Subject.from_model(model, rows, **(facts | changes))


def run(
    subject: Subject, audit: Shift | None = None, seed: int = 0
) -> tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]:
    found = list((audit or Shift()).run(subject, np.random.default_rng(seed)))
    numbers = {(m.metric, *m.slice.values()): m for m in found if isinstance(m, Measurement)}
    return numbers, {t.name: t for t in found if isinstance(t, Table)}


def moved(rows: pd.DataFrame, other: pd.DataFrame) -> set[str]:
    """Columns that have moved, as the audit says it."""
    return {one.column for one in compare(rows, other, 0.95) if one.is_shifted(Shift().certainty)}


@pytest.mark.parametrize(
    ("column", "changes"),
    [("age", {"older": 4.0}), ("job", {"nurses": 0.45}), ("pay", {"gaps": 0.12})],
    ids=["a number", "a category", "missing values"],
)
def test_a_planted_shift_is_found_and_named_in_19_of_20_seeds(
    column: str, changes: dict[str, float]
) -> None:
    found = 0
    for seed in SEEDS:
        rows, newer = people(1500, 2 * seed), people(1500, 2 * seed + 1, **changes)
        found += column in moved(rows, newer)
    assert found >= 19


def test_nothing_is_reported_on_clean_tables_in_19_of_20_seeds() -> None:
    pairs = ((people(1500, 1000 + 2 * seed), people(3000, 1001 + 2 * seed)) for seed in SEEDS)
    assert sum(bool(moved(*pair)) for pair in pairs) <= 1


def test_the_model_tells_moved_tables_apart_and_clean_ones_not() -> None:
    rows, newer = people(1500, 0), people(1500, 1, older=6)
    numbers, _ = run(make(rows, newer=newer, train=people(1500, 2)))
    apart = {name: numbers["shift_classifier_auc", name] for name in (TRAINING, NEWER)}
    ends = {name: one.interval.low for name, one in apart.items() if one.interval is not None}
    assert ends[NEWER] > 0.55
    assert ends[TRAINING] < 0.5
    largest = numbers["shift_largest_distance", NEWER]
    assert largest.source.startswith("column 'age', values")
    assert numbers["shifted_columns", TRAINING].value == 0


def test_estimates_without_labels_come_close_to_what_is_measured_with_them() -> None:
    hits, nearer = 0, 0
    for seed in range(5):
        rows, newer = people(3000, 2 * seed), people(3000, 2 * seed + 1, older=12)
        numbers, tables = run(make(rows, newer=newer), seed=seed)
        guess, real = numbers["shifted_accuracy_estimate",], numbers["shifted_accuracy",]
        assert guess.interval is not None
        assert real.interval is not None
        assert guess.basis == "estimated"
        assert real.basis == "measured"
        hits += (
            guess.interval.low <= real.interval.high and real.interval.low <= guess.interval.high
        )
        before = float(((chances(rows) >= 0.5) == rows["y"]).mean())
        nearer += abs((guess.value or 0) - (real.value or 0)) < abs(before - (real.value or 0))
        assert real.value == pytest.approx(((chances(newer) >= 0.5) == newer["y"]).mean())
        assert tables["effects"].rows[0][0] == "accuracy"
        assert tables["effects"].rows[0][1] == pytest.approx(before)
    assert hits >= 4
    assert nearer >= 4


def test_gaps_of_newer_rows_are_measured_and_estimated() -> None:
    rows, newer = people(2000, 0), people(2000, 1, older=3)
    newer.loc[newer["sex"] == "F", "age"] += 8
    numbers, _ = run(make(rows, newer=newer))
    by_hand = pd.Series(chances(newer) >= 0.5).groupby(newer["sex"]).mean()
    gap = numbers["shifted_selection_rate_difference", "*"]
    assert gap.value == pytest.approx(abs(by_hand["F"] - by_hand["M"]))
    assert gap.interval is not None
    assert gap.interval.low > 0
    guess = numbers["shifted_selection_rate_difference_estimate", "*"]
    assert guess.value is not None
    assert guess.value > 0.1
    worth = numbers["shift_effective_rows",]
    assert worth.value is not None
    assert 10 < worth.value < 2000


def test_without_labels_only_what_needs_none_is_measured() -> None:
    newer = people(800, 1).drop(columns="y")
    numbers, _ = run(make(people(800, 0), newer=newer), QUICK)
    assert numbers["shifted_accuracy",].value is None
    assert numbers["shifted_accuracy",].reason == "the newer rows have no labels"
    assert numbers["shifted_accuracy_estimate",].value is not None
    assert numbers["shifted_selection_rate_difference", "*"].value is not None


def test_without_newer_rows_or_training_rows_the_reason_is_said() -> None:
    numbers, _ = run(make(people(800, 0), train=people(800, 1)), QUICK)
    assert numbers["shifted_columns", NEWER].value is None
    assert "newer_data" in (numbers["shifted_columns", NEWER].reason or "")
    assert "newer_data" in (numbers["shifted_accuracy_estimate",].reason or "")
    numbers, _ = run(make(people(800, 0), newer=people(800, 1)), QUICK)
    assert "trained on were not given" in (numbers["shifted_columns", TRAINING].reason or "")
    (record,) = run_audits(make(people(200, 0)), None, ["shift"]).audits
    assert record.status == "skipped"
    assert "nor a newer table" in str(record.reason)


def test_scores_alone_are_held_against_newer_scores() -> None:
    rows, newer = (people(900, seed).assign(p=chances) for seed in (0, 1))
    newer["p"] = np.clip(newer["p"] * 1.3, 0, 1)
    subject = Subject.from_scores(rows, label="y", score="p", sensitive=["sex"], newer=newer)
    numbers, tables = run(subject)
    assert "'p'" in numbers["shift_largest_distance", NEWER].source
    assert numbers["shifted_accuracy",].value == pytest.approx(
        ((newer["p"] >= 0.5) == newer["y"]).mean()
    )
    assert {row[1] for row in tables["columns"].rows} == {"sex", "p", "y"}


def test_classes_and_numbers_have_effects_too() -> None:
    rows, newer = people(800, 0), people(800, 1, older=5)
    for frame in (rows, newer):
        frame["band"] = np.array(["a", "b", "c"])[np.digitize(frame["age"] + 1, [35, 45])]
    kinds = make(rows, newer=newer, label="band", task="multiclass", model=Sorter())
    right = (Sorter().scores(newer).argmax(axis=1) == kinds.outcomes(newer)).mean()
    assert run(kinds)[0]["shifted_accuracy",].value == pytest.approx(right)
    for frame in (rows, newer):
        frame["pay2"] = frame["age"] + frame["children"]
    numeric = make(rows, newer=newer, label="pay2", task="regression", model=Counter())
    numbers, _ = run(numeric)
    assert numbers["shifted_absolute_error",].value == pytest.approx(newer["children"].mean())
    assert numbers["shifted_absolute_error_estimate",].value is not None
    assert numbers["shifted_absolute_error_difference", "*"].value is not None


def test_texts_are_compared_by_their_words() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "fine", "poor", "day", "night", "walk", "talk"])

    def texts(length: int) -> list[str]:
        return [" ".join(rng.choice(words, length + rng.integers(0, 9))) for _ in range(400)]

    rows, newer = people(400, 0).assign(text=texts(6)), people(400, 1).assign(text=texts(14))
    numbers, _ = run(make(rows, newer=newer, features=["text", "age"]))
    assert numbers["shift_largest_distance", NEWER].source.startswith("column 'text', words")


def test_the_order_of_the_rows_does_not_matter_and_nothing_is_changed() -> None:
    rows, newer = people(400, 0), people(400, 1, older=4)
    kept = newer.copy()
    first = run(make(rows, newer=newer))
    assert newer.equals(kept)
    again = run(
        make(rows.sample(frac=1, random_state=1), newer=newer.sample(frac=1, random_state=2))
    )
    assert first == again


def test_few_rows_are_said_to_be_few() -> None:
    numbers, _ = run(make(people(400, 0), newer=people(30, 1)))
    assert "fewer than 50 rows" in (numbers["shift_classifier_auc", NEWER].reason or "")
    assert numbers["shifted_accuracy_estimate",].value is None
    assert numbers["shifted_accuracy",].value is not None


def test_an_unknown_group_and_a_new_one_are_no_obstacle() -> None:
    newer = people(400, 1)
    newer.loc[:40, "sex"] = None
    newer.loc[41:60, "sex"] = "X"
    subject = make(people(400, 0), newer=newer)
    assert subject.newer_groups is not None
    assert subject.newer_groups["sex"].counts[-1] == 20
    assert subject.newer_groups["sex"].unknown == 41
    assert run(subject, QUICK)[0]["shifted_selection_rate_difference", "*"].value is not None


def test_settings_that_make_no_sense_are_listed() -> None:
    with pytest.raises(InputError) as caught:
        Shift(level=2, certainty=1.0, min_group=1, max_rows=5, most_columns=0)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("labels", [True, False])
def test_the_page_says_what_moved_in_both_languages(labels: bool) -> None:  # noqa: FBT001
    newer = people(700, 1, older=6)
    newer = newer if labels else newer.drop(columns="y")
    report = run_audits(make(people(700, 0), newer=newer, train=people(700, 2)), None, ["shift"])
    page = render(report)
    assert "moved in the newer rows" in page
    chinese = render(report, "zh-Hans")
    assert '<span lang="en">' not in chinese
    assert "发生了变动" in chinese
