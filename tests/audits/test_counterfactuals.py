"""The audit of changes that would bring another decision: rules, groups, words, texts, reasons."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.audit import run
from auditkit.audits.counterfactuals import ASKED_SERVED, NOBODY, Counterfactuals
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.render.html import render
from auditkit.subject import Subject

FEATURES = ("income", "age", "job", "flag", "sex")


class Model:
    """Scores a row by a rule, and keeps what it was asked."""

    parameters, sha256 = None, None

    def __init__(self, rule: Any, features: tuple[str, ...] = FEATURES, kind: str = "rule") -> None:
        self.rule, self.features, self.kind = rule, features, kind
        self.classes = ("a", "b", "c")
        self.asked: list[pd.DataFrame] = []

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        self.asked.append(rows)
        return np.asarray(self.rule(rows), dtype=np.float64)


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    jobs = np.array(["nurse", "smith", "clerk", None])[rng.integers(0, 4, n)]
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(18, 90, n),
            "income": rng.normal(size=n).round(3),
            "job": pd.Categorical(jobs, categories=["clerk", "nurse", "smith", "king"]),
            "flag": rng.random(n) < 0.5,
            "y": rng.integers(0, 2, n),
        }
    )


def by_sum(rows: pd.DataFrame) -> Any:
    """Selects by income, age, job and flag; women have farther to go."""
    total = rows["income"].to_numpy(float) + rows["age"].to_numpy(float) / 60
    total = total + np.where(rows["job"].astype(object) == "nurse", 0.8, 0.0)
    total = total + np.where(rows["flag"], 0.4, 0.0) - np.where(rows["sex"] == "F", 0.7, 0.0)
    return 1 / (1 + np.exp(2.5 - total))


def subject_of(rule: Any = by_sum, rows: pd.DataFrame | None = None, **more: Any) -> Subject:
    held = people() if rows is None else rows
    facts: dict[str, Any] = {"sensitive": ["sex"], "features": FEATURES, **more}
    kind = facts.pop("kind", "rule")
    return Subject.from_model(Model(rule, facts["features"], kind), held, label="y", **facts)


def asked_of(subject: Subject) -> list[pd.DataFrame]:
    model = subject.model
    assert isinstance(model, Model)
    return model.asked


Found = tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]


def found(subject: Subject, **settings_: Any) -> Found:
    """Measurements by metric and slice, and tables by name."""
    items = list(Counterfactuals(**settings_).run(subject, np.random.default_rng(0)))
    measured = {
        (item.metric.removeprefix("counterfactual_"), *(p for q in item.slice.items() for p in q)):
        item for item in items if isinstance(item, Measurement)
    }  # fmt: skip
    return measured, {item.name: item for item in items if isinstance(item, Table)}


def test_the_closed_form_of_one_number_is_found() -> None:
    rows = people().assign(income=lambda f: f["income"] * 10)
    subject = subject_of(lambda f: 1 / (1 + np.exp(8 - f["income"])), rows, features=("income",))
    income = rows["income"].to_numpy()
    measured, tables = found(subject, rows=400)
    spread = np.median(np.abs(income - np.median(income)))
    assert measured["success_rate",].value == 1
    assert measured["changes",].reason is not None
    way = (8 - income[income < 8]) / spread
    assert measured["distance",].value == pytest.approx(way.mean(), abs=0.01)
    assert measured["success_rate",].n == (income < 8).sum()
    assert tables["features"].rows[0][:2] == ("income", 1.0)
    assert tables["features"].rows[0][-1] == "raised"


def test_who_has_farther_to_go_is_told_apart() -> None:
    measured, _ = found(subject_of())
    gap = measured["distance_difference", "sex", "*"]
    assert gap.interval is not None
    assert gap.interval.low > 0
    women, men = (measured["distance", "sex", sex].value for sex in "FM")
    assert women is not None
    assert men is not None
    assert gap.value == pytest.approx(women - men)
    assert measured["success_rate_difference", "sex", "*"].value is not None


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Any settings that do not contradict each other."""
    held: dict[str, Any] = {"immutable": [], "increase_only": [], "decrease_only": []}
    ranges: dict[str, list[float]] = {}
    for name in FEATURES:
        where = draw(st.sampled_from(["", *held]))
        is_number = name in {"income", "age"}
        if where == "immutable" or (where and is_number):
            held[where].append(name)
        if is_number and where != "immutable" and draw(st.booleans()):
            ranges[name] = {"income": [-1.0, 1.5], "age": [25.0, 65.0]}[name]
    free = draw(st.booleans()) and "sex" not in held["immutable"]
    return {**held, "ranges": ranges, "changeable": ["sex"] if free else []}


