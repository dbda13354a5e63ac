"""Validators of the formats of others, by their own schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema
import xmlschema
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from referencing import Registry, Resource

from auditkit.export import EXPORTS
from auditkit.report import Report

_OURS = Path(__file__).parent / "export" / "schemas"
_THEIRS = Path(cyclonedx.schema.__file__).parent / "_res"
_FORMATS = jsonschema.Draft7Validator.FORMAT_CHECKER


def _schema(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _part(name: str) -> tuple[str, Any]:
    schema = _schema(_THEIRS / f"{name}.SNAPSHOT.schema.json")
    return f"http://cyclonedx.org/schema/{name}.schema.json", Resource.from_contents(schema)


_PARTS: Any = Registry().with_resources(
    [_part("spdx"), _part("jsf-0.82"), _part("cryptography-defs")]
)
JUNIT = xmlschema.XMLSchema(str(_OURS / "junit-10.xsd"))
SARIF = jsonschema.Draft7Validator(
    _schema(_OURS / "sarif-schema-2.1.0.json"), format_checker=_FORMATS
)
CYCLONEDX = jsonschema.Draft7Validator(
    _schema(_THEIRS / "bom-1.7.SNAPSHOT.schema.json"), registry=_PARTS, format_checker=_FORMATS
)


def statement(report: Report) -> Any:
    """The in-toto statement of a record, read and validated by the format's own package."""
    text = EXPORTS["in-toto"].write(report).decode()
    Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
    plain = json.loads(text)
    json_format.ParseDict(plain["predicate"], test_result_pb2.TestResult())
    return plain


def check(report: Report) -> None:
    """Raise where an export of the record is not valid by the schema of its format."""
    JUNIT.validate(EXPORTS["junit"].write(report).decode())
    SARIF.validate(json.loads(EXPORTS["sarif"].write(report)))
    CYCLONEDX.validate(json.loads(EXPORTS["cyclonedx"].write(report)))
    statement(report)
