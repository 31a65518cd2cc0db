"""The study as data: populations, visits, measures, eligibility, events, questions (`protocol.yaml`)."""

from scleromyomics.plan.block import Block
from scleromyomics.plan.protocol.eligibility import Criterion
from scleromyomics.plan.protocol.events import EventTypes
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.protocol.populations import Population, StudyAssay
from scleromyomics.plan.protocol.questions import Question
from scleromyomics.plan.protocol.visits import Window
from scleromyomics.plan.vocabulary import Assay, ScheduledTimepoint

__all__ = ["Protocol"]


class Protocol(Block):
    """What the study takes from whom, when, and what it asks."""

    title: str
    """Name of the study, as the report shows it."""
    populations: dict[int, Population]
    """The four populations, by their number in participants.tsv."""
    assays: dict[Assay, StudyAssay]
    """What each assay is made on."""
    visits: dict[ScheduledTimepoint, Window]
    """Scheduled visits and the days within which they count as such."""
    measures: dict[str, Measure]
    """Clinical measures: columns of visits.tsv."""
    eligibility: list[Criterion]
    """Criteria for the analysis set: rules over columns of participants.tsv."""
    events: EventTypes
    """Kinds of events and their subtypes."""
    questions: list[Question]
    """The question library."""
