from __future__ import annotations

import copy
import warnings
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from small_network import small_mlp

from auditkit.methods.shapley import Attribution, shapley
from auditkit.methods.shapley_exact import MOST_PLAYERS, subset_weights
from auditkit.methods.shapley_game import Batched
from auditkit.methods.shapley_plan import plan

Array = npt.NDArray[np.float64]

#: Eight positions that belong to five players.
PLAYERS = [np.array([0]), np.array([3, 1]), np.array([2]), np.array([4, 5, 7]), np.array([6])]
seeds = st.integers(0, 10_000)


def model(seed: int, width: int = 8) -> Batched:
    """A smooth random function whose players interact."""
    rng = np.random.default_rng(seed)
    first, last = rng.normal(size=(width, 5)), rng.normal(size=5)

    def function(rows: npt.NDArray[np.float32]) -> Array:
        out: Array = np.tanh(rows.astype(np.float64) @ first) @ last + rows[:, 0] * rows[:, 2]
        return out

    return function


def data(seed: int, m: int = 4, b: int = 6, width: int = 8) -> tuple[Any, Any]:
    """Rows and background in which some values are equal."""
    rng = np.random.default_rng(seed + 1)
    values = rng.integers(-2, 3, size=(m + b, width)) / 2
    return values[:m].astype(np.float32), values[m:].astype(np.float32)


def run(seed: int, estimator: Any = "exact", **changes: Any) -> Attribution:
    rows, background = data(seed)
    arguments = {"rng": np.random.default_rng(seed), "estimator": estimator} | changes
    return shapley(model(seed), rows, background, PLAYERS, **arguments)


def brute_force(function: Batched, rows: Any, background: Any, players: Any) -> Array:
    """The definition: every subset, every background row, in its own loop."""
    g = len(players)

    def worth(row: Any, subset: tuple[int, ...]) -> float:
        mixed = background.copy()
        for player in subset:
            mixed[:, players[player]] = row[players[player]]
        return float(np.mean(function(mixed)))

    values = np.zeros((len(rows), g))
    for i, row in enumerate(rows):
        for j in range(g):
            others = [k for k in range(g) if k != j]
            for size in range(g):
                weight = factorial(size) * factorial(g - size - 1) / factorial(g)
                for subset in combinations(others, size):
                    values[i, j] += weight * (worth(row, (*subset, j)) - worth(row, subset))
    return values


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_exact_values_equal_the_definition(seed: int) -> None:
    rows, background = data(seed)
    expected = brute_force(model(seed), rows, background, PLAYERS)
    np.testing.assert_allclose(run(seed).values, expected, atol=1e-6)


def test_exact_values_equal_shaps_exact_explainer() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap warns of what its own dependencies deprecate
        import shap

        rng = np.random.default_rng(0)
        mlp = small_mlp()
        rows = rng.normal(size=(5, 8)).astype(np.float32)
        background = rng.normal(size=(20, 8)).astype(np.float32)
        masker = shap.maskers.Independent(background, max_samples=20)
        explain = shap.explainers.Exact(mlp.scores_of, masker)
        theirs = explain(rows)
    single = [np.array([j]) for j in range(8)]
    ours = shapley(mlp.scores_of, rows, background, single, rng=rng, estimator="exact")
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-6)
    np.testing.assert_allclose(ours.base_value, theirs.base_values[0], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["exact", "sampled"]))
