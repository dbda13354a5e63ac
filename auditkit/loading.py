"""From a configuration file to a subject: everything is checked first, then it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from auditkit import meter
from auditkit.config import Config, MeterConfig, SubjectConfig, read_config
from auditkit.data.counting import take_counts
from auditkit.data.intake import Attempts, Intake, take_in
from auditkit.errors import InputError, MissingExtraError, Problem, quote
from auditkit.gathering import PreparedCells, gather
from auditkit.models import Model, SequenceModel
from auditkit.newer_rows import Newer, read_newer
from auditkit.roles import Roles
from auditkit.rows import DataSource, in_canonical_order
from auditkit.scoring import threshold_problems
from auditkit.shadowing import Declared, read_declared, read_shadow
from auditkit.subject import Subject
from auditkit.threads import one_thread
from auditkit.training_beside import read_beside, read_network, training_problems

if TYPE_CHECKING:
    from auditkit.models.torch import TorchModel
    from auditkit.training import Recipe, TrainingRecord


class Trained(NamedTuple):
    """A model that was trained as a configuration says.

    Attributes:
        model: The model.
        record: How it was trained.
        recipe: How to train it again.
        population: All rows, in the order that the split sees.
        train: Training rows.
        test: Rows that training has not seen.
    """

    model: TorchModel
    record: TrainingRecord
    recipe: Recipe
    population: pd.DataFrame
    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class Prepared:
    """A configuration that was checked against its data, and found right.

    Attributes:
        config: What the file says.
        folder: Where the file lies; paths in it start here.
        text: The bytes of the file.
        rows: The table, with the columns that play a part.
        roles: Which column plays which part.
        source: Where the rows came from.
        architecture: Settings of the model to train, or None.
        training: Settings of the training, or None.
        beside: What else the recipe takes: `start`, `teacher`, `privacy`.
        model: A model that was loaded, or None.
        declared: Its training rows and its shadow recipe, as far as somebody declared them.
        newer: Newer rows than the assessed ones, as far as somebody named them.
        notes: What was done to the data on the way in, in whole sentences: a sample that was
            taken, rows without a partner in a second table, bands that were found.
        sources: Where the energy of training and audits comes from, or None where nothing is said.
    """

    config: Config
    folder: Path
    text: bytes
    rows: pd.DataFrame
    roles: Roles
    source: DataSource
    architecture: Any = None
    training: Any = None
    beside: Mapping[str, Any] = field(default_factory=dict)
    model: Model | SequenceModel | None = None
    declared: Declared = field(default_factory=Declared)
    newer: Newer = field(default_factory=Newer)
    notes: tuple[str, ...] = ()
    sources: meter.Sources | None = None

    def subject(self, *, progress: bool = False) -> Subject:
        """Make the subject; trains where the configuration says so.

        Args:
            progress: Whether to show a progress bar on stderr.

        Returns:
            The subject.
        """
        return self._made(progress=progress).declaring(self.config.context)

    def _made(self, *, progress: bool) -> Subject:
        if self.architecture is not None:
            return self._trained(progress=progress)
        facts = self._facts()
        threshold = self.config.subject.model.get("threshold")
        if self.model is not None:
            return Subject.from_model(
                self.model,
                self.rows,
                features=self.roles.features,
                threshold=0.5 if threshold is None else threshold,
                train=self.declared.rows,
                shadow=self.declared.shadow,
                **facts,
            )
        return Subject.from_scores(
            self.rows,
            score=self.roles.score,
            prediction=self.roles.prediction,
            threshold=threshold,
            **facts,
        )

    def _facts(self) -> dict[str, Any]:
        says = self.config.subject
        return {
            "label": self.roles.label,
            "positive": self.roles.positive,
            "sensitive": self.roles.sensitive,
            "weight": self.roles.weight,
            "bands": self.roles.bands,
            "name": says.name,
            "task": says.task,
            "source": self.source,
            "version": says.version,
            "description": says.description,
            "data_notes": self.notes,
            "newer": self.newer.rows,
        }

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Columns whose groups are compared."""
        return self.roles.sensitive

    @property
    def _checkpoint(self) -> Path | None:
        folder = self.config.subject.training.get("checkpoint")
        return None if folder is None else self.folder / folder

    def train(self, *, seed: int | None = None, progress: bool = False) -> Trained:
        """Train the model that the configuration describes.

        Args:
            seed: Seed of the training; None takes the one of the configuration.
            progress: Whether to show a progress bar on stderr.

        Returns:
            The model, and what belongs to it.

        Raises:
            InputError: As `auditkit.fit`.
            TrainingError: As `auditkit.fit`.
            ValueError: If the configuration names no model to train.
        """
        from auditkit.training import Recipe, split

        if self.architecture is None:
            raise ValueError("the configuration names no model to train")
        says = self.config.subject
        columns = dict.fromkeys([*self.roles.columns, *self.training.row_columns])
        everyone = in_canonical_order(self.rows[list(columns)], self.roles.weight)
        shares = says.split
        train, validation, test = split(
            everyone,
            label=str(self.roles.label),
            task=says.task,
            test=shares.test,
            validation=shares.validation,
            seed=shares.seed,
        )
        recipe = Recipe(
            architecture=self.architecture,
            training=self.training,
            label=str(self.roles.label),
            task=says.task,
            positive=self.roles.positive,
            features=self.roles.features,
            weight=self.roles.weight,
            validation=validation,
            seed=says.training.get("seed", 0) if seed is None else seed,
            **self.beside,
        )
        import torch  # noqa: F401 - loaded before its threads are counted

        with meter.use(self.sources), one_thread():
            model, record = recipe.fit(train, progress=progress, checkpoint=self._checkpoint)
        return Trained(model, record, recipe, everyone, train, test)

    def _trained(self, *, progress: bool) -> Subject:
        done = self.train(progress=progress)
        return Subject.from_model(
            done.model,
            done.test,
            features=self.roles.features,
            train=done.train,
            population=done.population,
            record=done.record,
            recipe=done.recipe,
            **self._facts(),
        )


