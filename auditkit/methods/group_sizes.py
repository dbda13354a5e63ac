"""What is said of groups before anything is measured in them: how many, how large, how unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Measurement, Metric
from auditkit.methods.crossing import CROSS, Crossing

GROUP_SIZE = Metric("group_size", "Group size", "Assessed rows of the group.", "count", low=0.0)
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


def group_size(crossing: Crossing, i: int) -> Measurement:
    """Rows of one group."""
    size = int(crossing.sizes[i])
    return _exact(GROUP_SIZE, size, size, "assessed rows of this group", crossing.where(i))


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


def unknown_share(crossing: Crossing) -> Measurement:
    """Share of rows that are of no known group."""
    sizes, everyone = crossing.sizes, crossing.everyone
    unknown, total = int(sizes[~crossing.known].sum()), int(sizes.sum())
    source = f"{unknown:,} of {total:,} rows"
    if crossing.sums is not None:
        source += ", not weighted"
    if total == 0:
        return UNKNOWN_SHARE.measure(None, n=0, reason="no rows", source=source, slice=everyone)
    return _exact(UNKNOWN_SHARE, unknown / total, total, source, everyone)


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
