"""What membership attacks with reference models found, as measurements and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from auditkit.evidence import Cell, Measurement, Table
from auditkit.methods import membership
from auditkit.methods.estimates import IntArray, cells_of, measured
from auditkit.methods.gaps import shared_level
from auditkit.methods.membership_attacks import (
    Answers,
    Attack,
    BoolArray,
    choose,
    partners_of,
)
from auditkit.methods.membership_risk import (
    AUC,
    AUC_GAP,
    DIFFERENT,
    TPR_0,
    TPR_01,
    TPR_1,
    WHOLE,
    Found,
    GroupRisk,
    Shift,
)

#: Column to group to its rows among the members and among the others, as masks.
Slices = Mapping[str, Mapping[str, tuple[BoolArray, BoolArray]]]
#: Points of the attack curve.
POINTS = 25


@dataclass(frozen=True)
class Told:
    """Attacks that were made, and what is told of them.

    Attributes:
        answers: What the audited model and the references say of members, then others.
        places: Shape (m,): places of the members among the training rows.
        slices: Rows of each group.
        shift: Whether a classifier without the model tells members from others.
        level: Level of the intervals.
        min_group: Rows of either kind that a number of a group must rest on.
        exposed: Most records that are pointed at.
        rows: The rows and the references, in words.
    """

    answers: Answers
    places: IntArray
    slices: Slices
    shift: Shift
    level: float
    min_group: int
    exposed: int
    rows: str

    @cached_property
    def _choice(self) -> tuple[list[Attack], int]:
        return choose(self.answers, partners_of(len(self.answers.references)))

    @cached_property
    def chosen(self) -> Attack:
        """The attack that finds most members of the references."""
        attacks, best = self._choice
        return attacks[best]

    @cached_property
    def found(self) -> Found:
        """What the chosen attack finds of the audited model."""
        return self._found(self.chosen)

    @cached_property
    def source(self) -> str:
        """What was done, in words."""
        return (
            f"{self.chosen.name}: the attack, of {len(self._choice[0])}, that finds most members of"
            f" the reference models; {self.rows}"
        )

    @property
    def _short(self) -> str:
        return f"{self.chosen.name}, on the rows of the table of attacks"

    def _found(self, attack: Attack) -> Found:
        scores = attack.score(self.answers)
        return Found(scores[: self.places.size], scores[self.places.size :])

    def evidence(self) -> Iterator[Measurement | Table]:
        """All of it, where members and others do not differ anyway.

        Records only where the attack surely finds members.
        """
        yield self.shift.measured(", how sure references without a row are of it")
        if self.shift.found:
            for metric in WHOLE:
                yield metric.measure(None, n=0, reason=DIFFERENT, source=self.rows)
            return
        yield from self._whole()
        risks = dict(self._risks())
        for (column, name), risk in risks.items():
            yield from self._of_group(risk, {column: name})
        yield self._attacks()
        yield self._curve()
        yield self._groups(risks)
        yield self._records()

    def _whole(self) -> Iterator[Measurement]:
        found, level = self.found, self.level
        share, bound = membership.tpr_at_zero(found.members, found.others, level)
        zero = (
            f"{self.source}; the threshold accuses none of these {found.others.size:,} rows, and "
            f"surely fewer than {bound:.2g} of all others"
        )
        finest = f"{self.source}; {found.others.size:,} other rows show rates from "
        finest += f"{1 / found.others.size:.2g} on"
        for metric, estimate, source in (
            (AUC, found.auc(level), self.source),
            (TPR_1, found.tpr(0.01, level), finest),
            (TPR_01, found.tpr(0.001, level), finest),
            (TPR_0, share, zero),
        ):
            yield measured(metric, estimate, found.n, source)

    def _risks(self) -> Iterator[tuple[tuple[str, str], GroupRisk]]:
        sizes = {
            (column, name): (int(members.sum()), int(others.sum()))
            for column, names in self.slices.items()
            for name, (members, others) in names.items()
        }
        few = {key: self._few(size) for key, size in sizes.items()}
        joint = shared_level(self.level, max(1, sum(reason is None for reason in few.values())))
        for column, name in sizes:
            members, others = self.slices[column][name]
            found, rest = self.found.of(members, others), self.found.of(~members, ~others)
            risk = GroupRisk(found, rest, self.level, joint, few[column, name])
            yield (column, name), risk

    def _few(self, size: tuple[int, int]) -> str | None:
        rest = (self.found.members.size - size[0], self.found.others.size - size[1])
        if min(size) < self.min_group:
            return f"fewer than min_group = {self.min_group} training rows or assessed rows"
        if min(rest) < self.min_group:
            return f"fewer than min_group = {self.min_group} rows of everyone else"
        return None

    def _of_group(self, risk: GroupRisk, where: Mapping[str, str]) -> Iterator[Measurement]:
        gap = f"{self.source}; minus everyone else, all groups together at {self.level:.0%}"
        for metric, estimate, source in (
            (AUC, risk.auc, f"{self.source}; each group at its own level"),
            (AUC_GAP, risk.auc_gap, gap),
        ):
            yield measured(metric, estimate, risk.found.n, source, where)

    def _attacks(self) -> Table:
        attacks, best = self._choice
        lines: list[tuple[Cell, ...]] = []
        for place, attack in enumerate(attacks):
            found = self._found(attack)
            told = (
                found.auc(self.level),
                found.tpr(0.01, self.level),
                found.tpr(0.001, self.level),
                membership.tpr_at_zero(found.members, found.others, self.level)[0],
            )
            cells = [cell for estimate in told for cell in cells_of(estimate)]
            lines.append((attack.name, *cells, "chosen" if place == best else ""))
        names = ("auc", "tpr_at_1pct_fpr", "tpr_at_01pct_fpr", "tpr_at_0_fpr")
        columns = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
        return Table(
            name="attacks",
            title="What each attack finds",
            columns=("attack", *columns, "standing"),
            rows=tuple(lines),
            source=f"{self.rows}; chosen, and settings of each: by what finds most members of the "
            "references, each attacked by the others, so that nothing of the audited model plays a "
            f"part in the choice; intervals at {self.level:.0%} for one attack alone",
            chart="membership-attacks",
        )

    def _curve(self) -> Table:
        found = self.found
        return Table(
            name="attack-roc",
            title=f"What the attack finds: {self.chosen.name}",
            columns=("false_positive_rate", "true_positive_rate", "low", "high"),
            rows=tuple(membership.attack_curve(found.members, found.others, self.level, POINTS)),
            source=f"{self._short}; {self.level:.0%} bounds of each point; {membership.METHOD}",
            chart="log-log-roc",
        )

    def _groups(self, risks: Mapping[tuple[str, str], GroupRisk]) -> Table:
        lines: list[tuple[Cell, ...]] = []
        for (column, name), risk in risks.items():
            area, share, gap, found = risk.auc_gap, risk.tpr, risk.tpr_gap, risk.found
            sure = any(
                one.interval is not None and not one.interval.low <= 0 <= one.interval.high
                for one in (area, gap)
            )
            numbers = (risk.auc.value, *cells_of(area), *cells_of(share), *cells_of(gap))
            lines.append((column, name, found.n, *numbers, sure))
        gaps = (
            *("difference", "low", "high"),
            *("tpr_at_1pct_fpr", "tpr_at_1pct_fpr_low", "tpr_at_1pct_fpr_high"),
            *("tpr_difference", "tpr_difference_low", "tpr_difference_high"),
        )
        return Table(
            name="group-exposure",
            title="Who is easier to find among the training rows",
            columns=("attribute", "group", "n", "auc", *gaps, "established"),
            rows=tuple(lines),
            source=f"{self._short}; difference: area under the ROC curve of the group minus that of"
            " everyone else; then the same of members found at 1 % false accusations, each group by"
            f" its own threshold; differences of each kind hold together for all groups at "
            f"{self.level:.0%} (Bonferroni)",
            chart="forest",
        )

    def _records(self) -> Table:
        reason = "no record stands out: the attack does not surely find members"
        sure = self.found.established(self.level)
        found = self.found.most_exposed(self.exposed) if sure else []
        return Table(
            name="exposed",
            title="The most exposed training rows",
            columns=("rank", "training_row", "others_as_high"),
            rows=tuple(
                (rank, int(self.places[place]) + 1, others)
                for rank, (place, others) in enumerate(found, 1)
            ),
            source=self._short if sure else f"{reason}; {self._short}",
            chart="exposed-records",
        )
