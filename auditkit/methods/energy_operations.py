"""Operations of a prediction and of a training, as an audit says them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Measurement
from auditkit.methods.energy_metrics import PREDICTION_FLOPS, TRAINING_FLOPS
from auditkit.methods.estimates import mean_within

if TYPE_CHECKING:
    import torch


def prediction_flops(network: torch.nn.Module, example: npt.NDArray[np.generic]) -> Measurement:
    """Count the operations of one prediction.

    Args:
        network: The network.
        example: Encoded rows, shape (b, ...), b > 0, drawn at random.

    Returns:
        The count; where rows differ in length their mean, with its interval.
    """
    from auditkit.methods.flops import count_flops

    counts = [count_flops(network, row[None]) for row in example]
    each = np.array([count.flops_per_sample for count in counts], dtype=np.float64)
    part = counts[0].not_counted
    if np.ptp(each) == 0:
        return PREDICTION_FLOPS.measure(
            counts[0].flops_per_sample,
            n=len(example),
            reason="a count",
            exact=not part,
            source=f"operations of a forward pass{_uncounted(part)}",
        )
    found = mean_within(len(each), each.mean(), each.std(ddof=1), 0.95, 0.0, np.inf)
    return PREDICTION_FLOPS.measure(
        found.value,
        n=len(example),
        interval=found.interval,
        basis="estimated",
        source=f"mean operations of a forward pass of rows that differ in length{_uncounted(part)}",
    )


def training_flops(
    record: Any,  # noqa: ANN401 - a training record of any core
    network: torch.nn.Module,
    example: npt.NDArray[np.generic],
    nothing: str | None = None,
) -> Measurement:
    """Say what the operations of a training were.

    Args:
        record: Its record, or None. What the training core counted is taken as it is; else the
            rows seen times the operations of one of them.
        network: The network.
        example: Encoded rows, shape (b, ...), b > 0.
        nothing: Why there is no record.

    Returns:
        The operations.
    """
    from auditkit.methods.flops import count_flops

    if getattr(record, "operations", None):
        return counted_training(record)
    seen = getattr(record, "samples_seen", None)
    if seen is None:
        reason = nothing or "the training record does not say how many rows"
        return TRAINING_FLOPS.measure(None, n=0, reason=reason, source="operations of the network")
    count = count_flops(network, example, training=True)
    rough = {
        "privacy": "; clipping and noise of private training not counted",
        "teacher": "; the predictions of the teacher not counted",
        "frozen": "; layers that did not move are counted as if they had",
    }
    notes = [note for part, note in rough.items() if getattr(record, part, None)]
    return TRAINING_FLOPS.measure(
        count.flops_per_sample * seen,
        n=seen,
        reason="a count",
        basis="estimated" if notes else "measured",
        exact=not (count.not_counted or notes),
        source=f"operations of a forward and backward pass of one row times {seen:,} rows seen; "
        f"validation and optimiser left out{''.join(notes)}{_uncounted(count.not_counted)}",
    )


def counted_training(record: Any) -> Measurement:  # noqa: ANN401 - as above
    """Say what was counted on the steps of the training itself.

    Args:
        record: A record that holds `operations`.

    Returns:
        The operations of the training.
    """
    found, seen = record.operations, int(record.samples_seen)
    whole, interval = found["low"] is None, None
    if not whole:
        method = f"Student's t over {found['batches']} counted batches: rows differ in length"
        interval = Interval(found["low"], found["high"], found["level"], method)
    part = tuple(found["not_counted"])
    teacher = "predictions of the teacher" in found["left_out"]
    return TRAINING_FLOPS.measure(
        found["flops"],
        n=seen,
        interval=interval,
        reason="a count" if whole else None,
        basis="measured" if whole and not teacher else "estimated",
        exact=whole and not part and not teacher,
        source=f"operations of a step of the training, counted on {found['rows']:,} of its rows, "
        f"times {seen:,} rows seen; left out: {', '.join(found['left_out'])}{_uncounted(part)}",
    )


def _uncounted(names: tuple[str, ...]) -> str:
    return f"; a lower bound, for nothing was counted in: {', '.join(names)}" if names else ""
