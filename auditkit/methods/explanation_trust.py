"""The table "Can the explanation be trusted?": what is asked, what was found, whose limit there is.

No regulator sets a limit for any of it. A limit is named with who set it; where nobody did, the
line says what chance or a random explanation would give, or that the number only describes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditkit.evidence import Cell, Metric, Table
from auditkit.methods import explanation_metrics as names
from auditkit.methods.estimates import Estimate, cells_of

#: Largest efficiency gap that shap's DeepExplainer lets pass; unit: of the score.
SHAP_GAP = 1e-2
#: Largest efficiency gap that we call rounding; unit: standard deviations of the score.
ROUNDING_GAP = 1e-4
#: Least stability, and least share of reasons beyond noise, that we propose.
LEAST = 0.9
DESCRIPTIVE = "none: descriptive"
#: How every line that has a limit begins to say what it means.
WITHIN, OUTSIDE, UNDECIDED = "within", "outside", "undecided"


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the table.

    Attributes:
        metric: What was measured.
        asks: The question, in plain words.
        limit: What it is held against, and whose that is.
        at_least: The limit, or None.
        at_most: The limit, or None.
        within: What is said where the whole interval meets the limit,
        outside: where none of it does,
        undecided: and where the interval holds the limit.
    """

    metric: Metric
    asks: str
    limit: str = DESCRIPTIVE
    at_least: float | None = None
    at_most: float | None = None
    within: str = WITHIN
    outside: str = OUTSIDE
    undecided: str = f"{UNDECIDED}: the interval holds the limit"

    def says(self, found: Estimate) -> str:
        """Say in words what the number means.

        Example:
            >>> stable = Question(names.REASON_STABILITY_SEEDS, "Stable?", "0.9", at_least=0.9)
            >>> stable.says(Estimate(1.0, None, "exact")), stable.says(Estimate.undefined("no"))
            ('within', 'not measured: no')
        """
        if found.value is None:
            return f"not measured: {found.reason}"
        limit = self.at_least if self.at_least is not None else self.at_most
        if limit is None:
            return "no limit"
        low, high = found.value, found.value
        if found.interval is not None:
            low, high = found.interval.low, found.interval.high
        is_low = high < limit if self.at_least is not None else high <= limit
        is_high = low >= limit if self.at_least is not None else low > limit
        if not (is_low or is_high):
            return self.undecided
        return self.within if is_high == (self.at_least is not None) else self.outside


_CHANCE = {
    "within": f"{WITHIN}: better than random",
    "outside": f"{OUTSIDE}: worse than random",
    "undecided": f"{UNDECIDED}: not told apart from random",
}
_STABLE = {"limit": "at least 0.9, proposed here", "at_least": LEAST}
QUESTIONS = (
    Question(
        names.EFFICIENCY_GAP, "Do the reasons add up to the score?",
        "at most 0.01, shap's own check of its DeepExplainer", at_most=SHAP_GAP,
    ),
    Question(names.EFFICIENCY_GAP, "Is what is left over mere rounding?"),
    Question(names.REASON_STANDARD_ERROR, "How sure is the size of a reason?"),
    Question(names.REASONS_BEYOND_NOISE, "Are the reasons more than noise?", **_STABLE),
    Question(
        names.REASON_STABILITY_BACKGROUNDS, "Would other background rows give the same reasons?",
        **_STABLE,
    ),
    Question(names.SIGN_STABILITY_BACKGROUNDS, "And in the same direction?", **_STABLE),
    Question(names.REASON_STABILITY_SEEDS, "Would another seed give the same reasons?", **_STABLE),
    Question(names.SIGN_STABILITY_SEEDS, "And in the same direction?", **_STABLE),
    Question(names.PREDICTION_GAP_IMPORTANT, "Does the score move without the top reasons?"),
    Question(
        names.PREDICTION_GAP_IMPORTANT_LEAD, "More than without random features?",
        "above 0: random reasons", at_least=0.0, **_CHANCE,
    ),
    Question(names.PREDICTION_GAP_UNIMPORTANT, "Does it stay without the least reasons?"),
    Question(
        names.PREDICTION_GAP_UNIMPORTANT_LEAD, "More than without random features?",
        "above 0: random reasons", at_least=0.0, **_CHANCE,
    ),
    Question(
        names.RELATIVE_INFIDELITY, "Do the reasons foretell what several features do together?",
        "below 1: no reasons at all", at_most=1.0, within=f"{WITHIN}: better than none",
        outside=f"{OUTSIDE}: worse than none", undecided=f"{UNDECIDED}: not told apart from none",
    ),
    Question(names.MAX_SENSITIVITY, "Does a small change of the numbers change the reasons?"),
    Question(
        names.MAX_SENSITIVITY_PERCENTILE, "Where is that among networks that learnt nothing?",
    ),
    Question(
        names.RANDOMISED_RANK_CORRELATION,
        "Would a network that learnt nothing give the same reasons?",
        "below 1: an explanation that ignores the model", at_most=1.0,
        within=f"{WITHIN}: depends on what was learnt", outside=f"{OUTSIDE}: ignores the model",
    ),
    Question(names.FEATURES_FOR_80_PERCENT, "How many features carry most of an explanation?"),
    Question(names.ATTRIBUTION_GINI, "How unequal are they?"),
    Question(names.ATTRIBUTION_ENTROPY, "How spread out are they?"),
)  # fmt: skip
#: What is measured elsewhere.
ELSEWHERE = (
    "Does it rest on protected columns?",
    "Share of a sensitive column in all attributions: audit explainability.",
    *(None, None, None),
    DESCRIPTIVE,
    "see Explainability",
)


def questions(deviation: float) -> list[Question]:
    """The questions, with the limit of rounding in units of the score.

    Args:
        deviation: Standard deviation of the score over the explained rows.

    Returns:
        In the order of the table.

    Example:
        >>> questions(0.3)[1].limit
        'at most 3e-05: 1e-4 standard deviations of the score, proposed here'
    """
    limit = ROUNDING_GAP * deviation
    said = f"at most {limit:.2g}: 1e-4 standard deviations of the score, proposed here"
    asked = list(QUESTIONS)
    asked[1] = replace(asked[1], limit=said, at_most=limit)
    return asked


def trust_table(found: Mapping[str, Estimate], asked: Iterable[Question], source: str) -> Table:
    """Put what was found beside what it is held against.

    Args:
        found: Metric id to what was found.
        asked: The questions.
        source: What was computed from what.

    Returns:
        The table `trust`.
    """
    lines: list[Sequence[Cell]] = [
        (
            one.asks,
            one.metric.definition,
            *cells_of(found[one.metric.id]),
            one.limit,
            one.says(found[one.metric.id]),
        )
        for one in asked
    ]
    return Table(
        name="trust",
        title="Can the explanation be trusted?",
        columns=("question", "definition", "value", "low", "high", "limit", "meaning"),
        rows=tuple(tuple(line) for line in [*lines, ELSEWHERE]),
        source=source,
        chart="trust",
    )
