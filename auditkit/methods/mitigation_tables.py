"""What is told of the variants of a model: metrics, measurements and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods.cells import RATES
from auditkit.methods.estimates import Estimate, cells_of, measured
from auditkit.methods.mitigation import (
    GAPS,
    Line,
    Trial,
    Variant,
    cheapest,
    fewest_changes,
    more_needed,
    unbeaten,
)

#: Lines of the table of decisions that change; the others are counted.
MOST_LINES = 60

MITIGATED_ACCURACY = Metric(
    "mitigated_accuracy",
    "Accuracy after mitigation",
    "Share of right decisions of a variant of the model.",
    *("rate", "higher", 0.0, 1.0),
)
MITIGATED_ACCURACY_CHANGE = Metric(
    "mitigated_accuracy_change",
    "Accuracy won or lost by mitigation",
    "Accuracy of a variant minus that of the model as audited, on the same rows.",
    *("difference", "higher", -1.0, 1.0),
)
MITIGATED_GAP = Metric(
    "mitigated_gap",
    "Gap after mitigation",
    "Gap between groups that a variant of the model leaves, of the kind that the audit is set to.",
    *("difference", "lower", 0.0, 1.0),
)
CHANGED = Metric(
    "mitigation_changed_share",
    "Decisions that mitigation changes",
    "Share of rows that a variant decides otherwise than the model as audited.",
    *("rate", "neither", 0.0, 1.0),
)
COST = Metric(
    "accuracy_cost_of_target",
    "Accuracy that the target costs",
    "Accuracy of the model as audited minus that of the cheapest variant whose gap is within the "
    "target with its whole interval.",
    *("difference", "lower", -1.0, 1.0),
)
LOWEST = Metric(
    "lowest_mitigated_gap",
    "Gap of the variant chosen",
    "Gap of the cheapest variant within the target or, where none is, of the one that comes "
    "closest.",
    *("difference", "lower", 0.0, 1.0),
)
FEWEST = Metric(
    "fewest_changed_decisions",
    "Decisions to change at least",
    "Decisions about these rows that must change at least, whoever is chosen, to bring the gap "
    "within the target.",
    *("count", "lower", 0.0),
)
SECONDS = Metric(
    "mitigation_training_seconds",
    "CPU time of training the variants",
    "CPU time of all trainings that the variants took.",
    *("s", "lower", 0.0),
)
HEADLINES = (COST, LOWEST, FEWEST)
METRICS = (
    *(MITIGATED_ACCURACY, MITIGATED_ACCURACY_CHANGE, MITIGATED_GAP, CHANGED),
    *(*HEADLINES, SECONDS),
)
#: Why nothing more can be said of the model as audited.
WITHIN = "the model as audited is within the target"


@dataclass(frozen=True)
class Told:
    """What is told of a trial.

    Attributes:
        trial: The rows and their variants.
        target: Largest gap that is wanted.
        source: How the variants were made.
    """

    trial: Trial
    target: float
    source: str

    def measurements(self) -> Iterator[Measurement]:
        """Measure each variant but the cut-offs, then what the target takes."""
        trial = self.trial
        for line in trial.lines:
            if line.variant.stage != "cut-off":
                yield from self._of(line)
        yield from self._headlines()

    def tables(self) -> Iterator[Table]:
        """The tables of variants, of what the target takes, and of the decisions that change."""
        yield self._variants()
        yield from self._takes()
        yield self._decisions()
        yield from self._needed()

    @property
    def _together(self) -> str:
        trial = self.trial
        return (
            f"gaps and changes of accuracy hold together at {100 * trial.level:g} % over all "
            f"{len(trial.variants) - 1} variants (Bonferroni over {trial.tests}), so that the best "
            "of them may be chosen on these rows"
        )

    def _of(self, line: Line) -> Iterator[Measurement]:
        trial, variant = self.trial, line.variant
        key = "mitigation" if trial.column != "mitigation" else "(mitigation)"
        where = {key: variant.name}
        found: list[tuple[Metric, Estimate, dict[str, str]]] = [
            (MITIGATED_ACCURACY, line.accuracy, where),
            (MITIGATED_GAP, line.gap, {trial.column: ALL_GROUPS, **where}),
        ]
        if variant is not trial.variants[0]:
            found += [
                (MITIGATED_ACCURACY_CHANGE, line.change, where),
                (CHANGED, line.changed, where),
            ]
        for metric, estimate, slice_ in found:
            about = f"{trial.metric.title.lower()}; " if metric is MITIGATED_GAP else ""
            yield measured(metric, estimate, len(trial.y_true), f"{about}{self.source}", slice_)

    def _headlines(self) -> Iterator[Measurement]:
        trial, n = self.trial, len(self.trial.y_true)
        where = {trial.column: ALL_GROUPS}
        chosen, inside = cheapest(trial.lines, self.target)
        if chosen is None:
            reason = trial.lines[0].gap.reason or "no variant has a gap"
            for metric in HEADLINES:
                yield measured(metric, Estimate.undefined(reason), n, self.source, where)
            return
        if not inside:
            reason = f"no variant is within the target of {self.target:g} with its whole interval"
            cost = Estimate.undefined(reason)
        else:
            cost = _reversed(chosen.change)
        if chosen is trial.lines[0]:
            cost = Estimate.undefined(WITHIN)
        about = f"{quote(chosen.variant.name)}; {self.source}; {self._together}"
        yield measured(COST, cost, n, about, where)
        yield measured(LOWEST, chosen.gap, n, f"{trial.metric.title.lower()} of {about}", where)
        yield self._fewest(where)

    def _fewest(self, where: dict[str, str]) -> Measurement:
        trial, audited = self.trial, self.trial.variants[0]
        held = [trial.compared(audited, rate) for rate in GAPS[trial.constraint][1]]
        n = sum(rate.n for rate in held)
        if any(len(rate.names) < 2 for rate in held):
            reason = trial.lines[0].gap.reason or "fewer than 2 groups can be compared"
            return measured(FEWEST, Estimate.undefined(reason), n, "assessed rows", where)
        counts = [fewest_changes(rate.successes, rate.totals, self.target) for rate in held]
        return FEWEST.measure(
            sum(counts),
            n=n,
            exact=True,
            reason="counted on these rows: it describes them, not a population",
            source=f"to bring the {trial.metric.title.lower()} of the model as audited within "
            f"{self.target:g}, by selecting more people or fewer, whoever they are",
            slice=where,
        )

    def _variants(self) -> Table:
        trial, first, second = self.trial, self.trial.metric.id, self.trial.other.id
        stands = unbeaten(trial.lines)
        numbers = (first, "accuracy", "accuracy_change", "balanced_accuracy", "selection_rate")
        bounded = [f"{name}{end}" for name in (*numbers, second) for end in ("", "_low", "_high")]
        return Table(
            name="variants",
            title="Accuracy against the gap",
            columns=(
                *("variant", "stage", "unbeaten", "target", "inside_target", *bounded),
                *("changed_share", "reads_group", "note"),
            ),
            rows=tuple(
                (
                    *(line.variant.name, line.variant.stage),
                    *(stand, self.target, line.inside(self.target)),
                    *(cell for found in _numbers(line) for cell in cells_of(found)),
                    *(line.changed.value, line.variant.reads_group),
                    line.variant.reason or line.gap.reason or line.variant.note,
                )
                for line, stand in zip(trial.lines, stands, strict=True)
            ),
            source=f"groups of {quote(trial.column)}; {self.source}; {self._together}; all other "
            f"intervals at {100 * trial.level:g} % each. Unbeaten: no other variant is at least "
            "as accurate with at most the gap, by the estimates. Inside the target: the whole "
            f"interval of the gap is at most {self.target:g}",
            chart="frontier",
        )

    def _takes(self) -> Iterator[Table]:
        trial = self.trial
        chosen, inside = cheapest(trial.lines, self.target)
        if chosen is None:
            return
        already = chosen is trial.lines[0]
        outcome = "already within the target" if already else "cheapest within the target"
        bounds = chosen.gap.interval
        over = max(0.0, bounds.high - self.target) if bounds else None
        yield Table(
            name="what-it-takes",
            title="What it would take to come within the target",
            columns=(
                *("attribute", "metric", "target", "outcome", "variant", "reads_group"),
                *("gap_before", "gap", "gap_low", "gap_high", "above_target"),
                *("accuracy_change", "accuracy_change_low", "accuracy_change_high"),
            ),
            rows=(
                (
                    *(trial.column, trial.metric.id, self.target),
                    outcome if inside else "none is within it; this one comes closest",
                    *(chosen.variant.name, chosen.variant.reads_group),
                    *(trial.lines[0].gap.value, *cells_of(chosen.gap), over),
                    *cells_of(chosen.change),
                ),
            ),
            source=f"the variant that costs least accuracy of those whose whole interval is within "
            f"the target; {self._together}. above_target: how far the upper end of the interval is "
            "beyond the target. Found on the assessed rows: no guarantee for others",
        )

    def _decisions(self) -> Table:
        trial, audited = self.trial, self.trial.variants[0]
        told = [v for v in trial.variants[1:] if v.stage != "cut-off" and v.y_pred is not None]
        lines = [line for variant in told for line in self._moves(audited, variant)]
        cut = f"; {MOST_LINES} of {len(lines)} lines are listed" if len(lines) > MOST_LINES else ""
        return Table(
            name="decisions",
            title="Whose decisions change",
            columns=("variant", "group", "n", "no_longer_selected", "newly_selected"),
            rows=tuple(islice(lines, MOST_LINES)),
            source=f"assessed rows by {quote(trial.column)}, each variant against the model as "
            f"audited; counts; nothing of groups of fewer than {trial.min_group} rows{cut}",
        )

    def _moves(self, audited: Variant, variant: Variant) -> Iterator[tuple[Cell, ...]]:
        trial = self.trial
        for code, name in enumerate(trial.labels):
            mask = trial.codes == (code if code < len(trial.labels) - 1 else -1)
            n = int(mask.sum())
            if n < max(2, trial.min_group) or audited.y_pred is None or variant.y_pred is None:
                continue
            before, after = audited.y_pred[mask] == 1, variant.y_pred[mask] == 1
            yield variant.name, name, n, int((before & ~after).sum()), int((after & ~before).sum())

    def _needed(self) -> Iterator[Table]:
        trial, audited = self.trial, self.trial.variants[0]
        rows: list[tuple[Cell, ...]] = []
        for rate in GAPS[trial.constraint][1]:
            held = trial.compared(audited, rate)
            if len(held.names) < 2:
                continue
            more = more_needed(held.successes, held.totals, self.target)
            shares = held.successes / held.totals
            for i in np.argsort(shares, kind="stable")[:MOST_LINES].tolist():
                counts = (int(held.totals[i]), int(held.successes[i]))
                rows.append((rate, held.names[i], *counts, float(shares[i]), int(more[i])))
        if rows:
            among = " and ".join(RATES[rate].among_words for rate in GAPS[trial.constraint][1])
            yield Table(
                name="more-to-select",
                title="How many more people would have to be selected",
                columns=("metric", "group", "n", "selected", "rate", "more_to_select"),
                rows=tuple(rows),
                source=f"{among} of each group of {quote(trial.column)} among the assessed rows, "
                "by the model as audited; more_to_select: at least so many more, for the rate to "
                f"come within {self.target:g} of the highest, which stays as it is",
            )


def _numbers(line: Line) -> tuple[Estimate, ...]:
    return line.gap, line.accuracy, line.change, line.balanced, line.selection, line.other


def _reversed(change: Estimate) -> Estimate:
    """What is lost where `change` is what is won."""
    held = change.interval
    if change.value is None or held is None:
        return change
    return Estimate(-change.value, type(held)(-held.high, -held.low, held.level, held.method))
