"""Which features to hold people alike in, where nobody has named any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditkit.methods.estimates import IntArray

#: Columns associated more strongly than this say nearly the same.
CLOSE = 0.5
#: A column associated with the decision more strongly than this all but is the decision.
DECIDES = 0.99


def association(first: IntArray, second: IntArray, each: IntArray | None = None) -> float:
    """How strongly two columns of categories go together: Cramer's V, corrected for its bias.

    Args:
        first: Shape (n,): a category of each row, from -1 (unknown).
        second: Shape (n,): another.
        each: Shape (n,): rows that each entry stands for, where they were counted before; None
            where each is a row.

    Returns:
        From 0, nothing beyond chance, to 1, one gives the other away; 0 where either is constant.

    Source:
        Bergsma (2013), J. Korean Stat. Soc. 42:323.

    Example:
        >>> sex, pay = np.array([0] * 50 + [1] * 50), np.array([0, 1] * 50)
        >>> association(sex, pay), association(sex, sex)
        (0.0, 1.0)
    """
    rows, columns = int(first.max(initial=-1)) + 2, int(second.max(initial=-1)) + 2
    flat = np.bincount((first + 1) * columns + second + 1, each, minlength=rows * columns)
    table = flat.reshape(rows, columns)
    n = table.sum()
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    r, c = table.shape
    if min(r, c) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * (table.sum(axis=0) / n)
    phi = float(((table - expected) ** 2 / expected).sum()) / n - (r - 1) * (c - 1) / (n - 1)
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(min(max(phi, 0.0) / most, 1.0))) if most > 0 else 0.0


def choose_controls(
    candidates: Mapping[str, IntArray],
    decisions: IntArray,
    sensitive: Sequence[IntArray],
    most: int,
    each: IntArray | None = None,
) -> list[str]:
    """Pick the columns that go most with the decision and do not stand for something else.

    A column that is close to a sensitive one, or to one that was picked before, is passed over: to
    hold people alike in it would compare a group with hardly anybody, or say a thing twice. So is
    one that gives the decision away: people alike in it all get the same one.

    Args:
        candidates: Column to the category of each row, shape (n,), -1 where unknown.
        decisions: Shape (n,): decisions, from 0.
        sensitive: The groups of each sensitive column, shape (n,), -1 where unknown.
        most: Most columns that are picked.
        each: Shape (n,): as in `association`.

    Returns:
        Their names, the closest to the decision first; of equals, the one that came first.

    Example:
        >>> row = np.arange(100)
        >>> job = row // 50
        >>> y = np.where(row % 10 == 0, 1 - job, job)
        >>> held = {"noise": row // 5 % 2, "score": y, "job": job, "code": 1 - job}
        >>> choose_controls(held, y, [row % 2], 3)
        ['job']
    """
    strength = {name: association(codes, decisions, each) for name, codes in candidates.items()}
    picked: list[str] = []
    for name in sorted(strength, key=lambda name: -strength[name]):
        others = [*sensitive, *(candidates[other] for other in picked)]
        if len(picked) == most or strength[name] == 0:
            break
        apart = all(association(candidates[name], other, each) <= CLOSE for other in others)
        if apart and strength[name] <= DECIDES:
            picked.append(name)
    return picked
