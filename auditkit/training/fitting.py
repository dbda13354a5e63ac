"""From raw rows to a trained model and the record of its training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from auditkit.encoding import Encoder, SequenceEncoder, TabularEncoder, TextEncoder
from auditkit.errors import InputError, Problem, quote
from auditkit.models.torch import TorchModel
from auditkit.training.loop import PlainSteps, Steps, mean_loss, run
from auditkit.training.networks import network_for
from auditkit.training.record import TrainingRecord
from auditkit.training.seeds import seed_of, seeded_dropout, torch_generator
from auditkit.training.settings import (
    LSTM,
    MLP,
    Architecture,
    PooledEmbedding,
    Privacy,
    TextLSTM,
    Training,
)
from auditkit.training.splitting import split

#: Share of the training rows that early stopping holds back where no validation rows are given.
HELD_BACK = 0.1


def fit(
    architecture: Architecture,
    rows: pd.DataFrame,
    *,
    label: str,
    positive: object = 1,
    features: Sequence[str] | None = None,
    validation: pd.DataFrame | None = None,
    training: Training | None = None,
    privacy: Privacy | None = None,
    seed: int = 0,
    progress: bool = False,
) -> tuple[TorchModel, TrainingRecord]:
    """Train a network on raw rows. The same arguments give the same weights.

    Args:
        architecture: The network.
        rows: Training rows, label included. The encoding is learnt on them only.
        label: Column of the outcome.
        positive: The value of `label` that counts as positive.
        features: Columns that the model reads; None takes all but the label, or those that an
            `LSTM` or a network over text names.
        validation: Rows for early stopping; None holds back a tenth of `rows` where
            `training.patience` asks for early stopping.
        training: Settings of the training; None takes the defaults.
        privacy: Settings of differentially private training; None trains without. Private
            training takes all `rows`, runs all its epochs and keeps the last weights, because to
            choose among them by a loss would cost privacy too.
        seed: Seed, at least 0. No global random state is read or left changed.
        progress: Whether to show a progress bar on stderr.

    Returns:
        The model, and the record of its training.

    Raises:
        InputError: If rows, columns, label or settings do not fit; the problems are listed.
        TrainingError: If a loss is not finite, or private training fails its self-test.

    Example:
        >>> from auditkit.training import MLP, Training
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0, 1] * 50})
        >>> model, record = fit(MLP(hidden=(8,)), rows, label="y", training=Training(epochs=2))
        >>> len(record.epochs), record.rows, record.validation_rows
        (2, 90, 10)
    """
    from auditkit import meter

    training = training or Training()
    names = _features(architecture, rows, label, features)
    _demand_trainable(rows, validation, label, positive, seed)
    if privacy is not None:
        _demand_private(architecture)
        # Imported here, so that loading Opacus costs nobody else, and not the phase either.
        from auditkit.training.private import private_training

        training = private_training(training, privacy, len(rows))
    with meter.phase("train") as measured:
        if privacy is None:
            rows, validation = _parts(rows, validation, label, training, seed)
        encoder = learn_encoder(architecture, rows, names)
        weights = torch_generator(seed_of(seed, "weights"))
        network = network_for(architecture, encoder, generator=weights)
        x, y = _tensors(encoder, rows, label, positive)
        steps = _steps(network, x, y, training, privacy, seed)
        validate = _validation(network, encoder, validation, label, positive)
        with seeded_dropout(network, seed):
            curve = run(network, steps, training, validate, progress=progress)
        spent = steps.spent()
    bare, architecture = _bare(network, architecture, encoder), _publishable(architecture)
    model = TorchModel(bare, encoder, architecture.kind, architecture)
    record = TrainingRecord(
        architecture={"kind": architecture.kind, **dataclasses.asdict(architecture)},
        settings=dataclasses.asdict(training),
        seed=seed,
        rows=len(rows),
        validation_rows=0 if validation is None else len(validation),
        epochs=tuple(curve.epochs),
        best_epoch=curve.best_epoch,
        stopped_early=curve.stopped_early,
        steps=curve.steps,
        samples_seen=curve.rows,
        parameters=model.parameters,
        cost=measured.cost.to_dict(),
        privacy=spent,
    )
    return model, record


def learn_encoder(
    architecture: Architecture, rows: pd.DataFrame, features: Sequence[str]
) -> Encoder:
    """Learn the encoding that an architecture needs.

    Args:
        architecture: The network; an `LSTM` names its channels, one over text its column.
        rows: Training rows.
        features: Columns that the model reads.

    Returns:
        The encoder.

    Raises:
        InputError: If a column is missing or cannot be encoded; all are listed.

    Example:
        >>> from auditkit.training import MLP
        >>> learn_encoder(MLP(), pd.DataFrame({"x": [1, 2], "c": ["a", "b"]}), ["x", "c"]).shape
        (3,)
    """
    if isinstance(architecture, LSTM):
        return SequenceEncoder.fit(rows, architecture.sequence, architecture.static)
    if isinstance(architecture, TextLSTM | PooledEmbedding):
        read = {"vocabulary": architecture.vocabulary, "length": architecture.length}
        return TextEncoder.fit(rows, architecture.text, **read)
    return TabularEncoder.fit(rows, features)


def _bare(network: nn.Module, architecture: Architecture, encoder: Encoder) -> nn.Module:
    """The network without the gradients and the like that its optimizer hung on its weights."""
    bare = network_for(architecture, encoder, generator=None)
    bare.load_state_dict(network.state_dict(), assign=True)
    return bare


def _publishable(architecture: Architecture) -> Architecture:
    """The settings without the folder of a file, which tells of the machine and of nothing else."""
    if isinstance(architecture, TextLSTM | PooledEmbedding) and architecture.vectors is not None:
        return dataclasses.replace(architecture, vectors=Path(architecture.vectors).name)
    return architecture


def _steps(
    network: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    training: Training,
    privacy: Privacy | None,
    seed: int,
) -> Steps:
    if privacy is None:
        return PlainSteps(network, x, y, training=training, seed=seed)
    from auditkit.training.private import PrivateSteps

    return PrivateSteps(network, x, y, training=training, privacy=privacy, seed=seed)


def _tensors(
    encoder: Encoder, rows: pd.DataFrame, label: str, positive: object
) -> tuple[torch.Tensor, torch.Tensor]:
    targets = (rows[label] == positive).to_numpy(dtype=np.float32)
    return torch.from_numpy(encoder.encode(rows)), torch.from_numpy(targets)


def _validation(
    network: nn.Module,
    encoder: Encoder,
    validation: pd.DataFrame | None,
    label: str,
    positive: object,
) -> Callable[[], float] | None:
    if validation is None or validation.empty:
        return None
    x, y = _tensors(encoder, validation, label, positive)
    return lambda: mean_loss(network, x, y)


def _parts(
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    label: str,
    training: Training,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Hold rows back for early stopping where it is asked for and none were given."""
    if (validation is not None and len(validation)) or not training.patience:
        return rows, validation
    kept, held, _ = split(rows, label=label, test=0.0, validation=HELD_BACK, seed=seed)
    return kept, held