def test_values_and_base_value_add_up_to_the_output(seed: int, estimator: str) -> None:
    rows, background = data(seed)
    found = run(seed, estimator)
    np.testing.assert_allclose(found.outputs, model(seed)(rows), atol=1e-12)
    assert found.base_value == pytest.approx(model(seed)(background).mean())
    assert found.additivity_gap < 1e-9


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(["exact", "sampled"]))
def test_a_player_that_is_not_read_gets_nothing(seed: int, estimator: Any) -> None:
    rows, background = data(seed)
    inner = model(seed)

    def blind(z: Any) -> Any:
        z = z.copy()
        z[:, PLAYERS[3]] = 0
        return inner(z)

    rng = np.random.default_rng(0)
    found = shapley(blind, rows, background, PLAYERS, rng=rng, estimator=estimator)
    assert np.abs(found.values[:, 3]).max() < 1e-12
    assert np.any(found.values[:, 1] != 0)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_players_that_play_alike_get_the_same(seed: int) -> None:
    rows, background = data(seed)
    for array in (rows, background):
        array[:, 2] = array[:, 0]

    def even(z: Any) -> Any:
        return np.tanh(z[:, 0] + z[:, 2]) * z[:, 4] + z[:, 0] * z[:, 2]

    found = shapley(
        even, rows, background, PLAYERS, rng=np.random.default_rng(0), estimator="exact"
    )
    np.testing.assert_allclose(found.values[:, 0], found.values[:, 2], atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_values_are_linear_in_the_function(seed: int) -> None:
    rows, background = data(seed)
    one, other = model(seed), model(seed + 7)

    def values(function: Any) -> Array:
        rng = np.random.default_rng(0)
        return shapley(function, rows, background, PLAYERS, rng=rng, estimator="exact").values

    both = values(lambda z: 2 * one(z) - 3 * other(z))
    np.testing.assert_allclose(both, 2 * values(one) - 3 * values(other), atol=1e-9)


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_a_linear_function_gives_weight_times_distance_from_the_mean(estimator: Any) -> None:
    rows, background = data(3)
    weights = np.arange(8.0)
    found = shapley(
        lambda z: z @ weights, rows, background, PLAYERS,
        rng=np.random.default_rng(0), estimator=estimator,
    )  # fmt: skip
    single = (rows - background.mean(axis=0)) * weights
    expected = np.stack([single[:, p].sum(axis=1) for p in PLAYERS], axis=1)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_a_row_that_is_its_own_background_gets_nothing(estimator: Any) -> None:
    rows, _ = data(1, m=1)
    rng = np.random.default_rng(0)
    found = shapley(model(1), rows, rows, PLAYERS, rng=rng, estimator=estimator)
    assert np.all(found.values == 0)
    assert np.all(np.isnan(found.standard_errors))


@settings(max_examples=10, deadline=None)
@given(seeds, st.permutations(range(5)))
def test_reordering_players_reorders_their_values(seed: int, order: list[int]) -> None:
    rows, background = data(seed)
    moved = shapley(
        model(seed), rows, background, [PLAYERS[k] for k in order],
        rng=np.random.default_rng(0), estimator="exact",
    )  # fmt: skip
    np.testing.assert_allclose(moved.values, run(seed).values[:, order], atol=1e-12)


def test_a_background_given_twice_changes_no_value() -> None:
    rows, background = data(5)
    twice = np.concatenate([background, background])
    rng = np.random.default_rng(0)
    found = shapley(model(5), rows, twice, PLAYERS, rng=rng, estimator="exact")
    np.testing.assert_allclose(found.values, run(5).values, atol=1e-12)


@pytest.mark.parametrize("estimator", ["exact", "sampled", "auto"])
@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_the_size_of_chunks_changes_nothing(estimator: str, chunk: int) -> None:
    whole, cut = run(2, estimator), run(2, estimator, chunk=chunk)
    np.testing.assert_allclose(cut.values, whole.values, atol=1e-9)
    np.testing.assert_allclose(cut.standard_errors, whole.standard_errors, atol=1e-9)
    np.testing.assert_allclose(cut.block_values, whole.block_values, atol=1e-9)
    assert cut.evaluations == whole.evaluations


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_blocks_of_rows_may_be_explained_elsewhere_and_in_any_order(estimator: Any) -> None:
    def elsewhere(function: Any, calls: Any) -> list[Any]:
        copies = [copy.deepcopy(call) for call in calls]
        assert len(copies) == 2
        return [function(*call) for call in copies[::-1]][::-1]

    here = run(2, estimator, chunk=24)
    there = run(2, estimator, chunk=24, each=elsewhere)
    np.testing.assert_array_equal(here.values, there.values)
    np.testing.assert_array_equal(here.standard_errors, there.standard_errors)
    np.testing.assert_array_equal(here.block_values, there.block_values)
    assert here.evaluations == there.evaluations


def test_the_same_generator_gives_the_same_values_and_another_gives_others() -> None:
    one, again = run(2, "sampled"), run(2, "sampled")
    other = run(2, "sampled", rng=np.random.default_rng(99))
    np.testing.assert_array_equal(one.values, again.values)
    assert not np.array_equal(one.values, other.values)


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_the_first_layer_is_a_shortcut_to_the_same_values(estimator: Any) -> None:
    rng = np.random.default_rng(0)
    rows, background = data(4)
    weight = rng.normal(size=(5, 8)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)

    def rest(hidden: Any) -> Any:
        return np.tanh(hidden).sum(axis=1)

    def whole(z: Any) -> Any:
        return rest(z @ weight.T + bias)

    def values(**extra: Any) -> Attribution:
        rng = np.random.default_rng(1)
        return shapley(whole, rows, background, PLAYERS, rng=rng, estimator=estimator, **extra)

    slow, quick = values(), values(first_layer=(weight, bias), rest=rest)
    np.testing.assert_allclose(quick.values, slow.values, atol=1e-6)
    assert quick.evaluations == slow.evaluations


def test_the_sampled_estimator_is_unbiased_and_its_error_is_known() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, 8)).astype(np.float32)
    background = rng.normal(size=(30, 8)).astype(np.float32)
    single = [np.array([j]) for j in range(8)]

    def values(estimator: Any, seed: int) -> Attribution:
        rng = np.random.default_rng(seed)
        return shapley(model(1), rows, background, single, rng=rng, estimator=estimator)

    exact = values("exact", 0)
    draws = [values("sampled", seed) for seed in range(60)]
    errors = np.stack([draw.values - exact.values for draw in draws])
    z = errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(len(draws)))
    assert np.abs(z).max() < 4.5
    # The standard error holds the background too, so one draw lies well within it.
    assert np.abs(errors[0] / draws[0].standard_errors).max() < 4
    assert np.mean([draw.standard_errors for draw in draws]) > errors.std(axis=0).mean()


