"""Who counts and what is adjusted for."""

from typing import Literal

from pydantic import PositiveFloat, field_validator

from scleromyomics.plan.block import Block


class Analysis(Block):
    """The analysis set and the covariates of the questions."""

    keep_ineligible: bool = False
    """Keep participants who do not meet a criterion in models and questions."""
    unknown_eligibility: Literal["keep", "exclude"] = "keep"
    """What to do with participants for whom a criterion is unknown (a blank cell)."""
    advanced_after_years: PositiveFloat = 5
    """Years since onset from which the disease counts as advanced, as it does at Y5 whatever its onset."""
    advanced_with: list[str] = ["pah", "renal_crisis"]
    """Measures (yes or no) that stand for organ damage: from the visit at which one is true, disease is advanced."""
    covariates: list[Literal["age", "sex"]] = ["sex", "age"]
    """What questions between participants adjust for, besides the batch; dropped from the end when too few
    participants are left, with a CAUTION that names them, or a SKIP for those of verdicts.skip_without, which go
    last."""

    germline_covariates: list[Literal["age", "sex"]] = ["sex"]
    """The same for genotypes. Nobody's germline depends on age, which would only cost power (between 7 and 6 people p
    0.066 with it, 0.004 without); copies of the X chromosome depend on sex."""

    @field_validator("covariates", "germline_covariates")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return list(dict.fromkeys(names))
