"""Attributions to and from shap's own container, for its plots and for what it computed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem
from auditkit.explaining.texts import TextAttribution
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_plan import Plan


def to_shap(found: Attribution | TextAttribution, data: Any = None) -> Any:  # noqa: ANN401 - of shap
    """Turn an attribution into a `shap.Explanation`, which shap's plots take.

    Args:
        found: The attribution; rows that the budget did not reach are left out.
        data: What stands beside each value: a frame or array of the explained rows, one column a
            player; a frame with other columns too where the players are columns of it. Beside
            tokens stand the tokens.

    Returns:
        The explanation. Its `error_std` holds the standard errors.

    Raises:
        InputError: If the data has not one row for each explained row, and one column a player.

    Example:
        >>> import shap
        >>> class Product:
        ...     features = ("a", "b")
        ...     def scores(self, rows): return rows["a"].to_numpy() * rows["b"].to_numpy() / 8
        >>> from auditkit import shapley_values
        >>> rows = pd.DataFrame({"a": [2], "b": [4]})
        >>> explanation = to_shap(shapley_values(Product(), rows, rows - 2), rows)
        >>> explanation.feature_names, explanation.data.tolist(), explanation.values.tolist()
        (['a', 'b'], [[2, 4]], [[0.75, 0.25]])
    """
    explanation = _explanation_class()
    if isinstance(found, TextAttribution):
        kept = slice(found.reached)
        base = np.repeat(np.asarray(found.base_value)[None], found.reached, axis=0)
        return explanation(
            _ragged(found.values[kept]),
            base_values=base,
            data=_ragged([np.array(line, dtype=object) for line in found.tokens[kept]]),
            feature_names=[list(line) for line in found.tokens[kept]],
            output_names=list(found.output_names) or None,
            error_std=_ragged(found.standard_errors[kept]),
        )
    shown = found.shown()
    m, g = shown.values.shape[:2]
    return explanation(
        shown.values,
        base_values=np.repeat(np.asarray(found.base_value)[None], m, axis=0),
        data=None if data is None else _beside(found, data, len(found.values), g)[:m],
        feature_names=list(found.names) or [f"player {j}" for j in range(g)],
        output_names=list(found.output_names) or None,
        error_std=shown.standard_errors,
    )


def from_shap(explanation: Any) -> Attribution:  # noqa: ANN401 - of shap
    """Take what shap computed as an attribution.

    Standard errors and values against parts of the background are not known: shap's own error
    figures are the spread of single walks. What needs them says so.

    Args:
        explanation: A `shap.Explanation` of rows by features, or rows by features by outputs.

    Returns:
        The attribution; `estimator` is "shap" in each row.

    Raises:
        InputError: If it has another shape, base values that differ between rows, or values that
            are not finite.

    Example:
        >>> import shap
        >>> found = from_shap(shap.Explanation(np.ones((1, 2)), base_values=0.5))
        >>> found.outputs.tolist(), found.estimator
        ([2.5], ('shap',))
    """
    values = np.asarray(explanation.values, dtype=np.float64)
    if values.ndim not in (2, 3) or not np.isfinite(values).all():
        found = f"values of shape {values.shape}, all finite: {bool(np.isfinite(values).all())}"
        raise InputError([Problem("explanation", found, "finite values of rows by features")])
    m, g, *tail = values.shape
    base = np.broadcast_to(np.asarray(explanation.base_values, dtype=np.float64), (m, *tail))
    if m and np.ptp(base, axis=0).max() > 1e-6:
        raise InputError(
            [Problem("explanation", "base values that differ between rows", "one background")]
        )
    one = base[0] if m else np.zeros(tail)
    outputs = explanation.output_names if tail else None
    return Attribution(
        values=values,
        standard_errors=np.full(values.shape, np.nan),
        base_value=one if tail else float(one),
        outputs=values.sum(axis=1) + one,
        estimator=("shap",) * m,
        block_values=np.empty((m, 0, g, *tail)),
        block_sizes=np.empty(0, dtype=np.int64),
        evaluations=0,
        plan=Plan(0, 0, m, 0.0, np.zeros(m, dtype=np.bool_)),
        names=_texts(explanation.feature_names),
        output_names=_texts(outputs),
        notes=("computed by shap: no standard errors",),
    )


def _texts(names: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever shap holds
    return () if names is None else tuple(map(str, names))


def _explanation_class() -> Any:  # noqa: ANN401 - of shap
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what shap's own dependencies deprecate
        import shap

        return shap.Explanation


def _ragged(arrays: Any) -> Any:  # noqa: ANN401 - a list of arrays of different lengths
    whole = np.empty(len(arrays), dtype=object)
    for place, array in enumerate(arrays):
        whole[place] = array
    return whole


def _beside(found: Attribution, data: Any, rows: int, players: int) -> Any:  # noqa: ANN401
    if isinstance(data, pd.DataFrame) and set(found.names) <= set(data.columns):
        data = data[list(found.names)] if found.names else data
    beside = np.asarray(data)
    if beside.shape[:2] not in {(rows, players), (found.reached, players)}:
        expected = f"({rows}, {players}): a row for each explained row, a column for each player"
        raise InputError([Problem("data", f"shape {beside.shape}", expected)])
    return beside
