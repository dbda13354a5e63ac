"""The Audit protocol, the registry, and the run from a subject to a report."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

import auditkit
from auditkit import meter, provenance
from auditkit.changed import Verdict
from auditkit.contradictions import hold
from auditkit.errors import (
    QUOTED,
    AuditkitError,
    InputError,
    Problem,
    UnknownNameError,
    quote,
)
from auditkit.evidence import Measurement, Metric, Table
from auditkit.judging import Held, judge, overall
from auditkit.limits import Limits
from auditkit.progress import bar
from auditkit.records import audit_record, measurement_record, metric_record, table_record
from auditkit.report import (
    AuditRecord,
    PlannedAudit,
    PlanRecord,
    PolicyRecord,
    Report,
    SubjectRecord,
)
from auditkit.subject import Subject
from auditkit.threads import one_thread
from auditkit.unfinished import Given, Unfinished

#: The audits of the house, in the order in which they run; energy comes last.
BUILT_IN = (
    "auditkit.audits.performance:Performance",
    "auditkit.audits.calibration:Calibration",
    "auditkit.audits.fairness:Fairness",
    "auditkit.audits.adverse_impact:AdverseImpact",
    "auditkit.audits.subgroups:Subgroups",
    "auditkit.audits.proxies:Proxies",
    "auditkit.audits.scores_by_group:ScoresByGroup",
    "auditkit.audits.conditional:Conditional",
    "auditkit.audits.individual:Individual",
    "auditkit.audits.mitigation:Mitigation",
    "auditkit.audits.explainability:Explainability",
    "auditkit.audits.reason_codes:ReasonCodes",
    "auditkit.audits.counterfactuals:Counterfactuals",
    "auditkit.audits.effects:Effects",
    "auditkit.audits.surrogate:Surrogate",
    "auditkit.audits.explanation_quality:ExplanationQuality",
    "auditkit.audits.robustness:Robustness",
    "auditkit.audits.attacks:Attacks",
    "auditkit.audits.seed_variance:SeedVariance",
    "auditkit.audits.monotonicity:Monotonicity",
    "auditkit.audits.shift:Shift",
    "auditkit.audits.privacy:Privacy",
    "auditkit.audits.membership:Membership",
    "auditkit.audits.attribute_inference:AttributeInference",
    "auditkit.audits.model_inversion:ModelInversion",
    "auditkit.audits.memorisation:Memorisation",
    "auditkit.audits.privacy_frontier:PrivacyFrontier",
    "auditkit.audits.epsilon_bound:EpsilonLowerBound",
    "auditkit.audits.conformal:Conformal",
    "auditkit.audits.out_of_distribution:OutOfDistribution",
    "auditkit.audits.oversight:Oversight",
    "auditkit.audits.data_quality:DataQuality",
    "auditkit.audits.personal_data:PersonalData",
    "auditkit.audits.anonymity:Anonymity",
    "auditkit.audits.impact:Impact",
    "auditkit.audits.serving:Serving",
    "auditkit.audits.compression:Compression",
    "auditkit.audits.scaling:Scaling",
    "auditkit.audits.energy:Energy",
)
#: The audit with whose numbers those stand that hold what is declared against what was measured.
IMPACT = "impact"
#: Why an audit that looks at rows has nothing to look at.
COUNTS_ONLY = "it looks at rows, and only counts of them were given"
#: Why an audit that takes counts at their word has nothing to take.
PROTECTED_ONLY = (
    "the counts were protected before they were sent, and its intervals are not widened to match"
)
#: Entry-point group in which other packages name theirs, in the same "module:Class" form.
ENTRY_POINTS = "auditkit.audits"


@runtime_checkable
class Audit(Protocol):
    """One question about a subject: a frozen dataclass whose settings are its fields.

    Attributes:
        name: Stable kebab-case name, used in files.
        needs: What the subject must have, in the words of `auditkit.subject.NEEDS`.
        metrics: Every metric that it may yield.

    An audit may also name the `tasks` that it can measure; without it, only "binary". It may name
    those tasks for which it counts rows by `subject.weights` as `weighted`; without it, none. The
    report lists who did and who did not. It may say `counted = True` where it can do with
    `subject.cells`; without it, it is skipped where a subject has counts but no rows. It may say
    `protected = True` where all its intervals hold what the protection of counts hides.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    metrics: ClassVar[tuple[Metric, ...]]

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield evidence, bit by bit, so that what was measured before a crash is kept."""
        ...


@dataclasses.dataclass(frozen=True)
class Broken:
    """Stands in for an audit that could not be loaded, so that the report shows it."""

    name: str
    reason: str


def audit_classes() -> dict[str, type[Audit] | Broken]:
    """Load every registered audit.

    Returns:
        Name to class, in the order in which they run. A plug-in that cannot be loaded is there
        too, as `Broken`, never skipped in silence.

    Example:
        >>> list(audit_classes())[:2]
        ['performance', 'calibration']
    """
    from importlib.metadata import entry_points

    found: dict[str, type[Audit] | Broken] = {}
    outside = [(point.name, point.value) for point in entry_points(group=ENTRY_POINTS)]
    for name, path in [*((path, path) for path in BUILT_IN), *outside]:
        loaded = _load(name, path)
        found.setdefault(loaded.name, loaded)
    return found


def _load(name: str, path: str) -> type[Audit] | Broken:
    module, _, attribute = path.partition(":")
    try:
        loaded: type[Audit] = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; it is reported
        return Broken(name, f"cannot be loaded: {type(error).__name__}: {quote(error)}")
    return loaded


def known_metrics() -> dict[str, Metric]:
    """Every metric that the registered audits can yield, by id."""
    classes = [cls for cls in audit_classes().values() if not isinstance(cls, Broken)]
    return {metric.id: metric for cls in classes for metric in cls.metrics}


def make_audits(
    wanted: Sequence[str | Audit] | None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    where: str = "audits",
) -> list[Audit | Broken]:
    """Make audits from names and settings.

    Args:
        wanted: Names or audits; None means every registered one.
        settings: Audit name to its settings.
        where: What to call the settings in a message.

    Returns:
        The audits, in the order of the registry; given objects where they were given.

    Raises:
        InputError: If a name or a setting means nothing; every problem is listed.
    """
    classes = audit_classes()
    chosen: list[str | Audit] = list(classes) if wanted is None else list(wanted)
    names = [audit for audit in chosen if isinstance(audit, str)]
    problems = [
        Problem.unknown(where, name, classes, "an audit")
        for name in [*names, *(settings or {})]
        if name not in classes
    ]
    made = [
        _make(audit, classes, (settings or {}).get(audit, {}), problems)
        if isinstance(audit, str)
        else audit
        for audit in chosen
        if not isinstance(audit, str) or audit in classes
    ]
    if problems:
        raise InputError(problems)
    order = list(classes)
    return sorted(
        (audit for audit in made if audit is not None),
        key=lambda audit: order.index(audit.name) if audit.name in order else len(order),
    )


def _make(
    name: str,
    classes: Mapping[str, type[Audit] | Broken],
    settings: Mapping[str, Any],
    problems: list[Problem],
) -> Audit | Broken | None:
    from pydantic import TypeAdapter, ValidationError

    from auditkit.policy import unknown_keys, validation_problems

    cls = classes[name]
    if isinstance(cls, Broken):
        return cls
    where = f"[audits.{name}]"
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    wrong = unknown_keys(settings, known, where)
    problems += wrong
    if wrong:
        return None
    try:
        adapter: TypeAdapter[Audit] = TypeAdapter(cls)
        return adapter.validate_python(dict(settings))
    except ValidationError as error:
        problems += validation_problems(error, where)
    except InputError as error:
        problems += error.problems
    return None


def run(
    subject: Subject,
    policy: PolicyRecord | None = None,
    audits: Sequence[str | Audit] | None = None,
    seed: int = 0,
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[str, int, int], None] | bool | None = None,
    limits: Limits | None = None,
    unfinished: Unfinished | None = None,
) -> Report:
    """Audit a subject.

    Args:
        subject: What is audited.
        policy: What is acceptable; None measures without judging.
        audits: Names or audits; None means all that are registered.
        seed: Each audit draws its own random numbers from it and its name.
        settings: Audit name to its settings, for audits given by name.
        progress: Called with the name of each audit before it runs, its number and the count;
            True shows a bar, in a notebook too.
        limits: What one audit may take; one that takes more is recorded as broken.
        unfinished: Where the finished audits of a run are kept, and taken from.

    Returns:
        The report. An audit that breaks is recorded with what it had measured until then.

    Raises:
        InputError: If an audit, a setting or the policy does not fit; nothing has run then.
    """
    from auditkit.policy import slice_problems

    chosen = make_audits(audits, settings)
    problems = slice_problems(policy, subject.sensitive, "policy") if policy else []
    if problems:
        raise InputError(problems)
    created = datetime.now(tz=UTC)
    results = []
    named = {"desc": "audits", "unit": "audit", "disable": progress is not True}
    with one_thread(), bar(chosen, **named) as shown:
        for number, audit in enumerate(shown, 1):
            if callable(progress):
                progress(audit.name, number, len(chosen))
            results.append(_given(audit, subject, seed, limits or Limits(), unfinished))
    return _report(subject, policy, chosen, results, seed, settings or {}, created)


def generator(seed: int, name: str) -> np.random.Generator:
    """The stream of random numbers of one audit, which no other audit can move."""
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return np.random.default_rng([seed, word])


def _given(
    audit: Audit | Broken,
    subject: Subject,
    seed: int,
    limits: Limits,
    unfinished: Unfinished | None,
) -> Given:
    """What an audit gives, or gave in an earlier run that was stopped."""
    if isinstance(audit, Broken):
        return Given(record=AuditRecord(name=audit.name, status="error", reason=audit.reason))
    missing = _missing(audit, subject)
    if missing:
        return Given(record=AuditRecord(name=audit.name, status="skipped", reason=missing))
    settings = dataclasses.asdict(audit)  # type: ignore[call-overload]
    kept = None if unfinished is None else unfinished.load(audit.name, settings, seed)
    if kept is not None:
        return kept

    def keep(given: Given) -> None:
        if unfinished is not None:
            unfinished.keep(given, settings, seed)

    given = _run_one(audit, subject, seed, limits, keep)
    if given.record.status == "completed":  # what broke may do better the next time
        keep(given)
    return given


def _missing(audit: Audit, subject: Subject) -> str | None:
    """Why an audit cannot run on a subject, or None."""
    tasks: frozenset[str] = getattr(audit, "tasks", frozenset({"binary"}))
    missing = subject.missing(audit.needs)
    is_protected = subject.counts is not None and subject.counts.doubt is not None
    if subject.counts is not None and not getattr(audit, "counted", False):
        missing = COUNTS_ONLY
    elif is_protected and not getattr(audit, "protected", False):
        missing = PROTECTED_ONLY
    if subject.task not in tasks:  # whatever else is missing would not help
        named = " and ".join(sorted(tasks))
        missing = f"it measures {named} tasks so far, and this is a {subject.task} one"
    return missing


def _run_one(
    audit: Audit, subject: Subject, seed: int, limits: Limits, keep: Callable[[Given], None]
) -> Given:
    result = Given(record=AuditRecord(name=audit.name, status="completed"))
    reason = None

    def hangs(why: str) -> None:
        result.record = AuditRecord(name=audit.name, status="error", reason=why)
        keep(result)

    with meter.phase(f"audit {audit.name}") as measured:
        try:
            with limits.held(hangs):
                for evidence in audit.run(subject, generator(seed, audit.name)):
                    _keep(result, audit, evidence)
        except Exception as error:  # noqa: BLE001 - whatever breaks is recorded and shown
            most = 400 if isinstance(error, AuditkitError) else QUOTED  # ours quote no data
            reason = f"{type(error).__name__}: {quote(error, most)}"
    result.record = audit_record(audit.name, reason, measured.cost, measured.inner)
    return result


def _keep(result: Given, audit: Audit, evidence: Measurement | Table) -> None:
    if isinstance(evidence, Table):
        result.tables.append(table_record(audit.name, evidence))
        return
    record = measurement_record(audit.name, evidence)
    if evidence.metric not in {metric.id for metric in audit.metrics}:
        raise UnknownNameError(f"metric {evidence.metric} is not declared in metrics")
    if any(record.id == other.id for other in result.measurements):
        raise UnknownNameError(f"measurement {record.id} was yielded twice")
    result.measurements.append(record)


def _report(
    subject: Subject,
    policy: PolicyRecord | None,
    audits: Sequence[Audit | Broken],
    results: Sequence[Given],
    seed: int,
    settings: Mapping[str, Mapping[str, Any]],
    created: datetime,
) -> Report:
    constant = provenance.constant_decision(subject)
    against = Held(subject.sensitive, subject.task, created.date())
    absence = _absence(audits, results)
    audited = provenance.subject_record(subject, constant=constant)
    training = None if subject.record is None else subject.record.to_dict()
    results = [*results, *_claims(results, subject, audited, training, absence)]
    measurements = [m for result in results for m in result.measurements]
    findings = judge(policy, measurements, absence, against) if policy else []
    whole = [audit for audit in audits if not isinstance(audit, Broken)]
    metrics = {metric.id: metric for audit in whole for metric in audit.metrics}
    used = {m.metric for m in measurements} | _judged(policy)
    return Report(
        auditkit=auditkit.__version__,
        audit_id=provenance.audit_id(created),
        created=created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        verdict=overall(findings, policy, constant=constant),
        subject=audited,
        policy=policy,
        plan=PlanRecord(seed=seed, audits=[_planned(audit, settings, subject) for audit in audits]),
        audits=[result.record for result in results[: len(audits)]],
        metrics={name: metric_record(metrics[name]) for name in sorted(used & set(metrics))},
        measurements=measurements,
        tables=[table for result in results for table in result.tables],
        findings=findings,
        training=training,
        environment=provenance.environment(),
        context=subject.context,
    )


def _claims(
    results: Sequence[Given],
    subject: Subject,
    audited: SubjectRecord,
    training: Mapping[str, Any] | None,
    absence: Callable[[str], tuple[Verdict, str]],
) -> Iterator[Given]:
    """What is declared, held against what all audits measured: it goes with the audit `impact`."""
    records = [result.record for result in results if result.record.name == IMPACT]
    if not records or records[0].status != "completed":
        return
    measurements = [m for result in results for m in result.measurements]
    given = Given(record=records[0])
    for evidence in hold(subject.context, audited.roles, training, measurements, absence):
        if isinstance(evidence, Table):
            given.tables.append(table_record(IMPACT, evidence))
        else:
            given.measurements.append(measurement_record(IMPACT, evidence))
    yield given


def _judged(policy: PolicyRecord | None) -> set[str]:
    return set() if policy is None else {criterion.metric for criterion in policy.criteria}


def _planned(
    audit: Audit | Broken, settings: Mapping[str, Mapping[str, Any]], subject: Subject
) -> PlannedAudit:
    given = dict(settings.get(audit.name, {}))
    if isinstance(audit, Broken):
        return PlannedAudit(name=audit.name, settings=given, defaults={})
    fields = dataclasses.asdict(audit)  # type: ignore[call-overload]
    # JSON has lists only, and a record must equal what is read from its file.
    held = {name: list(v) if isinstance(v, tuple) else v for name, v in fields.items()}
    weighted = subject.weight is not None and subject.task in getattr(audit, "weighted", ())
    return PlannedAudit(name=audit.name, settings=given, defaults=held, weighted=weighted)


def _absence(
    audits: Sequence[Audit | Broken], results: Sequence[Given]
) -> Callable[[str], tuple[Verdict, str]]:
    """Say for a metric why there is no measurement of it, from how its audit went."""

    def why(metric: str) -> tuple[Verdict, str]:
        for audit, result in zip(audits, results, strict=True):
            if isinstance(audit, Broken) or metric not in {m.id for m in audit.metrics}:
                continue
            if result.record.status == "error":
                return "error", f"the audit {audit.name} broke ({result.record.reason})"
            if result.record.status == "skipped":
                return "not_measured", f"the audit {audit.name} was skipped: {result.record.reason}"
            return "not_measured", f"the audit {audit.name} gave no such value for this slice"
        return "not_measured", "no audit that measures it was run"

    return why
