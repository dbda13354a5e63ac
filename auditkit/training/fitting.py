"""From raw rows to a trained model and the record of its training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast, overload

import numpy as np
import pandas as pd
import torch
from torch import nn

from auditkit.encoding import (
    Encoder,
    SequenceEncoder,
    SubwordEncoder,
    TabularEncoder,
    TextEncoder,
    WordEncoder,
)
from auditkit.models.torch import Seq2SeqModel, TorchModel, TrainedNetwork, model_of
from auditkit.roles import Roles, Task
from auditkit.training.augmenting import augmented, cleaned
from auditkit.training.checkpoint import Checkpoint, belonging
from auditkit.training.demands import (
    demand_private,
    demand_task,
    demand_together,
    demand_trainable,
    features_of,
)
from auditkit.training.devices import device_for, device_name
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.loop import Examples, PlainSteps, Steps, mean_loss, run
from auditkit.training.networks import network_for
from auditkit.training.parallel import current
from auditkit.training.quality import compared
from auditkit.training.record import TrainingRecord
from auditkit.training.seeds import seed_of, seeded_dropout, torch_generator
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    LSTM,
    AnyArchitecture,
    Architecture,
    BagOfWords,
    PooledEmbedding,
    Privacy,
    TextLSTM,
    Training,
)
from auditkit.training.splitting import split
from auditkit.training.target import Target
from auditkit.training.text_target import AnyTarget, target_for
from auditkit.training.tuning import Frozen, continued, demand_start, goal
from auditkit.training.weighting import Weighing

#: Share of the training rows that early stopping holds back where no validation rows are given.
HELD_BACK = 0.1
#: What epsilon does not speak of where private training starts from a model.
STARTED = "the model that training started from, and the rows that it was trained on"


class FitSettings(TypedDict, total=False):
    """What `fit` can be told besides; see there."""

    task: Task
    positive: object
    features: Sequence[str] | None
    weight: str | None
    validation: pd.DataFrame | None
    training: Training | None
    privacy: Privacy | None
    seed: int
    progress: bool
    checkpoint: str | Path | None
    start: TrainedNetwork | None


@overload
def fit(
    architecture: Architecture,
    rows: pd.DataFrame,
    *,
    label: str,
    **settings: Unpack[FitSettings],
) -> tuple[TorchModel, TrainingRecord]: ...


@overload
def fit(
    architecture: Seq2Seq, rows: pd.DataFrame, *, label: str, **settings: Unpack[FitSettings]
) -> tuple[Seq2SeqModel, TrainingRecord]: ...


def fit(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    *,
    label: str,
    task: Task = "binary",
    positive: object = 1,
    features: Sequence[str] | None = None,
    weight: str | None = None,
    validation: pd.DataFrame | None = None,
    training: Training | None = None,
    privacy: Privacy | None = None,
    seed: int = 0,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    start: TrainedNetwork | None = None,
) -> tuple[TorchModel | Seq2SeqModel, TrainingRecord]:
    """Train a network on raw rows. The same arguments give the same weights.

    Args:
        architecture: The network.
        rows: Training rows, label included. The encoding is learnt on them only.
        label: Column of the outcome.
        task: "binary" (one logit, log loss), "multiclass" (one logit for each class of `label`,
            softmax, log loss), "regression" (mean squared error), or "sequence-to-sequence" for a
            `Seq2Seq` (the log loss of each token of the text in `label`).
        positive: The value of `label` that counts as positive (binary).
        features: Columns that the model reads; None takes all but the label and the weight, or
            those that an `LSTM` or a network over text names.
        weight: Column that says how much each row counts, or None where all count the same;
            weights of classes and groups, which `training` asks for, are multiplied with it.
        validation: Rows for early stopping; None holds back a tenth of `rows` where
            `training.patience` asks for early stopping.
        training: Settings of the training; None takes the defaults.
        privacy: Settings of differentially private training; None trains without. Private
            training takes all `rows`, runs all its epochs and keeps the last weights, because to
            choose among them by a loss would cost privacy too.
        seed: Seed, at least 0. No global random state is read or left changed.
        progress: Whether to show a progress bar on stderr.
        checkpoint: Folder in which the run is written down after each epoch. Where it was killed,
            the same call goes on from there and gives the same model, bit by bit. None writes
            nothing. Private training has none: the file would hold the state of the noise.
        start: A model of the same architecture whose weights are the first ones; None draws them.
            Its encoding is kept. Where `rows` hold classes that it does not know, or another task,
            its output layer is drawn anew. `Training.freeze` keeps layers as they are.

    Returns:
        The model, and the record of its training. Of several processes (see
        `auditkit.training.parallel`) each gets the same model.

    Raises:
        InputError: If rows, columns, label or settings do not fit; the problems are listed.
        TrainingError: If a loss is not finite, private training fails its self-test, or several
            processes do not have the same rows, settings and, at the end, weights.

    Example:
        >>> from auditkit.training import MLP, Training
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0, 1] * 50})
        >>> model, record = fit(MLP(hidden=(8,)), rows, label="y", training=Training(epochs=2))
        >>> len(record.epochs), record.rows, record.validation_rows
        (2, 90, 10)
    """
    from auditkit import meter

    training = training or Training()
    demand_task(architecture, task)
    if start is not None:
        demand_start(start, architecture, features, training)
        features = start.features
    names = features_of(architecture, rows, (label, weight), features)
    roles = Roles(label, positive, task=task)
    demand_trainable(architecture, rows, validation, roles, weight, training, seed)
    device, here = device_for(training, privacy), current()
    demand_together(here.count, training, checkpoint)
    if privacy is not None:
        demand_private(architecture, weight, training, checkpoint, here.count)
        # Imported here, so that loading Opacus costs nobody else, and not the phase either.
        from auditkit.training.private import private_training

        training = private_training(training, privacy, len(rows))
    preparation: dict[str, Any] = {}
    with meter.phase("train") as measured:
        if privacy is None:
            rows, preparation = cleaned(
                rows, [*names, label, weight, *training.row_columns], training
            )
            rows, validation = _parts(rows, validation, roles, training, seed)
        more = augmented(rows, architecture, training, seed)
        rows = more.rows
        weights = torch_generator(seed_of(seed, "weights"))
        if start is None:
            encoder = learn_encoder(architecture, more.read, names, clip=training.clip)
            target = target_for(architecture, rows[label], task)
            network = network_for(architecture, encoder, generator=weights, outputs=target.outputs)
        else:
            encoder, target = start.encoder, goal(start, architecture, rows[label], task)
            network = continued(start, architecture, target, weights)
        network.to(device)
        weighing = Weighing.fit(rows, roles, weight, training)
        prepare = partial(_examples, encoder=encoder, target=target, weighing=weighing)
        frozen = Frozen.of(network, training)
        learnt = sum(p.numel() for p in network.parameters() if p.requires_grad)
        frozen.begin(1)
        examples, held = prepare(rows).to(device), _held(prepare, validation, device)
        given = repr((architecture, training, seed, device.type, held is None))
        here.demand_same("rows or settings", given, *examples.tensors)
        steps = _steps(network, examples, target, training, privacy, seed)
        saved, validate = None, None
        if held is not None:
            measure = partial(mean_loss, network, held, target.objective)
            validate = partial(here.agreed, measure)
        if checkpoint is not None and isinstance(steps, PlainSteps):
            belongs = belonging(architecture, training, seed, network, examples, held)
            saved = Checkpoint(Path(checkpoint), belongs, steps)
        shown = progress and here.first
        how: dict[str, Any] = {"progress": shown, "begin": frozen.begin, "checkpoint": saved}
        with seeded_dropout(network, seed, here.rank):
            curve = run(network, steps, training, validate, **how)
        here.demand_same("weights", *network.state_dict().values())
        spent = steps.spent()
        if spent is not None and start is not None:
            spent["not_covered"].append(STARTED)
    architecture = _publishable(architecture, network)
    bare = _bare(network, architecture, encoder, target)
    model = model_of(bare, encoder, architecture, target)
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
        parameters=learnt - frozen.never_moved(len(curve.epochs)),
        cost=measured.cost.to_dict(),
        loss=target.loss,
        privacy=spent,
        device=device_name(device),
        processes=here.count,
        resumed_after=tuple(curve.resumed_after),
        frozen=frozen.to_dict(),
        **compared(model, validation, weighing, start=start),
        preparation={**preparation, **more.said, **weighing.to_dict()},
    )
    return model, record


def learn_encoder(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    features: Sequence[str],
    *,
    clip: float = 0.0,
) -> Encoder:
    """Learn the encoding that an architecture needs.

    Args:
        architecture: The network; an `LSTM` names its channels, one over text its column.
        rows: Training rows.
        features: Columns that the model reads.
        clip: Share of the numbers of a column at each end that is clipped, in [0, 0.5).

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
        sequence, static = architecture.sequence, architecture.static
        return SequenceEncoder.fit(rows, sequence, static, varying=architecture.varying, clip=clip)
    if isinstance(architecture, TextLSTM | PooledEmbedding):
        words, length = architecture.vocabulary, architecture.length
        return TextEncoder.fit(rows, architecture.text, vocabulary=words, length=length)
    if isinstance(architecture, Seq2Seq):
        return TextEncoder.fit(
            rows,
            architecture.source,
            vocabulary=architecture.source_vocabulary,
            length=architecture.source_length,
            split=architecture.source_tokens,
        )
    if isinstance(architecture, BagOfWords):
        return WordEncoder.fit(
            rows,
            architecture.text,
            weighting=architecture.weighting,
            vocabulary=architecture.vocabulary,
            ngrams=architecture.ngrams,
        )
    if isinstance(architecture, HuggingFace):
        from auditkit.models.checkpoints import read_tokenizer

        tokenizer = read_tokenizer(Path(architecture.folder))
        return SubwordEncoder.of(architecture.text, tokenizer, length=architecture.length)
    return TabularEncoder.fit(rows, features, clip=clip)