@given(rules())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_row_that_breaks_a_rule_is_ever_asked_about(held: dict[str, Any]) -> None:
    rows = people(120).assign(number=range(120))
    subject = subject_of(rows=rows, features=(*FEATURES, "number"))
    before = subject.rows.set_index("number", drop=False)
    assert subject.y_score is not None
    asked_of(subject).clear()
    found(subject, rows=15, **{**held, "immutable": [*held["immutable"], "number"]})
    fixed = [*held["immutable"], *([] if held["changeable"] else ["sex"])]
    for asked in asked_of(subject):
        was = before.loc[asked["number"], list(asked.columns)].reset_index(drop=True)
        pd.testing.assert_frame_equal(asked[fixed], was[fixed])
        assert asked.dtypes.equals(was.dtypes)
        assert (asked.isna() == was.isna()).all(axis=None)
        assert set(asked["job"].dropna()) <= {"nurse", "smith", "clerk"}
        for name, (low, high) in held["ranges"].items():
            assert (asked[name].between(low, high) | (asked[name] == was[name])).all()
        assert (asked[held["increase_only"]] >= was[held["increase_only"]]).all(axis=None)
        assert (asked[held["decrease_only"]] <= was[held["decrease_only"]]).all(axis=None)


def changes_of(subject: Subject, **held: Any) -> list[str]:
    """The features in the table of changes."""
    _, tables = found(subject, rows=400, **held)
    return [str(row[0]) for row in tables["features"].rows] if "features" in tables else []


def test_sensitive_columns_change_only_where_they_are_freed() -> None:
    by_sex = lambda f: np.where(f["sex"] == "M", 0.9, 0.1)  # noqa: E731 - a rule
    measured, tables = found(subject_of(by_sex))
    assert measured["success_rate",].value == 0
    assert measured["distance",].value is None
    assert set(tables) == {"by-group"}
    assert changes_of(subject_of(by_sex), changeable=["sex"]) == ["sex"]


def test_a_sensitive_number_may_rise_where_a_direction_says_so() -> None:
    subject = subject_of(lambda f: f["age"] / 100, sensitive=["age"], bands={"age": [40, 60]})
    assert changes_of(subject) == []
    assert changes_of(subject, increase_only=["age"]) == ["age"]
    assert changes_of(subject, decrease_only=["age"]) == []
    assert changes_of(subject, ranges={"age": [18, 40]}) == []


def test_the_unfavourable_decision_can_be_to_be_selected() -> None:
    measured, tables = found(subject_of(), favourable=False, immutable=["job", "flag", "age"])
    assert "that are selected" in measured["success_rate",].source
    assert tables["features"].rows[0][0] == "income"
    assert tables["features"].rows[0][-1] == "lowered"


def test_a_story_names_bands_and_common_values_and_no_number_of_a_row() -> None:
    rows = people()
    _, tables = found(subject_of(rows=rows))
    stories = tables["stories"].rows
    assert list(dict.fromkeys(row[0] for row in stories)) == ["typical", "borderline", "hard"]
    assert {row[2] for row in stories} <= set(FEATURES)
    told = " ".join(str(row[3]) for row in stories)
    assert "fifth" in told
    assert not re.search(r"-?\d+\.\d", told)


def test_a_rare_category_is_not_named() -> None:
    rows = people()
    job = rows["job"].astype(object).where(lambda s: s != "nurse", "smith")
    job[:8] = "abbot"
    rows["job"] = job
    rule = lambda f: np.where(f["job"] == "abbot", 0.9, 0.1)  # noqa: E731 - a rule
    _, tables = found(subject_of(rule, rows, features=("job",)))
    text = str(tables["stories"].rows)
    assert "to a rare value" in text
    assert "abbot" not in text


def test_names_are_left_as_they_are_and_said() -> None:
    rows = people().assign(name=[f"person {i}" for i in range(400)])
    subject = subject_of(rows=rows, features=(*FEATURES, "name"))
    measured, _ = found(subject, immutable=["y"])
    source = measured["success_rate",].source
    assert "left as they are, being texts or names: 'name'" in source
    assert "never changed: 'sex'" in source
    assert "named in the settings but not read by the model: 'y'" in source


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(InputError) as told:
        Counterfactuals(
            immutable=["age", "age"], increase_only=["income"], decrease_only=["income"],
            ranges={"income": [2, 1], "age": [1, 9]}, max_changes=6, rows=0, level=2.0,
        )  # fmt: skip
    text = str(told.value)
    assert "7 problems" in text
    for part in ("rows", "max_changes", "level", "'age' twice", "'income', which is under",
                 "'age', which is under immutable too", "'[2, 1]'"):  # fmt: skip
        assert part in text


