"""Clinical measures that visits.tsv may carry."""

from typing import Literal

from scleromyomics.plan.block import Block


class Measure(Block):
    """One column of visits.tsv."""

    label: str
    """What the report calls it."""
    type: Literal["number", "integer", "boolean", "category"]
    """How its cells are read."""
    unit: str = ""
    """Unit of the numbers."""
    minimum: float | None = None
    """Smallest possible value."""
    maximum: float | None = None
    """Largest possible value."""
    levels: list[str] = []
    """Allowed values of a category, in their order if they have one."""
