"""auditkit: responsible-AI audits of trained models.

An audit is a function from a subject to measurements; a policy turns measurements into findings;
a report is all of it, written down.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditkit import meter
    from auditkit.anonymising import Anonymised, anonymise, pseudonymise
    from auditkit.audit import Audit, run
    from auditkit.data.counting import count
    from auditkit.encoding.sequence import widen
    from auditkit.errors import AuditkitError, InputError
    from auditkit.evidence import Interval, Measurement, Metric, Table
    from auditkit.explaining.shap import from_shap, to_shap
    from auditkit.explaining.texts import TextAttribution, text_shapley_cost, text_shapley_values
    from auditkit.explaining.values import shapley_cost, shapley_values
    from auditkit.guard import Guard
    from auditkit.judging import judge
    from auditkit.loading import load_subject
    from auditkit.methods.epsilon import EpsilonBound, epsilon_lower_bound
    from auditkit.methods.shapley import Attribution
    from auditkit.policy import load_policy
    from auditkit.report import Report
    from auditkit.subject import Subject
    from auditkit.training import (
        LSTM,
        MLP,
        BagOfWords,
        HuggingFace,
        PooledEmbedding,
        Privacy,
        Recipe,
        Seq2Seq,
        TextLSTM,
        TorchClassifier,
        TorchRegressor,
        Training,
        fit,
    )

__version__ = "0.1.0"

#: Public name to the module that holds it; loaded when first used.
_HOMES = {
    "Anonymised": "anonymising",
    "Attribution": "methods.shapley",
    "Audit": "audit",
    "AuditkitError": "errors",
    "BagOfWords": "training",
    "EpsilonBound": "methods.epsilon",
    "Guard": "guard",
    "HuggingFace": "training",
    "InputError": "errors",
    "Interval": "evidence",
    "LSTM": "training",
    "MLP": "training",
    "Measurement": "evidence",
    "Metric": "evidence",
    "PooledEmbedding": "training",
    "Privacy": "training",
    "Recipe": "training",
    "Report": "report",
    "Seq2Seq": "training",
    "Subject": "subject",
    "Table": "evidence",
    "TextAttribution": "explaining.texts",
    "TextLSTM": "training",
    "TorchClassifier": "training",
    "TorchRegressor": "training",
    "Training": "training",
    "anonymise": "anonymising",
    "count": "data.counting",
    "epsilon_lower_bound": "methods.epsilon",
    "fit": "training",
    "from_shap": "explaining.shap",
    "judge": "judging",
    "load_policy": "policy",
    "load_subject": "loading",
    "pseudonymise": "anonymising",
    "run": "audit",
    "shapley_cost": "explaining.values",
    "shapley_values": "explaining.values",
    "text_shapley_cost": "explaining.texts",
    "text_shapley_values": "explaining.texts",
    "to_shap": "explaining.shap",
    "widen": "encoding.sequence",
}

__all__ = [
    "LSTM", "MLP", "Anonymised", "Attribution", "Audit", "AuditkitError", "BagOfWords",
    "EpsilonBound", "Guard", "HuggingFace", "InputError", "Interval", "Measurement", "Metric",
    "PooledEmbedding", "Privacy", "Recipe", "Report", "Seq2Seq", "Subject", "Table",
    "TextAttribution", "TextLSTM", "TorchClassifier", "TorchRegressor", "Training", "__version__",
    "anonymise", "count", "epsilon_lower_bound", "fit", "from_shap", "judge", "load_policy",
    "load_subject", "meter", "pseudonymise", "run", "shapley_cost", "shapley_values",
    "text_shapley_cost", "text_shapley_values", "to_shap", "widen",
]  # fmt: skip


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name == "meter":
        return importlib.import_module("auditkit.meter")
    if name not in _HOMES:
        raise AttributeError(f"module 'auditkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"auditkit.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
