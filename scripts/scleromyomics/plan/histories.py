"""What happened to each participant over time: visits, events and treatments in order."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

from scleromyomics.plan.cohort import Cohort, Event, Treatment, Visit

DAYS_PER_YEAR = 365.25


class _OfOne(Protocol):
    @property
    def participant(self) -> str: ...


Row = TypeVar("Row", bound=_OfOne)


class Histories:
    """The rows of a cohort's sheets by participant, oldest first."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort

    def visits(self, participant: str) -> Sequence[Visit]:
        """All visits."""
        return self._visits.get(participant, [])

    def events(self, participant: str) -> Sequence[Event]:
        """All events."""
        return self._events.get(participant, [])

    def treatments(self, participant: str) -> Sequence[Treatment]:
        """All treatments, by their start."""
        return self._treatments.get(participant, [])

    def at(self, participant: str, timepoint: str) -> Visit | None:
        """The visit at a scheduled timepoint; None if there is none."""
        return next((one for one in self.visits(participant) if one.timepoint == timepoint), None)

    def inclusion(self, participant: str) -> int:
        """The day of the inclusion visit; 0 if there is none."""
        visit = self.at(participant, "D1")
        return visit.day if visit else 0

    def advanced(self, visit: Visit, *, after_years: float, damage: Iterable[str]) -> bool:
        """Whether the disease is advanced at a visit.

        Args:
            visit: a visit of the cohort.
            after_years: duration of the disease from which it counts as advanced.
            damage: measures that stand for organ damage; one that was true at this visit or before is enough.
        """
        onset = self.cohort.participants[visit.participant].onset_day
        long = onset is not None and visit.day - onset >= after_years * DAYS_PER_YEAR
        so_far = [one for one in self.visits(visit.participant) if one.day <= visit.day]
        damaged = any(one.measures.get(name) is True for one in so_far for name in damage)
        return visit.timepoint == "Y5" or long or damaged

    @cached_property
    def _visits(self) -> dict[str, list[Visit]]:
        return _grouped(sorted(self.cohort.visits.values(), key=lambda one: (one.day, one.visit)))

    @cached_property
    def _events(self) -> dict[str, list[Event]]:
        return _grouped(sorted(self.cohort.events, key=lambda one: one.day))

    @cached_property
    def _treatments(self) -> dict[str, list[Treatment]]:
        return _grouped(sorted(self.cohort.treatments, key=lambda one: (one.start_day, one.drug)))


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.participant].append(row)
    return found
