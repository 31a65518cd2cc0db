"""Who counts and what is adjusted for."""

from typing import Literal

from scleromyomics.plan.block import Block


class Analysis(Block):
    """The analysis set and the covariates of the questions."""

    keep_ineligible: bool = False
    """Keep participants who do not meet a criterion in models and questions."""
    unknown_eligibility: Literal["keep", "exclude"] = "keep"
    """What to do with participants for whom a criterion is unknown (a blank cell)."""
    covariates: list[Literal["age", "sex"]] = ["age", "sex"]
    """What questions between participants adjust for, besides the batch; dropped from the end when too few
    participants are left, with a CAUTION that names them."""
