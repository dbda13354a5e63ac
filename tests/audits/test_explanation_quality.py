"""The audit of explanations: every kind of model, right explanations and wrong ones, lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_network import COLUMNS, SmallModel, linear, people, small_lstm, small_mlp
from texts import reviews

import auditkit
from auditkit.audits.explanation_quality import NO_SEED, ExplanationQuality
from auditkit.errors import InputError, ModelError
from auditkit.evidence import Measurement, Table
from auditkit.explaining.samples import draw
from auditkit.explaining.table_trials import NO_NUMBERS, TableTrial
from auditkit.explaining.text_trials import NO_NOISE
from auditkit.explaining.trials import NO_NETWORK
from auditkit.methods.explanation_faithfulness import choose_sets, faithfulness
from auditkit.methods.explanation_metrics import METRICS
from auditkit.methods.explanation_reasons import NO_CHOICE, NO_PARTS
from auditkit.methods.explanation_robustness import robustness
from auditkit.models import Model
from auditkit.subject import Subject, Task

SMALL = ExplanationQuality(rows=40, background=40, networks=4, shaken_rows=20)


def subject(model: Any = None, n: int = 200, *, train: bool = True) -> Subject:
    return Subject.from_model(
        model or small_mlp(), people(n), label="y", features=list(COLUMNS),
        train=people(150, 7) if train else None,
    )  # fmt: skip


def evidence(
    of: Subject | None = None, audit: ExplanationQuality = SMALL, seed: int = 0
) -> dict[str, Measurement]:
    found = list(audit.run(of or subject(), np.random.default_rng(seed)))
    return {m.metric: m for m in found if isinstance(m, Measurement)}


def value(found: dict[str, Measurement], metric: str) -> float:
    number = found[metric].value
    assert number is not None, found[metric].reason
    return number


class Additive:
    """Reads numbers and a category, and adds; of three classes where asked."""

    kind, parameters, sha256 = "additive", None, None

    def __init__(self, task: Task = "binary") -> None:
        self.task = task
        self.asked = 0

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        self.asked += len(rows)
        total = rows["income"] + 0.3 * rows["age"] + (rows["sex"] == "F")
        number = total.to_numpy(dtype=float)
        if self.task == "regression":
            return 1_000 * number
        if self.task == "binary":
            return np.asarray(1 / (1 + np.exp(-number)))
        odds = np.exp(np.stack([number, -number, 0 * number], axis=1))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def table_subject(task: Task, model: Model | None = None) -> Subject:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"income": rng.normal(size=150), "age": rng.normal(size=150)})
    rows["sex"] = rng.choice(["F", "M"], 150)
    rows["y"] = {
        "binary": rng.integers(0, 2, 150), "multiclass": rng.choice(["a", "b", "c"], 150),
        "regression": rng.normal(size=150),
    }[task]  # fmt: skip
    return Subject.from_model(
        model or Additive(task), rows, label="y", features=["income", "age", "sex"], task=task
    )


@pytest.fixture(scope="module")
def found() -> dict[str, Measurement]:
    return evidence()


def test_every_metric_is_there_once_with_an_interval_or_the_reason(
    found: dict[str, Measurement],
) -> None:
    assert list(found) == [metric.id for metric in METRICS]
    assert all(m.value is not None for m in found.values())
    assert all(m.interval is not None or m.reason for m in found.values())
    assert "40 of 200 assessed rows, against 40 training rows" in found["efficiency_gap"].source


def test_a_right_explanation_adds_up_and_the_model_leans_on_it(
    found: dict[str, Measurement],
) -> None:
    assert value(found, "efficiency_gap") < 1e-6
    for lead in ("prediction_gap_important_lead", "prediction_gap_unimportant_lead"):
        interval = found[lead].interval
        assert interval is not None
        assert interval.low > 0
    assert value(found, "relative_infidelity") < 1


def test_the_table_says_it_in_words_and_names_whose_limit() -> None:
    *_, table = SMALL.run(subject(), np.random.default_rng(0))
    assert isinstance(table, Table)
    assert table.chart == "trust"
    said = {str(row[0]): row for row in table.rows}
    assert said["Do the reasons add up to the score?"][4:6] == (
        "within", "at most 0.01: shap's own check of its DeepExplainer",
    )  # fmt: skip
    assert said["More than without random features?"][4] == "within: better than random"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_models_that_are_only_asked_are_served_but_for_randomisation(task: Task) -> None:
    found = evidence(table_subject(task))
    assert value(found, "efficiency_gap") < 1e-6 * (1_000 if task == "regression" else 1)
    assert value(found, "prediction_gap_important_lead") > 0
    assert 0 < value(found, "max_sensitivity") < 0.5
    for metric in ("randomised_rank_correlation", "max_sensitivity_percentile"):
        assert found[metric].reason == NO_NETWORK


def test_few_features_are_exact_so_that_no_seed_enters() -> None:
    found = evidence(table_subject("regression"))
    for metric in ("reason_stability_seeds", "sign_stability_seeds"):
        assert (found[metric].value, found[metric].reason) == (1.0, NO_SEED)
        assert found[metric].exact
    assert found["reason_stability_backgrounds"].reason == NO_CHOICE


def test_a_budget_bounds_what_a_model_is_asked() -> None:
    model = Additive()
    of = table_subject("binary", model)
    assert of.y_score is not None
    model.asked = 0
    evidence(of, replace(SMALL, budget=20_000))
    assert model.asked < 25_000


def test_a_sequence_is_explained_column_by_column() -> None:
    model, rows = small_lstm()
    of = Subject.from_model(model, rows, label="y", features=list(model.columns), train=rows[:50])
    found = evidence(of)
    assert value(found, "prediction_gap_important_lead") > 0
    assert 1 <= value(found, "features_for_80_percent") <= 6
    assert found["reason_stability_seeds"].value is not None


@pytest.fixture(scope="module")
def texts() -> Subject:
    rows = reviews(300)
    small = auditkit.PooledEmbedding("text", embedding=8, hidden=8, length=12)
    training = auditkit.Training(epochs=20, batch_size=32, learning_rate=0.05)
    model, _ = auditkit.fit(small, rows, label="y", training=training, seed=0)
    return Subject.from_model(model, reviews(200, 1), label="y", features=["text"])


def test_words_are_taken_out_of_texts(texts: Subject) -> None:
    found = evidence(texts)
    assert value(found, "efficiency_gap") < 1e-6
    assert value(found, "prediction_gap_important_lead") > 0
    assert found["reason_stability_backgrounds"].reason == NO_PARTS
    assert found["max_sensitivity"].reason == NO_NOISE
    assert value(found, "randomised_rank_correlation") < 0.9
    assert found["reason_stability_seeds"].reason == NO_SEED


class Praise:
    """Counts good words, and is only asked."""

    kind, parameters, sha256 = "praise", None, None
    features = ("text",)

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        counts = rows["text"].str.count("good|good") - rows["text"].str.count("bad")
        return np.asarray(1 / (1 + np.exp(-counts.to_numpy(dtype=float))))


def test_long_texts_of_any_model_are_sampled_and_sampled_again() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "a", "film", "was", "seen", "there"])
    rows = pd.DataFrame({"text": [" ".join(rng.choice(words, 16)) for _ in range(60)]})
    of = Subject.from_model(
        Praise(), rows.assign(y=rng.integers(0, 2, 60)), label="y", features=["text"]
    )
    found = evidence(of)
    assert found["efficiency_gap"].n == 40
    assert 0.3 < value(found, "reason_stability_seeds") <= 1
    assert value(found, "prediction_gap_important_lead") > 0
    assert found["randomised_rank_correlation"].reason == NO_NETWORK


def deciding(places: list[int], seed: int) -> SmallModel:
    """A network over eight numbers that reads some of them."""
    first = linear(8, 6, seed)
    with torch.no_grad():
        first.weight[:, [place for place in range(8) if place not in places]] = 0.0
    network = torch.nn.Sequential(first, torch.nn.ReLU(), linear(6, 1, seed + 1))
    return SmallModel(network.eval(), {f"x{j}": None for j in range(8)})


def trial_of(of: Subject, seed: int) -> TableTrial:
    rng = np.random.default_rng(seed)
    found = SMALL._trial(of, draw(of, rng, 40, 80), rng)
    assert isinstance(found, TableTrial)
    return found


def trial(model: SmallModel, seed: int) -> TableTrial:
    names = list(model.columns)
    rows = pd.DataFrame(np.random.default_rng(seed).normal(size=(120, 8)), columns=names)
    rows["y"] = np.arange(120) % 2
    return trial_of(Subject.from_model(model, rows, label="y", features=names), seed)


def leads(own: TableTrial, values: np.ndarray, seed: int) -> Iterator[float]:
    """Lower and upper bound of the lead of attributions on the model of a trial."""
    reasons = replace(own.reasons, values=values)
    sets = choose_sets(reasons, own.tested, 3, 10, np.random.default_rng(seed))
    found = faithfulness(reasons, sets, own.changes(sets.rows, sets.masks))
    interval = found.important_lead.interval
    assert interval is not None
    yield from (interval.low, interval.high)


SEEDS = range(6)


def test_faithfulness_passes_the_right_explanation_and_catches_that_of_a_wrong_model() -> None:
    for seed in SEEDS:
        own = trial(deciding([0, 1, 2], seed), seed)
        wrong = trial(deciding([5, 6, 7], seed + 100), seed)
        low, _ = leads(own, own.reasons.values, seed)
        assert low > 0
        _, high = leads(own, wrong.reasons.values, seed)
        assert high < 0


def test_faithfulness_does_not_tell_random_attributions_from_random_ones() -> None:
    above = 0
    for seed in range(30):
        own = trial(deciding(list(range(8)), seed), seed)
        noise = np.random.default_rng(seed + 1000).normal(size=own.reasons.there.shape)
        low, _ = leads(own, noise, seed)
        above += low > 0
    assert above <= 4  # 2.5 % of 30 are expected; 5 or more have a chance of 1 in 1,000


def test_randomisation_passes_the_right_explanation_and_catches_one_that_ignores_the_model() -> (
    None
):
    for seed in SEEDS:
        own = trial(deciding(list(range(8)), seed), seed)
        drawn = [own.randomised(number) for number in range(8)]
        right = robustness(own.shaken(), drawn, own.reasons.there).alike.interval
        assert right is not None
        assert right.high < 0.5
        assert not isinstance(drawn[0], str)
        # The explanation of another network, whatever becomes of the model that is explained.
        stale = robustness(drawn[0], drawn[:1] * 8, own.reasons.there).alike.interval
        assert stale is not None
        assert stale.low > 0.5


def test_randomised_networks_are_others_and_the_audited_one_stays_as_it_was() -> None:
    model = small_mlp()
    before = [parameter.clone() for parameter in model.network.parameters()]
    evidence(subject(model))
    after = list(model.network.parameters())
    assert all(bool((a == b).all()) for a, b in zip(before, after, strict=True))
    own = trial(deciding([0, 1], 0), 0)
    one, other = own.randomised(0), own.randomised(1)
    assert not isinstance(one, str)
    assert not isinstance(other, str)
    assert not np.allclose(one.values, other.values)


def test_noise_moves_numbers_alone_and_not_far() -> None:
    made = trial_of(subject(), 0)
    assert not isinstance(made.noisy, str)
    numbers = [name for name, kinds in COLUMNS.items() if kinds is None]
    for frame in made.noisy:
        rows = made.sample.rows.iloc[: len(frame)]
        for name in COLUMNS:
            if name in numbers:
                apart = np.abs(frame[name] - rows[name]) / made.sample.background[name].std(ddof=0)
                assert 0 < float(apart.max()) <= 0.02 + 1e-9
            else:
                assert frame[name].equals(rows[name])


def test_without_numbers_there_is_no_noise() -> None:
    rows = pd.DataFrame({"a": ["x", "y"] * 40, "b": ["u", "v", "v", "u"] * 20})
    rows["y"] = (rows["a"] == "x").astype(int)

    @dataclass(frozen=True)
    class Categories:
        kind: str = "categories"
        parameters: None = None
        sha256: None = None

        def scores(self, rows: pd.DataFrame) -> np.ndarray:
            return np.where(rows["a"] == "x", 0.8, 0.3) + 0.1 * (rows["b"] == "u")

    found = evidence(Subject.from_model(Categories(), rows, label="y", features=["a", "b"]))
    assert found["max_sensitivity"].reason == NO_NUMBERS
    assert value(found, "prediction_gap_important_lead") > 0


def test_a_model_that_takes_whole_numbers_only_is_not_shaken() -> None:
    class Whole(Additive):
        def scores(self, rows: pd.DataFrame) -> np.ndarray:
            if (rows["age"] % 1 != 0).any():
                raise ModelError("age is to be a whole number")
            return super().scores(rows)

    of = table_subject("binary", Whole())
    whole = Subject.from_model(
        Whole(), of.rows.assign(age=np.arange(150) % 7), label="y",
        features=["income", "age", "sex"],
    )  # fmt: skip
    found = evidence(whole)
    assert "takes no such noise: age is to be a whole number" in str(
        found["max_sensitivity"].reason
    )
    assert value(found, "prediction_gap_important_lead") > 0


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_rows_gives_reasons_or_wide_intervals(n: int) -> None:
    found = evidence(subject(n=n, train=False))
    assert all(m.value is not None or m.reason for m in found.values())
    assert all(m.interval is not None or m.reason for m in found.values())


def test_a_network_in_training_mode_gives_the_reason_for_every_number() -> None:
    model = small_mlp()
    model.network.train()
    found = evidence(subject(model))
    assert list(found) == [metric.id for metric in METRICS]
    assert all("training mode" in str(m.reason) for m in found.values())


def test_the_same_seed_gives_the_same_and_torchs_own_numbers_stay_untouched() -> None:
    state = torch.random.get_rng_state()
    assert evidence(seed=3) == evidence(seed=3)
    assert bool((torch.random.get_rng_state() == state).all())
    assert evidence(seed=4) != evidence(seed=3)


def test_settings_out_of_range_are_listed_together() -> None:
    with pytest.raises(InputError) as caught:
        ExplanationQuality(rows=0, noise=2.0, networks=0, level=1.0)
    assert len(caught.value.problems) == 4