def _bare(
    network: nn.Module, architecture: AnyArchitecture, encoder: Encoder, target: AnyTarget
) -> nn.Module:
    """The network on the CPU, without the gradients and the like that training hung on it."""
    if isinstance(architecture, HuggingFace):
        from auditkit.training.huggingface import merge_adapters

        merge_adapters(network)
    bare = network_for(architecture, encoder, generator=None, outputs=target.outputs)
    weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    bare.load_state_dict(weights, assign=True)
    return bare


def _publishable(architecture: AnyArchitecture, network: nn.Module) -> AnyArchitecture:
    """The settings without the folder of a file, which tells of the machine and of nothing else."""
    if isinstance(architecture, TextLSTM | PooledEmbedding) and architecture.vectors is not None:
        return dataclasses.replace(architecture, vectors=Path(architecture.vectors).name)
    if isinstance(architecture, HuggingFace):
        from auditkit.training.huggingface import published

        return published(architecture, network)
    return architecture


def _steps(
    network: nn.Module,
    examples: Examples,
    target: AnyTarget,
    training: Training,
    privacy: Privacy | None,
    seed: int,
) -> Steps:
    if privacy is None:
        return PlainSteps(network, examples, target.objective, training=training, seed=seed)
    from auditkit.training.private import PrivateSteps

    losses = cast("Target", target).losses  # `_demand_private` has refused all others
    return PrivateSteps(network, examples, losses, training=training, privacy=privacy, seed=seed)