def test_more_orders_a_pair_lower_the_error_and_cost_what_the_plan_says() -> None:
    rows, background = data(7, m=8, b=20)

    def values(**settings: Any) -> Attribution:
        rng = np.random.default_rng(0)
        return shapley(model(7), rows, background, PLAYERS, rng=rng, **settings)

    exact = values(estimator="exact").values
    one, many = (values(estimator="sampled", orders=orders) for orders in (1, 16))
    ratio = np.mean((one.values - exact) ** 2) / np.mean((many.values - exact) ** 2)
    assert 8 < ratio < 32
    told = plan(rows, background, PLAYERS, estimator="sampled", orders=16)
    assert many.evaluations == told.evaluations > 8 * one.evaluations
    assert many.additivity_gap < 1e-9
    with pytest.raises(ValueError, match="one order or more; got 0"):
        values(orders=0)


def test_standard_errors_are_the_spread_over_the_background() -> None:
    rows, background = data(6)
    found = run(6)
    alone = np.stack(
        [
            shapley(model(6), rows, background[k : k + 1], PLAYERS,
                    rng=np.random.default_rng(0), estimator="exact").values
            for k in range(len(background))
        ]
    )  # fmt: skip
    expected = alone.std(axis=0, ddof=1) / np.sqrt(len(background))
    np.testing.assert_allclose(found.standard_errors, expected, atol=1e-9)


