"""How many labels are wrong, as far as rows that a model is sure of can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.evidence import Interval, Metric
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import clopper_pearson

LABEL_NOISE = Metric(
    "wrong_labels_share",
    "Labels that are likely wrong",
    "Share of rows whose label contradicts the class that a model of the columns, which has not "
    "seen the row, is surest of; counted among the surest rows of each class and taken for all.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
#: Share of the rows of a class that are looked at, the surest first, and how many at least.
SUREST, FEWEST = 0.1, 20
#: Where more of the surest rows disagree, wrong labels are not told from hard rows.
MOST = 0.4
#: What has to be said beside every number.
CAVEAT = (
    "an upper estimate: where the columns do not tell the outcome, a hard row looks like a wrong "
    "label; labels that are wrong in a way that the columns explain are not found"
)
HARD = (
    "the columns tell too little of the outcome: wrong labels cannot be told from rows that are "
    "hard to tell"
)


@dataclass(frozen=True, slots=True)
class Noise:
    """The estimate, and what it rests on.

    Attributes:
        share: The share of wrong labels; undefined with a reason.
        looked_at: Rows that were looked at.
        contradicted: Those of them whose label is another.
    """

    share: Estimate
    looked_at: int = 0
    contradicted: int = 0


def label_noise(labels: IntArray, shares: FloatArray, level: float) -> Noise:
    """Estimate the share of wrong labels from the rows that a model is surest of.

    Each class has a threshold of its own: the score that a tenth of as many rows as bear its label
    reach. Beyond it a label of another class is a contradiction. The share of contradictions is
    at least the share of labels of that class that were changed, and hardly more where some rows
    are plain; the mean of the shares by class counts for all rows.

    Args:
        labels: Shape (n,): the class of each row, 0..k - 1, as it stands in the data.
        shares: Shape (n, k): chance of each class by a model that has not seen the row.
        level: Two-sided level of the interval, in (0, 1).

    Returns:
        The share; undefined where a class has too few rows, or where too many of the surest rows
        of a class disagree.

    Source:
        Northcutt, Jiang and Chuang (2021), J. Artif. Intell. Res. 70:1373, for thresholds by
        class on scores out of sample; Liu and Tao (2016), IEEE TPAMI 38:447, for the surest rows.

    Example:
        >>> labels = np.repeat([0, 1], 100)
        >>> labels[:10] = 1
        >>> sure = np.repeat([[0.9, 0.1], [0.1, 0.9]], 100, axis=0)
        >>> round(label_noise(labels, sure, 0.95).share.value, 4)
        0.045
    """
    counts = np.bincount(labels, minlength=shares.shape[1])
    kinds = np.flatnonzero(counts)
    if kinds.size < 2:
        return Noise(Estimate.undefined("one class only"))
    if counts[kinds].min() < FEWEST:
        return Noise(Estimate.undefined(f"a class has fewer than {FEWEST} rows"))
    looked, wrong = (np.zeros(kinds.size) for _ in range(2))
    for place, kind in enumerate(kinds):
        wanted = max(FEWEST, int(np.ceil(SUREST * counts[kind])))
        least = np.partition(shares[:, kind], -wanted)[-wanted]
        surest = shares[:, kind] >= least
        looked[place] = surest.sum()
        wrong[place] = (labels[surest] != kind).sum()
    if (wrong / looked).max() > MOST:
        return Noise(Estimate.undefined(HARD), int(looked.sum()), int(wrong.sum()))
    part = counts[kinds] / counts.sum()
    bounds = clopper_pearson(wrong, looked, shared_level(level, kinds.size))
    low, high = (float(part @ bound) for bound in bounds)
    method = f"Clopper-Pearson by class, Bonferroni over {kinds.size} classes"
    share = Estimate(float(part @ (wrong / looked)), Interval(low, high, level, method))
    return Noise(share, int(looked.sum()), int(wrong.sum()))
