"""What a question within participants compares, and the model of the changes.

As with groups (`plan.contrasts`), the same `Changes` are judged before any compute and computed afterwards: a
row per complete pair (after minus before), and a row without change per bridge that links two of its batches;
or, with those who have one profile only, a row per profile (`Repeated`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import BATCH, CONTRAST, Samples, Unit, batches
from scleromyomics.plan.occasions import Occasions
from scleromyomics.plan.pairs import CHANGE, Pair, Pairing, Pairs, difference_design, linking
from scleromyomics.plan.protocol.questions import BetweenTissues, Interaction, Occasion, Question, Within
from scleromyomics.plan.study import Study
from scleromyomics.stats.design import Design, Vector, combine, estimable, factor, indicator, intercept

WithinQuestion: TypeAlias = Within | Interaction | BetweenTissues | Occasion


@dataclass(frozen=True)
class Repeated:
    """All profiles behind changes, a row each: what a mixed model with a random participant intercept is fitted to.

    Attributes:
        units: the profiles.
        participants: whose intercept each shares; the two measurements of a bridge share one of their own.
        design: intercept, later, groups and their difference of changes, bridges, batches.
        contrast: as that of the changes.
    """

    units: tuple[Unit, ...]
    participants: tuple[str, ...]
    design: Design
    contrast: Vector


@dataclass(frozen=True)
class Changes:
    """What a question within participants compares.

    Attributes:
        sides: the pairs of the case, then of the reference where its change is subtracted.
        bridges: all material of the tissue that was measured in two batches.
        others: participants without the event over a matched interval, where a question asks for them.
    """

    sides: tuple[Pairs, ...]
    bridges: tuple[Pair, ...]
    others: int = 0

    @cached_property
    def complete(self) -> list[Pair]:
        """Before and after of every complete pair: the case's, then the reference's."""
        return [pair for side in self.sides for pair in side.complete.values()]

    @cached_property
    def linked(self) -> list[Pair]:
        """The bridges that link two batches of the pairs."""
        return linking(self.complete, self.bridges)

    @cached_property
    def rows(self) -> list[Pair]:
        """Before and after of every row of the design."""
        return [*self.complete, *self.linked]

    @cached_property
    def design(self) -> Design:
        """The model of the differences."""
        counts = [len(side.complete) for side in self.sides]
        case = [number == 0 for number, count in enumerate(counts) for _ in range(count)]
        term = indicator(CONTRAST, case) if self._subtracted else None
        return difference_design(self.complete, self.bridges, term)

    @cached_property
    def contrast(self) -> Vector:
        """The mean change, or the difference of the groups' changes."""
        return self.design.contrast({CONTRAST if self._subtracted else CHANGE: 1.0})

    @property
    def single(self) -> bool:
        """Whether anyone has only one of the two profiles."""
        return any(side.single for side in self.sides)

    @cached_property
    def repeated(self) -> Repeated:
        """The profiles of all participants, those with one profile included."""
        found = [
            (unit, name, later, number == 0, False)
            for number, side in enumerate(self.sides)
            for name, pair in sorted({**side.complete, **side.single}.items())
            for later, unit in enumerate(pair)
            if unit
        ]
        found += [(unit, f"bridge {second.samples[0]}", 0, False, True)
                  for first, second in self.linked for unit in (first, second)]  # fmt: skip
        units, names, later, case, bridge = zip(*found, strict=True)
        after = np.array(later, dtype=bool)
        parts = [intercept(len(units)), indicator(CHANGE, after)]
        if self._subtracted:
            parts += [indicator("group", case), indicator(CONTRAST, after & np.array(case))]
        if self.linked:
            parts.append(indicator("bridge", bridge))
        design = combine(*parts, factor(BATCH, batches(units)))
        weights = {CONTRAST if self._subtracted else CHANGE: 1.0}
        return Repeated(units, names, design, design.contrast(weights))

    @property
    def _subtracted(self) -> bool:
        return len(self.sides) > 1


def is_within(question: Question) -> bool:
    """Whether a question compares participants with themselves."""
    across = isinstance(question, BetweenTissues) and question.reference is not None
    return isinstance(question, WithinQuestion) and not across


def select_changes(study: Study, cell: Cell, held: Mapping[str, str] | None = None) -> Changes:
    """What a cell within participants compares; arguments as those of `contrasts.select`."""
    return find_changes(Pairing(Samples(study, held)), cell)


def find_changes(pairing: Pairing, cell: Cell) -> Changes:
    """`select_changes` for many cells of one study.

    Raises:
        ValueError: if the cell's question is not one within participants.
    """
    question = pairing.samples.questions[cell.question]
    tissues = {cell.tissue, cell.reference_tissue or cell.tissue}
    bridges = tuple(
        pair for tissue in sorted(tissues) for pair in pairing.samples.bridges(cell.assay, tissue)
    )
    match question:
        case Within(group=group, earlier=earlier, later=later):
            return Changes((pairing.change(cell, group, earlier, later, question),), bridges)
        case Interaction(case=case, reference=reference, earlier=earlier, later=later):
            sides = [pairing.change(cell, group, earlier, later, question) for group in (case, reference)]
            return Changes(tuple(sides), bridges)
        case BetweenTissues(reference=None):
            return Changes((pairing.tissues(cell, question),), bridges)
        case Occasion():
            return _around_event(Occasions(pairing, cell, question), bridges)
    raise ValueError(f"{cell.question}: a {question.kind} question is not one within participants")


def _around_event(found: Occasions, bridges: tuple[Pair, ...]) -> Changes:
    """Those with the event against those without it where there are enough; else those with it alone."""
    cases, others = found.cases, found.others
    alone = Changes((cases,), bridges, others=len(others.complete))
    if len(others.complete) < found.samples.study.config.verdicts.skip_below_pairs or not cases.complete:
        return alone
    both = replace(alone, sides=(cases, others))
    usable = estimable(both.design, both.contrast) or not estimable(alone.design, alone.contrast)
    return both if usable else alone
