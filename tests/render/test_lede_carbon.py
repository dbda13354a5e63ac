"""What the section about energy says of carbon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from auditkit.audit import run
from auditkit.render.html import render
from auditkit.subject import Subject


class Model:
    """Gives a column back, and works a little for it."""

    kind, parameters, sha256 = "column", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        sorted(range(20_000), key=lambda i: -i)  # CPU time that the clock can see
        return rows["score"].to_numpy()


def section(**settings: Any) -> str:
    rows = pd.DataFrame({"score": [0.2, 0.8, 0.6, 0.4], "y": [0, 1, 1, 0]})
    subject = Subject.from_model(Model(), rows, label="y", features=["score"])
    quick = {"repeats": 6, "seconds": 0.05, **settings}
    text = render(run(subject, None, ["energy"], settings={"energy": quick}))
    return text[text.index('<section class="s" id="energy"') :]


def test_the_grid_is_named_behind_what_was_emitted() -> None:
    text = section(region="FRA")
    assert "Carbon of 1,000 predictions is " in text
    assert "by the yearly average of the grid of France (FRA), 2024." in text
    assert "not a conforming SCI" in text
    assert "No region was named" not in text


def test_an_old_figure_is_called_old_in_the_first_sentences() -> None:
    text = section(intensity=56.0, intensity_year=2001, intensity_source="an old <i>list</i>")
    assert "years old</b>: a newer one may differ much." in text
    assert "an old &lt;i&gt;list&lt;/i&gt;" in text


def test_without_a_region_no_carbon_is_told_and_the_examples_are_marked() -> None:
    text = section()
    assert "No region was named, so no carbon is told" in text
    assert "Carbon of" not in text[: text.index("</p>")]
    assert "Not what this model emitted" in text
    assert "India (IND)" in text


def test_each_field_on_computing_says_whom_its_clause_binds() -> None:
    text = section()
    assert "Binds providers of" in text
    assert "high-risk systems; general-purpose models" in text
    assert "set development_kwh under [audits.energy]" in text
