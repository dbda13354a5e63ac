"""Can the explanation be trusted? It is made again, tried on the model, shaken and randomised.

What is tested are Shapley values of the score: the probability of the positive class, of several
classes that of the one which the model chose for the row, of a regression the number. No limit
decides anything here; verdicts come from a policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.explaining.frames import Scorer
from auditkit.explaining.samples import Sample, draw
from auditkit.explaining.table_trials import table_trial
from auditkit.explaining.text_column import text_column
from auditkit.explaining.text_trials import TextTrial
from auditkit.explaining.trials import Amounts, Trial
from auditkit.explaining.values import is_network
from auditkit.methods import explanation_metrics as names
from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_complexity import complexity
from auditkit.methods.explanation_faithfulness import choose_sets, faithfulness
from auditkit.methods.explanation_reasons import (
    beyond_noise,
    efficiency_gap,
    stability_between_backgrounds,
    stability_between_seeds,
)
from auditkit.methods.explanation_robustness import robustness
from auditkit.methods.explanation_trust import questions, trust_table
from auditkit.methods.shapley_game import Floats, Positions
from auditkit.models.answers import checked_answers
from auditkit.subject import Subject

#: Why a seed changes nothing.
NO_SEED = "exact: every subset of features was asked about, so no seed enters"
#: What the score is, by task.
SCORES = {
    "binary": "the probability",
    "multiclass": "the probability of the class that the model chose",
    "regression": "the number",
}


@dataclass(frozen=True)
class _Found:
    """A number with how it was come by."""

    estimate: Estimate
    n: int
    source: str
    exact: bool = False


@dataclass(frozen=True)
class ExplanationQuality:
    """Efficiency, noise, stability, faithfulness, sensitivity, randomisation and complexity.

    Attributes:
        rows: Most assessed rows to explain.
        background: Most rows that stand for "not known" in one explanation, as in the audit
            explainability; a second, disjoint set of as many is drawn.
        level: Confidence level of every interval, in (0, 1).
        top: Features that count as the reasons of a row.
        random_sets: Random sets of features that each row's reasons are held against.
        noise: Half the width of the noise, in standard deviations of a column of numbers.
        noise_draws: Draws of noise for each row.
        networks: Networks whose weights are drawn anew.
        shaken_rows: Most rows that are explained under noise and by randomised networks.
        budget: About how many evaluations of the model; None gives the same work to every network
            and 50,000 to any other model. Samples are cut in proportion where they do not fit,
            but none below 20 rows.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> ExplanationQuality(rows=0, noise=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.explanation-quality] rows: found '0', expected a whole number from 1.
          2. [audits.explanation-quality] noise: found '0', expected a number in (0, 1].
    """

    rows: int = 100
    background: int = 400
    level: float = 0.95
    top: int = 3
    random_sets: int = 10
    noise: float = 0.02
    noise_draws: int = 3
    networks: int = 8
    shaken_rows: int = 30
    budget: int | None = None

    name: ClassVar[str] = "explanation-quality"
    tasks: ClassVar[frozenset[str]] = frozenset(SCORES)
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    metrics: ClassVar[tuple[Metric, ...]] = names.METRICS

    def __post_init__(self) -> None:
        least = {"rows": 1, "background": 2, "top": 1, "random_sets": 1, "noise_draws": 1}
        problems = range_problems(self, **least, networks=1, shaken_rows=1, budget=100)
        if not 0 < self.noise <= 1:
            where = f"[audits.{self.name}] noise"
            problems.append(Problem(where, quote(self.noise), "a number in (0, 1]"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Explain a sample of the assessed rows, and try the explanation.

        Args:
            subject: What is audited.
            rng: Rows, backgrounds, noise and random sets are drawn with it.

        Yields:
            Every metric once, and the table `trust`, which puts each beside what it is held
            against and whose limit that is.
        """
        try:
            sample = draw(subject, rng, self.rows, 2 * self.background)
            trial = self._trial(subject, sample, rng)
            reasons = trial.reasons
        except ValueError as error:
            # The model cannot be explained (NaN, dropout on) or the budget is too small.
            yield from self._unexplained(subject, " ".join(str(error).split()))
            return
        source = (
            f"Shapley values of {SCORES[subject.task]} for {len(reasons):,} of {len(subject):,} "
            f"assessed rows, {trial.words['all']}"
        )
        found = dict(
            zip(names.METRICS, self._all(subject, sample, trial, rng, source), strict=True)
        )
        for metric, one in found.items():
            yield metric.measure(
                one.estimate.value,
                n=one.n,
                interval=one.estimate.interval,
                reason=one.estimate.reason,
                source=one.source,
                exact=one.exact,
            )
        estimates = {metric.id: one.estimate for metric, one in found.items()}
        asked = questions(float(reasons.outputs.std()))
        yield trust_table(estimates, asked, f"{source}; {self._how(trial)}")

    def _trial(self, subject: Subject, sample: Sample, rng: np.random.Generator) -> Trial:
        amounts = Amounts(
            budget=self.budget,
            sets=self.random_sets,
            noise=self.noise,
            draws=self.noise_draws,
            networks=self.networks,
            shaken=self.shaken_rows,
            threshold=subject.threshold,
            seed=int(rng.integers(2**31)),
        )
        looked_into = is_network(subject.model)
        model = cast("Scorer", subject.model) if looked_into else _Asked(subject)
        column = text_column(subject)
        if column is not None:
            return TextTrial(model, column, sample.rows, amounts)
        return table_trial(model, sample, amounts, rng)

    def _all(
        self, subject: Subject, sample: Sample, trial: Trial, rng: np.random.Generator, source: str
    ) -> Iterator[_Found]:
        """Measure everything, in the order of the metrics."""
        reasons = trial.reasons
        n = len(reasons)
        gap = efficiency_gap(reasons, _scores(subject, sample.places[:n]))
        largest = "the largest of the explained rows, not an estimate"
        yield _Found(Estimate(gap, None, largest), n, source, exact=True)
        for one in beyond_noise(reasons, self.top, self.level):
            yield _Found(one, n, f"{source}; the {self.top} strongest of a row")
        yield from self._stable(trial, rng, source)
        yield from self._faithful(trial, rng, source)
        yield from self._robust(trial, source)
        for one in complexity(reasons, self.level):
            yield _Found(one, n, source)

    def _stable(self, trial: Trial, rng: np.random.Generator, source: str) -> Iterator[_Found]:
        reasons, n, top = trial.reasons, len(trial.reasons), f"the {self.top} strongest of a row"
        halves = stability_between_backgrounds(reasons, trial.others, self.top, rng, self.level)
        for one in halves:
            yield _Found(one, n, f"{source}, and against as many others; {top}")
        again = trial.again
        if again is None:
            for _ in names.STABILITY["seeds"]:
                yield _Found(Estimate(1.0, None, NO_SEED), n, f"{source}; {top}", exact=True)
            return
        for one in stability_between_seeds(reasons, again, self.top, self.level):
            yield _Found(one, n, f"{source}, and with another seed; {top}")

    def _faithful(self, trial: Trial, rng: np.random.Generator, source: str) -> Iterator[_Found]:
        sets = choose_sets(trial.reasons, trial.tested, self.top, self.random_sets, rng)
        changes = trial.changes(sets.rows, sets.masks)
        found = faithfulness(trial.reasons, sets, changes, self.level)
        words = f"{source}; {trial.words['sets']}: {self.top} of a row, but at most half; "
        words += f"{self.random_sets} random sets"
        for one in found.each():
            yield _Found(one, len(sets.rows), words)

    def _robust(self, trial: Trial, source: str) -> Iterator[_Found]:
        drawn = [trial.randomised(number) for number in range(self.networks)]
        found = robustness(trial.shaken(), drawn, trial.reasons.there, self.level)
        first = f"{source}; of the first {found.rows:,} of them {trial.words['shaken']}"
        noisy = f"{first}, {trial.words['noise'] or 'no noise'}"
        randomised = f"{self.networks} networks with weights drawn anew"
        yield _Found(found.change, found.rows, noisy)
        yield _Found(found.percentile, found.rows, f"{noisy}; {randomised}")
        yield _Found(found.alike, found.rows, f"{first}; {randomised}")

    def _how(self, trial: Trial) -> str:
        """How the lines of the table were come by."""
        words = trial.words
        shaken = f"{self.networks} networks with weights drawn anew"
        shaken = f"{words['noise']}, and {shaken}" if words["noise"] else shaken
        return (
            f"the {self.top} strongest features of a row are its reasons; {words['sets']}; "
            f"{shaken}, {words['shaken']}; intervals at {100 * self.level:g} %"
        )

    def _unexplained(self, subject: Subject, reason: str) -> Iterator[Measurement]:
        """Say of every number why there is none."""
        source = f"Shapley values of {SCORES[subject.task]}"
        for metric in names.METRICS:
            yield metric.measure(None, n=0, reason=reason, source=source)


class _Asked:
    """A model that is not looked into, asked through the subject and checked."""

    def __init__(self, subject: Subject) -> None:
        self.features = list(subject.features)
        self.task = subject.task
        self._subject = subject

    def scores(self, rows: pd.DataFrame) -> Floats:
        """Score rows; see `auditkit.models.answers.checked_answers`."""
        subject = self._subject
        return np.asarray(checked_answers(subject.model, subject.task, rows, subject.classes))


def _scores(subject: Subject, places: Positions) -> Floats:
    """What the model says of some assessed rows when it is simply asked."""
    if subject.task == "regression":
        return np.asarray(subject.y_pred[places], dtype=np.float64)
    scores = np.asarray(subject.y_score)[places]
    return np.asarray(scores if scores.ndim == 1 else scores.max(axis=1))
