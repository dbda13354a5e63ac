"""The record of an audit: `audit.json`, format 1, in and out.

The record is the product. Everything that people see is drawn from it alone; nothing here needs
a model, data or torch.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.changed import ChangesRecord, Verdict
from auditkit.claims import ClaimsRecord
from auditkit.errors import InputError, Problem, quote
from auditkit.evidence import Basis, Better

FORMAT: Literal[1] = 1

Overall = Literal["pass", "fail", "review"]
Severity = Literal["critical", "high", "medium", "low", "info"]
Scalar = str | bool | int | float | None
Finite = Annotated[float, Field(allow_inf_nan=False)]

#: Kind of model of a subject whose rows stay elsewhere and whose counts were protected.
PROTECTED_COUNTS = "table of protected counts"
#: The order in which verdicts are shown and counted.
VERDICTS: tuple[Verdict, ...] = (
    "fail",
    "error",
    "inconclusive",
    "not_measured",
    "pass",
    "not_applicable",
)
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRecord(_Record):
    """The model that was audited."""

    kind: str
    sha256: str | None = None
    parameters: int | None = None


class CountedRecord(_Record):
    """How rows were counted that nobody read: by which engine and statement, and what came out.

    `sha256` is the digest of one JSON line a cell: its groups, outcome, decision and rows.
    """

    engine: str
    sql: str
    cells: int
    sha256: str


class DataRecord(_Record):
    """The data that it was audited on; `rows` counts everything that came in."""

    source: str
    sha256: str
    rows: int
    assessed: int
    trained_on: int | None = None
    notes: list[str] = []
    counted: CountedRecord | None = None


class RolesRecord(_Record):
    """Which column plays which part."""

    label: str | None = None
    positive: Scalar = None
    score: str | None = None
    prediction: str | None = None
    threshold: Finite | None = None
    sensitive: list[str] = []
    features: list[str] = []
    weight: str | None = None


class GroupRecord(_Record):
    """How many assessed rows each group of a sensitive column has."""

    column: str
    names: list[str]
    counts: list[int]
    unknown: int


class SubjectRecord(_Record):
    """What was audited; `shadow` is how somebody believes that the model was made."""

    name: str
    version: str = ""
    task: Literal["binary", "multiclass", "regression", "sequence-to-sequence"]
    description: str = ""
    model: ModelRecord
    shadow: dict[str, Any] | None = None
    data: DataRecord
    roles: RolesRecord
    groups: list[GroupRecord] = []
    constant_decision: bool = False


class CriterionRecord(_Record):
    """One line of the policy: what is acceptable, decided before the run."""

    id: str
    metric: str
    at_least: Finite | None = None
    at_most: Finite | None = None
    slice: list[str] | dict[str, str] = []
    severity: Severity
    source: str
    limit_set_by: Literal["source", "policy"] = "policy"
    required: bool = True
    tasks: list[str] = []
    advice: str = ""


class WaiverRecord(_Record):
    """Somebody answers for a criterion that is not met, until a day. It stays visible.

    Without a `slice` it is about every finding of the criterion.
    """

    criterion: str
    slice: dict[str, str] | None = None
    owner: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    expires: date


class PolicyRecord(_Record):
    """The policy, with the digest that was taken before the run."""

    name: str
    sha256: str
    on_inconclusive: Literal["review", "fail", "point"] = "review"
    criteria: list[CriterionRecord]
    waivers: list[WaiverRecord] = []


class PlanRecord(_Record):
    """What was going to be run."""

    seed: int
    audits: list[PlannedAudit]


class PlannedAudit(_Record):
    """An audit with the settings that were given and all that held.

    `weighted` says whether it counts rows by the weights of the subject, where there are any.
    """

    name: str
    settings: dict[str, Any]
    defaults: dict[str, Any]
    weighted: bool = False


class DomainRecord(_Record):
    """Energy of one part of the machine in joules; `source` says which counter or model."""

    domain: str
    joules: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    basis: Basis | None = None
    source: str = ""


class EnergyRecord(_Record):
    """Energy of a phase in joules, and of its parts; `basis` and `method` say how it is known."""

    joules: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    basis: Basis | None = None
    method: str = ""
    domains: list[DomainRecord] = []


class ContextRecord(_Record):
    """What its owner declares about the use of the subject; nothing of it is measured.

    `regimes` says of a text of law or a standard whether it applies: true, false, or why not.
    `claims` can be held against measurements; `deployment_population` counts people.
    """

    purpose: str = ""
    provider: str = ""
    deployer: str = ""
    affected: str = ""
    decisions: str = ""
    appeal: str = ""
    human_role: str = ""
    misuse: str = ""
    environment: str = ""
    excluded: str = ""
    auditor: str = ""
    data_source: str = ""
    data_licence: str = ""
    consent: str = ""
    retention: str = ""
    deployment_population: Annotated[int, Field(strict=True, ge=1, le=10**11)] | None = None
    claims: ClaimsRecord | None = None
    regimes: dict[str, bool | str] = {}


class PhaseRecord(_Record):
    """What all phases of one name inside an audit took, such as "train" where it trained again."""

    name: str
    times: int
    seconds: Finite
    cpu_seconds: Finite


class AuditRecord(_Record):
    """How one audit went and what it cost; `phases` are part of it.

    `resumed` says that it ran in a run that was stopped, before the one that wrote the record.
    """

    name: str
    status: Literal["completed", "error", "skipped"]
    reason: str | None = None
    seconds: Finite | None = None
    cpu_seconds: Finite | None = None
    peak_memory_bytes: int | None = None
    energy: EnergyRecord | None = None
    phases: list[PhaseRecord] = []
    resumed: bool = False


class MetricRecord(_Record):
    """What a metric means, so that the record explains itself."""

    title: str
    definition: str
    unit: str
    better: Better
    low: Finite | None = None
    high: Finite | None = None


class IntervalRecord(_Record):
    """Bounds in the unit of the value."""

    low: Finite
    high: Finite
    level: Finite
    method: str


class MeasurementRecord(_Record):
    """One number, or the reason why there is none."""

    id: str
    audit: str
    metric: str
    slice: dict[str, str] = {}
    value: Finite | None
    reason: str | None = None
    unit: str
    n: int
    interval: IntervalRecord | None = None
    basis: Basis
    better: Better
    exact: bool = False
    source: str


class TableRecord(_Record):
    """Evidence with many numbers; `chart` names the drawing that suits it."""

    id: str
    audit: str
    title: str
    columns: list[str]
    rows: list[list[Scalar]]
    chart: str | None = None
    basis: Basis = "measured"
    source: str


class FindingRecord(_Record):
    """A measurement held against a criterion. `measurement` is None where there is none.

    `waiver` says whether somebody answers for it, or did until a day that has passed.
    """

    id: str
    criterion: str
    measurement: str | None
    verdict: Verdict
    severity: Severity
    text: str
    n_needed: int | None = None
    waiver: Literal["holds", "expired"] | None = None


class GitRecord(_Record):
    """State of the code repository that the audit was run from."""

    commit: str
    dirty: bool


class EnvironmentRecord(_Record):
    """What it was run with."""

    python: str
    packages: dict[str, str]
    platform: str
    threads: int
    git: GitRecord | None = None
    command: str


class NoteRecord(_Record):
    """What a person added afterwards; notes are only ever appended.

    `finding` is the id of the finding that it is about. `follows` is the sha256 of the note
    before it, or of the record without notes, so that a note holds on to all before it.
    """

    author: str
    role: str
    time: str
    text: str
    decision: str | None = None
    finding: str | None = None
    follows: str | None = None


class Report(_Record):
    """A whole audit, as `audit.json` holds it."""

    format: Literal[1] = FORMAT
    auditkit: str
    audit_id: str
    created: str
    verdict: Overall
    subject: SubjectRecord
    policy: PolicyRecord | None
    plan: PlanRecord
    audits: list[AuditRecord]
    metrics: dict[str, MetricRecord]
    measurements: list[MeasurementRecord]
    tables: list[TableRecord]
    findings: list[FindingRecord]
    training: dict[str, Any] | None = None
    environment: EnvironmentRecord
    context: ContextRecord | None = None
    since: ChangesRecord | None = None
    notes: list[NoteRecord] = []

    def to_json(self) -> str:
        """Write the record as text: indented, UTF-8, the same bytes for the same record."""
        plain = self.model_dump(mode="json")
        return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        return (
            f"<Report {quote(self.audit_id)} of {quote(self.subject.name)}: {self.verdict}, "
            f"{len(self.findings):,} findings, {len(self.measurements):,} measurements>"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """What a notebook shows: the page, in a frame of its own."""
        from auditkit.render.html import render_frame

        return render_frame(self)

    def save(self, folder: str | Path) -> Path:
        """Write this record and its page into a new folder; see `auditkit.bundle.write_bundle`.

        Args:
            folder: The folder to make.

        Returns:
            The folder.
        """
        from auditkit.bundle import write_bundle

        return write_bundle(self, folder)

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "audit.json") -> Report:
        """Read a record from text that nobody vouches for.

        Args:
            text: The text of an `audit.json`.
            where: What to call it in a message.

        Returns:
            The record.

        Raises:
            InputError: If it is no JSON, of another format, or not of this shape; every
                problem is listed.

        Example:
            >>> Report.from_json("{}")  # doctest: +IGNORE_EXCEPTION_DETAIL
            Traceback (most recent call last):
            auditkit.errors.InputError: 1 problem: ...
        """
        return cls.from_plain(json_object(text, where), where)

    @classmethod
    def from_plain(cls, plain: dict[str, Any], where: str = "audit.json") -> Report:
        """Read a record from plain values, as JSON holds them; see `from_json`."""
        if plain.get("format") != FORMAT:
            found = f"format {quote(plain.get('format'))}"
            hint = "It was made by a newer auditkit, or is no audit record."
            raise InputError([Problem(where, found, f"format {FORMAT}", hint)])
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            raise InputError(_problems(error, where)) from None

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a record from a file, or from the `audit.json` of a bundle folder.

        Args:
            path: An `audit.json` or the folder that holds it.

        Returns:
            The record.

        Raises:
            InputError: If there is no such file or it is no audit record.
        """
        file = Path(path)
        file = file / "audit.json" if file.is_dir() else file
        try:
            text = file.read_bytes()
        except OSError as error:
            problem = Problem(str(path), error.strerror or "no file", "an audit.json or its folder")
            raise InputError([problem]) from None
        return cls.from_json(text, file.name)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `audit.json`, format 1.

    Example:
        >>> json_schema()["title"]
        'Report'
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema()}


def json_object(text: str | bytes, where: str) -> dict[str, Any]:
    """Read a JSON object from text that nobody vouches for.

    Args:
        text: The text.
        where: What to call it in a message.

    Returns:
        The object.

    Raises:
        InputError: If it is no JSON, or no object.

    Example:
        >>> json_object('{"a": 1}', "x.json")
        {'a': 1}
    """
    try:
        plain = json.loads(text)
        json.dumps(plain, ensure_ascii=False).encode()  # half a character cannot be written again
    except (ValueError, RecursionError) as error:
        raise InputError([Problem(where, str(error)[:200], "JSON text")]) from None
    if not isinstance(plain, dict):
        raise InputError([Problem(where, type(plain).__name__, "a JSON object")])
    return plain


def _problems(error: ValidationError, where: str) -> list[Problem]:
    problems = []
    for item in error.errors():
        path = ".".join(str(part) for part in item["loc"])
        found = quote(item.get("input"))
        problems.append(Problem(f"{where} {path}", found, item["msg"].lower()))
    return problems
