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
    transform: Literal["none", "log2", "logit"] = "none"
    """The scale on which associations are linear. log2: for skewed positive measures, per doubling; a zero counts as
    half of the smallest positive value in the sheet. logit: for scores between minimum and maximum, so that slopes do
    not depend on the ends; log((x - minimum + h) / (maximum - x + h)), h half a unit of an integer, and a fortieth of
    the range of a number."""
    levels: list[str] = []
    """Allowed values of a category, in their order if they have one."""
    ordered: bool = False
    """Whether the levels of a category have an order; its association is a proportional-odds model."""
