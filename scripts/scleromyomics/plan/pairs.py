"""Which participants have both profiles of a question within participants, and why others do not.

A pair is (before, after): earlier and later visit, before and after an event, or reference tissue and tissue of
interest. Changes of pairs are modelled on differences of batch indicators; a bridge (one material measured in
two batches) is a difference without change, and so tells the batches apart.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.cohort import Sample
from scleromyomics.plan.completeness import endings
from scleromyomics.plan.contrasts import BATCH, Member, Samples, Unit, batches
from scleromyomics.plan.protocol.questions import BetweenTissues, Question
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
        single: the one profile of those who have no other: before or after, and None.
        remarks: what else to know about a complete pair.
    """

    complete: Mapping[str, Pair]
    incomplete: Mapping[str, str]
    sides: tuple[str, str]
    single: Mapping[str, tuple[Unit | None, Unit | None]] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


class Pairing:
    """Finds the pairs of a study's cells."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.ending = endings(samples.cohort)

    def change(
        self,
        cell: Cell,
        group: Group,
        earlier: ScheduledTimepoint,
        later: ScheduledTimepoint,
        question: Question,
    ) -> Pairs:
        """Two timepoints of one group."""
        sides = earlier, later
        found = [self.samples.at(cell.assay, cell.tissue, timepoint) for timepoint in sides]
        names = self.counted(found[0].keys() | found[1].keys(), group, question, earlier)
        return self._match(names, found, sides, self._no_visit)

    def tissues(self, cell: Cell, question: BetweenTissues) -> Pairs:
        """Two tissues of the same participants at one timepoint."""
        sides = (cell.reference_tissue or cell.tissue, cell.tissue)
        found = [self.samples.at(cell.assay, tissue, question.timepoint) for tissue in sides]
        names = self.counted(found[0].keys() | found[1].keys(), question.case, question, question.timepoint)
        return self._match(names, found, sides, lambda _, tissue: f"no {tissue}")

    def counted(
        self, names: Iterable[str], group: Group, question: Question, timepoint: ScheduledTimepoint = "D1"
    ) -> list[str]:
        """Those of a group who count, sorted; where the question asks for a stage, it is that at `timepoint`."""
        visit = self.samples.histories.at
        return [
            name
            for name in sorted(names)
            if self.samples.group[name] == group
            and not self.samples.barred(name, question, visit(name, timepoint))
        ]

    def _match(
        self,
        names: Iterable[str],
        found: Sequence[Mapping[str, Sequence[Sample]]],
        sides: tuple[str, str],
        absence: Callable[[str, str], str],
    ) -> Pairs:
        """Match two sets of samples by participant."""
        complete: dict[str, Pair] = {}
        incomplete: dict[str, str] = {}
        single: dict[str, tuple[Unit | None, Unit | None]] = {}
        for name in names:
            first, second = (self.samples.unit(side.get(name, [])) for side in found)
            if first and second:
                complete[name] = first, second
                continue
            absent = 1 if first else 0
            held = bool(found[absent].get(name))
            incomplete[name] = f"{sides[absent]} held back" if held else absence(name, sides[absent])
            if first or second:
                single[name] = first, second
        return Pairs(complete, incomplete, sides, single)

    def _no_visit(self, name: str, timepoint: str) -> str:
        """Why a participant has no sample of a scheduled visit."""
        if any(visit.timepoint == timepoint for visit in self.samples.histories.visits(name)):
            return f"no sample at {timepoint}"
        ending = self.ending.get(name)
        windows = {str(one): window for one, window in self.samples.study.protocol.visits.items()}
        if ending and ending.day <= windows[timepoint].latest:
            return f"{ending.kind} before {timepoint}"
        return f"no {timepoint} visit"


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
