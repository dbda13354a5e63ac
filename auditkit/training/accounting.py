"""How much privacy DP-SGD spends, by Opacus's accountants."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from opacus.accountants import create_accountant
from opacus.accountants.utils import get_noise_multiplier

from auditkit.errors import InputError, Problem
from auditkit.training.record import TrainingError

#: Orders of the Renyi accountant: Opacus's own and larger ones, without which it gives no
#: epsilon below 0.1.
ALPHAS = (*(1 + x / 10.0 for x in range(1, 100)), *range(12, 64), 80, 128, 256, 512, 1024)
#: Fewer orders, for a first and rough look at how much noise is enough.
ROUGH = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256, 512, 1024)
#: How far below the wished epsilon the found one may be.
TOLERANCE = 0.01
#: Epsilon beyond which no guarantee is left to speak of, and the accountants take long.
HOPELESS = 200.0


@dataclass(frozen=True)
class Plan:
    """Steps of DP-SGD with Poisson sampling.

    Attributes:
        sample_rate: Probability of each row to be drawn in a step.
        steps: Steps.
        delta: Probability with which the bound may fail.
        accountant: "prv" or "rdp".
    """

    sample_rate: float
    steps: int
    delta: float
    accountant: str = "prv"

    def epsilon(self, noise_multiplier: float, accountant: str | None = None) -> float:
        """Privacy loss of the steps.

        Args:
            noise_multiplier: Standard deviation of the noise over the clipping norm.
            accountant: "prv" or "rdp"; None takes the plan's.

        Returns:
            Epsilon, an upper bound, for rows added or removed.

        Raises:
            TrainingError: If the accountant gives no finite number above 0.

        Example:
            >>> 2.7 < Plan(0.0205, 490, 1e-5).epsilon(1.0) < 2.9
            True
        """
        history = ((noise_multiplier, self.sample_rate, self.steps),)
        return epsilon_of(history, self.delta, accountant or self.accountant)


@lru_cache(maxsize=1_024)
def epsilon_of(
    history: tuple[tuple[float, float, int], ...], delta: float, accountant: str
) -> float:
    """Privacy loss of steps that were taken.

    Args:
        history: Noise multiplier, sampling rate and number of steps, as Opacus's accountants keep.
        delta: Probability with which the bound may fail.
        accountant: "prv" or "rdp".

    Returns:
        Epsilon, an upper bound.

    Raises:
        TrainingError: If the accountant gives no finite number above 0: some inputs make it
            negative.
    """
    counted = create_accountant(accountant)
    counted.history = list(history)
    settings = {"alphas": list(ALPHAS)} if accountant == "rdp" else {}
    with warnings.catch_warnings():
        # A best order at the end of the list makes the bound wider than need be, not wrong.
        warnings.filterwarnings("ignore", "Optimal order is the", UserWarning)
        # log 0 and exp of much are infinite on purpose where every row is drawn.
        with np.errstate(divide="ignore", over="ignore"):
            epsilon = float(counted.get_epsilon(delta, **settings))
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise TrainingError(f"the {accountant} accountant gives an epsilon of {epsilon}")
    return epsilon


def demand_sane(plan: Plan, noise_multiplier: float) -> None:
    """Raise if the noise is so small that no guarantee is left.

    Raises:
        InputError: If even a short look says that epsilon is beyond `HOPELESS`.
    """
    epsilon = plan.epsilon(noise_multiplier, "rdp")
    if epsilon > HOPELESS:
        found = f"{noise_multiplier:g}, which spends an epsilon of about {epsilon:.0f}"
        expected = f"noise that keeps epsilon below {HOPELESS:g}"
        raise InputError([Problem("Privacy.noise_multiplier", found, expected)])


@lru_cache(maxsize=256)
def noise_for(epsilon: float, plan: Plan) -> float:
    """Find the least noise that spends no more than an epsilon.

    Args:
        epsilon: Privacy loss to spend.
        plan: The steps.

    Returns:
        Noise multiplier; its epsilon is at most `TOLERANCE` below the wished.

    Raises:
        InputError: If no noise is enough.

    Example:
        >>> plan = Plan(0.0205, 490, 1e-5)
        >>> 2.99 <= plan.epsilon(noise_for(3.0, plan)) <= 3.0
        True
    """
    orders = ALPHAS if plan.accountant == "rdp" else ROUGH
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Optimal order is the", UserWarning)
            enough = get_noise_multiplier(
                target_epsilon=epsilon,
                target_delta=plan.delta,
                sample_rate=plan.sample_rate,
                steps=plan.steps,
                accountant="rdp",
                epsilon_tolerance=TOLERANCE,
                alphas=list(orders),
            )
    except ValueError:
        found = f"{epsilon:g} for {plan.steps} steps at delta {plan.delta:g}"
        expected = "an epsilon that some noise can reach"
        raise InputError([Problem("Privacy.epsilon", found, expected)]) from None
    return float(enough) if plan.accountant == "rdp" else _refine(epsilon, plan, float(enough))


def _refine(wished: float, plan: Plan, enough: float) -> float:
    """Lower the noise from what the looser accountant found; few looks, for each takes long."""
    high, spent = enough, plan.epsilon(enough)
    while spent > wished:
        high *= 1.1
        spent = plan.epsilon(high)
    low, over = high, spent
    while over <= wished:
        high, spent = low, over
        low *= min(0.97, spent / wished)
        over = plan.epsilon(low)
    aim = wished - TOLERANCE / 2
    while wished - spent > TOLERANCE:
        # log epsilon is nearly linear in log noise
        share = math.log(over / aim) / math.log(over / spent)
        middle = low * (high / low) ** min(max(share, 0.05), 0.95)
        found = plan.epsilon(middle)
        if found <= wished:
            high, spent = middle, found
        else:
            low, over = middle, found
    return high
