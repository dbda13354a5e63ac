"""Labels of raw rows held against a model of the same columns that has not seen the row."""

from __future__ import annotations

import numpy as np

from auditkit.explaining.boosting import group_shares
from auditkit.explaining.shifted_columns import readable
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.label_noise import FEWEST, Noise, label_noise
from auditkit.methods.proxies import stratified_folds
from auditkit.subject import Subject

FOLDS = 5


def noisy_labels(
    subject: Subject, most: int, level: float, rng: np.random.Generator
) -> tuple[Noise, int]:
    """Estimate the share of wrong labels among the assessed rows.

    Args:
        subject: What is audited.
        most: Most rows, drawn at random, that the model is made of.
        level: Two-sided level of the interval, in (0, 1).
        rng: Draws rows, deals them out to folds, and seeds the model.

    Returns:
        The estimate, and the rows that it was made of.
    """
    lacks = subject.missing({"labels"})
    if lacks is None and subject.task not in ("binary", "multiclass"):
        lacks = "wrong labels are looked for among classes only"
    if lacks is None and not subject.features:
        lacks = "the model's columns are not known"
    if lacks is None and most == 0:
        lacks = "wrong labels were not looked for: max_rows is 0"
    if lacks is not None:
        return Noise(Estimate.undefined(lacks)), len(subject)
    drawn = np.sort(rng.permutation(len(subject))[:most])
    labels: IntArray = np.unique(subject.y_true[drawn], return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(labels)
    if counts.size < 2 or counts.min() < FEWEST:
        few = "one class only" if counts.size < 2 else f"a class has fewer than {FEWEST} rows"
        return Noise(Estimate.undefined(few)), drawn.size
    rows = readable(subject.rows[list(subject.features)].iloc[drawn].reset_index(drop=True))
    shares = group_shares(rows, labels, stratified_folds(labels, FOLDS, rng), rng)
    return label_noise(labels, shares, level), drawn.size
