from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from scipy.stats import t
from small_bert import make_folder
from texts import reviews
from torch import nn

import auditkit
from auditkit import InputError, text_shapley_cost, text_shapley_values
from auditkit.explaining.text_games import text_games
from auditkit.methods.shapley_game import Asked
from auditkit.methods.shapley_text import EXACT_TOKENS, cost, token_values
from auditkit.methods.shared_prefixes import SharedPrefixes, steps
from auditkit.models.torch import TorchModel

Array = npt.NDArray[np.float64]
FEW = auditkit.Training(epochs=4, batch_size=32, learning_rate=0.02, patience=0)
KINDS = ["text-lstm", "pooled-embedding", "bag-of-words"]


def by_orders(scores: Any, tokens: list[str]) -> Array:
    """The definition: every order of the tokens, which come in one by one."""
    d = len(tokens)
    added = []
    for order in permutations(range(d)):
        there = [sorted(order[:t]) for t in range(d + 1)]
        steps = scores([" ".join(tokens[j] for j in each) for each in there])
        gains = np.empty((d, *steps.shape[1:]))
        gains[list(order)] = np.diff(steps, axis=0)
        added.append(gains)
    return np.asarray(np.mean(added, axis=0))


@pytest.fixture(scope="module")
def models() -> dict[str, TorchModel]:
    rows = reviews()[["text", "y"]]
    architectures: list[Any] = [
        auditkit.TextLSTM("text", embedding=6, hidden=5, length=20),
        auditkit.PooledEmbedding("text", embedding=6, hidden=5, length=20),
        auditkit.BagOfWords("text", hidden=(4,)),
    ]
    found = [auditkit.fit(one, rows, label="y", training=FEW)[0] for one in architectures]
    return dict(zip(KINDS, found, strict=True))


