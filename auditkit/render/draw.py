"""From a table to its figure: the name of the chart kind chooses the drawing.

A kind that is not known here, or a table without the columns that it needs, is shown as a plain
table: nothing that an audit yields is left out because it cannot be drawn.
"""

from __future__ import annotations

from collections.abc import Callable

from auditkit.render.charts_abstention import risk_coverage
from auditkit.render.charts_claims import claims
from auditkit.render.charts_curves import calibration_groups, roc_groups
from auditkit.render.charts_effects import effects
from auditkit.render.charts_explain import density_strip, waterfall
from auditkit.render.charts_frontier import frontier, size_frontier
from auditkit.render.charts_groups import groups
from auditkit.render.charts_impact import impact_tests
from auditkit.render.charts_plots import curves, log_log_roc, reliability, roc
from auditkit.render.charts_privacy import privacy_frontier
from auditkit.render.charts_rows import bars, forest, phases
from auditkit.render.charts_rules import rules
from auditkit.render.charts_scaling import power_law
from auditkit.render.charts_stories import principal_reasons, stories
from auditkit.render.charts_strata import conditional
from auditkit.render.charts_thresholds import thresholds
from auditkit.render.figures import ROWS, Figure, data_table, source_note
from auditkit.render.page import Page
from auditkit.report import TableRecord

Drawer = Callable[[Page, TableRecord], list[Figure]]

#: Chart kind to its drawing and the columns that the drawing needs.
CHARTS: dict[str, tuple[Drawer, frozenset[str]]] = {
    "bars": (bars, frozenset()),
    "conditional": (conditional, frozenset({"a", "b", "raw", "within", "outcome"})),
    "calibration-groups": (
        calibration_groups,
        frozenset({"attribute", "group", "mean_score", "observed_rate"}),
    ),
    "claims": (claims, frozenset({"claim", "result", "measurement"})),
    "density-strip": (density_strip, frozenset({"feature", "bin_low", "bin_high", "count"})),
    "effects": (effects, frozenset({"feature", "kind", "at", "effect"})),
    "forest": (forest, frozenset({"difference"})),
    "frontier": (frontier, frozenset({"variant", "accuracy"})),
    "groups": (groups, frozenset({"attribute", "group"})),
    "impact-tests": (impact_tests, frozenset({"category", "impact_ratio", "four_fifths"})),
    "line": (curves, frozenset()),
    "log-log-roc": (log_log_roc, frozenset({"false_positive_rate", "true_positive_rate"})),
    "phases": (phases, frozenset({"phase", "joules"})),
    "power-law": (power_law, frozenset({"rows", "measured", "fitted"})),
    "privacy-frontier": (privacy_frontier, frozenset({"epsilon", "accuracy"})),
    "principal-reasons": (principal_reasons, frozenset({"reason", "low", "high"})),
    "reliability": (reliability, frozenset({"mean_score", "observed_rate"})),
    "risk-coverage": (risk_coverage, frozenset({"coverage", "risk", "risk_of_group"})),
    "roc": (roc, frozenset({"false_positive_rate", "true_positive_rate"})),
    "roc-groups": (
        roc_groups,
        frozenset({"attribute", "group", "false_positive_rate", "true_positive_rate"}),
    ),
    "rules": (rules, frozenset({"depth", "condition", "decision", "is_leaf"})),
    "size-frontier": (size_frontier, frozenset({"version", "kilobytes"})),
    "stories": (stories, frozenset({"case", "decision", "feature", "value", "contribution"})),
    "threshold-sweep": (
        thresholds,
        frozenset({"attribute", "threshold", "in_use", "accuracy"}),
    ),
    "waterfall": (waterfall, frozenset({"attribute", "a", "b", "feature", "contribution"})),
}
#: Kinds of tables for a program, which `audit.json` holds and no page shows.
UNDRAWN = frozenset({"guard"})
#: Rows of the plain tables of which the first say most, and of those that a rule asks for whole.
FEW = {"gap-tests": 8, "impact-ratios": 100, "perturbations": 9}
FEW = {"calibrated-groups": 3, "gap-tests": 8, "impact-ratios": 100}
FEW = {"gap-tests": 8, "people": 4, "impact-ratios": 100}


def figures(page: Page, table: TableRecord) -> list[Figure]:
    """Draw a table.

    Args:
        page: The record.
        table: Any table of it.

    Returns:
        Its figures; the table itself where there is no drawing for it, and none where it is
        there for a program.
    """
    if table.chart in UNDRAWN:
        return []
    drawer, needed = CHARTS.get(table.chart or "", (None, frozenset()))
    drawn = []
    if drawer is not None and len(table.columns) > 1 and needed <= set(table.columns):
        drawn = drawer(page, table)
    return drawn or [plain(page, table)]


def plain(page: Page, table: TableRecord) -> Figure:
    """Show a table as it is, with our words for its kind where there are any."""
    kind = f"table.{table.chart}"
    ours = page.words.has(kind)
    caption = page.words(kind if ours else "table.caption", n=len(table.rows))
    data, note = data_table(page, table, FEW.get(table.chart or "", ROWS)), source_note(page, table)
    return Figure(page.told(table.title, 80), caption, data=data, note=note, opened=ours)
