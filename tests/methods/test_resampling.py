"""The count bootstrap against the bootstrap of rows, fairlearn's guide, and its own coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods import resampling
from auditkit.methods.count_metrics import matthews
from auditkit.methods.estimates import FloatArray
from auditkit.methods.resampling import bootstrap, resample, stream


def selected(tables: FloatArray) -> FloatArray:
    share: FloatArray = tables[..., 1].sum(axis=-1) / tables.sum(axis=(-2, -1))
    return share


def precision(tables: FloatArray) -> FloatArray:
    share: FloatArray = tables[..., 1, 1] / tables[..., :, 1].sum(axis=-1)
    return share


def test_plain_replicates_give_the_quantiles_of_fairlearns_guide() -> None:
    # 18 rows, 10 selected: docs/user_guide/assessment/confidence_interval_estimation.rst.
    found = resample([[2, 4], [6, 6]], selected, np.random.default_rng(0))
    quantiles = found.quantiles(0.159, 0.5, 0.841)
    assert quantiles == pytest.approx([8 / 18, 10 / 18, 12 / 18])
    expected = stats.binom.ppf([0.159, 0.5, 0.841], 18, 10 / 18) / 18
    assert quantiles == pytest.approx(expected)


def test_plain_replicates_are_distributed_as_resampled_rows() -> None:
    rng = np.random.default_rng(1)
    rows = np.repeat([0, 1, 2, 3], [40, 10, 15, 35])
    by_rows = [
        float(matthews(np.bincount(rng.choice(rows, 100), minlength=4).reshape(2, 2)))
        for _ in range(2000)
    ]
    by_counts = resample([[40, 10], [15, 35]], matthews, rng, 2000)
    assert stats.ks_2samp(by_rows, by_counts.draws).pvalue > 0.001


def test_draws_do_not_depend_on_how_many_are_held_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = resample([[4, 1], [2, 3]], matthews, np.random.default_rng(0), 500)
    monkeypatch.setattr(resampling, "_BLOCK", 40)
    parts = resample([[4, 1], [2, 3]], matthews, np.random.default_rng(0), 500)
    assert parts.draws.tolist() == whole.draws.tolist()


@pytest.mark.parametrize("table", [[[10, 0], [0, 10]], [[500, 0], [0, 1500]], [[0, 9], [9, 0]]])
def test_a_perfect_score_is_not_certain(table: list[list[int]]) -> None:
    found = bootstrap(table, matthews, np.random.default_rng(0))
    assert found.value in {1.0, -1.0}
    assert found.interval is not None
    assert 1e-4 < found.interval.high - found.interval.low < 1
    assert found.interval.low <= found.value <= found.interval.high


def test_replicates_without_a_value_are_counted_and_said() -> None:
    # Two of 30 rows are selected: some replicates select nobody, and have no precision.
    found = bootstrap([[20, 1], [8, 1]], precision, np.random.default_rng(0), 1000)
    plain = resample([[20, 1], [8, 1]], precision, np.random.default_rng(0), 1000)
    assert found.interval is not None
    assert plain.undefined == 1000 - plain.draws.size > 50
    assert found.interval.method.startswith("multinomial bootstrap of smoothed counts, 1,000 rep")
    assert found.interval.method.endswith(" of them without a value")


def test_what_is_undefined_has_a_reason_and_no_zero() -> None:
    found = bootstrap([[0, 0], [3, 4]], matthews, np.random.default_rng(0))
    assert (found.value, found.interval) == (None, None)
    assert found.reason
    nobody = bootstrap([[0, 0], [0, 0]], matthews, np.random.default_rng(0), 10)
    assert nobody.value is None


def test_a_metric_that_replicates_do_not_move_has_no_interval() -> None:
    found = bootstrap([3, 4], lambda t: np.full(len(t), 2.0), np.random.default_rng(0), 10)
    assert (found.value, found.interval) == (2.0, None)
    assert "the replicates do not tell" in str(found.reason)


def test_too_few_effective_rows_have_no_interval() -> None:
    found = bootstrap([[0.3, 0.1], [0.1, 0.3]], matthews, np.random.default_rng(0), 10)
    assert found.value == pytest.approx(0.5)
    assert found.interval is None


def test_a_metric_of_several_groups_can_be_resampled() -> None:
    def apart(tables: FloatArray) -> FloatArray:
        rates = tables[..., 1].sum(axis=-1) / tables.sum(axis=(-2, -1))
        difference: FloatArray = rates[..., 1] - rates[..., 0]
        return difference

    found = bootstrap([[[60, 20], [10, 10]], [[30, 30], [20, 20]]], apart, np.random.default_rng(0))
    assert found.value == pytest.approx(0.5 - 0.3)
    assert found.interval is not None
    assert 0.02 < found.interval.low < 0.1
    assert 0.3 < found.interval.high < 0.36


def test_streams_differ_by_each_of_their_words_and_by_the_seed() -> None:
    seeds = [(0, ["a", "b"]), (0, ["a", "c"]), (0, ["ab"]), (1, ["a", "b"])]
    drawn = {int(stream(seed, *words).integers(2**62)) for seed, words in seeds}
    assert len(drawn) == len(seeds)


@pytest.mark.parametrize("rows", [20, 50, 200, 2000])
def test_the_interval_of_the_matthews_correlation_covers(rows: int) -> None:
    rng, draws = np.random.default_rng(7), 300
    for base, tpr, fpr in ((0.1, 0.5, 0.1), (0.3, 0.9, 0.05), (0.5, 0.98, 0.01)):
        chance = np.array([(1 - base) * (1 - fpr), (1 - base) * fpr, base * (1 - tpr), base * tpr])
        truth, held, seen = float(matthews(chance.reshape(2, 2))), 0, 0
        for table in rng.multinomial(rows, chance, size=draws):
            found = bootstrap(table.reshape(2, 2), matthews, rng, 400)
            if found.interval is not None:
                seen += 1
                held += found.interval.low <= truth <= found.interval.high
        assert held >= stats.binom.ppf(0.0005, seen, 0.94)
