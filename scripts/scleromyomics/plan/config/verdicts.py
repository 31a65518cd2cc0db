"""When a question is answered, answered with caution, or not."""

from typing import Annotated, Literal

from pydantic import Field

from scleromyomics.plan.block import Block

Count = Annotated[int, Field(ge=1)]


class VerdictThresholds(Block):
    """Thresholds of the verdicts, each with its reason."""

    skip_below_participants: Count = 3
    """Fewest participants per group: with two, one outlier is half of the group and its spread is unknown."""
    caution_below_participants: Count = 8
    """Below this many per group only effects beyond about 1.5 SD are detectable at a 5 % false discovery rate."""
    skip_below_pairs: Count = 3
    """Fewest complete pairs for a change within participants."""
    caution_below_pairs: Count = 8
    """Below this many complete pairs only large changes are detectable."""
    caution_below_mixed_participants: Count = 20
    """Fewest participants per group for the mixed model, which answers where some have one profile only: with 5 to 16
    its tests reject 5.5 to 5.8 % where 5 % are meant (as lmerTest's do), and up to 6.6 % where half have one profile;
    with 20 5.3 %. Complete pairs alone keep 5 %."""
    skip_below_residual_df: Count = 3
    """Fewest residual degrees of freedom: below, the variance is hardly estimated even when moderated."""
    skip_without: list[Literal["age", "sex"]] = ["sex"]
    """Those of the covariates without which participants are not compared, where they vary and cannot be adjusted
    for (too few participants, or aliased): chance differences in sex show in every sex-linked gene, and made 6 to
    22 % false discoveries where 5 % are meant. Other covariates are dropped before them, with a CAUTION."""
    caution_above_inflation: Annotated[float, Field(gt=1)] = 5.0
    """Variance inflation of the contrast by batch and covariates: beyond 5 (a canonical correlation of 0.9 between
    the groups and the batches) the answer leans on the model more than on the data."""
    caution_below_freeze_samples: Count = 20
    """Fewest samples per tissue in the freeze: probe effects fitted on fewer are noisy."""
