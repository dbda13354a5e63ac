"""Settings of the training core: what to train, how, and how privately. Imports no torch.

Each is a frozen dataclass that can stand as a table in a TOML file. What is wrong with one is
listed as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from auditkit.errors import InputError, Problem, quote

S = TypeVar("S")


@dataclass(frozen=True)
class _Limit:
    """What a setting must be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _whole(low: int, high: int) -> _Limit:
    def holds(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return _Limit(f"a whole number from {low} to {high}", holds)


def _real(low: float, high: float) -> _Limit:
    """A number in [low, high)."""

    def holds(value: object) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and low <= value < high  # type: ignore[operator]

    return _Limit(f"a number from {low:g} to below {high:g}", holds)


def _one_of(*names: str) -> _Limit:
    return _Limit(f"one of {', '.join(names)}", lambda value: value in names)


def _list_of(limit: _Limit, most: int) -> _Limit:
    def holds(value: object) -> bool:
        return isinstance(value, tuple) and len(value) <= most and all(map(limit.holds, value))

    return _Limit(f"a list of at most {most}, each {limit.expected}", holds)


def _optional(limit: _Limit) -> _Limit:
    return _Limit(f"{limit.expected}, or none", lambda v: v is None or limit.holds(v))


_TRUTH = _Limit("true or false", lambda value: isinstance(value, bool))
_NAMES = _list_of(_Limit("a column name", lambda value: isinstance(value, str)), 100_000)


def _setting(default: Any, limit: _Limit) -> Any:  # noqa: ANN401 - as dataclasses.field
    return dataclasses.field(default=default, metadata={"limit": limit})


def _tupled(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _check(settings: Any, further: Sequence[Problem] = ()) -> None:  # noqa: ANN401 - any of these
    """Raise what is wrong with the settings, as one error."""
    name, problems = type(settings).__name__, []
    for field in dataclasses.fields(settings):
        value, limit = getattr(settings, field.name), field.metadata.get("limit")
        if limit is not None and not limit.holds(value):
            problems.append(Problem(f"{name}.{field.name}", quote(value), limit.expected))
    if problems or further:
        raise InputError([*problems, *further])


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

    hidden: Sequence[int] = _setting((64, 32), _list_of(_whole(1, 65_536), 64))
    dropout: float = _setting(0.0, _real(0, 1))
    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", _tupled(self.hidden))
        _check(self)


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

    hidden: int = _setting(32, _whole(1, 65_536))
    layers: int = _setting(1, _whole(1, 64))
    dropout: float = _setting(0.0, _real(0, 1))
    sequence: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    static: Sequence[str] = _setting((), _NAMES)
    varying: bool = _setting(default=False, limit=_TRUTH)
    kind: ClassVar[str] = "lstm"

    def __post_init__(self) -> None:
        object.__setattr__(self, "static", _tupled(self.static))
        if isinstance(self.sequence, Mapping):
            channels = {name: _tupled(columns) for name, columns in self.sequence.items()}
            object.__setattr__(self, "sequence", channels)
        _check(self, self._sequence_problems())

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the network reads: the channels', oldest first, then the static."""
        return (*(column for steps in self.sequence.values() for column in steps), *self.static)

    def _sequence_problems(self) -> list[Problem]:
        where = "LSTM.sequence"
        if not isinstance(self.sequence, Mapping):
            return [Problem(where, quote(self.sequence), "channel names, each with its columns")]
        lists = all(_NAMES.holds(columns) and columns for columns in self.sequence.values())
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

    text: str = _setting("text", _Limit("a column name", lambda v: isinstance(v, str) and v != ""))
    embedding: int = _setting(64, _whole(1, 4_096))
    hidden: int = _setting(64, _whole(1, 65_536))
    dropout: float = _setting(0.2, _real(0, 1))
    vocabulary: int = _setting(20_000, _whole(1, 1_000_000))
    length: int = _setting(64, _whole(1, 4_096))
    vectors: str | None = _setting(
        None, _optional(_Limit("the name of a file", lambda v: isinstance(v, str) and v != ""))
    )

    def __post_init__(self) -> None:
        _check(self)

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


Architecture = MLP | LSTM | TextLSTM | PooledEmbedding
#: Kind of network to the settings of its architecture.
ARCHITECTURES: dict[str, type[Architecture]] = {
    "mlp": MLP,
    "lstm": LSTM,
    "text-lstm": TextLSTM,
    "pooled-embedding": PooledEmbedding,
}


@dataclass(frozen=True)
class Training:
    """How a network is trained.

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

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> Training(epochs=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. Training.epochs: found '0', expected a whole number from 1 to 1000000.
    """

    epochs: int = _setting(30, _whole(1, 1_000_000))
    batch_size: int = _setting(256, _whole(1, 100_000_000))
    learning_rate: float = _setting(1e-3, _real(1e-12, 1e6))
    weight_decay: float = _setting(1e-4, _real(0, 1e6))
    optimizer: str = _setting("adamw", _one_of("adamw", "adam", "sgd"))
    momentum: float = _setting(0.9, _real(0, 1))
    schedule: str = _setting("cosine", _one_of("cosine", "plateau", "constant"))
    patience: int = _setting(5, _whole(0, 1_000_000))

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class Privacy:
    """How privately a network is trained: DP-SGD, one row being the unit of privacy.

    Attributes:
        epsilon: Privacy loss to spend. Not used where `noise_multiplier` is given.
        delta: Probability with which the bound may fail; None takes the power of ten below one
            over the number of training rows.
        max_grad_norm: L2 norm to which the gradient of each row is clipped.
        noise_multiplier: Standard deviation of the noise over `max_grad_norm`; None finds the one
            that spends `epsilon`.
        accountant: "prv" (the tighter) or "rdp".
        epochs: Passes over the training rows on average; None takes those of `Training`.
        batch_size: Rows of one step on average; None takes four times that of `Training`, at most
            a tenth of the rows.
        learning_rate: Learning rate of the first epoch; None takes that of `Training` times as
            much as the batch is larger, at most four times.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> Privacy(epsilon=3.0).delta_for(29_305)
        1e-05
    """

    epsilon: float = _setting(3.0, _real(0.05, 100))
    delta: float | None = _setting(None, _optional(_real(1e-30, 1)))
    max_grad_norm: float = _setting(1.0, _real(1e-9, 1e9))
    noise_multiplier: float | None = _setting(None, _optional(_real(0.1, 10_000)))
    accountant: str = _setting("prv", _one_of("prv", "rdp"))
    epochs: int | None = _setting(None, _optional(_whole(1, 1_000_000)))
    batch_size: int | None = _setting(None, _optional(_whole(1, 100_000_000)))
    learning_rate: float | None = _setting(None, _optional(_real(1e-12, 1e6)))

    def __post_init__(self) -> None:
        _check(self)

    def delta_for(self, rows: int) -> float:
        """Delta of a training set: the one that was set, or the power of ten below 1/rows.

        Args:
            rows: Training rows, at least 1.

        Returns:
            Delta.

        Raises:
            InputError: If the delta that was set is 1/rows or more: it would allow a mechanism
                that publishes a whole row.
        """
        if self.delta is None:
            return float(f"1e-{len(str(rows))}")
        if self.delta * rows >= 1:
            expected = f"less than 1 over the {rows} training rows"
            raise InputError([Problem("Privacy.delta", f"{self.delta:g}", expected)])
        return self.delta


def architecture_from(kind: object, table: Mapping[str, Any], where: str) -> Architecture:
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
