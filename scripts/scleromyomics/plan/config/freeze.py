"""On which waves the frozen models are fitted."""

from typing import Annotated

from pydantic import Field

from scleromyomics.plan.block import Block
from scleromyomics.plan.vocabulary import Tissue


class Freeze(Block):
    """Models fitted once, on the samples of the waves named; a change of them is a new id."""

    id: Annotated[str, Field(pattern=r"^F\d+$")]
    """F1, F2, ...: the folder of the models and of the samples processed against them."""
    waves: list[Annotated[str, Field(pattern=r"^W\d+$")]]
    """Waves whose eligible, quality-passed samples the models are fitted on."""
    platforms: list[str] | None = None
    """Platforms that this freeze is for; absent: all."""
    tissues: list[Tissue] | None = None
    """Tissues that this freeze is for; absent: all."""
