"""When scheduled visits take place."""

from scleromyomics.plan.block import Block


class Window(Block):
    """A scheduled visit, in days from inclusion."""

    day: int
    """The scheduled day."""
    earliest: int
    """First day that still counts as this visit."""
    latest: int
    """Last day that still counts as this visit."""
