"""The sentences that open the sections of subgroups, proxies and individual fairness."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.render.html import render
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
    assert text.count("Selection rate</span>") == 3


def test_chance_is_called_chance() -> None:
    assert "none is told apart from everyone else on the other half" in page("subgroups")


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
