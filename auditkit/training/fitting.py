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

from auditkit.encoding import Encoder, TextEncoder, WordEncoder
from auditkit.models import Model
from auditkit.models.torch import Seq2SeqModel, TorchModel, TrainedNetwork, model_of
from auditkit.roles import Roles, Task
from auditkit.training.checkpoint import Checkpoint, belonging
from auditkit.training.demands import (
    demand_private,
    demand_task,
    demand_together,
    demand_trainable,
    features_of,
)
from auditkit.training.devices import device_for, device_name
from auditkit.training.distilling import Distilled, demand_teacher
from auditkit.training.encoders import learn_encoder
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.loop import Examples, PlainSteps, Steps, mean_loss, optimizer_of, run
from auditkit.training.networks import Network, network_for
from auditkit.training.operations import count_lessons, operations_of, sample_of
from auditkit.training.parallel import Processes, current
from auditkit.training.penalty import Penalised
from auditkit.training.preparing import Lessons, prepared
from auditkit.training.privacy_settings import Privacy
from auditkit.training.quality import compared
from auditkit.training.record import TrainingRecord
from auditkit.training.seeds import seed_of, seeded_dropout, torch_generator
from auditkit.training.seq2seq import Seq2SeqNetwork
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    AnyArchitecture,
    Architecture,
    PooledEmbedding,
    TextLSTM,
    Training,
)
from auditkit.training.target import Target
from auditkit.training.text_target import AnyTarget, target_for
from auditkit.training.tuning import Frozen, continued, demand_start, goal
from auditkit.training.weighting import Weighing

#: What a network learns from the training rows.
Learns = AnyTarget | Distilled | Penalised
#: What epsilon does not speak of where private training starts from a model.
STARTED = "the model that training started from, and the rows that it was trained on"
#: And where words are told apart that the rows hold.
WORDS = "the vocabulary: the most frequent words of the rows are taken without noise"


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
    teacher: Model | None


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
    teacher: Model | None = None,
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
        teacher: A model of the same task, of any kind, whose scores of `rows` the network learns
            beside the outcomes, as `Training.temperature` and `teacher_share` say; or None.

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
    if teacher is not None:
        demand_teacher(teacher, task, privately=privacy is not None)
    names = features_of(architecture, rows, (label, weight), features)
    roles = Roles(label, positive, task=task)
    demand_trainable(architecture, rows, validation, roles, weight, training, seed)
    device, here = device_for(training, privacy), current()
    demand_together(here.count, training, checkpoint)
    if privacy is not None:
        demand_private(architecture, weight, training, checkpoint)
        # Imported here, so that loading Opacus costs nobody else, and not the phase either.
        from auditkit.training.private import private_training

        training = private_training(training, privacy, len(rows))
    # Made and dropped: torch loads much with its first optimizer, which is not training.
    optimizer_of(nn.PReLU(), training)
    with meter.phase("train") as measured:
        lessons = prepared(
            architecture,
            rows,
            validation,
            roles=roles,
            names=names,
            weight=weight,
            training=training,
            seed=seed,
            private=privacy is not None,
        )
        encoder, target, network = _begun(architecture, lessons, names, training, seed, start)
        network.to(device)
        frozen = Frozen.of(network, training)
        frozen.begin(1)
        prepare = partial(_examples, encoder=encoder, target=target, weighing=lessons.weighing)
        learns, examples = _taught(prepare(lessons.rows), target, lessons, training, teacher)
        watches, held = _watched(prepare, learns, target, lessons)
        examples, held = examples.to(device), None if held is None else held.to(device)
        given = repr((architecture, training, privacy, seed, device.type, held is None))
        here.demand_same("rows or settings", given, *examples.tensors)
        steps = _steps(network, examples, learns, training, privacy, seed)
        saved = None
        if checkpoint is not None and isinstance(steps, PlainSteps):
            belongs = belonging(architecture, training, seed, network, examples, held)
            saved = Checkpoint(Path(checkpoint), belongs, steps)
        shown = progress and here.first
        how: dict[str, Any] = {"progress": shown, "begin": frozen.begin, "checkpoint": saved}
        with seeded_dropout(network, seed, here.rank):
            curve = run(network, steps, training, _measure(network, held, watches, here), **how)
        here.demand_same("weights", *network.state_dict().values())
        spent = _spent(steps, start, encoder)
    operations = operations_of(
        network,
        examples,
        learns,
        curve,
        frozen=frozen,
        sample=sample_of(architecture, training.batch_size),
        seed=seed,
        rows_at_once=None if spent is None else spent["rows_at_once"],
    ) + count_lessons(teacher, lessons.weighing.counted(lessons.rows)[0])
    architecture = _publishable(architecture, network)
    bare = _bare(network, architecture, encoder, target)
    model = model_of(bare, encoder, architecture, target)
    record = TrainingRecord(
        architecture={"kind": architecture.kind, **dataclasses.asdict(architecture)},
        settings=dataclasses.asdict(training),
        seed=seed,
        rows=len(lessons.rows),
        validation_rows=0 if lessons.validation is None else len(lessons.validation),
        epochs=tuple(curve.epochs),
        best_epoch=curve.best_epoch,
        stopped_early=curve.stopped_early,
        steps=curve.steps,
        samples_seen=curve.rows,
        parameters=frozen.trained(len(curve.epochs)),
        cost=measured.cost.to_dict(),
        operations=operations.to_dict(),
        loss=learns.loss + ("; rows count by their weights" if lessons.weighing.weighs else ""),
        privacy=spent,
        device=device_name(device),
        processes=here.count,
        resumed_after=tuple(curve.resumed_after),
        frozen=frozen.to_dict(),
        preparation={**lessons.said, **_penalised(learns, lessons)},
        **compared(model, lessons, start, teacher),
    )
    return model, record


