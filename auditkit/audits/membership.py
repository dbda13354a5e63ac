"""Can an attacker with reference models tell who was in the training data, and whom best?

Members are training rows of the audited model, the others are the assessed rows. The references are
trained by its recipe, or by a shadow recipe that somebody declared, on random halves of both
together; the audited model is only asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.explaining.attacked_rows import FEWEST, SHIFT_LEVEL, group_slices, shift_between
from auditkit.explaining.parallel import BACKENDS, each_in
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import IntArray
from auditkit.methods.membership_attacks import Answers, balanced_halves, confidence
from auditkit.methods.membership_evidence import Told
from auditkit.methods.membership_risk import METRICS, SECONDS, SHIFT, WHOLE
from auditkit.methods.mitigation import too_dear
from auditkit.models.answers import checked_answers
from auditkit.models.references import Bench, Reference, overlap
from auditkit.subject import NEEDS, Recipe, Subject

#: What every number says where the references are not made as the audited model was.
SHADOW = (
    "reference models by a declared shadow recipe, not the model's own: whoever knows how it was "
    "made may find more, so that a low number clears nobody"
)
#: Most records that are pointed at.
EXPOSED = 10


@dataclass(frozen=True)
class Membership:
    """Membership attacks with reference models, as the strongest published ones work.

    It trains `references` models, each about as dear as the audited one for as many rows. A model
    that was trained elsewhere has no recipe: then they follow its shadow recipe, as those of an
    attacker do who guesses how it was made, and every number says so. An attacker who knows better
    may find more.

    Attributes:
        references: Models to train, an even number from 6. More make the attacks stronger.
        reference_rows: Most rows that each is trained on, and most of either kind that are
            attacked; None for half of all rows. Fewer are cheaper, and make references that are
            less like the audited model.
        most_rows: Most training rows and most assessed rows that are attacked, drawn at random.
        min_group: Training rows and assessed rows that a number of a group must rest on; from 2.
        exposed: Most records that are pointed at, from 0 to 10.
        most_minutes: Where training would take more CPU time, as the record says or, of a shadow
            recipe, the first reference, it is left out.
        jobs: Processes that train; the numbers are the same for any.
        backend: Where they are: "loky", this machine; or "ray", a Ray cluster.
        keep: Folder where the trained models are kept for later runs; "" keeps none.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Membership(references=7)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.membership] references: found '7', expected an even number.
    """

    references: int = 6
    reference_rows: int | None = None
    most_rows: int = 10_000
    min_group: int = 30
    exposed: int = EXPOSED
    most_minutes: float = 30.0
    jobs: int = 1
    backend: str = "loky"
    keep: str = ""
    level: float = 0.95

    name: ClassVar[str] = "membership"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train", "references"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        least = {"references": 6, "reference_rows": FEWEST, "most_rows": FEWEST, "min_group": 2}
        problems = range_problems(self, **least, exposed=0, jobs=1) + list(self._problems())
        if problems:
            raise InputError(problems)

    def _problems(self) -> Iterator[Problem]:
        where = "[audits.membership]"
        if self.references % 2:
            yield Problem(f"{where} references", quote(self.references), "an even number")
        if self.exposed > EXPOSED:
            yield Problem(f"{where} exposed", quote(self.exposed), f"at most {EXPOSED}")
        if not self.most_minutes > 0:
            yield Problem(f"{where} most_minutes", quote(self.most_minutes), "a number above 0")
        if self.backend not in BACKENDS:
            yield Problem.unknown(f"{where} backend", self.backend, BACKENDS, "a backend")

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Attack the model.

        Args:
            subject: What is audited.
            rng: Draws the rows that are attacked, the halves, seeds of training and the split of
                the classifier that looks for a shift.

        Yields:
            What the chosen attack finds, over all rows and by group, whether members and others
            come from one population, the cost, and the tables `attacks`, `attack-roc`,
            `group-exposure` and `exposed`.
        """
        for found in self._found(subject, rng):
            yield (
                found
                if subject.recipe is not None
                else replace(found, source=f"{found.source}; {SHADOW}")
            )

    def _found(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        train, recipe = subject.train, subject.reference_recipe
        if train is None or recipe is None:  # `needs` has seen to it
            raise LookupError(NEEDS["references"])
        game = Game(subject, recipe, train, self, rng)
        answers, reason = None, game.lacks or game.too_dear
        try:
            answers = None if reason else game.play()
        except AuditkitError as error:
            answers, reason = None, f"training was not possible: {' '.join(str(error).split())}"
        if answers is None:
            source = "membership attacks with reference models"
            for metric in (*WHOLE, SHIFT, SECONDS):
                yield metric.measure(None, n=0, source=source, reason=reason or NO_PROBABILITIES)
            return
        yield from game.told(answers).evidence()
        yield SECONDS.measure(
            sum(game.costs),
            n=len(game.costs),
            source="training records; models that were kept cost nothing",
            reason="one run of each training; another takes more or less",
        )


class Game:
    """The rows that are attacked, and the models that take part.

    Attributes:
        subject: What is audited.
        recipe: How its model was made, or is declared to have been.
        train: Its training rows.
        settings: Settings of the audit.
        rng: Random numbers, drawn in a fixed order.
        members: Places of the attacked rows among the training rows.
        others: Places of the attacked rows among the assessed rows.
        costs: CPU seconds of each training.
    """

    def __init__(
        self,
        subject: Subject,
        recipe: Recipe,
        train: pd.DataFrame,
        settings: Membership,
        rng: np.random.Generator,
    ) -> None:
        self.subject, self.recipe, self.train = subject, recipe, train
        self.settings, self.rng = settings, rng
        most = min(settings.most_rows, settings.reference_rows or settings.most_rows)
        self.members = _some(len(self.train), most, rng)
        self.others = _some(len(subject), most, rng)
        self.costs: list[float] = []

    @property
    def lacks(self) -> str:
        """Why there is nothing to attack, or nothing."""
        sizes = (self.members.size, self.others.size)
        if min(sizes) < FEWEST:
            told = f"{sizes[0]:,} training rows and {sizes[1]:,} assessed rows"
            return f"at least {FEWEST} rows of each kind are needed; there are {told}"
        columns = [*self.subject.features, str(self.subject.label)]
        return overlap(self.train[columns], self.subject.rows[columns], SHIFT_LEVEL)

    @cached_property
    def pool(self) -> pd.DataFrame:
        """The rows that references are trained on, those that are attacked first."""
        inside, outside = self.train, self.subject.rows
        columns = [name for name in inside if name in outside]
        rest = pd.concat(
            [
                inside.drop(index=inside.index[self.members])[columns],
                outside.drop(index=outside.index[self.others])[columns],
            ]
        )
        wanted = self.settings.reference_rows
        if wanted is not None:
            more = max(0, 2 * wanted - self.members.size - self.others.size)
            rest = rest.iloc[_some(len(rest), more, self.rng)]
        attacked = (inside.iloc[self.members][columns], outside.iloc[self.others][columns])
        return pd.concat([*attacked, rest], ignore_index=True)

    @property
    def attacked(self) -> pd.DataFrame:
        """The rows that are attacked: members, then others."""
        return self.pool.iloc[: self.members.size + self.others.size]

    @property
    def too_dear(self) -> str | None:
        """Why training would take too long as the record says, or nothing."""
        record = self.subject.record
        cost = (getattr(record, "cost", None) or {}).get("cpu_seconds") or 0.0
        return self._too_dear(cost * len(self.pool) / 2 / len(self.train))

    def _too_dear(self, cost: float) -> str | None:
        says = self.settings
        return too_dear(
            cost, 1, whole=says.references, short=0, short_epochs=0,
            most_minutes=says.most_minutes,
        )  # fmt: skip

    def _made(self, bench: Bench, calls: Sequence[tuple[Any, ...]]) -> list[Reference]:
        """The references; of a shadow recipe, which has no record, the first tells the cost."""
        says, made = self.settings, list[Reference]()
        if self.subject.recipe is None:
            made = [bench.reference(*calls[0])]
            reason = self._too_dear(made[0].cpu_seconds)
            if reason:
                raise AuditkitError(reason)
        rest = each_in(says.jobs, says.backend)(bench.reference, calls[len(made) :])
        return [*made, *rest]

    def play(self) -> Answers | None:
        """Ask the model and its references; None where they give no probabilities."""
        says, subject, pool = self.settings, self.subject, self.pool
        halves = balanced_halves(says.references, len(pool), self.rng)
        seeds = self.rng.integers(2**31, size=says.references).tolist()
        bench = Bench(
            self.recipe, subject.task, subject.classes, subject.features,
            _privacy(subject.record), says.keep or None,
        )  # fmt: skip
        calls = [
            (pool[half].reset_index(drop=True), self.attacked, seed)
            for half, seed in zip(halves, seeds, strict=True)
        ]
        made = self._made(bench, calls)
        self.costs += [one.cpu_seconds for one in made]
        target = checked_answers(subject.model, subject.task, self.attacked, subject.classes)
        given = [target, *(one.scores for one in made)]
        if not all(are_probabilities(scores.ravel()) for scores in given):
            return None
        labels = subject.outcomes(self.attacked)
        told = np.stack([confidence(scores, labels) for scores in given])
        return Answers(told[0], told[1:], halves[:, : labels.size])

    def told(self, answers: Answers) -> Told:
        """What is told of the answers."""
        says, subject = self.settings, self.subject
        rows, count = self.attacked, self.members.size
        hard = answers.mean(inside=False)
        return Told(
            answers=answers,
            places=self.members,
            slices=group_slices(subject, self.members, self.others),
            shift=shift_between(rows.iloc[:count], rows.iloc[count:], subject, self.rng, hard),
            level=says.level,
            min_group=says.min_group,
            exposed=says.exposed,
            rows=f"{self.members.size:,} of {len(self.train):,} training rows against "
            f"{self.others.size:,} of {len(subject):,} assessed rows; {says.references} reference "
            f"models, each trained on a random half of {len(self.pool):,} training and assessed "
            f"rows together",
        )


def _some(rows: int, most: int, rng: np.random.Generator) -> IntArray:
    """Places of some rows, all where there are not more."""
    return np.sort(rng.choice(rows, size=min(rows, most), replace=False))


def _privacy(record: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - a record of any core
    """How privately the audited model was trained, as settings of private training."""
    spent = getattr(record, "privacy", None)
    names = ("noise_multiplier", "max_grad_norm", "accountant")
    return {name: spent[name] for name in names if name in spent} if spent else None
