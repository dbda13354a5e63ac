"""Settings of differentially private training. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.errors import InputError, Problem
from auditkit.training.limits import check, one_of, optional, real, setting, whole


@dataclass(frozen=True)
class Privacy:
    """How privately a network is trained: DP-SGD, one row being the unit of privacy.

    Attributes:
        epsilon: Privacy loss to spend. Not used where `noise_multiplier` is given.
        delta: Probability with which the bound may fail; None takes the power of ten below one
            over the number of training rows.
        max_grad_norm: L2 norm to which the gradient of each row is clipped.
        noise_multiplier: Standard deviation of the noise over `max_grad_norm`; None finds the one
            that spends `epsilon`.
        accountant: "prv" (the tighter) or "rdp".
        epochs: Passes over the training rows on average; None takes those of `Training`.
        batch_size: Rows of one step on average; None takes four times that of `Training`, at most
            a tenth of the rows.
        learning_rate: Learning rate of the first epoch; None takes that of `Training` times as
            much as the batch is larger, at most four times.
        rows_at_once: Rows of a step that are in memory at once; None takes as many as keep it
            at about 256 MB. The noise is added once a step, and the model is the same but for
            rounding (and, with dropout, for what is dropped).

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> Privacy(epsilon=3.0).delta_for(29_305)
        1e-05
    """

    epsilon: float = setting(3.0, real(0.05, 100))
    delta: float | None = setting(None, optional(real(1e-30, 1)))
    max_grad_norm: float = setting(1.0, real(1e-9, 1e9))
    noise_multiplier: float | None = setting(None, optional(real(0.1, 10_000)))
    accountant: str = setting("prv", one_of("prv", "rdp"))
    epochs: int | None = setting(None, optional(whole(1, 1_000_000)))
    batch_size: int | None = setting(None, optional(whole(1, 100_000_000)))
    learning_rate: float | None = setting(None, optional(real(1e-12, 1e6)))
    rows_at_once: int | None = setting(None, optional(whole(1, 100_000_000)))

    def __post_init__(self) -> None:
        check(self)

    def delta_for(self, rows: int) -> float:
        """Delta of a training set: the one that was set, or the power of ten below 1/rows.

        Args:
            rows: Training rows, at least 1.

        Returns:
            Delta.

        Raises:
            InputError: If the delta that was set is 1/rows or more: it would allow a mechanism
                that publishes a whole row.
        """
        if self.delta is None:
            return float(f"1e-{len(str(rows))}")
        if self.delta * rows >= 1:
            expected = f"less than 1 over the {rows} training rows"
            raise InputError([Problem("Privacy.delta", f"{self.delta:g}", expected)])
        return self.delta
