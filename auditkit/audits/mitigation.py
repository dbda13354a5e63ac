"""What would it take to close the gap between groups, and what would it cost in accuracy?

The model is trained again, changed, by its recipe; its threshold is moved; and every variant is
assessed on the same rows as the model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.methods.mitigation import GAPS, Stage, Trial, Variant, even_out, too_dear
from auditkit.methods.mitigation_tables import HEADLINES, METRICS, SECONDS, Told
from auditkit.models import Model
from auditkit.models.fair import PLAIN, free, group_thresholds, mixture
from auditkit.roles import group_labels
from auditkit.subject import Recipe, Subject

#: The methods, in the order in which they are shown.
METHODS = (
    *("reweighing", "resampling", "penalty", "exponentiated-gradient"),
    *("threshold-optimizer", "cut-offs"),
)
#: Trainings that one step of the exponentiated gradient takes, about.
TRAININGS_PER_STEP = 3
#: What the decisions of a mixture are.
DRAWN = "decides some people by lot: two alike may be decided otherwise; one draw was assessed"


@dataclass(frozen=True)
class Mitigation:
    """Variants of the model that narrow a gap, and their price: a frontier.

    It trains again: once for reweighing, resampling and each strength, and about three times
    `iterations` for `epochs` epochs each. Never by a shadow recipe, which makes another model.

    Attributes:
        attribute: Sensitive column whose groups are compared; the first that can be, where empty.
        constraint: Which gap is to close: "demographic_parity", "equal_opportunity" or
            "equalized_odds". Reweighing and resampling know the first only.
        target: Largest gap that is wanted, in [0, 1).
        methods: Which of "reweighing", "resampling", "penalty", "exponentiated-gradient",
            "threshold-optimizer" and "cut-offs" are tried.
        strengths: Strengths of the penalty in the loss, each above 0.
        cut_offs: Thresholds, one for all, that the scores of the model are also cut at.
        iterations: Most steps of the exponentiated gradient; at least 1.
        epochs: Epochs of each of its trainings; at least 1.
        most_minutes: Where the record says that training would take more CPU time, it is left out.
        level: Two-sided level of the intervals, in (0, 1).
        min_group: Rows that a rate of a group must rest on; at least 1.
        max_groups: Most groups that a column may have; at least 2.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Mitigation(strengths=(0.0,))
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.mitigation] strengths: found '0.0', expected numbers above 0.
    """

    attribute: str = ""
    constraint: str = "demographic_parity"
    target: float = 0.1
    methods: tuple[str, ...] = METHODS
    strengths: tuple[float, ...] = (0.5, 1.5, 5.0)
    cut_offs: tuple[float, ...] = (0.3, 0.4, 0.6, 0.7, 0.8)
    iterations: int = 5
    epochs: int = 3
    most_minutes: float = 30.0
    level: float = 0.95
    min_group: int = 10
    max_groups: int = 20

    name: ClassVar[str] = "mitigation"
    needs: ClassVar[frozenset[str]] = frozenset(
        {"labels", "predictions", "scores", "sensitive", "train", "recipe"}
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"binary"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=1, max_groups=2, iterations=1, epochs=1)
        problems += self._problems()
        if problems:
            raise InputError(problems)

    def _problems(self) -> Iterator[Problem]:
        where = "[audits.mitigation]"
        if self.constraint not in GAPS:
            yield Problem.unknown(f"{where} constraint", self.constraint, GAPS, "a constraint")
        for method in sorted({*self.methods} - {*METHODS}):
            yield Problem.unknown(f"{where} methods", method, METHODS, "a method")
        numbers = (
            ("target", (self.target,), lambda x: 0 <= x < 1, "a number from 0 to below 1"),
            ("most_minutes", (self.most_minutes,), lambda x: x > 0, "a number above 0"),
            ("strengths", self.strengths, lambda x: 0 < x < 1e6, "numbers above 0"),
            ("cut_offs", self.cut_offs, isfinite, "numbers"),
        )
        for name, values, holds, expected in numbers:
            for value in values:
                if not holds(value):
                    yield Problem(f"{where} {name}", quote(value), expected)
        for name in ("strengths", "cut_offs"):
            held = getattr(self, name)
            if len({f"{value:g}" for value in held}) < len(held):
                yield Problem(f"{where} {name}", quote(held), "each once")

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Make the variants, and hold them against each other.

        Args:
            subject: What is audited.
            rng: Draws rows for the resampling, and the decisions of methods that decide by lot.

        Yields:
            What each variant reaches, what the target takes, then the tables `variants`,
            `what-it-takes`, `decisions` and `more-to-select`.

        Raises:
            InputError: If `attribute` is no sensitive column of this subject.
        """
        column, reason = self._column(subject)
        if reason or subject.recipe is None or subject.train is None:
            where, source = {column: ALL_GROUPS} if column else {}, "assessed and training rows"
            for metric in HEADLINES:
                yield metric.measure(
                    None, n=len(subject), source=source, reason=reason, slice=where
                )
            return
        seeds = rng.integers(2**31, size=3).tolist()
        bench = Bench(subject, subject.recipe, subject.train, column, self, seeds)
        trial = Trial(
            column=column,
            labels=group_labels(subject.groups[column]),
            codes=subject.groups[column].codes,
            y_true=subject.y_true,
            variants=tuple(self._variants(bench)),
            constraint=self.constraint,
            level=self.level,
            min_group=self.min_group,
        )
        told = Told(trial, self.target, "each variant on the assessed rows, rows counted alike")
        yield from told.measurements()
        source, why = "training records", "one run of each training; another takes more or less"
        yield SECONDS.measure(sum(bench.costs), n=len(bench.costs), source=source, reason=why)
        yield from told.tables()

    def _column(self, subject: Subject) -> tuple[str, str]:
        """The column whose groups are compared, and what keeps them from being compared."""
        if self.attribute and self.attribute not in subject.sensitive:
            where = "[audits.mitigation] attribute"
            raise InputError(
                [Problem.unknown(where, self.attribute, subject.sensitive, "a sensitive column")]
            )
        wanted = (self.attribute,) if self.attribute else subject.sensitive
        reasons = {name: self._why_not(subject, name) for name in wanted}
        for name, reason in reasons.items():
            if not reason:
                return name, ""
        told = "; ".join(f"{quote(name)}: {reason}" for name, reason in reasons.items())
        return (self.attribute or (wanted[0] if len(wanted) == 1 else "")), told

    def _why_not(self, subject: Subject, name: str) -> str:
        for held in (subject.groups[name], (subject.train_groups or {}).get(name)):
            if held is None:
                return "its groups are not known for the training rows"
            if len(held.names) > self.max_groups:
                return f"{len(held.names):,} groups, more than max_groups = {self.max_groups:,}"
            if sum(count >= self.min_group for count in held.counts) < 2:
                return f"fewer than 2 groups have {self.min_group} rows"
        return ""

    def _variants(self, bench: Bench) -> Iterator[Variant]:
        yield Variant("as audited", "as audited", bench.subject.y_pred)
        made = (
            *(bench.reweighed, bench.resampled, bench.penalised, bench.reduced),
            *(bench.thresholds, bench.cut_offs),
        )
        for method, variants in zip(METHODS, made, strict=True):
            if method in self.methods:
                yield from variants()


