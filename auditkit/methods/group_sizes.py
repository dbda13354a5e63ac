"""What is said of groups before anything is measured in them: how many, how large, how unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Interval, Measurement, Metric
from auditkit.methods.crossing import CROSS, Crossing
from auditkit.methods.gaps import half_level
from auditkit.methods.intervals import normal_quantile
from auditkit.methods.sums import PROTECTED, Sums

GROUP_SIZE = Metric("group_size", "Group size", "Assessed rows of the group.", "count", low=0.0)
#: How the interval of a protected number of rows is made.
REACH = "what was withheld, and the normal approximation of the noise"
GROUP_COUNT = Metric(
    "group_count", "Groups", "Groups of the column, those without a row included.", "count", low=0.0
)
UNKNOWN_SHARE = Metric(
    "unknown_share",
    "Unknown group",
    "Share of assessed rows whose group is not known.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)


def group_size(crossing: Crossing, i: int, level: float = 0.95) -> Measurement:
    """Rows of one group; with an interval where its counts are protected."""
    size, where = int(crossing.sizes[i]), crossing.where(i)
    held = None if crossing.protected is None else crossing.protected[i]
    source = "assessed rows of this group"
    if held is None or not held.is_doubtful:
        return _exact(GROUP_SIZE, size, size, source, where)
    low, high = _reach(held, level)
    interval = Interval(min(low, size), max(high, size), level, REACH)
    source = f"{source}, {PROTECTED}"
    return GROUP_SIZE.measure(size, n=size, interval=interval, source=source, slice=where)


def _reach(held: Sums, level: float) -> tuple[float, float]:
    """From how many rows to how many there may be, in all of these cells together."""
    if held.variances is None or held.bounds is None:
        return float(held.weights.sum()), float(held.weights.sum())
    arm = held.bounds.sum() + normal_quantile(level) * np.sqrt(held.variances.sum())
    low, high = held.weights.sum() - arm, held.weights.sum() + arm
    return max(0.0, float(low)), max(0.0, float(high))


def group_count(names: Mapping[str, Sequence[str]], rows: int) -> Measurement:
    """Count the groups of a column, or the combinations of several.

    Args:
        names: Column to the names of its groups; untrusted.
        rows: Assessed rows.

    Returns:
        The count; its source names two groups of one column that differ only in case or spaces.

    Example:
        >>> group_count({"sex": ["F", "f "]}, 10).source
        "groups of 'sex'; 'F' and 'f ' differ only in case or spaces: are they one group?"
    """
    count = prod(len(held) for held in names.values())
    alike = _alike(next(iter(names.values()))) if len(names) == 1 else ""
    source = f"groups of {CROSS.join(map(quote, names))}{alike}"
    return _exact(GROUP_COUNT, count, rows, source, dict.fromkeys(names, ALL_GROUPS))


def unknown_share(crossing: Crossing, level: float = 0.95) -> Measurement:
    """Share of rows that are of no known group; see `group_size`."""
    sizes, everyone = crossing.sizes, crossing.everyone
    unknown, total = int(sizes[~crossing.known].sum()), int(sizes.sum())
    source = f"{unknown:,} of {total:,} rows"
    if crossing.sums is not None:
        source += ", not weighted"
    if total == 0:
        return UNKNOWN_SHARE.measure(None, n=0, reason="no rows", source=source, slice=everyone)
    share, interval = unknown / total, _share_reach(crossing, level)
    if interval is None:
        return _exact(UNKNOWN_SHARE, share, total, source, everyone)
    interval = replace(interval, low=min(interval.low, share), high=max(interval.high, share))
    source = f"{unknown:,} of {total:,} rows, {PROTECTED}"
    return UNKNOWN_SHARE.measure(share, n=total, interval=interval, source=source, slice=everyone)


def _share_reach(crossing: Crossing, level: float) -> Interval | None:
    """Bounds of the share of unknown rows; None where it is exact."""
    if crossing.protected is None:
        return None
    half = half_level(level)
    least, most = _reach(crossing.protected[~crossing.known], half)
    fewest, others = _reach(crossing.protected[crossing.known], half)
    low = least / (least + others) if least else 0.0
    high = most / (most + fewest) if most else 0.0
    return (
        Interval(low, high, level, f"{REACH}, Bonferroni over both parts") if low < high else None
    )


def _exact(metric: Metric, value: float, n: int, source: str, where: dict[str, str]) -> Measurement:
    reason = "counted on every assessed row, so there is no sampling error"
    return metric.measure(value, n=n, exact=True, reason=reason, source=source, slice=where)


def _alike(names: Sequence[str]) -> str:
    """Name two groups that differ only in case or spaces, if there are any."""
    seen: dict[str, str] = {}
    for name in names:
        plain = "".join(name.split()).casefold()
        if plain in seen:
            both = f"{quote(seen[plain])} and {quote(name)}"
            return f"; {both} differ only in case or spaces: are they one group?"
        seen[plain] = name
    return ""
