"""What auditkit asks of a trained model; one adapter file a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd


class Described(Protocol):
    """What is told of any trained model.

    Attributes:
        kind: What it is, for example "mlp" or "encoder-decoder".
        parameters: Number of trainable numbers, or None where nobody can tell.
        sha256: Digest of its weights and configuration, or None where it has none.
    """

    @property
    def kind(self) -> str:
        """What it is."""
        ...

    @property
    def parameters(self) -> int | None:
        """Number of trainable numbers."""
        ...

    @property
    def sha256(self) -> str | None:
        """Digest of weights and configuration."""
        ...


@runtime_checkable
class Model(Described, Protocol):
    """A trained model that scores rows."""

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score rows.

        Args:
            rows: Raw rows, with at least the feature columns; other columns are ignored.

        Returns:
            Shape (n,): the probability of the positive class of each row; shape (n, k): of each
            of `classes` where the task is multiclass; or the numbers of a regression, shape (n,).
        """
        ...


@runtime_checkable
class SequenceModel(Described, Protocol):
    """A trained model that writes a text for every row: the task "sequence-to-sequence"."""

    def predictions(self, rows: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Write a text for every row.

        Args:
            rows: Raw rows, with at least the feature columns; other columns are ignored.

        Returns:
            Shape (n,): one `str` a row, its tokens apart by spaces; "" where it writes nothing.
        """
        ...


@runtime_checkable
class NetworkModel(Model, Protocol):
    """A model that is a torch network behind a learnt encoding of the raw rows.

    Audits that look inside (attributions, operation counts, losses) ask for this.

    Attributes:
        network: A `torch.nn.Module` in evaluation mode; takes encoded rows, gives logits (n,).
        players: Raw feature to the positions of its values in one flattened encoded row. The
            positions of all features together are each position once.
    """

    @property
    def network(self) -> Any:  # noqa: ANN401 - torch is imported where it is used
        """The network, in evaluation mode."""
        ...

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """Positions of each raw feature in a flattened encoded row."""
        ...

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Encode raw rows as the network takes them: shape (n, ...), float32."""
        ...

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score encoded rows, shape (n, ...) or flattened (n, p): probabilities, shape (n,)."""
        ...


class Recipe(Protocol):
    """How the audited model was made, so that an audit can have it made again, changed."""

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Model, Any]:
        """Train again.

        Args:
            rows: Raw training rows, label included.
            privacy: Settings of differentially private training (`epsilon`, `delta`,
                `max_grad_norm`, ...), or None for ordinary training.
            **changes: Settings of the recipe to change, for example `seed`.

        Returns:
            The new model and its training record. Kept by content: asking twice trains once.
        """
        ...
