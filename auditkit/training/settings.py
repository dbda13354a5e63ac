"""Settings of the training core: what to train, how, and how privately. Imports no torch.

Each is a frozen dataclass that can stand as a table in a TOML file. What is wrong with one is
listed as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from auditkit.errors import InputError, Problem, quote
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.limits import (
    COLUMN,
    NAMES,
    TRUTH,
    Limit,
    check,
    list_of,
    one_of,
    optional,
    real,
    setting,
    tupled,
    whole,
)
from auditkit.training.privacy_settings import Privacy
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.step_settings import StepSettings

S = TypeVar("S")


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron over one-hot and standardised columns, with ReLU between layers.

    Attributes:
        hidden: Width of each hidden layer; empty gives a logistic regression.
        dropout: Share of hidden units dropped while training, in [0, 1).

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> MLP(hidden=[64, 32]).hidden
        (64, 32)
    """

    hidden: Sequence[int] = setting((64, 32), list_of(whole(1, 65_536), 64))
    dropout: float = setting(0.0, real(0, 1))
    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tupled(self.hidden))
        check(self)


@dataclass(frozen=True)
class LSTM:
    """A long short-term memory network over numeric sequences; its last hidden state decides.

    Rows may have sequences of different lengths: with `varying` a step at which every channel is
    missing is no step. `auditkit.widen` makes such rows from a table with one line a step.

    Attributes:
        hidden: Width of the hidden state.
        layers: Layers on top of each other.
        dropout: Share of units dropped between layers and before the output while training.
        sequence: Channel name to its columns, oldest first; all channels are equally long.
        static: Columns that do not change over time; they are given at every step.
        varying: Whether steps without any value are left out; otherwise they are imputed.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> LSTM(sequence={"bill": ["BILL_2", "BILL_1"]}, static=["LIMIT"]).columns
        ('BILL_2', 'BILL_1', 'LIMIT')
    """

    hidden: int = setting(32, whole(1, 65_536))
    layers: int = setting(1, whole(1, 64))
    dropout: float = setting(0.0, real(0, 1))
    sequence: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    static: Sequence[str] = setting((), NAMES)
    varying: bool = setting(default=False, limit=TRUTH)
    kind: ClassVar[str] = "lstm"

    def __post_init__(self) -> None:
        object.__setattr__(self, "static", tupled(self.static))
        if isinstance(self.sequence, Mapping):
            channels = {name: tupled(columns) for name, columns in self.sequence.items()}
            object.__setattr__(self, "sequence", channels)
        check(self, self._sequence_problems())

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the network reads: the channels', oldest first, then the static."""
        return (*(column for steps in self.sequence.values() for column in steps), *self.static)

    def _sequence_problems(self) -> list[Problem]:
        where = "LSTM.sequence"
        if not isinstance(self.sequence, Mapping):
            return [Problem(where, quote(self.sequence), "channel names, each with its columns")]
        lists = all(NAMES.holds(columns) and columns for columns in self.sequence.values())
        if not lists:
            return [Problem(where, quote(self.sequence), "at least one column name a channel")]
        lengths = sorted({len(columns) for columns in self.sequence.values()})
        if len(lengths) > 1:
            return [Problem(where, f"channels of {lengths} columns", "equally long channels")]
        static = self.static if isinstance(self.static, tuple) else ()
        every = [*(c for columns in self.sequence.values() for c in columns), *static]
        twice = sorted({str(column) for column in every if every.count(column) > 1})
        return [Problem(where, f"column {quote(name)} twice", "one of each") for name in twice]


