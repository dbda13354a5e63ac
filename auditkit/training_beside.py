"""What a configuration says of training: the network, its settings, saved models, privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from auditkit.data.intake import Attempts
from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Roles

if TYPE_CHECKING:
    from auditkit.training.settings import AnyArchitecture, Training

#: Keys that name a saved model which training starts or learns from.
SAVED = ("start", "teacher")
#: All keys that are no setting of the network.
BESIDE = (*SAVED, "privacy")


def read_beside(
    says: Mapping[str, Any], folder: Path, place: str, attempt: Attempts
) -> dict[str, Any]:
    """Read what a recipe takes beside the network and the settings of its training.

    Args:
        says: The table `[subject.model]`.
        folder: Where the configuration lies; the folders of models start here.
        place: What the table is called in a problem.
        attempt: Collects the problems.

    Returns:
        `start`, `teacher` and `privacy`, those that are named and right; nothing where no model
        is trained.
    """
    if "train" not in says:
        return {}
    found = {key: attempt(_saved, says[key], folder, f"{place} {key}")
             for key in SAVED if key in says}  # fmt: skip
    if "privacy" in says:
        found["privacy"] = attempt(_privacy, says["privacy"], f"{place[:-1]}.privacy]")
    return {key: value for key, value in found.items() if value is not None}


def read_network(
    says: Mapping[str, Any],
    training: Mapping[str, Any],
    folder: Path,
    places: tuple[str, str],
    attempt: Attempts,
) -> tuple[Any, Any]:
    """Read the network that the core is to train, and the settings of its training.

    Args:
        says: A table with `train`: its kind; and its settings.
        training: A table of settings of the training.
        folder: Where the configuration lies; files and folders in `says` start here.
        places: What the tables are called in a problem.
        attempt: Collects the problems.

    Returns:
        Settings of the network and of the training; None for what is wrong.
    """
    from auditkit.training.settings import PATHS, architecture_from

    chosen = {key: value for key, value in says.items() if key not in ("train", *BESIDE)}
    for name in PATHS:
        if isinstance(chosen.get(name), str) and chosen[name]:
            chosen[name] = str(folder / chosen[name])
    return (
        attempt(architecture_from, says["train"], chosen, places[0]),
        attempt(_training, training, places[1]),
    )


def _training(says: Mapping[str, Any], place: str) -> Training:
    from auditkit.training.settings import training_from

    training = training_from(says, place)
    if training.device == "cuda":
        from auditkit.training.devices import device_for

        device_for(training, where=place)
    return training


def training_problems(
    rows: Mapping[str, pd.DataFrame],
    roles: Roles,
    network: AnyArchitecture,
    training: Training,
    where: str,
) -> list[Problem]:
    """Find what keeps a network from being trained on rows as the settings say.

    Args:
        rows: What to call the rows in a problem, and the rows.
        roles: Which column plays which part.
        network: Settings of the network.
        training: Settings of the training.
        where: What the table of these is called in a problem.

    Returns:
        All problems; empty where there is none.
    """
    from auditkit.training.augmenting import augmenting_problems
    from auditkit.training.penalty import penalty_problems
    from auditkit.training.weighting import weighing_problems

    place = f"{where} "
    return [
        *weighing_problems(rows, roles, training, place),
        *penalty_problems(rows, roles, training, place),
        *augmenting_problems(rows, network, training, place),
    ]


def _saved(name: object, folder: Path, where: str) -> Any:  # noqa: ANN401 - a model of the core
    from auditkit.models.torch import TrainedNetwork

    if not isinstance(name, str) or not name:
        raise InputError([Problem(where, quote(name), "the folder of a saved model")])
    try:
        return TrainedNetwork.load(folder / name)
    except InputError as error:
        problems = error.problems
        raise InputError([replace(p, where=f"{where} {p.where}") for p in problems]) from None


def _privacy(says: object, place: str) -> Any:  # noqa: ANN401 - settings of the core
    from auditkit.training.settings import privacy_from

    if not isinstance(says, dict):
        raise InputError([Problem(place, quote(says), "a table, such as epsilon = 3.0")])
    return privacy_from(says, place)
