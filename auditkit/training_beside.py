"""What `[subject.model]` says of training beside the network: saved models, and privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditkit.data.intake import Attempts
from auditkit.errors import InputError, Problem, quote

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
