"""The privacy audit of classes, and of rows that cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from audits.test_privacy import SPENT, Recipe, Remembering, cost, make, numbers, people, run
from scipy import stats

from auditkit.audit import run as audited
from auditkit.evidence import Table
from auditkit.render.html import render
from auditkit.subject import Subject


@dataclass(frozen=True)
class OfClasses(Remembering):
    """The same of three classes: what it does not give to one, it gives to the two others."""

    classes: tuple[str, ...] = ("a", "b", "c")

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        truth = np.array([self.classes.index(name) for name in rows["y"]])
        sure = super().scores(rows.assign(y=1))
        table = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
        table[np.arange(len(rows)), truth] = sure
        return table


def of_classes(model: OfClasses, twin: OfClasses) -> Subject:
    frames = [people(2000, start, seed) for start, seed in ((0, 0), (2000, 1))]
    rng = np.random.default_rng(2)
    train, rows = (frame.assign(y=rng.choice(["a", "b", "c"], 2000)) for frame in frames)
    return make(
        rows=rows, train=train, task="multiclass", classes=("a", "b", "c"), model=model,
        recipe=Recipe(twin, SimpleNamespace(privacy=SPENT, cost=cost(5.0))),
    )  # fmt: skip


class TestClasses:
    def test_a_model_that_remembers_is_caught_by_the_loss_of_the_true_class(self) -> None:
        subject = of_classes(OfClasses(frozenset(range(2000))), OfClasses(frozenset()))
        found = numbers(run(subject))
        assert subject.train is not None
        losses = [
            -np.log(subject.answers(frame)[np.arange(2000), subject.outcomes(frame)])
            for frame in (subject.train, subject.rows)
        ]
        u = stats.mannwhitneyu(losses[1], losses[0]).statistic
        assert found["membership_auc",].value == pytest.approx(u / 2000**2, abs=1e-12)
        assert found["membership_auc", "F"].value is not None

    def test_the_twin_is_right_where_its_likeliest_class_is_true(self) -> None:
        twin = OfClasses(frozenset(), right=0.7)
        subject = of_classes(OfClasses(frozenset()), twin)
        found = numbers(run(subject))
        for name, mask in (("F", 0), ("M", 1)):
            rows = subject.rows[subject.rows["sex"] == mask]
            names = np.array(twin.classes)[twin.scores(rows).argmax(axis=1)]
            assert found["private_accuracy", name].value == (names == rows["y"]).mean()
            assert (found["private_accuracy_cost", name].value or 0) > 0


class TestShift:
    def test_rows_of_different_populations_are_not_attacked(self) -> None:
        subject = make(features=("id",))  # the members have the lower numbers
        found = run(subject)
        by = numbers(found)
        shift = by["member_shift_auc",]
        assert shift.interval is not None
        assert shift.interval.low > 0.9
        for name in ("", "_tpr_at_1pct_fpr"):
            one = by[f"membership{name or '_auc'}",]
            assert one.value is None
            assert "different populations" in str(one.reason)
        assert by["private_accuracy",].value is not None
        assert [t.name for t in found if isinstance(t, Table)] == ["private-twin"]

    def test_rows_of_one_population_are_attacked_and_it_says_so(self) -> None:
        by = numbers(run(make(features=("noise",))))
        shift = by["member_shift_auc",]
        assert shift.interval is not None
        assert shift.interval.low < 0.5
        assert shift.n == 2000  # half of either kind
        assert "does not surely tell apart" in by["membership_auc",].source

    def test_the_outcome_is_looked_at_too(self) -> None:
        subject = make(features=("noise",))
        assert subject.train is not None
        by = numbers(run(make(features=("noise",), train=subject.train.assign(y=1))))
        assert by["membership_auc",].value is None

    def test_too_few_rows_are_attacked_and_it_says_that_nobody_looked(self) -> None:
        by = numbers(run(make(n=10)))
        assert "too few to compare" in str(by["member_shift_auc",].reason)
        assert by["membership_auc",].value is not None
        assert "too few to test it" in by["membership_auc",].source

    def test_the_page_opens_with_it(self) -> None:
        page = render(audited(make(features=("id",), record=None), None, ["privacy"]))
        assert "No attack can be trusted here" in page
