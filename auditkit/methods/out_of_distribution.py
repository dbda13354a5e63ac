"""Whether rows unlike the training rows are noticed, and how often the alarm is false."""

from __future__ import annotations

import functools
import math

import numpy as np

from auditkit.evidence import Metric
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.intervals import share

_rate = functools.partial(Metric, unit="rate", low=0.0, high=1.0)

OUTSIDE = _rate(
    "outside_training_share",
    "Rows outside the training range",
    "Share of assessed rows with a number beyond those of the training rows, or a category that "
    "no training row has.",
    better="lower",
)
FALSE_ALARM = _rate(
    "ood_false_alarm_rate",
    "False alarms of the alarm for strange rows",
    "Share of rows like the training rows that the alarm, set on other such rows, takes for "
    "strange.",
    better="lower",
)
FALSE_ALARM_GAP = Metric(
    "ood_false_alarm_rate_difference",
    "Difference in false alarms",
    "Largest minus smallest share of false alarms over the groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
AREA = _rate(
    "ood_roc_auc",
    "Strange rows noticed by distance",
    "Chance that a row that was made strange lies further from the training rows than one that "
    "was not; 0.5 where distance says nothing.",
    better="higher",
)
MISSED = _rate(
    "ood_missed_share",
    "Strange rows that raise no alarm",
    "Share of rows that were made strange and that the alarm lets through.",
    better="lower",
)
CONFIDENCE = _rate(
    "ood_confidence_roc_auc",
    "Strange rows noticed by the model's confidence",
    "Chance that the model is less sure of a row that was made strange than of one that was not; "
    "below 0.5 it is surer of what it does not know.",
    better="higher",
)
METRICS = (OUTSIDE, FALSE_ALARM, FALSE_ALARM_GAP, AREA, MISSED, CONFIDENCE)


def alarm_at(distances: FloatArray, rate: float) -> float | None:
    """The distance from which on a row raises the alarm.

    Args:
        distances: Shape (n,): of rows like the training rows that the alarm is set on.
        rate: Share of false alarms that is aimed at, in (0, 1).

    Returns:
        The distance; over such sets of rows a new row like them exceeds it with at most this
        chance. None where there are too few rows to say it.

    Source:
        As `auditkit.methods.conformal.rank`.

    Example:
        >>> alarm_at(np.arange(1.0, 100.0), 0.05)
        95.0
        >>> alarm_at(np.arange(10.0), 0.05) is None
        True
    """
    k = math.ceil((distances.size + 1) * (1 - rate) - 1e-9)
    if not 1 <= k <= distances.size:
        return None
    return float(np.partition(distances, k - 1)[k - 1])


def alarms(distances: FloatArray, limit: float, level: float) -> Estimate:
    """Share of rows beyond the limit."""
    if distances.size < 2:
        return Estimate.undefined("fewer than 2 rows")
    return share(int((distances > limit).sum()), distances.size, level)
