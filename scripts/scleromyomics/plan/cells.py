"""The grid of questions: each question of the library in each assay and tissue, whether or not data came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.questions import BetweenTissues, Question, groups_of
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Assay, Tissue


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One question in one assay and tissue: it gets one verdict and one table."""

    question: str
    assay: Assay
    tissue: Tissue  # of the cases
    reference_tissue: Tissue | Literal[""]  # where it is another one


def cells(study: Study) -> tuple[Cell, ...]:
    """Every cell of the study's question library, sorted.

    A question is asked in the tissues that it names, else in all that the protocol takes from any of its groups
    at any visit, as far as the assay measures them. What cannot be answered there is a verdict, not a gap.
    """
    protocol = study.protocol
    return tuple(
        sorted(
            Cell(question.id, assay, tissue, reference)
            for question in protocol.questions
            for assay, made_on in protocol.assays.items()
            if question.assays is None or assay in question.assays
            for tissue, reference in _tissues(question, protocol)
            if tissue in made_on.tissues and (reference or tissue) in made_on.tissues
        )
    )


def questions(study: Study) -> Mapping[str, Question]:
    """The question library by id."""
    return {question.id: question for question in study.protocol.questions}


def _tissues(question: Question, protocol: Protocol) -> set[tuple[Tissue, Tissue | Literal[""]]]:
    if isinstance(question, BetweenTissues):
        case, reference = question.tissue_pair
        return {(case, "" if reference == case else reference)}
    if question.tissues is not None:
        return {(tissue, "") for tissue in question.tissues}
    groups = groups_of(question)
    return {(t, "") for one in protocol.populations.values() if one.group in groups for t in one.tissues}