def test_the_interval_of_a_value_covers_what_a_large_background_gives() -> None:
    rng = np.random.default_rng(0)
    population = rng.normal(size=(800, 4)).astype(np.float32)
    players = [np.array([j]) for j in range(4)]
    function = model(3, width=4)
    rows = population[:20]
    truth = shapley(function, rows, population, players, rng=rng, estimator="exact").values
    quantile = stdtrit(39, 0.975)
    covered = []
    for _ in range(100):
        background = population[rng.integers(0, 800, 40)]
        found = shapley(function, rows, background, players, rng=rng, estimator="sampled")
        covered.append(np.abs(found.values - truth) <= quantile * found.standard_errors)
    assert 0.92 < np.mean(covered) < 0.98


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_blocks_are_disjoint_parts_that_average_to_the_values(estimator: str) -> None:
    found = run(2, estimator, blocks=4)
    assert sorted(found.block_sizes) == [1, 1, 2, 2]
    mean = np.average(found.block_values, axis=1, weights=found.block_sizes)
    np.testing.assert_allclose(mean, found.values, atol=1e-12)


def global_numpy_state() -> str:
    return str(np.random.get_state())  # noqa: NPY002 - the global one is what is watched


def test_no_random_state_is_touched_and_threads_are_put_back() -> None:
    numpy_state, torch_state = global_numpy_state(), torch.get_rng_state()
    threads = torch.get_num_threads()
    seen = []

    def watching(z: Any) -> Any:
        seen.append(torch.get_num_threads())
        return model(2)(z)

    rows, background = data(2)
    shapley(watching, rows, background, PLAYERS, rng=np.random.default_rng(0), estimator="sampled")
    assert global_numpy_state() == numpy_state
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert set(seen) == {1}
    assert torch.get_num_threads() == threads


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["exact", "sampled", "auto"]), st.integers(0, 400))
def test_the_plan_tells_the_cost_and_the_budget_holds(seed: int, estimator: Any, more: int) -> None:
    rows, background = data(seed)
    told = plan(rows, background, PLAYERS, estimator=estimator)
    least = plan(rows[:1], background, PLAYERS, estimator="sampled")
    assert run(seed, estimator).evaluations == told.evaluations
    if estimator == "exact":
        return
    budget = least.evaluations + more
    found = run(seed, estimator, budget=budget)
    assert found.evaluations <= budget
    assert found.reached >= 1
    assert found.estimator.count("not reached") == len(rows) - found.reached
    assert np.all(np.isnan(found.values[found.reached :]))
    assert found.shown().values.shape == (found.reached, 5)
    if found.plan.exact_players == told.exact_players:
        whole = run(seed, estimator)
        np.testing.assert_allclose(
            found.values[: found.reached], whole.values[: found.reached], atol=1e-12
        )


def test_automatic_choice_is_exact_where_it_is_affordable() -> None:
    rng = np.random.default_rng(0)
    rows, background = rng.random((3, 8), np.float32), rng.random((4, 8), np.float32)
    single = [np.array([j]) for j in range(8)]
    assert plan(rows, background, single).exact_share == 1
    assert plan(rows, background, single).evaluations == 4 + 2 * 4 + 3 * (1 + 4 * 2**8)
    dear = plan(rows, background, single, budget=500)
    assert dear.exact_share == 0
    assert dear.evaluations == 4 + 2 * 4 + 3 * (1 + 4 * 14)
    background[:, 4:] = rows[0, 4:]  # now few players differ from the first row
    assert list(plan(rows, background, single, budget=500).row_is_exact) == [True, False, False]


def test_players_with_equal_values_cost_nothing() -> None:
    rows = np.ones((1, 8), np.float32)
    assert plan(rows, rows, PLAYERS).evaluations == 1 + 2 + 1
    background = rows.copy()
    background[:, 6] = 0  # one player differs, and gets the whole difference unasked
    assert plan(rows, background, PLAYERS).evaluations == 1 + 2 + 1


def test_subset_weights_of_every_size_sum_to_nothing_but_the_whole() -> None:
    for d in (1, 2, 5, MOST_PLAYERS):
        weights = subset_weights(d)
        np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(weights[:, -1], 1 / d)
        assert not weights.flags.writeable


def test_subsets_of_too_many_players_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 16"):
        subset_weights(MOST_PLAYERS + 1)