def _examples(
    rows: pd.DataFrame, *, encoder: Encoder, target: AnyTarget, weighing: Weighing
) -> Examples:
    """Rows as the network learns from them; a row that weighs nothing teaches nothing."""
    roles, held, weights = weighing.roles, weighing.of(rows), None
    if held is not None:
        rows = rows[held > 0]
        weights = torch.from_numpy(held[held > 0].astype(np.float32))
    y = target.encode(rows[str(roles.label)], roles.positive)
    return Examples(torch.from_numpy(encoder.encode(rows)), y, weights)


def _held(
    prepare: Callable[[pd.DataFrame], Examples],
    validation: pd.DataFrame | None,
    device: torch.device,
) -> Examples | None:
    """Validation rows as the network sees them, or None where there is none that counts."""
    held = None if validation is None or validation.empty else prepare(validation)
    return held.to(device) if held is not None and len(held) else None


def _parts(
    rows: pd.DataFrame,
    validation: pd.DataFrame | None,
    roles: Roles,
    training: Training,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Hold rows back for early stopping where it is asked for and none were given."""
    if (validation is not None and len(validation)) or not training.patience:
        return rows, validation
    label, task = str(roles.label), roles.task
    kept, held, _ = split(rows, label=label, task=task, test=0.0, validation=HELD_BACK, seed=seed)
    return kept, held
