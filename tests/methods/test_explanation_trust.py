"""What a number is said to mean beside its limit."""

from __future__ import annotations

import pytest

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_metrics import METRICS
from auditkit.methods.explanation_trust import Limit, questions, trust_table


def between(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, Interval(low, high, 0.95, "t"))


@pytest.mark.parametrize(
    ("side", "within", "outside", "undecided"),
    [
        ("at least", (0.9, 1.0), (0.7, 0.89), (0.85, 0.95)),
        ("at most", (0.7, 0.9), (0.91, 1.0), (0.85, 0.95)),
        ("above", (0.91, 1.0), (0.7, 0.9), (0.9, 0.95)),
        ("below", (0.7, 0.89), (0.9, 1.0), (0.85, 0.9)),
    ],
)
def test_the_whole_interval_decides(
    side: str,
    within: tuple[float, float],
    outside: tuple[float, float],
    undecided: tuple[float, float],
) -> None:
    limit = Limit(side, 0.9, "proposed here")
    assert str(limit) == f"{side} 0.9: proposed here"
    assert limit.says(between(*within)) == "within"
    assert limit.says(between(*outside)) == "outside"
    assert limit.says(between(*undecided)) == "undecided: the interval holds the limit"


def test_every_metric_has_a_line_and_every_limit_says_whose_it_is() -> None:
    nothing = {metric.id: Estimate.undefined("no row") for metric in METRICS}
    table = trust_table(nothing, questions(0.3), "none")
    definitions = {row[6] for row in table.rows}
    assert all(metric.definition in definitions for metric in METRICS)
    for asked, value, _, _, meaning, limit, _ in table.rows[:-1]:
        assert str(asked).endswith("?")
        assert value is None
        assert meaning == "not measured: no row"
        assert limit == "none: descriptive" or ": " in str(limit)
    ours = [row[5] for row in table.rows if "proposed here" in str(row[5])]
    assert "at most 3e-05: 1e-4 standard deviations of the score, proposed here" in ours
    assert table.rows[-1][4] == "see Explainability"


def test_no_cell_is_longer_than_a_page_shows() -> None:
    nothing = {metric.id: Estimate.undefined("no row") for metric in METRICS}
    table = trust_table(nothing, questions(0.3), "none")
    assert all(len(str(cell)) <= 160 for row in table.rows for cell in row)