def load_subject(path: str | Path, *, progress: bool = False) -> Subject:
    """Make the subject that a configuration file describes; trains where it says so.

    Args:
        path: An `auditkit.toml`.
        progress: Whether to show a progress bar on stderr.

    Returns:
        The subject.

    Raises:
        InputError: If anything about the file or its data is wrong; every problem is listed.
    """
    prepared, problems = prepare(path)
    if prepared is None or problems:
        raise InputError(problems)
    return prepared.subject(progress=progress)


def prepare(path: str | Path) -> tuple[Prepared | PreparedCells | None, list[Problem]]:
    """Read a configuration and its data, and list everything that is wrong with either.

    Args:
        path: An `auditkit.toml`.

    Returns:
        What is ready to run, or None; and the problems.
    """
    config, problems, text = read_config(path)
    if config is None:
        return None, problems
    where, folder = Path(path).name, Path(path).parent
    attempt = Attempts(problems)
    sources = attempt(_sources, config.meter, folder, where)
    if config.subject.cells or config.subject.count:
        counts = attempt(gather, config, folder, where) if config.subject.cells else None
        if config.subject.count:
            counts = take_counts(config, folder, where, attempt)
        ready = None if counts is None or problems else PreparedCells(config, text, counts, sources)
        return ready, problems
    attempt(lambda: _check_run(config.subject, where))
    architecture, training, model = _model(config.subject, folder, where, attempt)
    beside = read_beside(config.subject.model, folder, f"{where} [subject.model]", attempt)
    shadow = read_shadow(config.subject.shadow, folder, where, attempt)
    table = take_in(config, folder, where, attempt)
    if table is None:
        return None, problems
    roles = _roles(config.subject, table, beside.get("start") or architecture, model)
    problems += table.problems(roles.features, f"{where} [subject]", learns=model is None)
    problems += roles.problems(table.rows, f"{where} [subject]", table.name)
    if roles.label is None and (architecture is not None or config.subject.shadow is not None):
        problems.append(Problem(f"{where} [subject]", "no label", "a label to train on"))
    declared = read_declared(config, shadow, (table, roles), folder, where, attempt)
    newer = read_newer(config, (table, roles), folder, where, attempt)
    if architecture is not None and training is not None:
        rows, place = {table.name: table.rows}, f"{where} [subject.training]"
        problems += training_problems(rows, roles, architecture, training, place)
    if not problems:
        threshold = config.subject.model.get("threshold")
        problems += threshold_problems(table.rows, roles, threshold, f"{where} [subject.model]")
    if problems:
        return None, problems
    return Prepared(
        config,
        folder,
        text,
        table.rows,
        roles,
        table.source,
        architecture,
        training,
        beside,
        model,
        declared,
        newer,
        (*table.notes, *declared.notes, *newer.notes),
        sources,
    ), problems