@dataclass(frozen=True)
class _Text:
    """What the networks over text share."""

    text: str = setting("text", COLUMN)
    embedding: int = setting(64, whole(1, 4_096))
    hidden: int = setting(64, whole(1, 65_536))
    dropout: float = setting(0.2, real(0, 1))
    vocabulary: int = setting(20_000, whole(1, 1_000_000))
    length: int = setting(64, whole(1, 4_096))
    vectors: str | None = setting(
        None, optional(Limit("the name of a file", lambda v: isinstance(v, str) and v != ""))
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that the network reads."""
        return (self.text,)


@dataclass(frozen=True)
class TextLSTM(_Text):
    """An LSTM over the tokens of a text; its state after the last token decides.

    Attributes:
        text: The column of text.
        embedding: Width of the vector of a token.
        hidden: Width of the hidden state.
        dropout: Share of the numbers of the vectors dropped while training, in [0, 1).
        vocabulary: Most words that are told apart, the most frequent of the training rows.
        length: Tokens that are read of each text, its first.
        vectors: File of first vectors in the word2vec text format, or None to draw them. Words
            that are not in the file are drawn. They are trained on like the others.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> TextLSTM("review", hidden=32).columns
        ('review',)
    """

    kind: ClassVar[str] = "text-lstm"


@dataclass(frozen=True)
class PooledEmbedding(_Text):
    """The mean of the vectors of a text's tokens, then a hidden layer with ReLU.

    Blind to the order of the words, many times faster than `TextLSTM`, and often as good.

    Attributes:
        text: The column of text.
        embedding: Width of the vector of a token.
        hidden: Width of the hidden layer.
        dropout: Share of the numbers of the mean dropped while training, in [0, 1).
        vocabulary: As in `TextLSTM`.
        length: As in `TextLSTM`.
        vectors: As in `TextLSTM`.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> PooledEmbedding(length=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. PooledEmbedding.length: found '0', expected a whole number from 1 to 4096.
    """

    kind: ClassVar[str] = "pooled-embedding"


@dataclass(frozen=True)
class BagOfWords:
    """Layers over one number for each word of a vocabulary, as scikit-learn counts and weighs.

    Attributes:
        text: The column of text.
        hidden: Width of each hidden layer, with ReLU; empty gives a logistic regression.
        dropout: Share of hidden units dropped while training, in [0, 1).
        weighting: "tf-idf", "counts" or "binary".
        vocabulary: Most words that are told apart, those in the most training rows. A row takes
            4 bytes a word in memory: 40,000 rows of 2,000 words take 320 MB.
        ngrams: 2 counts pairs of neighbouring tokens as words too; 1 does not.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> BagOfWords("review", ngrams=2).columns
        ('review',)
    """

    text: str = setting("text", COLUMN)
    hidden: Sequence[int] = setting((64,), list_of(whole(1, 65_536), 64))
    dropout: float = setting(0.0, real(0, 1))
    weighting: Literal["tf-idf", "counts", "binary"] = setting(
        "tf-idf", one_of("tf-idf", "counts", "binary")
    )
    vocabulary: int = setting(2_000, whole(1, 20_000))
    ngrams: int = setting(1, whole(1, 2))
    kind: ClassVar[str] = "bag-of-words"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tupled(self.hidden))
        check(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that the network reads."""
        return (self.text,)


#: Networks that give a number for each row, or one for each class.
Architecture = MLP | LSTM | TextLSTM | PooledEmbedding | BagOfWords | HuggingFace
#: And those that give a text.
AnyArchitecture = Architecture | Seq2Seq
#: Settings of an architecture that name a file or a folder.
PATHS = ("vectors", "folder")
#: Kind of network to the settings of its architecture.
ARCHITECTURES: dict[str, type[AnyArchitecture]] = {
    "mlp": MLP,
    "lstm": LSTM,
    "text-lstm": TextLSTM,
    "pooled-embedding": PooledEmbedding,
    "seq2seq": Seq2Seq,
    "bag-of-words": BagOfWords,
    "huggingface": HuggingFace,
}


@dataclass(frozen=True)
class Training(StepSettings):
    """How a network is trained; what happens to the rows before is in `StepSettings`.

    Attributes:
        epochs: Most passes over the training rows.
        batch_size: Rows of one step.
        learning_rate: Learning rate of the first epoch.
        weight_decay: L2 regularisation (decoupled from the gradient with "adamw").
        optimizer: "adamw", "adam" or "sgd".
        momentum: Momentum of "sgd"; the others have their own.
        schedule: "cosine" (down to nearly 0 at the last epoch), "plateau" (halved where the
            validation loss has not improved for 2 epochs) or "constant".
        patience: Epochs without a better validation loss before training stops and the best
            weights are taken; 0 trains all epochs and keeps the last weights.
        device: "auto" (CUDA where there is one), "cpu" or "cuda". First weights and the order of
            rows are the same on both; sums are rounded otherwise, and dropout draws other numbers.
            Private training takes the CPU.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> Training(epochs=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. Training.epochs: found '0', expected a whole number from 1 to 1000000.
    """

    epochs: int = setting(30, whole(1, 1_000_000))
    batch_size: int = setting(256, whole(1, 100_000_000))
    learning_rate: float = setting(1e-3, real(1e-12, 1e6))
    weight_decay: float = setting(1e-4, real(0, 1e6))
    optimizer: str = setting("adamw", one_of("adamw", "adam", "sgd"))
    momentum: float = setting(0.9, real(0, 1))
    schedule: str = setting("cosine", one_of("cosine", "plateau", "constant"))
    patience: int = setting(5, whole(0, 1_000_000))
    device: str = setting("auto", one_of("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        self.put_in_order()
        check(self, self.contradictions())


def architecture_from(kind: object, table: Mapping[str, Any], where: str) -> AnyArchitecture:
    """Read an architecture from a table of a configuration file.

    Args:
        kind: Its kind, a key of `ARCHITECTURES`.
        table: Its settings.
        where: File and section, for messages.

    Returns:
        The architecture.

    Raises:
        InputError: If the kind or a key is unknown or a value is out of its range; all are listed.

    Example:
        >>> architecture_from("mlp", {"hidden": [8]}, "auditkit.toml [subject.model]")
        MLP(hidden=(8,), dropout=0.0)
    """
    chosen = ARCHITECTURES.get(str(kind))
    if chosen is None:
        expected = "a kind of network to train"
        raise InputError([Problem.unknown(f"{where} train", str(kind), ARCHITECTURES, expected)])
    return _from(chosen, table, where)


def training_from(table: Mapping[str, Any], where: str) -> Training:
    """Read training settings from a table of a configuration file; see `architecture_from`."""
    return _from(Training, table, where)


def privacy_from(table: Mapping[str, Any], where: str) -> Privacy:
    """Read privacy settings from a table of a configuration file; see `architecture_from`."""
    return _from(Privacy, table, where)


def _from(chosen: type[S], table: Mapping[str, Any], where: str) -> S:
    names = [field.name for field in dataclasses.fields(chosen)]  # type: ignore[arg-type]
    unknown = [str(key) for key in table if key not in names]
    problems = [Problem.unknown(f"{where} {key}", key, names, "a setting") for key in unknown]
    try:
        settings = chosen(**{key: value for key, value in table.items() if key in names})
    except InputError as error:
        for found in error.problems:
            place = f"{where} {found.where.rpartition('.')[2]}"
            problems.append(dataclasses.replace(found, where=place))
    if problems:
        raise InputError(problems)
    return settings
