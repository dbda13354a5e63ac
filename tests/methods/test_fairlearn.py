"""Every gap against fairlearn over random tables; published figures of fairlearn and AIF360."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from fairlearn import metrics as fl
from sklearn import metrics as sk

from auditkit.methods import gaps
from auditkit.methods.cells import RATES
from auditkit.methods.count_metrics import FALSE_NEGATIVE_SHARE
from auditkit.methods.crossing import Comparison, Crossing
from auditkit.methods.decision_gaps import count_gaps
from auditkit.methods.overall import difference_to_overall, ratio_to_overall
from auditkit.methods.parity import COMPARED, FURTHER, PARITY, further_gaps, parity

CENSUS = Path(__file__).parents[2] / "examples" / "census_income" / "census.parquet"
Outcomes = npt.NDArray[np.int64]


def false_negative_share(y: Outcomes, yhat: Outcomes) -> float:
    return float(((y == 1) & (yhat == 0)).sum() / (y != yhat).sum())


#: What our gaps are made of, as fairlearn and scikit-learn compute it.
THEIRS: dict[str, Callable[..., float]] = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "precision": sk.precision_score,
    "accuracy": sk.accuracy_score,
    "false_negative_share": false_negative_share,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1": sk.f1_score,
    "mcc": sk.matthews_corrcoef,
}
#: Our gap, the metric that it is made of, and fairlearn's way to make it.
FRAMED = {
    "predictive_parity_difference": ("precision", "difference", "between_groups"),
    "predictive_parity_ratio": ("precision", "ratio", "between_groups"),
    "accuracy_difference": ("accuracy", "difference", "between_groups"),
    "accuracy_ratio": ("accuracy", "ratio", "between_groups"),
    "treatment_equality_difference": ("false_negative_share", "difference", "between_groups"),
    "balanced_accuracy_difference": ("balanced_accuracy", "difference", "between_groups"),
    "f1_difference": ("f1", "difference", "between_groups"),
    "mcc_difference": ("mcc", "difference", "between_groups"),
    "accuracy_difference_to_overall": ("accuracy", "difference", "to_overall"),
    "accuracy_ratio_to_overall": ("accuracy", "ratio", "to_overall"),
}


def crossing_of(tables: npt.ArrayLike) -> Crossing:
    """Groups of these counts, each [[TN, FP], [FN, TP]]."""
    table = np.asarray(tables, dtype=np.int64)
    labels = tuple((f"g{i:02}",) for i in range(len(table)))
    return Crossing(("group",), labels, table, np.ones(len(table), dtype=bool))


def rows_of(crossing: Crossing) -> pd.DataFrame:
    flat = crossing.table.reshape(-1, 4)
    group, cell = np.indices(flat.shape)
    n = flat.ravel()
    return pd.DataFrame({
        "group": np.repeat(group.ravel(), n), "y": np.repeat(cell.ravel() // 2, n),
        "yhat": np.repeat(cell.ravel() % 2, n),
    })  # fmt: skip


def ours(crossing: Crossing) -> dict[str, float | None]:
    held = {name: crossing.compare(rate, 1) for name, rate in COMPARED.items()}
    selection, recall, alarms = (
        held[name] for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
    )
    made = [*parity(selection, recall, alarms), *further_gaps(held)]
    found = {metric.id: estimate.value for metric, estimate, _ in made}
    found |= {m.metric: m.value for m in count_gaps(crossing, 1, 0.95, 0)}
    assert set(found) == {metric.id for metric in (*PARITY, *FURTHER)}
    return found


def framed(frame: pd.DataFrame) -> dict[str, float]:
    """All gaps of one MetricFrame."""
    groups = frame["group"]
    made = fl.MetricFrame(
        metrics=THEIRS, y_true=frame["y"], y_pred=frame["yhat"], sensitive_features=groups
    )

    def gap(of: str, kind: str, method: str) -> float:
        return float(getattr(made, kind)(method=method)[of])

    found = {name: gap(*how) for name, how in FRAMED.items()}
    for kind, worst in (("difference", max), ("ratio", min)):
        for method, end in (("between_groups", ""), ("to_overall", "_to_overall")):
            selection, recall, alarms = (gap(name, kind, method) for name in list(THEIRS)[:3])
            found[f"demographic_parity_{kind}{end}"] = selection
            found[f"equal_opportunity_{kind}{end}"] = recall
            found[f"equalized_odds_{kind}{end}"] = worst(recall, alarms)
    return found


def named(frame: pd.DataFrame) -> dict[str, float]:
    """The gaps for which fairlearn has functions of their own."""
    return {
        f"{stem}_{kind}{end}": float(
            getattr(fl, f"{stem}_{kind}")(
                frame["y"], frame["yhat"], sensitive_features=frame["group"], method=method
            )
        )
        for stem in ("demographic_parity", "equal_opportunity", "equalized_odds")
        for kind in ("difference", "ratio")
        for method, end in (("between_groups", ""), ("to_overall", "_to_overall"))
    }


@pytest.mark.slow
def test_all_gaps_of_random_tables_equal_fairlearns_to_1e_12() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        k = int(rng.integers(2, 13))
        crossing = crossing_of(rng.integers(1, rng.integers(3, 12), (k, 2, 2)))
        assert ours(crossing) == pytest.approx(framed(rows_of(crossing)), abs=1e-12)


def test_all_gaps_of_a_dozen_groups_equal_fairlearns_to_1e_12() -> None:
    crossing = crossing_of(np.random.default_rng(2).integers(1, 30, (12, 2, 2)))
    found, frame = ours(crossing), rows_of(crossing)
    assert found == pytest.approx(framed(frame), abs=1e-12)
    functions = named(frame)
    assert {name: found[name] for name in functions} == pytest.approx(functions, abs=1e-12)


def test_gaps_to_overall_are_those_of_fairlearns_user_guide() -> None:
    # 18 rows: docs/user_guide/assessment/perform_fairness_assessment.rst.
    crossing = crossing_of([[[0, 2], [1, 1]], [[1, 0], [2, 3]], [[1, 2], [3, 2]]])
    expected = {"true_positive_rate": 0.1, "false_positive_rate": 2 / 3, "selection_rate": 7 / 36}
    for name, value in expected.items():
        found = difference_to_overall(crossing.compare(RATES[name], 1))
        assert found.value == pytest.approx(value)


def shares(*counts: tuple[int, int]) -> Comparison:
    """Groups of which this many of that many are selected."""
    return crossing_of([[[n - s, s], [0, 0]] for s, n in counts]).compare(
        RATES["selection_rate"], 1
    )


@pytest.mark.parametrize(
    ("privileged", "unprivileged", "difference", "impact"),
    [
        ((590, 810), (110, 190), 0.149448, 0.794826),  # German credit, over 25 against the others
        ((612, 851), (88, 149), 0.128550, 0.821248),  # from 25
        ((427, 587), (63, 113), 0.169905, 0.766430),  # the 700 rows that AIF360's tutorial learns
        ((499, 690), (201, 310), 0.074801, 0.896567),  # men against women
        ((9918, 32650), (1769, 16192), 0.194516, 0.359655),  # census, men against women
    ],
)
def test_differences_and_impacts_are_those_of_aif360(
    privileged: tuple[int, int], unprivileged: tuple[int, int], difference: float, impact: float
) -> None:
    # AIF360's are signed, unprivileged minus privileged; ours are the same without the sign.
    held = shares(privileged, unprivileged)
    gap, ratio = held.estimate(gaps.difference, 0.95), held.estimate(gaps.ratio, 0.95)
    assert (round(gap.value or 0, 6), round(ratio.value or 0, 6)) == (difference, impact)


def test_the_census_by_sex_and_by_race_is_that_of_the_example() -> None:
    frame = pd.read_parquet(CENSUS, columns=["sex", "race", "income_over_50k"])
    won = frame["income_over_50k"] == 1

    def counted(who: pd.Series[bool]) -> tuple[int, int]:
        return int((won & who).sum()), int(who.sum())

    white, women = frame["race"] == "White", frame["sex"] == "Female"
    held = shares(counted(white), counted(~white))
    gap, ratio = held.estimate(gaps.difference, 0.95), held.estimate(gaps.ratio, 0.95)
    assert (round(gap.value or 0, 6), round(ratio.value or 0, 6)) == (0.101445, 0.600592)
    assert (counted(women), counted(~women)) == ((1769, 16192), (9918, 32650))
    assert counted(women & (frame["race"] == "Black")) == (132, 2308)


def test_to_overall_is_the_distance_to_the_rest_scaled_by_what_is_not_the_group() -> None:
    held = shares((56, 70), (48, 80))
    plain, scaled = held.estimate(gaps.difference, 0.95), difference_to_overall(held)
    assert plain.interval is not None
    assert scaled.interval is not None
    assert scaled.value == pytest.approx((plain.value or 0) * 80 / 150)
    assert scaled.interval.low == pytest.approx(plain.interval.low * 80 / 150)
    assert scaled.interval.high == pytest.approx(plain.interval.high * 80 / 150)


def test_difference_and_ratio_to_overall_agree_on_whether_there_is_one() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        n = rng.integers(2, 60, int(rng.integers(2, 8)))
        held = shares(*[(int(rng.integers(0, m + 1)), int(m)) for m in n])
        apart, ratio = difference_to_overall(held), ratio_to_overall(held)
        assert apart.interval is not None
        assert apart.interval.low <= (apart.value or 0) <= apart.interval.high
        if ratio.value is None:
            assert not held.successes.any()
            continue
        assert ratio.interval is not None
        assert ratio.interval.low - 1e-12 <= ratio.value <= ratio.interval.high + 1e-12
        assert (apart.interval.low > 0) == (ratio.interval.high < 1)


def test_nothing_to_compare_has_a_reason() -> None:
    for one in (difference_to_overall, ratio_to_overall):
        assert one(shares((3, 9))).reason == f"selection rate: {gaps.TOO_FEW}"
    assert ratio_to_overall(shares((0, 9), (0, 8))).reason == f"selection rate: {gaps.ALL_ZERO}"
    assert difference_to_overall(shares((0, 9), (0, 8))).value == 0


def test_treatment_equality_compares_what_the_errors_are() -> None:
    crossing = crossing_of([[[50, 10], [30, 10]], [[50, 30], [10, 10]]])
    held = crossing.compare(FALSE_NEGATIVE_SHARE, 1)
    assert held.estimate(gaps.difference, 0.95).value == pytest.approx(0.5)
