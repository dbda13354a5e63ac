"""How a model was made, so that it can be made again, changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from auditkit.errors import InputError, Problem
from auditkit.roles import Task
from auditkit.training.privacy_settings import Privacy
from auditkit.training.settings import PATHS, AnyArchitecture, Training, privacy_from

if TYPE_CHECKING:
    from auditkit.models import Model
    from auditkit.models.torch import TrainedNetwork
    from auditkit.training.record import TrainingRecord


@dataclass(frozen=True, eq=False)
class Recipe:
    """Everything but the rows that made a model; see `auditkit.training.fit`.

    Attributes:
        architecture: The network.
        label: Column of the outcome.
        training: Settings of the training.
        task: Kind of prediction.
        positive: The value of `label` that counts as positive (binary).
        features: Columns that the model reads; None as in `fit`.
        weight: Column that says how much each row counts, or None.
        validation: Rows for early stopping, or None.
        start: A model whose weights are the first ones, or None.
        teacher: A model whose scores are learnt beside the outcomes, or None.
        privacy: Settings of differentially private training, or None.
        seed: Seed.

    Example:
        >>> from auditkit.training import MLP
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0, 1] * 50})
        >>> recipe = Recipe(MLP(hidden=(4,)), "y", Training(epochs=1))
        >>> model, record = recipe.fit(rows)
        >>> recipe.fit(rows)[0] is model, recipe.fit(rows, seed=1)[0] is model
        (True, False)
    """

    architecture: AnyArchitecture
    label: str
    training: Training = field(default_factory=Training)
    task: Task = "binary"
    positive: object = 1
    features: Sequence[str] | None = None
    weight: str | None = None
    validation: pd.DataFrame | None = None
    start: TrainedNetwork | None = None
    teacher: Model | None = None
    privacy: Privacy | None = None
    seed: int = 0
    _made: dict[str, tuple[Any, TrainingRecord]] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: the recipe without the models that were made by it."""
        return {**self.__dict__, "_made": {}}

    def fit(
        self,
        rows: pd.DataFrame,
        *,
        privacy: Privacy | Mapping[str, Any] | None = None,
        **changes: object,
    ) -> tuple[Any, TrainingRecord]:
        """Train on rows. Kept by content: asking twice trains once.

        Args:
            rows: Raw training rows, label included.
            privacy: Settings of differentially private training; None takes those of the recipe.
            **changes: Fields of this recipe or of its `training` to change, for example `seed` or
                `epochs`; and `progress` and `checkpoint` as in `fit`, which change no model.

        Returns:
            The model, a `TorchModel` or a `Seq2SeqModel`, and the record of its training.

        Raises:
            InputError: If a change is unknown, or `fit` refuses; the problems are listed.
            TrainingError: As `fit`.
        """
        from auditkit.training.fitting import fit

        if isinstance(privacy, Mapping):
            privacy = privacy_from(privacy, "privacy")
        how: dict[str, Any] = {
            name: changes.pop(name) for name in ("progress", "checkpoint") if name in changes
        }
        changed = self._changed(changes if privacy is None else {**changes, "privacy": privacy})
        key = changed._key(rows)  # noqa: SLF001 - of the same class
        if key not in self._made:
            settings = {name: getattr(changed, name) for name in _FIELDS}
            architecture = settings.pop("architecture")
            self._made[key] = fit(architecture, rows, **how, **settings)
        return self._made[key]

    @property
    def records(self) -> tuple[TrainingRecord, ...]:
        """Records of all trainings by this recipe, changed or not, whose models are kept."""
        return tuple(record for _, record in self._made.values())

    def digest(
        self,
        rows: pd.DataFrame,
        *,
        privacy: Privacy | Mapping[str, Any] | None = None,
        **changes: object,
    ) -> str | None:
        """Name the model that `fit` would give by all that it is made of.

        Args:
            rows: As in `fit`.
            privacy: As in `fit`.
            **changes: As in `fit`; those that change no model are not known here.

        Returns:
            A digest, 64 hexadecimal digits, that no other version of auditkit or torch gives; None
            where a model that it starts from or learns from cannot be named.

        Example:
            >>> from auditkit.training import MLP
            >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0, 1] * 50})
            >>> recipe = Recipe(MLP(hidden=(4,)), "y", Training(epochs=1))
            >>> recipe.digest(rows) == recipe.digest(rows)
            True
            >>> recipe.digest(rows) == recipe.digest(rows, seed=1)
            False
        """
        import torch

        import auditkit

        if isinstance(privacy, Mapping):
            privacy = privacy_from(privacy, "privacy")
        changed = self._changed(changes if privacy is None else {**changes, "privacy": privacy})
        before = (changed.start, changed.teacher)
        if any(model is not None and not model.sha256 for model in before):
            return None
        parts = (auditkit.__version__, torch.__version__, changed._key(rows))  # noqa: SLF001 - of the same class
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, in the words of a training record, without the path of a file.

        Returns:
            Architecture, settings, privacy, and digests of the models before it; what there is.

        Example:
            >>> from auditkit.training import MLP
            >>> Recipe(MLP(hidden=(4,)), "y").to_dict()["architecture"]
            {'kind': 'mlp', 'hidden': [4], 'dropout': 0.0}
        """
        architecture = dataclasses.asdict(self.architecture)
        paths = {key: Path(architecture[key]).name for key in PATHS if architecture.get(key)}
        told = {
            "architecture": {"kind": self.architecture.kind, **architecture, **paths},
            "settings": dataclasses.asdict(self.training),
            "privacy": None if self.privacy is None else dataclasses.asdict(self.privacy),
            "start": None if self.start is None else self.start.sha256,
            "teacher": None if self.teacher is None else self.teacher.sha256,
        }
        plain: dict[str, Any] = json.loads(json.dumps(told, allow_nan=False))
        return {key: value for key, value in plain.items() if value is not None}

    def _changed(self, changes: Mapping[str, Any]) -> Recipe:
        """This recipe with some fields, or some settings of its training, changed."""
        unknown = [name for name in changes if name not in (*_FIELDS, *_SETTINGS)]
        if unknown:
            known = (*_FIELDS, *_SETTINGS)
            raise InputError(
                [Problem.unknown("recipe", name, known, "a setting to change") for name in unknown]
            )
        fields = {name: value for name, value in changes.items() if name in _FIELDS}
        settings = {name: value for name, value in changes.items() if name in _SETTINGS}
        base = fields.get("training", self.training)
        fields["training"] = dataclasses.replace(base, **settings)
        return dataclasses.replace(self, **fields)

    def _key(self, rows: pd.DataFrame) -> str:
        settings = {
            "architecture": [self.architecture.kind, dataclasses.asdict(self.architecture)],
            "training": dataclasses.asdict(self.training),
            "privacy": None if self.privacy is None else dataclasses.asdict(self.privacy),
            "label": [self.label, self.task, repr(self.positive), self.weight],
            "features": None if self.features is None else list(self.features),
            "before": [_name(self.start), _name(self.teacher)],
            "seed": self.seed,
        }
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=repr).encode())
        for part in (rows, self.validation):
            digest.update(b"none" if part is None else _content(part))
        return digest.hexdigest()


_FIELDS = tuple(f.name for f in dataclasses.fields(Recipe) if not f.name.startswith("_"))
_SETTINGS = tuple(f.name for f in dataclasses.fields(Training))


def _name(model: TrainedNetwork | Model | None) -> str | None:
    """Digest of a model; which object it is where it has none."""
    return None if model is None else model.sha256 or f"object {id(model)}"


def _content(rows: pd.DataFrame) -> bytes:
    """Columns, types and values in order; the index plays no part in training."""
    names = json.dumps([[str(name), str(kind)] for name, kind in rows.dtypes.items()])
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()
    return hashlib.sha256(names.encode() + hashed).digest()
