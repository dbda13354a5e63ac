"""The policy that `auditkit init` writes: modest limits, marked as the choice of the starter."""

from __future__ import annotations

from collections.abc import Iterator

from auditkit.starting.guessing import Guess
from auditkit.toml import toml_number, toml_text

_HEAD = """\
# Written by `auditkit init`. Every limit here is the starter's own choice, to be replaced: decide
# what is acceptable for this use, before the next run, and say in `source` whose rule it is.

name = "starter"
on_inconclusive = "review"  # what an interval across a limit means: review, fail or point
"""


def policy_text(found: Guess) -> str:
    """Write `policy.toml`: a modest starter of criteria that the task can be judged by.

    Args:
        found: Who is who.

    Returns:
        The text of the file.
    """
    criteria = {"binary": _binary, "multiclass": _multiclass}.get(found.task, _regression)
    return "\n".join([_HEAD, *criteria(found)])


def _binary(found: Guess) -> Iterator[str]:
    if found.trains or found.score is not None:
        why = "It ranks clearly better than chance."
        yield _criterion("P1", "roc_auc", "at_least = 0.7", why)
    if found.trains or (found.score is not None and found.threshold <= 1):
        why = "The scores are right on average."
        limits = "at_least = -0.05\nat_most = 0.05"
        yield _criterion("P2", "calibration_in_the_large", limits, why)
    if not found.trains and found.score is None:
        why = "It decides clearly better than chance."
        yield _criterion("P1", "balanced_accuracy", "at_least = 0.6", why)
    why = "No group is selected less than four fifths as often as another."
    yield from _over_groups(found, "demographic_parity_ratio", "at_least = 0.8", why)
    if found.trains:
        why = "Who was in the training rows cannot be told."
        yield _criterion("V1", "membership_auc", "at_most = 0.6", why)


def _multiclass(found: Guess) -> Iterator[str]:
    if found.trains:
        why = "It ranks the rows of each class clearly better than chance."
        yield _criterion("P1", "macro_roc_auc", "at_least = 0.7", why)
        why = "The scores of the predicted class are right on average."
        limits = "at_least = -0.05\nat_most = 0.05"
        yield _criterion("P2", "top_label_calibration", limits, why)
    else:
        why = "It names the right class more often than not."
        yield _criterion("P1", "accuracy", "at_least = 0.5", why)
    why = "It is right about as often in every group."
    yield from _over_groups(found, "accuracy_difference", "at_most = 0.1", why)


def _regression(found: Guess) -> Iterator[str]:
    why = "It accounts for a fifth of the spread of the outcome."
    yield _criterion("P1", "r2_score", "at_least = 0.2", why)
    if found.spread:
        limit = toml_number(float(f"{found.spread / 10:.1g}"))
        why = "Its errors differ by a tenth of the spread of the outcome at most between groups."
        yield from _over_groups(found, "mean_absolute_error_difference", f"at_most = {limit}", why)


def _over_groups(found: Guess, metric: str, limit: str, why: str) -> Iterator[str]:
    for i, name in enumerate(found.sensitive, 1):
        yield _criterion(f"F{i}", metric, f"slice = [{toml_text(name)}]\n{limit}", why)


def _criterion(name: str, metric: str, limits: str, why: str) -> str:
    return (
        f"# The starter's own choice. {why}\n"
        f'[[criterion]]\nid = "{name}"\nmetric = "{metric}"\n{limits}\n'
        'severity = "medium"\nsource = "own choice of the auditkit starter"\n'
    )
