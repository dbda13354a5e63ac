"""Settings of a pre-trained language encoder that is tuned. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from auditkit.training.limits import COLUMN, Limit, check, optional, real, setting, whole


@dataclass(frozen=True)
class HuggingFace:
    """A pre-trained language encoder from a folder, tuned on the rows (extra `huggingface`).

    Set `Training.learning_rate` far below its default: 2e-5 to 5e-5 where all weights learn, about
    1e-4 to 1e-3 for adapters alone.

    Attributes:
        folder: Folder of a transformers model and its tokenizer, weights as safetensors.
        text: The column of text.
        length: Tokens that are read of each text, its first, the special ones counted.
        lora_rank: Rank of the low-rank adapters (LoRA) that learn instead of the encoder's own
            weights; 0 tunes all weights. Adapters are added to the weights at the end.
        lora_alpha: The adapters' part is scaled by this over the rank.
        dropout: Share of units dropped while training, in [0, 1); None leaves it as the folder
            says, and 0 for adapters.
        config: Settings of the model. Taken from the folder by `fit`, so that a saved model needs
            no folder.
        sha256: Digest of the folder. Set by `fit` too.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> HuggingFace("bert-small", text="review", lora_rank=8).columns
        ('review',)
    """

    folder: str = setting("", Limit("a folder", lambda v: isinstance(v, str) and v != ""))
    text: str = setting("text", COLUMN)
    length: int = setting(128, whole(1, 4_096))
    lora_rank: int = setting(0, whole(0, 4_096))
    lora_alpha: int = setting(16, whole(1, 1_000_000))
    dropout: float | None = setting(None, optional(real(0, 1)))
    config: Mapping[str, Any] | None = setting(
        None, optional(Limit("settings", lambda v: isinstance(v, Mapping)))
    )
    sha256: str | None = setting(None, optional(Limit("a digest", lambda v: isinstance(v, str))))
    kind: ClassVar[str] = "huggingface"

    def __post_init__(self) -> None:
        check(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that the network reads."""
        return (self.text,)
