"""The adverse impact audit: the rule's tables, published counts, and awkward columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import subject as small_subject

from auditkit.audit import run
from auditkit.audits.adverse_impact import AdverseImpact
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods import gaps
from auditkit.methods.crossing import CROSS
from auditkit.methods.groupwise import CONSTANT
from auditkit.methods.lending import NO_SCORES, WITHHELD
from auditkit.render.html import render
from auditkit.subject import NEEDS, Subject

#: UCI Adult, all 48,842 rows: positives and rows by sex and race.
ADULT = {
    ("F", "Amer-Ind"): (15, 185),
    ("F", "Asian"): (69, 517),
    ("F", "Black"): (132, 2308),
    ("F", "Other"): (11, 155),
    ("F", "White"): (1542, 13027),
    ("M", "Amer-Ind"): (40, 285),
    ("M", "Asian"): (340, 1002),
    ("M", "Black"): (434, 2377),
    ("M", "Other"): (39, 251),
    ("M", "White"): (9065, 28735),
}
BOTH = AdverseImpact(sex="sex", race="race")


def people(
    counts: Mapping[tuple[Any, Any], tuple[int, int]], scores: Mapping[int, float] | None = None
) -> Subject:
    """A table of decisions from (selected, rows) by sex and race."""
    lines = [
        (sex, race, int(i < won)) for (sex, race), (won, n) in counts.items() for i in range(n)
    ]
    frame = pd.DataFrame(lines, columns=["sex", "race", "d"])
    if scores is None:
        return Subject.from_scores(frame, label=None, prediction="d", sensitive=["sex", "race"])
    frame["s"] = frame["d"].map(scores)
    return Subject.from_scores(frame, label=None, score="s", sensitive=["sex", "race"])


def scored(scores: Sequence[float], sex: Sequence[str | None]) -> Subject:
    frame = pd.DataFrame({"s": scores, "sex": sex})
    return Subject.from_scores(frame, label=None, score="s", sensitive=["sex"])


class Found:
    """What the audit yielded, by metric and slice; rows of a table by category."""

    def __init__(self, subject: Subject, audit: AdverseImpact = BOTH) -> None:
        items = list(audit.run(subject, np.random.default_rng(0)))
        self.measurements = [item for item in items if isinstance(item, Measurement)]
        self.tables = {item.name: item for item in items if isinstance(item, Table)}
        self.by = {(m.metric, *m.slice.items()): m for m in self.measurements}
        assert len(self.by) == len(self.measurements), "(metric, slice) is unique"
        assert {m.metric for m in self.measurements} <= {m.id for m in AdverseImpact.metrics}

    def __call__(self, metric: str, **where: str) -> Measurement:
        return self.by[metric, *where.items()]

    def rows(self, table: str) -> dict[Any, dict[str, Any]]:
        held = self.tables[table]
        return {row[0]: dict(zip(held.columns, row, strict=True)) for row in held.rows}


ONE = AdverseImpact(sex="sex")


@pytest.fixture(scope="module")
def adult() -> Found:
    return Found(people(ADULT))


def test_the_three_tables_of_the_census_are_those_of_its_counts(adult: Found) -> None:
    sex = adult.rows("impact-ratios-sex")
    assert (sex["F"]["applicants"], sex["F"]["selected"]) == (16192, 1769)
    assert [round(sex[g]["selection_rate"], 6) for g in "FM"] == [0.109251, 0.303767]
    assert round(sex["F"]["impact_ratio"], 6) == 0.359655
    race = adult.rows("impact-ratios-race")
    assert [(name, round(row["selection_rate"], 6)) for name, row in race.items()] == [
        ("Amer-Ind", 0.117021),
        ("Asian", 0.269256),
        ("Black", 0.120811),
        ("Other", 0.123153),
        ("White", 0.253987),
    ]
    assert race["Black"]["impact_ratio"] == pytest.approx((566 / 4685) / (409 / 1519))
    both = adult.rows("impact-ratios-sex-race")
    assert both[f"F{CROSS}Black"]["impact_ratio"] == pytest.approx((132 / 2308) / (340 / 1002))
    assert both[f"M{CROSS}Asian"]["standing"] == "highest rate"


def test_categories_under_2_percent_are_listed_with_their_rate_and_a_justification(
    adult: Found,
) -> None:
    other = adult.rows("impact-ratios-race")["Other"]
    assert (other["applicants"], other["selected"], other["impact_ratio"]) == (406, 50, None)
    assert (other["standing"], other["justification"]) == ("left out", "none given")
    assert "under 2 % of the rows" in str(adult("impact_ratio", race="Other").reason)
    said = Found(people(ADULT), AdverseImpact(race="race", justification="too few to be stable"))
    assert said.rows("impact-ratios-race")["Other"]["justification"] == "too few to be stable"
    assert "too few to be stable" in str(said("impact_ratio", race="Other").reason)


def test_the_groups_of_fairlearns_user_guide_are_held_against_the_highest() -> None:
    found = Found(people({("a", "x"): (3, 4), ("b", "x"): (3, 6), ("c", "x"): (4, 8)}), ONE)
    ratios = {name: found("impact_ratio", sex=name).value for name in "abc"}
    assert ratios == pytest.approx({"a": 1.0, "b": 0.5 / 0.75, "c": 0.5 / 0.75})


def test_the_lowest_ratio_stands_for_a_table(adult: Found) -> None:
    lowest = adult("lowest_impact_ratio", race="*")
    assert lowest.value == adult("impact_ratio", race="Black").value
    assert lowest.n == 1519 + 4685 + 41762


def test_what_the_rule_does_not_ask_for_stands_in_a_table_of_its_own(adult: Found) -> None:
    black = adult.rows("impact-tests-race")["Black"]
    assert black["shortfall"] == pytest.approx(4685 * 409 / 1519 - 566)
    assert black["shortfall_pooled"] == pytest.approx(4685 * 975 / 6204 - 566)
    assert black["four_fifths"] == "below 0.8 and significant"
    assert "not asked for by 6 RCNY 5-301" in adult.tables["impact-tests-race"].source
    assert not {"p_value", "shortfall"} & set(adult.tables["impact-ratios-race"].columns)


def test_a_shortfall_has_the_interval_of_the_difference(adult: Found) -> None:
    interval = adult("shortfall", sex="F").interval
    pair = gaps.difference([1769, 9918], [16192, 32650]).interval
    assert interval is not None
    assert pair is not None
    assert interval.low == pytest.approx(16192 * pair.low)
    assert interval.high == pytest.approx(16192 * pair.high)


def test_unknown_rows_are_counted_without_a_ratio_and_tables_need_not_add_up() -> None:
    found = Found(people({("F", "a"): (5, 20), ("M", "a"): (9, 20), ("F", None): (1, 4),
                          (None, "b"): (3, 6), ("M", "b"): (10, 20)}))  # fmt: skip
    row = found.rows("impact-ratios-sex")["unknown"]
    assert (row["applicants"], row["selected"], row["impact_ratio"]) == (6, 3, None)
    assert found.rows("impact-ratios-sex-race")[f"F{CROSS}unknown"]["applicants"] == 4
    source = found.tables["impact-ratios-sex-race"].source
    assert "of 60 rows is known here, of 64 rows by 'sex' alone and of 66 rows by 'race'" in source
    assert "nothing is repaired" in source


def test_where_being_selected_is_unfavourable_the_others_are_counted_and_it_is_said() -> None:
    counts = {("F", "a"): (15, 50), ("M", "a"): (5, 50)}
    found = Found(people(counts), AdverseImpact(sex="sex", favourable=False))
    row = found.rows("impact-ratios-sex")["F"]
    assert (row["not_selected"], row["rate_not_selected"]) == (35, 0.7)
    assert row["impact_ratio"] == pytest.approx(0.7 / 0.9)
    table = found.tables["impact-ratios-sex"]
    assert "unfavourable here" in table.source
    assert "but here for the others" in table.source
    assert table.title == "Impact ratios by sex, of the favourable outcome"


def test_leaving_out_more_than_the_rule_lets_is_said() -> None:
    assert "the rule lets" not in Found(people(ADULT)).tables["impact-ratios-race"].source
    table = Found(people(ADULT), AdverseImpact(race="race", least_share=0.05)).tables
    assert "the rule lets categories under 2 % be left out" in table["impact-ratios-race"].source


def test_a_scoring_rate_is_the_share_strictly_above_the_median() -> None:
    audit = AdverseImpact(sex="sex", rate="scoring")
    scores = [0.1, 0.5, 0.5, 0.5, 0.2, 0.5, 0.8, 0.9]  # the median, 0.5, is tied
    found = Found(scored(scores, ["F"] * 4 + ["M"] * 4), audit)
    assert found("scoring_rate", sex="F").value == 0
    assert found("scoring_rate", sex="M").value == 0.5
    assert found.rows("impact-ratios-sex")["M"]["above_median"] == 2
    low = AdverseImpact(sex="sex", rate="scoring", favourable=False)
    assert Found(scored(scores, ["F"] * 4 + ["M"] * 4), low)("scoring_rate", sex="F").value == 0.25


def test_unknown_rows_enter_the_median_unless_a_setting_says_otherwise() -> None:
    scores, sex = [0.1, 0.2, 0.3, 0.4, 0.9, 0.9, 0.9], ["F", "M", "F", "M", None, None, None]
    with_all = Found(scored(scores, sex), AdverseImpact(sex="sex", rate="scoring"))
    assert with_all("scoring_rate", sex="M").value == 0
    assert "the median is that of all rows" in with_all.tables["impact-ratios-sex"].source
    audit = AdverseImpact(sex="sex", rate="scoring", unknown_in_median=False)
    without = Found(scored(scores, sex), audit)
    assert without("scoring_rate", sex="M").value == 0.5
    assert "rows of known category only" in without.tables["impact-ratios-sex"].source


def test_decisions_alone_have_no_scoring_rate_and_no_mean_score() -> None:
    audit = AdverseImpact(sex="sex", rate="scoring")
    found = Found(people({("F", "a"): (1, 9), ("M", "a"): (2, 9)}), audit)
    assert found("lowest_impact_ratio", sex="*").reason == NEEDS["scores"]
    assert found("standardized_mean_difference", sex="*").reason == NO_SCORES


def test_lenders_figures_are_held_against_the_reference_that_is_named() -> None:
    counts = {("F", "a"): (20, 50), ("M", "a"): (10, 50)}
    audit = AdverseImpact(sex="sex", references={"sex": "M"})
    found = Found(people(counts, {0: 0.2, 1: 0.7}), audit)
    assert found("adverse_impact_ratio", sex="F").value == pytest.approx(2.0)
    assert ("adverse_impact_ratio", ("sex", "M")) not in found.by
    spread = 0.5 * np.sqrt((50 * 0.24 + 50 * 0.16) / 98)
    assert found("standardized_mean_difference", sex="F").value == pytest.approx(0.1 / spread)
    assert "reference: 'M', named beforehand" in found.tables["lending-sex"].source
    picked = Found(people(counts, {0: 0.2, 1: 0.7}), ONE)
    assert picked("standardized_mean_difference", sex="M").value == pytest.approx(-0.1 / spread)
    assert "'F', the most favourable mean score" in picked.tables["lending-sex"].source
    assert not any(m.metric == "adverse_impact_ratio" for m in picked.measurements)
    assert "adverse_impact_ratio" not in picked.tables["lending-sex"].columns


def test_without_names_every_column_has_a_table_and_the_first_two_are_crossed() -> None:
    found = Found(small_subject(), AdverseImpact())
    tables = [name for name in found.tables if name.startswith("impact-ratios")]
    assert tables == ["impact-ratios-1", "impact-ratios-2", "impact-ratios-1-2"]
    assert all("neither sex nor race named" in found.tables[name].title for name in tables)


def test_a_column_is_never_crossed_with_one_made_from_its_values() -> None:
    frame = pd.DataFrame({"d": [0, 1] * 20, "race": ["a", "b"] * 20, "race: a": ["yes", "no"] * 20})
    made = Subject.from_scores(frame, label=None, prediction="d", sensitive=["race", "race: a"])
    assert "impact-ratios-1-2" not in Found(made, AdverseImpact()).tables


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({("F", "a"): (3, 9)}, gaps.TOO_FEW),
        ({("F", "a"): (1, 1)}, gaps.TOO_FEW),
        ({("F", "a"): (0, 9), ("M", "a"): (0, 9)}, CONSTANT),
        ({("F", "a"): (9, 9), ("M", "a"): (9, 9)}, CONSTANT),
        ({("F", "a"): (0, 9), ("M", "a"): (0, 9), (None, "a"): (1, 9)}, gaps.ALL_ZERO),
    ],
)
def test_what_cannot_be_compared_has_a_reason_and_no_tests(
    counts: dict[tuple[Any, Any], tuple[int, int]], reason: str
) -> None:
    found = Found(people(counts), ONE)
    assert found("lowest_impact_ratio", sex="*").reason == reason
    assert found("impact_ratio", sex="F").value is None
    assert "impact-tests-sex" not in found.tables
    assert "impact-ratios-sex" in found.tables


def test_the_outcome_of_a_single_person_is_nowhere() -> None:
    found = Found(people({("F", "a"): (1, 1), ("M", "a"): (3, 9), ("X", "a"): (4, 9)}), ONE)
    row = found.rows("impact-ratios-sex")["F"]
    assert (row["applicants"], row["selected"], row["selection_rate"]) == (1, None, None)
    assert found("impact_ratio", sex="F").reason == WITHHELD


def test_a_declared_category_without_rows_is_listed() -> None:
    frame = pd.DataFrame({"d": [0, 1] * 10, "sex": ["F", "M"] * 10})
    frame["sex"] = frame["sex"].astype(pd.CategoricalDtype(["F", "M", "X"]))
    subject = Subject.from_scores(frame, label=None, prediction="d", sensitive=["sex"])
    row = Found(subject, ONE).rows("impact-ratios-sex")["X"]
    assert (row["applicants"], row["selection_rate"], row["standing"]) == (0, None, "no rows")


def test_five_thousand_categories_are_counted_and_not_compared() -> None:
    rng = np.random.default_rng(0)
    names = [f"g{i}" for i in range(5_000)] * 2
    frame = pd.DataFrame({"d": rng.integers(0, 2, 10_000), "sex": names})
    subject = Subject.from_scores(frame, label=None, prediction="d", sensitive=["sex"])
    (only,) = (m for m in Found(subject, ONE).measurements if m.metric == "lowest_impact_ratio")
    assert str(only.reason).startswith("5,000 categories, more than max_categories = 100")


def test_weights_change_nothing_and_the_table_says_so() -> None:
    frame = pd.DataFrame({"d": [0, 1, 1, 1] * 10, "sex": ["F", "M"] * 20, "w": [1.0, 2.0] * 20})
    plain = Subject.from_scores(frame, label=None, prediction="d", sensitive=["sex"])
    heavy = Subject.from_scores(frame, label=None, prediction="d", sensitive=["sex"], weight="w")
    assert (
        Found(heavy, ONE).tables["impact-ratios-sex"]
        == Found(plain, ONE).tables["impact-ratios-sex"]
    )
    assert "not weighted" in Found(heavy, ONE).tables["impact-ratios-sex"].source
    assert run(heavy, None, [ONE]).plan.audits[0].weighted is False


def test_a_name_that_is_not_there_is_said_with_the_nearest() -> None:
    audit = AdverseImpact(sex="sexx", references={"sex": "Z", "age": "old"})
    with pytest.raises(InputError) as caught:
        Found(people(ADULT), audit)
    message = str(caught.value)
    assert message.startswith("3 problems")
    assert "Did you mean 'sex'?" in message
    assert "references 'sex'" in message


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"least_share": 1.0}, "least_share"),
        ({"level": 1.0}, "level"),
        ({"max_categories": 0}, "max_categories"),
        ({"sex": "a", "race": "a"}, "race"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=name):
        AdverseImpact(**settings)


@pytest.fixture(scope="module")
def page() -> str:
    return render(run(people(ADULT, {0: 0.2, 1: 0.7}), None, [BOTH]))


def test_the_page_shows_the_tables_and_claims_nothing_about_the_law(page: str) -> None:
    assert "Impact ratios by sex, as 6 RCNY 5-301 defines them" in page
    assert "read in a transcription" in page
    assert "compliant" not in page.lower()


def test_its_section_stands_behind_that_of_fairness(page: str) -> None:
    places = [page.index(f'<section class="s" id="{name}"')
              for name in ("fairness", "adverse-impact", "explainability")]  # fmt: skip
    assert places == sorted(places)


def test_the_section_opens_with_the_surest_low_ratio(page: str) -> None:
    section = page.split('<section class="s" id="adverse-impact"')[1]
    assert "By sex × race, the lowest rate of the favourable outcome is <b>0.169" in section  # noqa: RUF001 - the sign on the page
    assert "5 lie below 0.8 of the highest rate and differ from it significantly" in section


def test_without_a_low_ratio_the_section_says_so() -> None:
    even = people({("F", "a"): (25, 50), ("M", "a"): (25, 50)})
    assert "No category that was compared lies below 0.8" in render(run(even, None, [ONE]))


def test_the_tables_of_the_rule_stand_in_the_open_however_long_they_are() -> None:
    counts = {(sex, race): (5, 20) for sex in "FM" for race in "abcdefgh"}
    text = render(run(people(counts), None, [AdverseImpact(sex="sex", race="race", least_share=0)]))
    figure = text.split("Impact ratios by sex × race")[1].split("</table>")[0]  # noqa: RUF001 - as above
    assert "<details" not in figure
    assert figure.count("<tr><th><bdi>") == 16


def test_a_drawing_says_how_each_ratio_reads(page: str) -> None:
    drawn = page.split("Beside the rule, by sex: interval, test and shortfall")[1]
    drawn = drawn.split("<details")[0]
    assert "below 0.8 and significant" in drawn
    assert "shortfall 3,150" in drawn
