"""The kinds of questions that the library may ask. Each expands over assays and tissues into cells."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from scleromyomics.plan.block import Block
from scleromyomics.plan.vocabulary import Assay, Group, ScheduledTimepoint, Tissue, TreatmentClass


class _Common(Block):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    """Snake_case name: the folder of its results."""
    title: str
    """The question as a person asks it."""
    assays: Annotated[list[Assay], Field(min_length=1)] | None = None
    """Assays that it is asked of; absent: all."""
    tissues: Annotated[list[Tissue], Field(min_length=1)] | None = None
    """Tissues that it is asked in; absent: all that the protocol takes from the groups concerned."""
    include_overlap: bool = False
    """Whether participants with scleromyositis count in their group."""
    subtype: str | None = None
    """Only participants of the case (or the group) with this disease subtype."""
    stage: Literal["early", "advanced"] | None = None
    """Only participants of the case (or the group) who are at this stage of disease at the visit (of two visits, at
    the first), as `analysis` in the configuration defines it."""
    sensitivity_of: str | None = None
    """The question whose answer this one checks under other assumptions: it is no discovery of its own, and is left
    out of the families over which the false discovery rate is controlled."""


class Between(_Common):
    """Groups at one timepoint: case minus reference."""

    kind: Literal["between"]
    case: Group
    reference: Group
    timepoint: ScheduledTimepoint


class Within(_Common):
    """One group from one timepoint to another, paired by participant: later minus earlier."""

    kind: Literal["within"]
    group: Group
    earlier: ScheduledTimepoint
    later: ScheduledTimepoint


class Interaction(_Common):
    """Difference of changes: (case later - case earlier) - (reference later - reference earlier)."""

    kind: Literal["interaction"]
    case: Group
    reference: Group
    earlier: ScheduledTimepoint
    later: ScheduledTimepoint


class Occasion(_Common):
    """Profile at an event or after a treatment's start, minus the profile before it, within participants.

    The change of participants of the group without the event over a matched interval is subtracted where there are
    enough of them.
    """

    kind: Literal["event"]
    group: Group
    complication: Literal["systemic", "infectious"] | None = None
    """The complication that anchors time; or"""
    treatment: Annotated[list[TreatmentClass], Field(min_length=1)] | None = None
    """the classes of treatment whose first start anchors time."""
    baseline: Literal["inclusion", "last"] = "inclusion"
    """What a complication is compared with: the profile at inclusion, or the last one before it. A start of
    treatment is always compared with the last profile before it."""
    within_days: PositiveInt = 30
    """The visit counts if it is at most this many days after the complication."""
    before_days: PositiveInt = 365
    """The profile before a treatment counts if it is at most this many days older than the start."""
    after_days: PositiveInt = 365
    """The profile after the start of a treatment counts if it is at most this many days younger."""
    match_days: PositiveInt = 90
    """Participants without the event count over an interval that begins and ends within this many days of one of
    those with it."""


class BetweenTissues(_Common):
    """Two tissues: within participants of one group, or of the case against another tissue of a reference."""

    kind: Literal["tissue"]
    case: Group
    reference: Group | None = None
    """Absent: the same participants."""
    tissue_pair: tuple[Tissue, Tissue] = Field(strict=False)
    """The case's tissue (it names the path) and the reference's."""
    timepoint: ScheduledTimepoint
    control_tissues: tuple[Tissue, Tissue] | None = Field(default=None, strict=False)
    """Present: each of the two groups against its own control, whose tissue this is; what is compared are the two
    differences. For groups that share no tissue."""


class Association(_Common):
    """Slope of the profile on a clinical measure at a timepoint, or of change on change, or over repeated visits.

    The odds of a higher level, where the measure is an ordered category.
    """

    kind: Literal["association"]
    group: Group
    measure: str
    timepoint: ScheduledTimepoint | None = None
    """The visit; or"""
    visits: list[ScheduledTimepoint] | None = None
    """the visits taken together: slopes between participants and within participants."""
    change_from: ScheduledTimepoint | None = None
    """Present: change since this timepoint against the measure's change, adjusted for its baseline."""


Question = Annotated[
    Between | Within | Interaction | Occasion | BetweenTissues | Association, Field(discriminator="kind")
]


def groups_of(question: Question) -> tuple[Group, ...]:
    """The groups that a question concerns: the case first, then the reference if there is one."""
    if isinstance(question, Between | Interaction):
        return question.case, question.reference
    if isinstance(question, BetweenTissues):
        return (question.case, question.reference) if question.reference else (question.case,)
    return (question.group,)
