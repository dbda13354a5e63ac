"""What is declared of a model from elsewhere: the rows it was trained on, and a shadow recipe.

A shadow recipe says how somebody believes that the model was made. An attacker who does not know
how it was made guesses likewise; whoever knows more attacks better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from auditkit.config import Config
from auditkit.data.intake import Attempts, Intake, take_training
from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Roles
from auditkit.rows import lacking
from auditkit.training_beside import read_beside, read_network, training_problems

if TYPE_CHECKING:
    from auditkit.training import Recipe


class Shadow(NamedTuple):
    """Settings of a shadow recipe, as far as they can be known without rows.

    Attributes:
        architecture: Settings of the network.
        training: Settings of its training.
        beside: What else the recipe takes: `start`, `teacher`, `privacy`.
    """

    architecture: Any
    training: Any
    beside: Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """What is declared of the making of a model.

    Attributes:
        rows: The rows that it was trained on, with the columns that play a part, or None.
        shadow: How somebody believes that it was made, or None.
        notes: Where the rows came from, in whole sentences.
    """

    rows: pd.DataFrame | None = None
    shadow: Recipe | None = None
    notes: tuple[str, ...] = ()


def read_shadow(
    says: Mapping[str, Any] | None, folder: Path, where: str, attempt: Attempts
) -> Shadow | None:
    """Read `[subject.shadow]`: the keys of a `[subject.model]` that is trained, and `training`.

    Args:
        says: The table, or None where there is none.
        folder: Where the configuration lies.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong.

    Returns:
        The settings; None where there are none or they are wrong.
    """
    if says is None:
        return None
    place = f"{where} [subject.shadow]"
    training = says.get("training", {})
    problems = []
    if "train" not in says:
        problems.append(Problem(place, "no train", 'a kind of network, such as train = "mlp"'))
    if not isinstance(training, dict):
        expected = "a table, such as epochs = 30"
        problems.append(Problem(f"{place} training", quote(training), expected))
    attempt.problems += problems
    if problems:
        return None
    network = {key: value for key, value in says.items() if key != "training"}
    places = (place, f"{where} [subject.shadow.training]")
    architecture, settings = read_network(network, training, folder, places, attempt)
    beside = read_beside(network, folder, place, attempt)
    right = architecture is not None and settings is not None
    return Shadow(architecture, settings, beside) if right else None


def read_declared(
    config: Config,
    shadow: Shadow | None,
    data: tuple[Intake, Roles],
    folder: Path,
    where: str,
    attempt: Attempts,
) -> Declared:
    """Read the rows that a model from elsewhere was trained on, and make its shadow recipe.

    Args:
        config: What the file says.
        shadow: Settings of the shadow recipe, or None.
        data: The rows to assess, and which column plays which part in them.
        folder: Where the configuration lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong.

    Returns:
        What is declared; empty where nothing is.
    """
    intake, roles = data
    if config.subject.train_data is None:
        return Declared()
    taken = take_training(config, intake, folder, where, attempt)
    if taken is None:
        return Declared()
    problems = _row_problems(taken, roles, where)
    attempt.problems += [problem for problem in problems if problem not in attempt.problems]
    if attempt.problems:
        return Declared()
    rows = taken.rows[list(roles.columns)]
    recipe = None
    if shadow is not None:
        recipe = attempt(_recipe, shadow, roles, {taken.name: rows}, where)
    return Declared(rows, recipe, taken.notes)


def _row_problems(taken: Intake, roles: Roles, where: str) -> list[Problem]:
    """What keeps training rows from playing the parts that the assessed rows play."""
    place = f"{where} [subject]"
    # Whose group is unknown among them is no mistake, so only the columns must be there.
    parts = replace(roles, sensitive=(), bands={}, score=None, prediction=None)
    return [
        *taken.problems(roles.features, place, learns=False),
        *parts.problems(taken.rows, place, taken.name),
        *lacking(taken.rows, roles, taken.name, ("sensitive",)),
    ]


def _recipe(shadow: Shadow, roles: Roles, rows: Mapping[str, pd.DataFrame], where: str) -> Recipe:
    """The recipe; raises where it cannot make a model that reads what the audited one reads."""
    from auditkit.training import Recipe
    from auditkit.training.demands import demand_task, features_of

    place = f"{where} [subject.shadow]"
    recipe = Recipe(
        architecture=shadow.architecture,
        label=str(roles.label),
        training=shadow.training,
        task=roles.task,
        positive=roles.positive,
        features=roles.features,
        weight=roles.weight,
        **shadow.beside,
    )
    try:
        demand_task(recipe.architecture, recipe.task)
        for held in rows.values():
            features_of(recipe.architecture, held, (recipe.label, recipe.weight), roles.features)
    except InputError as error:
        problems = [replace(found, where=f"{place} {found.where}") for found in error.problems]
        raise InputError(problems) from None
    place = f"{where} [subject.shadow.training]"
    problems = training_problems(rows, roles, shadow.architecture, shadow.training, place)
    if problems:
        raise InputError(problems)
    return recipe
