"""More training rows from those that there are, and fewer; validation rows are left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.methods.swapping import Swaps, swapped, swaps_of
from auditkit.methods.tokens import tokens
from auditkit.training.grouping import group_problems, groups_of, title
from auditkit.training.seeds import seed_of
from auditkit.training.settings import AnyArchitecture, Training
from auditkit.training.splitting import by_content


@dataclass(frozen=True)
class Augmented:
    """Training rows after augmentation.

    Attributes:
        rows: What the network learns from.
        read: What the encoding is learnt on. Rows that were drawn again are not among them, and of
            a twin there is only what was put in: the words of one row do not come to stand in two.
        said: What was done, as plain JSON values.
    """

    rows: pd.DataFrame
    read: pd.DataFrame
    said: dict[str, Any]


def cleaned(
    rows: pd.DataFrame, columns: Sequence[str | None], training: Training
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Count the training rows that are there twice, and leave them out where that is asked for.

    Args:
        rows: Training rows.
        columns: The columns that play a part; None, and what is not there, is passed over.
        training: Settings.

    Returns:
        The rows, and what was done.

    Example:
        >>> rows = pd.DataFrame({"x": [1, 1, 2], "y": [0, 0, 1], "name": ["a", "b", "c"]})
        >>> kept, said = cleaned(rows, ["x", "y"], Training(duplicates="drop"))
        >>> len(kept), said
        (2, {'duplicates': {'found': 1, 'dropped': 1}})
    """
    there = [name for name in dict.fromkeys(columns) if name is not None and name in rows]
    try:
        again = rows.duplicated(there).to_numpy()
    except TypeError:  # lists and the like, which the encoding refuses by name
        return rows, {}
    found, dropped = int(again.sum()), training.duplicates == "drop"
    said = {"duplicates": {"found": found, "dropped": found if dropped else 0}}
    return rows[~again] if dropped else rows, said


def augmented(
    rows: pd.DataFrame, architecture: AnyArchitecture, training: Training, seed: int
) -> Augmented:
    """Add twins of texts, then draw rows of small groups again.

    Args:
        rows: Training rows.
        architecture: The network; one over text names its column.
        training: Settings.
        seed: Seed. Which rows are drawn depends on it and on their content, not on their order.

    Returns:
        The rows, those that were there first.

    Example:
        >>> rows = pd.DataFrame({"sex": ["F", "M", "M"], "y": [1, 0, 1]})
        >>> from auditkit.training import MLP
        >>> done = augmented(rows, MLP(), Training(oversample=["sex"]), seed=0)
        >>> done.rows["sex"].tolist()
        ['F', 'M', 'M', 'F']
        >>> done.said["oversample"]["groups"][0]
        {'group': 'F', 'before': 1, 'after': 2}
    """
    read, said = rows, dict[str, Any]()
    if training.swaps:
        column = str(_text_column(architecture))
        twins, put_in = _twins(rows, column, swaps_of(training.swaps))
        read = pd.concat([rows, put_in], ignore_index=True)
        rows = pd.concat([rows, twins], ignore_index=True)
        pairs = [list(pair) for pair in training.swaps]
        said["swaps"] = {"column": column, "pairs": pairs, "twins": len(twins)}
    if training.oversample:
        rows, groups = _oversampled(rows, training.oversample, seed)
        said["oversample"] = {"columns": list(training.oversample), "groups": groups}
    return Augmented(rows, read, said)


def augmenting_problems(
    rows: Mapping[str, pd.DataFrame],
    architecture: AnyArchitecture,
    training: Training,
    where: str = "Training.",
) -> list[Problem]:
    """Find what keeps training rows from being augmented.

    Args:
        rows: What rows are called, to the rows.
        architecture: The network.
        training: Settings.
        where: What to put before the name of a setting in a message.

    Returns:
        All problems; empty where there is none.
    """
    problems = []
    for part in rows.values():
        problems += group_problems(part, training.oversample, f"{where}oversample")
    if training.swaps and _text_column(architecture) is None:
        expected = "a network over text that gives a class or a number"
        problems.append(Problem(f"{where}swaps", f"pairs for a {architecture.kind}", expected))
    for word in (word for pair in training.swaps for word in pair):
        if not list(tokens(word)):
            expected = "words or phrases; punctuation is not read"
            problems.append(Problem(f"{where}swaps", quote(word), expected))
    return list(dict.fromkeys(problems))


def _text_column(architecture: AnyArchitecture) -> str | None:
    return getattr(architecture, "text", None)


def _twins(rows: pd.DataFrame, column: str, swaps: Swaps) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that hold a word to swap, with it swapped, and with nothing but what was put in."""
    # A missing text is empty; what is no text is refused by the encoding.
    texts = [text if isinstance(text, str) else "" for text in rows[column]]
    made = [swapped(text, swaps) for text in texts]
    holds = np.array([bool(put_in) for _, put_in in made], dtype=np.bool_)
    twins = rows[holds].assign(**{column: [text for text, put_in in made if put_in]})
    return twins, twins.assign(**{column: [" ".join(put_in) for _, put_in in made if put_in]})


def _oversampled(
    rows: pd.DataFrame, columns: Sequence[str], seed: int
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The rows with those of small groups drawn again, and how many each group had and has."""
    names, members = groups_of(rows, columns), dict[tuple[str | None, ...], list[int]]()
    for place in by_content(rows).tolist():
        members.setdefault(names[place], []).append(place)
    most = max(map(len, members.values()))
    rng = np.random.default_rng(seed_of(seed, "oversample"))
    drawn, said = [np.arange(len(rows))], list[dict[str, Any]]()
    for group in sorted(members, key=lambda group: (title(group), None in group)):
        held = np.array(members[group])
        drawn.append(rng.choice(held, most - len(held)))
        said.append({"group": title(group), "before": len(held), "after": most})
    return rows.iloc[np.concatenate(drawn)], said
