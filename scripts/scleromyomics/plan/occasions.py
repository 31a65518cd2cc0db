"""The pairs of questions about events: profiles before and at a complication, or around a treatment's start.

Time is anchored at the event, and nothing after the second profile decides about anyone. Natural evolution and
regression to the mean look like an effect of the event; so participants of the same group without the event, over
an interval that matches that of someone with it, are the reference whose change is subtracted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.cohort import Sample, Treatment, Visit
from scleromyomics.plan.contrasts import Samples, Unit
from scleromyomics.plan.pairs import Pair, Pairing, Pairs
from scleromyomics.plan.protocol.questions import Occasion

Profiles = Sequence[tuple[Visit, Unit]]
"""What a participant has of a tissue: visits, oldest first, with the merged samples of each."""
Interval = tuple[int, int]
"""Days of the first and of the second profile."""


@dataclass(frozen=True, slots=True)
class _Found:
    pair: Pair
    interval: Interval
    remark: str = ""


class Occasions:
    """Finds the pairs of one cell around an event, with the event and without it."""

    def __init__(self, pairing: Pairing, cell: Cell, question: Occasion) -> None:
        self.samples: Samples = pairing.samples
        self.question = question
        taken = self.samples.taken(cell.assay, cell.tissue)
        everyone = pairing.counted(self.samples.cohort.participants, question.group, question)
        self.profiles: Mapping[str, Profiles] = {
            name: self._profiles(taken.get(name, [])) for name in everyone
        }
        events = self.samples.study.protocol.events
        self.subtypes = events.systemic if question.complication == "systemic" else events.infectious
        self.with_event, self.incomplete = self._with_event()

    @property
    def cases(self) -> Pairs:
        """Participants with the event who have both profiles, and why others with it have not."""
        if self.question.complication:
            first = "D1" if self.question.baseline == "inclusion" else "last profile before it"
            sides = first, "complication"
        else:
            sides = "before treatment", "after it"
        pairs = {name: one.pair for name, one in self.with_event.items()}
        remarks = {name: one.remark for name, one in self.with_event.items() if one.remark}
        return Pairs(pairs, self.incomplete, sides, remarks=remarks)

    @property
    def others(self) -> Pairs:
        """Participants without the event over a matched interval."""
        intervals = sorted({one.interval for one in self.with_event.values()})
        found = {
            name: self._matched(name, profiles, intervals)
            for name, profiles in self.profiles.items()
            if name not in self.with_event
        }
        matched = {name: one for name, one in found.items() if one}
        pairs = {name: one.pair for name, one in matched.items()}
        remarks = {name: one.remark for name, one in matched.items() if one.remark}
        return Pairs(pairs, {}, ("then", "later"), remarks=remarks)

    # --- participants with the event

    def _with_event(self) -> tuple[dict[str, _Found], dict[str, str]]:
        find = self._at_complication if self.question.complication else self._around_treatment
        complete: dict[str, _Found] = {}
        incomplete: dict[str, str] = {}
        for name, profiles in self.profiles.items():
            found = find(name, profiles)
            if isinstance(found, _Found):
                complete[name] = found
            elif found:
                incomplete[name] = found
        return complete, incomplete

    def _at_complication(self, name: str, profiles: Profiles) -> _Found | str:
        days = self._complications(name)
        after_inclusion = [day for day in days if day > self.samples.histories.inclusion(name)]
        if not after_inclusion:
            return "complication before inclusion" if days else ""
        within = self.question.within_days
        gap = f"no sample within {within} days"
        for day in after_inclusion:
            before = [one for one in profiles if one[0].day < day and self._initial(one[0])]
            at = [one for one in profiles if day <= one[0].day <= day + within]
            if at and before:
                return _found(before[-1], at[0])
            if at:
                gap = "no D1 sample" if self.question.baseline == "inclusion" else "no sample before it"
        return gap

    def _initial(self, visit: Visit) -> bool:
        return self.question.baseline == "last" or visit.timepoint == "D1"

    def _around_treatment(self, name: str, profiles: Profiles) -> _Found | str:
        starts = self._starts(name)
        if not starts:
            return ""
        start = starts[0].start_day
        if start < self.samples.histories.inclusion(name):
            return "treated before inclusion"
        limits = self.question.before_days, self.question.after_days
        before = [one for one in profiles if start - limits[0] <= one[0].day <= start]
        after = [one for one in profiles if start < one[0].day <= start + limits[1]]
        if before and after:
            interval = before[-1][0].day, after[0][0].day
            others = self._started(name, interval, besides=starts[0])
            return _found(before[-1], after[0], remark=f"{others} started too" if others else "")
        side, limit = ("after", limits[1]) if before else ("before", limits[0])
        return f"no sample within {limit} days {side} the start"

    def _started(self, name: str, interval: Interval, *, besides: Treatment | None = None) -> str:
        """Treatments that start between the profiles, besides the one that the question is about.

        What starts on the day of the first profile starts after it, as that one may.
        """
        drugs = {
            one.drug
            for one in self.samples.histories.treatments(name)
            if one is not besides and interval[0] <= one.start_day <= interval[1]
        }
        return ", ".join(sorted(drugs))

    # --- participants without it

    def _matched(self, name: str, profiles: Profiles, intervals: Sequence[Interval]) -> _Found | None:
        """The two profiles nearest to one of the intervals, if they are near enough and no event lies before."""
        free = [one for one in profiles if not self._affected(name, one[0])]
        initial = self.question.complication and self.question.baseline == "inclusion"
        candidates = [
            (max(offsets), sum(offsets), first[0].day, second[0].day, _found(first, second))
            for place, first in enumerate(free)
            if not initial or first[0].timepoint == "D1"
            for second in free[place + 1 :]
            for interval in intervals
            if max(offsets := _offsets((first[0].day, second[0].day), interval)) <= self.question.match_days
        ]
        if not candidates:
            return None
        nearest = min(candidates, key=lambda one: one[:4])[-1]
        started = "" if self.question.complication else self._started(name, nearest.interval)
        return replace(nearest, remark=f"{started} started") if started else nearest

    def _affected(self, name: str, visit: Visit) -> bool:
        """Whether the event came before a visit, or the visit follows some other complication."""
        complications = [one.day for one in self.samples.histories.events(name) if one.kind == "complication"]
        recent = any(day <= visit.day <= day + self.question.within_days for day in complications)
        before = (
            self._complications(name)
            if self.question.complication
            else [one.start_day for one in self._starts(name)]
        )
        return recent or any(day < visit.day for day in before)

    # --- the sheets

    def _complications(self, name: str) -> list[int]:
        """Days of the complications that the question is about."""
        return [
            one.day
            for one in self.samples.histories.events(name)
            if one.kind == "complication" and one.subtype in self.subtypes
        ]

    def _starts(self, name: str) -> list[Treatment]:
        """Treatments of the classes that the question is about."""
        classes = self.question.treatment or []
        return [one for one in self.samples.histories.treatments(name) if one.treatment_class in classes]

    def _profiles(self, samples: Sequence[Sample]) -> Profiles:
        by_visit: dict[tuple[int, str], list[Sample]] = {}
        for one in samples:
            by_visit.setdefault((self.samples.cohort.visit_of(one).day, one.visit), []).append(one)
        units = [(by_visit[key][0], self.samples.unit(by_visit[key])) for key in sorted(by_visit)]
        return [(self.samples.cohort.visit_of(first), unit) for first, unit in units if unit]


def _found(first: tuple[Visit, Unit], second: tuple[Visit, Unit], *, remark: str = "") -> _Found:
    return _Found((first[1], second[1]), (first[0].day, second[0].day), remark)


def _offsets(one: Interval, other: Interval) -> tuple[int, int]:
    return abs(one[0] - other[0]), abs(one[1] - other[1])
