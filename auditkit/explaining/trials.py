"""An explanation put to the test: explained again, asked without features, shaken, randomised.

`TableTrial` and `TextTrial` do the same for rows of columns and for texts, so that the audit need
not know which it has. They ask the model; the arithmetic is in `auditkit.methods`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from auditkit.explaining.values import is_network
from auditkit.methods.explanation_randomised import draw_anew
from auditkit.methods.explanation_reasons import Mask, Reasons
from auditkit.methods.explanation_robustness import Shaken
from auditkit.methods.shapley_game import Floats, Positions

#: Why no network was randomised.
NO_NETWORK = "the model is no torch network, so it has no weights that could be drawn anew"
#: No sample is cut below this to fit a budget; unit: rows.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is asked of the model.

    Attributes:
        budget: Evaluations of the model for everything together; None leaves it to the trial.
        sets: Random sets of features of each row.
        noise: Half the width of the noise, in standard deviations of a column.
        draws: Draws of noise.
        networks: Randomised networks.
        shaken: Most rows that are explained under noise and by randomised networks.
        threshold: Score from which on a binary model decides for the positive class.
        seed: Seed of all that is drawn.
    """

    budget: int | None
    sets: int
    noise: float
    draws: int
    networks: int
    shaken: int
    threshold: float
    seed: int

    def stream(self, number: int) -> int:
        """A seed of its own for each of several draws."""
        return int(np.random.default_rng([self.seed, number]).integers(2**31))


class Trial(Protocol):
    """An explanation of rows, and what it is tried with."""

    @property
    def reasons(self) -> Reasons:
        """The explanation."""
        ...

    @property
    def others(self) -> Reasons | None:
        """That against a disjoint background, or None where there is none."""
        ...

    @property
    def again(self) -> Reasons | None:
        """That with another seed, or None where no seed enters."""
        ...

    @property
    def words(self) -> dict[str, str]:
        """What was done for "all", and beside it for "sets" and "shaken"."""
        ...

    @property
    def tested(self) -> int:
        """Rows that are asked about with features replaced: the first ones."""
        ...

    def changes(self, rows: Positions, masks: Mask) -> Floats:
        """Replace the features of `masks` (q, s, g): score less the new one, (q, s, b)."""
        ...

    def shaken(self) -> Shaken:
        """Explain the first rows, and the same rows under noise."""
        ...

    def randomised(self, number: int) -> Shaken | str:
        """The same with the weights of the network drawn anew, or why not."""
        ...


def random_copy(model: Any, seed: int) -> Any:  # noqa: ANN401 - any model
    """Copy a network and draw its weights anew; give the reason where that cannot be done."""
    if not is_network(model):
        return NO_NETWORK
    try:
        copied = copy.deepcopy(model)
        draw_anew(copied.network, seed)
    except (AttributeError, RuntimeError, TypeError) as error:
        return f"its weights cannot be drawn anew: {' '.join(str(error).split())[:120]}"
    return copied


def fitting(rows: int, others: int, cost: float, budget: float) -> tuple[int, int]:
    """Cut two samples by the same factor so that their pairs fit a budget.

    Example:
        >>> fitting(100, 400, 10.0, 100_000)
        (50, 200)
    """
    factor = min(1.0, (budget / max(rows * others * cost, 1.0)) ** 0.5)
    m, b = (max(min(size, FEWEST), int(factor * size)) for size in (rows, others))
    return m, b


def picked(values: Floats, chosen: Positions | None, axis: int = -1) -> Floats:
    """Of several outputs, that of the class which the model chose for the row.

    Args:
        values: Shape (m, ..., k); the first axis are rows.
        chosen: Shape (m,), or None where there is one output.
        axis: The axis of the outputs.

    Returns:
        The same without that axis.

    Example:
        >>> picked(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 0])).tolist()
        [0.9, 0.8]
    """
    if chosen is None:
        return values
    places = chosen.reshape(-1, *[1] * (values.ndim - 1))
    return np.take_along_axis(values, places, axis=axis).squeeze(axis)


def chosen_class(outputs: Floats) -> Positions | None:
    """The class that the model chose for each row, or None where it gives one number."""
    return None if outputs.ndim == 1 else np.asarray(outputs.argmax(axis=1))
