"""What a question within participants compares, and the model of the changes.

As with groups (`plan.contrasts`), the same `Changes` are judged before any compute and computed afterwards: a
row per complete pair (after minus before), and a row without change per bridge that links two of its batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import CONTRAST, Samples
from scleromyomics.plan.pairs import CHANGE, Pair, Pairing, Pairs, difference_design, linking
from scleromyomics.plan.protocol.questions import BetweenTissues, Interaction, Occasion, Question, Within
from scleromyomics.plan.study import Study
from scleromyomics.stats.design import Design, Vector, indicator

WithinQuestion: TypeAlias = Within | Interaction | BetweenTissues | Occasion


@dataclass(frozen=True)
class Changes:
    """What a question within participants compares.

    Attributes:
        sides: the pairs of the case, then of the reference where its change is subtracted.
        bridges: all material of the tissue that was measured in two batches.
    """

    sides: tuple[Pairs, ...]
    bridges: tuple[Pair, ...]

    @cached_property
    def complete(self) -> list[Pair]:
        """Before and after of every complete pair: the case's, then the reference's."""
        return [pair for side in self.sides for pair in side.complete.values()]

    @cached_property
    def rows(self) -> list[Pair]:
        """Before and after of every row of the design."""
        return [*self.complete, *linking(self.complete, self.bridges)]

    @cached_property
    def design(self) -> Design:
        """The model of the differences."""
        counts = [len(side.complete) for side in self.sides]
        case = [number == 0 for number, count in enumerate(counts) for _ in range(count)]
        term = indicator(CONTRAST, case) if len(self.sides) > 1 else None
        return difference_design(self.complete, self.bridges, term)

    @cached_property
    def contrast(self) -> Vector:
        """The mean change, or the difference of the groups' changes."""
        return self.design.contrast({CONTRAST if len(self.sides) > 1 else CHANGE: 1.0})


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
    overlap = question.include_overlap
    match question:
        case Within(group=group, earlier=earlier, later=later):
            sides = [pairing.change(cell, group, earlier, later, include_overlap=overlap)]
        case Interaction(case=case, reference=reference, earlier=earlier, later=later):
            sides = [
                pairing.change(cell, group, earlier, later, include_overlap=overlap)
                for group in (case, reference)
            ]
        case BetweenTissues(reference=None):
            sides = [pairing.tissues(cell, question)]
        case Occasion():
            sides = [pairing.occasion(cell, question)]
        case _:
            raise ValueError(f"{cell.question}: a {question.kind} question is not one within participants")
    tissues = {cell.tissue, cell.reference_tissue or cell.tissue}
    bridges = [pair for tissue in sorted(tissues) for pair in pairing.samples.bridges(cell.assay, tissue)]
    return Changes(tuple(sides), tuple(bridges))
