"""The kinds of questions that the library may ask. Each expands over assays and tissues into cells."""

from typing import Annotated, Literal

from pydantic import Field

from scleromyomics.plan.block import Block
from scleromyomics.plan.vocabulary import Assay, Group, ScheduledTimepoint, Tissue, TreatmentClass


class _Common(Block):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    """Snake_case name: the folder of its results."""
    title: str
    """The question as a person asks it."""
    assays: list[Assay] | None = None
    """Assays that it is asked of; absent: all."""
    tissues: list[Tissue] | None = None
    """Tissues that it is asked in; absent: all that the protocol takes from the groups concerned."""
    include_overlap: bool = False
    """Whether participants with scleromyositis count in their group."""


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
    """Profile at an event or after a treatment's start, minus the profile before it, within participants."""

    kind: Literal["event"]
    group: Group
    complication: Literal["systemic", "infectious"] | None = None
    """The complication that anchors time; or"""
    treatment: list[TreatmentClass] | None = None
    """the classes of treatment whose start anchors time."""
    within_days: int = 30
    """The visit counts if it is at most this many days after the complication."""


class BetweenTissues(_Common):
    """Two tissues: within participants of one group, or of the case against another tissue of a reference."""

    kind: Literal["tissue"]
    case: Group
    reference: Group | None = None
    """Absent: the same participants."""
    tissue_pair: tuple[Tissue, Tissue] = Field(strict=False)
    """The case's tissue (it names the path) and the reference's."""
    timepoint: ScheduledTimepoint


class Association(_Common):
    """Slope of the profile on a clinical measure at a timepoint, or of change on change."""

    kind: Literal["association"]
    group: Group
    measure: str
    timepoint: ScheduledTimepoint
    change_from: ScheduledTimepoint | None = None
    """Present: change since this timepoint against the measure's change."""


Question = Annotated[
    Between | Within | Interaction | Occasion | BetweenTissues | Association, Field(discriminator="kind")
]
