"""What the section of the lower bound on epsilon opens with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from support import subject

from auditkit.audit import run
from auditkit.audits.epsilon_bound import AUDITED, TWIN, EpsilonLowerBound
from auditkit.evidence import Measurement, Metric, Table
from auditkit.render.html import render
from auditkit.subject import Subject

COLUMNS = (
    "model", "canaries", "guesses", "correct", "bound", "bound_cap", "claim", "outcome",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Yields one row of the table of bounds."""

    name: ClassVar[str] = "epsilon-bound"
    needs: ClassVar[frozenset[str]] = frozenset()
    metrics: ClassVar[tuple[Metric, ...]] = EpsilonLowerBound.metrics

    row: tuple[str | float | None, ...]

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield it."""
        del subject, rng
        yield self.metrics[0].measure(0.0, n=1000, reason="a bound", source="test")
        yield Table("bounds", "Bounds", COLUMNS, (self.row,), "test")


@pytest.mark.parametrize(
    ("model", "bound", "claim", "sentence"),
    [
        (TWIN, 3.4, 3.0, "claims an epsilon of 3.00, and the claim is refuted: an attack on 1,000"),
        (TWIN, 1.2, 3.0, "proves is <b>1.20</b>, and could have been up to 4.39: the claim is not"),
        (TWIN, 1.2, 8.0, "a perfect one would have proved only 4.39: so few rows cannot refute"),
        (AUDITED, 1.2, None, "gives away an epsilon of at least <b>1.20</b>, where it could have"),
        (AUDITED, 0.0, None, "proves no epsilon above <b>0</b>, where it could have proved up to"),
    ],
)
def test_the_sentence_says_what_is_proved(
    model: str, bound: float, claim: float | None, sentence: str
) -> None:
    row = (model, 1000, 250, 200, bound, 4.39, claim, "outcome")
    text = render(run(subject(), None, [Found(row)]))
    assert sentence in text
    assert f"The {model} claims" in text.replace("<bdi>", "").replace("</bdi>", "")
    assert "Privacy put to the test" in text


def test_a_training_without_a_bound_is_passed_over() -> None:
    row = (TWIN, None, None, None, None, None, None, "training was not possible")
    text = render(run(subject(), None, [Found(row)]))
    assert "planted rows proves" not in text
    assert "training was not possible" in text
