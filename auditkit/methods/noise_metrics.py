"""What is measured when the inputs of a model are a little off, or wrong."""

from __future__ import annotations

from collections.abc import Mapping

from auditkit.evidence import Metric

#: What counts as another answer, in every definition below.
_OTHER = "get another decision (of numbers: a prediction that moves by more than the tolerance)"


def _share(name: str, title: str, definition: str) -> Metric:
    return Metric(name, title, definition, "rate", better="lower", low=0.0, high=1.0)


NOISE_FLIP_RATE = _share(
    "noise_flip_rate",
    "Changes under small noise",
    f"Share of rows that {_OTHER} when all numbers are 1 % smaller, 1 % larger or off by 0.01 of "
    "their standard deviation: the mean of the three.",
)
NOISE_TO_WORSE = _share(
    "noise_flip_to_worse",
    "Changes under small noise, to the worse",
    "Share of rows that get a worse answer for the person under the same small changes.",
)
NOISE_TO_BETTER = _share(
    "noise_flip_to_better",
    "Changes under small noise, to the better",
    "Share of rows that get a better answer for the person under the same small changes.",
)
NOISE_GAP = Metric(
    "noise_flip_rate_difference",
    "Changes under small noise, difference between groups",
    "Largest minus smallest share of decisions that change under small noise among the groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
TYPO = _share(
    "typo_flip_rate",
    "Changes with typos",
    f"Share of rows that {_OTHER} when letters of their texts are mistyped.",
)
CASE = _share(
    "letter_case_flip_rate",
    "Changes with letter case",
    f"Share of rows that {_OTHER} when their texts are written in capital letters.",
)
MISSING = _share(
    "missing_field_flip_rate",
    "Changes with one missing field",
    f"Share of rows that {_OTHER} when one field is left empty: the field that does most.",
)
UNIT_ERROR = _share(
    "unit_error_flip_rate",
    "Changes with a wrong unit",
    f"Share of rows that {_OTHER} when one number is in a wrong unit: the number and the factor "
    "that do most.",
)
CATEGORY_ERROR = _share(
    "category_error_flip_rate",
    "Changes with a wrong category",
    f"Share of rows that {_OTHER} when one category is another known one: the column that does "
    "most.",
)
UNSEEN = _share(
    "unseen_category_flip_rate",
    "Changes with an unseen category",
    f"Share of rows that {_OTHER} when one category is a name that no row has: the column that "
    "does most.",
)
#: Kind of change, as tables name it, to what is measured of it; the small ones first.
KINDS: Mapping[str, Metric] = {
    "small noise": NOISE_FLIP_RATE,
    "typos": TYPO,
    "letter case": CASE,
    "missing field": MISSING,
    "wrong unit": UNIT_ERROR,
    "wrong category": CATEGORY_ERROR,
    "unseen category": UNSEEN,
}
METRICS = (*KINDS.values(), NOISE_TO_WORSE, NOISE_TO_BETTER, NOISE_GAP)
