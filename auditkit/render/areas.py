"""The sections by area of questions, as the summary and the contents show them."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.page import STATES, Page, Pillar
from auditkit.render.spending import AREAS, area_of


@dataclass(frozen=True, slots=True)
class Area:
    """Sections that ask about the same thing.

    Attributes:
        key: Its name in the catalogue.
        pillars: Its sections, in the order of the page; at least one.
    """

    key: str
    pillars: tuple[Pillar, ...]

    @property
    def lead(self) -> Pillar:
        """The section with the worst finding; where nothing is judged, the first measured one."""
        judged = [p for p in self.pillars if p.judged or p.state == "error"]
        measured = [p for p in self.pillars if p.state == "not_judged"]
        return min(judged or measured or self.pillars, key=lambda p: STATES.index(p.state))

    @property
    def others(self) -> tuple[Pillar, ...]:
        """The sections beside the one with the worst finding."""
        return tuple(pillar for pillar in self.pillars if pillar is not self.lead)


def areas(page: Page) -> list[Area]:
    """The areas that the record has sections of, in the order of the page."""
    held: dict[str, list[Pillar]] = {area: [] for area in AREAS}
    for pillar in page.pillars:
        held[area_of(pillar.name)].append(pillar)
    return [Area(key, tuple(pillars)) for key, pillars in held.items() if pillars]
