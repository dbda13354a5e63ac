"""The record in the formats of other tools: each export is a pure function of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from auditkit.export.annex_iv import annex_iv
from auditkit.export.cyclonedx import cyclonedx
from auditkit.export.guard import guard, has_guard
from auditkit.export.in_toto import in_toto
from auditkit.export.junit import junit
from auditkit.export.ll144 import ll144
from auditkit.export.model_card import model_card
from auditkit.export.sarif import sarif
from auditkit.export.self_assessment import self_assessment
from auditkit.report import Report


@dataclass(frozen=True, slots=True)
class Export:
    """A kind of file that is made of a record.

    Attributes:
        file: What the file is called.
        write: Makes its bytes; the same for the same record.
        about: What it is, for a list.
        fits: Whether it can be made of a record; of any, where nothing else is said.
    """

    file: str
    write: Callable[[Report], bytes]
    about: str
    fits: Callable[[Report], bool] = lambda _: True


#: Name to export, as `auditkit export` takes it.
EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "junit": Export("junit.xml", junit, "JUnit XML: each finding a test."),
        "sarif": Export("results.sarif", sarif, "SARIF 2.1.0: criteria as rules."),
        "in-toto": Export(
            "statement.intoto.json", in_toto, "in-toto statement, test-result v0.1, unsigned."
        ),
        "cyclonedx": Export(
            "bom.cdx.json", cyclonedx, "CycloneDX 1.7 bill of materials with a model card."
        ),
        "model-card": Export("model_card.md", model_card, "Model card for the Hugging Face Hub."),
        "ll144": Export(
            "ll144_summary.csv", ll144, "Public summary that NYC Local Law 144 asks for."
        ),
        "annex-iv": Export(
            "annex_iv.md", annex_iv, "Skeleton of the technical file of the EU AI Act."
        ),
        "guard": Export(
            "guard.json", guard, "What auditkit.Guard holds a served model to.", has_guard
        ),
        "algorithm-self-assessment": Export(
            "algorithm_self_assessment.md", self_assessment, "算法自评估报告, a skeleton."
        ),
    }
)
#: What a run leaves in every bundle whose record it can be made of.
BUNDLED = ("junit", "sarif", "model-card", "guard")
