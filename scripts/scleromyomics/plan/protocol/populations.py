"""Who is in the study, and what is sampled from them."""

from scleromyomics.plan.block import Block
from scleromyomics.plan.vocabulary import Group, ScheduledTimepoint, Tissue


class Population(Block):
    """One of the four populations."""

    label: str
    """What the report calls it."""
    group: Group
    """The word that questions, matrices and results use for it."""
    control_of: int | None = None
    """The population that this one is the control of."""
    subtypes: list[str] = []
    """Allowed values of `disease_subtype`; empty: none is recorded."""
    tissues: dict[Tissue, list[ScheduledTimepoint]]
    """What the protocol takes, and at which scheduled visits (an EVENT visit may take any of them that is
    taken after D1 as well)."""


class StudyAssay(Block):
    """What an assay is made on and how its raw files may come."""

    label: str
    """What the report calls it."""
    tissues: list[Tissue]
    """Tissues that the study measures with this assay."""
    formats: list[str]
    """Allowed values of `format` in samples.tsv."""
