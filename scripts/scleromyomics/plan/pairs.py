"""Which participants have both profiles of a question within participants, and why others do not.

A pair is (before, after): earlier and later visit, before and after an event, or reference tissue and tissue of
interest. Changes of pairs are modelled on differences of batch indicators; a bridge (one material measured in
two batches) is a difference without change, and so tells the batches apart.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.cohort import Event, Sample, Treatment, Visit
from scleromyomics.plan.completeness import endings
from scleromyomics.plan.contrasts import BATCH, Member, Samples, Unit, batches
from scleromyomics.plan.protocol.questions import BetweenTissues, Occasion
from scleromyomics.plan.vocabulary import Group, ScheduledTimepoint
from scleromyomics.stats.design import Design, combine

CHANGE = "change"  # the column of a difference design that holds the mean change
Pair = tuple[Unit, Unit]
Labels = Callable[[Sequence[Unit | Member]], list[str]]


@dataclass(frozen=True)
class Pairs:
    """Complete pairs by participant, and why others are incomplete.

    Attributes:
        complete: both profiles, before and after.
        incomplete: what is absent, in words that can be counted.
        sides: what before and after are.
    """

    complete: Mapping[str, Pair]
    incomplete: Mapping[str, str]
    sides: tuple[str, str]


class Pairing:
    """Finds the pairs of a study's cells."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.cohort = samples.cohort
        self.ending = endings(self.cohort)

    def change(
        self,
        cell: Cell,
        group: Group,
        earlier: ScheduledTimepoint,
        later: ScheduledTimepoint,
        *,
        include_overlap: bool,
    ) -> Pairs:
        """Two timepoints of one group."""
        before = self.samples.at(cell.assay, cell.tissue, earlier)
        after = self.samples.at(cell.assay, cell.tissue, later)
        complete: dict[str, Pair] = {}
        incomplete: dict[str, str] = {}
        for name in self._counted(before.keys() | after.keys(), group, include_overlap=include_overlap):
            first = self.samples.unit(before.get(name, []))
            second = self.samples.unit(after.get(name, []))
            if first and second:
                complete[name] = first, second
            elif not first:
                incomplete[name] = self._absence(name, earlier, before.get(name, []))
            else:
                incomplete[name] = self._absence(name, later, after.get(name, []))
        return Pairs(complete, incomplete, (earlier, later))

    def tissues(self, cell: Cell, question: BetweenTissues) -> Pairs:
        """Two tissues of the same participants at one timepoint."""
        sides = (cell.reference_tissue or cell.tissue, cell.tissue)
        before, after = (self.samples.at(cell.assay, tissue, question.timepoint) for tissue in sides)
        complete: dict[str, Pair] = {}
        incomplete: dict[str, str] = {}
        everyone = before.keys() | after.keys()
        for name in self._counted(everyone, question.case, include_overlap=question.include_overlap):
            first = self.samples.unit(before.get(name, []))
            second = self.samples.unit(after.get(name, []))
            if first and second:
                complete[name] = first, second
            else:
                absent, found = (sides[1], after) if first else (sides[0], before)
                incomplete[name] = f"{absent} held back" if found.get(name) else f"no {absent}"
        return Pairs(complete, incomplete, sides)

    def occasion(self, cell: Cell, question: Occasion) -> Pairs:
        """Before and at a complication, or before and after the start of a treatment."""
        find = self._at_complication if question.complication else self._around_treatment
        complete: dict[str, Pair] = {}
        incomplete: dict[str, str] = {}
        taken = self.samples.taken(cell.assay, cell.tissue)
        everyone = self._counted(
            self.cohort.participants.keys(), question.group, include_overlap=question.include_overlap
        )
        for name in everyone:
            found = find(name, question, taken.get(name, []))
            if isinstance(found, str):
                if found:
                    incomplete[name] = found
            else:
                complete[name] = found
        sides = ("D1", "complication") if question.complication else ("before treatment", "after it")
        return Pairs(complete, incomplete, sides)

    def _counted(self, names: Iterable[str], group: Group, *, include_overlap: bool) -> list[str]:
        """Those of a group who count, sorted."""
        return [
            name
            for name in sorted(names)
            if self.samples.group[name] == group
            and not self.samples.barred(name, include_overlap=include_overlap)
        ]

    def _absence(self, name: str, timepoint: ScheduledTimepoint, samples: Sequence[Sample]) -> str:
        if samples:
            return f"{timepoint} held back"
        if any(visit.timepoint == timepoint for visit in self._visits.get(name, [])):
            return f"no sample at {timepoint}"
        ending = self.ending.get(name)
        if ending and ending.day <= self.samples.study.protocol.visits[timepoint].latest:
            return f"{ending.kind} before {timepoint}"
        return f"no {timepoint} visit"

    def _at_complication(self, name: str, question: Occasion, samples: Sequence[Sample]) -> Pair | str:
        events = self.samples.study.protocol.events
        subtypes = events.systemic if question.complication == "systemic" else events.infectious
        inclusion = self._inclusion(name)
        matching = [
            event
            for event in self._events.get(name, [])
            if event.kind == "complication" and event.subtype in subtypes
        ]
        after_inclusion = [event for event in matching if event.day > inclusion]
        if not after_inclusion:
            return "complication before inclusion" if matching else ""
        first = self.samples.unit(one for one in samples if self._visit(one).timepoint == "D1")
        if not first:
            return "no D1 sample"
        for event in after_inclusion:
            window = range(event.day, event.day + question.within_days + 1)
            second = self._first_unit([one for one in samples if self._visit(one).day in window])
            if second:
                return first, second
        return f"no sample within {question.within_days} days"

    def _around_treatment(self, name: str, question: Occasion, samples: Sequence[Sample]) -> Pair | str:
        classes = question.treatment or []
        starts = [one.start_day for one in self._treatments.get(name, []) if one.treatment_class in classes]
        if not starts:
            return ""
        start = min(starts)
        if start < self._inclusion(name):
            return "treated before inclusion"
        first = self._first_unit([one for one in samples if self._visit(one).day <= start], latest=True)
        second = self._first_unit([one for one in samples if self._visit(one).day > start])
        if first and second:
            return first, second
        return "no sample after the start" if first else "no sample before the start"

    def _first_unit(self, samples: Sequence[Sample], *, latest: bool = False) -> Unit | None:
        """The merged samples of the first visit (or the latest) that has any."""
        by_visit: dict[tuple[int, str], list[Sample]] = {}
        for one in samples:
            by_visit.setdefault((self._visit(one).day, one.visit), []).append(one)
        units = (self.samples.unit(by_visit[key]) for key in sorted(by_visit, reverse=latest))
        return next((unit for unit in units if unit), None)

    def _visit(self, sample: Sample) -> Visit:
        return self.cohort.visit_of(sample)

    def _inclusion(self, name: str) -> int:
        return min((one.day for one in self._visits.get(name, []) if one.timepoint == "D1"), default=0)

    @cached_property
    def _visits(self) -> Mapping[str, list[Visit]]:
        found: dict[str, list[Visit]] = {}
        for visit in self.cohort.visits.values():
            found.setdefault(visit.participant, []).append(visit)
        return found

    @cached_property
    def _events(self) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in sorted(self.cohort.events, key=lambda one: one.day):
            found.setdefault(event.participant, []).append(event)
        return found

    @cached_property
    def _treatments(self) -> Mapping[str, list[Treatment]]:
        found: dict[str, list[Treatment]] = {}
        for treatment in self.cohort.treatments:
            found.setdefault(treatment.participant, []).append(treatment)
        return found


