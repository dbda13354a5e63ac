"""The sentences that open the sections of audits about groups and rows, and their drawing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.render.html import render
from auditkit.report import AuditRecord, Scalar, TableRecord
from auditkit.subject import Subject


class Model:
    """Gives a column back."""

    kind, parameters, sha256 = "column", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["score"].to_numpy()


def page(audit: str, lower: float = 1.0, telling: float = 0.0) -> str:
    """A report of one audit; scores of group b of women times `lower`, a feature that tells sex."""
    rng = np.random.default_rng(0)
    n = 3_000
    rows = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "race": rng.choice(["a", "<b>"], n),
            "score": rng.random(n),
            "y": rng.integers(0, 2, n),
        }
    )
    inside = (rows["sex"] == "F") & (rows["race"] == "<b>")
    rows["score"] *= np.where(inside, lower, 1.0)
    rows["height"] = rng.normal(size=n) + telling * (rows["sex"] == "F")
    subject = Subject.from_model(
        Model(), rows, label="y", features=["score", "height"], sensitive=["sex", "race"]
    )
    return render(run(subject, None, [audit]))


def test_the_worst_subgroup_is_named_in_a_sentence_with_its_size_and_bounds() -> None:
    text = page("subgroups", lower=0.4)
    assert "Among rows with sex = F, race = &lt;b&gt;, the selection rate is <b>0.5" in text
    assert "lower than for everyone else (0.4" in text
    assert "Found on one half of the rows, tested on the other." in text


def test_the_forest_names_each_subgroup_and_its_rate() -> None:
    text = page("subgroups", lower=0.4)
    assert "differ from everyone else by more than chance" in text
    assert "Each subgroup minus everyone else, on rows in which it was not found" in text
    assert text.count("Selection rate</i>") == 3


def test_chance_is_called_chance() -> None:
    assert "none is told apart from everyone else on the other half" in page("subgroups")


def scores_page(sharp: float, promised: float) -> str:
    """Scores of women as sharp as given, and times `promised` what comes true; men calibrated."""
    rng, n = np.random.default_rng(0), 3_000
    sex = rng.choice(["F", "<M>"], n)
    sharpness = np.where(sex == "F", sharp, 1.0)
    score = np.asarray(rng.beta(sharpness, sharpness))
    y = (rng.random(n) < score).astype(int)
    score = np.where(sex == "F", promised * score, score)
    rows = pd.DataFrame({"y": y, "score": score, "sex": sex})
    subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
    page = render(run(subject, None, ["scores-by-group"]))
    return page.replace("<bdi>", "").replace("</bdi>", "")


def test_the_group_that_is_ranked_worse_is_named_with_both_areas_and_the_gap() -> None:
    text = scores_page(sharp=8.0, promised=0.7)
    assert "the model ranks F less well than &lt;M&gt;: the area" in text
    assert "scores are higher for &lt;M&gt; than for F, by 0.1" in text
    assert "ROC curves by sex" in text
    assert "Scores against what came true, by sex" in text


def test_groups_alike_in_scores_are_called_alike() -> None:
    text = scores_page(sharp=1.0, promised=1.0)
    assert "No two groups are told apart in how well the model ranks their people." in text
    assert "No two groups are told apart in how far scores are from what came true." in text


@pytest.mark.parametrize(
    ("telling", "sentence"),
    [
        (2.0, "The strongest proxy is height: it alone tells the groups of sex apart"),
        (0.0, "No feature is established as a proxy of a compared column."),
    ],
)
def test_the_strongest_proxy_is_named_where_there_is_one(telling: float, sentence: str) -> None:
    assert sentence in page("proxies", telling=telling)


class Reader:
    """Selects by a number, men from lower on; texts by a word in them."""

    kind, parameters, sha256 = "reader", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        if "text" in rows:
            return np.array([0.9 if " he " in text else 0.2 for text in rows["text"]])
        return (rows["height"] > np.where(rows["sex"] == "M", -0.5, 0)).to_numpy(dtype=float)


def individually(rows: pd.DataFrame, features: list[str], *sensitive: str) -> str:
    subject = Subject.from_model(
        Reader(), rows, label="y", features=features, sensitive=list(sensitive)
    )
    return render(run(subject, None, ["individual"]))


def test_what_single_rows_show_is_said_in_sentences_and_drawn() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"sex": rng.choice(["F", "M"], 900), "y": rng.integers(0, 2, 900)})
    rows = rows.assign(height=rng.normal(size=900), race=rng.choice(["a", "<b>"], 900))
    text = individually(rows, ["height", "sex"], "sex", "race")
    assert "A row and those most like it get the same decision in a share of <b>0." in text
    assert "Changing sex alone changes the decision for a share of <b>0.1" in text
    assert "The model does not read race, so changing that alone changes nothing" in text
    assert "answers move by more than chance in 2 of the 2 surest cases" in text
    assert "M \N{RIGHTWARDS ARROW} F" in text


def test_swapped_words_are_said_in_a_sentence_and_tabled() -> None:
    texts = [f"so {who} was good {i}" for i in range(60) for who in ("he", "she", "it")]
    rows = pd.DataFrame({"text": texts, "y": np.arange(180) % 2})
    text = individually(rows, ["text"])
    assert "Swapping such words as “he” and “she” changes the decision" in text
    assert "of the 120 texts that hold one" in text
    assert "What swapping one pair of words does" in text


class Stepped:
    """Selects by many small steps of a number, or by a word of a text."""

    kind, parameters, sha256 = "stepped", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        if "text" in rows:
            return np.array([float("good" in text) for text in rows["text"]])
        return np.asarray(np.floor(rows["height"] * 300) % 2, dtype=float)


def shaken(rows: pd.DataFrame, feature: str) -> str:
    subject = Subject.from_model(Stepped(), rows, label="y", features=[feature], sensitive=["sex"])
    return render(run(subject, None, ["robustness"]))


def test_small_changes_and_the_worst_error_are_said_in_sentences() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"sex": rng.choice(["F", "M"], 900), "y": rng.integers(0, 2, 900)})
    text = shaken(rows.assign(height=rng.normal(100, 9, size=900)), "height")
    assert "the model answers otherwise for a share of <b>0." in text
    assert "Of the errors tried, \N{LEFT DOUBLE QUOTATION MARK}" in text
    assert "Small changes, the worst error of each kind, then whom" in text
    text = shaken(rows.assign(text=[f"so good it was {i}" for i in range(900)]), "text")
    assert "With typos in the texts it answers otherwise for a share of <b>0." in text
    assert "With all numbers" not in text


def mitigated(outcome: str, *, reads_group: bool = False) -> str:
    """The page of a mitigation, as its tables tell it."""
    gaps = ("demographic_parity_difference", "accuracy", "equal_opportunity_difference")
    columns = ("variant", "stage", "unbeaten", "target", "inside_target", *gaps)
    variants: list[list[Scalar]] = [
        ["as audited", "as audited", True, 0.1, False, 0.168, 0.855, 0.055],
        ["<fair>", "in training", True, 0.1, True, 0.076, 0.851, 0.194],
    ]
    takes: dict[str, Scalar] = {
        "attribute": "sex", "metric": "demographic_parity_difference", "target": 0.1,
        "outcome": outcome, "variant": "<fair>", "reads_group": reads_group, "gap_before": 0.168,
        "gap": 0.076, "gap_low": 0.056, "gap_high": 0.095, "accuracy_change": -0.004,
        "accuracy_change_low": -0.009, "accuracy_change_high": 0.002,
    }  # fmt: skip
    bare = run(Subject.from_scores(pd.DataFrame({"y": [0, 1], "p": [0.2, 0.9]}), label="y",
                                   score="p"), None, ["performance"])  # fmt: skip
    tables = [
        TableRecord(id=f"mitigation.{name}", audit="mitigation", title=name, columns=list(held),
                    rows=rows, chart=chart, source="test")
        for name, held, rows, chart in (
            ("variants", columns, variants, "frontier"),
            ("what-it-takes", takes, [list(takes.values())], None),
        )
    ]  # fmt: skip
    done = AuditRecord(name="mitigation", status="completed")
    return render(bare.model_copy(update={"tables": tables, "audits": [*bare.audits, done]}))


def test_what_it_takes_is_said_with_its_price_and_with_what_opens_meanwhile() -> None:
    text = mitigated("cheapest within the target")
    assert (
        "The demographic parity difference by sex can be brought from 0.168 to <b>0.0760 (0.0560 "
        "to 0.0950)</b>, surely within the target of 0.1. The cheapest way that was tried is "
        "&lt;fair&gt;: accuracy changes by −0.00400 (−0.00900 to 0.00200). "  # noqa: RUF001 - minus
        "Meanwhile the equal opportunity difference goes from 0.0550 to 0.194."
    ) in re.sub(r"</?bdi[^>]*>|\s+(?=\s)", "", text)
    assert "guarantees nothing" in text
    assert "ask counsel" not in text


def test_where_the_group_has_to_be_known_counsel_is_to_be_asked() -> None:
    assert "which may be unlawful: ask counsel" in mitigated(
        "cheapest within the target", reads_group=True
    )


def test_where_the_target_is_not_reached_or_was_met_before_it_is_said() -> None:
    assert "The closest, " in mitigated("none is within it; this one comes closest")
    assert "is within the target of 0.1 already" in mitigated("already within the target")


@pytest.mark.parametrize(
    ("telling", "sentence"),
    [
        (True, "replacing the strongest of a row moves its score by <b>0."),
        (False, "cannot be told."),
    ],
)
def test_what_was_tried_on_the_explanation_is_counted_and_said(
    *, telling: bool, sentence: str
) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"x{j}": rng.normal(size=200) for j in range(4)})
    rows["y"] = rng.integers(0, 2, 200)

    class Sum(Model):
        def scores(self, rows: pd.DataFrame) -> np.ndarray:
            weights = np.array([3.0, 1.0, 0.3, 0.1]) if telling else np.full(4, 1.0)
            given: np.ndarray = 1 / (1 + np.exp(-rows[list(rows)[:4]].to_numpy() @ weights))
            return given if telling else np.full(len(rows), 0.5)

    of = Subject.from_model(Sum(), rows, label="y", features=[f"x{j}" for j in range(4)])
    text = render(run(of, None, ["explanation-quality"]))
    assert "things tried on the explanation that have a limit" in text
    assert (sentence in text) is telling
    assert text.count("No regulator sets a limit for any of it") == 1
    assert "own check of its DeepExplainer" in text


def about_people(audit: str, **columns: list[str]) -> str:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"y": rng.integers(0, 2, 300), "score": rng.random(300)})
    rows = rows.assign(**{name: rng.choice(values, 300) for name, values in columns.items()})
    subject = Subject.from_model(
        Model(), rows, label="y", features=["score", *columns], sensitive=list(columns)[:1]
    )
    return render(run(subject, None, [audit]))


def test_the_column_with_most_personal_data_is_named_and_nothing_of_it_shown() -> None:
    found = about_people("personal-data", sex=["F", "M"], note=["a@example.org", "b@example.org"])
    assert "found in <b>one column</b>: e-mail address in 1.000 of the values of note" in found
    assert "example.org" not in found
    assert "No e-mail address, number, name" in about_people("personal-data", sex=["F", "M"])


def test_unique_rows_open_the_section_with_the_columns_that_make_them() -> None:
    text = about_people("anonymity", sex=["F", "M"], zip_code=[str(i) for i in range(400)])
    assert "300 rows is unique in zip_code and sex" in text
    assert "Knowing zip_code adds most: without it, 0 would be unique." in text
    assert "was guessed from their names" in text
    assert "What each column adds to being unique" in text


class Lender:
    """Adds up a number and, where it is told to, the sex."""

    kind, parameters, sha256 = "lender", None, None
    features = ("height", "sex")

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        men = (rows["sex"] == "M").to_numpy(dtype=float)
        return np.asarray(np.clip(0.4 + 0.1 * rows["height"] + 0.3 * men, 0, 1), dtype=float)


def reasons(features: list[str], sensitive: str) -> str:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"sex": rng.choice(["F", "M"], 400), "y": rng.integers(0, 2, 400)})
    rows = rows.assign(height=rng.normal(size=400), race=rng.choice(["a", "<b>"], 400))
    subject = Subject.from_model(
        Lender(), rows, label="y", features=features, sensitive=[sensitive]
    )
    page = render(run(subject, None, ["reason-codes"]))
    return page.replace("<bdi>", "").replace("</bdi>", "")


def test_principal_reasons_are_named_and_a_sensitive_one_among_them() -> None:
    text = reasons(["height", "sex"], "sex")
    assert "explained decisions against, a share of <b>" in text
    assert "</b> has sex among its principal reasons; height follows." in text
    assert "Compared columns are principal reasons themselves: sex in a share of" in text
    assert "most often for F (1.000)" in text
    assert "A typical case, not selected (against): score" in text
    assert "A principal reason is of certain direction in a share of" in text


def test_a_compared_column_that_is_not_read_is_no_reason_itself() -> None:
    text = reasons(["height", "sex"], "race")
    assert "The model reads none of the compared columns, so that none is a reason itself" in text


def test_a_column_that_all_but_tells_the_outcome_is_named() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    rows = pd.DataFrame({"y": y, "code": y * 3 + rng.normal(0, 0.2, 400), "sex": ["F", "M"] * 200})
    subject = Subject.from_model(Model(), rows, label="y", features=["code"], sensitive=["sex"])
    said = render(run(subject, None, ["data-quality"]))
    assert "One column alone all but tells the outcome" in said
    assert "code ranks 1.000" in said
    assert "of the labels look wrong" in said


@pytest.mark.parametrize(
    ("later", "labels", "sentence"),
    [
        (0.0, True, "No column has moved in the newer rows"),
        (1.0, True, "<b>1 column has moved in the newer rows</b>: score, distance"),
        (1.0, False, "for there are no labels to check it by"),
    ],
)
def test_what_moved_and_what_it_does_is_said(later: float, labels: bool, sentence: str) -> None:  # noqa: FBT001
    rng = np.random.default_rng(0)
    made = [
        pd.DataFrame(
            {
                "y": rng.integers(0, 2, 400),
                "score": rng.normal(more, 1, 400),
                "sex": ["F", "M"] * 200,
            }
        )
        for more in (0.0, later)
    ]
    newer = made[1] if labels else made[1].drop(columns="y")
    subject = Subject.from_model(
        Model(), made[0], label="y", features=["score"], sensitive=["sex"], newer=newer
    )
    said = render(run(subject, None, ["shift"]))
    assert sentence in said
    assert "training rows could not be held" in said