def frame(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame({"text": pd.Series(texts, dtype=object)})


SHORT = frame("good film the the", "a strangeword bad one", "", None, "good")
LONG = " ".join(["the film was good a bad seen"] * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_short_texts_equal_the_definition(
    models: dict[str, TorchModel], kind: str
) -> None:
    model = models[kind]
    found = text_shapley_values(model, SHORT)
    assert found.tokens[:2] == (("good", "film", "the", "the"), ("a", "strangeword", "bad", "one"))
    for values, errors, tokens in zip(
        found.values, found.standard_errors, found.tokens, strict=True
    ):
        expected = by_orders(lambda texts: model.scores(frame(*texts)), list(tokens))
        np.testing.assert_allclose(values, expected, atol=1e-6)
        assert not errors.any()
    assert found.estimator == ("exact",) * 5
    assert found.base_value == pytest.approx(model.scores(frame(""))[0])
    np.testing.assert_allclose(found.outputs, model.scores(SHORT), atol=1e-6)
    assert found.additivity_gap < 1e-6


def test_what_texts_share_is_read_once_and_nothing_changes(models: dict[str, TorchModel]) -> None:
    model = models["text-lstm"]
    (codes,) = text_games(model, frame(LONG), None, "probability", 0.5).codes
    shared = SharedPrefixes.of(model.network)
    assert shared is not None
    kept = np.random.default_rng(0).random((300, len(codes))) < np.linspace(0, 1, 300)[:, None]
    rows = torch.from_numpy(np.concatenate([kept * codes, kept[:50] * codes[::-1]]))
    with torch.inference_mode():
        expected = model.network(rows)
        np.testing.assert_allclose(shared(rows)[:, 0], expected, atol=2e-6)
    lengths = np.maximum((rows.numpy() > 0).sum(axis=1), 1)
    assert sum(len(step.tokens) for step in steps(rows.numpy().astype(int))) < lengths.sum() / 2


def test_another_network_with_the_same_layers_is_asked_whole(
    models: dict[str, TorchModel],
) -> None:
    model = models["text-lstm"]
    twice = nn.Sequential(*model.network.children(), nn.Identity())
    twice.forward = lambda rows: 2 * model.network(rows)  # type: ignore[method-assign]
    other = replace(model, network=twice)
    assert SharedPrefixes.of(twice) is not None
    found = text_shapley_values(other, frame("good bad film"), output="logit")
    plain = text_shapley_values(model, frame("good bad film"), output="logit")
    np.testing.assert_allclose(found.values[0], 2 * plain.values[0], atol=1e-5)


def test_texts_that_come_out_alike_are_asked_about_once() -> None:
    asked: list[str] = []

    class Listening:
        features = ("text",)

        def scores(self, rows: pd.DataFrame) -> Array:
            asked.extend(rows["text"])
            return np.asarray(rows["text"].str.len(), dtype=float)

    found = text_shapley_values(Listening(), frame("a a a a "))
    assert sorted(asked[-5:]) == ["a " * k for k in range(5)]  # of 16 subsets
    np.testing.assert_allclose(found.values[0], 2, atol=1e-9)


def test_classes_of_a_text_have_an_axis_of_their_own() -> None:
    rows = reviews().assign(y=lambda r: r.y + 2 * r.text.str.contains("film"))[["text", "y"]]
    settings = auditkit.PooledEmbedding("text", embedding=4, hidden=3, length=8)
    model, _ = auditkit.fit(settings, rows, label="y", task="multiclass", training=FEW)
    found = text_shapley_values(model, SHORT[:2])
    expected = by_orders(lambda texts: model.scores(frame(*texts)), list(found.tokens[0]))
    np.testing.assert_allclose(found.values[0], expected, atol=1e-6)
    assert found.output_names == model.classes
    assert found.additivity_gap < 1e-6


def test_subwords_of_a_language_encoder_are_players(tmp_path: Path) -> None:
    from auditkit.models.huggingface import from_config

    folder = make_folder(tmp_path / "bert")
    model = from_config(
        {"file": folder.name, "length": 10}, tmp_path, "[subject.model]",
        task="binary", positive=1, features=["text"],
    )  # fmt: skip
    rows = frame("good film was seen", "bad")
    found = text_shapley_values(model, rows)
    encoded = model.encode(rows)
    assert [len(line) for line in found.tokens] == (encoded > 0).sum(axis=1).tolist()
    np.testing.assert_allclose(found.outputs, model.scores(rows), atol=1e-6)
    alone = model.scores_of(np.zeros_like(encoded[1:]))[0]
    assert found.base_value == pytest.approx(alone, abs=1e-6)
    if len(found.tokens[1]) == 1:
        assert found.values[1][0] == pytest.approx(found.outputs[1] - alone, abs=1e-6)


def test_logits_and_decisions_of_texts_are_explained_too(models: dict[str, TorchModel]) -> None:
    model = models["text-lstm"]
    p = model.scores(SHORT)
    logits = text_shapley_values(model, SHORT, output="logit")
    np.testing.assert_allclose(logits.outputs, np.log(p / (1 - p)), atol=1e-5)
    decided = text_shapley_values(model, SHORT, output="prediction", threshold=float(p[0]))
    np.testing.assert_array_equal(decided.outputs, p >= p[0])


def test_long_texts_are_sampled_until_the_error_is_small(models: dict[str, TorchModel]) -> None:
    model = models["text-lstm"]
    loose = text_shapley_values(model, frame(LONG), standard_error=0.05, output="logit")
    tight = text_shapley_values(model, frame(LONG), standard_error=0.004, output="logit")
    assert loose.estimator == tight.estimator == ("sampled",)
    assert loose.standard_errors[0].max() > tight.standard_errors[0].max() > 0
    assert tight.evaluations > loose.evaluations
    assert tight.additivity_gap < 1e-6
    few = text_shapley_values(model, frame(LONG, "good"), standard_error=0, orders=20)
    assert few.orders == (20, 0)
    wide, none = few.half_widths()
    np.testing.assert_allclose(wide, t.ppf(0.975, 19) * few.standard_errors[0])
    assert none.tolist() == [0]
    few = text_shapley_values(model, frame(LONG), standard_error=0, orders=20)
    assert few.evaluations == 1 + 2 + 1 + cost(14, 20)


def test_the_interval_of_a_sampled_token_covers_its_exact_value() -> None:
    rng = np.random.default_rng(0)
    d = EXACT_TOKENS + 1
    pair = rng.normal(size=(d, d))

    def function(rows: Any) -> Array:
        there = rows > 0
        return np.asarray(np.einsum("ni,ij,nj->n", there, np.triu(pair), there) ** 2 / 10)

    # Pairs and squares of pairs: exact by enumeration, which a longer text does without.
    masks = ((np.arange(2**d)[:, None] >> np.arange(d)) & 1).astype(np.float32)
    values, size = function(masks), masks.sum(axis=1).astype(int)
    weights = np.array([1 / (d * _choose(d - 1, s)) for s in range(d)])
    exact = np.empty(d)
    for j in range(d):
        without = np.flatnonzero(masks[:, j] == 0)
        exact[j] = weights[size[without]] @ (values[without | (1 << j)] - values[without])
    covered: dict[int, list[Any]] = {8: [], 80: []}
    for seed, orders in product(range(150), covered):
        (found,) = token_values(
            Asked(function, 8192), [np.ones(d, np.float32)], np.zeros(()), values[-1:],
            rngs=[np.random.default_rng(seed)], standard_error=0.0, orders=[orders],
        )  # fmt: skip
        arm = t.ppf(0.975, orders - 1) * found.standard_errors
        covered[orders].append(np.abs(found.values - exact) <= arm)
    for drawn in covered.values():
        assert 0.92 < np.mean(drawn) < 0.98


def _choose(n: int, k: int) -> int:
    from math import comb

    return comb(n, k)


def test_a_text_has_the_same_values_wherever_it_stands(models: dict[str, TorchModel]) -> None:
    model, settings = models["text-lstm"], {"standard_error": 0.05}
    texts = [LONG, f"{LONG} film", "good film", LONG[:-5]]
    found = text_shapley_values(model, frame(*texts), **settings)  # type: ignore[arg-type]
    back = text_shapley_values(model, frame(*texts[::-1]), **settings)  # type: ignore[arg-type]
    for one, other in zip(found.values, back.values[::-1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    another = text_shapley_values(model, frame(*texts), seed=1, **settings)  # type: ignore[arg-type]
    assert not np.array_equal(found.values[0], another.values[0])
    np.testing.assert_allclose(found.values[2], another.values[2], atol=1e-9)


@pytest.mark.parametrize("budget", [1_000, 2_000, 20_000])
def test_the_budget_holds_and_the_cost_is_told(models: dict[str, TorchModel], budget: int) -> None:
    rows = frame(*["good film " * 3 + word for word in ("a", "the", "was")], LONG, LONG + " a", "")
    model = models["pooled-embedding"]
    told = text_shapley_cost(model, rows, budget=budget)
    found = text_shapley_values(model, rows, budget=budget, standard_error=0.0)
    assert found.evaluations == told.evaluations <= budget
    assert found.reached == told.reached
    assert told.cpu_seconds > 0
    for place, (values, estimator) in enumerate(zip(found.values, found.estimator, strict=True)):
        assert (estimator == "not reached") == (place >= found.reached)
        assert np.isnan(values).all() == (place >= found.reached and len(values) > 0) or not len(
            values
        )
    assert np.isnan(found.outputs[found.reached :]).all()
    with pytest.raises(ValueError, match="the first text costs 132 evaluations; the budget is 100"):
        text_shapley_values(model, rows, budget=100)


class Shouting:
    """A model over raw text that counts capital letters and exclamation marks."""

    features = ("text",)

    def scores(self, rows: pd.DataFrame) -> Array:
        texts = rows["text"]
        return np.asarray(texts.str.count(r"[A-Z]") + 10.0 * texts.str.count("!"))


def test_any_model_over_text_is_asked_about_texts_without_some_words() -> None:
    found = text_shapley_values(Shouting(), frame("LOUD words! Too", "???", "不好!"))
    assert found.tokens == (("LOUD", "words", "Too"), ("???",), ("不", "好"))
    assert [values.round(9).tolist() for values in found.values] == [[4, 10, 1], [0], [0, 10]]
    assert found.base_value == 0
    asked: list[str] = []

    class Watching(Shouting):
        def scores(self, rows: pd.DataFrame) -> Array:
            asked.extend(rows["text"])
            return super().scores(rows)

    text_shapley_values(Watching(), frame("Don't  stop - now"))
    assert set(asked) == {
        "", "Don't  ", "stop - ", "now", "Don't  stop - ", "Don't  now", "stop - now",
        "Don't  stop - now",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"standard_error": -1.0}, "standard_error: found '-1.0'"),
        ({"orders": 3}, "orders: found '3', expected a whole number from 8"),
        ({"budget": 0}, "budget: found '0'"),
        ({"column": "review"}, "column: found"),
        ({"rows": pd.DataFrame({"words": ["a"]})}, "found 'text', expected a column"),
        ({"rows": frame("a").assign(text=3)}, "expected text"),
        ({"output": "score"}, "what is explained is"),
        ({"jobs": 1.5}, "jobs: found '1.5'"),
    ],
)
@pytest.mark.parametrize("inner", [True, False])
def test_what_does_not_fit_is_refused_in_words(
    models: dict[str, TorchModel],
    changes: dict[str, Any],
    message: str,
    inner: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    model = models["text-lstm"] if inner else Shouting()
    with pytest.raises(ValueError, match=message):
        text_shapley_values(model, **({"rows": frame("a")} | changes))


def test_a_model_of_more_than_a_text_or_one_that_is_random_is_refused() -> None:
    class Two(Shouting):
        features = ("text", "age")  # type: ignore[assignment]

    rows = frame("a b").assign(age=3)
    with pytest.raises(InputError, match="a model that reads 'text', 'age'"):
        text_shapley_values(Two(), rows)
    noise = np.random.default_rng(0)

    class Random(Shouting):
        def scores(self, rows: pd.DataFrame) -> Array:
            return noise.random(len(rows))

    with pytest.raises(ValueError, match="not deterministic"):
        text_shapley_values(Random(), rows)


def test_no_texts_give_no_values(models: dict[str, TorchModel]) -> None:
    for model in (models["text-lstm"], Shouting()):
        found = text_shapley_values(model, frame())
        assert found.values == ()
        assert found.additivity_gap == 0


def test_fewer_exact_tokens_make_many_texts_cheaper(models: dict[str, TorchModel]) -> None:
    rows = reviews().head(8)
    exact, walked = (
        text_shapley_values(
            models["pooled-embedding"], rows, orders=300, standard_error=0, exact_tokens=most
        )
        for most in (12, 2)
    )
    assert set(exact.estimator) == {"exact"}
    assert set(walked.estimator) == {"sampled"}
    told = text_shapley_cost(models["pooled-embedding"], rows, orders=300, exact_tokens=2)
    assert walked.evaluations <= told.evaluations
    for one, other, errors in zip(exact.values, walked.values, walked.standard_errors, strict=True):
        assert (np.abs(one - other) <= 6 * errors + 1e-9).all()
    with pytest.raises(InputError, match="a whole number up to 12"):
        text_shapley_values(models["pooled-embedding"], rows, exact_tokens=13)


def test_scores_and_decisions_of_texts_are_explained_at_once(models: dict[str, TorchModel]) -> None:
    rows, model = reviews().head(4), models["pooled-embedding"]
    both, score, decision = (
        text_shapley_values(model, rows, output=output, exact_tokens=12)
        for output in ("both", "probability", "prediction")
    )
    for row in range(4):
        np.testing.assert_allclose(both.values[row][:, 0], score.values[row], atol=1e-9)
        np.testing.assert_allclose(both.values[row][:, 1], decision.values[row], atol=1e-9)
    assert both.output_names == ("score", "decision")
    assert both.shown().reached == both.reached == 4