def difference_design(
    pairs: Sequence[Pair], bridges: Sequence[Pair], term: Design | None = None, *, labels: Labels = batches
) -> Design:
    """The model of changes: mean change, `term`, differences of batch indicators.

    Args:
        pairs: before and after, one row each.
        bridges: two measurements of one material, one row each; they have no change and no term.
        term: columns for the pairs, for example the group.
        labels: what counts as the batch of each unit.
    """
    useful = linking(pairs, bridges)
    rows = [*pairs, *useful]
    given = labels([unit for row in rows for unit in row])
    before, after = np.array(given[::2], dtype=object), np.array(given[1::2], dtype=object)
    levels = sorted(set(given))[1:]
    shifts = [(after == level).astype(float) - (before == level).astype(float) for level in levels]
    change = np.concatenate([np.ones(len(pairs)), np.zeros(len(useful))])
    parts = [Design(change[:, None], (CHANGE,))]
    if term is not None:
        padding = np.zeros((len(useful), len(term.names)))
        parts.append(Design(np.vstack([term.matrix, padding]), term.names))
    names = tuple(f"{BATCH}[{level}]" for level in levels)
    parts.append(Design(np.column_stack(shifts) if shifts else np.empty((len(rows), 0)), names))
    return combine(*parts)


def linking(pairs: Sequence[Pair], bridges: Sequence[Pair]) -> list[Pair]:
    """The bridges that link two different batches of these pairs."""
    present = {(unit.platform, unit.batch) for pair in pairs for unit in pair}
    return [
        (first, second)
        for first, second in bridges
        if (first.platform, first.batch) != (second.platform, second.batch)
        and {(first.platform, first.batch), (second.platform, second.batch)} <= present
    ]
