"""`auditkit.toml`: what a user writes about a subject, checked as a whole before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from auditkit.claims import ClaimsRecord
from auditkit.errors import InputError, Problem, quote
from auditkit.meter.wall import MOST_GAP
from auditkit.policy import read_toml, unknown_keys, validation_problems
from auditkit.regimes.crosswalk import declarable
from auditkit.report import ContextRecord
from auditkit.roles import Task

#: The ways to have predictions, of which `[subject.model]` names exactly one.
WAYS = ("train", "file", "endpoint", "score or prediction")
#: Bands of equal size by name, and how many they are.
QUANTILES = {"halves": 2, "terciles": 3, "quartiles": 4, "quintiles": 5, "deciles": 10}


#: Bytes that a name of a file may have on the usual systems.
LONGEST = 255


def _usable(path: str) -> str:
    if "\0" in path or any(
        len(part.encode(errors="replace")) > LONGEST for part in Path(path).parts
    ):
        raise ValueError(f"names of up to {LONGEST} bytes, without a zero byte")
    return path


#: The path of a file, or of a place in a warehouse.
PathText = Annotated[str, Field(min_length=1), AfterValidator(_usable)]


class SplitConfig(BaseModel):
    """`[subject.split]`: shares of the rows that test and validate; the rest trains."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: float = Field(default=0.3, gt=0, lt=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)


class JoinConfig(BaseModel):
    """`[subject.join]`: a second table that holds sensitive columns; the model never sees it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: PathText
    key: str
    table: str | None = None


class SubjectConfig(BaseModel):
    """`[subject]`: the data, who is who in it, and how to have predictions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    version: str = ""
    description: str = ""
    task: Task = "binary"
    data: PathText = ""
    cells: list[PathText] = []
    table: str | None = None
    train_data: PathText | None = None
    train_table: str | None = None
    newer_data: PathText | None = None
    newer_table: str | None = None
    most_rows: int | None = Field(default=None, ge=1)
    count: bool = False
    label: str | None = None
    positive: bool | int | float | str = 1
    weight: str | None = None
    sensitive: list[str] = []
    features: list[str] | None = None
    bands: dict[str, list[float] | str] = {}
    multi: dict[str, str] = {}
    join: JoinConfig | None = None
    split: SplitConfig = SplitConfig()
    model: dict[str, Any] = {}
    training: dict[str, Any] = {}
    shadow: dict[str, Any] | None = None

    def column(self, key: str) -> str | None:
        """The column that `[subject.model]` names by a key; None where that is no text."""
        named = self.model.get(key)
        return named if isinstance(named, str) else None


class MeterConfig(BaseModel):
    """`[meter]`: where the energy of training and audits comes from; see `auditkit.meter.sources`.

    `wall` is the file of a plug meter, `most_gap` the longest gap in it that is bridged, in s.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wall: PathText | None = None
    most_gap: float = Field(default=MOST_GAP, gt=0)
    codecarbon: bool = False


class Config(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: SubjectConfig
    audits: dict[str, dict[str, Any]] = {}
    context: ContextRecord | None = None
    meter: MeterConfig | None = None
    policy: PathText | None = None
    seed: int = Field(default=0, ge=0)


def read_config(path: str | Path) -> tuple[Config | None, list[Problem], bytes]:
    """Read `auditkit.toml` and list everything that is wrong with it.

    Args:
        path: The file.

    Returns:
        What it says, unknown keys left out; the problems; and its bytes. What it says is None
        where it cannot be understood.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        return None, [Problem(str(path), error.strerror or "no file", "a configuration file")], b""
    try:
        plain = read_toml(raw, file.name)
    except InputError as error:
        return None, list(error.problems), raw
    problems = [*_strip_unknown(plain, file.name), *_strip_bands(plain, file.name)]
    problems += _regime_problems(plain.get("context"), file.name)
    try:
        config = Config.model_validate(plain)
    except ValidationError as error:
        return None, [*problems, *validation_problems(error, file.name)], raw
    if config.subject.cells:
        return config, [*problems, *_cells_problems(config, file.name)], raw
    if not config.subject.data:
        expected = "data, or cells (files of `auditkit cells`)"
        problems.append(Problem(f"{file.name} [subject]", "no data", expected))
    for find in (_way_problems, _elsewhere_problems, _newer_problems, _multi_problems):
        problems += find(config, file.name)
    return config, problems, raw


