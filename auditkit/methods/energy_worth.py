"""What energy buys: accuracy for each kilowatt-hour of training, and what privacy adds to it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from auditkit.evidence import Interval, Measurement, Metric, weakest
from auditkit.methods import intervals, multiclass
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.multiclass import AgainstRest
from auditkit.methods.sums import Sums

_COMPARE = (
    "Compare it between models of one task on the same rows only: a model that learns nothing "
    "costs next to nothing."
)
_per_kwh = functools.partial(Metric, unit="per kWh", better="higher", low=0.0)

ACCURACY_PER_KWH = _per_kwh(
    "accuracy_per_kwh",
    "Accuracy per kWh of training",
    f"Share of assessed rows predicted rightly, over the energy of training. {_COMPARE}",
)
BALANCED_PER_KWH = _per_kwh(
    "balanced_accuracy_per_kwh",
    "Balanced accuracy per kWh of training",
    f"Mean over the outcomes of the share predicted rightly, over the energy of training. "
    f"{_COMPARE}",
)
AUC_PER_KWH = _per_kwh(
    "roc_auc_per_kwh",
    "AUC per kWh of training",
    f"Area under the ROC curve on the assessed rows, over the energy of training. {_COMPARE}",
)
PRIVATE_ENERGY_RATIO = Metric(
    "private_training_energy_ratio",
    "Energy that privacy costs",
    "Energy of training with differential privacy over that of training without it, on the same "
    "rows.",
    "ratio",
    better="lower",
    low=0.0,
)
#: What is told per kWh.
PER_KWH = (ACCURACY_PER_KWH, BALANCED_PER_KWH, AUC_PER_KWH)
METRICS = (*PER_KWH, PRIVATE_ENERGY_RATIO)
_JOULES = 3.6e6


def of_decisions(
    confusion: IntArray, sums: Sums | None, level: float = 0.95
) -> dict[Metric, Estimate]:
    """Find how often decisions are right, over all rows and over the outcomes.

    Args:
        confusion: Shape (k, k): rows by true and predicted outcome.
        sums: Their weights, shaped as the table, or None.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The metric per kWh that each is for, to accuracy and balanced accuracy.

    Example:
        >>> import numpy as np
        >>> found = of_decisions(np.array([[6, 2], [1, 1]]), None)
        >>> [one.value for one in found.values()]
        [0.7, 0.625]
    """
    won, rows = (float(count) for count in AgainstRest.of(confusion, sums).accuracy)
    return {
        ACCURACY_PER_KWH: intervals.share(won, rows, level),
        BALANCED_PER_KWH: multiclass.balanced_accuracy(confusion, level, sums),
    }


def per_kwh(
    found: Mapping[Metric, Estimate], n: int, energy: Measurement, otherwise: str, source: str
) -> Iterator[Measurement]:
    """Divide how good a model is by the energy of its training.

    Args:
        found: Metric to what is to be divided.
        n: Rows that it rests on.
        energy: Energy of training; unit: J.
        otherwise: Why there is nothing to divide for the other metrics.
        source: What it was computed from.

    Yields:
        Each of `PER_KWH`. The interval holds both at once, so its level is lower than theirs
        (Bonferroni); there is none where one of the two has none.

    Example:
        >>> spent = Metric("e", "Energy", "Energy.", "J").measure(
        ...     3.6e6, n=1, interval=Interval(1.8e6, 7.2e6, 0.95, "model"), source="record")
        >>> good = Estimate(0.8, Interval(0.7, 0.9, 0.95, "Clopper-Pearson"))
        >>> told = next(per_kwh({ACCURACY_PER_KWH: good}, 60, spent, "", "rows"))
        >>> told.value, round(told.interval.low, 3), round(told.interval.high, 3)
        (0.8, 0.35, 1.8)
        >>> round(told.interval.level, 3)
        0.9
    """
    for metric in PER_KWH:
        one = found.get(metric, Estimate.undefined(otherwise))
        reason = one.reason if one.value is None else energy.reason
        if one.value is None or not energy.value:
            yield metric.measure(None, n=0, reason=reason or "no energy", source=source)
            continue
        interval = _both(one.interval, energy.interval)
        yield metric.measure(
            one.value / energy.value * _JOULES,
            n=n,
            interval=interval,
            reason=None if interval else (energy.reason or one.reason),
            basis=weakest("measured", energy.basis),
            source=f"{source}; over training_energy: {energy.source}",
        )


def _both(good: Interval | None, spent: Interval | None) -> Interval | None:
    """The interval of a quotient from those of its parts."""
    if good is None or spent is None or spent.low <= 0:
        return None
    return Interval(
        low=good.low / spent.high * _JOULES,
        high=good.high / spent.low * _JOULES,
        level=good.level + spent.level - 1,
        method=f"least over most and most over least of both, Bonferroni: {good.method}; "
        f"{spent.method}",
    )


def epsilon_of(record: Any) -> float | None:  # noqa: ANN401 - whatever made the record
    """Privacy loss that a training record states.

    Returns:
        Epsilon, or None where training was not private.

    Example:
        >>> from types import SimpleNamespace
        >>> epsilon_of(SimpleNamespace(privacy={"epsilon": 3.0})), epsilon_of(None)
        (3.0, None)
    """
    stated = getattr(record, "privacy", None)
    return float(stated["epsilon"]) if stated else None


def twin_of(own: Any, records: Iterable[Any]) -> Any:  # noqa: ANN401 - as above
    """Find the training that differs in privacy from the audited one.

    Args:
        own: Record of the audited model, or None.
        records: Records of the models that were trained beside it.

    Returns:
        The record of a network of the same shape, trained on as many rows, with privacy where the
        audited model had none (the strongest), without where it had; None where there is none.

    Example:
        >>> twin_of(None, []) is None
        True
    """
    fits = [
        record
        for record in records
        if own is not None
        and (epsilon_of(record) is None) != (epsilon_of(own) is None)
        and (record.rows, record.architecture) == (own.rows, own.architecture)
    ]
    return min(fits, key=lambda record: epsilon_of(record) or 0.0, default=None)


def privacy_ratio(
    plain: Measurement | None, private: Measurement | None, source: str, nothing: str
) -> Measurement:
    """Energy of private training over that of training without privacy.

    Args:
        plain: Energy of the training without; None where there was none.
        private: Energy of the training with.
        source: Which trainings these are.
        nothing: Why there is no ratio where one is missing.

    Returns:
        The ratio. A coefficient that both were estimated with cancels, and one run of each has no
        interval.

    Example:
        >>> privacy_ratio(None, None, "records", "no private twin was trained").reason
        'no private twin was trained'
    """
    if plain is None or private is None or not plain.value or private.value is None:
        return PRIVATE_ENERGY_RATIO.measure(None, n=0, reason=nothing, source=source)
    if plain.basis != private.basis:
        nothing = "one was measured and the other estimated, so the two cannot be compared"
        return PRIVATE_ENERGY_RATIO.measure(None, n=0, reason=nothing, source=source)
    return PRIVATE_ENERGY_RATIO.measure(
        private.value / plain.value,
        n=2,
        reason="one training run of each",
        basis=plain.basis,
        source=f"{source}; {private.source}",
    )
