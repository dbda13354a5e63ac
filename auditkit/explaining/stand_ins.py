"""Which columns stand in for a sensitive one: those that tell its groups apart well enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import Interval
from auditkit.explaining.categories import as_categories
from auditkit.explaining.row_study import RowStudy
from auditkit.methods.class_scores import macro_roc_auc
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.gaps import shared_level
from auditkit.methods.proxies import shares_out_of_fold, stratified_folds
from auditkit.roles import origin
from auditkit.subject import Subject

#: Folds that the shares of the groups come from, and most rows that they are counted in.
_FOLDS, _MOST_ROWS = 5, 10_000
#: Rows that a group needs to be told apart.
_FEWEST = 30
#: Columns that a source names.
_NAMED = 5


@dataclass(frozen=True)
class StandIns:
    """Features that stand in for a sensitive column, by how well they tell its groups apart.

    Attributes:
        sure: Features, by position, whose interval lies above the limit.
        likely: Those that lie above it themselves, the sure ones among them.
        possible: Those whose interval reaches above it, the likely ones among them.
        words: What was counted, as a source says it.
    """

    sure: tuple[int, ...]
    likely: tuple[int, ...]
    possible: tuple[int, ...]
    words: str


def stand_ins(
    subject: Subject,
    column: str,
    features: Sequence[str],
    limit: float,
    level: float,
    rng: np.random.Generator,
) -> StandIns | str:
    """Find the features that stand in for a sensitive column.

    A feature does where its values tell the groups apart better than a limit: by the area under
    the ROC curve of the groups' shares among rows of the same value, each group against the others.

    Args:
        subject: What is audited.
        column: The sensitive column.
        features: The features.
        limit: Area above which a feature counts; 0.5 is chance.
        level: Level of the intervals, which hold together over the features.
        rng: Draws rows, and deals them out to folds.

    Returns:
        The features, or why none can be told.
    """
    groups = subject.groups[column]
    large = [code for code, n in enumerate(groups.counts) if n >= _FEWEST]
    if len(large) < 2:
        return f"fewer than 2 groups have {_FEWEST} rows"
    place = np.full(len(groups.names) + 1, -1, dtype=np.int64)
    place[large] = np.arange(len(large))
    rows = np.flatnonzero(place[groups.codes] >= 0)
    rows = np.sort(rng.permutation(rows)[:_MOST_ROWS])
    codes = place[groups.codes[rows]]
    if np.bincount(codes, minlength=len(large)).min() < 2 * _FOLDS:
        return "a group has too few of the drawn rows"
    folds = stratified_folds(codes, _FOLDS, rng)
    areas: dict[int, Estimate] = {}
    for at, name in enumerate(features):
        is_itself = name in (column, origin(column, features))
        if name in subject.rows and not is_itself:
            each = shared_level(level, len(features))
            areas[at] = _area(subject, name, rows, (codes, len(large), folds), each)
    known = {at: area for at, area in areas.items() if area.value is not None}
    if not known:
        return "no other column that the model reads can be told apart from it"
    return _sorted(known, features, limit, rows.size)


def _area(
    subject: Subject,
    name: str,
    rows: IntArray,
    groups: tuple[IntArray, int, IntArray],
    level: float,
) -> Estimate:
    values = as_categories(subject.rows[name].iloc[rows])
    if isinstance(values, str):
        return Estimate.undefined(values)
    codes, count, folds = groups
    return macro_roc_auc(codes, shares_out_of_fold(values, codes, count, folds), level)


def _sorted(
    areas: dict[int, Estimate], features: Sequence[str], limit: float, rows: int
) -> StandIns:
    ends = {at: _ends(area) for at, area in areas.items()}
    likely = [at for at, (value, _, _) in ends.items() if value > limit]
    likely.sort(key=lambda at: -ends[at][0])
    shown = [f"{quote(features[at])} ({ends[at][0]:.2f})" for at in likely[:_NAMED]]
    more = f" and {len(likely) - _NAMED} more" if len(likely) > _NAMED else ""
    words = (
        f"{len(likely)} of {len(areas)} other features tell the groups with an area under the ROC "
        f"curve above {limit:g}" + (f": {', '.join(shown)}{more}" if shown else "")
    )
    return StandIns(
        tuple(sorted(at for at in likely if ends[at][1] > limit)),
        tuple(sorted(likely)),
        tuple(sorted(at for at, (_, _, high) in ends.items() if high > limit)),
        f"{words}; in {rows:,} assessed rows",
    )


def _ends(area: Estimate) -> tuple[float, float, float]:
    """The area and its bounds; the whole range where there are none."""
    value, interval = area.value or 0.0, area.interval
    return (value, 0.0, 1.0) if interval is None else (value, interval.low, interval.high)


def reliance(study: RowStudy, found: StandIns, level: float) -> Estimate:
    """Estimate the share of attribution that lies on features that stand in for a column.

    Args:
        study: Explained rows.
        found: The features.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The share of the likely features. Its interval reaches from the lower bound of the share of
        the sure ones to the upper bound of that of the possible ones: it allows for doubt which
        features they are. 0 without an interval where there is surely none.
    """
    if not found.possible:
        return Estimate(0.0, None, "exact: no feature reaches the limit, so none counts")
    most = study.share(found.possible, level)
    if most.interval is None:
        return most if most.value is None else Estimate.undefined(f"no bounds: {most.reason}")
    value = study.share(found.likely, level).value if found.likely else 0.0
    least = study.share(found.sure, level).interval if found.sure else None
    low = 0.0 if least is None else least.low
    method = f"{most.interval.method}; allows for doubt which features stand in"
    return Estimate(value, Interval(low, most.interval.high, level, method))
