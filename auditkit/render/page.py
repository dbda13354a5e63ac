"""What every part of the page asks the record: findings in order, pillars, names and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Literal

from markupsafe import Markup

from auditkit.changed import Verdict
from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.render import numbers
from auditkit.render.text import el, join, name
from auditkit.render.words import Words
from auditkit.report import (
    SEVERITIES,
    VERDICTS,
    AuditRecord,
    CriterionRecord,
    FindingRecord,
    MeasurementRecord,
    MetricRecord,
    Report,
    Scalar,
    TableRecord,
)

#: A verdict, or that a pillar has measurements but no criterion.
State = Verdict | Literal["not_judged"]
#: A fact and its name.
Pair = tuple[Markup, Markup]
#: The pillars that every report shows, in the order of their sections.
PILLARS = ("performance", "fairness", "explainability", "privacy", "energy")
#: Verdicts of a criterion that is not met, or not yet.
UNMET: tuple[Verdict, ...] = ("fail", "error", "inconclusive", "not_measured")
#: Where the sections of the built-in audits stand; other audits follow as they came.
PLACES = (
    "performance",
    "calibration",
    "fairness",
    "adverse-impact",
    "subgroups",
    "proxies",
    "scores-by-group",
    "conditional",
    "individual",
    "mitigation",
    "explainability",
    "reason-codes",
    "counterfactuals",
    "effects",
    "surrogate",
    "explanation-quality",
    "robustness",
    "attacks",
    "seed-variance",
    "monotonicity",
    "shift",
    "privacy",
    "membership",
    "attribute-inference",
    "model-inversion",
    "memorisation",
    "privacy-frontier",
    "epsilon-bound",
    "conformal",
    "out-of-distribution",
    "oversight",
    "data-quality",
    "personal-data",
    "anonymity",
    "impact",
    "serving",
    "compression",
    "scaling",
    "energy",
)
#: From the most urgent; a pillar without a criterion stands before those that passed.
STATES: tuple[State, ...] = (*UNMET, "not_judged", "pass", "not_applicable")

#: What audits call the columns of slices over what they tried themselves.
OURS = frozenset({"epsilon", "feature", "mitigation", "over", "rows", "version", "with"})

#: Numbers of a table are held within this, so that sums of them are still numbers.
HUGEST = 10**290

#: Parts of metric ids that tell the pillar of a criterion that nothing was measured for.
_HINTS = {
    "attacks": ("attack_flip", "attack_checks", "adversarial_"),
    "scaling": ("forecast_", "_exponent"),
    "seed-variance": ("decision_ambiguity", "decision_discrepancy", "seed_d"),
    "monotonicity": ("monotonicity_",),
    "subgroups": ("weak_slice", "worst_subgroup", "subgroups_", "multicalibration"),
    "calibration": ("miscalibration_", "recalibrated_", "abstention_", "coverage_at_target"),
    "oversight": ("oversight_", "beyond_capacity"),
    "counterfactuals": ("counterfactual",),
    "membership": ("reference_attack", "member_shift", "reference_cpu"),
    "attribute-inference": ("attribute_",),
    "model-inversion": ("inversion_",),
    "memorisation": ("rare_", "canary_"),
    "privacy-frontier": ("frontier_",),
    "mitigation": ("mitigat", "cost_of_target", "fewest_changed"),
    "conformal": ("conformal_",),
    "out-of-distribution": ("ood_", "outside_training"),
    "data-quality": (
        *("rows_with_missing", "repeated_rows", "rows_seen", "constant_columns", "duplicate_col"),
        *("strongest_column", "representation_", "outlying_rows", "time_span", "time_unreadable"),
    ),
    "shift": ("shift_", "shifted_"),
    "personal-data": ("personal_",),
    "anonymity": ("anonym", "unique_share", "rows_below_k", "l_diversity", "t_closeness"),
    "impact": ("people_", "wrongly_", "in_group_per", "contradictions", "claims_undecided"),
    "epsilon-bound": ("epsilon_lower_bound", "claims_refuted"),
    "robustness": (
        *("noise_flip", "unit_error_", "category_error_", "unseen_category_", "missing_field_"),
        *("typo_", "letter_case_"),
    ),
    "compression": ("compress", "smallest_size"),
    "privacy": ("epsilon", "membership", "attack", "privacy", "private"),
    "serving": ("latency", "throughput", "model_bytes", "prediction_peak"),
    "energy": ("energy", "joule", "flop", "seconds", "memory", "carbon", "kwh"),
    "conditional": ("conditional_", "gap_share_of_control"),
    "scores-by-group": (
        *("roc_auc_difference", "mean_score", "calibration_error", "in_the_large_difference"),
        *("abroca", "ks_statistic"),
    ),
    "adverse-impact": ("impact_ratio", "shortfall", "standardized_mean", "scoring_rate"),
    "individual": ("consistency", "flip_", "neighbor_", "identity_term", "term_"),
    "effects": ("effect_", "interaction_"),
    "surrogate": ("surrogate_",),
    "fairness": ("parity", "odds", "opportunity", "fairness", "_difference"),
    "reason-codes": ("reason_share",),
    "explanation-quality": (
        *("efficiency_gap", "reason_stability", "reason_standard_error", "reasons_beyond"),
        *("sign_stability", "prediction_gap", "infidelity", "max_sensitivity"),
        *("randomised_rank", "attribution_entropy", "attribution_gini", "features_for_80"),
    ),
    "explainability": (
        *("attribution", "additivity", "shap", "importance", "explan", "gap_share"),
        *("reliance", "gap_contribution"),
    ),
    "performance": (
        *("accuracy", "auc", "brier", "f1", "calibration", "precision", "recall"),
        *("_error", "r2_score", "exact_match", "log_loss"),
    ),
}
#: Between columns whose groups are crossed, and between the parts of one group.
_TIMES, _COMMA = Markup(" \N{MULTIPLICATION SIGN} "), Markup(", ")


@dataclass(frozen=True)
class Judged:
    """A finding with all that it rests on.

    Attributes:
        number: Its place in the register, from 1; the register is sorted by urgency.
        finding: The finding.
        criterion: The line of the policy.
        measurement: What was held against it, or None.
        pillar: Name of the audit that it belongs to.
    """

    number: int
    finding: FindingRecord
    criterion: CriterionRecord
    measurement: MeasurementRecord | None
    pillar: str

    @property
    def verdict(self) -> Verdict:
        """The verdict of the finding."""
        return self.finding.verdict

    @property
    def metric(self) -> str:
        """The metric that was judged."""
        return self.measurement.metric if self.measurement else self.criterion.metric

    @property
    def anchor(self) -> str:
        """Where in the page the register shows it."""
        return f"finding-{self.number}"

    @property
    def limits(self) -> list[float]:
        """The limits that are set, the lower one first."""
        both = (self.criterion.at_least, self.criterion.at_most)
        return [limit for limit in both if limit is not None]

    @property
    def reason(self) -> str:
        """Why there is no value or no interval, in the words of the record."""
        if self.measurement is not None and self.measurement.reason:
            return self.measurement.reason
        return self.finding.text

    @property
    def rank(self) -> tuple[int, int]:
        """Urgency: verdict, then severity."""
        return VERDICTS.index(self.verdict), SEVERITIES.index(self.finding.severity)


@dataclass(frozen=True)
class Pillar:
    """One audit as a section of the page.

    Attributes:
        name: Name of the audit.
        anchor: Id of its section; a name from outside is never made part of it.
        audit: How it went, or None where it was not run.
        judged: Its findings, the most urgent first.
        measurements: What it measured.
        tables: Its tables.
    """

    name: str
    anchor: str
    audit: AuditRecord | None
    judged: tuple[Judged, ...]
    measurements: tuple[MeasurementRecord, ...]
    tables: tuple[TableRecord, ...]

    def whole(self, metric: str) -> MeasurementRecord | None:
        """The measurement of a metric over all rows, where it has a value."""
        found = (m for m in self.measurements if m.metric == metric and not m.slice)
        return next((m for m in found if m.value is not None), None)

    @property
    def state(self) -> State:
        """The worst verdict; grey, never green, where nothing was judged or measured."""
        worst: State = self.judged[0].verdict if self.judged else self._unjudged
        broken = self.audit is not None and self.audit.status == "error"
        return "error" if broken and worst != "fail" else worst

    @property
    def _unjudged(self) -> State:
        measured = any(m.value is not None for m in self.measurements) or self.tables
        return "not_judged" if measured else "not_measured"


class Page:
    """The record, its words, and the questions that several parts of the page ask.

    Attributes:
        report: The record.
        words: The words of the language.
        told: Writes a text of an audit in that language; see `Words.told`.
        said: Writes what may be such a text or a name; see `Words.said`.
    """

    def __init__(self, report: Report, words: Words) -> None:
        self.report = report
        self.words = words
        self.told, self.said = words.told, words.said
        self._measurements = {m.id: m for m in report.measurements}
        self._ids = count(1)
        self._shared: dict[str, str] = {}

    def fresh_id(self) -> str:
        """An id that nothing else on the page has; the same ones in the same order each time."""
        return f"x{next(self._ids)}"

    def shared(self, kind: str, parts: Iterable[Markup]) -> Markup:
        """Parts of drawings that are the same in several: written where they come first."""
        id_, is_new = self.id_of(kind)
        return el("g", *parts, id=id_) if is_new else el("use", href=f"#{id_}")

    def id_of(self, kind: str) -> tuple[str, bool]:
        """The id of what several drawings share, and whether it has yet to be written."""
        is_new = kind not in self._shared
        if is_new:
            self._shared[kind] = self.fresh_id()
        return self._shared[kind], is_new

    @cached_property
    def criteria(self) -> dict[str, CriterionRecord]:
        """Criteria by id, in the order of the policy."""
        policy = self.report.policy
        return {} if policy is None else {c.id: c for c in policy.criteria}

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """All findings, the most urgent first."""
        order = {name: place for place, name in enumerate(self.criteria)}
        loose = [self._judge(finding) for finding in self.report.findings]
        loose.sort(key=lambda j: (*j.rank, order.get(j.criterion.id, len(order))))
        return tuple(
            Judged(i, j.finding, j.criterion, j.measurement, j.pillar)
            for i, j in enumerate(loose, 1)
        )

    def _judge(self, finding: FindingRecord) -> Judged:
        measurement = self._measurements.get(finding.measurement or "")
        criterion = self.criteria.get(finding.criterion) or CriterionRecord(
            id=finding.criterion,
            metric=measurement.metric if measurement else "",
            severity=finding.severity,
            source="",
        )
        pillar = measurement.audit if measurement else self._pillar_of(criterion.metric)
        return Judged(0, finding, criterion, measurement, pillar)

    def _pillar_of(self, metric: str) -> str:
        for measurement in self.report.measurements:
            if measurement.metric == metric:
                return measurement.audit
        for pillar, hints in _HINTS.items():
            if any(hint in metric for hint in hints):
                return pillar
        return "other"

    @cached_property
    def pillars(self) -> tuple[Pillar, ...]:
        """The pillars of every report, then whatever other audits there are."""
        named = [audit.name for audit in self.report.audits]
        named += [m.audit for m in self.report.measurements] + [j.pillar for j in self.judged]
        wanted = {*PILLARS, *named}
        names = dict.fromkeys([*(place for place in PLACES if place in wanted), *named])
        return tuple(self._pillar(audit, place) for place, audit in enumerate(names, 1))

    def _pillar(self, audit: str, place: int) -> Pillar:
        return Pillar(
            audit,
            audit if audit in PLACES else f"audit-{place}",
            next((a for a in self.report.audits if a.name == audit), None),
            tuple(j for j in self.judged if j.pillar == audit),
            tuple(m for m in self.report.measurements if m.audit == audit),
            tuple(t for t in self.report.tables if t.audit == audit),
        )

    name = staticmethod(name)

    def table(self, audit: str, table: str) -> TableRecord | None:
        """The table of an audit, by its name."""
        wanted = f"{audit}.{table}"
        return next((t for t in self.report.tables if t.id == wanted), None)

    def worst_by_criterion(self, judged: Iterable[Judged]) -> list[Judged]:
        """The most urgent finding of each criterion, in order."""
        worst: dict[str, Judged] = {}
        for one in judged:
            worst.setdefault(one.criterion.id, one)
        return list(worst.values())

    def pillar_title(self, audit: str) -> Markup:
        """The title of a section."""
        key = f"pillar.{audit}"
        if audit in PLACES or audit == "other":
            return self.words(key)
        return name(audit[:1].upper() + audit[1:].replace("-", " "))

    def metric(self, metric: str) -> MetricRecord | None:
        """What a metric means, or None where the record does not say."""
        return self.report.metrics.get(metric)

    def metric_title(self, metric: str, *, inside: bool = False) -> Markup:
        """The title of a metric, or its id; inside a sentence it starts with a small letter."""
        known = self.metric(metric)
        if known is None:
            return name(metric, 80)
        title = self.told(known.title, 80)
        if inside and title[1:2].islower():
            title = title[:1].lower() + title[1:]
        return title

    def level(self) -> Markup:
        """What intervals are called: "95% interval" where all have that level."""
        levels = {m.interval.level for m in self.report.measurements if m.interval is not None}
        if len(levels) == 1:
            return self.words("interval.level", level=numbers.percent(levels.pop()))
        return self.words("interval.any")

    def where(self, slice_: dict[str, str]) -> Markup:
        """Name the rows that a measurement is about; nothing for all rows."""
        compared = ALL_GROUPS in slice_.values()
        held = [column for column, group in slice_.items() if compared and group == WITHIN]
        parts = [
            self.column(column) if group == ALL_GROUPS else self._equals(column, group)
            for column, group in slice_.items()
            if column not in held
        ]
        named = (_TIMES if compared else _COMMA).join(parts)
        if not held:
            return named
        return self.words("slice.within", columns=named, control=_COMMA.join(map(name, held)))

    def _equals(self, column: str, group: str) -> Markup:
        shown = self.group(column, group)
        return self.words("slice.equals", column=self.column(column), group=shown)

    def group(self, column: str, group: str) -> Markup:
        """A group of the data by its name, or what an audit calls one of its own variants."""
        return self.said(group) if self._is_ours(column) else name(group)

    def column(self, column: str) -> Markup:
        """The name of a column of the data, or what an audit calls one of its own."""
        return self.said(column) if self._is_ours(column) else name(column)

    def _is_ours(self, column: str) -> bool:
        """Whether it is no column of the data, but of what an audit tried."""
        return column in OURS and column not in self._compared

    @cached_property
    def _compared(self) -> frozenset[str]:
        return frozenset(group.column for group in self.report.subject.groups)

    def measured(self, measurement: MeasurementRecord, limits: Iterable[float] = ()) -> Markup:
        """A measurement as a sentence writes it: "0.31 (0.29 to 0.33)"."""
        shown = show(measurement, limits)
        if shown is None:
            return self.words("value.none")
        value = join([shown.text])
        if shown.low is not None:
            bounds = {"low": shown.low, "high": shown.high}
            value = self.words("value.between", value=value, **bounds)
        if measurement.basis == "measured":
            return value
        return self.words("value.basis", value=value, basis=self.basis(measurement.basis))

    def basis(self, basis: str) -> Markup:
        """How a number is known, underlined: solid measured, dashed estimated, dotted declared."""
        kinds = {"measured": "bas", "estimated": "bas est", "declared": "bas dec"}
        if basis not in kinds:
            return Markup("")
        return el("span", self.words(f"basis.{basis}"), cls=kinds[basis])


def show(
    measurement: MeasurementRecord, limits: Iterable[float] = (), beside: float = 0.0
) -> numbers.Shown | None:
    """Write a measurement by the one formatter, or None where it has no value."""
    if measurement.value is None:
        return None
    interval = measurement.interval
    return numbers.show(
        measurement.value,
        interval.low if interval else None,
        interval.high if interval else None,
        unit=measurement.unit,
        limits=limits,
        beside=beside,
    )


def records(table: TableRecord) -> list[dict[str, Scalar]]:
    """The rows of a table, by column."""
    return [dict(zip(table.columns, row, strict=False)) for row in table.rows]


def number(row: dict[str, Scalar], column: str) -> float | None:
    """A number of a row, or None where there is none.

    Example:
        >>> number({"a": 1, "b": "x", "c": True}, "a"), number({"b": "x"}, "b")
        (1.0, None)
    """
    value = row.get(column)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(min(max(value, -HUGEST), HUGEST))


def string(row: dict[str, Scalar], column: str) -> str:
    """A text of a row; nothing where there is none."""
    value = row.get(column)
    return "" if value is None else str(value)
