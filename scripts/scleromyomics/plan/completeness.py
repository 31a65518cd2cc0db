"""What the protocol expects of each participant, and what arrived: visit by tissue by assay.

Expected are the scheduled visits that took place and those whose window has opened by the participant's last
known day, until death, withdrawal or loss. A visit whose window lies beyond the last known day is not due yet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scleromyomics.plan.cohort import Cohort, Event, Participant, Visit
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Assay, EventKind, Group, ScheduledTimepoint, Timepoint, Tissue

Status = Literal["received", "missing", "unexpected", "lost"]
ENDS: tuple[EventKind, ...] = ("death", "withdrawal", "lost")
"""Events after which nothing more is expected."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """One tissue in one assay at one visit of one participant: a row of completeness.tsv."""

    participant: str
    population: int
    group: Group
    visit: str  # "" for a visit that did not take place
    timepoint: Timepoint
    tissue: Tissue
    assay: Assay
    expected: bool
    received: int  # samples
    status: Status
    reason: str


Slot = tuple[Tissue, Assay]


def completeness(study: Study) -> tuple[Completeness, ...]:
    """Everything that is expected, or received up to the study's release, by participant and day."""
    return tuple(_Follower(study).rows())


def last_days(cohort: Cohort) -> dict[str, int]:
    """The last day on which anything is known of each participant."""
    last = dict.fromkeys(cohort.participants, 0)
    days = [(visit.participant, visit.day) for visit in cohort.visits.values()]
    days += [(event.participant, event.day) for event in cohort.events]
    for treatment in cohort.treatments:
        days.append((treatment.participant, max(treatment.start_day, treatment.stop_day or 0)))
    for name, day in days:
        last[name] = max(last[name], day)
    return last


def endings(cohort: Cohort) -> dict[str, Event]:
    """The event that ended each participant's follow-up, for those who left."""
    found: dict[str, Event] = {}
    for event in cohort.events:
        if event.kind in ENDS and (
            event.participant not in found or event.day < found[event.participant].day
        ):
            found[event.participant] = event
    return found


class _Follower:
    """Indexes of one study, built once, and the rows made from them."""

    def __init__(self, study: Study) -> None:
        self.protocol = study.protocol
        self.cohort = study.released
        self.last = last_days(self.cohort)
        self.ending = endings(self.cohort)
        self.assays = {sample.assay for sample in self.cohort.samples.values()}
        self.received: dict[tuple[str, str], Counter[Slot]] = defaultdict(Counter)
        for sample in self.cohort.samples.values():
            self.received[sample.participant, sample.visit][sample.tissue, sample.assay] += 1
        self.visits: dict[str, list[Visit]] = defaultdict(list)
        for visit in sorted(self.cohort.visits.values(), key=lambda one: (one.day, one.visit)):
            self.visits[visit.participant].append(visit)

    def rows(self) -> Iterator[Completeness]:
        for name, who in sorted(self.cohort.participants.items()):
            for visit in self.visits[name]:
                yield from self._held(who, visit)
            held = {visit.timepoint for visit in self.visits[name]}
            for timepoint in self.protocol.visits:
                if timepoint not in held:
                    yield from self._not_held(who, timepoint)

    def _held(self, who: Participant, visit: Visit) -> Iterator[Completeness]:
        """Rows of a visit that took place."""
        received = self.received[who.participant, visit.visit]
        due = self._due(who, visit.timepoint)
        ending = self.ending.get(who.participant)
        over = ending is not None and visit.day > ending.day
        for slot in sorted({*due, *received}):
            expected = slot in due and not over
            if received[slot]:
                reason = self._why_unexpected(who, visit, slot, ending if over else None)
                status: Status = "unexpected" if reason else "received"
            elif over and ending is not None:
                status, reason = "lost", _ended(ending)
            else:
                status, reason = "missing", self._no_sample(slot)
            yield self._row(
                who,
                visit.visit,
                visit.timepoint,
                slot,
                expected=expected,
                received=received[slot],
                status=status,
                reason=reason,
            )

    def _not_held(self, who: Participant, timepoint: ScheduledTimepoint) -> Iterator[Completeness]:
        """Rows of a scheduled visit that did not take place."""
        window = self.protocol.visits[timepoint]
        ending = self.ending.get(who.participant)
        if ending is not None and ending.day <= window.latest:
            status: Status = "lost"
            reason = _ended(ending)
        elif window.earliest <= self.last[who.participant]:
            status, reason = "missing", f"no {timepoint} visit"
        else:
            return
        for slot in sorted(self._due(who, timepoint)):
            yield self._row(
                who,
                "",
                timepoint,
                slot,
                expected=status == "missing",
                received=0,
                status=status,
                reason=reason,
            )

    def _due(self, who: Participant, timepoint: Timepoint) -> set[Slot]:
        """What the protocol takes from a participant at a scheduled visit."""
        taken = self.protocol.populations[who.population].tissues
        return {
            (tissue, assay)
            for tissue, timepoints in taken.items()
            if timepoint in timepoints
            for assay, made_on in self.protocol.assays.items()
            if tissue in made_on.tissues
        }

    def _why_unexpected(self, who: Participant, visit: Visit, slot: Slot, ending: Event | None) -> str:
        """Why a sample was not expected; empty where it was, or where an EVENT visit may take it."""
        tissue, assay = slot
        if ending is not None:
            return f"after {_ended(ending)}"
        if assay not in self.protocol.assays or tissue not in self.protocol.assays[assay].tissues:
            return f"the protocol makes no {assay} on {tissue}"
        times = self.protocol.populations[who.population].tissues.get(tissue)
        if times is None:
            return f"the protocol takes no {tissue} from population {who.population}"
        at_event = visit.timepoint == "EVENT" and any(timepoint != "D1" for timepoint in times)
        if visit.timepoint in times or at_event:
            return ""
        return f"the protocol takes {tissue} at {', '.join(times)}, not at {visit.timepoint}"

    def _no_sample(self, slot: Slot) -> str:
        _, assay = slot
        return "no sample" if assay in self.assays else f"the study has no {assay} samples yet"

    def _row(
        self,
        who: Participant,
        visit: str,
        timepoint: Timepoint,
        slot: Slot,
        *,
        expected: bool,
        received: int,
        status: Status,
        reason: str,
    ) -> Completeness:
        group = self.protocol.populations[who.population].group
        tissue, assay = slot
        return Completeness(
            participant=who.participant,
            population=who.population,
            group=group,
            visit=visit,
            timepoint=timepoint,
            tissue=tissue,
            assay=assay,
            expected=expected,
            received=received,
            status=status,
            reason=reason,
        )


def _ended(event: Event) -> str:
    what = {"death": "death", "withdrawal": "withdrawal", "lost": "lost to follow-up"}[event.kind]
    return f"{what} on day {event.day}"
