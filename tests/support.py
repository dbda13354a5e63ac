"""Small subjects and audits that several tests use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.cli import cli, status_of
from auditkit.evidence import Interval, Measurement, Metric, Table
from auditkit.subject import Subject


def auditkit(*arguments: object) -> int:
    """The exit status of a command of the command line."""
    return status_of(lambda: cli([str(a) for a in arguments], standalone_mode=False))


def scored(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table of n people with an outcome, a score that knows it a little, and two columns."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    score = np.clip(0.5 * rng.random(n) + 0.4 * y * rng.random(n), 0, 1)
    return pd.DataFrame(
        {
            "y": y,
            "score": score,
            "sex": rng.choice(["F", "M"], n),
            "race": rng.choice(["a", "b", "c"], n),
        }
    )


def subject(n: int = 400, seed: int = 0) -> Subject:
    return Subject.from_scores(
        scored(n, seed), label="y", score="score", sensitive=["sex", "race"], threshold=0.4
    )


SHARE = Metric("share", "Share", "Share of positive rows.", "rate", low=0, high=1)


@dataclass(frozen=True)
class Counting:
    """Counts positive rows."""

    name: ClassVar[str] = "counting"
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    metrics: ClassVar[tuple[Metric, ...]] = (SHARE,)
    breaks: bool = False
    twice: bool = False

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield one share, then break where asked."""
        value = float(subject.y_true.mean())
        interval = Interval(0, 1, 0.95, f"none, draw {rng.integers(1000)}")
        for _ in range(1 + self.twice):
            yield SHARE.measure(value, n=len(subject), interval=interval, source="test")
        yield Table("rows", "Rows", ("n",), ((len(subject),),), "test")
        if self.breaks:
            raise RuntimeError("broke <b>here</b>")
