"""Training rows and assessed rows that a membership attack is made on: can they be compared?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.boosting import group_shares
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.membership import attack_scores
from auditkit.methods.membership_risk import DIFFERENT, Found, Shift
from auditkit.models import Model
from auditkit.models.answers import checked_answers
from auditkit.models.references import overlap
from auditkit.roles import group_masks
from auditkit.subject import Subject

BoolArray = npt.NDArray[np.bool_]

#: Fewest rows of either kind that can be told apart.
FEWEST = 20
#: Level at which members and others are said to come from different populations: a false alarm
#: would hide what an attack finds.
SHIFT_LEVEL = 0.99


def shift_between(
    members: pd.DataFrame, others: pd.DataFrame, subject: Subject, rng: np.random.Generator,
    hard: FloatArray | None = None,
) -> Shift:  # fmt: skip
    """Tell whether training rows and assessed rows come from different populations.

    A classifier learns on half of them to tell them apart, by what the model reads and by the
    outcome, and is tried on the other half.

    Args:
        members: Training rows.
        others: Assessed rows.
        subject: What is audited.
        rng: Draws the halves and seeds the classifier.
        hard: Shape (n,): one number more of each row, members first.

    Returns:
        How well it tells them; undefined with fewer than 20 rows of a kind.
    """
    sizes = (len(members), len(others))
    if min(sizes) < FEWEST:
        few = f"{sizes[0]:,} training rows and {sizes[1]:,} assessed rows are too few to compare"
        return Shift(Estimate.undefined(few), sum(sizes))
    is_member = np.repeat([1, 0], sizes)
    read = [frame[list(subject.features)] for frame in (members, others)]
    # No column of a table has a tuple for a name.
    outcomes = np.concatenate([subject.outcomes(frame) for frame in (members, others)])
    more = {("outcome",): outcomes} if hard is None else {("outcome",): outcomes, ("hard",): hard}
    table = pd.concat(
        [pd.concat(read, ignore_index=True), *(pd.Series(v, name=k) for k, v in more.items())],
        axis=1,
    )
    folds = np.zeros(is_member.size, dtype=np.int64)
    for kind in (1, 0):
        places = np.flatnonzero(is_member == kind)
        folds[rng.permutation(places)[: places.size // 2]] = 1
    shares = group_shares(table, is_member, folds, rng, told=[1])[:, 1]
    inside, outside = ((folds == 1) & (is_member == kind) for kind in (1, 0))
    return Shift.of(shares[inside], shares[outside], SHIFT_LEVEL)


def group_slices(
    subject: Subject, members: IntArray, others: IntArray
) -> dict[str, dict[str, tuple[BoolArray, BoolArray]]]:
    """Find the rows of each group among some training rows and some assessed rows.

    Args:
        subject: What is audited.
        members: Places among the training rows.
        others: Places among the assessed rows.

    Returns:
        Column to group to masks of `members` and `others`; no column whose groups are not known
        of the training rows.
    """
    known, found = subject.train_groups or {}, {}
    for column, groups in subject.groups.items():
        if column not in known:
            continue
        inside, outside = group_masks(known[column]), group_masks(groups)
        nobody = np.zeros(members.size, dtype=bool), np.zeros(others.size, dtype=bool)
        found[column] = {
            name: (
                inside[name][members] if name in inside else nobody[0],
                outside[name][others] if name in outside else nobody[1],
            )
            for name in dict.fromkeys([*outside, *inside])
        }
    return found


@dataclass(frozen=True)
class LossAttack:
    """An attack that takes a row for a member where the model's loss is small.

    Attributes:
        subject: What is audited.
        train: Its training rows.
        drawn: Places of those that are attacked; against them stand all assessed rows.
        shift: Whether the two kinds of rows differ anyway.
        seen: Why the assessed rows cannot stand for rows that the model has not seen, or "".
    """

    subject: Subject
    train: pd.DataFrame
    drawn: IntArray
    shift: Shift
    seen: str

    @classmethod
    def on(
        cls, subject: Subject, train: pd.DataFrame, rng: np.random.Generator, most: int
    ) -> LossAttack:
        """Draw at most so many training rows, and compare them with the assessed ones."""
        drawn = np.sort(rng.choice(len(train), size=min(most, len(train)), replace=False))
        shift = shift_between(train.iloc[drawn], subject.rows, subject, rng)
        columns = [*subject.features, str(subject.label)]
        seen = overlap(train[columns], subject.rows[columns], SHIFT_LEVEL)
        return cls(subject, train, drawn, shift, seen)

    def found(self, model: Model) -> Found | str:
        """What the attack finds of a model; why nothing where it cannot be made."""
        if self.shift.found or self.seen:
            return self.seen or DIFFERENT
        subject, members = self.subject, self.train.iloc[self.drawn]
        sides = []
        for rows, outcomes in (
            (members, subject.outcomes(members)),
            (subject.rows, subject.y_true),
        ):
            scores = checked_answers(model, subject.task, rows, subject.classes)
            if not are_probabilities(scores):
                return NO_PROBABILITIES
            sides.append(attack_scores(scores, outcomes))
        return Found(*sides)

    @property
    def source(self) -> str:
        """What was done, in words."""
        alike = "which a classifier without the model does not surely tell apart"
        if self.shift.area.value is None:
            alike = "taken to come from one population: too few to test it"
        return (
            f"membership attack by loss: {self.drawn.size:,} of {len(self.train):,} training rows "
            f"drawn at random against {len(self.subject):,} assessed rows, {alike}"
        )
