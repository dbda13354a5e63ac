"""Private twins: models like the audited one, trained again with differential privacy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from auditkit.errors import AuditkitError, Problem, quote
from auditkit.models import Model, Recipe

_ABOVE, _WHOLE = "a number above 0", "a whole number from 1"
#: Setting to the end of the open range from 0 that it lies in, and the range in words.
_RANGES: dict[str, tuple[float, str]] = {
    "epsilon": (math.inf, _ABOVE),
    "delta": (1, "a number in (0, 1)"),
    "max_grad_norm": (math.inf, _ABOVE),
    "epochs": (math.inf, _WHOLE),
    "batch_size": (math.inf, _WHOLE),
    "learning_rate": (math.inf, _ABOVE),
}


def twin_settings(audit: object) -> dict[str, Any]:
    """The settings of an audit that are of private training, without those that are not set.

    Example:
        >>> from types import SimpleNamespace
        >>> twin_settings(SimpleNamespace(epsilon=3.0, delta=None, level=0.95))
        {'epsilon': 3.0}
    """
    held = {name: getattr(audit, name, None) for name in _RANGES}
    return {name: value for name, value in held.items() if value is not None}


def twin_problems(audit: Any) -> list[Problem]:  # noqa: ANN401 - any audit
    """Find the settings of private training that are out of range.

    Args:
        audit: An audit: its `name`, and the settings that it has.

    Returns:
        All problems; empty where there is none.

    Example:
        >>> from types import SimpleNamespace
        >>> audit = SimpleNamespace(name="privacy", epsilon=0.0, delta=None)
        >>> [str(problem) for problem in twin_problems(audit)]
        ["[audits.privacy] epsilon: found '0.0', expected a number above 0."]
    """
    return [
        Problem(f"[audits.{audit.name}] {name}", quote(value), _RANGES[name][1])
        for name, value in twin_settings(audit).items()
        if not 0 < value < _RANGES[name][0]
    ]


@dataclass(frozen=True)
class Twin:
    """A private twin.

    Attributes:
        model: The model.
        record: Its training record.
        spent: What the record states of privacy.
    """

    model: Model
    record: Any
    spent: Mapping[str, Any]


def private_twin(recipe: Recipe, rows: pd.DataFrame, settings: Mapping[str, Any]) -> Twin | str:
    """Train a private twin.

    Args:
        recipe: How the audited model was made.
        rows: Its training rows.
        settings: Settings of private training.

    Returns:
        The twin, or why there is none.
    """
    try:
        model, record = recipe.fit(rows, privacy=settings)
    except AuditkitError as error:
        return f"private training was not possible: {' '.join(str(error).split())}"
    spent = getattr(record, "privacy", None)
    if not isinstance(spent, Mapping):
        return "the twin's training record states no privacy"
    return Twin(model, record, spent)
