"""The page of `planted.py`: counted draws, their table, how it is read back, and the curves."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditkit.methods.intervals import clopper_pearson

#: Most false alarms, fewest detections at the size that is named, and the level of their bounds.
ALARMS, FOUND, LEVEL = 0.05, 0.95, 0.95
#: Standard errors of the simulation that false alarms may lie above their aim.
ERRORS = 3.0
#: What a line is for: nothing is planted, the size at which it must be found, or one on the way.
Kind = Literal["clean", "named", "between"]
_AIMS: dict[Kind, str] = {"clean": "at most 5 %", "named": "at least 95 %", "between": "none"}
_COLUMNS = (
    "defect", "size", "rows", "audit", "what says it", "draws", "said", "share", "95 % interval",
    "aim", "outcome",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """How often one thing was said of one defect of one size.

    Attributes:
        defect: What is planted.
        size: How much of it.
        rows: Assessed rows.
        audit: The audit that should say it.
        says: By which number, and by which limit.
        kind: What the line is for.
        draws: Subjects that were drawn and audited.
        said: Those of which it was said.
    """

    defect: str
    size: str
    rows: int
    audit: str
    says: str
    kind: Kind
    draws: int
    said: int

    @property
    def share(self) -> float:
        """How often it was said."""
        return self.said / self.draws

    @property
    def bounds(self) -> tuple[float, float]:
        """Clopper-Pearson bounds of the share."""
        said, draws = np.array([self.said]), np.array([self.draws])
        low, high = clopper_pearson(said, draws, LEVEL)
        return float(low[0]), float(high[0])

    @property
    def missed(self) -> bool:
        """Whether an aim is missed; of false alarms by more than the simulation is off by."""
        if self.kind == "clean":
            return self.share > ALARMS + ERRORS * math.sqrt(ALARMS * (1 - ALARMS) / self.draws)
        return self.kind == "named" and self.share < FOUND

    @property
    def outcome(self) -> str:
        """What became of the aim."""
        return "-" if self.kind == "between" else "MISSED" if self.missed else "reached"


def table(lines: Sequence[Line]) -> list[str]:
    """The table of a page.

    Example:
        >>> print(table([Line("gap", "0.1", 500, "fairness", "a gap", "named", 40, 39)])[-1])
        | gap | 0.1 | 500 | fairness | a gap | 40 | 39 | 0.975 | 0.868 to 0.999 | at least 95 % | reached |
    """  # noqa: E501
    head = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    return [*head, *map(_line, lines)]


def _line(one: Line) -> str:
    low, high = one.bounds
    cells = (
        one.defect, one.size, f"{one.rows:,}", one.audit, one.says, f"{one.draws:,}",
        f"{one.said:,}", f"{one.share:.3f}", f"{low:.3f} to {high:.3f}", _AIMS[one.kind],
        one.outcome,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def read(page: str) -> list[Line]:
    """Read the lines of a page back; its verdict is made of what stands there.

    Args:
        page: The page, with whatever else is on it.

    Returns:
        The lines of all its tables that look like ours.

    Raises:
        ValueError: If there are none, or a share or an outcome is not what the counts give.
    """
    kinds = {aim: kind for kind, aim in _AIMS.items()}
    found = []
    for text in page.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", text.strip().strip("|"))]
        if len(cells) != len(_COLUMNS) or cells[-2] not in kinds:
            continue
        defect, size, rows, audit, says, draws, said, *_, aim, _ = cells
        counts = (int(number.replace(",", "")) for number in (rows, draws, said))
        of, drawn, so = counts
        line = Line(defect, size, of, audit, says, kinds[aim], drawn, so)
        if _line(line) != text.strip():
            raise ValueError(f"a line is not what its counts give: {text}")
        found.append(line)
    if not found:
        raise ValueError("no line of results on the page")
    return found


def curves(lines: Sequence[Line], title: str) -> str:
    """Share of gaps that were found by their size, a curve for each number of rows, as SVG."""
    width, height, left, right, top, foot = 640, 360, 60, 110, 34, 60
    sizes = sorted({float(line.size) for line in lines})
    most = sizes[-1] or 1.0

    def x(size: float) -> float:
        return left + (size / most) * (width - left - right)

    def y(share: float) -> float:
        return height - foot - share * (height - foot - top)

    parts = [
        f'<line x1="{left}" x2="{width - right}" y1="{y(share):.1f}" y2="{y(share):.1f}" '
        f'stroke="{"#b00" if share in (ALARMS, FOUND) else "#ccc"}" '
        f'stroke-dasharray="{"4 3" if share in (ALARMS, FOUND) else "none"}"/>'
        f'<text x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:g} %</text>'
        for share in (0.0, ALARMS, 0.25, 0.5, 0.75, FOUND)
    ]
    parts += [
        f'<text x="{x(size):.1f}" y="{height - foot + 18}" text-anchor="middle">{size:g}</text>'
        for size in sizes
    ]
    colours = ("#8a5a00", "#00796b", "#1f5fbf")
    counts = sorted({line.rows for line in lines})
    for place, (rows, colour) in enumerate(zip(counts, colours, strict=False)):
        mine = sorted((line for line in lines if line.rows == rows), key=lambda li: float(li.size))
        points = [(x(float(line.size)), y(line.share)) for line in mine]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        for (a, b), line in zip(points, mine, strict=True):
            low, high = line.bounds
            parts.append(
                f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" '
                f'stroke="{colour}"/><circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>'
            )
        parts.append(
            f'<text x="{width - right + 12}" y="{top + 14 + 18 * place}" fill="{colour}">'
            f"{rows:,} rows</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{left}" y="18" font-weight="bold">{title}</text>{"".join(parts)}'
        f'<text x="{(left + width - right) / 2}" y="{height - 14}" text-anchor="middle">'
        "true gap between the groups</text></svg>\n"
    )