def _strip_unknown(plain: dict[str, Any], where: str) -> list[Problem]:
    """Take out keys that mean nothing, so that the rest can be checked in the same pass."""
    problems = []
    subject = plain.get("subject")
    inner = subject if isinstance(subject, dict) else {}
    context = plain.get("context")
    declared = context if isinstance(context, dict) else {}
    for table, known, place in (
        (plain, Config, where),
        (subject, SubjectConfig, f"{where} [subject]"),
        (inner.get("split"), SplitConfig, f"{where} [subject.split]"),
        (inner.get("join"), JoinConfig, f"{where} [subject.join]"),
        (context, ContextRecord, f"{where} [context]"),
        (declared.get("claims"), ClaimsRecord, f"{where} [context.claims]"),
        (plain.get("meter"), MeterConfig, f"{where} [meter]"),
    ):
        if isinstance(table, dict):
            found = unknown_keys(table, set(known.model_fields), place)
            problems += found
            for key in [key for key in table if key not in known.model_fields]:
                del table[key]
    return problems


def _regime_problems(context: object, where: str) -> list[Problem]:
    """List the texts of law that are declared to apply, or not, and that nobody knows."""
    regimes = context.get("regimes") if isinstance(context, dict) else None
    known = declarable()
    return [
        Problem.unknown(f"{where} [context.regimes]", key, known, "a text or kind of system")
        for key in (regimes if isinstance(regimes, dict) else {})
        if key not in known
    ]


def _strip_bands(plain: dict[str, Any], where: str) -> list[Problem]:
    """Take out bands that are neither edges nor named, and say so in words of their own."""
    subject = plain.get("subject")
    bands = subject.get("bands") if isinstance(subject, dict) else None
    if not isinstance(bands, dict):
        return []
    problems = []
    for name, band in list(bands.items()):
        place = f"{where} [subject.bands] {quote(name)}"
        if isinstance(band, str) and band not in QUANTILES:
            kind = "a list of edges, or a name"
            problems.append(Problem.unknown(place, band, QUANTILES, kind))
        elif not isinstance(band, str) and not _are_numbers(band):
            expected = f"a list of edges, or one of {', '.join(QUANTILES)}"
            problems.append(Problem(place, quote(band), expected))
        else:
            continue
        del bands[name]
    return problems


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _multi_problems(config: Config, where: str) -> list[Problem]:
    says, place = config.subject, f"{where} [subject.multi]"
    kind = "a column that is listed under sensitive"
    absent = [name for name in says.multi if name not in says.sensitive]
    problems = [Problem.unknown(place, name, says.sensitive, kind) for name in absent]
    for name in set(says.multi) & set(says.bands):
        found = f"{quote(name)}, which has bands too"
        problems.append(Problem(place, found, "several values, or bands"))
    return problems


