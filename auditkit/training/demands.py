"""What `fit` asks of its arguments; all that is wrong with them is told at once."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Roles, Task, weight_problems
from auditkit.training.augmenting import augmenting_problems
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.penalty import penalty_problems
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    LSTM,
    MLP,
    AnyArchitecture,
    Training,
)
from auditkit.training.weighting import weighing_problems


def demand_task(architecture: AnyArchitecture, task: Task) -> None:
    """Raise unless an architecture that writes texts, and no other, is to write texts."""
    if isinstance(architecture, Seq2Seq) != (task == "sequence-to-sequence"):
        writes = "sequence-to-sequence" if isinstance(architecture, Seq2Seq) else "another task"
        raise InputError([Problem("task", quote(task), f"{writes} for a {architecture.kind}")])


def features_of(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    others: tuple[str, str | None],
    features: Sequence[str] | None,
) -> list[str]:
    """Give the columns that the model reads; raises unless they fit the architecture."""
    named = None if isinstance(architecture, MLP) else architecture.columns
    if features is None:
        features = named or [str(name) for name in rows.columns if str(name) not in others]
    problems = []
    if not features:
        problems.append(Problem("features", "none", "at least one column to learn from"))
    if isinstance(architecture, LSTM) and not architecture.sequence:
        problems.append(Problem("LSTM.sequence", "no channel", "the columns of each channel"))
    for part, name in zip(("label", "weight"), others, strict=True):
        if name in features:
            problems.append(Problem("features", f"the {part} {quote(name)}", "other columns only"))
    for name in sorted(set(features) ^ set(features if named is None else named)):
        settings = {"lstm": "LSTM.sequence and static", "seq2seq": "source"}
        where = "features" if name in features else settings.get(architecture.kind, "text")
        expected = f"the same columns in features and in the {type(architecture).__name__}"
        problems.append(Problem(where, quote(name), expected))
    if problems:
        raise InputError(problems)
    return list(features)


def demand_together(processes: int, training: Training, checkpoint: object) -> None:
    """Raise unless several processes can do what is asked for."""
    asked = {
        "checkpoint": checkpoint is not None,
        "Training.unfreeze_after": training.unfreeze_after is not None,
        "Training.fairness_penalty": training.fairness_penalty > 0,
    }
    problems = [
        Problem(name, f"training in {processes} processes", "one process")
        for name, is_asked in asked.items()
        if is_asked and processes > 1
    ]
    if problems:
        raise InputError(problems)


def demand_private(
    architecture: AnyArchitecture, weight: str | None, training: Training, checkpoint: object
) -> None:
    """Raise unless the architecture and the settings can be trained privately."""
    problems = training.not_private()
    if checkpoint is not None:
        expected = "private training without: who reads the file could subtract the noise"
        problems.append(Problem("checkpoint", "privacy too", expected))
    if weight is not None:
        found, expected = f"weights of rows ({quote(weight)})", "private training without weights"
        problems.append(Problem("privacy", found, expected))
    if isinstance(architecture, Seq2Seq | HuggingFace):
        found = f"private training of a {architecture.kind}"
        kinds = "an mlp, an lstm, a text-lstm, a pooled-embedding or a bag-of-words"
        hint = "The gradients of attention are not clipped."
        problems.append(Problem("privacy", found, kinds, hint))
    if problems:
        raise InputError(problems)


def demand_trainable(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    roles: Roles,
    weight: str | None,
    training: Training,
    seed: int,
) -> None:
    """Raise unless the rows can be trained on with these settings."""
    problems = []
    parts = {"training rows": rows, "validation rows": validation}
    there = {name: part for name, part in parts.items() if part is not None}
    for name, part in there.items():
        problems += _label_problems(part, roles, name)
        problems += [] if weight is None else _weight_problems(part, weight, name)
    problems += weighing_problems(there, roles, training)
    problems += penalty_problems(there, roles, training)
    problems += augmenting_problems({"training rows": rows}, architecture, training)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(Problem("seed", quote(seed), "a whole number from 0"))
    if problems:
        raise InputError(problems)


def _label_problems(rows: pd.DataFrame, roles: Roles, where: str) -> list[Problem]:
    label = str(roles.label)
    if label not in rows:
        there = map(str, rows.columns)
        return [Problem.unknown(f"label in {where}", label, there, "a column")]
    missing = int(rows[label].isna().sum())
    if missing:
        found = f"{missing} missing values in {quote(label)}"
        return [Problem(f"label in {where}", found, "an outcome in every row")]
    if roles.task == "regression":
        return roles.problems(rows, where, where) if len(rows) else []
    if where != "training rows" or roles.task == "sequence-to-sequence":
        return []
    if roles.task == "binary":
        known = (rows[label] == roles.positive).nunique()
        expected = f"{quote(roles.positive)} and at least one other outcome"
    else:
        known, expected = rows[label].nunique(), "2 classes or more"
    if known < 2:
        values = ", ".join(quote(value) for value in rows[label].unique()[:5]) or "no rows"
        return [Problem(f"label in {where}", values, expected)]
    return []


def _weight_problems(rows: pd.DataFrame, weight: str, where: str) -> list[Problem]:
    if weight not in rows:
        return [Problem.unknown(f"weight in {where}", weight, map(str, rows.columns), "a column")]
    return weight_problems(rows[weight], f"column {quote(weight)} in {where}")
