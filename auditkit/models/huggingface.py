"""Large language encoders that classify sequences: Hugging Face models from a local folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from auditkit.encoding import SubwordEncoder
from auditkit.encoding.text import MOST_TOKENS
from auditkit.errors import InputError, Problem, quote
from auditkit.models.archives import refuse
from auditkit.models.checkpoints import CONFIG, read_checkpoint, stated
from auditkit.models.encoders import TEXTS_AT_ONCE, EncoderNetwork, pretrained
from auditkit.models.module import ModuleModel
from auditkit.models.outputs import class_index, reading
from auditkit.models.settings import ClassName, FileSettings, both, read_settings


class HuggingFaceSettings(FileSettings):
    """`[subject.model]` of a folder with a Hugging Face model.

    Attributes:
        file: The folder.
        text: The column of text; may be left out where there is one feature.
        length: Tokens that are read of each text, its first, the special ones counted; 512 unless
            the model reads fewer.
        batch_size: Texts of full length that are computed at once; of shorter ones more.
        classes: Values of the label in the order of the outputs, where the model calls its
            classes otherwise.
    """

    text: str | None = Field(default=None, min_length=1)
    length: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    batch_size: int = Field(default=TEXTS_AT_ONCE, ge=1, le=65_536)
    classes: list[ClassName] | None = None


class HuggingFaceModel(ModuleModel):
    """A Hugging Face model over text; satisfies `auditkit.models.NetworkModel`.

    Args:
        network: The network around the model.
        encoder: Encoding by its tokenizer.
        task: "binary", "multiclass" or "regression".
        classes: Classes in the order of the outputs; see `ModuleModel`.
        positive: The positive class (binary).
        sha256: Digest of weights, settings and tokenizer.
    """

    def __init__(
        self,
        network: EncoderNetwork,
        encoder: SubwordEncoder,
        *,
        task: str,
        classes: Sequence[object] = (),
        positive: object = 1,
        sha256: str,
    ) -> None:
        super().__init__(
            network,
            encoder.encode,
            task=task,
            classes=classes,
            positive=positive,
            features=encoder.features,
            players=encoder.players,
            shape=encoder.shape,
        )
        self.encoder = encoder
        self._type = str(network.config["model_type"])
        self._sha256 = sha256

    @property
    def kind(self) -> str:
        """What it is: "huggingface" and the type of the model."""
        return f"huggingface {self._type}"

    @property
    def sha256(self) -> str:
        """Digest of weights, settings and tokenizer; see `Checkpoint`."""
        return self._sha256


def from_config(
    table: Mapping[str, Any],
    folder: Path,
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> HuggingFaceModel:
    """Open the Hugging Face model that a configuration names.

    Args:
        table: `[subject.model]`: see `HuggingFaceSettings`.
        folder: Where the configuration lies.
        where: What to call the table in a message.
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns that the model reads: the column of text.

    Returns:
        The model.

    Raises:
        InputError: If a setting is wrong, the folder holds anything but whole weights, settings
            and tokenizer that fit each other, or its outputs do not fit the task; every problem
            is listed.
        MissingExtraError: If transformers is not installed.
    """
    says = read_settings(HuggingFaceSettings, table, where)
    path = folder / says.file
    text, checkpoint = both(lambda: _text(says, features, where), lambda: read_checkpoint(path))
    settings = stated(checkpoint.config)
    classes, (network, encoder) = both(
        lambda: _classes(settings, says, task, positive, where, checkpoint.name),
        lambda: pretrained(checkpoint, text, length=says.length, texts_at_once=says.batch_size),
    )
    return HuggingFaceModel(
        network,
        encoder,
        task=task,
        classes=classes or (),
        positive=positive,
        sha256=checkpoint.sha256,
    )


def _text(says: HuggingFaceSettings, features: Sequence[str] | None, where: str) -> str:
    """The column of text."""
    names = list(features or ())
    if says.text is None and len(names) != 1:
        found = f"no text, and {len(names)} features"
        refuse(f"{where} text", found, "the column of text", 'Write text = "...".')
    text = names[0] if says.text is None else says.text
    if names and names != [text]:
        shown = ", ".join(map(quote, names))
        refuse(f"{where} text", quote(text), f"the one feature that is named: {shown}")
    return text


def _classes(
    settings: Any,  # noqa: ANN401 - of transformers
    says: HuggingFaceSettings,
    task: str,
    positive: object,
    where: str,
    name: str,
) -> Sequence[object] | None:
    """The classes in the order of the outputs, or everything that keeps them from the task."""
    labels = [str(settings.id2label[place]) for place in sorted(settings.id2label)]
    place, kind = f"{name}/{CONFIG}", settings.problem_type
    _demand_task(len(labels), kind, task, place)
    if task == "regression":
        reading(task, "logit", says.classes, positive, where)
        return None
    named = _named(labels)
    classes: Sequence[object] | None = says.classes
    if classes is None and task == "multiclass":
        classes = named or range(len(labels))
    if classes is None and len(labels) == 2:
        classes = named or (0, 1)
        if class_index(classes, positive) is None:
            shown = ", ".join(map(quote, labels))
            refuse(
                f"{where} classes",
                f"no class {quote(positive)} among {shown}",
                "the values of the label in that order",
                "Write classes = [...], or the positive class as the model calls it.",
            )
    reading(task, "logit", classes, positive, where)
    wanted = 2 if task == "binary" else len(labels)
    if classes is not None and len(classes) != wanted:
        refuse(f"{where} classes", f"{len(classes)} classes", f"{wanted}, as the model has")
    return classes


def _demand_task(outputs: int, kind: str | None, task: str, place: str) -> None:
    """Raise unless what the model was trained for can answer the task."""
    widths = {"binary": {1, 2}, "multiclass": set(range(2, outputs + 1)), "regression": {1}}
    problems = []
    if task in widths and outputs not in widths[task]:
        expected = {"binary": "1 or 2", "multiclass": "2 or more", "regression": "1"}[task]
        problems.append(Problem(f"{place} num_labels", str(outputs), f"{expected} ({task})"))
    several = kind == "multi_label_classification" and outputs > 1
    if several or (kind is not None and (kind == "regression") != (task == "regression")):
        expected = "that of a regression" if task == "regression" else "single_label_classification"
        problems.append(Problem(f"{place} problem_type", quote(kind), expected))
    if problems:
        raise InputError(problems)


def _named(labels: Sequence[str]) -> list[str] | None:
    """Names of classes, or None where they are those that transformers makes up."""
    made_up = all(re.fullmatch(rf"LABEL_{i}", label) for i, label in enumerate(labels))
    return None if made_up else list(labels)
