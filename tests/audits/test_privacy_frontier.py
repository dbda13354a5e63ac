"""The frontier of privacy on twins whose decisions are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.privacy_frontier import EVERYONE, PrivacyFrontier
from auditkit.errors import InputError, Problem
from auditkit.evidence import Measurement, Table
from auditkit.methods.intervals import paired_difference
from auditkit.methods.paired import WITHHELD
from auditkit.subject import Subject


@dataclass(frozen=True)
class Knowing:
    """Is right about all rows but some."""

    wrong: frozenset[int]
    kind: str = "knowing"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        right = ~rows["id"].isin(self.wrong).to_numpy()
        return np.where(right == (rows["y"] == 1), 0.9, 0.1)


@dataclass
class Recipe:
    """Gives a twin by its epsilon: the smaller, the more it gets wrong."""

    twins: Mapping[float, Any]
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Any, Any]:
        assert privacy is not None
        assert not changes
        assert len(rows)
        self.asked.append(privacy)
        twin = self.twins[privacy["epsilon"]]
        if isinstance(twin, Exception):
            raise twin
        return twin, SimpleNamespace(privacy={"noise_multiplier": 1 / privacy["epsilon"]})


ROWS = pd.DataFrame(
    {
        "id": np.arange(400),
        "y": np.tile([0, 1], 200),
        "sex": ["F"] * 199 + ["M"] * 200 + ["X"],
    }
)
TWINS = {0.5: Knowing(frozenset(range(40))), 2.0: Knowing(frozenset({3}))}


def make(
    twins: Mapping[float, Any] = TWINS,
    wrong: frozenset[int] = frozenset({1}),
    later: float = 0.5,  # a training row between any two that are assessed
) -> Subject:
    return Subject.from_model(
        Knowing(wrong), ROWS, label="y", features=["id", "y"], sensitive=["sex"],
        train=ROWS.assign(id=ROWS["id"] + later), recipe=Recipe(twins),
    )  # fmt: skip


def run(
    subject: Subject, audit: PrivacyFrontier
) -> tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]:
    found = list(audit.run(subject, np.random.default_rng(0)))
    kept = [m for m in found if isinstance(m, Measurement)]
    by = {(m.metric, *m.slice.values()): m for m in kept}
    assert len(by) == len(kept)
    return by, {t.name: t for t in found if isinstance(t, Table)}


AUDIT = PrivacyFrontier(epsilons=(2.0, 0.5))


def test_accuracy_and_its_cost_are_those_of_the_same_rows() -> None:
    found, _ = run(make(), AUDIT)
    assert found["frontier_accuracy", "0.5"].value == pytest.approx(360 / 400)
    cost = found["frontier_accuracy_cost", "0.5"]
    assert cost.value == pytest.approx(39 / 400)  # 40 that it alone, less 1 that both get wrong
    assert cost.interval is not None
    low, high = paired_difference(39, 0, 400, 0.95)
    assert (cost.interval.low, cost.interval.high) == pytest.approx((low, high))
    cost = found["frontier_accuracy_cost", "2"]
    assert cost.value == 0  # each gets one row wrong that the other gets right
    assert cost.interval is not None
    assert cost.interval.low < 0 < cost.interval.high


def test_each_group_pays_its_own_price_and_one_person_is_withheld() -> None:
    found, tables = run(make(), AUDIT)
    assert found["frontier_accuracy_cost", "0.5", "F"].value == pytest.approx(39 / 199)
    assert found["frontier_accuracy_cost", "0.5", "M"].value == 0
    assert found["frontier_accuracy_cost", "0.5", "X"].reason == WITHHELD
    lines = {line[1]: line for line in tables["frontier-groups"].rows}
    assert set(lines) == {EVERYONE, "F", "M", "X"}
    assert lines["F"][5] == pytest.approx(39 / 199)
    assert lines["X"][5] is None


def test_the_frontier_starts_with_the_audited_model_and_is_sorted() -> None:
    _, tables = run(make(), AUDIT)
    lines = tables["frontier"].rows
    assert [line[0] for line in lines] == [None, 0.5, 2.0]
    assert lines[0][2] == pytest.approx(399 / 400)
    assert lines[1][1] == 2.0


def test_a_twin_that_remembers_its_training_rows_is_seen() -> None:
    remembering = Knowing(frozenset(range(300)))  # wrong about assessed rows only
    found, _ = run(make({0.5: remembering, 2.0: TWINS[2.0]}), AUDIT)
    # 300 of 400 assessed rows have a larger loss than every training row, the others tie.
    assert found["frontier_membership_auc", "0.5"].value == pytest.approx(0.75 + 0.25 / 2)


def test_where_training_and_assessed_rows_differ_anyway_the_attack_is_not_measured() -> None:
    found, tables = run(make(later=1_000.0), AUDIT)
    area = found["frontier_membership_auc", "0.5"]
    assert area.value is None
    assert "different populations" in str(area.reason)
    assert found["frontier_accuracy", "0.5"].value is not None
    assert {line[8:] for line in tables["frontier"].rows} == {(None, None, None)}


def test_an_epsilon_that_cannot_be_reached_is_said_and_the_others_are_measured() -> None:
    refused = InputError([Problem("Privacy.epsilon", "0.5", "an epsilon that noise can reach")])
    found, tables = run(make({**TWINS, 0.5: refused}), AUDIT)
    assert "an epsilon that noise can reach" in str(found["frontier_accuracy", "0.5"].reason)
    assert found["frontier_accuracy", "2"].value is not None
    assert tables["frontier"].rows[1][1:] == (None,) * 10


def test_settings_are_those_of_the_private_twin_so_that_it_is_trained_once() -> None:
    subject = make()
    run(subject, PrivacyFrontier(epsilons=(2.0,), delta=1e-6, epochs=3))
    assert isinstance(subject.recipe, Recipe)
    assert subject.recipe.asked == [
        {"epsilon": 2.0, "delta": 1e-6, "max_grad_norm": 1.0, "epochs": 3}
    ]


def test_every_bad_setting_is_told_at_once() -> None:
    with pytest.raises(InputError) as raised:
        PrivacyFrontier(epsilons=(0.0, float("inf")), level=1.0, members=0, delta=1.0, epochs=0)
    assert len(raised.value.problems) == 6
    with pytest.raises(InputError, match="one number above 0 or more"):
        PrivacyFrontier(epsilons=())
