"""Is a claim of privacy refuted? Canaries, one training run, and a lower bound on epsilon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.epsilon import EpsilonBound, epsilon_lower_bound
from auditkit.methods.membership import attack_scores
from auditkit.models import Model
from auditkit.models.answers import checked_answers
from auditkit.models.twins import twin_problems, twin_settings
from auditkit.subject import Recipe, Subject

BOUND = Metric(
    "epsilon_lower_bound",
    "Lower bound on epsilon of the training",
    "Privacy loss that an attack on canaries proves of the training that made the audited model; "
    "the true one may be larger.",
    "epsilon",
    better="lower",
    low=0.0,
)
CAP = Metric(
    "epsilon_lower_bound_cap",
    "Most that the lower bound could have been",
    "The lower bound on epsilon that a perfect attack would have reached with as many canaries "
    "and guesses; no claim above it could have been refuted.",
    "epsilon",
    low=0.0,
)
TWIN_BOUND = Metric(
    "private_epsilon_lower_bound",
    "Lower bound on epsilon of the private twin",
    "Privacy loss that an attack on canaries proves of training the private twin; the true one "
    "may be larger.",
    "epsilon",
    better="lower",
    low=0.0,
)
REFUTED = Metric(
    "privacy_claims_refuted",
    "Claims of privacy refuted",
    "Trainings whose epsilon is proved to be larger than they claim; 0 proves no claim.",
    "count",
    better="lower",
    low=0.0,
)
_METRICS = (BOUND, CAP, TWIN_BOUND, REFUTED)
_COLUMNS = (
    "model", "canaries", "guesses", "correct", "bound", "bound_cap", "claim", "outcome",
)  # fmt: skip

#: Fewest canaries that are worth a training.
LEAST = 10
#: Canaries are at most the training rows over this, so that the model stays what it is.
PART = 10
#: Where the setting is None, the guesses are a quarter of the canaries, but at least so many.
GUESSES = 100
#: How the rows of the table are called.
AUDITED, TWIN = "training of the audited model", "training of the private twin"
REFUTES, PROVES_NOTHING = "claim refuted", "not refuted, which proves nothing"
NO_CLAIM = "nothing was claimed"
#: Why neither number has an interval.
ONE_SIDED = "a one-sided bound: the true epsilon may lie anywhere above it"


@dataclass(frozen=True)
class EpsilonLowerBound:
    """Train the recipe again with canaries, and bound epsilon from below by what gives them away.

    A canary is a row of nobody: each feature comes from another training row, and the outcome is
    the one that the audited model does not expect, or of several classes the one that it expects
    least. A fair coin puts it among the training rows or
    leaves it out. What gives it away is how much surer of its outcome the model that is trained
    with it is than the audited one, which saw no canary. The training of the audited model and
    that of its private twin are attacked alike; a model that was trained privately has no twin,
    since it makes a claim of its own. A shadow recipe is not used: its training would be another.

    Attributes:
        canaries: Canaries; never more than a tenth of the training rows.
        guesses: Guesses about them, half of them "in" and half "out"; None makes a quarter of the
            canaries, but 100 or as many as there are.
        confidence: One-sided confidence of the bounds.
        twin: Whether the private twin is attacked too; it costs a second training.
        epsilon: Privacy loss that the twin claims; this and what follows as in the audit privacy.
        delta: Probability with which that bound may fail.
        max_grad_norm: L2 norm to which the gradient of each row is clipped.
        epochs: Passes over the training rows; None takes those of the audited model.
        batch_size: Rows of one step on average; None takes four times that of the audited model.
        learning_rate: Learning rate of the twin; None raises that of the model with the batch.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> EpsilonLowerBound(canaries=500).metrics[0].id
        'epsilon_lower_bound'
    """

    name: ClassVar[str] = "epsilon-bound"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"recipe", "train", "labels", "model"})
    metrics: ClassVar[tuple[Metric, ...]] = _METRICS

    canaries: int = 1000
    guesses: int | None = None
    confidence: float = 0.95
    twin: bool = True
    epsilon: float = 3.0
    delta: float | None = None
    max_grad_norm: float = 1.0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        problems = range_problems(self, canaries=1, guesses=1) + twin_problems(self)
        if self.guesses is not None and self.guesses > self.canaries > 0:
            found = f"{self.guesses:,} guesses"
            expected = f"at most the {self.canaries:,} canaries"
            problems.append(Problem("[audits.epsilon-bound] guesses", found, expected))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield the bounds, the most that they could have been, and whether a claim is refuted.

        Args:
            subject: What is audited.
            rng: Draws canaries, coins, and the seeds of the trainings.

        Yields:
            Measurements, and the table `bounds`.
        """
        attack = _Attack.on(subject, rng, self.canaries)
        if isinstance(attack, str):
            yield from (_none(metric, attack) for metric in self.metrics)
            return
        trials = [
            _Trial(name, *self._bound(attack, privacy))
            for name, privacy in self._trainings(subject)
        ]
        for metric, name in ((BOUND, AUDITED), (TWIN_BOUND, TWIN)):
            yield self._measured(metric, next((t for t in trials if t.name == name), None))
        yield from self._together(trials)

    def _trainings(self, subject: Subject) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """What is trained: its name, and its settings of privacy."""
        spent = getattr(subject.record, "privacy", None)
        if isinstance(spent, Mapping):
            yield AUDITED, _as_spent(spent, getattr(subject.record, "settings", {}))
            return
        yield AUDITED, None
        if self.twin:
            yield TWIN, twin_settings(self)

    def _bound(
        self, attack: _Attack, privacy: dict[str, Any] | None
    ) -> tuple[EpsilonBound | None, float | None, str]:
        """The bound, the epsilon that is claimed, and why there is no bound."""
        recipe = cast("Recipe", attack.subject.recipe)
        try:
            model, record = recipe.fit(attack.rows, privacy=privacy, seed=attack.seed())
        except AuditkitError as error:
            return None, None, f"training was not possible: {' '.join(str(error).split())}"
        spent = getattr(record, "privacy", None)
        claimed = spent if isinstance(spent, Mapping) else {}
        scores = attack.scores(model)
        if scores is None:
            return None, None, NO_PROBABILITIES
        count = len(scores)
        wanted = max(GUESSES, count // 4) if self.guesses is None else self.guesses
        found = epsilon_lower_bound(
            scores,
            attack.coins,
            delta=claimed.get("delta", attack.delta),
            confidence=self.confidence,
            guesses=min(count, wanted),
            seed=attack.seed(),
        )
        return found, claimed.get("epsilon"), ""

    def _measured(self, metric: Metric, trial: _Trial | None) -> Measurement:
        if trial is None:
            reason = "there is no private twin: the model was trained privately, or `twin` is off"
            return _none(metric, reason)
        if trial.bound is None:
            return _none(metric, trial.reason)
        found = trial.bound
        return metric.measure(
            found.epsilon, n=found.canaries, reason=ONE_SIDED, source=_source(found)
        )

    def _together(self, trials: list[_Trial]) -> Iterator[Measurement | Table]:
        made = [trial for trial in trials if trial.bound is not None]
        if not made:
            yield from (_none(metric, trials[0].reason) for metric in (CAP, REFUTED))
            return
        bounds = [cast("EpsilonBound", trial.bound) for trial in made]
        yield CAP.measure(
            min(bound.cap for bound in bounds),
            n=bounds[0].canaries,
            reason="exact: it follows from the numbers of canaries and guesses, and from delta",
            source=_source(bounds[0]),
            exact=True,
        )
        yield _refuted(made)
        yield Table(
            name="bounds",
            title="What an attack on canaries shows of epsilon",
            columns=_COLUMNS,
            rows=tuple(trial.row() for trial in trials),
            source=_source(bounds[-1]),
        )


@dataclass(frozen=True)
class _Trial:
    """An attack on one training.

    Attributes:
        name: Which training.
        bound: What was shown, or None.
        claim: The epsilon that it claims, or None.
        reason: Why there is no bound.
    """

    name: str
    bound: EpsilonBound | None
    claim: float | None
    reason: str

    def row(self) -> tuple[Cell, ...]:
        """Its row of the table."""
        if self.bound is None:
            return (self.name, *(None,) * 5, self.claim, self.reason)
        found = self.bound
        numbers = (found.canaries, found.guesses, found.correct, found.epsilon, found.cap)
        return (self.name, *numbers, self.claim, self.outcome)

    @property
    def outcome(self) -> str:
        """What became of the claim."""
        if self.claim is None:
            return NO_CLAIM
        return REFUTES if self.refuted else PROVES_NOTHING

    @property
    def refuted(self) -> bool:
        """Whether the bound is above the claim."""
        return self.bound is not None and self.claim is not None and self.bound.refutes(self.claim)


@dataclass(frozen=True)
class _Attack:
    """Canaries, and what is needed to attack a model with them.

    Attributes:
        subject: What is audited.
        rows: Training rows, and the canaries whose coin fell so.
        canaries: All canaries.
        outcomes: Their outcomes, as `Subject.outcomes` has them.
        coins: Whether each is among `rows`.
        before: Scores of the audited model, which saw none of them.
        delta: Delta where nothing is claimed: as for private training of so many rows.
        rng: Draws seeds.
    """

    subject: Subject
    rows: pd.DataFrame
    canaries: pd.DataFrame
    outcomes: npt.NDArray[Any]
    coins: npt.NDArray[np.bool_]
    before: npt.NDArray[np.float64]
    delta: float
    rng: np.random.Generator

    @classmethod
    def on(cls, subject: Subject, rng: np.random.Generator, most: int) -> _Attack | str:
        """Make canaries and throw coins; why it cannot be where it cannot."""
        train, model = cast("pd.DataFrame", subject.train), cast("Model", subject.model)
        count = min(most, len(train) // PART)
        if count < LEAST:
            return f"{len(train):,} training rows are too few: {LEAST} canaries are over a tenth"
        coins = rng.random(count) < 0.5
        if coins.min() == coins.max():
            return f"the coins of all {count} canaries fell the same way"
        canaries = _mixed(train, subject.features, count, rng)
        expected = checked_answers(model, subject.task, canaries, subject.classes)
        if not are_probabilities(expected):
            return NO_PROBABILITIES
        known, firsts = np.unique(subject.outcomes(train), return_index=True)
        known, firsts = known[known >= 0], firsts[known >= 0]  # classes that the model knows
        if known.size < 2:
            return "all training rows have the same outcome, so that no canary can have another"
        chosen = _unexpected(subject, expected, known)
        outcomes = known[chosen]
        canaries[subject.label] = train[str(subject.label)].iloc[firsts].array[chosen]
        return cls(
            subject=subject,
            rows=pd.concat([train, canaries[coins]], ignore_index=True),
            canaries=canaries,
            outcomes=outcomes,
            coins=coins,
            before=attack_scores(expected, outcomes),
            delta=float(f"1e-{len(str(len(train)))}"),
            rng=rng,
        )

    def scores(self, model: Model) -> npt.NDArray[np.float64] | None:
        """How much surer of each canary a model is than the audited one; None without losses."""
        task, classes = self.subject.task, self.subject.classes
        found = checked_answers(model, task, self.canaries, classes)
        if not are_probabilities(found):
            return None
        return attack_scores(found, self.outcomes) - self.before

    def seed(self) -> int:
        """A seed: of the training, that nobody else has seen, and of equal scores."""
        return int(self.rng.integers(2**31))


def _as_spent(spent: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of privacy that train as a record says that it was trained."""
    noise = ("noise_multiplier", "delta", "max_grad_norm", "accountant")
    steps = ("epochs", "batch_size", "learning_rate")
    return {
        **{name: spent[name] for name in noise if name in spent},
        **{name: settings[name] for name in steps if name in settings},
    }


def _mixed(
    train: pd.DataFrame, features: Sequence[str], count: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Rows whose features come from a row each."""

    def drawn() -> npt.NDArray[np.int64]:
        return rng.choice(len(train), size=count, replace=False)

    mixed = train.iloc[drawn()].copy()
    for feature in features:
        mixed[feature] = train[feature].iloc[drawn()].array
    return mixed


def _unexpected(
    subject: Subject, scores: npt.NDArray[np.float64], known: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Place among the outcomes of the training rows of the one that a model expects least."""
    if scores.ndim > 1:
        return np.asarray(scores[:, known].argmin(axis=1), dtype=np.int64)
    return np.asarray(1 - subject.decided(scores), dtype=np.int64)


def _refuted(made: list[_Trial]) -> Measurement:
    claims = [trial for trial in made if trial.claim is not None]
    if not claims:
        return _none(REFUTED, "no training that was attacked claims an epsilon")
    found = cast("EpsilonBound", claims[0].bound)
    return REFUTED.measure(
        float(sum(trial.refuted for trial in claims)),
        n=found.canaries,
        reason="exact: it says what this attack showed, and not what another one would",
        source=_source(found),
        exact=True,
    )


def _source(found: EpsilonBound) -> str:
    return (
        f"one training run each with {found.canaries:,} canaries (rows of nobody: each "
        "feature from another training row, the outcome that the audited model does not expect; "
        "each in by a fair coin), scored by how much surer of them the model is than the audited "
        f"one; {found.guesses:,} guesses, fixed in "
        f"advance; one-sided {100 * found.confidence:g}% bound of Steinke, Nasr and Jagielski "
        f"(2023), delta {found.delta:g}, one row added or removed; what is above the claim refutes "
        "it, what is below proves nothing"
    )


def _none(metric: Metric, reason: str) -> Measurement:
    source = "attack on canaries in a training of their own"
    return metric.measure(None, n=0, reason=reason, source=source)
