"""Privacy accounting against Opacus's own calls and closed forms."""

from __future__ import annotations

import math
from typing import Any

import pytest
from opacus.accountants import create_accountant

from auditkit.errors import InputError
from auditkit.training import TrainingError, accounting
from auditkit.training.accounting import Plan, demand_sane, epsilon_of, noise_for

PLAN = Plan(sample_rate=1024 / 50_000, steps=490, delta=1e-5)


@pytest.mark.parametrize(("accountant", "known"), [("prv", 2.828), ("rdp", 3.194)])
def test_epsilon_is_opacuss(accountant: str, known: float) -> None:
    theirs = create_accountant(accountant)
    theirs.history = [(1.0, PLAN.sample_rate, PLAN.steps)]
    epsilon = PLAN.epsilon(1.0, accountant)
    assert epsilon == pytest.approx(theirs.get_epsilon(PLAN.delta), rel=1e-3)
    assert epsilon == pytest.approx(known, abs=0.001)


def test_epsilon_of_one_full_step_is_that_of_the_gaussian_mechanism() -> None:
    """Balle and Wang (2018): delta(epsilon) of the Gaussian mechanism with sensitivity 1."""
    epsilon = Plan(sample_rate=1.0, steps=1, delta=1e-5).epsilon(2.0)

    def phi(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    delta = phi(0.25 - epsilon * 2) - math.exp(epsilon) * phi(-0.25 - epsilon * 2)
    assert 0.9e-5 < delta <= 1e-5  # the accountant gives an upper bound, at most 0.01 too large


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
@pytest.mark.parametrize("epsilon", [0.05, 3.0])
def test_the_noise_spends_the_wished_epsilon_and_hardly_less(
    epsilon: float, accountant: str
) -> None:
    plan = Plan(0.05, 100, 1e-5, accountant)
    spent = plan.epsilon(noise_for(epsilon, plan))
    assert epsilon - 0.011 <= spent <= epsilon


def test_the_tighter_accountant_needs_less_noise() -> None:
    assert noise_for(3.0, Plan(0.05, 100, 1e-5)) < noise_for(3.0, Plan(0.05, 100, 1e-5, "rdp"))


@pytest.mark.parametrize("bad", [-0.5, 0.0, math.inf, math.nan])
def test_an_epsilon_that_is_no_bound_is_refused(
    bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        history: tuple[Any, ...] = ()

        def get_epsilon(self, delta: float) -> float:
            return bad * (1 + 0 * delta)

    monkeypatch.setattr(accounting, "create_accountant", lambda _: Broken())
    epsilon_of.cache_clear()
    with pytest.raises(TrainingError, match="gives an epsilon of"):
        Plan(0.5, 7, 1e-5).epsilon(1.0)


def test_noise_that_protects_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="keeps epsilon below 200"):
        demand_sane(Plan(0.5, 1000, 1e-5), 0.2)
    demand_sane(PLAN, 1.0)


def test_an_epsilon_that_no_noise_reaches_is_refused() -> None:
    with pytest.raises(InputError, match="that some noise can reach"):
        noise_for(1e-4, Plan(1.0, 1_000_000, 1e-9))
