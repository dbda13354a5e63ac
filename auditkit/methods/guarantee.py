"""The guarantee of a model that was trained with differential privacy, as its record states it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from auditkit.evidence import Measurement, Metric

_setting = functools.partial(Metric, better="neither", low=0.0)
_error = functools.partial(Metric, unit="ratio", better="lower", low=0.0)

EPSILON = _error(
    "private_epsilon",
    "Epsilon of the private twin",
    "Privacy loss of training the same model with differential privacy: an upper bound, for "
    "adding or removing one row.",
    unit="epsilon",
)
EPSILON_RDP = _error(
    "private_epsilon_rdp",
    "Epsilon of the private twin by Renyi accounting",
    "The same privacy loss by the Renyi accountant, a looser upper bound, as a check.",
    unit="epsilon",
)
DELTA = _error(
    "private_delta",
    "Delta of the private twin",
    "Probability with which the bound epsilon may fail.",
    unit="probability",
    high=1.0,
)
NOISE_MULTIPLIER = _setting(
    "private_noise_multiplier",
    "Noise multiplier of the private twin",
    "Standard deviation of the noise that is added to a sum of gradients, over the clipping norm.",
    unit="ratio",
)
MAX_GRAD_NORM = _setting(
    "private_max_grad_norm",
    "Clipping norm of the private twin",
    "L2 norm to which the gradient of each row is clipped.",
    unit="norm",
)
SAMPLE_RATE = _setting(
    "private_sample_rate",
    "Sample rate of the private twin",
    "Probability with which a row takes part in a step.",
    unit="probability",
    high=1.0,
)
STEPS = _setting(
    "private_steps",
    "Steps of the private twin",
    "Noisy steps that the private training took.",
    unit="count",
)
CLIP_ERROR = _error(
    "private_clip_error",
    "Self-test: error of the clipping bound",
    "With the noise off, by how much the gradient of equal rows misses the clipping norm, relative "
    "to it.",
)
REFERENCE_ERROR = _error(
    "private_reference_error",
    "Self-test: error of the clipped sum",
    "With the noise off, the largest difference of the clipped sum of gradients from one that is "
    "computed row by row, relative to it.",
)

_BOUNDS = (EPSILON, EPSILON_RDP, DELTA)
_MECHANISM = (NOISE_MULTIPLIER, MAX_GRAD_NORM, SAMPLE_RATE, STEPS)
_SELF_TEST = (CLIP_ERROR, REFERENCE_ERROR)
#: Every metric that `stated` yields.
METRICS = (*_BOUNDS, *_MECHANISM, *_SELF_TEST)
#: Rows that the self-test is made with.
_TESTED = 8
_NOT_COVERED = (
    "the choice of settings",
    "the statistics that the encoding learnt (means, categories)",
)


def stated(spent: Mapping[str, Any], rows: int) -> Iterator[Measurement]:
    """Measure a guarantee, the settings that it follows from, and the proof that clipping works.

    Args:
        spent: What the record of a private training states: `epsilon`, `epsilon_rdp`, `delta`,
            `accountant`, `noise_multiplier`, `max_grad_norm`, `sample_rate`, `steps`, `sampling`,
            `unit`, `adjacency`, `not_covered`, and `self_test` with `clip_error` and
            `reference_error`.
        rows: Rows that it trained on.

    Yields:
        One measurement for each of `METRICS`, in their order; None with the reason where the
        record does not state the number. An accountant computes them, so that no value has a
        sampling error.

    Example:
        >>> first = next(stated({"epsilon": 2.9, "accountant": "prv"}, 1000))
        >>> first.metric, first.value, first.exact
        ('private_epsilon', 2.9, True)
    """
    facts = (
        f"{spent.get('accountant', 'unnamed')} accountant",
        f"{spent.get('sampling', 'unnamed')} sampling",
        f"unit of privacy: one {spent.get('unit', 'unnamed')}",
        f"adjacency: {spent.get('adjacency', 'unnamed')}",
    )
    words = f"private training; {', '.join(facts)}"
    open_points = spent.get("not_covered", _NOT_COVERED)
    listed = open_points if isinstance(open_points, str) else "; ".join(map(str, open_points))
    covers = f"it covers the private twin and not the audited model; not covered: {listed}"
    for metric in _BOUNDS:
        reason = "an upper bound from the mechanism, no sampling error"
        yield _stated(metric, spent, rows, reason, f"{words}; {covers}")
    for metric in _MECHANISM:
        yield _stated(metric, spent, rows, "a setting", words)
    test = spent.get("self_test")
    for metric in _SELF_TEST:
        held = test if isinstance(test, Mapping) else {}
        source = "self-test before private training, noise off"
        yield _stated(metric, held, _TESTED, "a computation, no sampling error", source)


def _stated(
    metric: Metric, held: Mapping[str, Any], n: int, reason: str, source: str
) -> Measurement:
    value = held.get(metric.id.removeprefix("private_"))
    if value is None or not np.isfinite(value):
        reason = "the twin's training record does not state it"
        return metric.measure(None, n=0, reason=reason, source=source)
    return metric.measure(float(value), n=n, reason=reason, exact=True, source=source)
