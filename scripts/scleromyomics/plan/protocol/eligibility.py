"""Criteria for inclusion: each is a rule over one column of participants.tsv."""

from typing import Literal

from scleromyomics.plan.block import Block


class Criterion(Block):
    """A participant meets it, does not, or it is unknown because the column is blank."""

    id: str
    """The criterion's name in eligibility.tsv."""
    label: str
    """The criterion in the words of the trial."""
    populations: list[int]
    """Populations to which it applies."""
    field: str
    """The column of participants.tsv; `age`, or a column of its own of the type given."""
    type: Literal["boolean", "number"] = "boolean"
    """How the column's cells are read."""
    equals: bool | None = None
    """Met when the value is this (booleans)."""
    minimum: float | None = None
    """Met when the value is at least this."""
    maximum: float | None = None
    """Met when the value is at most this."""