@dataclass(frozen=True)
class Bench:
    """Where the variants of one model are made.

    Attributes:
        subject: What is audited.
        recipe: How its model is trained again.
        train: Its training rows.
        column: The column whose groups are compared.
        settings: The settings of the audit.
        seeds: Of the resampling, the exponentiated gradient and the thresholds.
        costs: CPU seconds of each training, as they come.
    """

    subject: Subject
    recipe: Recipe
    train: pd.DataFrame
    column: str
    settings: Mitigation
    seeds: Sequence[int]
    costs: list[float] = field(default_factory=list)

    def reweighed(self) -> Iterator[Variant]:
        """Weigh groups and outcomes so that they are independent."""
        how = {"group_weight": "reweighing", "group_columns": [self._group]}
        yield self._trained("reweighing", "before training", self._rows, **how)

    def resampled(self) -> Iterator[Variant]:
        """Draw rows again so that groups and outcomes are independent."""
        held = None if self._validation is None else self._evened(self._validation)
        drawn = self._evened(self._rows)
        yield self._trained("resampling", "before training", drawn, validation=held)

    def penalised(self) -> Iterator[Variant]:
        """Add a penalty on the gap to the loss."""
        for strength in self.settings.strengths:
            yield self._trained(
                f"fairness penalty {strength:g}",
                "in training",
                self._rows,
                fairness_penalty=strength,
                fairness_columns=[self._group],
                fairness_constraint=self.settings.constraint,
            )

    def reduced(self) -> Iterator[Variant]:
        """Train a mixture of models by the exponentiated gradient of fairlearn."""
        says, subject = self.settings, self.subject
        note = f"{says.epochs} epochs a training; {DRAWN}"

        def decide() -> npt.NDArray[np.bool_]:
            rows = self._compared(self._rows)
            made = mixture(
                self._relearnt,
                rows,
                subject.outcomes(rows),
                rows[self._group],
                constraint=says.constraint,
                threshold=subject.threshold,
                steps=says.iterations,
            )
            lot = np.random.default_rng(self.seeds[1]).random(len(subject))
            return lot < made.scores(subject.rows)

        name, few = "exponentiated gradient", self._too_few
        yield self._tried(Variant(name, "in training", None, few, note=note), decide)

    def thresholds(self) -> Iterator[Variant]:
        """Give each group its own threshold, as fairlearn's optimizer chooses it."""
        name, rows, subject = "threshold for each group", self._compared(self._tuning), self.subject
        if self._too_few:
            yield Variant(name, "after training", None, self._too_few, reads_group=True)
            return
        scores, y = subject.answers(rows), subject.outcomes(rows)
        says = self.settings.constraint
        fitted = group_thresholds(scores, y, rows[self._group], constraint=says)
        names, decided = subject.groups[self.column].named, subject.y_pred.copy()
        known = pd.Series(names).isin(self._comparable).to_numpy()
        decided[known] = fitted.predict(
            np.asarray(subject.y_score)[known, None],
            sensitive_features=names[known],
            random_state=self.seeds[2],
        )
        left, needs = int((~known).sum()), f"needs each person's {quote(self.column)} to decide"
        note = f"{needs}: may be unlawful, ask counsel; {DRAWN}"
        note += f"; {left:,} rows of other or unknown group keep the threshold" if left else ""
        yield Variant(name, "after training", decided, reads_group=True, note=note)

    def cut_offs(self) -> Iterator[Variant]:
        """Move the threshold for everyone alike."""
        scores = np.asarray(self.subject.y_score)
        for cut_off in self.settings.cut_offs:
            if cut_off != self.subject.threshold:
                decided = (scores >= cut_off).astype(np.int8)
                yield Variant(f"cut-off {cut_off:g}", "cut-off", decided)

    @cached_property
    def _group(self) -> str:
        """A column of groups, of a name that no column has."""
        return free("group", self.train, self.subject.rows)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """The training rows, with their groups."""
        groups = (self.subject.train_groups or {})[self.column]
        return self.train.assign(**{self._group: groups.named})

    @cached_property
    def _validation(self) -> pd.DataFrame | None:
        """The validation rows with their groups, or None where these cannot be known."""
        rows = getattr(self.recipe, "validation", None)
        if rows is None or self.column not in rows:
            return None
        subject, groups = self.subject, dict[object, object]()
        for known, held in (
            (subject.rows, subject.groups),
            (subject.train, subject.train_groups),
            (subject.population, subject.population_groups),
        ):
            if known is not None and held is not None:  # equal values are in equal groups
                groups |= dict(zip(known[self.column], held[self.column].named, strict=True))
        found = np.array([groups.get(value) for value in rows[self.column]], dtype=object)
        named: pd.DataFrame = rows.assign(**{self._group: found})
        return named

    @cached_property
    def _comparable(self) -> list[str]:
        """Groups that have enough training rows of both outcomes for methods of fairlearn."""
        counts = self._counts(self._rows)
        enough = (counts > 0).all(axis=1) & (counts.sum(axis=1) >= self.settings.min_group)
        return [str(name) for name in counts.index[enough]]

    def _counts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of each known group and outcome."""
        counts = pd.crosstab(rows[self._group].to_numpy(), self.subject.outcomes(rows))
        return counts.reindex(columns=[0, 1], fill_value=0)

    def _compared(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows[self._group].isin(self._comparable)]

    @cached_property
    def _too_few(self) -> str | None:
        few = f"fewer than 2 groups have {self.settings.min_group} training rows of both outcomes"
        return few if len(self._comparable) < 2 else None

    @property
    def _tuning(self) -> pd.DataFrame:
        """Rows that thresholds are chosen on: those of early stopping, if they show every group."""
        held = self._validation
        if held is None:
            return self._rows
        counts = self._counts(held).reindex(index=self._comparable, fill_value=0)
        return held if (counts >= self.settings.min_group).all(axis=None) else self._rows

    @cached_property
    def _too_dear(self) -> str | None:
        record, says = self.subject.record, self.settings
        counts = {"reweighing": 1, "resampling": 1, "penalty": len(says.strengths)}
        reduces = "exponentiated-gradient" in says.methods
        return too_dear(
            (getattr(record, "cost", None) or {}).get("cpu_seconds") or 0.0,
            len(getattr(record, "epochs", ())),
            whole=sum(counts.get(method, 0) for method in says.methods),
            short=says.iterations * TRAININGS_PER_STEP * reduces,
            short_epochs=says.epochs,
            most_minutes=says.most_minutes,
        )

    def _evened(self, rows: pd.DataFrame) -> pd.DataFrame:
        codes = pd.factorize(rows[self._group], sort=True)[0]  # -1 where unknown
        rng = np.random.default_rng(self.seeds[0])
        return rows.iloc[even_out(codes, self.subject.outcomes(rows), rng)]

    def _trained(self, name: str, stage: Stage, rows: pd.DataFrame, **changes: object) -> Variant:
        """A variant that was trained on these rows, changed."""

        def decide() -> npt.NDArray[np.bool_]:
            model = self.fit(rows, **{"validation": self._validation, **changes})
            return np.asarray(model.scores(self.subject.rows)) >= self.subject.threshold

        return self._tried(Variant(name, stage, None), decide)

    def _tried(self, variant: Variant, decide: Callable[[], npt.NDArray[np.bool_]]) -> Variant:
        """The variant with its decisions, or with the reason why there are none."""
        reason = variant.reason or self._too_dear
        if reason:
            return replace(variant, reason=reason)
        try:
            return replace(variant, y_pred=decide().astype(np.int8))
        except AuditkitError as error:
            said = " ".join(str(error).split())
            return replace(variant, reason=f"training was not possible: {said}")

    def fit(self, rows: pd.DataFrame, **changes: Any) -> Model:  # noqa: ANN401 - settings
        """Train once more, on what the model reads and nothing else."""
        model, record = self.recipe.fit(rows, features=self.subject.features, **changes)
        self.costs.append(float(record.cost.get("cpu_seconds") or 0.0))
        return model

    def _relearnt(self, rows: pd.DataFrame, label: str, weight: str) -> Model:
        """Train on rows with other outcomes and weights, as a reduction asks for."""
        own = getattr(self.recipe, "weight", None)
        if own is not None:
            rows = rows.assign(**{weight: rows[weight] * rows[own]})
        how = {"label": label, "positive": 1, "weight": weight, **PLAIN}
        return self.fit(rows, epochs=self.settings.epochs, **how)