def count_problems(says: SubjectConfig, where: str) -> list[Problem]:
    """Find what a configuration asks for that rows are needed for, where they are only counted.

    Args:
        says: A `[subject]` with `count = true`.
        where: Name of the file.

    Returns:
        All problems; empty where there is none.
    """
    place, rows = f"{where} [subject]", "Take it out, or have the rows read: count = false."
    asked = {
        "most_rows": says.most_rows is not None,
        "features": says.features is not None,
        "newer_data": says.newer_data is not None,
        "join": says.join is not None,
        "multi": bool(says.multi),
        "training": bool(says.training),
    }
    problems = [
        Problem(f"{place} {key}", "it beside count = true", "no such key: rows are not read", rows)
        for key, is_there in asked.items()
        if is_there
    ]
    if says.task != "binary":
        found = f"a {says.task} task beside count = true"
        problems.append(Problem(f"{place} task", found, "binary decisions", rows))
    ways = [f"{way} beside count = true" for way in WAYS[:3] if way in says.model]
    hint = "Write the scores into the table first, or have the rows read: count = false."
    columns = "columns of scores or decisions"
    problems += [Problem(f"{where} [subject.model]", found, columns, hint) for found in ways]
    named = [name for name, band in says.bands.items() if isinstance(band, str)]
    hint = "Write the edges, for example [25, 45, 65]."
    return problems + [
        Problem(f"{where} [subject.bands] {quote(name)}", quote(says.bands[name]), "edges", hint)
        for name in named
    ]


def _way_problems(config: Config, where: str) -> list[Problem]:
    model = config.subject.model
    scored = "score" in model or "prediction" in model
    ways = [way for way in WAYS[:3] if way in model] + ([WAYS[3]] if scored else [])
    place = f"{where} [subject.model]"
    if len(ways) != 1:
        found = " and ".join(ways) or "no way to have predictions"
        return [Problem(place, found, f"exactly one of {', '.join(WAYS)}")]
    if ways[0] == "train":
        return []  # its keys are the fields of the architecture, which checks them itself
    if not scored:  # as is every other key by the adapter that opens the model
        return _type_problems({k: v for k, v in model.items() if k == "threshold"}, place)
    known = {"score", "prediction", "threshold"}
    return unknown_keys(model, known, place) + _type_problems(model, place)


def _elsewhere_problems(config: Config, where: str) -> list[Problem]:
    """What is wrong with what is said of how a model from elsewhere was made."""
    says, place = config.subject, f"{where} [subject"
    rows, shadow = f"{place}] train_data", f"{place}.shadow]"
    said = {rows: says.train_data is not None, shadow: says.shadow is not None}
    ways = [way for way in WAYS[:3] if way in says.model]
    problems = []
    if not ways or ways == ["train"]:
        found, hint = "it beside scores, with no model to ask", ""
        if ways:
            found, hint = "it beside train", "Of that model both rows and recipe are known."
        expected = "it beside file or endpoint: a model that was trained elsewhere"
        problems = [Problem(key, found, expected, hint) for key, is_said in said.items() if is_said]
    elif said[shadow] and not said[rows]:
        hint = 'Name them: [subject] train_data = "train.parquet".'
        problems.append(Problem(shadow, "no training rows", "those of the model", hint))
    if says.train_table is not None and not said[rows]:
        problems.append(Problem(f"{place}] train_table", "it without train_data", "both, or none"))
    return problems


def _newer_problems(config: Config, where: str) -> list[Problem]:
    says = config.subject
    if says.newer_table is None or says.newer_data is not None:
        return []
    place = f"{where} [subject] newer_table"
    return [Problem(place, "it without newer_data", "both, or none")]


def _cells_problems(config: Config, where: str) -> list[Problem]:
    """What is said beside `cells` that only rows need, or that the files say themselves."""
    says, beside = config.subject, {"name", "version", "description", "task", "cells"}
    expected = "nothing, where there is cells: the files say it, or rows would be needed"
    problems = [
        Problem(f"{where} [subject] {key}", quote(getattr(says, key)), expected)
        for key in SubjectConfig.model_fields
        if key in says.model_fields_set - beside
    ]
    if says.task != "binary":
        expected = '"binary": counts are of decisions'
        problems.append(Problem(f"{where} [subject] task", quote(says.task), expected))
    return problems


def _type_problems(model: dict[str, Any], place: str) -> list[Problem]:
    problems = []
    for key, value in model.items():
        right = isinstance(value, int | float) if key == "threshold" else isinstance(value, str)
        if not right or isinstance(value, bool):
            expected = "a number" if key == "threshold" else "text"
            problems.append(Problem(f"{place} {key}", quote(value), expected))
    return problems