def _features(
    architecture: Architecture, rows: pd.DataFrame, label: str, features: Sequence[str] | None
) -> list[str]:
    """The columns that the model reads; raises unless they fit the architecture."""
    named = None if isinstance(architecture, MLP) else architecture.columns
    if features is None:
        features = named or [str(name) for name in rows.columns if str(name) != label]
    problems = []
    if not features:
        problems.append(Problem("features", "none", "at least one column to learn from"))
    if isinstance(architecture, LSTM) and not architecture.sequence:
        problems.append(Problem("LSTM.sequence", "no channel", "the columns of each channel"))
    if label in features:
        problems.append(Problem("features", f"the label {quote(label)}", "other columns only"))
    for name in sorted(set(features) ^ set(features if named is None else named)):
        settings = "LSTM.sequence and static" if architecture.kind == "lstm" else "text"
        where = "features" if name in features else settings
        expected = f"the same columns in features and in the {type(architecture).__name__}"
        problems.append(Problem(where, quote(name), expected))
    if problems:
        raise InputError(problems)
    return list(features)


def _demand_private(architecture: Architecture) -> None:
    if isinstance(architecture, TextLSTM | PooledEmbedding):
        found = f"private training of a {architecture.kind}"
        expected = "an mlp or an lstm: gradients of embeddings are not clipped yet"
        hint = "The vocabulary, which is learnt from the rows, would not be private either."
        raise InputError([Problem("privacy", found, expected, hint)])


def _demand_trainable(
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    label: str,
    positive: object,
    seed: int,
) -> None:
    problems = []
    for name, part in {"training rows": rows, "validation rows": validation}.items():
        if part is not None:
            problems += _label_problems(part, label, positive, name)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(Problem("seed", quote(seed), "a whole number from 0"))
    if problems:
        raise InputError(problems)


def _label_problems(rows: pd.DataFrame, label: str, positive: object, where: str) -> list[Problem]:
    if label not in rows:
        known = map(str, rows.columns)
        return [Problem.unknown(f"label in {where}", label, known, "a column")]
    missing = int(rows[label].isna().sum())
    if missing:
        found = f"{missing} missing values in {quote(label)}"
        return [Problem(f"label in {where}", found, "an outcome in every row")]
    share = float((rows[label] == positive).mean()) if len(rows) else 0.0
    if where == "training rows" and not 0 < share < 1:
        values = ", ".join(quote(value) for value in rows[label].unique()[:5]) or "no rows"
        expected = f"{quote(positive)} and at least one other outcome"
        return [Problem(f"label in {where}", values, expected)]
    return []
