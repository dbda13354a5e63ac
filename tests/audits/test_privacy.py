"""The privacy audit on models whose secrets are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from auditkit import meter
from auditkit.audit import run as audited
from auditkit.audits.privacy import EVERYONE, Privacy
from auditkit.errors import AuditkitError, InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.intervals import clopper_pearson, paired_difference
from auditkit.methods.paired import WITHHELD
from auditkit.subject import DataSource, Groups, Subject

SPENT = {
    "epsilon": 2.97, "epsilon_rdp": 3.3, "delta": 1e-5, "accountant": "prv",
    "noise_multiplier": 0.9, "max_grad_norm": 1.0, "sample_rate": 0.01, "steps": 300,
    "sampling": "poisson", "unit": "row", "adjacency": "add or remove one row",
    "self_test": {"clip_error": 1e-7, "reference_error": 2e-6},
}  # fmt: skip


def cost(cpu_seconds: float) -> dict[str, Any]:
    with meter.phase("train") as measured:
        pass
    return {**measured.cost.to_dict(), "cpu_seconds": cpu_seconds}


@dataclass(frozen=True)
class Remembering:
    """Knows the outcome of the rows that it was trained on better than that of others."""

    seen: frozenset[int]
    sure: float = 0.95
    unsure: float = 0.6
    right: float = 0.8
    kind: str = "remembering"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        known = rows["id"].isin(self.seen).to_numpy()
        spread = rows["noise"].to_numpy() * 0.3
        towards = np.where(known, self.sure, self.unsure) + np.where(known, 0, spread)
        towards = np.where(rows["noise"].to_numpy() < self.right, towards, 1 - towards)
        return np.where(rows["y"] == 1, towards, 1 - towards)


@dataclass
class Recipe:
    """Gives a twin, and keeps what it was asked for."""

    twin: Remembering
    record: object
    error: Exception | None = None
    asked: list[Mapping[str, Any] | None] = field(default_factory=list)

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Remembering, object]:
        assert not changes
        assert len(rows)
        self.asked.append(privacy)
        if self.error is not None:
            raise self.error
        return self.twin, self.record


def people(n: int, start: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(start, start + n),
            "y": rng.integers(0, 2, n),
            "noise": rng.random(n),
            "sex": rng.integers(-1, 2, n),
        }
    )


def groups(rows: pd.DataFrame, names: tuple[str, ...] = ("F", "M", "never")) -> dict[str, Groups]:
    return {"sex": Groups("sex", names, rows["sex"].to_numpy(dtype=np.int64))}


def make(*, leaks: bool = True, n: int = 2000, **changes: Any) -> Subject:
    train, rows = people(n, 0, 0), people(n, n, 1)
    seen = frozenset(train["id"]) if leaks else frozenset[int]()
    twin = Remembering(frozenset(), right=0.7)
    facts: dict[str, Any] = {
        "name": "test", "rows": rows, "label": "y", "positive": 1, "sensitive": ("sex",),
        "groups": groups(rows), "source": DataSource("test", "0", n),
        "model": Remembering(seen), "train": train, "train_groups": groups(train),
        "record": SimpleNamespace(cost=cost(2.0)),
        "recipe": Recipe(twin, SimpleNamespace(privacy=SPENT, cost=cost(5.0))),
    }  # fmt: skip
    return Subject(**{**facts, **changes})


def run(subject: Subject, audit: Privacy | None = None, seed: int = 0) -> list[Measurement | Table]:
    return list((audit or Privacy()).run(subject, np.random.default_rng(seed)))


def numbers(found: list[Measurement | Table]) -> dict[tuple[str, ...], Measurement]:
    kept = [m for m in found if isinstance(m, Measurement)]
    by = {(m.metric, *m.slice.values()): m for m in kept}
    assert len(by) == len(kept), "a metric and slice was yielded twice"
    return by


def table(found: list[Measurement | Table], name: str) -> Table:
    (one,) = [t for t in found if isinstance(t, Table) and t.name == name]
    return one


class TestMembership:
    def test_a_model_that_remembers_is_caught(self) -> None:
        found = numbers(run(make(leaks=True)))
        auc = found["membership_auc",]
        assert auc.value is not None
        assert auc.value > 0.7
        tpr = found["membership_tpr_at_1pct_fpr",]
        assert tpr.interval is not None
        assert tpr.interval.low > 0.03
        assert found["membership_tpr_at_01pct_fpr",].value is not None

    def test_a_model_that_does_not_is_not(self) -> None:
        found = numbers(run(make(leaks=False)))
        auc, tpr = found["membership_auc",], found["membership_tpr_at_1pct_fpr",]
        assert auc.interval is not None
        assert auc.interval.low < 0.5 < auc.interval.high
        assert tpr.interval is not None
        assert tpr.interval.low <= 0.01 <= tpr.interval.high < 0.03

    def test_assessed_rows_that_were_trained_on_are_no_others_to_attack(self) -> None:
        train = people(2000, 0, 0)
        rows = pd.concat([train[:1000], people(1000, 2000, 1)], ignore_index=True)
        subject = make(rows=rows, groups=groups(rows), features=("id", "noise"))
        auc = numbers(run(subject))["membership_auc",]
        assert auc.value is None
        assert "1,000 of 2,000 assessed rows stand among the training rows" in (auc.reason or "")

    def test_the_area_is_the_chance_that_a_member_has_the_smaller_loss(self) -> None:
        subject = make()
        assert subject.train is not None
        losses = [
            -np.log(np.where(rows["y"] == 1, p, 1 - p))
            for rows in (subject.train, subject.rows)
            for p in [subject.answers(rows)]
        ]
        u = stats.mannwhitneyu(losses[1], losses[0]).statistic
        expected = u / (len(losses[0]) * len(losses[1]))
        assert numbers(run(subject))["membership_auc",].value == pytest.approx(expected, abs=1e-12)

    def test_each_group_is_attacked_alone_the_unknown_and_the_empty_shown(self) -> None:
        subject = make()
        found = numbers(run(subject))
        names = {key[1] for key in found if key[0] == "membership_auc" and len(key) > 1}
        assert names == {"F", "M", "never", "unknown"}
        assert found["membership_auc", "never"].value is None
        assert "0 training rows and 0 other rows" in str(found["membership_auc", "never"].reason)
        assert subject.train is not None
        counts = [int((frame["sex"] == 0).sum()) for frame in (subject.train, subject.rows)]
        assert found["membership_auc", "F"].n == sum(counts)

    def test_a_group_that_leaks_more_shows(self) -> None:
        subject = make()
        assert subject.train is not None
        only_women = frozenset(subject.train.loc[subject.train["sex"] == 0, "id"])
        found = numbers(run(make(model=Remembering(only_women))))
        women, men = found["membership_auc", "F"].interval, found["membership_auc", "M"].interval
        assert women is not None
        assert men is not None
        assert women.low > men.high
        assert men.low < 0.5 < men.high

    def test_as_many_members_are_attacked_as_wished_drawn_by_the_given_numbers(self) -> None:
        subject = make()
        audit = Privacy(members=500)
        first, same, other = (numbers(run(subject, audit, seed)) for seed in (0, 0, 1))
        assert first["membership_auc",].n == 500 + 2000
        assert "500 of 2,000 training rows" in first["membership_auc",].source
        assert first["membership_auc",] == same["membership_auc",]
        assert first["membership_auc",].value != other["membership_auc",].value

    def test_too_few_rows_for_a_rate_give_the_reason(self) -> None:
        found = numbers(run(make(n=300)))
        assert found["membership_tpr_at_1pct_fpr",].value is not None
        assert found["membership_tpr_at_01pct_fpr",].value is None
        assert "at least 1000" in str(found["membership_tpr_at_01pct_fpr",].reason)

    def test_the_curve_is_short_and_in_its_bounds(self) -> None:
        curve = table(run(make()), "attack-roc")
        assert curve.columns == ("false_positive_rate", "true_positive_rate", "low", "high")
        assert curve.chart == "log-log-roc"
        assert 0 < len(curve.rows) <= 60
        assert all(low <= tpr <= high for _, tpr, low, high in curve.rows)  # type: ignore[operator]

    def test_a_group_of_one_is_withheld(self) -> None:
        subject = make()
        lonely = subject.rows.copy()
        lonely["sex"] = np.where(np.arange(len(lonely)) == 0, 0, 1)
        found = run(make(rows=lonely, groups=groups(lonely)))
        by = numbers(found)
        assert by["membership_auc", "F"].reason == WITHHELD
        assert by["private_accuracy", "F"].reason == WITHHELD
        (row,) = [row for row in table(found, "private-twin").rows if row[1] == "F"]
        assert row[2:] == (1, None, None, None, None, None)

    def test_groups_named_like_our_own_words_keep_apart(self) -> None:
        names = ("unknown", "*", "M")
        subject = make()
        assert subject.train is not None
        inside, outside = groups(subject.train, names), groups(subject.rows, names)
        made = make(groups=outside, train_groups=inside)
        slices = {key[1] for key in numbers(run(made)) if len(key) > 1}
        assert slices == {"unknown", "(*)", "M", "(unknown)"}

    def test_without_groups_of_the_training_rows_only_the_whole_is_attacked(self) -> None:
        keys = numbers(run(make(train_groups=None)))
        assert [key for key in keys if key[0] == "membership_auc"] == [("membership_auc",)]


class TestTwin:
    def test_the_twin_is_asked_for_with_the_settings(self) -> None:
        subject = make()
        run(subject, Privacy(epsilon=1.0, delta=1e-6, max_grad_norm=0.5, epochs=3))
        assert isinstance(subject.recipe, Recipe)
        assert subject.recipe.asked == [
            {"epsilon": 1.0, "delta": 1e-6, "max_grad_norm": 0.5, "epochs": 3}
        ]
        run(subject)
        assert subject.recipe.asked[1] == {"epsilon": 3.0, "max_grad_norm": 1.0}

    def test_the_bound_is_exact_and_says_that_the_audited_model_has_none(self) -> None:
        found = numbers(run(make()))
        epsilon = found["private_epsilon",]
        assert (epsilon.value, epsilon.exact, epsilon.interval) == (2.97, True, None)
        assert "not the audited model" in epsilon.source
        assert found["private_clip_error",].value == 1e-7

    def test_accuracy_and_its_cost_equal_what_one_counts(self) -> None:
        subject = make()
        found = numbers(run(subject))
        assert isinstance(subject.recipe, Recipe)
        twin = (subject.recipe.twin.scores(subject.rows) >= 0.5) == (subject.y_true == 1)
        own = subject.y_pred == subject.y_true
        men = (subject.rows["sex"] == 1).to_numpy()
        for name, mask in {"": np.ones(2000, dtype=bool), "M": men}.items():
            key = (name,) if name else ()
            n, a, b = int(mask.sum()), own[mask], twin[mask]
            accuracy, price = found["private_accuracy", *key], found["private_accuracy_cost", *key]
            assert accuracy.value == pytest.approx(b.mean())
            assert price.value == pytest.approx(a.mean() - b.mean())
            assert price.value is not None
            assert price.value > 0.05
            assert accuracy.interval is not None
            assert accuracy.interval.low == pytest.approx(float(clopper_pearson(b.sum(), n)[0]))
            assert price.interval is not None
            low, high = paired_difference((a & ~b).sum(), (b & ~a).sum(), n)
            assert (price.interval.low, price.interval.high) == pytest.approx(
                (float(low), float(high))
            )
            assert accuracy.n == price.n == n

    def test_the_table_starts_with_everyone_and_has_every_group(self) -> None:
        found = run(make())
        twins = table(found, "private-twin")
        assert twins.columns == (
            "attribute", "group", "n", "accuracy", "private_accuracy", "difference", "low", "high",
        )  # fmt: skip
        assert [row[:2] for row in twins.rows] == [
            ("", EVERYONE), ("sex", "F"), ("sex", "M"), ("sex", "never"), ("sex", "unknown"),
        ]  # fmt: skip
        assert sum(int(str(row[2])) for row in twins.rows[1:]) == twins.rows[0][2] == 2000
        assert twins.rows[3][2:] == (0, None, None, None, None, None)
        price = numbers(found)["private_accuracy_cost", "F"]
        assert price.interval is not None
        assert twins.rows[1][5:] == (price.value, price.interval.low, price.interval.high)

    def test_the_price_in_time_is_the_ratio_of_cpu_seconds(self) -> None:
        ratio = numbers(run(make()))["private_training_seconds_ratio",]
        assert ratio.value == pytest.approx(2.5)
        assert not ratio.exact
        none = numbers(run(make(record=None)))["private_training_seconds_ratio",]
        assert none.value is None

    def test_training_that_is_refused_leaves_the_attack_and_a_reason(self) -> None:
        problem = AuditkitError("BatchNorm is\n  not private")
        found = numbers(run(make(recipe=Recipe(Remembering(frozenset()), None, error=problem))))
        assert found["membership_auc",].value is not None
        assert found["private_epsilon",].value is None
        assert "BatchNorm is not private" in str(found["private_epsilon",].reason)
        assert found["private_accuracy_cost",].value is None

    def test_training_that_breaks_breaks_the_audit_after_the_attack(self) -> None:
        recipe = Recipe(Remembering(frozenset()), None, error=ZeroDivisionError())
        running = Privacy().run(make(recipe=recipe), np.random.default_rng(0))
        kept: list[Measurement | Table] = []
        with pytest.raises(ZeroDivisionError):
            kept.extend(running)
        assert numbers(kept)["membership_auc",].value is not None

    def test_a_twin_without_a_stated_guarantee_is_no_private_twin(self) -> None:
        record = SimpleNamespace(privacy=None)
        found = numbers(run(make(recipe=Recipe(Remembering(frozenset()), record))))
        assert found["private_accuracy",].value is None
        assert "states no privacy" in str(found["private_epsilon",].reason)


class TestNeeds:
    def test_a_scored_table_is_passed_over_with_the_reason(self) -> None:
        rows = people(50, 0, 0).assign(score=0.5)
        subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
        (record,) = audited(subject, None, ["privacy"]).audits
        assert record.status == "skipped"
        assert "no model to ask" in str(record.reason)
        assert "trained on were not given" in str(record.reason)

    def test_a_model_without_recipe_is_still_attacked(self) -> None:
        found = numbers(run(make(recipe=None)))
        assert found["membership_auc",].value is not None
        assert "without a recipe" in str(found["private_epsilon",].reason)

    def test_scores_that_are_no_probabilities_have_no_loss_to_attack_by(self) -> None:
        found = numbers(run(make(model=Remembering(frozenset(), sure=3.0, unsure=2.0))))
        assert "no probabilities" in str(found["membership_auc",].reason)
        assert found["private_epsilon",].value == SPENT["epsilon"]

    def test_every_metric_is_declared(self) -> None:
        declared = {metric.id for metric in Privacy.metrics}
        assert {key[0] for key in numbers(run(make()))} == declared

    def test_settings_out_of_range_are_all_named(self) -> None:
        with pytest.raises(InputError) as caught:
            Privacy(epsilon=0, delta=1.0, members=0, level=1.5)
        assert len(caught.value.problems) == 4