def _begun(
    architecture: AnyArchitecture,
    lessons: Lessons,
    names: Sequence[str],
    training: Training,
    seed: int,
    start: TrainedNetwork | None,
) -> tuple[Encoder, AnyTarget, Network | Seq2SeqNetwork]:
    """Encoder, target and network before the first step: learnt and drawn, or from a model."""
    generator = torch_generator(seed_of(seed, "weights"))
    roles = lessons.weighing.roles
    outcomes = lessons.rows[str(roles.label)]
    if start is not None:
        target = goal(start, architecture, outcomes, roles.task)
        return start.encoder, target, continued(start, architecture, target, generator)
    encoder = learn_encoder(architecture, lessons.read, names, clip=training.clip)
    target = target_for(architecture, outcomes, roles.task)
    network = network_for(architecture, encoder, generator=generator, outputs=target.outputs)
    return encoder, target, network


def _taught(
    examples: Examples,
    target: AnyTarget,
    lessons: Lessons,
    training: Training,
    teacher: Model | None,
) -> tuple[Learns, Examples]:
    """What is learnt from the training rows: their outcomes, and what more was asked for."""
    if not isinstance(target, Target):
        return target, examples
    rows, _ = lessons.weighing.counted(lessons.rows)
    learns: Target | Distilled = target
    if teacher is not None:
        learns = Distilled.of(target, training)
        examples = learns.examples(examples, teacher, rows)
    if not training.fairness_penalty:
        return learns, examples
    penalised = Penalised.of(learns, rows, lessons.weighing.roles, training)
    return penalised, penalised.examples(examples, rows)


def _watched(
    prepare: Callable[[pd.DataFrame], Examples],
    learns: Learns,
    target: AnyTarget,
    lessons: Lessons,
) -> tuple[AnyTarget | Penalised, Examples | None]:
    """What the validation rows are held against, and the rows; None where there is none."""
    validation = lessons.validation
    if validation is None or validation.empty or not len(held := prepare(validation)):
        return target, None
    if not isinstance(learns, Penalised) or not isinstance(target, Target):
        return target, held
    watches = dataclasses.replace(learns, target=target)
    return watches, watches.examples(held, lessons.weighing.counted(validation)[0])


def _penalised(learns: Learns, lessons: Lessons) -> dict[str, Any]:
    """The fairness penalty for the record; empty without."""
    if not isinstance(learns, Penalised):
        return {}
    return {"fairness_penalty": learns.to_dict(lessons.weighing.counted(lessons.rows)[0])}


def _spent(steps: Steps, start: TrainedNetwork | None, encoder: Encoder) -> dict[str, Any] | None:
    spent = steps.spent()
    if spent is not None and start is not None:
        spent["not_covered"].append(STARTED)
    elif spent is not None and isinstance(encoder, TextEncoder | WordEncoder):
        spent["not_covered"].append(WORDS)
    return spent


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
    target: Learns,
    training: Training,
    privacy: Privacy | None,
    seed: int,
) -> Steps:
    if privacy is None:
        return PlainSteps(network, examples, target.objective, training=training, seed=seed)
    from auditkit.training.private import PrivateSteps

    losses = cast("Target", target).losses  # `demand_private` has refused all others
    return PrivateSteps(network, examples, losses, training=training, privacy=privacy, seed=seed)


def _examples(
    rows: pd.DataFrame, *, encoder: Encoder, target: AnyTarget, weighing: Weighing
) -> Examples:
    """Rows as the network learns from them; a row that weighs nothing teaches nothing."""
    rows, held = weighing.counted(rows)
    weights = None if held is None else torch.from_numpy(held.astype(np.float32))
    roles = weighing.roles
    y = target.encode(rows[str(roles.label)], roles.positive)
    return Examples(torch.from_numpy(encoder.encode(rows)), y, weights)


def _measure(
    network: nn.Module, held: Examples | None, target: AnyTarget | Penalised, here: Processes
) -> Callable[[], float] | None:
    """What gives the validation loss, on which several processes agree; None without rows."""
    if held is None:
        return None
    return partial(here.agreed, partial(mean_loss, network, held, target.objective))
