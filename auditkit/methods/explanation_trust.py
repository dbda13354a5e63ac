"""The table "Can the explanation be trusted?": what is asked, what was found, whose limit there is.

No regulator sets a limit for any of it. A limit is named with who set it; where nobody did, the
line says what chance or a random explanation would give, or that the number only describes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from auditkit.evidence import Cell, Metric, Table
from auditkit.methods import explanation_metrics as names
from auditkit.methods.estimates import Estimate, cells_of

#: Largest efficiency gap that shap's DeepExplainer lets pass; unit: of the score.
SHAP_GAP = 1e-2
#: Largest efficiency gap that we call rounding; unit: standard deviations of the score.
ROUNDING_GAP = 1e-4
#: Least stability, and least share of reasons beyond noise, that we propose.
LEAST = 0.9
#: Greatest rank correlation with networks that learnt nothing that we propose.
MOST_ALIKE = 0.5
#: How a line that has something to be held against begins to say what it means.
WITHIN, OUTSIDE, UNDECIDED = "within", "outside", "undecided"
DESCRIPTIVE = "none: descriptive"
HOLDS: dict[str, Callable[[float, float], bool]] = {
    "at least": operator.ge,
    "at most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """What a number is held against.

    Attributes:
        side: A key of `HOLDS`.
        value: The limit.
        whose: Who set it, or what it stands for.
        within: What it means where the whole interval meets it,
        outside: where none of it does,
        undecided: and where the interval holds the limit.
    """

    side: str
    value: float
    whose: str
    within: str = ""
    outside: str = ""
    undecided: str = "the interval holds the limit"

    def __str__(self) -> str:
        return f"{self.side} {self.value:.2g}: {self.whose}"

    def says(self, found: Estimate) -> str:
        """Say in words what a number means, by its interval where it has one.

        Example:
            >>> Limit("below", 1.0, "ignores the model").says(Estimate(1.0, None, "exact"))
            'outside'
        """
        ends = (found.value, found.value)
        if found.interval is not None:
            ends = (found.interval.low, found.interval.high)
        met = [HOLDS[self.side](end, self.value) for end in ends if end is not None]
        answer, words = UNDECIDED, self.undecided
        if all(met):
            answer, words = WITHIN, self.within
        elif not any(met):
            answer, words = OUTSIDE, self.outside
        return f"{answer}: {words}" if words else answer


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the table.

    Attributes:
        metric: What was measured.
        asks: The question, in plain words.
        limit: What it is held against, or None.
    """

    metric: Metric
    asks: str
    limit: Limit | None = None

    def cells(self, found: Estimate) -> tuple[Cell, ...]:
        """Question, value, bounds, what that means, limit, and definition.

        Example:
            >>> Question(names.ATTRIBUTION_GINI, "How?").cells(Estimate.undefined("no row"))[4:6]
            ('not measured: no row', 'none: descriptive')
        """
        means = "no limit" if self.limit is None else self.limit.says(found)
        if found.value is None:
            means = f"not measured: {found.reason}"
        held = DESCRIPTIVE if self.limit is None else str(self.limit)
        return self.asks, *cells_of(found), means, held, self.metric.definition


_OURS = Limit("at least", LEAST, "proposed here")
_RANDOM = Limit(
    "above", 0.0, "what random reasons give", "better than random", "worse than random",
    "not told apart from random",
)  # fmt: skip
_NO_REASONS = Limit(
    "below", 1.0, "what no reasons give", "better than none", "worse than none",
    "not told apart from none",
)  # fmt: skip
_DEAF = Limit(
    "below", MOST_ALIKE, "proposed here; 1 is what ignores the model", "depends on what was learnt",
    "hardly depends on what was learnt",
)  # fmt: skip
_SHAP = Limit("at most", SHAP_GAP, "shap's own check of its DeepExplainer")


def questions(deviation: float) -> list[Question]:
    """The questions of the table.

    Args:
        deviation: Standard deviation of the score over the explained rows.

    Returns:
        In the order of the table.

    Example:
        >>> str(questions(0.3)[1].limit)
        'at most 3e-05: 1e-4 standard deviations of the score, proposed here'
    """
    whose = f"{ROUNDING_GAP:.0e}".replace("e-0", "e-")
    whose = f"{whose} standard deviations of the score, proposed here"
    rounding = Limit("at most", ROUNDING_GAP * deviation, whose)
    more = "More than without random features?"
    return [
        Question(names.EFFICIENCY_GAP, "Do the reasons add up to the score?", _SHAP),
        Question(names.EFFICIENCY_GAP, "Is what is left over mere rounding?", rounding),
        Question(names.REASON_STANDARD_ERROR, "How sure is the size of a reason?"),
        Question(names.REASONS_BEYOND_NOISE, "Are the reasons more than noise?", _OURS),
        Question(
            names.REASON_STABILITY_BACKGROUNDS,
            "Would other background rows give the same reasons?",
            _OURS,
        ),
        Question(names.SIGN_STABILITY_BACKGROUNDS, "And in the same direction?", _OURS),
        Question(names.REASON_STABILITY_SEEDS, "Would another seed give the same reasons?", _OURS),
        Question(names.SIGN_STABILITY_SEEDS, "And in the same direction?", _OURS),
        Question(names.PREDICTION_GAP_IMPORTANT, "Does the score move without the top reasons?"),
        Question(names.PREDICTION_GAP_IMPORTANT_LEAD, more, _RANDOM),
        Question(names.PREDICTION_GAP_UNIMPORTANT, "Does it stay without the least reasons?"),
        Question(names.PREDICTION_GAP_UNIMPORTANT_LEAD, more, _RANDOM),
        Question(
            names.RELATIVE_INFIDELITY,
            "Do the reasons foretell what several features do together?",
            _NO_REASONS,
        ),
        Question(names.MAX_SENSITIVITY, "Does a small change of the numbers change the reasons?"),
        Question(
            names.MAX_SENSITIVITY_PERCENTILE, "Where is that among networks that learnt nothing?"
        ),
        Question(
            names.RANDOMISED_RANK_CORRELATION,
            "Would a network that learnt nothing give the same reasons?",
            _DEAF,
        ),
        Question(names.FEATURES_FOR_80_PERCENT, "How many features carry most of an explanation?"),
        Question(names.ATTRIBUTION_GINI, "How unequal are they?"),
        Question(names.ATTRIBUTION_ENTROPY, "How spread out are they?"),
    ]


#: What is measured elsewhere.
ELSEWHERE: tuple[Cell, ...] = (
    "Does it rest on protected columns?",
    *(None, None, None),
    "see Explainability",
    DESCRIPTIVE,
    "Share of a sensitive column in all attributions: audit explainability.",
)


def trust_table(found: Mapping[str, Estimate], asked: Iterable[Question], source: str) -> Table:
    """Put what was found beside what it is held against.

    Args:
        found: Metric id to what was found.
        asked: The questions.
        source: What was computed from what.

    Returns:
        The table `trust`.
    """
    lines = [one.cells(found[one.metric.id]) for one in asked]
    return Table(
        name="trust",
        title="Can the explanation be trusted?",
        columns=("question", "value", "low", "high", "meaning", "limit", "definition"),
        rows=(*lines, ELSEWHERE),
        source=source,
        chart="trust",
    )
