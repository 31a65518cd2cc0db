"""Whether each question can be answered from the samples there are: RUN, CAUTION or SKIP, and why.

A verdict looks at participants per group, complete pairs, whether the design determines *this* contrast, its
residual degrees of freedom, what cannot be adjusted for, and how far batch, platform or wave tell the compared
sides apart: exactly is SKIP, nearly is CAUTION with the variance inflation. It is made before any compute, and
again with the samples that quality holds back. Bridges (one material measured in two batches) separate time from
batch. How each kind of question is judged is in `plan.judging`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from scleromyomics.plan.cells import Cell, cells
from scleromyomics.plan.contrasts import Samples
from scleromyomics.plan.judging.associations import judge_association
from scleromyomics.plan.judging.changes import judge_changes
from scleromyomics.plan.judging.facts import Facts
from scleromyomics.plan.judging.finding import Finding
from scleromyomics.plan.judging.groups import judge_groups
from scleromyomics.plan.placement import PROCESSED
from scleromyomics.plan.protocol.questions import (
    Association,
    Between,
    BetweenTissues,
    Interaction,
    Occasion,
    Within,
)
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Verdict

NO_METHOD = "no method for them in this version"


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """The verdict on one cell of the question grid, and the counts behind it.

    Attributes:
        cell: question, assay and tissues.
        kind: kind of the question.
        title: the question as a person asks it.
        verdict: RUN, CAUTION or SKIP.
        reason: one line.
        n_case: participants who count on the case's side (of complete pairs, where pairs are compared).
        n_reference: the same of the reference group; 0 without one.
        n_participants: all participants who count.
        n_pairs: complete pairs.
        remedy: what would turn a SKIP into RUN; empty where nothing would, or nothing has to.
    """

    cell: Cell
    kind: str
    title: str
    verdict: Verdict
    reason: str
    n_case: int = 0
    n_reference: int = 0
    n_participants: int = 0
    n_pairs: int = 0
    remedy: str = ""


def planned_verdicts(study: Study, held: Mapping[str, str] | None = None) -> tuple[CellVerdict, ...]:
    """What the samples allow, for every cell, sorted as the cells are.

    Args:
        study: the study; its release's samples count.
        held: reasons of samples that are held back, besides those that the sheets hold back.
    """
    facts = Facts(Samples(study, held))
    return tuple(judge(facts, cell) for cell in cells(study))


def final_verdicts(
    planned: Iterable[CellVerdict], study: Study, held: Mapping[str, str]
) -> tuple[CellVerdict, ...]:
    """The verdicts judged again without the samples that quality holds back.

    What the sheets do not allow stays a SKIP, for quality only takes samples away; so does what this version does
    not process.

    Args:
        planned: the verdicts of the sheets alone.
        study: the study; its release's samples count.
        held: reasons of samples that quality holds back.
    """
    facts = Facts(Samples(study, held))
    return tuple(_final(facts, one) for one in planned)


def judge(facts: Facts, cell: Cell) -> CellVerdict:
    """The verdict on one cell."""
    question = facts.samples.questions[cell.question]
    finding = _find(facts, cell)
    return CellVerdict(
        cell=cell,
        kind=question.kind,
        title=question.title,
        verdict=finding.verdict,
        reason=finding.reason,
        n_case=finding.n_case,
        n_reference=finding.n_reference,
        n_participants=finding.n_case + finding.n_reference,
        n_pairs=finding.n_pairs,
        remedy=finding.remedy if finding.skip else "",
    )


def _find(facts: Facts, cell: Cell) -> Finding:
    match facts.samples.questions[cell.question]:
        case Association() if cell.assay == "variants":
            return Finding(head="genotypes and a clinical measure", skip=NO_METHOD)
        case BetweenTissues(control_tissues=(_, _)) if cell.assay == "variants":
            return Finding(head="genotypes of each group beyond its control's", skip=NO_METHOD)
        case Association() as question:
            return judge_association(facts, cell, question)
        case Within() | Interaction() | Occasion() | BetweenTissues(reference=None) as question:
            return judge_changes(facts, cell, question)
        case Between() | BetweenTissues() as question:
            return judge_groups(facts, cell, question)


def _final(facts: Facts, planned: CellVerdict) -> CellVerdict:
    if planned.verdict == "SKIP":
        return planned
    if planned.cell.assay in PROCESSED:
        return judge(facts, planned.cell)
    reason = f"planned {planned.verdict}; no engine for {planned.cell.assay} in this version"
    return replace(planned, verdict="SKIP", reason=reason)
