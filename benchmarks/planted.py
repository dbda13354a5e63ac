"""`make validity`: are defects of a known size found, and is a clean subject left in peace?

Each subject is made of real rows (the census and the credit example) with one defect planted in it,
or none, and is audited as `auditkit run` does; counted is how often the number or the criterion
that should say it does. Writes `benchmarks/validity.md` and `benchmarks/validity.svg`; ends with
status 1 where an aim on that page is missed. `--quick` makes one draw of each and writes nothing;
`--most N` makes at most N draws of each, and the page says so.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import planted_models as models
import planted_tables as tables
from planted_page import ERRORS, Kind, Line, curves, read, table

HERE = Path(__file__).parent
#: Draws of what is cheap and of what is not, and of the quick run.
DRAWS, DEAR, QUICK = 200, 40, 1
#: Rows of the curves, and true gaps.
ROWS = (500, 2_000, 8_000)
GAPS = (0.0, 0.02, 0.05, 0.1, 0.2)
TITLE = "Share of gaps found, by their true size (criterion: a difference of 0 is allowed)"
GAP, TOLERATED = "demographic_parity_difference fails at_most 0", "the same fails at_most 0.05"


@dataclass(frozen=True)
class Case:
    """A defect of one size, with the questions that each of its draws answers.

    Attributes:
        defect: What is planted.
        size: How much.
        rows: Assessed rows.
        audit: The audit that should say it.
        asks: What says it, and what the answer is held to; one for each answer of `draw`.
        draw: Makes a subject by a seed, audits it, and gives the answers.
        draws: How often.
    """

    defect: str
    size: str
    rows: int
    audit: str
    asks: tuple[tuple[str, Kind], ...]
    draw: Callable[[int], tuple[bool, ...]]
    draws: int = DRAWS

    def lines(self, most: int | None = None) -> list[Line]:
        """Draw, and count the answers."""
        draws = self.draws if most is None else min(most, self.draws)
        answers = [self.draw(seed) for seed in range(draws)]
        return [
            Line(self.defect, self.size, self.rows, self.audit, says, kind, draws, sum(column))
            for (says, kind), column in zip(self.asks, zip(*answers, strict=True), strict=True)
        ]


def gaps() -> Iterator[Case]:
    """A gap between two groups, held to nothing at all and to a tolerance."""
    named = {(0.2, 500), (0.1, 2_000), (0.2, 2_000), (0.05, 8_000), (0.1, 8_000), (0.2, 8_000)}
    tolerated = {(0.2, 2_000), (0.1, 8_000), (0.2, 8_000)}
    for rows in ROWS:
        for size in GAPS:
            kinds: tuple[Kind, Kind] = (
                "clean" if size == 0 else "named" if (size, rows) in named else "between",
                "clean" if size <= 0.05 else "named" if (size, rows) in tolerated else "between",
            )
            yield Case(
                "gap between groups", f"{size:g}", rows, "fairness",
                tuple(zip((GAP, TOLERATED), kinds, strict=True)),
                partial(tables.gap, size, rows),
            )  # fmt: skip


def series(
    defect: str,
    audit: str,
    says: str,
    draw: Callable[[float, int, int], tuple[bool, ...]],
    sizes: Sequence[tuple[float, int, Kind]],
    draws: int = DRAWS,
    words: Callable[[float], str] = "{:g}".format,
) -> Iterator[Case]:
    """One defect in several sizes."""
    for size, rows, kind in sizes:
        yield Case(
            defect, words(size), rows, audit, ((says, kind),),
            partial(draw, size, rows), draws,
        )  # fmt: skip


def cases() -> Iterator[Case]:
    """Everything that is planted, the cheap first."""
    yield from gaps()
    yield from series(
        "biased label: of those of one group with the outcome, so many are recorded without",
        "fairness", "equalized_odds_difference fails at_most 0", tables.biased_label,
        [(0, 2_000, "clean"), (0, 8_000, "clean"), (0.1, 8_000, "between"),
         (0.3, 2_000, "between"), (0.3, 8_000, "named")],
    )  # fmt: skip
    yield from series(
        "wrong labels, anybody's", "data-quality", "wrong_labels_share fails at_most 0.1",
        tables.wrong_labels,
        [(0, 2_000, "clean"), (0.15, 2_000, "between"), (0.2, 4_000, "named")], DEAR,
    )  # fmt: skip
    yield from series(
        "proxy column, AUC", "proxies", "the planted column is called a proxy", tables.proxy,
        [(0.5, 2_000, "clean"), (0.55, 2_000, "between"), (0.6, 2_000, "named"),
         (0.6, 500, "between"), (0.7, 500, "named")],
    )  # fmt: skip
    yield from series(
        "leaking column, AUC", "data-quality", "strongest_column_auc fails at_most 0.9",
        tables.leak,
        [(0.5, 2_000, "clean"), (0.92, 2_000, "between"), (0.95, 2_000, "named"),
         (0.95, 500, "between"), (0.99, 500, "named")],
    )  # fmt: skip
    yield from series(
        "training rows among the assessed ones", "data-quality",
        "rows_seen_in_training_excess fails at_most 0", tables.seen,
        [(0, 2_000, "clean"), (0.01, 2_000, "between"), (0.05, 2_000, "named"),
         (0.05, 500, "between"), (0.2, 500, "named")],
    )  # fmt: skip
    yield from series(
        "newer table, last bill times", "shift", "shifted_columns fails at_most 0", tables.shifted,
        [(1, 2_000, "clean"), (1.1, 2_000, "between"), (1.5, 2_000, "named"),
         (1.5, 500, "between"), (3, 500, "named")],
    )  # fmt: skip
    yield from series(
        "whole audit of a clean scored table", "11 audits", "any verdict is fail", tables.whole,
        [(0, 2_000, "clean")], words=lambda _: "none",
    )  # fmt: skip
    yield from of_models()


def of_models() -> Iterator[Case]:
    """What is planted in models, in their training and in the meter."""
    yield from series(
        "clip too wide, factor", "self-test of private training", "nothing is trained",
        models.clip,
        [(1, 8, "clean"), (1.00005, 8, "between"), (1.001, 8, "named"), (8, 8, "named")],
    )  # fmt: skip
    yield from series(
        "claim of epsilon 1, true epsilon", "epsilon-bound",
        "privacy_claims_refuted fails at_most 0", models.claim,
        [(1, 1_000, "clean"), (1.5, 1_000, "between"), (2, 1_000, "named"), (4, 1_000, "named")],
    )  # fmt: skip
    yield from series(
        "memorising forest, rows of a leaf", "privacy", "membership_auc fails at_most 0.5",
        models.memorised,
        [(0, 500, "clean"), (50, 500, "between"), (10, 500, "between"), (1, 500, "named")],
        DEAR, words=lambda leaf: f"{leaf:g}" if leaf else "none: trained on other rows",
    )  # fmt: skip
    yield from series(
        "explanation of another network, weights moved by", "explanation-quality",
        "efficiency_gap fails at_most 0.0001", models.explained,
        [(0, 200, "clean"), (0.0001, 200, "between"), (0.01, 200, "named"), (1, 200, "named")],
    )  # fmt: skip
    yield from series(
        "energy counter", "energy", "training_energy is not called measured", models.counter,
        [(0, 1, "clean"), (1, 1, "named"), (2, 1, "named")],
        words=lambda kind: ("moves", "stuck at zero", "stops after the check")[int(kind)],
    )  # fmt: skip


def page(lines: Sequence[Line], seconds: float, most: int | None = None) -> str:
    """The page."""
    cut = (
        f"**Lines of {most} draws were cut short (`--most {most}`): a whole run makes {DRAWS} "
        f"draws of each, and {DEAR} of wrong labels and of forests.** "
    )
    return "\n".join([
        "# Are planted defects found, and is a clean subject left in peace?",
        "",
        f"Simulated {datetime.now(tz=UTC):%Y-%m-%d} by `make validity` (`benchmarks/planted.py`), "
        f"Python {platform.python_version()}, one thread, {seconds / 60:.1f} minutes of CPU time. "
        "Each draw is a subject of real rows with one defect of a known size, or with none, "
        f"audited by the audit that should say it. {cut if most else ''}A "
        "criterion fails where the whole interval, at 95 %, is beyond its limit. "
        "Bounds of shares are Clopper-Pearson's. Aims: "
        "at most 5 % false alarms, which a simulated share may exceed by "
        f"{ERRORS:g} standard errors of the simulation (with 200 draws up to 9.6 %, with 30 up to "
        "16.9 %); and at the sizes named at least 95 % of the draws found, without allowance. "
        "Sizes and limits were chosen before the run, after 12 draws of other seeds; those "
        "without an aim show where detection begins.",
        "",
        "![Share of gaps found by true gap and rows](validity.svg)",
        "",
        *table(lines),
        "",
        "## What is planted",
        "",
        *tables.NOTES,
        *models.NOTES,
        "",
    ])  # fmt: skip


def drawn(lines: Sequence[Line]) -> str:
    """The curves of the gaps."""
    return curves([line for line in lines if line.says == GAP], TITLE)


def report(
    lines: Sequence[Line], seconds: float, most: int | None = None
) -> tuple[str, list[Line]]:
    """The page, and the aims that it says are missed, read from the page itself."""
    text = page(lines, seconds, most)
    return text, [line for line in read(text) if line.missed]


def main(arguments: Sequence[str] = ()) -> int:
    """Draw everything, write the page, and say whether every aim was reached."""
    quick = "--quick" in arguments
    most = QUICK if quick else None
    if "--most" in arguments:
        most = int(arguments[arguments.index("--most") + 1])
    start = time.process_time()
    lines: list[Line] = []
    for case in cases():
        before = time.process_time()
        lines += case.lines(most)
        spent = time.process_time() - before
        print(f"{spent:6.1f} s {case.defect}, {case.size}", file=sys.stderr, flush=True)
    text, missed = report(lines, time.process_time() - start, most)
    print(text)
    if quick:  # a few draws hold nothing to an aim
        return 0
    (HERE / "validity.md").write_text(text, encoding="utf-8")
    (HERE / "validity.svg").write_text(drawn(lines), encoding="utf-8")
    for line in missed:
        print(f"missed: {line.defect}, {line.size}, {line.rows:,} rows: {line.share:.3f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
