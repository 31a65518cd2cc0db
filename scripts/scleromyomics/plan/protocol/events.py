"""What may happen to a participant between visits."""

from scleromyomics.plan.block import Block


class EventTypes(Block):
    """Closed lists of event subtypes."""

    systemic: list[str]
    """Subtypes of `complication` that are systemic."""
    infectious: list[str]
    """Subtypes of `complication` that are infectious, by site."""
    reclassification: list[str]
    """What a control may convert to."""
    visit_within_days: int
    """An EVENT visit belongs to events within this many days before it."""
