"""What a phase cost, as a record that can be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auditkit.meter.energy import Energy


@dataclass(frozen=True, slots=True)
class Cost:
    """What one phase cost. "Exclusive" leaves out the phases nested in it.

    Attributes:
        name: Name of the phase.
        seconds: Wall time; unit: s.
        cpu_seconds: CPU time of this process (all threads) and of the children that ended; unit: s.
        children_cpu_seconds: The children's part of it; unit: s.
        exclusive_seconds: Wall time without nested phases; unit: s.
        exclusive_cpu_seconds: CPU time without nested phases; unit: s.
        peak_memory_bytes: Highest resident memory of this process, without children, or None
            where the system does not say.
        peak_memory_scope: "phase", or "process" where the system only keeps one mark since the
            process started.
        minor_faults: Memory pages mapped in, children included, or None where nobody counts.
        threads: Threads of this process at the end, or None where the system does not say.
        contended: Whether others took so much of the machine that times cannot be compared.
        energy: Energy of the phase.
        exclusive_energy: Energy without nested phases.
        parent: Name of the phase around it, or None.
        started: When it began; Unix time, unit: s; None in older records, as are the next two.
        steal: Share of the machine's time that a host took away, in 0..1, or None where the
            system does not say.
        load: Runnable processes a core over the last minute, at the end, or None where nobody
            counts.
        flops: Floating-point operations that `Phase.count` was told of, or None: not counted.
        not_counted: What is missing in `flops`.
    """

    name: str
    seconds: float
    cpu_seconds: float
    children_cpu_seconds: float
    exclusive_seconds: float
    exclusive_cpu_seconds: float
    peak_memory_bytes: int | None
    peak_memory_scope: Literal["phase", "process"]
    minor_faults: int | None
    threads: int | None
    contended: bool | None
    energy: Energy
    exclusive_energy: Energy
    parent: str | None
    started: float | None = None
    steal: float | None = None
    load: float | None = None
    flops: int | None = None
    not_counted: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values.

        Returns:
            Field name to value; the energies as dicts of their fields.

        Example:
            >>> from auditkit import meter
            >>> with meter.phase("sum") as measured:
            ...     _ = sum(range(1000))
            >>> measured.cost.to_dict()["name"]
            'sum'
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cost:
        """Read what `to_dict` wrote, now or before the last fields were there.

        Args:
            values: Field name to value.

        Returns:
            The cost.

        Raises:
            KeyError: If a field without a default is missing.

        Example:
            >>> from auditkit import meter
            >>> with meter.phase("sum") as measured:
            ...     _ = sum(range(1000))
            >>> Cost.from_dict(measured.cost.to_dict()) == measured.cost
            True
        """
        fields = {
            field.name: values[field.name]
            for field in dataclasses.fields(cls)
            if field.name in values or field.default is dataclasses.MISSING
        }
        for name in ("energy", "exclusive_energy"):
            fields[name] = Energy.from_dict(fields[name])
        fields["not_counted"] = tuple(fields.get("not_counted", ()))
        return cls(**fields)


def costs_of(held: object) -> dict[str, Cost]:
    """Read the costs that a record holds, whatever made the record.

    Args:
        held: One cost, or a mapping of phase names to costs, each a `Cost` or its `to_dict`.

    Returns:
        Phase name to cost; empty where `held` is nothing of the kind.

    Example:
        >>> from auditkit import meter
        >>> with meter.phase("train") as measured:
        ...     _ = sum(range(1000))
        >>> list(costs_of(measured.cost.to_dict())), costs_of(None)
        (['train'], {})
    """
    if isinstance(held, Cost):
        return {held.name: held}
    if not isinstance(held, Mapping):
        return {}
    phases = {str(held["name"]): held} if "cpu_seconds" in held else held
    try:
        return {
            str(name): cost if isinstance(cost, Cost) else Cost.from_dict(cost)
            for name, cost in phases.items()
        }
    except (KeyError, TypeError):
        return {}


def outermost(costs: Mapping[str, Cost]) -> list[Cost]:
    """Leave out the phases that lie inside another of them, so that the rest can be added.

    Args:
        costs: Phase name to cost.

    Returns:
        The costs whose parent is not among them.

    Example:
        >>> from auditkit import meter
        >>> with meter.phase("train") as train, meter.phase("epoch") as epoch:
        ...     _ = sum(range(1000))
        >>> [cost.name for cost in outermost({"train": train.cost, "epoch": epoch.cost})]
        ['train']
    """
    return [cost for cost in costs.values() if cost.parent not in costs]
