"""What a PDF reader should not read out: drawings whose numbers stand beside them as text."""

from __future__ import annotations

from typing import Any

import pydyf


def hide_decoration(pdf: pydyf.PDF) -> None:
    """Turn every figure without words into an artifact, as PDF/UA wants it.

    On the page such a drawing is `aria-hidden`: the row that it stands in says the same in
    numbers. WeasyPrint tags it as a figure all the same.

    Args:
        pdf: The finished PDF, before it is written; changed in place.
    """
    root = next(found for found in pdf.objects if _type(found) == "/StructTreeRoot")
    nums = _at(pdf, root["ParentTree"])["Nums"]
    marks: dict[bytes, dict[int, tuple[list[Any], int]]] = {}
    for element in list(pdf.objects):
        if not (_type(element) == "/StructElem" and element["S"] == "/Figure"):
            continue
        if "Alt" in element:
            continue
        page = _at(pdf, element["Pg"])
        if element["Pg"] not in marks:
            marks[element["Pg"]] = _marks(_at(pdf, page["Contents"]).stream)
        (number,) = element["K"]
        _to_artifact(*marks[element["Pg"]][number])
        nums[2 * page["StructParents"] + 1][number] = "null"
        _at(pdf, element["P"])["K"].remove(element.reference)
        element.clear()


def _marks(stream: list[Any]) -> dict[int, tuple[list[Any], int]]:
    """Where each marked content of a page begins: its number to the place in the stream."""
    return {
        part["MCID"]: (stream, place)
        for place, part in enumerate(stream)
        if isinstance(part, pydyf.Dictionary) and "MCID" in part
    }


def _to_artifact(stream: list[Any], place: int) -> None:
    stream[place - 1 : place + 2] = ["/Artifact", "", b"BMC"]


def _type(found: object) -> str:
    return str(found.get("Type", "")) if isinstance(found, pydyf.Dictionary) else ""


def _at(pdf: pydyf.PDF, reference: bytes) -> Any:  # noqa: ANN401 - any kind of object
    return pdf.objects[int(reference.split()[0])]
