"""The training core, in PyTorch. Names load when they are first used; settings need no torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.privacy_settings import Privacy
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    LSTM,
    MLP,
    Architecture,
    BagOfWords,
    PooledEmbedding,
    TextLSTM,
    Training,
)

if TYPE_CHECKING:
    from auditkit.training.estimator import TorchClassifier, TorchRegressor
    from auditkit.training.fitting import fit
    from auditkit.training.parallel import processes
    from auditkit.training.recipe import Recipe
    from auditkit.training.record import Epoch, TrainingError, TrainingRecord
    from auditkit.training.splitting import split

#: Public name to the module that holds it.
_HOMES = {
    "Epoch": "record",
    "Recipe": "recipe",
    "TorchClassifier": "estimator",
    "TorchRegressor": "estimator",
    "TrainingError": "record",
    "TrainingRecord": "record",
    "fit": "fitting",
    "processes": "parallel",
    "split": "splitting",
}

__all__ = [
    "LSTM", "MLP", "Architecture", "BagOfWords", "Epoch", "HuggingFace", "PooledEmbedding",
    "Privacy", "Recipe", "Seq2Seq", "TextLSTM", "TorchClassifier", "TorchRegressor", "Training",
    "TrainingError", "TrainingRecord", "fit", "processes", "split",
]  # fmt: skip


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'auditkit.training' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"auditkit.training.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
