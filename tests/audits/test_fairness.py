"""The fairness audit: published figures, awkward groups, and what must not move a headline."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.fairness import Fairness
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods import intervals, significance
from auditkit.methods.decision_groups import CONSTANT, WITHHELD
from auditkit.methods.parity import COMPARED, FURTHER, PARITY, PARITY_BOUNDS
from auditkit.methods.permutation import NOT_WHOLE
from auditkit.roles import group_labels
from auditkit.subject import DataSource, Groups, Subject

#: True positives, false positives, false negatives, true negatives.
Counts = tuple[int, int, int, int]
#: fairlearn's user guide, assessment of 18 rows.
GUIDE: dict[str, Counts] = {"a": (1, 2, 1, 0), "b": (3, 0, 2, 1), "c": (2, 2, 3, 1)}
EVEN: dict[str, Counts] = {"F": (20, 10, 20, 50), "M": (30, 20, 10, 40)}


def rows_of(counts: Mapping[Any, Counts], columns: tuple[str, ...] = ("group",)) -> pd.DataFrame:
    """One row a person from the counts of each group; a group may be a tuple of groups."""
    lines = []
    for group, (tp, fp, fn, tn) in counts.items():
        names = group if isinstance(group, tuple) else (group,)
        for y, yhat, n in ((1, 1, tp), (0, 1, fp), (1, 0, fn), (0, 0, tn)):
            lines += [(*names, y, yhat)] * n
    return pd.DataFrame(lines, columns=[*columns, "y", "yhat"])


def groups_of(values: pd.Series, names: tuple[str, ...] = ()) -> Groups:
    known = names or tuple(dict.fromkeys(values.dropna()))
    place = {name: i for i, name in enumerate(known)}
    codes = np.array([place.get(value, -1) for value in values], dtype=np.int64)
    return Groups(str(values.name), known, codes)


def subject_of(
    rows: pd.DataFrame,
    names: Mapping[str, tuple[str, ...]] | None = None,
    population: pd.DataFrame | None = None,
) -> Subject:
    columns = tuple(name for name in rows.columns if name not in {"y", "yhat"})
    groups = {name: groups_of(rows[name], (names or {}).get(name, ())) for name in columns}
    everyone = population
    return Subject(
        name="test",
        rows=rows,
        label="y",
        positive=1,
        sensitive=columns,
        groups=groups,
        source=DataSource("test", "0", len(rows)),
        prediction="yhat",
        population=everyone,
        population_groups=None
        if everyone is None
        else {name: groups_of(everyone[name], groups[name].names) for name in columns},
    )


class Found:
    """What an audit yielded, by metric and slice."""

    def __init__(self, subject: Subject, audit: Fairness | None = None) -> None:
        items = list((audit or Fairness()).run(subject, np.random.default_rng(0)))
        self.measurements = [item for item in items if isinstance(item, Measurement)]
        self.tables = {item.name: item for item in items if isinstance(item, Table)}
        self.by = {(m.metric, *sorted(m.slice.items())): m for m in self.measurements}
        assert len(self.by) == len(self.measurements), "(metric, slice) is unique"
        assert {m.metric for m in self.measurements} <= {m.id for m in Fairness.metrics}

    def __call__(self, metric: str, group: str = "*", column: str = "group") -> Measurement:
        return self.by[metric, (column, group)]

    def value(self, metric: str, group: str = "*") -> float:
        value = self(metric, group).value
        assert value is not None
        return value


def found(counts: Mapping[Any, Counts], audit: Fairness | None = None) -> Found:
    return Found(subject_of(rows_of(counts)), audit)


def parity(of: Found, column: str = "group") -> dict[str, float | None]:
    return {metric.id: of(metric.id, "*", column).value for metric in PARITY}


def test_rates_are_those_of_fairlearns_user_guide() -> None:
    by = found(GUIDE)
    expected = {
        "a": (0.5, 1.0, 0.75),
        "b": (0.6, 0.0, 0.5),
        "c": (0.4, 2 / 3, 0.5),
    }
    for group, (tpr, fpr, selected) in expected.items():
        assert by.value("true_positive_rate", group) == pytest.approx(tpr)
        if group != "b":  # one negative only
            assert by.value("false_positive_rate", group) == pytest.approx(fpr)
        assert by.value("selection_rate", group) == pytest.approx(selected)
    assert by("false_positive_rate", "b").reason == WITHHELD


def test_gaps_are_those_of_fairlearns_user_guide() -> None:
    by = found(GUIDE, Fairness(min_group=1))
    assert parity(by) == pytest.approx(
        {
            "demographic_parity_difference": 0.25,
            "demographic_parity_ratio": 0.5 / 0.75,
            "equalized_odds_difference": 1.0,
            "equalized_odds_ratio": 0.0,
            "equal_opportunity_difference": 0.2,
        }
    )


def test_the_census_figures_of_women_and_men() -> None:
    counts = {"F": (1769, 0, 0, 14423), "M": (9918, 0, 0, 22732)}  # decided as it came out
    by = found(counts)
    assert round(by.value("base_rate", "F"), 6) == 0.109251
    assert round(by.value("base_rate", "M"), 6) == 0.303767
    gap = by("demographic_parity_difference")
    assert round(by.value("demographic_parity_difference"), 6) == 0.194516
    assert round(by.value("demographic_parity_ratio"), 6) == 0.359655
    assert gap.interval is not None
    assert (round(gap.interval.low, 6), round(gap.interval.high, 6)) == (0.187521, 0.201438)
    assert gap.n == 48842


def test_every_rate_has_its_exact_interval_and_says_what_was_counted() -> None:
    by = found(EVEN)
    rate = by("true_positive_rate", "F")
    assert rate.value == 0.5
    assert rate.n == 40
    assert rate.source == "20 selected of 40 positives"
    assert rate.interval is not None
    assert (rate.interval.low, rate.interval.high) == pytest.approx(
        intervals.clopper_pearson(20, 40)
    )
    assert (by("false_negative_rate", "M").value, by("precision", "M").value) == (0.25, 0.6)
    assert (by("accuracy", "F").value, by("base_rate", "F").value) == (0.7, 0.4)
    size = by("group_size", "F")
    assert (size.value, size.exact, size.interval) == (100, True, None)


def test_the_base_rate_of_all_rows_is_shown_beside_that_of_the_assessed_ones() -> None:
    everyone = rows_of({"F": (30, 0, 0, 70), "M": (50, 0, 0, 50), None: (1, 0, 0, 4)})
    by = Found(subject_of(rows_of(EVEN), population=everyone))
    assert by.value("base_rate_all_rows", "F") == 0.3
    assert by("base_rate_all_rows", "M").n == 100
    assert by("base_rate_all_rows", "unknown").n == 5
    assert not [m for m in found(EVEN).measurements if m.metric == "base_rate_all_rows"]


# Edge cases, numbered as in the notes on fairness.


def test_1_a_declared_group_without_rows_is_listed_and_moves_nothing() -> None:
    by = Found(subject_of(rows_of(EVEN), {"group": ("F", "M", "X")}))
    assert by("group_size", "X").value == 0
    assert by("selection_rate", "X").value is None
    assert by("selection_rate", "X").reason == "no rows"
    assert by("group_count").value == 3
    assert parity(by) == parity(found(EVEN))
    assert ("group", "X", 0) in [row[:3] for row in by.tables["groups"].rows]


def test_2_a_person_alone_in_a_group_is_counted_withheld_and_moves_no_headline() -> None:
    alone = found(EVEN | {"X": (0, 0, 1, 0)})
    assert alone("group_size", "X").value == 1
    rates = [m for m in alone.measurements if m.slice == {"group": "X"} and m.unit == "rate"]
    assert {(m.value, m.reason, m.n, m.source) for m in rates} == {(None, WITHHELD, 1, "1 row")}
    assert parity(alone) == parity(found(EVEN))
    assert "'X' (1 row)" in alone("demographic_parity_difference").source
    assert all("X" not in row for row in alone.tables["pairs"].rows)


@pytest.mark.parametrize("counts", [(3, 0, 0, 0), (0, 0, 0, 3), (0, 3, 0, 0)])
def test_2_three_people_who_fare_alike_have_wide_intervals(counts: Counts) -> None:
    small = found(EVEN | {"X": counts})
    rate = small("selection_rate", "X")
    assert rate.interval is not None
    assert rate.interval.high - rate.interval.low > 0.5
    assert parity(small) == parity(found(EVEN))


def test_3_a_group_without_positives_is_left_out_of_equal_opportunity_and_named() -> None:
    by = found(EVEN | {"X": (0, 10, 0, 30)})
    opportunity = by("equal_opportunity_difference")
    assert by("true_positive_rate", "X").reason == "no positives"
    assert opportunity.value == pytest.approx(0.25)
    assert "without those of fewer than 10 positives: 'X' (40 rows)" in opportunity.source
    assert by.value("demographic_parity_difference") == pytest.approx(0.25)
    assert by.value("equalized_odds_difference") == pytest.approx(0.25)


def test_3_with_two_groups_and_no_positives_in_one_equalized_odds_is_not_estimable() -> None:
    by = found({"F": (20, 10, 20, 50), "M": (0, 20, 0, 40)})
    for metric in ("equalized_odds_difference", "equalized_odds_ratio"):
        assert by(metric).value is None
        assert "true positive rate: fewer than 2 groups" in str(by(metric).reason)
    assert by("demographic_parity_difference").value is not None


def test_5_rows_of_unknown_group_are_counted_shown_and_kept_out_of_the_gaps() -> None:
    by = found(EVEN | {None: (9, 1, 5, 5)})
    assert by("group_size", "unknown").value == 20
    assert by.value("selection_rate", "unknown") == 0.5
    share = by("unknown_share")
    assert (share.value, share.exact, share.n) == (20 / 220, True, 220)
    assert parity(by) == parity(found(EVEN))
    assert "without 20 rows of unknown group" in by("demographic_parity_difference").source
    sizes = [m.value for m in by.measurements if m.metric == "group_size"]
    assert sum(filter(None, sizes)) == 220


def test_5_rows_of_unknown_group_bound_how_far_the_gap_could_move() -> None:
    by = found(EVEN | {None: (9, 1, 5, 5)})
    low, high = (by(metric.id) for metric in PARITY_BOUNDS)
    # Women 30 of 100, men 50 of 100; 10 of the 20 unknown are selected.
    assert high.value == pytest.approx(60 / 110 - 30 / 110)
    assert low.value == pytest.approx(50 / 110 - 40 / 110)
    assert low.exact
    assert high.exact
    assert high.reason
    known = found(EVEN)
    assert not [m for m in known.measurements if m.metric == PARITY_BOUNDS[0].id]
    assert known("unknown_share").value == 0


def test_5_with_nothing_known_every_gap_has_a_reason() -> None:
    by = Found(subject_of(rows_of({None: (9, 1, 5, 5)}), {"group": ("F", "M")}))
    assert by.value("unknown_share") == 1.0
    assert set(parity(by).values()) == {None}
    assert by(PARITY_BOUNDS[0].id).value is None


def test_6_a_column_with_too_many_groups_is_counted_and_not_compared() -> None:
    rows = rows_of(EVEN)
    rows["group"] = [f"g{i}" for i in range(200)]
    by = Found(subject_of(rows))
    assert by("group_count").value == 200
    assert "200 groups, more than max_groups = 100" in str(by("demographic_parity_ratio").reason)
    assert not [m for m in by.measurements if m.metric == "selection_rate"]
    assert by.tables["groups"].rows == ()


def test_6_the_base_rate_of_all_rows_keeps_to_the_same_limit() -> None:
    rows = rows_of(EVEN)
    by = Found(subject_of(rows, population=rows), Fairness(max_groups=1))
    assert not [m for m in by.measurements if m.metric == "base_rate_all_rows"]


def test_no_rows_give_reasons_and_no_numbers() -> None:
    by = Found(subject_of(rows_of(EVEN).head(0), {"group": ("F", "M")}))
    assert by("unknown_share").reason == "no rows"
    assert set(parity(by).values()) == {None}
    assert by("selection_rate", "F").reason == "no rows"


def test_7_an_intersection_that_nobody_is_in_is_there_with_no_rows() -> None:
    rows = rows_of({("F", "a"): (9, 9, 9, 9), ("M", "a"): (9, 9, 9, 9), ("M", "b"): (9, 9, 9, 9)},
                   ("sex", "race"))  # fmt: skip
    by = Found(subject_of(rows))
    nobody = by.by["selection_rate", ("race", "b"), ("sex", "F")]
    assert (nobody.value, nobody.n, nobody.reason) == (None, 0, "no rows")
    crossed = by.by["demographic_parity_difference", ("race", "*"), ("sex", "*")]
    assert crossed.value == 0
    names = [row[1] for row in by.tables["groups"].rows if row[0] == "sex × race"]  # noqa: RUF001
    assert names == ["F × a", "F × b", "M × a", "M × b"]  # noqa: RUF001


def test_7_intersections_can_be_left_out_or_be_too_many() -> None:
    rows = rows_of({("F", "a"): (9, 9, 9, 9), ("M", "b"): (9, 9, 9, 9)}, ("sex", "race"))
    assert all(
        len(m.slice) == 1
        for m in Found(subject_of(rows), Fairness(intersections=False)).measurements
    )
    few = Found(subject_of(rows), Fairness(max_intersections=3))
    crossed = few.by["demographic_parity_difference", ("race", "*"), ("sex", "*")]
    assert "4 groups, more than max_intersections = 3" in str(crossed.reason)
    assert few.by["group_count", ("race", "*"), ("sex", "*")].value == 4


def test_8_a_group_that_is_never_selected_has_ratio_0_with_an_interval() -> None:
    by = found({"F": (0, 0, 20, 30), "M": (20, 10, 10, 10)})
    ratio = by("demographic_parity_ratio")
    assert ratio.value == 0
    assert ratio.interval is not None
    assert ratio.interval.low == 0 < ratio.interval.high


def test_8_equal_rates_are_a_gap_of_0_that_is_not_certain() -> None:
    by = found({"F": (10, 10, 10, 10), "M": (20, 20, 20, 20)})
    gap, ratio = by("demographic_parity_difference"), by("demographic_parity_ratio")
    assert (gap.value, ratio.value) == (0, 1)
    assert gap.interval is not None
    assert ratio.interval is not None
    assert gap.interval.high > 0.1
    assert ratio.interval.low < 0.9


def test_8_rates_of_0_in_every_group_have_no_ratio() -> None:
    by = found({"F": (20, 0, 20, 30), "M": (20, 0, 10, 30)})  # no false positive anywhere
    assert "false positive rate: the rate is 0" in str(by("equalized_odds_ratio").reason)
    assert by.value("equalized_odds_difference") == pytest.approx(1 / 6)


def test_9_one_group_has_nothing_to_be_compared_with() -> None:
    by = found({"F": (20, 10, 20, 50)})
    assert set(parity(by).values()) == {None}
    assert "fewer than 2 groups" in str(by("demographic_parity_difference").reason)
    assert by("selection_rate", "F").value == 0.3
    assert "pairs" not in by.tables


def test_13_a_gap_that_turns_over_within_strata_shows_both_ways() -> None:
    # Within each office women are selected more often; over all of them, less often.
    counts = {
        ("F", "hard"): (16, 8, 56, 0),
        ("M", "hard"): (2, 0, 8, 0),
        ("F", "easy"): (18, 0, 2, 0),
        ("M", "easy"): (64, 0, 16, 0),
    }
    by = Found(subject_of(rows_of(counts, ("sex", "office"))))

    def selected(**where: str) -> float:
        return by.by["selection_rate", *sorted(where.items())].value or 0.0

    assert selected(sex="F") < selected(sex="M")
    for office in ("hard", "easy"):
        assert selected(sex="F", office=office) > selected(sex="M", office=office)


def test_15_names_that_differ_only_in_case_or_spaces_are_pointed_out() -> None:
    by = found({"Male": (9, 9, 9, 9), "male ": (9, 9, 9, 9), "F": (9, 9, 9, 9)})
    assert "'Male' and 'male ' differ only in case or spaces" in by("group_count").source
    assert "differ only" not in found(EVEN)("group_count").source


def test_16_the_order_of_rows_does_not_matter() -> None:
    rows = rows_of(EVEN | {"X": (3, 2, 1, 0), None: (1, 2, 3, 4)})
    names = {"group": ("F", "M", "X")}
    mixed = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    first, second = Found(subject_of(rows, names)), Found(subject_of(mixed, names))
    assert first.measurements == second.measurements
    assert first.tables == second.tables


def test_new_names_for_groups_only_rename() -> None:
    new = {"F": "women", "M": "men"}
    first, second = found(EVEN), found({new[name]: counts for name, counts in EVEN.items()})
    assert parity(first) == parity(second)
    for m in first.measurements:
        group = m.slice["group"]
        other = second(m.metric, new.get(group, group))
        assert (m.value, m.interval, m.n, m.source) == (
            other.value, other.interval, other.n, other.source,
        )  # fmt: skip
    renamed = [
        tuple(new.get(str(cell), cell) for cell in row) for row in first.tables["pairs"].rows
    ]
    assert renamed == list(second.tables["pairs"].rows)


@pytest.mark.parametrize("selected", [0, 1])
def test_the_same_decision_for_everyone_is_vacuous_not_fair(selected: int) -> None:
    rows = rows_of(EVEN).assign(yhat=selected)
    by = Found(subject_of(rows))
    for metric in PARITY:
        assert (by(metric.id).value, by(metric.id).reason) == (None, CONSTANT)
    rate = by("selection_rate", "F")
    assert rate.value == selected
    assert rate.interval is not None
    assert "pairs" not in by.tables


def test_the_groups_table_has_the_numbers_of_the_measurements() -> None:
    by = found(EVEN | {"X": (0, 0, 0, 1)})
    table = by.tables["groups"]
    assert table.columns[:3] == ("attribute", "group", "n")
    assert table.chart == "groups"
    line = dict(zip(table.columns, table.rows[0], strict=True))
    for metric in ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate",
                   "precision", "accuracy"):  # fmt: skip
        m = by(metric, "F")
        assert m.interval is not None
        bounds = (m.interval.low, m.interval.high)
        assert (line[metric], line[f"{metric}_low"], line[f"{metric}_high"]) == (m.value, *bounds)
    assert table.rows[2][3:] == (None,) * 18


def test_the_pairs_table_says_who_is_told_apart_and_agrees_with_the_gaps() -> None:
    by = found({"a": (40, 30, 10, 20), "b": (10, 5, 40, 45), "c": (12, 7, 40, 41)})
    table = by.tables["pairs"]
    assert table.columns == (
        "attribute", "metric", "a", "b", "difference", "low", "high", "p_adjusted", "established",
    )  # fmt: skip
    assert table.chart == "forest"
    told = {(row[1], row[2], row[3]): row[8] for row in table.rows}
    assert told["selection_rate", "a", "b"] is True
    assert told["selection_rate", "c", "b"] is False
    headline = {"selection_rate": "demographic_parity_difference",
                "true_positive_rate": "equal_opportunity_difference"}  # fmt: skip
    for rate, metric in headline.items():
        widest = next(row for row in table.rows if row[1] == rate)  # the first is the widest
        gap = by(metric)
        assert gap.interval is not None
        assert widest[4] == pytest.approx(gap.value)
        assert any(row[8] for row in table.rows if row[1] == rate) == (gap.interval.low > 0)
    assert "the interval decides" in table.source


def test_of_many_pairs_the_widest_are_listed_and_the_rest_counted() -> None:
    counts = {f"g{i}": (10 + i * i, 10, 20 - i * i, 10) for i in range(5)}
    by = found(counts, Fairness(max_pairs=3))
    rows = [row for row in by.tables["pairs"].rows if row[1] == "selection_rate"]
    assert [(row[2], row[3]) for row in rows] == [("g4", "g0"), ("g4", "g1"), ("g4", "g2")]
    apart = sum(bool(row[8]) for row in rows)  # the widest are established first
    assert f"'group' selection_rate ({apart} of 10 told apart)" in by.tables["pairs"].source


def test_group_names_from_the_data_cannot_break_a_slice_or_flood_a_text() -> None:
    names = ("*", "unknown", "<script>alert(1)</script>", "=1+1", "\u202eabc", "x" * 10_000)
    counts: dict[Any, Counts] = dict.fromkeys(names, (0, 1, 1, 0))
    by = found(counts | EVEN | {None: (1, 1, 1, 1)})
    assert by("group_size", "(*)").value == 2
    assert by("group_size", "unknown").value == 2
    assert by("group_size", "(unknown)").value == 4
    text = by("demographic_parity_difference").source
    assert len(text) < 1500
    assert "\u202e" not in text


def test_labels_are_all_different_whatever_the_names() -> None:
    groups = Groups("g", ("unknown", "(unknown)", "*", "(*)"), np.array([0]))
    assert len(set(group_labels(groups))) == 5


@pytest.mark.parametrize("name", ["min_group", "max_groups", "max_intersections", "max_pairs"])
def test_a_setting_below_1_is_refused(name: str) -> None:
    settings: dict[str, Any] = {name: 0}
    with pytest.raises(InputError, match=name):
        Fairness(**settings)


def test_every_wrong_setting_is_listed() -> None:
    with pytest.raises(InputError, match="3 problems"):
        Fairness(level=1, min_group=0, max_pairs=-1)


@pytest.mark.slow
def test_a_census_sized_table_takes_a_fraction_of_a_second() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], 15_000),
            "race": rng.choice(list("abcde"), 15_000),
            "y": rng.integers(0, 2, 15_000),
            "yhat": rng.integers(0, 2, 15_000),
        }
    )
    subject = subject_of(rows)
    start = time.process_time()
    Found(subject)
    assert time.process_time() - start < 0.5


def test_the_audits_load_no_heavy_library() -> None:
    code = (
        "import sys, auditkit.audits.fairness, auditkit.audits.performance;"
        "print({'torch', 'sklearn', 'scipy.stats', 'fairlearn', 'shap'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_column_of_several_values_is_not_crossed_with_its_own_values() -> None:
    rng = np.random.default_rng(0)
    parts = {name: rng.choice(["no", "yes"], 200) for name in ("e: a", "e: b")}
    rows = pd.DataFrame({"y": rng.integers(0, 2, 200), "d": rng.integers(0, 2, 200), **parts})
    rows["e"] = rows["e: a"] + " and " + rows["e: b"]
    rows["sex"] = rng.choice(["F", "M"], 200)
    subject = Subject.from_scores(
        rows, label="y", prediction="d", sensitive=["e", "e: a", "e: b", "sex"]
    )
    evidence = Fairness().run(subject, np.random.default_rng(0))
    crossed = {tuple(one.slice) for one in evidence if isinstance(one, Measurement)}
    assert {pair for pair in crossed if len(pair) == 2} == {
        ("e", "sex"), ("e: a", "sex"), ("e: b", "sex"),
    }  # fmt: skip


# The further rates and gaps, and the tests of the gaps.


def test_single_groups_have_all_their_rates_and_intersections_the_main_ones() -> None:
    by = found(EVEN)
    assert by.value("true_negative_rate", "F") == pytest.approx(50 / 60)
    assert by.value("negative_predictive_value", "F") == pytest.approx(50 / 70)
    assert by.value("balanced_accuracy", "F") == pytest.approx((20 / 40 + 50 / 60) / 2)
    assert by.value("f1", "F") == pytest.approx(40 / 70)
    assert by.value("mcc", "F") == pytest.approx((20 * 50 - 10 * 20) / (40 * 60 * 30 * 70) ** 0.5)
    assert by.value("treatment_ratio", "F") == 2
    assert by("treatment_ratio", "F").source == "20 false negatives, 10 false positives"
    crossed = Found(subject_of(rows_of({("F", "a"): (9, 9, 9, 9), ("M", "b"): (9, 9, 9, 9)},
                                       ("sex", "race"))))  # fmt: skip
    assert ("mcc", ("race", "a"), ("sex", "F")) not in crossed.by
    assert ("mcc_difference", ("race", "*"), ("sex", "*")) in crossed.by


def test_what_one_person_would_give_away_is_withheld_in_the_further_rates_too() -> None:
    by = found(EVEN | {"X": (1, 4, 0, 9)})  # one positive, one wrong way only
    for metric in ("balanced_accuracy", "mcc"):
        assert by(metric, "X").reason == WITHHELD
    assert found(EVEN | {"X": (5, 1, 0, 9)})("treatment_ratio", "X").reason == WITHHELD


def test_every_further_gap_leaves_out_small_groups_and_names_them() -> None:
    small = found(EVEN | {"X": (2, 2, 3, 2)})
    for metric in FURTHER:
        assert small(metric.id).value == found(EVEN)(metric.id).value
        assert "'X' (9 rows)" in small(metric.id).source
    assert small("mcc_difference").interval is not None


def test_with_one_group_every_further_gap_has_a_reason() -> None:
    by = found({"F": (20, 10, 20, 50)})
    for metric in FURTHER:
        assert by(metric.id).value is None
        assert "fewer than 2 groups" in str(by(metric.id).reason)
    assert "tests" not in by.tables


def test_the_tests_are_one_family_that_the_table_names() -> None:
    table = found(EVEN).tables["tests"]
    assert [row[1] for row in table.rows] == list(COMPARED)
    raw, holm, bh = (np.array([row[i] for row in table.rows], dtype=float) for i in (6, 7, 8))
    assert holm == pytest.approx(significance.holm(raw))
    assert bh == pytest.approx(significance.benjamini_hochberg(raw))
    assert "all 6 gaps tested in this audit" in table.source
    selection = dict(zip(table.columns, table.rows[0], strict=True))
    assert (selection["groups"], selection["pairs"]) == (2, 1)
    assert selection["difference"] == pytest.approx(0.2)
    (pair,) = [row for row in found(EVEN).tables["pairs"].rows if row[1] == "selection_rate"]
    assert selection["told_apart"] == int(bool(pair[-1]))


def test_one_more_column_moves_no_p_value_and_no_bootstrap_interval() -> None:
    rows = rows_of(EVEN)
    more = rows.assign(other=np.where(np.arange(len(rows)) % 2, "a", "b"))
    alone, both = (
        Found(subject_of(held)) for held in (rows, more[["group", "other", "y", "yhat"]])
    )
    p_of = {row[1]: row[6] for row in alone.tables["tests"].rows}
    assert p_of == {r[1]: r[6] for r in both.tables["tests"].rows if r[0] == "group"}
    assert alone("mcc", "F") == both("mcc", "F")


def test_pairs_are_listed_of_the_rates_that_the_settings_name() -> None:
    by = found(EVEN, Fairness(pairs_of=("precision",)))
    assert {row[1] for row in by.tables["pairs"].rows} == {"precision"}
    with pytest.raises(InputError, match="Did you mean 'precision'"):
        Fairness(pairs_of=("precison",))


def test_rows_of_unequal_weight_have_gaps_but_no_shuffles_and_the_table_says_why() -> None:
    rows = rows_of(EVEN).assign(w=lambda f: 1.0 + np.arange(len(f)) % 3)
    subject = Subject.from_scores(
        rows, label="y", prediction="yhat", sensitive=["group"], weight="w"
    )
    table = Found(subject).tables["tests"]
    assert {row[6:] for row in table.rows} == {(None, None, None)}
    assert NOT_WHOLE in table.source
