"""What is said of attacks on decisions: shares that change, the curve, groups, and checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.attacks import BoolArray
from auditkit.methods.estimates import Estimate, IntArray, cells_of, measured, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import paired_difference, share

FLIPS = Metric(
    "attack_flip_share",
    "Decisions that an attack changes",
    "Share of rows whose decision some change of at most the size in use alters, of all changes "
    "that were tried: what surely can happen, and less than what may.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
ACCURACY = Metric(
    "adversarial_accuracy",
    "Accuracy under attack",
    "Share of rows that are decided rightly whatever change of at most the size in use was tried.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
DIFFERENCE = Metric(
    "attack_flip_difference",
    "Gap in decisions that an attack changes",
    "Largest minus smallest share of decisions that an attack changes, over groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
FAILED = Metric(
    "attack_checks_failed",
    "Checks that the attacks failed",
    "How many of the rules that attacks must keep are broken; where one is, the true share of "
    "decisions that can be changed may be far above the one found.",
    "count",
    better="lower",
    low=0.0,
)
METRICS = (FLIPS, ACCURACY, DIFFERENCE, FAILED)
#: Why there is no share where nothing was changed.
NEVER = (
    "no attack changed any of these decisions; the attacks may be too weak, and that none was "
    "found does not show that there is none"
)
#: Why there is no accuracy then.
NEVER_WRONG = f"{NEVER}: accuracy under attack would be that without one"
STILL = "Changes of size 0 change nothing"
ORDERED = "Many steps along the gradient find as much as one"
UNMASKED = "Random changes of the same size find no more than the attack"
#: Attacks, the strongest first.
STRONGEST = ("pgd", "search", "substitution")
NOT_KNOWN = "their group is not known"


@dataclass(frozen=True, eq=False)
class Attacked:
    """What attacks did to some rows.

    Attributes:
        sizes: Sizes of change, rising.
        at: The size in use, one of them.
        changed: Attack, or "chance", to whether it changed the decision, shape (sizes, n).
        right: Shape (n,): whether the decision is right without an attack; or why nobody knows.
        movable: Shape (sizes,): columns or words that could change at all.
        still: Whether changes of size 0 change nothing.
        unit: What the sizes are counted in, in words.
        words: What was done.
        level: Level of every interval, and of each family of them.
    """

    sizes: tuple[float, ...]
    at: float
    changed: Mapping[str, BoolArray]
    right: BoolArray | str
    movable: IntArray
    still: bool
    unit: str
    words: str
    level: float = 0.95

    @property
    def worst(self) -> BoolArray:
        """Whether any attack, or chance, changed it, by this size or a smaller one."""
        anything = np.logical_or.reduce(list(self.changed.values()))
        return np.asarray(np.logical_or.accumulate(anything, axis=0))

    @property
    def source(self) -> str:
        """What was done, and how far."""
        return f"changes of at most {self.at:g} {self.unit}; {self.words}"

    @property
    def _in_use(self) -> BoolArray:
        return np.asarray(self.worst[self.sizes.index(self.at)])

    def measure(self) -> Iterator[Measurement | Table]:
        """Yield the share and the accuracy at the size in use, and the curve.

        How many checks failed is said too, and which where one did.
        """
        yield from self._two(np.ones(self.n, dtype=np.bool_), None, self.level, "")
        kept = self.checks()
        failed = sum(not holds for _, holds in kept)
        reason = f"exact: {len(kept)} checks of this run"
        source = "; ".join(name for name, _ in kept)
        yield FAILED.measure(failed, n=self.n, source=source, exact=True, reason=reason)
        yield self.curve()
        if failed:
            yield self.check_table(kept)

    @property
    def n(self) -> int:
        """Rows that were attacked."""
        return len(self._in_use)

    def _two(
        self, rows: BoolArray, where: dict[str, str] | None, level: float, others: str
    ) -> Iterator[Measurement]:
        """Share and accuracy of some rows."""
        n, changed = int(rows.sum()), self._in_use[rows]
        found = self._share(changed, level, NEVER)
        right = Estimate.undefined(str(self.right))
        if not isinstance(self.right, str):
            right = Estimate.undefined(NEVER_WRONG)
            if changed.any():
                right = share(int((self.right[rows] & ~changed).sum()), n, level)
        for metric, one in ((FLIPS, found), (ACCURACY, right)):
            held = together(one, self.level, others) if others else one
            yield measured(metric, held, n, self.source, where)

    @staticmethod
    def _share(changed: BoolArray, level: float, never: str) -> Estimate:
        """A share of rows; undefined where no row is marked."""
        if not changed.any():
            return Estimate.undefined(never)
        return share(int(changed.sum()), changed.size, level)

    def by_group(
        self, column: str, codes: IntArray, labels: Sequence[str], least: int, most: int
    ) -> Iterator[Measurement]:
        """Yield share and accuracy of each group, and the gap.

        Args:
            column: The sensitive column.
            codes: Shape (n,): the group of each row, -1 where it is not known.
            labels: Names of the groups and, last, of the unknown rows.
            least: Rows that a group needs.
            most: Groups that are shown at most.
        """
        counts = np.bincount(codes[codes >= 0], minlength=len(labels) - 1)
        everyone = {column: ALL_GROUPS}
        if len(counts) > most:
            reason = f"{len(counts):,} groups, more than max_groups = {most:,}"
            yield DIFFERENCE.measure(
                None, n=self.n, reason=reason, source=self.source, slice=everyone
            )
            return
        large = np.flatnonzero(counts >= least)
        level = shared_level(self.level, max(1, large.size))
        for code, count in enumerate(counts.tolist()):
            where = {column: labels[code]}
            if code in large:
                others = f"{large.size} groups" if large.size > 1 else ""
                yield from self._two(codes == code, where, level, others)
            else:
                yield from self._withheld(count, where, f"fewer than {least} rows")
        if (codes < 0).any():
            yield from self._withheld(int((codes < 0).sum()), {column: labels[-1]}, NOT_KNOWN)
        marked = [int(self._in_use[codes == code].sum()) for code in large]
        gap = gaps.difference(marked, counts[large], self.level)
        if large.size > 1 and not sum(marked):
            gap = Estimate.undefined(NEVER)
        rows = int(counts[large].sum())
        yield measured(DIFFERENCE, gap, rows, self.source, everyone)

    def _withheld(self, n: int, where: dict[str, str], reason: str) -> Iterator[Measurement]:
        yield FLIPS.measure(None, n=n, reason=reason, source=self.source, slice=where)

    def checks(self) -> list[tuple[str, bool]]:
        """Hold the attacks to what they must keep; what chance may do alone breaks no rule."""
        kept = [(STILL, self.still)]
        if "fgsm" in self.changed:
            kept.append((ORDERED, not self._beats("fgsm", "pgd")))
        best = next(name for name in STRONGEST if name in self.changed)
        kept.append((UNMASKED, not self._beats("chance", best)))
        return kept

    def _beats(self, one: str, other: str) -> bool:
        """Whether an attack surely changes more than another, at any size."""
        first, second = self.changed[one], self.changed[other]
        level = shared_level(self.level, len(self.sizes))
        only = (first & ~second).sum(axis=1), (second & ~first).sum(axis=1)
        low, _ = paired_difference(*only, np.full(len(self.sizes), self.n), level)
        return bool((low > 0).any())

    def curve(self) -> Table:
        """What each attack changes at each size, and all of them together."""
        level = shared_level(self.level, len(self.sizes))
        lines: list[tuple[Cell, ...]] = []
        for i, size in enumerate(self.sizes):
            worst = self.worst[i]
            right: tuple[Cell, ...] = (None, None, None)
            if not isinstance(self.right, str) and worst.any():
                right = cells_of(share(int((self.right & ~worst).sum()), self.n, level))
            each = [self._share(one[i], level, NEVER).value for one in self.changed.values()]
            every = cells_of(self._share(worst, level, NEVER))
            lines.append((size, int(self.movable[i]), *each, *every, *right))
        return Table(
            name="curve",
            title="What attacks change, by size",
            columns=(
                *("attack_size", "movable", *self.changed),
                *("attack_flip_share", "attack_flip_share_low", "attack_flip_share_high"),
                *("adversarial_accuracy", "adversarial_accuracy_low", "adversarial_accuracy_high"),
            ),
            rows=tuple(lines),
            source=f"size: {self.unit}; {self.words}; the worst of all, by this size or a smaller "
            f"one, with Clopper-Pearson intervals, Bonferroni over {len(self.sizes)} sizes; empty "
            "where nothing was changed, which proves nothing",
            chart="attack-curve",
        )

    def check_table(self, kept: Sequence[tuple[str, bool]]) -> Table:
        """Which rules the attacks keep."""
        return Table(
            name="checks",
            title="Are the attacks sound?",
            columns=("test", "holds"),
            rows=tuple(kept),
            source="a rule is broken where the lower bound of the difference over the same rows "
            "(Agresti and Min, Bonferroni over the sizes) is above 0; random changes that find "
            "more than an attack mean that its gradient, or its search, is misled",
            chart="attack-checks",
        )