ROWS, BACKGROUND = data(0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": ROWS[0]}, "have shapes"),
        ({"rows": ROWS[:, :3]}, "have shapes"),
        ({"background": BACKGROUND[:0]}, "the background has no row"),
        ({"rows": ROWS + np.float32(np.nan)}, "encoded rows hold NaN"),
        ({"background": BACKGROUND + np.float32(np.inf)}, "encoded background hold NaN"),
        ({"players": PLAYERS[:4]}, "got 7 positions, 7 of them"),
        ({"players": [*PLAYERS, np.array([0])]}, "got 9 positions, 8 of them"),
        ({"function": lambda z: z}, r"one number a row: \(\d+,\); got"),
        ({"function": lambda z: z[:, 0] * np.nan}, "NaN or infinity for 6 of 6"),
        ({"budget": 20, "estimator": "sampled"}, "one row costs .* the budget is 20"),
        ({"rest": lambda z: z[:, 0]}, "given together"),
        ({"rest": lambda z: z[:, 0], "first_layer": (ROWS, ROWS[0])}, "weight has shape"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(changes: dict[str, Any], message: str) -> None:
    arguments = {"function": model(0), "rows": ROWS, "background": BACKGROUND, "players": PLAYERS}
    with pytest.raises(ValueError, match=message):
        shapley(**(arguments | {"rng": np.random.default_rng(0)} | changes))


def test_exact_values_of_many_differing_players_are_refused() -> None:
    rows = np.ones((1, 17), np.float32)
    single = [np.array([j]) for j in range(17)]
    with pytest.raises(ValueError, match="differs in 17"):
        plan(rows, 0 * rows, single, estimator="exact")
    assert plan(rows, 0 * rows, single).exact_share == 0


def test_a_function_that_does_not_repeat_itself_is_refused() -> None:
    noise = np.random.default_rng(0)
    rows, background = data(0)
    with pytest.raises(ValueError, match=r"not deterministic.*dropout"):
        shapley(
            lambda z: z[:, 0] + 0.01 * noise.random(len(z)), rows, background, PLAYERS,
            rng=np.random.default_rng(0),
        )  # fmt: skip


def test_a_column_of_outputs_is_taken_for_what_it_is() -> None:
    rows, background = data(0)
    found = shapley(
        lambda z: model(0)(z)[:, None], rows, background, PLAYERS,
        rng=np.random.default_rng(0), estimator="exact",
    )  # fmt: skip
    np.testing.assert_array_equal(found.values, run(0).values)


def test_no_rows_give_no_values() -> None:
    rows, background = data(0)
    found = shapley(model(0), rows[:0], background, PLAYERS, rng=np.random.default_rng(0))
    assert found.values.shape == (0, 5)
    assert found.additivity_gap == 0


def test_inputs_stay_as_they_were() -> None:
    rows, background = data(0)
    rows.flags.writeable = background.flags.writeable = False

    def rude(z: Any) -> Any:
        out = model(0)(z)
        z[...] = 0
        return out

    # A function that writes to what it is given spoils nothing.
    found = shapley(
        rude, rows, background, PLAYERS, rng=np.random.default_rng(0), estimator="exact"
    )
    np.testing.assert_array_equal(rows, data(0)[0])
    np.testing.assert_array_equal(found.values, run(0).values)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_values_of_random_networks_equal_the_definition(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, last = torch.nn.Linear(8, 6), torch.nn.Linear(6, 1)
    for parameter in [*first.parameters(), *last.parameters()]:
        torch.nn.init.normal_(parameter, generator=generator)

    def rest(hidden: Any) -> Any:
        return torch.sigmoid(last(torch.relu(torch.from_numpy(hidden))))[:, 0].detach().numpy()

    weight, bias = (part.detach().numpy() for part in (first.weight, first.bias))

    def whole(z: Any) -> Any:
        return rest(z @ weight.T + bias)

    rows, background = data(seed)
    found = shapley(
        whole, rows, background, PLAYERS, rng=np.random.default_rng(0), estimator="exact",
        first_layer=(weight, bias), rest=rest,
    )  # fmt: skip
    expected = brute_force(whole, rows, background, PLAYERS)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