def test_every_wrong_name_is_told_at_once() -> None:
    with pytest.raises(InputError) as told:
        found(
            subject_of(), immutable=["sexx"], increase_only=["job"], wanted="a",
            ranges={"age": [200, 300]},
        )  # fmt: skip
    text = str(told.value)
    assert "4 problems" in text
    for part in ("Did you mean 'sex'?", "'job', a column of categories", "no assessed row lies",
                 "wanted: found 'a'"):  # fmt: skip
        assert part in text


def test_a_wanted_class_is_checked_and_sought() -> None:
    rows = people()
    rows["y"] = np.random.default_rng(1).choice(["a", "b", "c"], len(rows))
    rule = lambda f: np.stack([f["income"], 0.2 - f["income"], 0 * f["income"]], axis=1)  # noqa: E731
    subject = subject_of(rule, rows, task="multiclass")
    with pytest.raises(InputError, match="a class"):
        found(subject, wanted="z")
    with pytest.raises(InputError, match="name the wanted class"):
        found(subject, favourable=False)
    measured, tables = found(subject, wanted="a", rows=400)
    assert measured["success_rate",].n == (rows["income"] < 0.1).sum()
    assert measured["success_rate",].value == 1
    assert [row[0] for row in tables["features"].rows] == ["income"]
    assert found(subject, rows=400)[0]["success_rate",].n == 400


def test_where_nobody_is_decided_against_it_says_so() -> None:
    measured, tables = found(subject_of(lambda f: np.ones(len(f))))
    assert {m.reason for m in measured.values()} == {NOBODY}
    assert tables == {}


def test_a_cap_on_questions_is_kept_and_a_served_model_is_spared() -> None:
    for settings_, most, kind in (
        ({"max_asked": 5_000}, 5_000, "rule"),
        ({}, ASKED_SERVED, "endpoint http://127.0.0.1:1"),
    ):
        subject = subject_of(kind=kind)
        assert subject.y_score is not None
        asked_of(subject).clear()
        found(subject, **settings_)
        assert 0 < sum(map(len, asked_of(subject))) <= most
    measured, _ = found(subject_of(), max_asked=100, max_changes=5)
    assert "too few for one row" in str(measured["success_rate",].reason)


def texts(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    fill = ["the", "film", "was", "long", "loud", "plot", "actor", "scene", "night", "house"]
    lines = []
    for i in range(n):
        words = [*rng.choice(fill, 6), *["awful"] * int(rng.integers(0, 5)), f"name{i}"]
        lines.append(" ".join(rng.permutation(words)))
    return pd.DataFrame({"text": lines, "y": rng.integers(0, 2, n)})


def by_awful(rows: pd.DataFrame) -> Any:
    return 0.9 - 0.25 * rows["text"].str.count("awful").to_numpy(float)


def test_the_fewest_words_are_taken_out_of_a_text() -> None:
    rows = texts()
    subject = subject_of(by_awful, rows, features=("text",), sensitive=[])
    awful = rows["text"].str.count("awful")
    measured, tables = found(subject, rows=300)
    refused = awful[awful >= 2]
    assert measured["success_rate",].value == 1
    assert measured["success_rate",].n == refused.size
    assert measured["changes",].value == pytest.approx((refused - 1).mean())
    assert measured["distance",].value is None
    assert [row[0] for row in tables["words"].rows] == ["awful"]
    assert tables["stories"].rows[0][2:] == ("awful", "taken out")
    fewer, _ = found(subject, rows=300, max_changes=1)
    assert fewer["success_rate",].value == pytest.approx((refused == 2).mean())


def test_a_rare_word_is_not_named() -> None:
    rows = texts()
    rule = lambda f: np.where(f["text"].str.contains("name"), 0.1, 0.9)  # noqa: E731 - a rule
    _, tables = found(subject_of(rule, rows, features=("text",), sensitive=[]))
    assert "words" not in tables
    told = str(tables["stories"])
    assert "a rare word" in told
    assert not re.search(r"name\d", told)


def test_the_section_opens_with_what_was_found() -> None:
    page = render(run(subject_of(), None, [Counterfactuals()]))
    assert "A small change that would bring another decision was found for a share of" in page
    assert "By sex, the way is longest for F" in page
    assert "Not found does not mean impossible" in page
    even = render(run(subject_of(lambda f: f["income"] + 0.2), None, [Counterfactuals()]))
    assert "No two groups are told apart in how far" in even


def test_the_section_of_texts_names_the_word() -> None:
    subject = subject_of(by_awful, texts(), features=("text",), sensitive=[])
    page = render(run(subject, None, [Counterfactuals()]))
    assert "Most often awful is part of it" in page
