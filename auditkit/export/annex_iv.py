"""A skeleton of the technical file along Annex IV of the EU AI Act, with the evidence filled in.

The points are in our own words. What an audit cannot know is left to the provider, and said so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from auditkit.export.outcomes import identity, told
from auditkit.export.proofs import Proof, audits_for, proofs
from auditkit.export.texts import markdown, where
from auditkit.regimes.crosswalk import as_of, regimes
from auditkit.report import Report

TO_FILL = "*To be filled in by the provider.*"
Facts = Callable[[Report], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the annex.

    Attributes:
        id: Its number.
        gist: What it asks for, in our own words.
        facts: Lines that the record itself holds.
        checked: Whether the gist was checked against the text.
        whole: Whether the evidence leaves nothing to fill in.
    """

    id: str
    gist: str
    facts: tuple[Facts, ...] = ()
    checked: bool = True


def annex_iv(report: Report) -> bytes:
    """Write the skeleton.

    Args:
        report: The record.

    Returns:
        Markdown in UTF-8: each point with the ids of its evidence in the record, and with what
        the provider has to fill in.
    """
    lines = [
        f"# Technical file of {markdown(report.subject.name, 120)}: a skeleton along Annex IV",
        "",
        f"{regimes()['eu-ai-act'].text_version}; points in our own words, as of {as_of()}. Check "
        "the current consolidated text; whether the system is one of high risk is for the "
        "provider to say. A point with † was not checked against the text. Evidence is named by "
        "its id in audit.json. Evidence for a point does not say that a duty is fulfilled.",
        "",
        *(f"- {key.replace('_', ' ')}: {markdown(said)}" for key, said in identity(report).items()),
        "",
    ]
    for part, points in _PARTS:
        lines += [f"## {part}", ""]
        for point in points:
            lines += _point(report, point)
    return "\n".join(lines).encode()


def _point(report: Report, point: Point) -> Iterator[str]:
    mark = "" if point.checked else " †"
    yield from (f"### {point.id}{mark}", "", point.gist, "")
    lines = [line for facts in point.facts for line in facts(report)]
    evidence = proofs(report, audits_for("eu-ai-act", f"Annex IV{point.id}"))
    lines += [line for proof in evidence for line in _proof(proof)]
    yield from (f"- {line}" for line in lines)
    if lines:
        yield ""
    yield from (TO_FILL, "")


def _proof(proof: Proof) -> Iterator[str]:
    """What one audit gave: findings, then numbers, then tables."""
    audit = markdown(proof.audit, 120)
    if not proof.values:
        why = f": {markdown(proof.reason)}" if proof.reason else ""
        yield f"{audit}: not measured ({proof.status}{why})"
        return
    said = [f"{one.verdict.replace('_', ' ')}: {markdown(one.id, 40)}" for one in proof.findings]
    found = f"; findings: {', '.join(said)}" if said else "; nothing of it was judged"
    tables = f"; tables: {', '.join(markdown(one, 120) for one in proof.tables)}"
    yield f"{audit}: {proof.values:,} numbers{found}{tables if proof.tables else ''}"
    for measurement, number in proof.named:
        yield f"{markdown(measurement.id, 200)} = {markdown(number)}"


def _purpose(report: Report) -> Iterator[str]:
    context, subject = report.context, report.subject
    yield f"Name and version: {markdown(subject.name, 120)} {markdown(subject.version, 120)}"
    for title, said in (
        ("Description", subject.description),
        ("Purpose, as declared", context.purpose if context else ""),
        ("Provider, as declared", context.provider if context else ""),
        ("Persons affected, as declared", context.affected if context else ""),
    ):
        if said:
            yield f"{title}: {markdown(said)}"


def _versions(report: Report) -> Iterator[str]:
    held = report.environment
    packages = ", ".join(
        f"{markdown(key, 60)} {markdown(version, 60)}" for key, version in held.packages.items()
    )
    yield f"The audit ran with Python {markdown(held.python, 60)} and {packages}"
    if held.git is not None:
        state = "with changes" if held.git.dirty else "clean"
        yield f"State of the code: {markdown(held.git.commit, 80)}, {state}"


def _architecture(report: Report) -> Iterator[str]:
    model = report.subject.model
    size = "" if model.parameters is None else f", {model.parameters:,} parameters"
    digest = "" if model.sha256 is None else f", sha256 {markdown(model.sha256, 80)}"
    yield f"Model: {markdown(model.kind, 120)}{size}{digest}"
    if report.training is not None:
        yield "How it was trained is in the record, under training"


def _data(report: Report) -> Iterator[str]:
    data = report.subject.data
    yield f"Source: {markdown(data.source, 200)}, sha256 {markdown(data.sha256, 80)}"
    trained = "" if data.trained_on is None else f", {data.trained_on:,} trained on"
    yield f"Rows: {data.rows:,} came in, {data.assessed:,} assessed{trained}"
    for group in report.subject.groups:
        groups = f"{len(group.names):,} groups, {group.unknown:,} rows unknown"
        yield f"{markdown(group.column, 120)}: {groups}"


