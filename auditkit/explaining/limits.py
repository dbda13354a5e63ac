"""How much an audit explains, and how much it asks a model for that."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.models.onnx import OnnxModel
from auditkit.models.sklearn import SklearnModel

#: Work that is spent on a network where no budget is given: seconds of one core, the same on every
#: machine; unit: floating-point operations.
WORK = 60_000_000_000
#: How many times as much a model that runs in this process is asked as a served one.
IN_PROCESS = 10
#: What is explained of each task, in words.
EXPLAINED = {
    "binary": "the probability",
    "multiclass": "the probability of each class",
    "regression": "the predicted number",
}


@dataclass(frozen=True)
class Limits:
    """How much is explained; the settings of the audit `explainability`.

    Attributes:
        rows: Most rows to explain.
        background: Most rows that stand for "not known".
        texts: Most texts to explain.
        words: Most words that are named.
        min_texts: Texts that hold a word that is named.
        max_asked: Most evaluations of a model whose cost nobody knows.
        budget: Most evaluations of any model; None goes by the model.

    Example:
        >>> Limits(500, 400, 1500, 30, 10, 20_000, None).asked(object())
        20000
    """

    rows: int
    background: int
    texts: int
    words: int
    min_texts: int
    max_asked: int
    budget: int | None

    def asked(self, model: object) -> int:
        """Most evaluations of a model that is not looked into.

        Those of scikit-learn and ONNX run in this process; any other may be served from afar.
        """
        runs_here = isinstance(model, SklearnModel | OnnxModel)
        return self.max_asked * (IN_PROCESS if runs_here else 1)