def _sources(says: MeterConfig | None, folder: Path, where: str) -> meter.Sources | None:
    """Where `[meter]` wants energy from; a missing package is one problem among the others."""
    if says is None:
        return None
    wall = None if says.wall is None else folder / says.wall
    try:
        return meter.open_sources(wall, says.most_gap, codecarbon=says.codecarbon)
    except MissingExtraError as error:
        problem = Problem(f"{where} [meter] codecarbon", "true", "an installed package", str(error))
        raise InputError([problem]) from error


def _model(
    says: SubjectConfig, folder: Path, where: str, attempt: Attempts
) -> tuple[Any, Any, Model | SequenceModel | None]:
    """Settings of the model to train, of its training, or the model that was opened."""
    place = f"{where} [subject.model]"
    if "file" in says.model or "endpoint" in says.model:
        return None, None, attempt(lambda: _open(says, folder, place))
    if "train" not in says.model:
        return None, None, None
    beside = ("seed", "checkpoint")
    trained = {key: value for key, value in says.training.items() if key not in beside}
    places = (place, f"{where} [subject.training]")
    return *read_network(says.model, trained, folder, places, attempt), None


def _open(says: SubjectConfig, folder: Path, place: str) -> Model | SequenceModel:
    from auditkit.models.opening import open_model

    table = {key: value for key, value in says.model.items() if key != "threshold"}
    return open_model(
        table, folder, place, task=says.task, positive=says.positive, features=says.features
    )


def _check_run(says: SubjectConfig, where: str) -> None:
    """Check what `[subject.training]` holds beside the settings of the core."""
    seed, folder = says.training.get("seed", 0), says.training.get("checkpoint", "-")
    place, problems = f"{where} [subject.training]", []
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(Problem(f"{place} seed", quote(seed), "a whole number from 0 on"))
    if not isinstance(folder, str) or not folder:
        problems.append(Problem(f"{place} checkpoint", quote(folder), "the name of a folder"))
    if problems:
        raise InputError(problems)


def _roles(says: SubjectConfig, table: Intake, architecture: object, model: object) -> Roles:
    features = says.features
    if features is None and architecture is not None:
        features = _default_features(says, table.columns, architecture)
    if features is None and model is not None:
        features = list(getattr(model, "features", ()) or ())
    return Roles(
        label=says.label,
        positive=says.positive,
        score=says.column("score"),
        prediction=says.column("prediction"),
        sensitive=table.sensitive,
        features=tuple(features or ()),
        bands=table.bands,
        task=says.task,
        weight=says.weight,
    )


def _default_features(
    says: SubjectConfig, columns: Sequence[str], architecture: object
) -> list[str]:
    # A network over text or sequences names its columns; a model to start from has learnt them.
    named: Sequence[str] = getattr(architecture, "columns", getattr(architecture, "features", ()))
    others = {says.label, says.weight}
    return list(named) or [name for name in columns if name not in others]