def _oversight(report: Report) -> Iterator[str]:
    if report.context and report.context.human_role:
        yield f"Role of a person, as declared: {markdown(report.context.human_role)}"


def _tests(report: Report) -> Iterator[str]:
    yield f"Test report: audit {markdown(report.audit_id, 120)} of {markdown(report.created, 40)}"
    yield f"Seed {report.plan.seed}; signatures: see the notes of the record ({len(report.notes)})"


def _limits(report: Report) -> Iterator[str]:
    for one in told(report):
        if one.finding.verdict not in ("pass", "not_applicable"):
            yield f"{markdown(one.title, 200)}: {one.finding.verdict.replace('_', ' ')}"
    if report.context and report.context.misuse:
        yield f"Misuse that can be foreseen, as declared: {markdown(report.context.misuse)}"


def _metrics(report: Report) -> Iterator[str]:
    policy = report.policy
    if policy is None:
        yield "No metric was held against a limit: there was no policy"
        return
    digest = markdown(policy.sha256, 80)
    yield f"Policy {markdown(policy.name, 120)}, fixed before the run, sha256 {digest}"
    for criterion in policy.criteria:
        known = report.metrics.get(criterion.metric)
        over = where(criterion.slice)
        metric = f"{criterion.metric} over {over}" if over else criterion.metric
        means = f": {markdown(known.definition, 200)}" if known else ""
        yield (
            f"{markdown(criterion.id, 40)}, {markdown(metric, 200)}{means} "
            f"(limit set by: {criterion.limit_set_by}; {markdown(criterion.source, 200)})"
        )


def _changes(report: Report) -> Iterator[str]:
    if report.since is not None:
        before = markdown(report.since.before, 120)
        yield f"Compared with the audit {before}: {report.since.compared:,} numbers"


_PARTS: tuple[tuple[str, tuple[Point, ...]], ...] = (
    (
        "1. General description",
        (
            Point("(1)(a)", "What the system is for, who provides it, which version it is.",
                  (_purpose,), checked=False),
            Point("(1)(b)", "With which hardware and software it works that is no part of it.",
                  checked=False),
            Point("(1)(c)", "Versions of software, and what is needed to update them.",
                  (_versions,)),
            Point("(1)(d)", "In which forms it is put on the market: package, download, service.",
                  checked=False),
            Point("(1)(e)", "On which hardware it is meant to run.", checked=False),
            Point("(1)(f)", "Where it is part of a product: how that looks and is marked.",
                  checked=False),
            Point("(1)(g)", "The user interface, described in short.", checked=False),
            Point("(1)(h)", "The instructions for use, and the interface, for the deployer.",
                  checked=False),
        ),
    ),
    (
        "2. Elements of the system and how it was made",
        (
            Point("(2)(a)", "How it was developed, and which parts of others were used.",
                  (_architecture,), checked=False),
            Point("(2)(b)", "The logic, the main design choices with reasons, and for whom."),
            Point("(2)(c)", "The architecture, and the computing resources for building and tests.",
                  (_architecture,)),
            Point("(2)(d)", "Datasheets: origin, scope, choice, labelling and cleaning of data.",
                  (_data,)),
            Point("(2)(e)", "Human oversight, and the means to interpret outputs, assessed.",
                  (_oversight,)),
            Point("(2)(f)", "Changes decided beforehand, and how they stay under control.",
                  checked=False),
            Point("(2)(g)", "Tests: data, metrics of accuracy, robustness and discriminatory "
                  "effects; reports that are dated and signed.", (_tests,)),
            Point("(2)(h)", "Measures of cybersecurity."),
        ),
    ),
    (
        "3. Monitoring, functioning and control",
        (Point("(3)", "Capabilities and limits, accuracy for specific people or groups, outcomes "
               "that can be foreseen, oversight, and what goes in.", (_limits,)),),
    ),
    (
        "4. Why the metrics suit the system",
        (Point("(4)", "Why these metrics of performance are apt for this system.", (_metrics,)),),
    ),
    (
        "5. Risk management",
        (Point("(5)", "The system of risk management of Article 9.", checked=False),),
    ),
    (
        "6. Changes through the lifetime",
        (Point("(6)", "Relevant changes that the provider made.", (_changes,)),),
    ),
    (
        "7. Standards",
        (Point("(7)", "Harmonised standards that were applied, or which other solutions.",
               checked=False),),
    ),
    (
        "8. Declaration",
        (Point("(8)", "A copy of the EU declaration of Article 47.", checked=False),),
    ),
    (
        "9. After it is on the market",
        (Point("(9)", "How the system is watched on the market, and the plan for it."),),
    ),
)  # fmt: skip
